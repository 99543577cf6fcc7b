use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::incident::ArtifactState;
use drift_domain::reconciliation::{ReconciliationState, StepKind};
use drift_domain::views::ReconciliationPage;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;
use serde_json::json;

use crate::common::{Hand, agreeing, code, done, failed, hotfix};

#[tokio::test]
async fn gits_content_goes_over_the_live_one_and_what_is_not_declared_survives() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    env.n8n.trigger_keeps(&ids[0], "Order arrives", json!({ "lastId": 41 })).unwrap();
    env.n8n
        .edit(&ids[0], |workflow| workflow["pinData"] = json!({ "Order arrives": [{ "json": { "a": 1 } }] }))
        .unwrap();
    hotfix(&env, &ids[0], "return [];");
    env.n8n.set_tags(&ids[0], &["urgent"]).unwrap();
    env.check().await;
    let before = env.n8n.workflow(&ids[0]).unwrap();
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Revert).await;
    let page = hand.carry_out().await;
    done(&page);
    let kinds: Vec<_> = page.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::N8nWrite, StepKind::N8nTags, StepKind::N8nVerify]);
    let after = env.n8n.workflow(&ids[0]).unwrap();
    assert!(code(&after).starts_with("let total = 0;"));
    assert_eq!(after["tags"], json!([]));
    assert_eq!(after["active"], true);
    for kept in ["staticData", "pinData"] {
        assert_eq!(after[kept], before[kept], "{kept} belongs to the instance");
    }
    let credential = |workflow: &serde_json::Value| workflow["nodes"][1]["credentials"].clone();
    assert_eq!(credential(&after), credential(&before), "credentials are mapped, never lost");
    hand.close().await;
    assert_eq!(hand.change("Orders").await.row.decision.unwrap().kind, DecisionKind::Revert);
}

#[tokio::test]
async fn what_is_missing_is_created_and_what_is_extra_is_archived() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders", "Invoices"]).await;
    env.n8n.delete(&ids[0]).unwrap();
    let extra = env.n8n.create(&workflow("Late night fix"));
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    for name in ["Orders", "Late night fix"] {
        let change = hand.change(name).await.row.id;
        hand.decide(change, DecisionKind::Revert).await;
    }
    done(&hand.carry_out().await);
    assert_eq!(env.n8n.workflow(&extra).unwrap()["isArchived"], true, "never deleted");
    let orders: Vec<_> = env
        .n8n
        .ids()
        .into_iter()
        .map(|id| env.n8n.workflow(&id).unwrap())
        .filter(|workflow| workflow["name"] == "Orders")
        .collect();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0]["active"], true, "in service, as Git declares");
    hand.close().await;
    for name in ["Orders", "Late night fix"] {
        assert_eq!(hand.change(name).await.row.state, ChangeState::Decided, "{name}");
    }
}

#[tokio::test]
async fn an_archived_workflow_is_brought_back_and_not_created_twice() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    env.n8n.archive(&ids[0]).unwrap();
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Revert).await;
    done(&hand.carry_out().await);
    assert_eq!(env.n8n.ids(), ids);
    let back = env.n8n.workflow(&ids[0]).unwrap();
    assert_eq!((&back["isArchived"], &back["active"]), (&json!(false), &json!(true)));
    hand.close().await;
}

#[tokio::test]
async fn being_in_service_is_reverted_by_itself() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    env.n8n.deactivate(&ids[0]).unwrap();
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Revert).await;
    let page = hand.carry_out().await;
    done(&page);
    let kinds: Vec<_> = page.steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::N8nPublish, StepKind::N8nVerify], "nothing else is written");
    hand.close().await;
}

#[tokio::test]
async fn what_n8n_takes_and_does_not_keep_fails() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    // `save*` settings can be set through n8n's API and never unset.
    env.n8n.edit(&ids[0], |workflow| workflow["settings"]["saveManualExecutions"] = json!(true)).unwrap();
    env.n8n.publish(&ids[0]).unwrap();
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Revert).await;
    let why = failed(&hand.carry_out().await);
    assert!(why.contains("saveManualExecutions") || why.contains("does not hold it"), "{why}");
    let artifact = hand.change("Orders").await.artifacts.remove(0);
    assert_eq!(artifact.state, ArtifactState::Failed);
    env.check().await;
    assert_eq!(hand.change("Orders").await.row.state, ChangeState::Open, "it still differs, and says so");
}

#[tokio::test]
async fn a_hotfix_on_top_is_not_written_over() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Revert).await;
    let id = hand.plan().await;
    hotfix(&env, &ids[0], "return ['another'];");
    hand.begin(id).await.unwrap();
    let why = failed(&hand.to_its_end(id).await);
    assert!(why.starts_with("Changed since you looked"), "{why}");
    assert_eq!(code(&env.n8n.workflow(&ids[0]).unwrap()), "return ['another'];");
}

#[tokio::test]
async fn one_workflow_that_fails_does_not_hold_the_others() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders", "Invoices"]).await;
    hotfix(&env, &ids[0], "return [];");
    hotfix(&env, &ids[1], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    for name in ["Orders", "Invoices"] {
        let change = hand.change(name).await.row.id;
        hand.decide(change, DecisionKind::Revert).await;
    }
    let id = hand.plan().await;
    hotfix(&env, &ids[0], "return ['another'];");
    let result = |page: &ReconciliationPage, name: &str| {
        page.items.iter().find(|item| item.workflow == name).and_then(|item| item.result.clone())
    };
    assert_eq!(result(&hand.reconciliation(id).await, "Orders"), None, "nobody said to carry it out");
    hand.begin(id).await.unwrap();
    let pending = hand.reconciliation(id).await;
    assert_eq!(result(&pending, "Orders").map(|result| result.state), Some(ReconciliationState::Pending));
    assert!(pending.plan_refused.is_some(), "it is being carried out");
    let page = hand.to_its_end(id).await;
    failed(&page);
    let (orders, invoices) = (result(&page, "Orders").unwrap(), result(&page, "Invoices").unwrap());
    assert_eq!((orders.state, invoices.state), (ReconciliationState::Failed, ReconciliationState::Done));
    assert!(orders.error.unwrap().starts_with("Changed since you looked") && invoices.error.is_none());
    assert_eq!(page.plan_refused, None, "a new plan can be made of what is there now");
    let artifact = hand.change("Orders").await.artifacts.remove(0);
    assert_eq!((artifact.state, artifact.reconciliation), (ArtifactState::Failed, Some(id)));
    assert_eq!(hand.change("Invoices").await.artifacts[0].state, ArtifactState::Success);
    assert!(code(&env.n8n.workflow(&ids[1]).unwrap()).starts_with("let total = 0;"));
}
