//! The screens as a browser without scripts uses them: addresses, forms, redirects, cookies, status codes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use drift_domain::change::ChangeState;
use drift_domain::check::CheckTrigger;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::accounts::{Person, SignIn};
use drift_services::gate::Caller;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;
use http_body_util::BodyExt;
use leptos::config::LeptosOptions;
use secrecy::{ExposeSecret, SecretString};
use tower::ServiceExt;

const PASSWORD: &str = "correct horse battery staple";

/// A browser: it keeps its session cookie and follows nothing by itself.
struct Browser {
    screens: Router,
    session: Option<String>,
}

struct Answer {
    status: StatusCode,
    location: String,
    html: String,
}

impl Browser {
    fn new(app: &TestApp) -> Self {
        let options = LeptosOptions::builder()
            .output_name("workflowops")
            .site_root(concat!(env!("CARGO_MANIFEST_DIR"), "/../public"))
            .build();
        Self { screens: app::ssr::router(Arc::clone(&app.services), options), session: None }
    }

    async fn get(&mut self, address: &str) -> Answer {
        self.send(Request::get(address), Body::empty()).await
    }

    async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let request = Request::post(address).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(body.join("&"))).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Answer {
        let cookie = self.session.clone().unwrap_or_default();
        let request =
            request.header(header::COOKIE, cookie).header(header::HOST, "ops.example").body(body).expect("a request");
        let Ok(answer) = self.screens.clone().oneshot(request).await;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            if cookie.starts_with("workflowops_session=") {
                assert!(
                    cookie.contains("Max-Age=0") || (cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax")),
                    "{cookie}"
                );
                self.session = cookie.split(';').next().map(str::to_owned);
            }
        }
        Answer {
            status: answer.status(),
            location: answer.headers().get(header::LOCATION).map_or("", |to| to.to_str().expect("text")).to_owned(),
            html: String::from_utf8(answer.into_body().collect().await.expect("a body").to_bytes().to_vec())
                .expect("UTF-8"),
        }
    }
}

/// An organization with one member who can sign in; and that member's browser, signed in.
async fn signed_in(app: &TestApp, plan: PlanTier, role: Role) -> (Browser, Caller) {
    let organization =
        app.services.create_organization(&format!("{} {role}", plan.label()), plan).await.expect("a new organization");
    let email = format!("{}.{role}@example.com", plan.label()).to_lowercase();
    let person = Person { name: "Ada".to_owned(), email: email.clone(), password: SecretString::from(PASSWORD) };
    app.services.add_member(organization, person, role).await.expect("a new member");
    let attempt = SignIn { email, password: SecretString::from(PASSWORD), address: None, user_agent: String::new() };
    let signed_in = app.services.sign_in(attempt).await.expect("the right password");
    let mut browser = Browser::new(app);
    browser.session = Some(format!("workflowops_session={}", signed_in.token.expose_secret()));
    (browser, signed_in.caller)
}

#[tokio::test]
async fn the_first_visitor_sets_up_and_later_ones_sign_in() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/").await.location, "/setup");

    let fields = [("organization", "Northwind"), ("name", "Ada"), ("email", "ada@example.com"), ("password", "short")];
    let refused = browser.post("/setup", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.html.contains("value=\"Northwind\"") && refused.html.contains("password-error"));
    assert!(!refused.html.contains("value=\"short\""), "a password never comes back");

    let fields = [fields[0], fields[1], fields[2], ("password", PASSWORD)];
    assert_eq!(browser.post("/setup", &fields).await.location, "/");
    assert!(browser.get("/").await.html.contains("Connect the first environment"));
    assert_eq!(browser.get("/setup").await.location, "/", "there is somebody now");

    assert_eq!(browser.post("/sign-out", &[]).await.location, "/sign-in");
    assert_eq!(browser.get("/environments/new").await.location, "/sign-in?next=%2Fenvironments%2Fnew");
    let wrong = browser.post("/sign-in", &[("email", "ada@example.com"), ("password", "wrong")]).await;
    assert!(
        wrong.status.is_client_error()
            && wrong.html.contains("value=\"ada@example.com\"")
            && wrong.html.contains("role=\"alert\"")
    );
    let right = [("email", "ada@example.com"), ("password", PASSWORD), ("next", "/environments/new")];
    assert_eq!(browser.post("/sign-in", &right).await.location, "/environments/new");
    let elsewhere = [right[0], right[1], ("next", "//evil.example")];
    assert_eq!(browser.post("/sign-in", &elsewhere).await.location, "/");
}

