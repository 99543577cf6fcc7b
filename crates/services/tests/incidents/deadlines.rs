//! The clock of incidents, at its edges: one second before and at each point, on many replicas, after a time without a clock.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::environment::EnvironmentClass;
use drift_domain::incident::{IncidentStatus, TimePercent};
use drift_domain::plan::{Limit, PlanTier};
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_domain::views::IncidentPage;
use drift_services::ServiceError;
use drift_services::incidents::IncidentSettings;
use drift_testkit::TestApp;

use crate::common::{Hand, agreeing, conflict, drifted, hotfix, refused_by_database};

/// Turns the clock to a moment, and ticks; answers how many incidents were told of.
async fn tick_at(app: &TestApp, at: DateTime<Utc>) -> u32 {
    app.clock.advance(at - app.clock.now());
    app.services.tell_deadlines().await.unwrap()
}

async fn told(hand: &Hand<'_>) -> Vec<String> {
    let kinds = ["incident.expiring", "incident.expired"];
    let entries = hand.page().await.timeline.into_iter();
    entries.filter(|entry| kinds.contains(&entry.kind.as_str())).map(|entry| entry.text).collect()
}

fn second() -> TimeDelta {
    TimeDelta::seconds(1)
}

#[tokio::test]
async fn each_point_is_told_at_its_second_and_expiry_changes_severity_and_state_alone() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    assert_eq!(app.services.tell_deadlines().await.unwrap(), 0, "nobody has acknowledged it");
    hand.acknowledge().await.unwrap();
    let begun = app.clock.now();
    for (hours, so_far) in [(12, 0), (18, 1), (24, 2)] {
        let at = begun + TimeDelta::hours(hours);
        assert_eq!(tick_at(&app, at - second()).await, 0, "a second before {hours} h");
        assert_eq!(told(&hand).await.len(), so_far);
        let before = hand.page().await;
        assert_eq!(tick_at(&app, at).await, 1, "at {hours} h");
        assert_eq!(tick_at(&app, at).await, 0, "once");
        let after = hand.page().await;
        assert_eq!(after.version, before.version + 1, "whoever looks at it hears that something happened");
        assert_eq!(after.row.expired_at, (hours == 24).then_some(at));
    }
    assert_eq!(
        told(&hand).await,
        [
            "Half of the incident's time is over. It ends at 2026-11-03 09:04 UTC.",
            "Three quarters of the incident's time are over. It ends at 2026-11-03 09:04 UTC.",
            "The incident's time is over, and its severity rose to critical.",
        ]
        .map(|text| text
            .replace("2026-11-03 09:04", &(begun + TimeDelta::hours(24)).format("%Y-%m-%d %H:%M").to_string()))
    );
    let page = hand.page().await;
    assert_eq!((page.row.status, page.row.severity), (IncidentStatus::Acknowledged, Severity::Critical));
    assert_eq!(page.computed_severity, Severity::High);
    assert!(page.severity_reason.unwrap().starts_with("Raised by one: its time was over at "));
    assert_eq!((page.row.open_changes, page.row.owner.is_some()), (1, true), "nothing else is changed");
    assert_eq!(tick_at(&app, begun + TimeDelta::days(30)).await, 0, "it rises once");
}

#[tokio::test]
async fn however_many_replicas_tick_each_point_is_told_once() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    let replicas: Vec<_> = (0..4).map(|_| app.replica(app.database.pool().clone())).collect();
    for (hours, so_far) in [(12, 1), (18, 2), (24, 3), (25, 3)] {
        let until = hand.page().await.time.unwrap().from + TimeDelta::hours(hours);
        app.clock.advance(until - app.clock.now());
        let ticks = replicas.iter().flat_map(|services| [services.tell_deadlines(), services.tell_deadlines()]);
        let counts = futures::future::join_all(ticks).await;
        let sum: u32 = counts.into_iter().map(Result::unwrap).sum();
        assert_eq!((sum, told(&hand).await.len()), (u32::from(hours < 25), so_far), "after {hours} h");
    }
    let twice = "INSERT INTO events (organization_id, environment_id, kind, at, data, incident_id, incident_version)
        SELECT organization_id, environment_id, kind, at, data, incident_id, incident_version FROM events
        WHERE kind = 'incident.expired'";
    assert_eq!(refused_by_database(&app, twice).await, "events_the_clock_tells_once");
}

#[tokio::test]
async fn a_clock_that_did_not_run_tells_what_is_due_when_it_runs_again() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    app.clock.advance(TimeDelta::hours(40));
    let restarted = app.replica(app.database.pool().clone());
    assert_eq!(restarted.tell_deadlines().await.unwrap(), 1);
    assert_eq!(told(&hand).await, ["The incident's time is over, and its severity rose to critical."]);
    let stopped = "UPDATE drift_incidents SET alarm_at = NULL, expired_at = NULL";
    assert_eq!(refused_by_database(&app, stopped).await, "drift_incidents_clocks_run");
}

async fn extend(hand: &Hand<'_>, hours: u32, reason: &str) -> Result<i64, ServiceError> {
    let permit = hand.env.incident_permit(hand.id).await;
    hand.app.services.extend(&permit, hand.id, hand.version().await, hours, reason.to_owned()).await
}

