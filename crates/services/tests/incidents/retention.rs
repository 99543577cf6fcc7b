//! What is over goes when the plan says, what is under a hold does not, and what was previewed is what goes.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::ids::{HoldId, IncidentId};
use drift_domain::plan::PlanTier;
use drift_domain::retention::{KeptWhy, RetentionKind};
use drift_domain::role::Role;
use drift_services::ServiceError;
use drift_services::audit::{Archive, Looked};
use drift_testkit::{TestApp, TestEnvironment};
use sqlx::Row;

use crate::common::{Hand, drifted, hotfix, refused_by_database};

async fn count(app: &TestApp, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(app.database.pool()).await.unwrap().get(0)
}

/// An environment whose only incident is closed, and when it closed.
async fn closed<'a>(app: &'a TestApp, plan: PlanTier) -> (TestEnvironment<'a>, String, IncidentId, DateTime<Utc>) {
    let (env, live) = drifted(app, plan).await;
    let id = env.incident().await;
    let hand = Hand { app, env: &env, id };
    hand.to_reconciled(&live).await;
    hand.close().await.unwrap();
    env.closing_check().await;
    let closed = sqlx::query_scalar("SELECT closed_at FROM drift_incidents WHERE id = $1").bind(id.0);
    let at = closed.fetch_one(app.database.pool()).await.unwrap();
    (env, live, id, at)
}

fn go_to(app: &TestApp, time: DateTime<Utc>) {
    app.clock.advance(time - app.services.now());
}

/// What the next tidying is said to remove, and what it then does.
async fn previewed_and_removed(
    app: &TestApp,
    env: &TestEnvironment<'_>,
) -> (BTreeMap<RetentionKind, u64>, BTreeMap<RetentionKind, u64>) {
    let preview = app.services.retention_preview(&env.permit()).await.unwrap();
    let said = preview.kinds.iter().filter(|kind| kind.goes > 0).map(|kind| (kind.kind, kind.goes)).collect();
    let runs = || async { app.services.retention_record(&env.permit()).await.unwrap().runs };
    let before: Vec<_> = runs().await.iter().map(|run| run.id).collect();
    app.services.tidy().await.unwrap();
    let new: Vec<_> = runs().await.into_iter().filter(|run| !before.contains(&run.id)).collect();
    assert!(new.len() <= 1, "a tidying is one run");
    (said, new.into_iter().flat_map(|run| run.removed).map(|went| (went.kind, went.count)).collect())
}

#[tokio::test]
async fn a_closed_incident_goes_a_second_after_the_plan_lets_it_and_leaves_what_it_was() {
    let app = TestApp::new().await;
    let (env, _, id, closed_at) = closed(&app, PlanTier::Pro).await;
    let receipt = env.incident_page(id).await.receipt.unwrap();
    let there = "SELECT count(*) FROM drift_incidents";
    for seconds in [-1, 0] {
        go_to(&app, closed_at + TimeDelta::days(90) + TimeDelta::seconds(seconds));
        app.services.tidy().await.unwrap();
        assert_eq!(count(&app, there).await, 1, "{seconds} s after its 90 days");
    }
    go_to(&app, closed_at + TimeDelta::days(90) + TimeDelta::seconds(1));
    app.services.tidy().await.unwrap();
    for table in [
        there,
        "SELECT count(*) FROM changes",
        "SELECT count(*) FROM decisions",
        "SELECT count(*) FROM closure_receipts",
        "SELECT count(*) FROM incident_closings",
        "SELECT count(*) FROM drift_reconciliation_artifacts",
        "SELECT count(*) FROM events WHERE incident_id IS NOT NULL",
    ] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    let left = app.services.removed_incident(&env.permit(), id).await.unwrap();
    assert_eq!((left.number, left.closed_at, left.environment.as_deref()), (1, closed_at, Some("Production")));
    assert_eq!(left.receipt_digest, receipt.digest, "a receipt that somebody kept can be held against it");
    let gone = app.services.incident_permit::<drift_services::gate::cap::Incidents>(&env.caller, id).await;
    assert!(matches!(gone, Err(ServiceError::NotFound(_))), "{gone:?}");
    assert_eq!(
        refused_by_database(&app, "UPDATE removed_incidents SET number = 7").await,
        "removed_incidents_are_kept"
    );
    assert_eq!(refused_by_database(&app, "DELETE FROM removed_incidents").await, "removed_incidents_are_kept");

    // The log is what it was, and the environment goes on: the next incident has the next number.
    let archive = Archive::new(app.database.pool().clone(), std::sync::Arc::new(app.clock.clone()));
    archive.verify(env.caller.organization_id, None).await.unwrap().unwrap();
    env.check().await;
}

