use drift_domain::change::{ChangeState, ChangeType, DecisionKind};
use drift_domain::incident::ArtifactState;
use drift_domain::reconciliation::{StepKind, StepState};
use drift_domain::views::{EnvironmentDraft, LineKind};
use drift_services::ServiceError;
use drift_services::reconcile::Next;
use drift_sim::github::Protection;
use drift_testkit::TestApp;
use drift_testkit::app::{path, workflow};
use serde_json::json;

use crate::common::{Hand, agreeing, code, done, failed, file, hotfix};

#[tokio::test]
async fn a_hotfix_goes_to_git_and_the_incident_closes() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let before = env.repo.read("main", &path(&ids[0])).await.unwrap().unwrap();
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;

    let id = hand.plan().await;
    let plan = hand.reconciliation(id).await;
    assert_eq!(plan.items[0].writes[0].what, format!("Change {}.", path(&ids[0])));
    let lines = &plan.items[0].writes[0].lines;
    let changed: Vec<_> =
        lines.iter().filter(|line| matches!(line.kind, LineKind::Added | LineKind::Removed)).collect();
    assert_eq!(changed.len(), 2, "one line out, one in: {changed:#?}");
    let git = plan.git.as_ref().unwrap();
    assert!(git.message.starts_with("Promote “Orders” from Production (INC-1)"), "{}", git.message);
    assert!(git.message.contains("It is right"), "{}", git.message);
    assert_eq!(env.repo.read("main", &path(&ids[0])).await.unwrap().unwrap(), before, "a plan writes nothing");

    hand.begin(id).await.unwrap();
    let page = hand.to_its_end(id).await;
    done(&page);
    assert_eq!(code(&file(&env, &path(&ids[0])).await.unwrap()), "return [];");
    let artifact = hand.change("Orders").await.artifacts.remove(0);
    assert_eq!((artifact.state, artifact.by_hand), (ArtifactState::Success, false));
    let external = artifact.external.unwrap();
    assert_eq!(external["commit"].as_str().unwrap().len(), 40);
    assert!(external["pull_request"].as_str().unwrap().contains("/pull/"));
    assert_eq!(hand.change("Orders").await.row.state, ChangeState::Open, "a check sees it first");

    hand.close().await;
    let change = hand.change("Orders").await;
    assert_eq!(change.row.state, ChangeState::Decided);
    assert_eq!(change.row.decision.unwrap().kind, DecisionKind::Promote);
    let tidied = page.steps.iter().find(|step| step.kind == StepKind::GitTidy).unwrap();
    assert_eq!(tidied.said.as_deref(), Some("The branch is removed."));
}

#[tokio::test]
async fn a_new_workflow_gets_a_file_and_a_removed_one_loses_it() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders", "Invoices"]).await;
    let new = env.n8n.create(&workflow("Late night fix"));
    env.n8n.delete(&ids[1]).unwrap();
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    for name in ["Late night fix", "Invoices"] {
        let change = hand.change(name).await.row.id;
        hand.decide(change, DecisionKind::Promote).await;
    }
    let page = hand.carry_out().await;
    done(&page);
    let blobs = page.steps.iter().filter(|step| step.kind == StepKind::GitBlob).count();
    let commits = page.steps.iter().filter(|step| step.kind == StepKind::GitCommit).count();
    assert_eq!((blobs, commits), (1, 1), "one commit for both");
    assert_eq!(file(&env, &path(&ids[1])).await, None);
    let added = file(&env, &path(&new)).await.expect("named as the others are, by its id");
    assert_eq!((added["name"].as_str(), added["id"].as_str()), (Some("Late night fix"), Some(new.as_str())));
    hand.close().await;
    assert_eq!(hand.change("Late night fix").await.row.change_type, ChangeType::Added);
}

#[tokio::test]
async fn a_new_workflow_goes_where_the_environments_template_says() {
    let app = TestApp::new().await;
    let (env, _) = agreeing(&app, &["Orders"]).await;
    let with = |template: &str| EnvironmentDraft { path_template: template.to_owned(), ..env.draft.clone() };
    let refused = app.services.update_environment(&env.permit(), env.id, with("../{slug}.json")).await;
    assert!(matches!(refused, Err(ServiceError::Invalid { field: "path_template", .. })), "{refused:?}");
    app.services.update_environment(&env.permit(), env.id, with("team/{slug}.json")).await.unwrap();
    let draft = app.services.environment_draft(&env.permit(), env.id).await.unwrap();
    assert_eq!(draft.path_template, "team/{slug}.json");
    let recorded: Option<String> = sqlx::query_scalar(
        "SELECT data ->> 'path_template' FROM events WHERE environment_id = $1 AND kind = 'environment.updated'",
    )
    .bind(env.id.0)
    .fetch_one(app.database.pool())
    .await
    .unwrap();
    assert_eq!(recorded.as_deref(), Some("team/{slug}.json"), "who changed it is on record");

    env.n8n.create(&workflow("Late night fix (EU)"));
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Late night fix (EU)").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;
    done(&hand.carry_out().await);
    let added = file(&env, "workflows/team/late-night-fix-eu.json").await.expect("below the folder, as it says");
    assert_eq!(added["name"], "Late night fix (EU)");
    hand.close().await;
}

