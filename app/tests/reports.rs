//! The page of compliance reports, as a browser without scripts uses it.

mod browser;

use axum::http::StatusCode;
use browser::Browser;
use drift_domain::ids::{OrganizationId, ReportId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

const ADDRESS: &str = "/reports";

/// What stands between two texts.
fn between<'h>(html: &'h str, from: &str, to: &str) -> &'h str {
    html.split(from).nth(1).unwrap_or_else(|| panic!("{from}")).split(to).next().unwrap()
}

/// Makes the report that the page names, as the worker does.
async fn make(app: &TestApp, organization: OrganizationId, html: &str) -> ReportId {
    let id: ReportId = between(html, "id=\"report-", "\"").parse().unwrap();
    app.services.make_report(organization, id).await.unwrap();
    id
}

#[tokio::test]
async fn a_report_is_asked_for_made_offered_and_removed() {
    let app = TestApp::new().await;
    let mut admin = Browser::of_new(&app, PlanTier::Enterprise, Role::Admin).await;
    let organization = admin.caller().organization_id;
    assert!(admin.get("/").await.html.contains("href=\"/reports\""), "the menu leads there");
    let page = admin.get(ADDRESS).await.html;
    assert!(page.contains("There is no report.") && page.contains("value=\"JSON\""));

    let wrong = [("format", "CSV"), ("from", "2026-11-02"), ("to", "2026-11-01"), ("environment", "")];
    assert_eq!(admin.post(ADDRESS, &wrong).await.location, ADDRESS);
    let page = admin.get(ADDRESS).await.html;
    let form = between(&page, "id=\"ask\"", "</form>");
    assert!(form.contains("end before they begin") && form.contains("value=\"2026-11-02\""), "as it was typed");

    let asked = [("format", "CSV"), ("from", "2026-11-01"), ("to", "2026-11-02"), ("environment", "")];
    assert_eq!(admin.post(ADDRESS, &asked).await.location, ADDRESS);
    let page = admin.get(ADDRESS).await.html;
    assert!(page.contains("data-report=\"QUEUED\"") && page.contains("Waiting") && page.contains("Look again"));
    assert!(!page.contains("/file\""), "there is nothing to take yet");
    let id = make(&app, organization, &page).await;
    let page = admin.get(ADDRESS).await.html;
    assert!(page.contains("data-report=\"READY\"") && page.contains(&format!("/api/v1/reports/{id}/file")));
    assert!(page.contains("All environments, 2026-11-01 to 2026-11-02") && !page.contains("Look again"));

    assert_eq!(admin.post(&format!("{ADDRESS}/{id}/remove"), &[]).await.location, ADDRESS);
    let page = admin.get(ADDRESS).await.html;
    assert!(page.contains("The report is removed.") && page.contains("There is no report."));
    assert_eq!(admin.post(&format!("{ADDRESS}/{id}/remove"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_incidents_page_leads_to_its_report() {
    let app = TestApp::new().await;
    let mut owner = Browser::of_new(&app, PlanTier::Agency, Role::Owner).await;
    let env = app.environment(owner.caller(), "Production <EU>").await;
    let live = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&live, "Total", |node| node["disabled"] = serde_json::json!(true));
    env.check().await;
    let incident = env.incident().await;
    let page = owner.get(&format!("/incidents/{incident}")).await.html;
    assert!(page.contains(&format!("/reports?incident={incident}#ask")));
    let page = owner.get(&format!("{ADDRESS}?incident={incident}")).await.html;
    let form = between(&page, "id=\"ask\"", "</form>");
    assert!(form.contains("Report on INC-1") && !form.contains("type=\"date\""));
    assert!(!form.contains("value=\"JSON\""), "Agency has CSV alone");
    let text = incident.to_string();
    assert_eq!(owner.post(ADDRESS, &[("format", "CSV"), ("incident", &text)]).await.location, ADDRESS);
    let page = owner.get(ADDRESS).await.html;
    assert!(between(&page, "data-report=", "</tr>").contains("INC-1"));
    assert!(page.contains("last 90 days") && page.contains("Production &lt;EU&gt;"));

    let mut stranger = Browser::of_new(&app, PlanTier::Agency, Role::Owner).await;
    assert_eq!(stranger.get(&format!("{ADDRESS}?incident={incident}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.post(ADDRESS, &[("format", "CSV"), ("incident", &text)]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_monthly_report_is_set_up_and_ended() {
    let app = TestApp::new().await;
    let mut owner = Browser::of_new(&app, PlanTier::Agency, Role::Owner).await;
    let (me, name) = (owner.caller().user_id.to_string(), owner.caller().name.clone());
    let schedules = format!("{ADDRESS}/schedules");
    let wrong = [("format", "CSV"), ("recipients", "00000000-0000-7000-8000-000000000000")];
    owner.post(&schedules, &wrong).await;
    let page = owner.get(ADDRESS).await.html;
    assert!(between(&page, "id=\"monthly\"", "</section>").contains("no member who may read reports"));
    owner.post(&schedules, &[("format", "CSV"), ("environment", ""), ("recipients", &me)]).await;
    let page = owner.get(ADDRESS).await.html;
    let monthly = between(&page, "data-schedule=", "</li>");
    assert!(monthly.contains("Next on November 2026") && monthly.contains(&format!("A link is mailed to {name}")));
    let id = monthly.split('"').nth(1).unwrap().to_owned();
    owner.post(&format!("{schedules}/{id}/remove"), &[]).await;
    assert!(owner.get(ADDRESS).await.html.contains("No report is made every month."));
}

#[tokio::test]
async fn below_agency_and_below_an_administrator_there_is_nothing_to_see() {
    let app = TestApp::new().await;
    let mut owner = Browser::of_new(&app, PlanTier::Pro, Role::Owner).await;
    assert!(!owner.get("/").await.html.contains("href=\"/reports\""));
    let locked = owner.get(ADDRESS).await;
    assert_eq!(locked.status, StatusCode::PAYMENT_REQUIRED);
    assert!(locked.html.contains("Agency"), "it says which plan has it");
    let mut operator = Browser::of_new(&app, PlanTier::Enterprise, Role::Operator).await;
    assert_eq!(operator.get(ADDRESS).await.status, StatusCode::FORBIDDEN);
    let asked = [("format", "CSV"), ("from", "2026-11-01"), ("to", "2026-11-02")];
    assert_eq!(operator.post(ADDRESS, &asked).await.status, StatusCode::FORBIDDEN);
}