#[tokio::test]
async fn what_is_open_stays_whatever_its_age() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    let id = env.incident().await;
    app.clock.advance(TimeDelta::days(4000));
    let preview = app.services.retention_preview(&env.permit()).await.unwrap();
    for kind in [RetentionKind::Incidents, RetentionKind::Events] {
        let of = preview.kinds.iter().find(|k| k.kind == kind).unwrap();
        assert!(!of.kept.is_empty(), "{kind}: {of:?}");
    }
    let incidents = preview.kinds.iter().find(|k| k.kind == RetentionKind::Incidents).unwrap();
    assert_eq!((incidents.goes, incidents.kept[0].why, incidents.kept[0].count), (0, KeptWhy::Open, 1));
    app.services.tidy().await.unwrap();
    assert_eq!(env.incident_page(id).await.changes.len(), 1);
    assert!(!env.incident_page(id).await.timeline.is_empty());
    let early =
        "INSERT INTO removed_incidents SELECT organization_id, id, number, environment_id, detected_at, detected_at,
        decode(repeat('00', 32), 'hex'), detected_at + interval '10000 days' FROM drift_incidents";
    assert_eq!(refused_by_database(&app, early).await, "removed_incidents_were_over");
    assert_eq!(refused_by_database(&app, "DELETE FROM drift_incidents").await, "drift_incidents_are_kept");
}

#[tokio::test]
async fn what_is_previewed_is_what_goes() {
    let app = TestApp::new().await;
    let (env, live, id, closed_at) = closed(&app, PlanTier::Enterprise).await;
    for minute in 0..70 {
        if minute == 30 {
            hotfix(&env, &live, "return 'back and forth';");
        }
        env.check().await;
    }
    let mut seen = BTreeMap::new();
    let hold = || async { app.services.place_hold(&env.permit(), Some(id), "Case 7".to_owned()).await.unwrap().id };
    let mut held: Option<HoldId> = None;
    for days in [0, 1, 2, 30, 31, 400, 2554, 2555, 2556, 2557, 2558, 2560, 2561, 2562] {
        go_to(&app, closed_at + TimeDelta::days(days) + TimeDelta::hours(3));
        if days == 2554 {
            held = Some(hold().await);
        }
        if let Some(hold) = held.filter(|_| days == 2558) {
            app.services.release_hold(&env.permit(), hold, "Over".to_owned()).await.unwrap();
        }
        let (said, went) = previewed_and_removed(&app, &env).await;
        assert_eq!(said, went, "day {days}");
        for (kind, n) in went {
            *seen.entry(kind).or_default() += n;
        }
        assert_eq!(
            count(&app, "SELECT count(*) FROM drift_incidents WHERE status = 'CLOSED'").await,
            i64::from(days < 2558)
        );
    }
    for kind in [RetentionKind::RepeatedChecks, RetentionKind::Incidents, RetentionKind::Checks, RetentionKind::Events]
    {
        assert!(seen.get(&kind).is_some_and(|n: &u64| *n > 0), "{kind} went at some time: {seen:?}");
    }
}

