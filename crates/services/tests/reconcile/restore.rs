use drift_domain::change::{ChangeState, DecisionKind, VanishedCause};
use drift_domain::failure::Side;
use drift_domain::reconciliation::Target;
use drift_testkit::TestApp;
use drift_testkit::app::path;

use crate::common::{Hand, agreeing, code, done, file, hotfix};

#[tokio::test]
async fn a_hotfix_that_vanished_is_put_back_and_promoted() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return ['the night'];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let original = file(&env, &path(&ids[0])).await.unwrap();
    env.edit(&ids[0], "Total", |node| node["parameters"] = original["nodes"][2]["parameters"].clone());
    env.check().await;
    let change = hand.change("Orders").await;
    assert_eq!(change.row.state, ChangeState::Vanished);
    assert_eq!(change.row.vanished.unwrap().cause, VanishedCause::LiveWentBack);

    let permit = env.incident_permit(hand.id).await;
    let id = app.services.plan_restore(&permit, change.row.id, Side::Live, Target::N8n).await.unwrap();
    hand.begin(id).await.unwrap();
    done(&hand.to_its_end(id).await);
    assert_eq!(code(&env.n8n.workflow(&ids[0]).unwrap()), "return ['the night'];");
    env.check().await;
    let back = hand.change("Orders").await;
    assert_eq!((back.row.id, back.row.state), (change.row.id, ChangeState::Open), "the same change is back");
    hand.decide(back.row.id, DecisionKind::Promote).await;
    done(&hand.carry_out().await);
    hand.close().await;
}

#[tokio::test]
async fn what_git_once_had_is_put_back_into_git() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return ['the night'];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;
    done(&hand.carry_out().await);
    env.check().await;
    let permit = env.incident_permit(hand.id).await;
    let id = app.services.plan_restore(&permit, change, Side::Desired, Target::Git).await.unwrap();
    hand.begin(id).await.unwrap();
    done(&hand.to_its_end(id).await);
    assert!(code(&file(&env, &path(&ids[0])).await.unwrap()).starts_with("let total = 0;"));
    let nothing = app.services.plan_restore(&permit, change, Side::Desired, Target::Git).await.unwrap();
    let problem = hand.reconciliation(nothing).await.items[0].problems.join(" ");
    assert!(problem.contains("already"), "{problem}");
}
