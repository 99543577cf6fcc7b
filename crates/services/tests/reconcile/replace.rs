use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::incident::ArtifactState;
use drift_services::reconcile::Next;
use drift_testkit::TestApp;
use drift_testkit::app::path;
use serde_json::json;

use crate::common::{Hand, agreeing, done, file, hotfix};

#[tokio::test]
async fn a_commit_is_waited_for_and_then_the_live_side() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    // The other fix lies on a branch.
    env.repo.create_branch("fix", "main").await.unwrap();
    let mut fixed = file(&env, &path(&ids[0])).await.unwrap();
    fixed["nodes"][2]["parameters"]["jsCode"] = json!("return items.slice(0, 1);");
    let bytes = serde_json::to_vec_pretty(&fixed).unwrap();
    let commit = env.repo.commit("fix", "Ana", "Mend it for good", &[(&path(&ids[0]), Some(&bytes))]).await.unwrap();
    hand.choose(change, DecisionKind::Replace, Some(commit.clone())).await.unwrap();
    let id = hand.plan().await;
    hand.begin(id).await.unwrap();
    assert!(matches!(hand.turn(id).await, Next::Again { .. }));
    assert!(hand.reconciliation(id).await.row.waits_for.unwrap().contains(&commit[..10]));

    env.repo.force_push("main", &commit).await.unwrap();
    done(&hand.to_its_end(id).await);
    assert_eq!(hand.change("Orders").await.row.state, ChangeState::Open, "n8n does not run it yet");
    env.n8n.edit(&ids[0], |workflow| workflow["nodes"] = fixed["nodes"].clone()).unwrap();
    env.n8n.publish(&ids[0]).unwrap();
    hand.close().await;
    let change = hand.change("Orders").await;
    assert_eq!(change.row.state, ChangeState::Decided);
    assert_eq!(change.artifacts[0].state, ArtifactState::Success);
}

#[tokio::test]
async fn what_is_no_commit_is_carried_out_by_hand() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.choose(change, DecisionKind::Replace, Some("the one that Ana builds".to_owned())).await.unwrap();
    let id = hand.plan().await;
    let problem = hand.reconciliation(id).await.items[0].problems.join(" ");
    assert!(problem.contains("is no commit"), "{problem}");
    assert!(hand.begin(id).await.is_err());
    assert!(hand.change("Orders").await.artifacts[0].by_hand);
}