#[tokio::test]
async fn a_held_incident_stays_with_everything_that_belongs_to_it_until_the_hold_is_released() {
    let app = TestApp::new().await;
    let (env, _, id, closed_at) = closed(&app, PlanTier::Enterprise).await;
    let hold = app.services.place_hold(&env.permit(), Some(id), "Case 7".to_owned()).await.unwrap();
    assert_eq!(hold.incident.as_ref().unwrap().number, 1);
    let again = app.services.place_hold(&env.permit(), Some(id), "Case 8".to_owned()).await;
    assert!(matches!(again, Err(ServiceError::Conflict(_))), "{again:?}");
    let of_it = app.services.holds_of_incident(&env.incident_permit(id).await, id).await.unwrap();
    assert_eq!(of_it.len(), 1);

    let page = env.incident_page(id).await;
    go_to(&app, closed_at + TimeDelta::days(3000));
    env.check().await;
    app.services.tidy().await.unwrap();
    let then = env.incident_page(id).await;
    assert_eq!((then.changes.len(), then.timeline.len()), (page.changes.len(), page.timeline.len()));
    assert_eq!(then.receipt.unwrap().digest, page.receipt.unwrap().digest);
    let closing = "SELECT count(*) FROM checks c JOIN incident_closings i ON i.check_id = c.id";
    assert_eq!(count(&app, closing).await, 1, "the check that closed it");
    let preview = app.services.retention_preview(&env.permit()).await.unwrap();
    let incidents = preview.kinds.iter().find(|k| k.kind == RetentionKind::Incidents).unwrap();
    assert_eq!((incidents.goes, incidents.kept[0].why), (0, KeptWhy::Held));
    for statement in [
        "DELETE FROM drift_incidents",
        "DELETE FROM closure_receipts",
        "DELETE FROM incident_closings",
        "DELETE FROM drift_reconciliation_artifacts",
        "DELETE FROM changes",
        "DELETE FROM decisions",
        "DELETE FROM events WHERE incident_id IS NOT NULL",
        "DELETE FROM checks WHERE id IN (SELECT check_id FROM incident_closings)",
        "DELETE FROM checks WHERE id IN (SELECT first_check_id FROM changes)",
        "TRUNCATE events",
    ] {
        assert_eq!(refused_by_database(&app, statement).await, "holds_hold", "{statement}");
    }
    for statement in ["DELETE FROM holds", "TRUNCATE holds", "UPDATE holds SET reason = 'Another'"] {
        assert_eq!(refused_by_database(&app, statement).await, "holds_are_kept", "{statement}");
    }
    let forced =
        "INSERT INTO removed_incidents SELECT i.organization_id, i.id, i.number, i.environment_id, i.detected_at,
        i.closed_at, r.digest, i.closed_at + interval '3000 days' FROM drift_incidents i JOIN closure_receipts r
        ON r.incident_id = i.id";
    assert_eq!(refused_by_database(&app, forced).await, "removed_incidents_were_over");

    let released = app.services.release_hold(&env.permit(), hold.id, "The case is closed".to_owned()).await.unwrap();
    assert_eq!(released.released.unwrap().reason, "The case is closed");
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM drift_incidents").await, 0);
    let holds = app.services.holds(&env.permit()).await.unwrap();
    assert_eq!((holds.len(), holds[0].id), (1, hold.id), "a released hold stays on record");
    let log = app.services.audit_log(&env.permit(), Looked::default(), None).await.unwrap();
    let actions: Vec<_> = log.entries.iter().map(|entry| entry.action.as_str()).collect();
    for action in ["HOLD_PLACED", "HOLD_RELEASED", "RETENTION_TIDIED"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn an_organization_under_a_hold_keeps_everything() {
    let app = TestApp::new().await;
    let (env, _, _, closed_at) = closed(&app, PlanTier::Enterprise).await;
    for _ in 0..100 {
        env.check().await;
    }
    let hold = app.services.place_hold(&env.permit(), None, "Everything".to_owned()).await.unwrap();
    let tables = [
        "SELECT count(*) FROM checks",
        "SELECT count(*) FROM changes",
        "SELECT count(*) FROM decisions",
        "SELECT count(*) FROM events",
        "SELECT count(*) FROM snapshots",
        "SELECT count(*) FROM drift_incidents",
    ];
    let mut before = Vec::new();
    for table in tables {
        before.push(count(&app, table).await);
    }
    for days in [2, 40, 3000] {
        go_to(&app, closed_at + TimeDelta::days(days));
        let (said, went) = previewed_and_removed(&app, &env).await;
        assert!(said.is_empty() && went.is_empty(), "{said:?} {went:?}");
        for (table, n) in tables.iter().zip(&before) {
            assert_eq!(count(&app, table).await, *n, "{table} after {days} days");
        }
    }
    for statement in ["DELETE FROM checks", "DELETE FROM events", "DELETE FROM snapshots", "DELETE FROM environments"] {
        assert_eq!(refused_by_database(&app, statement).await, "holds_hold", "{statement}");
    }
    app.services.release_hold(&env.permit(), hold.id, "Over".to_owned()).await.unwrap();
    let (said, went) = previewed_and_removed(&app, &env).await;
    assert_eq!(said, went);
    assert!(went[&RetentionKind::Checks] > 50 && went[&RetentionKind::Incidents] == 1, "{went:?}");
}

#[tokio::test]
async fn holds_are_the_organizations_own_and_can_be_released_after_a_downgrade() {
    let app = TestApp::new().await;
    let (env, _, id, _) = closed(&app, PlanTier::Enterprise).await;
    let stranger = app.organization(PlanTier::Enterprise).await;
    let services = &app.services;
    let theirs = services.hold_permit(&stranger, Some(id)).await;
    assert!(matches!(theirs, Err(ServiceError::NotFound("incident"))), "{theirs:?}");
    let around = services.place_hold(&stranger.permit().unwrap(), Some(id), "Mine".to_owned()).await;
    assert!(matches!(around, Err(ServiceError::NotFound("incident"))), "{around:?}");
    let hold = services.place_hold(&env.permit(), Some(id), "Case 7".to_owned()).await.unwrap();
    let theirs = services.release_hold(&stranger.permit().unwrap(), hold.id, "Mine".to_owned()).await;
    assert!(matches!(theirs, Err(ServiceError::NotFound("hold"))), "{theirs:?}");
    assert!(services.holds(&stranger.permit().unwrap()).await.unwrap().is_empty());
    let forged = sqlx::query(
        "INSERT INTO holds (organization_id, id, incident_id, incident_number, reason, placed_by, placed_at)
        VALUES ($1, $2, $3, 1, 'x', $4, now())",
    );
    let forged = forged.bind(stranger.organization_id.0).bind(uuid::Uuid::now_v7()).bind(id.0).bind(stranger.user_id.0);
    let error = forged.execute(app.database.pool()).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("holds_are_on_what_is_there"));

    let approver = app.member(&env.caller, Role::Approver).await;
    let refused = services.hold_permit(&approver, Some(id)).await;
    assert!(matches!(refused, Err(ServiceError::RoleRequired { needs: Role::Admin, .. })), "{refused:?}");
    let lower = app.moved_to(&env.caller, PlanTier::Agency).await;
    let refused = services.hold_permit(&lower, None).await;
    assert!(matches!(refused, Err(ServiceError::PlanRequired { needs: PlanTier::Enterprise, .. })), "{refused:?}");
    app.clock.advance(TimeDelta::days(400));
    services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM drift_incidents").await, 1, "a downgrade lifts no hold");
    let blank = services.release_hold(&lower.permit().unwrap(), hold.id, "  ".to_owned()).await;
    assert!(matches!(blank, Err(ServiceError::Invalid { .. })), "{blank:?}");
    services.release_hold(&lower.permit().unwrap(), hold.id, "Over".to_owned()).await.unwrap();
    let twice = services.release_hold(&lower.permit().unwrap(), hold.id, "Over".to_owned()).await;
    assert!(matches!(twice, Err(ServiceError::Conflict(_))), "{twice:?}");
    services.tidy().await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM drift_incidents").await, 0);
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_tidying_and_the_log_tells_once_a_day() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let old = |n: i64| {
        let now = app.services.now();
        sqlx::query(
            "INSERT INTO events (organization_id, kind, at) SELECT $1, 'member.left', $2::timestamptz - interval '366 days'
             FROM generate_series(1, $3)",
        )
        .bind(owner.organization_id.0)
        .bind(now)
        .bind(n)
    };
    old(12_003).execute(app.database.pool()).await.unwrap();
    let (said, went) = previewed_and_removed(&app, &env).await;
    assert_eq!(said, went);
    assert_eq!(went.get(&RetentionKind::Events), Some(&12_003));
    let told = "SELECT count(*) FROM audit_entries WHERE action = 'RETENTION_TIDIED'";
    assert_eq!(count(&app, told).await, 1);
    old(5).execute(app.database.pool()).await.unwrap();
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, told).await, 1, "once a day");
    app.clock.advance(TimeDelta::days(1));
    app.services.tidy().await.unwrap();
    assert_eq!(count(&app, told).await, 2, "what went meanwhile is told the next day");
    let events = "SELECT (after -> 'EVENTS' ->> 'removed')::bigint FROM audit_entries
        WHERE action = 'RETENTION_TIDIED' ORDER BY at DESC LIMIT 1";
    assert_eq!(count(&app, events).await, 5);
}

#[tokio::test]
async fn a_tidying_waits_for_a_hold_that_is_being_placed() {
    let app = TestApp::new().await;
    let (env, _, id, closed_at) = closed(&app, PlanTier::Enterprise).await;
    go_to(&app, closed_at + TimeDelta::days(3000));
    let mut placing = app.database.pool().begin().await.unwrap();
    let hold = sqlx::query(
        "INSERT INTO holds (organization_id, id, incident_id, incident_number, reason, placed_by, placed_at)
         VALUES ($1, $2, $3, 1, 'Case 7', $4, $5)",
    );
    let hold = hold.bind(env.caller.organization_id.0).bind(uuid::Uuid::now_v7()).bind(id.0);
    hold.bind(env.caller.user_id.0).bind(app.services.now()).execute(&mut *placing).await.unwrap();
    let tidying = app.services.tidy();
    tokio::pin!(tidying);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    loop {
        tokio::select! {
            biased;
            done = &mut tidying => panic!("it did not wait: {done:?}"),
            waiting = count(&app, waits) => if waiting > 0 { break },
        }
    }
    placing.commit().await.unwrap();
    tidying.await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM drift_incidents").await, 1);
    assert_eq!(env.incident_page(id).await.changes.len(), 1);
}
