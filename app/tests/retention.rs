//! The page of retention, legal holds, and what an incident's page says of both, as a browser without scripts uses them.

mod browser;

use axum::http::StatusCode;
use browser::Browser;
use chrono::TimeDelta;
use drift_domain::change::DecisionKind;
use drift_domain::ids::IncidentId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::incidents::Choice;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

const ADDRESS: &str = "/retention";

/// What stands between two texts.
fn between<'h>(html: &'h str, from: &str, to: &str) -> &'h str {
    html.split(from).nth(1).unwrap_or_else(|| panic!("{from}")).split(to).next().unwrap()
}

/// An incident that is closed.
async fn closed(app: &TestApp, env: &TestEnvironment<'_>) -> IncidentId {
    let live = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&live, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let (id, services) = (env.incident().await, &app.services);
    let version = async || env.incident_page(id).await.version;
    services.acknowledge(&env.incident_permit(id).await, id, version().await, "On it".into(), None).await.unwrap();
    services.stabilize(&env.incident_permit(id).await, id, version().await, String::new()).await.unwrap();
    let (kind, reason) = (DecisionKind::Promote, "It is right".to_owned());
    let choice = Choice { changes: None, kind, reason, replacement: None };
    services.decide(&env.incident_permit(id).await, id, version().await, choice).await.unwrap();
    env.deploy_to_git(&live, "Take it over").await;
    env.check().await;
    services.reconcile(&env.incident_permit(id).await, id, version().await).await.unwrap();
    services.request_close(&env.incident_permit(id).await, id, version().await).await.unwrap();
    env.closing_check().await;
    id
}

#[tokio::test]
async fn an_incident_is_held_released_and_gone_with_what_it_was_in_its_place() {
    let app = TestApp::new().await;
    let mut owner = Browser::of_new(&app, PlanTier::Enterprise, Role::Owner).await;
    let env = app.environment(owner.caller(), "Production").await;
    let id = closed(&app, &env).await;
    let of_it = format!("/incidents/{id}");
    let page = owner.get(&of_it).await.html;
    assert!(page.contains("Place a legal hold") && !page.contains("data-hold=\"held\""));

    let place = format!("{ADDRESS}?incident={id}");
    assert!(owner.get(&place).await.html.contains("Hold INC-1"));
    let id_text = id.to_string();
    let blank = owner.post(&format!("{ADDRESS}/holds"), &[("incident", &id_text), ("reason", " ")]).await;
    assert_eq!(blank.location, place, "back to where it was typed");
    let page = owner.get(&place).await.html;
    assert!(between(&page, "id=\"place-hold\"", "</form>").contains("Say why"), "beside the field");
    let placed = owner.post(&format!("{ADDRESS}/holds"), &[("incident", &id_text), ("reason", "Case <7>")]).await;
    assert_eq!(placed.location, ADDRESS);
    let page = owner.get(ADDRESS).await.html;
    assert!(page.contains("INC-1") && page.contains("Case &lt;7&gt;") && page.contains("data-hold=\"held\""));
    assert!(owner.get(&of_it).await.html.contains("under a legal hold"));

    app.clock.advance(TimeDelta::days(2600));
    app.services.tidy().await.unwrap();
    let mut owner = Browser::again(&app, &owner.caller().email.clone()).await;
    let page = owner.get(ADDRESS).await.html;
    assert!(between(&page, "data-kind=\"INCIDENTS\"", "</tr>").contains("data-kept=\"HELD\""));
    let hold = between(&page, "/retention/holds/", "/release").to_owned();
    let blank = owner.post(&format!("{ADDRESS}/holds/{hold}/release"), &[("reason", " ")]).await;
    assert_eq!(blank.location, ADDRESS);
    let page = owner.get(ADDRESS).await.html;
    assert!(page.contains("Say why") && page.contains("data-hold=\"held\""));
    assert!(!between(&page, "id=\"place-hold\"", "</form>").contains("Say why"), "not beside another form's field");
    let released = owner.post(&format!("{ADDRESS}/holds/{hold}/release"), &[("reason", "Closed")]).await;
    assert_eq!(released.location, ADDRESS);
    assert!(owner.get(ADDRESS).await.html.contains("data-hold=\"released\""));
    app.services.tidy().await.unwrap();

    let gone = owner.get(&of_it).await;
    assert_eq!(gone.status, StatusCode::OK);
    assert!(gone.html.contains("INC-1 was removed") && gone.html.contains("Production"));
    let page = owner.get(ADDRESS).await.html;
    assert!(page.contains("Removed incidents") && page.contains("Closed incidents: 1"));
    let mut stranger = Browser::of_new(&app, PlanTier::Enterprise, Role::Owner).await;
    assert_eq!(stranger.get(&of_it).await.status, StatusCode::NOT_FOUND);
    assert!(!stranger.get(ADDRESS).await.html.contains("INC-1"));
}

#[tokio::test]
async fn below_enterprise_what_goes_is_seen_and_no_hold_is_offered() {
    let app = TestApp::new().await;
    let mut admin = Browser::of_new(&app, PlanTier::Free, Role::Admin).await;
    let page = admin.get(ADDRESS).await.html;
    assert!(page.contains("keeps 30 days of history") && page.contains("part of the Enterprise plan"));
    assert!(!page.contains("id=\"place-hold\""));
    let refused = admin.post(&format!("{ADDRESS}/holds"), &[("reason", "Case 7")]).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    let mut operator = Browser::of_new(&app, PlanTier::Enterprise, Role::Operator).await;
    assert_eq!(operator.get(ADDRESS).await.status, StatusCode::FORBIDDEN);
}
