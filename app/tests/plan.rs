//! The plan's pages and the forms of overrides, as a browser without scripts uses them.

mod browser;

use axum::http::StatusCode;
use browser::Browser;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

const PLAN: &str = "/settings/plan";

/// Keeps a page beside the other previews, to be looked at.
fn keep(file: &str, html: &str) {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/preview"));
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{file}.html")), html).unwrap();
}

/// The value of a hidden field.
fn hidden(html: &str, name: &str) -> String {
    let after = html.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name);
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_tier_is_looked_at_before_it_is_chosen_and_the_reason_is_kept() {
    let app = TestApp::new().await;
    let mut owner = Browser::of_new(&app, PlanTier::Free, Role::Owner).await;
    let page = owner.get(PLAN).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("Your plan") && page.html.contains("Nobody has changed the plan"));
    assert_eq!(page.html.matches("data-locked").count(), 3, "what shows drift is locked");
    keep("plan-free", &page.html);

    let tier = format!("{PLAN}/tier?to=AGENCY");
    assert!(page.html.contains(&tier));
    let effect = owner.get(&tier).await;
    assert!(effect.html.contains("Gained") && effect.html.contains("Drift is detected and seen as before"));
    keep("plan-effect", &effect.html);
    let version = hidden(&effect.html, "version");
    let save = async |owner: &Browser, reason: &str| {
        let fields = [("plan", "AGENCY"), ("version", version.as_str()), ("reason", reason)];
        owner.post(&format!("{PLAN}/tier"), &fields).await
    };
    assert_eq!(save(&owner, " ").await.location, tier, "without a reason, back to it");
    assert!(owner.get(&tier).await.html.contains("reason-error"));
    assert_eq!(save(&owner, "Ten clients").await.location, PLAN);
    let after = owner.get(PLAN).await;
    assert!(after.html.contains("The plan is Agency instead of Free") && after.html.contains("Ten clients"));
    assert_eq!(save(&owner, "Again").await.location, PLAN, "an old page changes nothing");
    assert!(owner.get(PLAN).await.html.contains("data-said=\"bad\""));
}

#[tokio::test]
async fn a_limit_is_typed_looked_at_and_saved() {
    let app = TestApp::new().await;
    let mut admin = Browser::of_new(&app, PlanTier::Agency, Role::Admin).await;
    let form = format!("{PLAN}/limit?plan=AGENCY&limit=OVERRIDE_DAYS");
    let page = admin.get(PLAN).await.html;
    assert!(page.contains(&form.replace('&', "&amp;")), "every limit that can move has its form");
    assert!(!page.contains("plan=PRO&amp;limit=OPEN_INCIDENTS"), "and one that cannot has none");
    assert!(admin.get(&form).await.html.contains("Show what it does"));
    assert!(admin.get(&format!("{form}&value=9")).await.html.contains("value-error"));
    let shown = admin.get(&format!("{form}&value=3")).await;
    assert!(shown.html.contains("data-effect") && shown.html.contains("instead of 7 days"));
    keep("plan-limit", &shown.html);
    let version = hidden(&shown.html, "version");
    let fields = [
        ("plan", "AGENCY"),
        ("limit", "OVERRIDE_DAYS"),
        ("value", "3"),
        ("version", version.as_str()),
        ("reason", "Weekly review"),
    ];
    assert_eq!(admin.post(&format!("{PLAN}/limit"), &fields).await.location, format!("{PLAN}#limits"));
    let after = admin.get(PLAN).await.html;
    assert!(after.contains("instead of 7 days: Weekly review"));
    keep("plan-agency", &after);
}

#[tokio::test]
async fn a_member_asks_and_reads_the_answer() {
    let app = TestApp::new().await;
    let mut owner = Browser::of_new(&app, PlanTier::Free, Role::Owner).await;
    let mut viewer = Browser::of(&app, owner.caller().organization_id, Role::Viewer).await;
    let ask = viewer.get(&format!("{PLAN}?capability=DIFF")).await.html;
    assert!(ask.contains("Ask for the Pro plan") && !ask.contains("/tier?to=") && !ask.contains("/limit?"));
    assert_eq!(hidden(&ask, "capability"), "DIFF");
    keep("plan-viewer", &ask);
    let fields = [("plan", "PRO"), ("capability", "DIFF"), ("environment", ""), ("note", "Nights are long")];
    assert_eq!(viewer.post(&format!("{PLAN}/requests"), &fields).await.location, format!("{PLAN}?capability=DIFF"));
    assert!(viewer.get(PLAN).await.html.contains("Nobody has answered yet"));
    let refused = viewer.post(&format!("{PLAN}/tier"), &[("plan", "PRO"), ("version", "0"), ("reason", "x")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let page = owner.get(PLAN).await.html;
    assert!(page.contains("Nights are long") && page.contains("Seeing what differs inside a workflow"));
    keep("plan-request", &page);
    let answer = page.split("action=\"").find(|rest| rest.starts_with(&format!("{PLAN}/requests/"))).unwrap();
    let answer = answer.split('"').next().unwrap();
    owner.post(answer, &[("answer", "decline"), ("words", "Next quarter")]).await;
    assert!(viewer.get(PLAN).await.html.contains("declined it"));
}

#[tokio::test]
async fn a_difference_is_accepted_for_a_time_and_said_so_everywhere() {
    let app = TestApp::new().await;
    let mut operator = Browser::of_new(&app, PlanTier::Free, Role::Owner).await;
    let env = app.environment(operator.caller(), "Studio").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = "return [];".into());
    env.check().await;
    let change = env.change().await.id;
    let (page, drift) = (format!("/environments/{}", env.id), format!("/environments/{}/drift", env.id));
    let workspace = operator.get(&drift).await.html;
    assert!(workspace.contains("data-upgrade=\"PRO\""), "the way up is there");
    let form = format!("{drift}/changes/{change}/override");
    let days = operator.post(&form, &[("reason", "Known"), ("days", "31")]).await;
    assert_eq!(days.location, drift);
    assert!(operator.get(&drift).await.html.contains("takes overrides of 1 day to 30 days"));
    assert_eq!(operator.post(&form, &[("reason", "Until Monday"), ("days", "3")]).await.location, drift);
    let workspace = operator.get(&drift).await.html;
    assert!(workspace.contains("Accepted for a time") && workspace.contains("Until Monday"));
    keep("drift-overridden", &workspace);
    let shown = operator.get(&page).await.html;
    assert!(shown.contains("data-banner=\"DRIFT_DETECTED\"") && shown.contains("1 of them is accepted for a time"));
    keep("environment-overridden", &shown);
    operator.get(&drift).await;
    assert_eq!(operator.post(&format!("{form}/end"), &[]).await.location, drift);
    assert!(operator.get(&drift).await.html.contains("The override was ended by"));
}
