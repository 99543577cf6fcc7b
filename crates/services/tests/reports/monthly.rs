//! Monthly reports: one a month, however many replicas look, and a link to those who may read it.

use drift_domain::plan::PlanTier;
use drift_domain::report::{ReportFormat, ReportState};
use drift_domain::role::Role;
use drift_domain::views::ReportScheduleAsk;
use drift_services::ServiceError;
use drift_services::gate::Caller;
use drift_testkit::TestApp;

use crate::common::{go_to, look, make, owner};

fn ask(recipients: &[&Caller]) -> ReportScheduleAsk {
    let recipients = recipients.iter().map(|caller| caller.user_id).collect();
    ReportScheduleAsk { format: ReportFormat::Csv, environment: None, recipients }
}

#[tokio::test]
async fn each_month_has_one_report_with_two_replicas() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Agency).await;
    app.services.schedule_report(&org.permit().unwrap(), &ask(&[])).await.unwrap();
    let other = app.replica(app.database.pool().clone());
    assert_eq!(app.services.enqueue_due_reports().await.unwrap(), 0, "November goes on");
    let listed = async || app.services.reports(&org.permit().unwrap(), None, 10).await.unwrap();
    go_to(&app, "2026-12-01T00:00:00Z");
    let (one, two) = tokio::join!(app.services.enqueue_due_reports(), other.enqueue_due_reports());
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(other.enqueue_due_reports().await.unwrap(), 0);
    let reports = listed().await;
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].from, reports[0].to), ("2026-11-01".parse().ok(), "2026-11-30".parse().ok()));
    assert!(reports[0].requested_by.is_none() && reports[0].schedule_id.is_some());

    // Nobody looked for two months: each has its report.
    go_to(&app, "2027-02-10T00:00:00Z");
    let (mut asked, mut first_days) = (0, Vec::new());
    for _ in 0..3 {
        asked += app.services.enqueue_due_reports().await.unwrap();
    }
    first_days.extend(listed().await.iter().filter_map(|report| report.from).map(|day| day.to_string()));
    first_days.sort();
    assert_eq!(first_days, ["2026-11-01", "2026-12-01", "2027-01-01"], "{asked}");
}

#[tokio::test]
async fn recipients_who_still_may_are_mailed_a_link_and_never_the_file() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Agency).await;
    let (admin, fallen) = (app.member(&org, Role::Admin).await, app.member(&org, Role::Admin).await);
    let viewer = app.member(&org, Role::Viewer).await;
    let permit = org.permit().unwrap();
    let refused = app.services.schedule_report(&permit, &ask(&[&viewer])).await;
    assert!(matches!(refused, Err(ServiceError::Invalid { field: "recipients", .. })), "{refused:?}");
    let stranger = owner(&app, PlanTier::Agency).await;
    let refused = app.services.schedule_report(&permit, &ask(&[&stranger])).await;
    assert!(matches!(refused, Err(ServiceError::Invalid { field: "recipients", .. })), "{refused:?}");
    let schedule = app.services.schedule_report(&permit, &ask(&[&admin, &fallen, &admin])).await.unwrap();
    assert_eq!(schedule.recipients.len(), 2);
    app.services.change_role(&permit_of(&org), fallen.user_id, Role::Viewer).await.unwrap();
    app.mails().await;

    go_to(&app, "2026-12-01T00:10:00Z");
    app.services.enqueue_due_reports().await.unwrap();
    let id = app.services.reports(&permit, None, 1).await.unwrap()[0].id;
    make(&app, &org, id).await;
    assert_eq!(look(&app, &org, id).await.state, ReportState::Ready);
    let mails = app.mails().await;
    let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, [admin.email.as_str()]);
    assert!(mails[0].text.contains("http://workflowops.test/reports"), "{}", mails[0].text);
    assert!(mails[0].text.contains("workflowops-2026-11-01-to-2026-11-30.zip"));
}

fn permit_of(caller: &Caller) -> drift_services::gate::Permit<drift_services::gate::cap::Members> {
    caller.permit().unwrap()
}

#[tokio::test]
async fn an_ended_schedule_makes_nothing_more_and_leaves_what_it_made() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let permit = org.permit().unwrap();
    let schedule = app.services.schedule_report(&permit, &ask(&[&org])).await.unwrap();
    go_to(&app, "2026-12-01T00:10:00Z");
    app.services.enqueue_due_reports().await.unwrap();
    let stranger = owner(&app, PlanTier::Enterprise).await;
    let theirs = app.services.report_schedule_permit(&stranger, schedule.id).await.map(drop);
    assert!(matches!(theirs, Err(ServiceError::NotFound(_))), "{theirs:?}");
    app.services.unschedule_report(&permit, schedule.id).await.unwrap();
    go_to(&app, "2027-01-01T00:10:00Z");
    let id = app.services.reports(&permit, None, 10).await.unwrap()[0].id;
    make(&app, &org, id).await;
    assert_eq!(app.services.enqueue_due_reports().await.unwrap(), 0);
    assert!(app.mails().await.is_empty(), "nobody is a recipient of what was ended");
    assert_eq!(app.services.reports(&permit, None, 10).await.unwrap().len(), 1);
    assert_eq!(look(&app, &org, id).await.schedule_id, None);
}

#[tokio::test]
async fn ten_schedules_at_most() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    for _ in 0..10 {
        app.services.schedule_report(&org.permit().unwrap(), &ask(&[])).await.unwrap();
    }
    let refused = app.services.schedule_report(&org.permit().unwrap(), &ask(&[])).await;
    assert!(matches!(refused, Err(ServiceError::PolicyRefused { policy: "report-schedules", .. })), "{refused:?}");
}
