use drift_domain::change::{ChangeState, DecisionKind, VanishedCause};
use drift_domain::incident::ArtifactState;
use drift_domain::plan::PlanTier;
use drift_services::ServiceError;
use drift_services::incidents::Choice;
use drift_testkit::TestApp;

use crate::common::{Hand, agreeing, conflict, drifted, hotfix};

#[tokio::test]
async fn a_promotion_that_git_shows_is_carried_out() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.decide(None, DecisionKind::Promote).await.unwrap();
    let change = hand.page().await.changes.remove(0);
    assert_eq!(change.row.state, ChangeState::Open, "a choice ends nothing by itself");
    assert_eq!(change.artifacts[0].state, ArtifactState::Pending);
    assert!(change.artifacts[0].by_hand);
    env.check().await;
    assert_eq!(hand.page().await.changes[0].artifacts[0].state, ArtifactState::Pending, "nobody has done it yet");

    env.deploy_to_git(&live, "Take it over").await;
    env.check().await;
    let change = hand.page().await.changes.remove(0);
    assert_eq!(change.row.state, ChangeState::Decided);
    assert_eq!(change.row.decision.unwrap().kind, DecisionKind::Promote);
    assert_eq!(change.artifacts[0].state, ArtifactState::Success);
    assert!(change.choices.is_empty());
    assert!(hand.kinds().await.contains(&"incident.carried_out".to_owned()));
}

#[tokio::test]
async fn a_revert_that_became_a_promotion_fails_and_the_change_waits() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.decide(None, DecisionKind::Revert).await.unwrap();
    env.deploy_to_git(&live, "Not what was decided").await;
    env.check().await;
    let change = hand.page().await.changes.remove(0);
    assert_eq!(change.row.state, ChangeState::Vanished);
    assert_eq!(change.row.vanished.as_ref().unwrap().cause, VanishedCause::GitCaughtUp);
    assert_eq!(change.artifacts[0].state, ArtifactState::Failed);
    let why = change.artifacts[0].error.as_deref().unwrap();
    assert!(why.starts_with("Not as decided:") && why.contains("Git now holds"), "{why}");
    assert_eq!(change.choices, [DecisionKind::Promote, DecisionKind::Replace], "only what can be true");

    let refused = hand.decide(None, DecisionKind::Revert).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { field: "kind", .. }), "{refused:?}");
    hand.decide(None, DecisionKind::Promote).await.unwrap();
    assert_eq!(hand.page().await.changes[0].row.state, ChangeState::Decided);
}

#[tokio::test]
async fn drift_that_goes_on_after_a_decision_asks_again() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.decide(None, DecisionKind::Promote).await.unwrap();
    hotfix(&env, &live, "return 'further';");
    env.check().await;
    let page = hand.page().await;
    let [now, before] = page.changes.as_slice() else { panic!("two, not {:?}", page.changes.len()) };
    assert_eq!((now.row.state, before.row.state), (ChangeState::Open, ChangeState::Superseded));
    assert!(now.artifacts.is_empty(), "nobody decided about what is there now");
    assert_eq!(before.artifacts[0].state, ArtifactState::Failed);
    let why = before.artifacts[0].error.as_deref().unwrap();
    assert!(why.contains("since it was decided"), "{why}");
    hand.promote_by_hand(&live).await;
    assert_eq!(hand.page().await.row.open_changes, 0);
}

#[tokio::test]
async fn whoever_changes_their_mind_replaces_the_earlier_choice() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Invoices"]).await;
    hotfix(&env, &ids[0], "return 1;");
    hotfix(&env, &ids[1], "return 2;");
    env.check().await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let change = |page: &drift_domain::views::IncidentPage, name: &str| {
        page.changes.iter().find(|c| c.row.workflow == name).cloned().unwrap()
    };
    let orders = change(&hand.page().await, "Orders").row.id;
    hand.decide(Some(vec![orders]), DecisionKind::Promote).await.unwrap();
    hand.decide(Some(vec![orders]), DecisionKind::Replace).await.unwrap();
    let page = hand.page().await;
    let states: Vec<_> = change(&page, "Orders").artifacts.iter().map(|a| (a.kind, a.state)).collect();
    assert_eq!(
        states,
        [(DecisionKind::Replace, ArtifactState::Pending), (DecisionKind::Promote, ArtifactState::Failed)]
    );
    assert!(page.timeline.last().unwrap().text.contains("instead of PROMOTE"), "{:?}", page.timeline.last());

    // Every one that waits, and only those.
    hand.decide(None, DecisionKind::Revert).await.unwrap();
    let page = hand.page().await;
    assert_eq!(change(&page, "Orders").artifacts.len(), 2);
    assert_eq!(change(&page, "Invoices").artifacts[0].kind, DecisionKind::Revert);
    conflict(hand.decide(None, DecisionKind::Revert).await);
}

#[tokio::test]
async fn a_choice_that_says_too_little_or_about_something_else_is_none() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let (other, _) = drifted(&app, PlanTier::Agency).await;
    let foreign = other.change().await.id;
    let choose = async |changes, kind, reason: &str, replacement: Option<&str>| {
        let choice = Choice { changes, kind, reason: reason.to_owned(), replacement: replacement.map(str::to_owned) };
        let permit = env.incident_permit(hand.id).await;
        app.services.decide(&permit, hand.id, hand.version().await, choice).await.unwrap_err()
    };
    let invalid = |error: ServiceError, field: &str| {
        assert!(matches!(&error, ServiceError::Invalid { field: f, .. } if *f == field), "{field}: {error:?}");
    };
    invalid(choose(None, DecisionKind::Promote, "  ", None).await, "reason");
    invalid(choose(None, DecisionKind::Override, "Later", None).await, "kind");
    invalid(choose(None, DecisionKind::Replace, "Better", None).await, "replacement");
    invalid(choose(Some(vec![]), DecisionKind::Promote, "Yes", None).await, "changes");
    let stranger = choose(Some(vec![foreign]), DecisionKind::Promote, "Yes", None).await;
    assert!(matches!(stranger, ServiceError::NotFound("change")), "{stranger:?}");
    assert!(hand.page().await.changes[0].artifacts.is_empty());
}

#[tokio::test]
async fn an_override_ends_a_change_that_is_gone_but_not_one_of_an_incident() {
    let app = TestApp::new().await;
    for in_incident in [false, true] {
        let (env, live) = drifted(&app, PlanTier::Agency).await;
        let change = env.change().await.id;
        let until = "Until Friday".to_owned();
        app.services.override_change(&env.permit(), env.id, change, until, 3).await.unwrap();
        if in_incident {
            env.incident().await;
        }
        env.deploy_to_git(&live, "It is gone").await;
        env.check().await;
        let page = app.services.change(&env.permit(), env.id, change).await.unwrap();
        let expected = if in_incident { ChangeState::Vanished } else { ChangeState::Decided };
        assert_eq!(page.row.state, expected);
        let decided = page.row.decision.map(|decision| decision.kind);
        assert_eq!(decided, (!in_incident).then_some(DecisionKind::Override));
    }
}