#[tokio::test]
async fn a_secret_stops_a_promotion_and_is_named_by_its_place_alone() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    let secret = "sk-live-9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d";
    env.edit(&ids[0], "Look up customer", |node| {
        node["parameters"]["headerParameters"] =
            json!({ "parameters": [{ "name": "Authorization", "value": format!("Bearer {secret}") }] });
    });
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;
    let id = hand.plan().await;
    let page = hand.reconciliation(id).await;
    let problem = page.items[0].problems.join(" ");
    assert!(problem.contains("Look up customer") && problem.contains("secret"), "{problem}");
    assert!(!serde_json::to_string(&page).unwrap().contains(secret));
    assert!(hand.begin(id).await.is_err(), "a plan with a problem is not carried out");
    assert!(env.repo.read("main", &path(&ids[0])).await.unwrap().is_some());
}

#[tokio::test]
async fn what_moved_since_somebody_looked_stops_it_before_anything_is_written() {
    let app = TestApp::new().await;
    for in_git in [false, true] {
        let (env, ids) = agreeing(&app, &["Orders"]).await;
        hotfix(&env, &ids[0], "return [];");
        env.check().await;
        let hand = Hand::open(&app, &env).await;
        let change = hand.change("Orders").await.row.id;
        hand.decide(change, DecisionKind::Promote).await;
        let id = hand.plan().await;
        if in_git {
            let mut other = file(&env, &path(&ids[0])).await.unwrap();
            other["settings"]["timezone"] = json!("Europe/Berlin");
            env.commit(&path(&ids[0]), &other, "Meanwhile").await;
        } else {
            hotfix(&env, &ids[0], "return ['more'];");
        }
        let before = env.repo.read("main", &path(&ids[0])).await.unwrap();
        hand.begin(id).await.unwrap();
        let why = failed(&hand.to_its_end(id).await);
        assert!(why.starts_with("Changed since you looked"), "{why}");
        assert_eq!(env.repo.read("main", &path(&ids[0])).await.unwrap(), before);
        assert_eq!(env.repo.pulls().unwrap(), [], "nothing was proposed");
        assert_eq!(hand.change("Orders").await.artifacts[0].state, ArtifactState::Failed);
    }
}

#[tokio::test]
async fn another_file_that_moved_is_no_reason_to_stop() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders", "Invoices"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;
    let id = hand.plan().await;
    let mut other = file(&env, &path(&ids[1])).await.unwrap();
    other["settings"]["timezone"] = json!("Europe/Berlin");
    env.commit(&path(&ids[1]), &other, "Something else").await;
    hand.begin(id).await.unwrap();
    done(&hand.to_its_end(id).await);
    assert_eq!(code(&file(&env, &path(&ids[0])).await.unwrap()), "return [];");
    assert_eq!(
        file(&env, &path(&ids[1])).await.unwrap()["settings"]["timezone"],
        "Europe/Berlin",
        "nothing of it is lost"
    );
}

#[tokio::test]
async fn a_review_is_waited_for_and_then_it_merges() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    env.repo.protect("main", Some(Protection { approvals: Some(1), ..Protection::default() })).unwrap();
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;
    let id = hand.plan().await;
    hand.begin(id).await.unwrap();
    // GitHub takes the merge on, and looks at the rules later.
    let mut waits_for = Some(String::new());
    for _ in 0..8 {
        assert!(matches!(hand.turn(id).await, Next::Again { .. }));
        waits_for = hand.reconciliation(id).await.row.waits_for;
        if waits_for.as_deref().is_some_and(|what| what.contains("a review (0 of 1")) {
            break;
        }
    }
    assert!(waits_for.as_deref().unwrap().contains("a review (0 of 1"), "{waits_for:?}");
    assert_eq!(hand.change("Orders").await.artifacts[0].state, ArtifactState::Pending);
    assert_ne!(code(&file(&env, &path(&ids[0])).await.unwrap()), "return [];");

    let [(number, true)] = env.repo.pulls().unwrap()[..] else { panic!("one proposal that is open") };
    env.repo.approve(number, "reviewer").await.unwrap();
    let page = hand.to_its_end(id).await;
    done(&page);
    assert!(page.steps.iter().all(|step| step.state == StepState::Done));
    assert_eq!(code(&file(&env, &path(&ids[0])).await.unwrap()), "return [];");
}