#[tokio::test]
async fn an_extension_takes_a_reason_stays_within_bounds_and_takes_expiry_back() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    assert!(conflict(extend(&hand, 1, "slow").await).contains("no deadline yet"));
    hand.acknowledge().await.unwrap();
    let ends = hand.page().await.row.expires_at.unwrap();
    for (hours, reason, field) in [(25, "slow", "hours"), (0, "slow", "hours"), (24, " ", "reason")] {
        let refused = extend(&hand, hours, reason).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: named, .. } if named == field), "{refused:?}");
    }
    tick_at(&app, ends).await;
    app.clock.advance(TimeDelta::hours(2));
    extend(&hand, 24, "the vendor answers tomorrow").await.unwrap();
    let IncidentPage { row, time, severity_reason, .. } = hand.page().await;
    let time = time.unwrap();
    assert_eq!((row.expired_at, row.expires_at), (None, Some(app.clock.now() + TimeDelta::hours(24))));
    assert_eq!((row.severity, severity_reason.is_some()), (Severity::Critical, true), "what it rose to stays");
    assert_eq!((time.extensions, time.extensions_left), (1, 1));
    let half = app.clock.now() + TimeDelta::hours(12);
    assert_eq!((tick_at(&app, half - second()).await, tick_at(&app, half).await), (0, 1), "it warns anew");
    extend(&hand, 1, "an hour more").await.unwrap();
    assert!(conflict(extend(&hand, 1, "and another").await).contains("extended 2 times already"));
    let again = hand.page().await.row.expires_at.unwrap();
    assert_eq!((tick_at(&app, again - second()).await > 0, tick_at(&app, again).await), (true, 1), "and expires anew");
    let sentences: Vec<_> = hand.page().await.timeline.into_iter().map(|entry| entry.text).collect();
    assert!(sentences.iter().any(|text| text.contains("gave the incident 24 hours more: until ")), "{sentences:?}");
}

#[tokio::test]
async fn who_extends_and_how_far_is_the_plans() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let permit = env.caller.permit().unwrap();
    let why = || "shorter".to_owned();
    app.services.set_limit(&permit, 0, PlanTier::Agency, Limit::Extensions, Some(0), why()).await.unwrap();
    let owner = app.member(&env.caller, Role::Owner).await;
    // Whoever comes after that has the new plan, and so do incidents that are opened from then on.
    let plan = app.services.plan(&owner.permit().unwrap()).await.unwrap();
    let row = plan.limits.iter().find(|row| row.limit == Limit::Extensions).unwrap();
    assert_eq!(row.cells[PlanTier::Agency as usize].value, Some(0));
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    let viewer = app.member(&env.caller, Role::Viewer).await;
    let refused = app.services.incident_permit::<drift_services::gate::cap::Extend>(&viewer, hand.id).await;
    assert!(matches!(refused, Err(ServiceError::RoleRequired { .. })));
    let (other, _) = drifted(&app, PlanTier::Pro).await;
    let refused =
        app.services.incident_permit::<drift_services::gate::cap::Extend>(&other.caller, other.incident().await);
    assert!(matches!(refused.await, Err(ServiceError::PlanRequired { needs: PlanTier::Agency, .. })));
}

#[tokio::test]
async fn the_class_of_an_environment_has_the_time_that_the_organization_set() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    assert_eq!(env.page().await.row.class, EnvironmentClass::Production);
    let set = async |production| {
        let time_percent = TimePercent { production, ..TimePercent::default() };
        let settings = IncidentSettings { automatic: Some(vec![]), time_percent, ..IncidentSettings::default() };
        app.services.set_incident_settings(&env.permit(), settings).await
    };
    assert!(matches!(set(24).await, Err(ServiceError::Invalid { field: "time_percent", .. })));
    set(50).await.unwrap();
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    let ends = |page: IncidentPage| page.row.expires_at.unwrap();
    assert_eq!(ends(hand.page().await), app.clock.now() + TimeDelta::hours(12));
    set(400).await.unwrap();
    let permit = env.incident_permit(hand.id).await;
    let version = hand.version().await;
    app.services.set_severity(&permit, hand.id, version, Severity::Medium, "it can wait".to_owned()).await.unwrap();
    assert_eq!(ends(hand.page().await), app.clock.now() + TimeDelta::hours(36), "it keeps what it began with");
}

#[tokio::test]
async fn what_joins_an_expired_incident_raises_it_further_and_gives_no_time() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Refunds"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    let permit = env.incident_permit(hand.id).await;
    let version = hand.version().await;
    app.services.set_severity(&permit, hand.id, version, Severity::Low, "known".to_owned()).await.unwrap();
    let ends = hand.page().await.row.expires_at.unwrap();
    tick_at(&app, ends).await;
    let page = hand.page().await;
    assert_eq!((page.row.severity, page.computed_severity), (Severity::Medium, Severity::High));
    env.edit(&ids[1], "Look up customer", |node| node["credentials"]["httpHeaderAuth"]["id"] = "c2".into());
    env.edit(&ids[1], "Look up customer", |node| node["credentials"]["httpHeaderAuth"]["name"] = "Other".into());
    env.check().await;
    let page = hand.page().await;
    assert_eq!((page.row.severity, page.row.expires_at), (Severity::Critical, Some(ends)));
    assert!(page.row.expired_at.is_some());
}

#[tokio::test]
async fn a_closed_incident_has_no_clock_and_a_reconciled_one_does() {
    let app = TestApp::new().await;
    let (env, live_id) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.to_reconciled(&live_id).await;
    let ends = hand.page().await.row.expires_at.unwrap();
    assert_eq!(tick_at(&app, ends - TimeDelta::hours(12)).await, 1, "reconciled, and still open");
    env.check().await;
    hand.close().await.unwrap();
    env.closing_check().await;
    assert_eq!(hand.status().await, IncidentStatus::Closed);
    assert_eq!(tick_at(&app, ends).await, 0);
    assert_eq!(hand.page().await.row.expired_at, None);
    assert!(conflict(extend(&hand, 1, "late").await).contains("closed is final"));
}