#[tokio::test]
async fn drift_is_followed_from_the_list_to_the_line_and_decided_when_it_vanishes() {
    let app = TestApp::new().await;
    // On Pro no policy opens an incident.
    let (mut browser, caller) = signed_in(&app, PlanTier::Pro, Role::Owner).await;
    let environment = app.environment(&caller, "Acme production").await;
    let id = environment.agreed(&workflow("orders")).await;
    environment.check().await;
    let page = format!("/environments/{}", environment.id);
    assert!(browser.get(&page).await.html.contains("In sync: n8n and Git agree"));

    environment.edit(&id, "Total", |node| node["parameters"]["jsCode"] = "return [];".into());
    environment.check().await;
    let list = browser.get("/").await.html;
    assert!(list.contains("data-badge=\"DRIFT_DETECTED\"") && !list.contains("/drift"));
    assert!(browser.get(&page).await.html.contains(&format!("href=\"{page}/drift\"")));

    let workspace = browser.get(&format!("{page}/drift")).await.html;
    assert!(workspace.contains("Finish review"), "the adoption review is open");
    let change = format!("{page}/drift/changes/{}", environment.change().await.id);
    assert!(workspace.contains(&format!("href=\"{change}\"")));
    let diff = browser.get(&change).await;
    assert_eq!(diff.status, StatusCode::OK);
    for part in
        ["data-node=\"Total\"", "data-path=\"parameters.jsCode\"", "n8n was changed since both sides last agreed"]
    {
        assert!(diff.html.contains(part), "{part}");
    }
    let filtered = browser.get(&format!("{page}/drift?origin=UNDEPLOYED")).await.html;
    assert!(filtered.contains("No change matches") && filtered.contains("Origin: Undeployed"));

    environment.deploy_to_git(&id, "Take the hotfix over").await;
    environment.check().await;
    assert_eq!(environment.change().await.state, ChangeState::Vanished);
    let asks = browser.get(&format!("{page}/drift")).await.html;
    assert!(asks.contains("Git now holds what was in n8n") && asks.contains("Take the hotfix over"));
    let silent = browser.post(&format!("{change}/decision"), &[("decision", "PROMOTE"), ("reason", " ")]).await;
    assert_eq!(silent.location, format!("{page}/drift"));
    assert!(browser.get(&silent.location).await.html.contains("data-said=\"bad\""), "no decision without a reason");
    let said =
        browser.post(&format!("{change}/decision"), &[("decision", "PROMOTE"), ("reason", "reviewed on Monday")]).await;
    let after = browser.get(&said.location).await.html;
    assert!(after.contains("data-said=\"good\"") && after.contains("n8n and Git agree"));
    assert!(!browser.get(&said.location).await.html.contains("data-said"), "a notice is told once");
    assert!(browser.get(&change).await.html.contains("reviewed on Monday"), "the decision stays on record");
}

