use drift_domain::change::DecisionKind;
use drift_domain::environment::DriftStatus;
use drift_domain::ids::{EnvironmentId, IncidentId};
use drift_domain::incident::{IncidentAction, IncidentStatus};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_domain::views::{DiffAccess, IncidentFilter, Part};
use drift_services::ServiceError;
use drift_services::gate::{Caller, Permit, cap};
use drift_services::incidents::Choice;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

use crate::common::{Hand, drifted, hotfix};

#[tokio::test]
async fn after_a_downgrade_an_open_incident_is_finished_under_its_own_plan() {
    let app = TestApp::new().await;
    let (mut env, live) = drifted(&app, PlanTier::Agency).await;
    let id = env.incident().await;
    env.caller = app.moved_to(&env.caller, PlanTier::Free).await;
    let hand = Hand { app: &app, env: &env, id };
    let page = hand.page().await;
    assert_eq!((page.plan, page.diff_access), (PlanTier::Agency, DiffAccess::All));
    let listed = app.services.incidents_permit(&env.caller).await.unwrap();
    let list = app.services.incidents(&listed, IncidentFilter::default(), None).await.unwrap();
    assert_eq!(list.incidents.len(), 1, "what is open is listed whatever the plan");
    let change = page.changes[0].row.id;
    let opened = app.services.incident_change(&env.incident_permit(id).await, id, change).await.unwrap();
    assert!(matches!(opened.diff, drift_domain::views::DiffOrRefusal::Diff(_)));

    hand.to_reconciled(&live).await;
    hand.close().await.unwrap();
    env.closing_check().await;
    assert_eq!(hand.status().await, IncidentStatus::Closed);
    // A new one is a matter of the plan of today.
    hotfix(&env, &live, "return 'again';");
    env.check().await;
    assert_eq!(env.page().await.row.status, DriftStatus::DriftDetected);
    let refused = app.services.environment_permit::<cap::ManageIncidents>(&env.caller, env.id).await.unwrap_err();
    assert!(matches!(refused, ServiceError::PlanRequired { needs: PlanTier::Pro, .. }), "{refused:?}");
    let kept: Permit<cap::ManageIncidents> = env.incident_permit(id).await;
    let refused = app.services.create_incident(&kept, env.id, None).await.unwrap_err();
    assert!(
        matches!(refused, ServiceError::PlanRequired { .. }),
        "an old incident's permit opens no new one: {refused:?}"
    );
    let refused = app.services.incidents_permit(&env.caller).await.unwrap_err();
    assert!(matches!(refused, ServiceError::PlanRequired { .. }), "{refused:?}");
}

#[tokio::test]
async fn an_upgrade_does_not_change_an_incident_that_is_open() {
    let app = TestApp::new().await;
    let (mut env, _) = drifted(&app, PlanTier::Pro).await;
    let id = env.incident().await;
    env.caller = app.moved_to(&env.caller, PlanTier::Enterprise).await;
    let hand = Hand { app: &app, env: &env, id };
    hand.acknowledge().await.unwrap();
    let version = hand.version().await;
    let today: Permit<cap::Stabilize> = env.caller.permit().unwrap();
    let refused = app.services.stabilize(&today, id, version, String::new()).await.unwrap_err();
    assert!(matches!(refused, ServiceError::PlanRequired { .. }), "{refused:?}");
}

#[tokio::test]
async fn pro_opens_the_diffs_of_the_five_most_severe() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let env = app.environment(&owner, "Production").await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(env.agreed(&workflow(&format!("Flow {number}"))).await);
    }
    env.check().await;
    for id in &ids {
        hotfix(&env, id, "return [];");
    }
    env.check().await;
    let page = env.incident_page(env.incident().await).await;
    assert_eq!(page.changes.iter().filter(|change| change.row.openable).count(), 5);
    assert!(matches!(page.diff_access, DiffAccess::Limited { workflows: 5, needs: PlanTier::Agency }));
}

