use drift_domain::change::ChangeState;
use drift_domain::incident::{IncidentAction, IncidentStatus};
use drift_domain::plan::{Lifecycle, PlanTier};
use drift_services::ServiceError;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

use crate::common::{Hand, agreeing, conflict, drifted, hotfix, refused_by_database};

#[tokio::test]
async fn every_step_that_is_not_the_next_one_is_refused() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    assert_eq!(hand.status().await, IncidentStatus::Detected);
    conflict(hand.stabilize().await);
    conflict(hand.reconcile().await);
    conflict(hand.close().await);

    hand.acknowledge().await.unwrap();
    conflict(hand.acknowledge().await);
    let words = conflict(hand.reconcile().await);
    assert!(words.contains("stable"), "the full lifecycle has a step in between: {words}");
    conflict(hand.close().await);

    hand.stabilize().await.unwrap();
    conflict(hand.acknowledge().await);
    conflict(hand.stabilize().await);
    let words = conflict(hand.reconcile().await);
    assert!(words.contains("“Orders” still differs, and no path is chosen"), "{words}");
    conflict(hand.close().await);

    hand.promote_by_hand(&live).await;
    hand.reconcile().await.unwrap();
    conflict(hand.acknowledge().await);
    conflict(hand.stabilize().await);
    conflict(hand.reconcile().await);

    hand.close().await.unwrap();
    conflict(hand.close().await);
    env.closing_check().await;
    for answer in [hand.acknowledge().await, hand.stabilize().await, hand.reconcile().await] {
        let words = conflict(answer);
        assert!(words.contains("final"), "{words}");
    }
    let words = conflict(hand.close().await);
    assert!(words.contains("final"), "{words}");
    let steps: Vec<_> = hand.page().await.steps.iter().map(|step| step.at.is_some()).collect();
    assert_eq!(steps, [true; 5]);
}

#[tokio::test]
async fn basic_goes_from_acknowledged_straight_to_reconciled() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let page = hand.page().await;
    assert_eq!(page.lifecycle, Lifecycle::Basic);
    assert!(page.steps.iter().all(|step| step.status != IncidentStatus::Stabilized));
    hand.acknowledge().await.unwrap();
    let refused = hand.stabilize().await.unwrap_err();
    assert!(matches!(refused, ServiceError::PlanRequired { needs: PlanTier::Agency, .. }), "{refused:?}");
    assert_eq!(hand.page().await.row.expires_at, None, "no deadlines on this plan");
    hand.promote_by_hand(&live).await;
    hand.reconcile().await.unwrap();
    let skip =
        "UPDATE drift_incidents SET status = 'STABILIZED', stabilized_at = acknowledged_at, reconciled_at = NULL";
    assert_eq!(refused_by_database(&app, skip).await, "drift_incidents_status_has_its_times");
}

#[tokio::test]
async fn new_drift_joins_and_is_flagged_once_production_was_stable() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Invoices"]).await;
    hotfix(&env, &ids[0], "return 1;");
    env.check().await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    hand.stabilize().await.unwrap();
    hotfix(&env, &ids[1], "return 2;");
    env.check().await;
    let page = hand.page().await;
    assert_eq!((page.row.changes, page.row.open_changes), (2, 2));
    for change in &page.changes {
        assert_eq!(change.new_since_stabilized, change.row.workflow == "Invoices", "{}", change.row.workflow);
    }
    let joined = page.timeline.iter().find(|entry| entry.kind == "incident.drift_joined").unwrap();
    assert!(joined.text.contains("“Invoices”") && joined.by.is_none(), "{}", joined.text);
    let stay = "UPDATE changes SET incident_id = NULL WHERE incident_id IS NOT NULL";
    assert_eq!(refused_by_database(&app, stay).await, "changes_stay_in_their_incident");
}

