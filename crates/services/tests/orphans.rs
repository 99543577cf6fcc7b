//! The orphan rule, held by the database itself: whatever a program error or a person with a console tries.

use drift_domain::plan::PlanTier;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

async fn drifted<'a>(app: &'a TestApp) -> TestEnvironment<'a> {
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    env
}

/// Runs a statement that must be refused, and tells by which constraint.
async fn refused(app: &TestApp, statement: &'static str) -> String {
    match sqlx::query(statement).execute(app.database.pool()).await {
        Err(sqlx::Error::Database(error)) => error.constraint().unwrap_or(error.message()).to_owned(),
        Err(error) => panic!("{error}"),
        Ok(done) => panic!("{statement}: {} rows", done.rows_affected()),
    }
}

#[tokio::test]
async fn an_open_change_cannot_be_made_to_disappear() {
    let app = TestApp::new().await;
    let env = drifted(&app).await;
    assert_eq!(refused(&app, "DELETE FROM changes").await, "changes_are_never_lost");
    assert_eq!(refused(&app, "UPDATE changes SET state = 'DECIDED'").await, "changes_end_on_the_record");
    assert_eq!(refused(&app, "UPDATE changes SET state = 'SUPERSEDED'").await, "changes_end_on_the_record");
    assert_eq!(refused(&app, "UPDATE changes SET state = 'VANISHED'").await, "changes_end_on_the_record");
    assert_eq!(refused(&app, "UPDATE changes SET live_snapshot = NULL").await, "changes_hold_their_sides");
    assert!(refused(&app, "DELETE FROM snapshots").await.contains("fkey"), "a side of a change is kept");
    assert!(refused(&app, "DELETE FROM workflows").await.contains("fkey"));
    assert_eq!(env.changes().await.len(), 1);
}

#[tokio::test]
async fn a_status_cannot_say_in_sync_over_open_changes_and_no_check_lies() {
    let app = TestApp::new().await;
    drifted(&app).await;
    let in_sync = "UPDATE environments SET drift_status = 'IN_SYNC'";
    assert_eq!(refused(&app, in_sync).await, "environments_in_sync_means_no_change");
    let lie = "UPDATE checks SET outcome = 'IN_SYNC' WHERE outcome = 'DRIFT'";
    assert_eq!(refused(&app, lie).await, "checks_in_sync_means_no_difference");
    let off = "UPDATE environments SET interval_seconds = 2000000000";
    assert_eq!(refused(&app, off).await, "environments_interval_is_bounded");
}

#[tokio::test]
async fn history_is_only_ever_added_to() {
    let app = TestApp::new().await;
    drifted(&app).await;
    assert_eq!(refused(&app, "UPDATE events SET kind = 'nothing happened'").await, "events_are_kept");
}

#[tokio::test]
async fn tidying_up_keeps_everything_that_is_open() {
    let app = TestApp::new().await;
    let env = drifted(&app).await;
    app.clock.advance(chrono::TimeDelta::days(4000));
    app.services.tidy().await.unwrap();
    let change = env.change().await;
    let page = app.services.change(&env.permit(), env.id, change.id).await.unwrap();
    assert!(matches!(page.diff, drift_domain::views::DiffOrRefusal::Diff(_)), "both sides are still kept");
}

#[tokio::test]
async fn every_change_leaves_an_event() {
    let app = TestApp::new().await;
    drifted(&app).await;
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT kind FROM events ORDER BY id").fetch_all(app.database.pool()).await.unwrap();
    assert_eq!(kinds, ["environment.connected", "change.opened", "environment.drift_detected"]);
}
