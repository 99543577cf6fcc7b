//! Making a report: by one run at a time, to the end or with a reason, and no longer than somebody wants it.

use chrono::TimeDelta;
use drift_domain::ids::ReportId;
use drift_domain::plan::PlanTier;
use drift_domain::report::{ReportFormat, ReportState};
use drift_services::ServiceError;
use drift_services::notify::Next;
use drift_store::reports::{self, Run};
use drift_testkit::TestApp;
use uuid::Uuid;

use crate::common::{ask, download, drifted, look, made, make, numbers, owner, parts, request, silence};

/// A maker that begins, writes a part and is killed.
async fn killed(app: &TestApp, caller: &drift_services::gate::Caller, id: ReportId) -> Run {
    let run = Run { organization: caller.organization_id, report: id, run: Uuid::now_v7() };
    let now = app.services.now();
    let mut db = app.database.pool().acquire().await.unwrap();
    assert!(reports::begin(&mut db, &run, now, now + TimeDelta::seconds(30)).await.unwrap());
    assert!(reports::append(&mut db, &run, 0, b"half a file").await.unwrap());
    run
}

#[tokio::test]
async fn what_a_killed_maker_left_is_made_again_and_not_doubled() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (env, _) = drifted(&app, &org, "Production").await;
    env.incident().await;
    let id = request(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await.unwrap().id;
    let dead = killed(&app, &org, id).await;
    assert_eq!(make(&app, &org, id).await, Next::Again { seconds: 30.0 }, "it may be at work");
    assert_eq!(look(&app, &org, id).await.state, ReportState::Running);
    assert!(matches!(download(&app, &org, id).await, Err(ServiceError::Conflict(_))));
    silence(&app);
    assert_eq!(app.services.enqueue_due_reports().await.unwrap(), 0, "its job is there");
    assert_eq!(make(&app, &org, id).await, Next::Ended);
    assert_eq!(numbers(&download(&app, &org, id).await.unwrap()), [1]);

    // The one that was taken for dead comes back, and writes nothing more.
    let before = parts(&app, id).await;
    let mut db = app.database.pool().acquire().await.unwrap();
    assert!(!reports::append(&mut db, &dead, 1, b"late").await.unwrap());
    assert!(!reports::finish(&mut db, &dead, (4, [0; 32]), app.services.now(), app.services.now()).await.unwrap());
    assert_eq!(parts(&app, id).await, before);
    assert_eq!(make(&app, &org, id).await, Next::Ended, "a job too many does nothing");
}

#[tokio::test]
async fn after_three_beginnings_without_an_end_it_fails_and_says_so() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let id = request(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await.unwrap().id;
    for _ in 0..3 {
        killed(&app, &org, id).await;
        silence(&app);
    }
    assert_eq!(make(&app, &org, id).await, Next::Ended);
    let report = look(&app, &org, id).await;
    assert_eq!(report.state, ReportState::Failed);
    assert!(report.error.unwrap().contains("3 times"));
    assert_eq!(parts(&app, id).await, 0);
}

#[tokio::test]
async fn a_lost_job_is_asked_for_again() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    request(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await.unwrap();
    sqlx::query("DELETE FROM graphile_worker._private_jobs").execute(app.database.pool()).await.unwrap();
    assert_eq!(app.services.enqueue_due_reports().await.unwrap(), 0, "it is too early to tell");
    app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(app.services.enqueue_due_reports().await.unwrap(), 1);
    assert_eq!(app.services.enqueue_due_reports().await.unwrap(), 0);
}

#[tokio::test]
async fn a_report_that_is_removed_is_made_no_further() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let id = request(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await.unwrap().id;
    let run = killed(&app, &org, id).await;
    app.services.remove_report(&org.permit().unwrap(), id).await.unwrap();
    let mut db = app.database.pool().acquire().await.unwrap();
    assert!(!reports::append(&mut db, &run, 1, b"more").await.unwrap());
    assert!(!reports::progress(&mut db, &run, (1, 2), app.services.now()).await.unwrap());
    assert_eq!((parts(&app, id).await, make(&app, &org, id).await), (0, Next::Ended));
    let gone = app.services.report(&org.permit().unwrap(), id).await;
    assert!(matches!(gone, Err(ServiceError::NotFound("report"))), "{gone:?}");
}