/// The version that a page's forms carry.
fn version(html: &str) -> String {
    let rest = html.split("name=\"version\" value=\"").nth(1).expect("a form with the version");
    rest.split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn an_incident_is_led_from_drift_to_its_receipt_by_forms_alone() {
    let app = TestApp::new().await;
    let (mut browser, caller) = signed_in(&app, PlanTier::Pro, Role::Owner).await;
    let environment = app.environment(&caller, "Acme production").await;
    let id = environment.agreed(&workflow("orders")).await;
    environment.check().await;
    let page = format!("/environments/{}", environment.id);
    assert!(
        !browser.get(&format!("{page}/drift")).await.html.contains("Create drift incident"),
        "there is nothing to manage"
    );
    let nothing = browser.post(&format!("{page}/drift/incident"), &[("reason", "just so")]).await;
    let refused = browser.get(&nothing.location).await.html;
    assert!(refused.contains("data-said=\"bad\"") && refused.contains("Nothing differs"), "{}", nothing.location);

    environment.edit(&id, "Total", |node| node["parameters"]["jsCode"] = "return [];".into());
    environment.check().await;
    let created = browser.post(&format!("{page}/drift/incident"), &[("reason", "")]).await.location;
    assert!(created.starts_with("/incidents/"), "{created}");
    assert_eq!(browser.get(&format!("{page}/drift")).await.location, created, "View Drift leads to the incident");
    let everything = browser.get(&format!("{page}/drift?view=all")).await;
    assert_eq!(everything.status, StatusCode::OK);
    assert!(everything.html.contains(&format!("href=\"{created}\"")));
    assert!(browser.get("/incidents").await.html.contains("data-incident=\"INC-1\""));
    assert!(browser.get("/incidents?owner=mine").await.html.contains("No incident matches"));

    let first = browser.get(&created).await.html;
    let seen = version(&first);
    let silent = browser.post(&format!("{created}/acknowledge"), &[("version", &seen), ("reason", " ")]).await;
    let again = browser.get(&silent.location).await.html;
    assert!(again.contains("data-said=\"bad\"") && again.contains("data-status=\"DETECTED\""));
    browser.post(&format!("{created}/acknowledge"), &[("version", &seen), ("reason", "on it"), ("owner", "")]).await;
    let taken = browser.get(&created).await.html;
    assert!(taken.contains("data-status=\"ACKNOWLEDGED\"") && taken.contains("on it"));

    // A second window that still shows the first version.
    let change = environment.change().await.id.to_string();
    let late =
        [("version", seen.as_str()), ("change", &change), ("kind", "REVERT"), ("reason", "typed for a long time")];
    let refused = browser.post(&format!("{created}/decisions"), &late).await;
    let refused = browser.get(&refused.location).await.html;
    assert!(
        refused.contains("Meanwhile") && refused.contains("value=\"typed for a long time\""),
        "kept where it was typed"
    );
    let now = version(&refused);
    let in_time = [("version", now.as_str()), ("change", &change), ("kind", "REVERT"), ("reason", "a mistake")];
    browser.post(&format!("{created}/decisions"), &in_time).await;
    assert!(browser.get(&created).await.html.contains("data-artifact-state=\"PENDING\""));
    let diff = browser.get(&format!("{created}/changes/{change}")).await;
    assert_eq!(diff.status, StatusCode::OK);
    assert!(diff.html.contains("data-path=\"parameters.jsCode\"") && diff.html.contains("Reverted to Git"));

    let original = workflow("orders")["nodes"].clone();
    environment.edit(&id, "Total", |node| {
        let before = original.as_array().into_iter().flatten().find(|node| node["name"] == "Total").cloned();
        *node = before.expect("the workflow has that node");
    });
    environment.check().await;
    let done = browser.get(&created).await.html;
    assert!(done.contains("data-artifact-state=\"SUCCESS\""), "a check verified it");
    browser.post(&format!("{created}/reconcile"), &[("version", &version(&done))]).await;
    let reconciled = browser.get(&created).await.html;
    assert!(reconciled.contains("data-status=\"RECONCILED\""));
    assert_eq!(browser.get(&format!("{created}/receipt.json")).await.status, StatusCode::NOT_FOUND);
    browser.post(&format!("{created}/close"), &[("version", &version(&reconciled))]).await;
    assert!(browser.get(&created).await.html.contains("data-closing=\"CHECKING\""));
    app.services.run_check(environment.id, CheckTrigger::Closing, None).await.expect("a check");
    let closed = browser.get(&created).await.html;
    assert!(closed.contains("data-status=\"CLOSED\"") && closed.contains("data-receipt="));
    assert!(browser.get(&format!("{created}/receipt.json")).await.html.contains("REVERT"));

    let (mut stranger, _) = signed_in(&app, PlanTier::Agency, Role::Owner).await;
    for address in ["", "/receipt.json", &format!("/changes/{change}")] {
        assert_eq!(stranger.get(&format!("{created}{address}")).await.status, StatusCode::NOT_FOUND, "{address}");
    }
    for form in
        ["acknowledge", "stabilize", "reconcile", "close", "decisions", "owner", "ticket", "severity", "comments"]
    {
        let answer = stranger.post(&format!("{created}/{form}"), &[("version", "1"), ("text", "x")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{form}");
    }
    let (mut free, _) = signed_in(&app, PlanTier::Free, Role::Owner).await;
    let refused = free.get("/incidents").await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert!(
        refused.html.contains("Pro plan") && !refused.html.contains("href=\"/incidents\""),
        "no way into a refusal"
    );
}

#[tokio::test]
async fn a_plan_without_diffs_sees_drift_and_is_told_what_shows_more() {
    let app = TestApp::new().await;
    let (mut browser, caller) = signed_in(&app, PlanTier::Free, Role::Owner).await;
    let environment = app.environment(&caller, "Side project").await;
    let id = environment.agreed(&workflow("orders")).await;
    environment.check().await;
    environment.edit(&id, "Total", |node| node["parameters"]["jsCode"] = "return [];".into());
    environment.check().await;
    let page = format!("/environments/{}", environment.id);
    assert!(browser.get(&page).await.html.contains("Drift detected: 1 workflow differs"));
    let workspace = browser.get(&format!("{page}/drift")).await.html;
    let change = format!("{page}/drift/changes/{}", environment.change().await.id);
    assert!(!workspace.contains(&format!("href=\"{change}\"")), "no link into a refusal");
    assert!(workspace.contains("Putting it right by hand") && workspace.contains("Pro plan"));
    let file = drift_testkit::app::path(&id);
    for said in [format!("Import {file} of "), format!("commit it as {file} on main of "), format!("/workflow/{id}\"")]
    {
        assert!(workspace.contains(&said), "for this very change: {said}");
    }
    let refused = browser.get(&change).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert!(refused.html.contains("data-refused=\"PRO\"") && !refused.html.contains("return []"));
}

#[tokio::test]
async fn a_viewer_looks_and_does_nothing_and_strangers_find_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let environment = app.environment(&owner, "Theirs").await;
    let (mut stranger, _) = signed_in(&app, PlanTier::Agency, Role::Owner).await;
    for address in ["", "/drift", "/settings", "/drift/checks"] {
        let answer = stranger.get(&format!("/environments/{}{address}", environment.id)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        assert!(!answer.html.contains("Theirs"));
    }
    let recheck = stranger.post(&format!("/environments/{}/drift/recheck", environment.id), &[]).await;
    assert_eq!(recheck.status, StatusCode::NOT_FOUND);

    let (mut viewer, _) = signed_in(&app, PlanTier::Pro, Role::Viewer).await;
    assert!(viewer.get("/").await.html.contains("Ask an administrator"));
    assert_eq!(viewer.get("/environments/new").await.status, StatusCode::FORBIDDEN);
    assert_eq!(viewer.post("/environments", &[("name", "x")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(viewer.get("/environments/not-an-id").await.status, StatusCode::NOT_FOUND);
    assert_eq!(viewer.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    assert_eq!(viewer.get("/sign-out").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_environment_is_connected_through_the_form_and_secrets_stay_where_they_are() {
    let app = TestApp::new().await;
    let (mut browser, caller) = signed_in(&app, PlanTier::Pro, Role::Admin).await;
    let existing = app.environment(&caller, "First").await;
    let draft = &existing.draft;
    let fields = |repository: &'static str, name: &'static str| {
        [
            ("name", name.to_owned()),
            ("class", "STAGING".to_owned()),
            ("n8n_base_url", draft.n8n_base_url.clone()),
            ("n8n_api_key", draft.n8n_api_key.clone()),
            ("git_api_base", draft.git_api_base.clone()),
            ("repository", repository.to_owned()),
            ("git_ref", "main".to_owned()),
            ("git_folder", draft.git_folder.clone()),
            ("path_template", "team/{slug}.json".to_owned()),
            ("git_credentials", "TOKEN".to_owned()),
            ("git_token", draft.git_token.clone()),
            ("interval_seconds", "60".to_owned()),
        ]
    };
    fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
        fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    let wrong = fields("not a repository", "Second");
    let refused = browser.post("/environments", &pairs(&wrong)).await;
    assert_eq!(refused.location, "/environments/new");
    let again = browser.get("/environments/new").await.html;
    assert!(again.contains("repository-error") && again.contains("value=\"Second\""), "what was typed is there again");
    assert!(!again.contains(&draft.git_token) && !again.contains(&draft.n8n_api_key), "secrets are not");

    let nowhere = fields("acme/nowhere", "Second");
    let report = browser.post("/environments/test", &pairs(&nowhere)).await.html;
    assert!(report.contains("n8n works") && report.contains("GitHub does not work"), "{report}");
    let right = fields("acme/workflows", "Second");
    let report = browser.post("/environments/test", &pairs(&right)).await.html;
    assert!(report.contains("n8n works") && report.contains("GitHub works"));
    let example = "becomes workflows/team/order-intake-eu.json";
    assert!(report.contains(example), "what a new workflow's file would be called");
    let connected = browser.post("/environments", &pairs(&right)).await.location;
    let page = browser.get(&connected).await.html;
    assert!(page.contains("Second") && page.contains("not compared yet") && page.contains("View Drift"));

    let settings = browser.get(&format!("{connected}/settings")).await.html;
    assert!(settings.contains("http://workflowops.test/webhooks/github/") && !settings.contains(&draft.git_token));
    assert!(settings.contains("value=\"team/{slug}.json\"") && settings.contains(example));
}

#[tokio::test]
async fn files_are_served_and_may_be_kept() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app);
    let robots = browser.get("/robots.txt").await;
    assert_eq!((robots.status, robots.html.contains("Disallow: /")), (StatusCode::OK, true));
    assert_eq!(browser.get("/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_say_what_happened_and_refuse_what_is_no_range() {
    let app = TestApp::new().await;
    let (mut browser, owner) = signed_in(&app, PlanTier::Agency, Role::Owner).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = true.into());
    env.check().await;
    env.incident().await;
    app.clock.advance(chrono::TimeDelta::seconds(1));
    let html = browser.get("/metrics").await.html;
    assert!(html.contains("Active incidents now"), "{html}");
    assert!(html.contains("Drift, as CSV") && html.contains("/api/v1/metrics/drift/csv?from="), "{html}");
    assert!(html.contains("90 % within 1 min 0 s"), "the time to detect");
    let reversed = browser.get("/metrics?from=2026-11-02&to=2026-11-01").await;
    assert_eq!(reversed.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(reversed.html.contains("The range ends before it begins."), "{}", reversed.html);
    let stranger = browser.get("/metrics?environment=00000000-0000-7000-8000-000000000000").await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
}