#[tokio::test]
async fn a_viewer_reads_and_is_told_why_nothing_else() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let id = env.incident().await;
    let viewer = app.member(&env.caller, Role::Viewer).await;
    let permit = app.services.incident_permit(&viewer, id).await.unwrap();
    let page = app.services.incident(&permit, id).await.unwrap();
    assert_eq!(page.actions.len(), IncidentAction::ALL.len());
    for action in &page.actions {
        let why = action.refused.as_deref().unwrap_or_else(|| panic!("{action:?}"));
        assert!(why.contains("OPERATOR"), "{why}");
    }
    let refused = app.services.incident_permit::<cap::Lifecycle>(&viewer, id).await.unwrap_err();
    assert!(matches!(refused, ServiceError::RoleRequired { .. }), "{refused:?}");
}

/// Everything that can be asked of an incident, as somebody with a permit that another organization's incident gave.
async fn ask_everything(
    app: &TestApp,
    stranger: &Caller,
    env: EnvironmentId,
    id: IncidentId,
) -> Vec<(&'static str, ServiceError)> {
    let s = &app.services;
    let choice = Choice { changes: None, kind: DecisionKind::Promote, reason: "Mine".to_owned(), replacement: None };
    let text = || "Mine".to_owned();
    macro_rules! permit {
        () => {
            &stranger.permit().unwrap()
        };
    }
    vec![
        ("incident_permit", s.incident_permit::<cap::Incidents>(stranger, id).await.unwrap_err()),
        ("create_incident", s.create_incident(permit!(), env, None).await.unwrap_err()),
        ("open_incident", s.open_incident(permit!(), env).await.unwrap_err()),
        ("incident", s.incident(permit!(), id).await.unwrap_err()),
        ("incident_change", {
            let change = drift_domain::ids::ChangeId(id.0);
            s.incident_change(permit!(), id, change).await.unwrap_err()
        }),
        ("incident_part", s.incident_part(permit!(), id, &Part::default()).await.unwrap_err()),
        ("change_in_incident", {
            let change = drift_domain::ids::ChangeId(id.0);
            s.change_in_incident(permit!(), id, change).await.unwrap_err()
        }),
        ("acknowledge", s.acknowledge(permit!(), id, 1, text(), None).await.unwrap_err()),
        ("stabilize", s.stabilize(permit!(), id, 1, text()).await.unwrap_err()),
        ("reconcile", s.reconcile(permit!(), id, 1).await.unwrap_err()),
        ("request_close", s.request_close(permit!(), id, 1).await.unwrap_err()),
        ("closing", s.closing(permit!(), id).await.unwrap_err()),
        ("decide", s.decide(permit!(), id, 1, choice).await.unwrap_err()),
        ("assign", s.assign(permit!(), id, 1, stranger.user_id).await.unwrap_err()),
        ("set_ticket", s.set_ticket(permit!(), id, 1, text()).await.unwrap_err()),
        ("set_severity", s.set_severity(permit!(), id, 1, Severity::Low, text()).await.unwrap_err()),
        ("comment", s.comment(permit!(), id, text()).await.unwrap_err()),
    ]
}

#[tokio::test]
async fn a_stranger_finds_nothing_whatever_is_asked() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Enterprise).await;
    let id = env.incident().await;
    let before = env.incident_page(id).await;
    let stranger = app.organization(PlanTier::Enterprise).await;
    for (method, refused) in ask_everything(&app, &stranger, env.id, id).await {
        assert!(matches!(refused, ServiceError::NotFound(_)), "{method}: {refused:?}");
    }
    let list = app.services.incidents(&stranger.permit().unwrap(), IncidentFilter::default(), None).await.unwrap();
    assert!(list.incidents.is_empty() && list.environments.is_empty());
    assert_eq!(env.incident_page(id).await.version, before.version);
}