#[tokio::test]
async fn three_are_under_way_at_most() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let asked = ask(ReportFormat::Csv, "2026-11-01", "2026-11-02");
    let first = request(&app, &org, &asked).await.unwrap().id;
    request(&app, &org, &asked).await.unwrap();
    request(&app, &org, &asked).await.unwrap();
    let refused = request(&app, &org, &asked).await;
    assert!(matches!(refused, Err(ServiceError::PolicyRefused { policy: "reports-under-way", .. })), "{refused:?}");
    make(&app, &org, first).await;
    request(&app, &org, &asked).await.unwrap();
    request(&app, &owner(&app, PlanTier::Agency).await, &asked).await.expect("others are not in each other's way");
}

#[tokio::test]
async fn a_file_is_there_for_a_week_and_its_line_for_a_season() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (report, _) = made(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await;
    app.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    app.services.tidy().await.unwrap();
    assert!(download(&app, &org, report.id).await.is_ok());
    app.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(download(&app, &org, report.id).await, Err(ServiceError::Conflict(_))), "before the tidying, too");
    app.services.tidy().await.unwrap();
    assert_eq!(look(&app, &org, report.id).await.state, ReportState::Expired);
    assert_eq!(parts(&app, report.id).await, 0);
    app.clock.advance(TimeDelta::days(90));
    app.services.tidy().await.unwrap();
    assert!(app.services.reports(&org.permit().unwrap(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_plan_that_was_lost_meanwhile_fails_the_report_with_the_reason() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let json = request(&app, &org, &ask(ReportFormat::Json, "2026-11-01", "2026-11-02")).await.unwrap().id;
    let csv = request(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await.unwrap().id;
    let agency = app.moved_to(&org, PlanTier::Agency).await;
    make(&app, &agency, json).await;
    let failed = look(&app, &agency, json).await;
    assert_eq!(failed.state, ReportState::Failed);
    let why = failed.error.unwrap();
    assert!(why.contains("plan") && why.contains("Enterprise"), "{why}");
    app.moved_to(&org, PlanTier::Free).await;
    make(&app, &agency, csv).await;
    assert!(look(&app, &org, csv).await.error.unwrap().contains("Agency"));
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit_entries WHERE action LIKE 'REPORT%' ORDER BY at, id")
            .fetch_all(app.database.pool())
            .await
            .unwrap();
    assert_eq!(actions, ["REPORT_REQUESTED", "REPORT_REQUESTED", "REPORT_FAILED", "REPORT_FAILED"]);
}

#[tokio::test]
async fn what_is_done_to_a_report_is_in_the_log() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (report, _) = made(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await;
    app.services.remove_report(&org.permit().unwrap(), report.id).await.unwrap();
    let entries: Vec<(String, String, Option<String>, String)> = sqlx::query_as(
        "SELECT action, target_kind, target_name, actor_kind FROM audit_entries
         WHERE target_id = $1 ORDER BY at, id",
    )
    .bind(report.id.to_string())
    .fetch_all(app.database.pool())
    .await
    .unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| (entry.0.as_str(), entry.3.as_str())).collect();
    assert_eq!(
        actions,
        [("REPORT_REQUESTED", "USER"), ("REPORT_READY", "SYSTEM"), ("EXPORTED", "USER"), ("REPORT_REMOVED", "USER")]
    );
    for entry in &entries {
        assert_eq!((entry.1.as_str(), entry.2.as_deref()), ("REPORT", Some(report.file_name.as_str())), "{entry:?}");
    }
}

#[tokio::test]
async fn another_tenants_reports_are_not_there() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (env, _) = drifted(&app, &org, "Production").await;
    let incident = env.incident().await;
    let (report, _) = made(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await;
    for plan in PlanTier::ALL {
        let stranger = owner(&app, *plan).await;
        let services = &app.services;
        let answers = [
            services.report_permit(&stranger, report.id).await.map(drop),
            services.report_ask_permit(&stranger, Some(env.id), None).await.map(drop),
            services.report_ask_permit(&stranger, None, Some(incident)).await.map(drop),
        ];
        for answer in answers {
            assert!(matches!(answer, Err(ServiceError::NotFound(_))), "{plan}: {answer:?}");
        }
    }
    // Nor behind the gate.
    let permit = owner(&app, PlanTier::Enterprise).await.permit().unwrap();
    assert!(matches!(app.services.report(&permit, report.id).await, Err(ServiceError::NotFound("report"))));
    assert!(matches!(app.services.remove_report(&permit, report.id).await, Err(ServiceError::NotFound("report"))));
    let file = app.services.download_report(&permit, report.id).await;
    assert!(matches!(file, Err(ServiceError::NotFound("report"))));
    assert!(app.services.reports_page(&permit, None).await.unwrap().reports.is_empty());
}
