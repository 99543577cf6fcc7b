//! Organizations with incidents at known times, and the worker's part played by hand.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use drift_domain::change::DecisionKind;
use drift_domain::ids::{IncidentId, ReportId};
use drift_domain::plan::PlanTier;
use drift_domain::report::{ReportFormat, ReportState};
use drift_domain::views::{ReportAsk, ReportView};
use drift_services::ServiceResult;
use drift_services::gate::Caller;
use drift_services::incidents::Choice;
use drift_services::notify::Next;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

pub fn go_to(app: &TestApp, time: &str) {
    let time: DateTime<Utc> = time.parse().unwrap();
    app.clock.advance(time - app.services.now());
}

/// An environment with a hotfix that a check has seen.
pub async fn drifted<'a>(app: &'a TestApp, owner: &Caller, name: &str) -> (TestEnvironment<'a>, String) {
    let env = app.environment(owner, name).await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    (env, id)
}

/// Takes an incident from where nobody has taken it on to closed.
pub async fn close(app: &TestApp, env: &TestEnvironment<'_>, id: IncidentId, live: &str, reason: &str) {
    let services = &app.services;
    let version = async || env.incident_page(id).await.version;
    let why = || reason.to_owned();
    services.acknowledge(&env.incident_permit(id).await, id, version().await, why(), None).await.unwrap();
    services.stabilize(&env.incident_permit(id).await, id, version().await, why()).await.unwrap();
    let choice = Choice { changes: None, kind: DecisionKind::Promote, reason: why(), replacement: None };
    services.decide(&env.incident_permit(id).await, id, version().await, choice).await.unwrap();
    env.deploy_to_git(live, "Take the hotfix over").await;
    env.check().await;
    services.reconcile(&env.incident_permit(id).await, id, version().await).await.unwrap();
    services.request_close(&env.incident_permit(id).await, id, version().await).await.unwrap();
    env.closing_check().await;
}

pub fn ask(format: ReportFormat, from: &str, to: &str) -> ReportAsk {
    let day = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
    ReportAsk { format, from: day(from), to: day(to), environment: None, incident: None }
}

pub async fn request(app: &TestApp, caller: &Caller, ask: &ReportAsk) -> ServiceResult<ReportView> {
    let permit = app.services.report_ask_permit(caller, ask.environment, ask.incident).await?;
    app.services.request_report(&permit, ask).await
}

pub async fn make(app: &TestApp, caller: &Caller, id: ReportId) -> Next {
    app.services.make_report(caller.organization_id, id).await.unwrap()
}

pub async fn look(app: &TestApp, caller: &Caller, id: ReportId) -> ReportView {
    app.services.report(&caller.permit().unwrap(), id).await.unwrap()
}

/// Asks for a report, makes it, and takes its file away.
pub async fn made(app: &TestApp, caller: &Caller, ask: &ReportAsk) -> (ReportView, Vec<u8>) {
    let id = request(app, caller, ask).await.unwrap().id;
    assert_eq!(make(app, caller, id).await, Next::Ended);
    let report = look(app, caller, id).await;
    assert_eq!((report.state, &report.error), (ReportState::Ready, &None));
    let bytes = download(app, caller, id).await.unwrap();
    (report, bytes)
}

pub async fn download(app: &TestApp, caller: &Caller, id: ReportId) -> ServiceResult<Vec<u8>> {
    let permit = app.services.report_permit(caller, id).await?;
    let mut file = app.services.download_report(&permit, id).await?;
    let mut bytes = Vec::new();
    while let Some(part) = file.next().await? {
        bytes.extend(part);
    }
    Ok(bytes)
}

/// The rows of each CSV file of a zip, by the file's name, each row by its headings.
pub fn unzip(bytes: &[u8]) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = zip.file_names().filter(|name| name.ends_with(".csv")).map(str::to_owned).collect();
    names
        .into_iter()
        .map(|name| {
            let mut text = String::new();
            zip.by_name(&name).unwrap().read_to_string(&mut text).unwrap();
            let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize().map(Result::unwrap).collect();
            (name, rows)
        })
        .collect()
}

/// The numbers of the incidents in a zip.
pub fn numbers(bytes: &[u8]) -> Vec<i64> {
    unzip(bytes)["incidents.csv"].iter().map(|row| row["incident"].parse().unwrap()).collect()
}

pub async fn owner(app: &TestApp, plan: PlanTier) -> Caller {
    app.organization(plan).await
}

/// A lease is over.
pub fn silence(app: &TestApp) {
    app.clock.advance(TimeDelta::seconds(31));
}

pub async fn parts(app: &TestApp, id: ReportId) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM report_chunks WHERE report_id = $1");
    count.bind(id.0).fetch_one(app.database.pool()).await.unwrap()
}