#[tokio::test]
async fn new_drift_takes_a_reconciled_incident_back() {
    let app = TestApp::new().await;
    for (plan, back) in [(PlanTier::Agency, IncidentStatus::Stabilized), (PlanTier::Pro, IncidentStatus::Acknowledged)]
    {
        let (env, live) = drifted(&app, plan).await;
        let hand = Hand { app: &app, env: &env, id: env.incident().await };
        hand.to_reconciled(&live).await;
        hotfix(&env, &live, "return 'again';");
        env.check().await;
        let page = hand.page().await;
        assert_eq!(page.row.status, back);
        assert_eq!(page.steps.iter().find(|s| s.status == IncidentStatus::Reconciled).unwrap().at, None);
        let last: Vec<_> = page.timeline.iter().rev().take(2).map(|entry| entry.kind.as_str()).collect();
        assert_eq!(last, ["incident.regressed", "incident.drift_joined"]);
        conflict(hand.close().await);
    }
}

#[tokio::test]
async fn a_stale_click_is_refused_with_what_happened_meanwhile() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let seen = hand.version().await;
    let permit = env.incident_permit(hand.id).await;
    app.services.comment(&permit, hand.id, "Looking into it".to_owned()).await.unwrap();
    hand.acknowledge().await.unwrap();

    let permit = env.incident_permit(hand.id).await;
    let late = app.services.acknowledge(&permit, hand.id, seen, "Me too".to_owned(), None).await.unwrap_err();
    let ServiceError::Stale { meanwhile } = &late else { panic!("{late:?}") };
    assert_eq!(meanwhile, &["A OWNER commented.", "A OWNER acknowledged the incident and owns it now."]);
    assert!(late.to_string().contains("A OWNER acknowledged the incident"), "{late}");

    // A check that sees new drift makes what was seen stale, too.
    let seen = hand.version().await;
    env.agreed(&workflow("New")).await;
    env.n8n.create(&workflow("Only live"));
    env.check().await;
    let permit = env.incident_permit(hand.id).await;
    let late = app.services.stabilize(&permit, hand.id, seen, String::new()).await.unwrap_err();
    let ServiceError::Stale { meanwhile } = &late else { panic!("{late:?}") };
    assert!(meanwhile.iter().any(|text| text.contains("“Only live”")), "{meanwhile:?}");
    assert_eq!(hand.status().await, IncidentStatus::Acknowledged);
}

#[tokio::test]
async fn a_vanished_change_is_confirmed_before_the_incident_is_reconciled() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    hand.stabilize().await.unwrap();
    env.deploy_to_git(&live, "Somebody takes it over unasked").await;
    env.check().await;
    let page = hand.page().await;
    assert_eq!(page.changes[0].row.state, ChangeState::Vanished);
    assert!(page.timeline.iter().any(|entry| entry.kind == "incident.change_vanished"));
    let words = conflict(hand.reconcile().await);
    assert!(words.contains("nobody has confirmed"), "{words}");
    let blocked = page.actions.iter().find(|action| action.action == IncidentAction::Reconcile).unwrap();
    assert!(blocked.refused.as_ref().is_some_and(|why| why.contains("nobody has confirmed")), "{blocked:?}");

    // The drift workspace's own way of confirming is part of the timeline, and takes no override for it.
    let change = page.changes[0].row.id;
    let confirm =
        async |kind| app.services.confirm_vanished(&env.permit(), env.id, change, kind, "Yes".to_owned()).await;
    let refused = confirm(drift_domain::change::DecisionKind::Override).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { .. }), "{refused:?}");
    confirm(drift_domain::change::DecisionKind::Promote).await.unwrap();
    let last = hand.page().await.timeline.pop().unwrap();
    assert_eq!(last.text, "A OWNER confirmed PROMOTE for “Orders”.");
    hand.reconcile().await.unwrap();
}

#[tokio::test]
async fn nothing_is_reconciled_while_nobody_knows_how_things_stand() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    hand.promote_by_hand(&live).await;
    app.clock.advance(chrono::TimeDelta::hours(1));
    let words = conflict(hand.reconcile().await);
    assert!(words.contains("not verified"), "{words}");
    env.check().await;
    hand.reconcile().await.unwrap();
}
