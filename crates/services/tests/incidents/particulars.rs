use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_services::ServiceError;
use drift_services::incidents::{IncidentSettings, TIMELINE_PAGE};
use drift_testkit::TestApp;

use crate::common::{Hand, drifted};

#[tokio::test]
async fn whoever_is_mentioned_is_kept_by_identity() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let permit = env.incident_permit(hand.id).await;
    app.services.comment(&permit, hand.id, "@A Operator, please look. <b>Now</b>".to_owned()).await.unwrap();
    let entry = hand.page().await.timeline.pop().unwrap();
    assert_eq!(entry.note.as_deref(), Some("@A Operator, please look. <b>Now</b>"));
    let mentioned: Vec<_> = entry.mentions.iter().map(|person| person.id).collect();
    assert_eq!(mentioned, [operator.user_id]);
    let empty = app.services.comment(&permit, hand.id, " \n".to_owned()).await.unwrap_err();
    assert!(matches!(empty, ServiceError::Invalid { field: "text", .. }), "{empty:?}");
}

#[tokio::test]
async fn a_ticket_is_a_web_address_or_a_key_of_the_organization() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let set = async |text: &str| {
        let permit = env.incident_permit(hand.id).await;
        app.services.set_ticket(&permit, hand.id, hand.version().await, text.to_owned()).await
    };
    for bad in ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,hello", "OPS-12", "ftp://example.com/"] {
        let refused = set(bad).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: "ticket", .. }), "{bad}: {refused:?}");
    }
    set("https://tracker.example.com/1").await.unwrap();
    assert_eq!(hand.page().await.ticket.unwrap().url.as_deref(), Some("https://tracker.example.com/1"));

    let settings = IncidentSettings {
        ticket_pattern: "OPS-{n}".to_owned(),
        ticket_address: "https://tracker.example.com/browse/OPS-{n}".to_owned(),
        ..IncidentSettings::default()
    };
    app.services.set_incident_settings(&env.permit(), settings).await.unwrap();
    set("OPS-12").await.unwrap();
    let ticket = hand.page().await.ticket.unwrap();
    assert_eq!(
        (ticket.text.as_str(), ticket.url.as_deref()),
        ("OPS-12", Some("https://tracker.example.com/browse/OPS-12"))
    );
    set("").await.unwrap();
    assert_eq!(hand.page().await.ticket, None);

    let bad = IncidentSettings {
        ticket_pattern: "OPS-{n}".to_owned(),
        ticket_address: "javascript:alert({n})".to_owned(),
        ..IncidentSettings::default()
    };
    let refused = app.services.set_incident_settings(&env.permit(), bad).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { .. }), "{refused:?}");
}

#[tokio::test]
async fn the_owner_is_a_member_who_can_act() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let (viewer, operator) =
        (app.member(&env.caller, Role::Viewer).await, app.member(&env.caller, Role::Operator).await);
    let stranger = app.organization(PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    for nobody in [viewer.user_id, stranger.user_id] {
        let permit = env.incident_permit(hand.id).await;
        let version = hand.version().await;
        let refused = app.services.assign(&permit, hand.id, version, nobody).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: "owner", .. }), "{refused:?}");
    }
    let permit = env.incident_permit(hand.id).await;
    let version = hand.version().await;
    let owner = Some(operator.user_id);
    app.services.acknowledge(&permit, hand.id, version, "For the shift".to_owned(), owner).await.unwrap();
    let page = hand.page().await;
    assert_eq!(page.row.owner.as_ref().unwrap().id, operator.user_id);
    assert_eq!(page.reason.as_deref(), Some("For the shift"));
    let able: Vec<_> = page.assignable.iter().map(|person| person.id).collect();
    assert!(able.contains(&operator.user_id) && !able.contains(&viewer.user_id), "{able:?}");
    let permit = env.incident_permit(hand.id).await;
    app.services.assign(&permit, hand.id, page.version, env.caller.user_id).await.unwrap();
    assert_eq!(hand.page().await.row.owner.unwrap().id, env.caller.user_id);
}

#[tokio::test]
async fn severity_is_adjusted_with_a_reason_and_the_deadline_follows() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let before = hand.page().await;
    assert_eq!((before.row.severity, before.row.expires_at), (Severity::High, None), "production, and it runs");
    hand.acknowledge().await.unwrap();
    let page = hand.page().await;
    let acknowledged = page.steps[1].at.unwrap();
    assert_eq!(page.row.expires_at, Some(acknowledged + chrono::TimeDelta::hours(24)));

    let set = async |severity, reason: &str| {
        let permit = env.incident_permit(hand.id).await;
        app.services.set_severity(&permit, hand.id, hand.version().await, severity, reason.to_owned()).await
    };
    let refused = set(Severity::Low, "").await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { field: "reason", .. }), "{refused:?}");
    set(Severity::Critical, "Payments stand still").await.unwrap();
    let page = hand.page().await;
    assert_eq!((page.row.severity, page.computed_severity), (Severity::Critical, Severity::High));
    assert_eq!(page.severity_reason.as_deref(), Some("Payments stand still"));
    assert_eq!(page.row.expires_at, Some(acknowledged + chrono::TimeDelta::hours(4)));
}

#[tokio::test]
async fn a_timeline_is_read_to_its_beginning_page_by_page() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let id = env.incident().await;
    let permit = env.incident_permit(id).await;
    for n in 0..TIMELINE_PAGE {
        app.services.comment(&permit, id, format!("Comment {n}")).await.unwrap();
    }
    let looks = env.incident_permit(id).await;
    let newest = app.services.incident_timeline(&looks, id, None).await.unwrap();
    assert_eq!(newest.items.len(), TIMELINE_PAGE);
    assert_eq!(newest.items[0].note.as_deref(), Some("Comment 99"), "newest first");
    let shown = env.incident_page(id).await.timeline;
    assert_eq!(shown[0].id, newest.items[TIMELINE_PAGE - 1].id, "the workspace shows the first page");
    let rest = app.services.incident_timeline(&looks, id, newest.next).await.unwrap();
    assert_eq!(rest.items.last().map(|entry| entry.kind.as_str()), Some("incident.created"));
    assert_eq!(rest.next, None);
}
