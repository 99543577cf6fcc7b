use drift_domain::change::DecisionKind;
use drift_domain::incident::ArtifactState;
use drift_domain::reconciliation::ReconciliationState;
use drift_services::ServiceError;
use drift_services::reconcile::Next;
use drift_sim::github::Protection;
use drift_testkit::TestApp;

use crate::common::{Hand, agreeing, done, failed, hotfix};

#[tokio::test]
async fn before_the_first_write_it_is_taken_back_without_a_trace() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await.row.id;
    hand.decide(change, DecisionKind::Promote).await;
    let id = hand.plan().await;
    assert!(matches!(hand.cancel(id).await, Err(ServiceError::Conflict(_))), "nothing is carried out yet");
    hand.begin(id).await.unwrap();
    let refused = hand.choose(change, DecisionKind::Revert, None).await;
    assert!(matches!(refused, Err(ServiceError::Conflict(_))), "it is being carried out: {refused:?}");
    hand.cancel(id).await.unwrap();
    assert_eq!(hand.turn(id).await, Next::Ended);
    assert_eq!(hand.reconciliation(id).await.row.state, ReconciliationState::Cancelled);
    let artifact = hand.change("Orders").await.artifacts.remove(0);
    assert_eq!((artifact.state, artifact.by_hand), (ArtifactState::Pending, true));
    assert_eq!(env.repo.pulls().unwrap(), []);
    hand.decide(change, DecisionKind::Revert).await;
    done(&hand.carry_out().await);
}

#[tokio::test]
async fn a_promotion_that_waits_is_given_up_and_what_was_proposed_is_closed() {
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
    hand.turn(id).await;
    hand.cancel(id).await.unwrap();
    let page = hand.to_its_end(id).await;
    assert!(failed(&page).contains("gave it up"), "{:?}", page.row.error);
    assert_eq!(env.repo.pulls().unwrap(), [(1, false)], "what was proposed is closed");
    let page = hand.change("Orders").await;
    assert_eq!((page.artifacts[0].state, page.artifacts[0].by_hand), (ArtifactState::Pending, true));
    hand.decide(change, DecisionKind::Revert).await;
    done(&hand.carry_out().await);
    hand.close().await;
}

#[tokio::test]
async fn who_may_not_and_whose_it_is_not_get_their_answers() {
    use drift_domain::plan::PlanTier;
    use drift_domain::role::Role;
    use drift_services::gate::{Permit, cap};

    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    hand.decide(hand.change("Orders").await.row.id, DecisionKind::Promote).await;
    let id = hand.plan().await;
    let stranger = app.organization(PlanTier::Agency).await;
    let ask = |caller| app.services.reconciliation_permit::<cap::Execute>(caller, id);
    let refused: Result<Permit<cap::Execute>, _> = ask(&stranger).await;
    assert!(matches!(refused, Err(ServiceError::NotFound(_))), "{refused:?}");
    let viewer = app.member(&env.caller, Role::Viewer).await;
    assert!(matches!(ask(&viewer).await, Err(ServiceError::RoleRequired { .. })));
    let looks = app.services.reconciliation_permit(&viewer, id).await.unwrap();
    let seen = app.services.reconciliation(&looks, id).await.unwrap();
    assert!(seen.plan_refused.is_some_and(|why| why.contains("OPERATOR")) && !seen.items.is_empty());
    assert_eq!(hand.reconciliation(id).await.plan_refused, None);
    // A downgrade strands no incident: it is finished under its own plan.
    let downgraded = app.moved_to(&env.caller, PlanTier::Free).await;
    assert!(ask(&downgraded).await.is_ok());
}
