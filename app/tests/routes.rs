//! Every address that takes a form, with the capability that its gate asks for. One that is not listed here fails a test, and
//! each one that is gets walked: without a session, and as a stranger.

mod browser;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use browser::Browser;
use drift_domain::failure::Side;
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::reconciliation::Target;
use drift_domain::role::Role;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

/// The forms, and what each asks of its sender; `None` where that is a session at most, for what is the sender's own.
const FORMS: &[(&str, Option<Capability>)] = &[
    ("/setup", None),
    ("/sign-in", None),
    ("/sign-out", None),
    ("/organization", None),
    ("/theme", None),
    ("/environments", Some(Capability::Configure)),
    ("/environments/test", Some(Capability::Configure)),
    ("/environments/{id}/settings", Some(Capability::Configure)),
    ("/environments/{id}/test", Some(Capability::Configure)),
    ("/environments/{id}/drift/changes/{change}/decision", Some(Capability::ConfirmVanished)),
    ("/environments/{id}/drift/changes/{change}/override", Some(Capability::Override)),
    ("/environments/{id}/drift/changes/{change}/override/end", Some(Capability::Override)),
    ("/environments/{id}/drift/recheck", Some(Capability::Recheck)),
    ("/environments/{id}/drift/links", Some(Capability::Configure)),
    ("/environments/{id}/drift/adoption", Some(Capability::Configure)),
    ("/environments/{id}/drift/incident", Some(Capability::ManageIncidents)),
    ("/incidents/{id}/acknowledge", Some(Capability::Lifecycle)),
    ("/incidents/{id}/stabilize", Some(Capability::Stabilize)),
    ("/incidents/{id}/reconcile", Some(Capability::Lifecycle)),
    ("/incidents/{id}/close", Some(Capability::Lifecycle)),
    ("/incidents/{id}/decisions", Some(Capability::Decide)),
    ("/incidents/{id}/owner", Some(Capability::Ownership)),
    ("/incidents/{id}/ticket", Some(Capability::TicketLink)),
    ("/incidents/{id}/severity", Some(Capability::AdjustSeverity)),
    ("/incidents/{id}/extend", Some(Capability::Extend)),
    ("/incidents/{id}/comments", Some(Capability::ManageIncidents)),
    ("/incidents/{id}/reconciliations", Some(Capability::Execute)),
    ("/incidents/{id}/reconciliations/{reconciliation}/carry-out", Some(Capability::Execute)),
    ("/incidents/{id}/reconciliations/{reconciliation}/cancel", Some(Capability::Execute)),
    ("/incidents/{id}/reconciliations/{reconciliation}/retry", Some(Capability::Execute)),
    ("/incidents/{id}/changes/{change}/restore", Some(Capability::Execute)),
    ("/environments/{id}/drift/deployments", Some(Capability::Deploy)),
    ("/environments/{id}/drift/reconciliations/{reconciliation}/carry-out", Some(Capability::Execute)),
    ("/environments/{id}/drift/reconciliations/{reconciliation}/cancel", Some(Capability::Execute)),
    ("/environments/{id}/drift/reconciliations/{reconciliation}/retry", Some(Capability::Execute)),
    ("/environments/{id}/drift/changes/{change}/restore", Some(Capability::Execute)),
    ("/settings/plan/tier", Some(Capability::ManagePlan)),
    ("/settings/plan/limit", Some(Capability::ManagePlan)),
    ("/settings/plan/requests", Some(Capability::RequestUpgrade)),
    ("/settings/plan/requests/{id}", Some(Capability::ManagePlan)),
];

/// The forms about people, which are not walked here yet.
const PEOPLE: &[(&str, Option<Capability>)] = &[
    ("/reset", None),
    ("/reset/{token}", None),
    ("/invitations/{token}", None),
    ("/invitations/{token}/join", None),
    ("/settings/members/leave", Some(Capability::Account)),
    ("/settings/members/{user}/role", Some(Capability::Members)),
    ("/settings/members/{user}/remove", Some(Capability::Members)),
    ("/settings/invitations", Some(Capability::Members)),
    ("/settings/invitations/{id}/resend", Some(Capability::Members)),
    ("/settings/invitations/{id}/revoke", Some(Capability::Members)),
    ("/account/password", Some(Capability::Account)),
    ("/account/sessions/{id}/end", Some(Capability::Account)),
    ("/account/sign-out-everywhere", Some(Capability::Account)),
    ("/account/tokens", Some(Capability::Account)),
    ("/account/tokens/{id}/revoke", Some(Capability::Account)),
    ("/organizations", Some(Capability::Account)),
];

/// Every field that any form reads, so that what is refused is refused for who sends it.
const FIELDS: &[(&str, &str)] = &[
    ("reason", "because"),
    ("days", "1"),
    ("decision", "REVERT"),
    ("live_id", "1"),
    ("path", "workflows/x.json"),
    ("plan", "PRO"),
    ("limit", "HISTORY_DAYS"),
    ("value", "60"),
    ("version", "-1"),
    ("answer", "decline"),
    ("words", "no"),
    ("kind", "PROMOTE"),
    ("note", "calm"),
    ("owner", "00000000-0000-7000-8000-000000000000"),
    ("ticket", "https://tickets.example.com/1"),
    ("severity", "LOW"),
    ("text", "seen"),
    ("hours", "1"),
    ("side", "DESIRED"),
    ("target", "N8N"),
];

/// The addresses in the router's source, by whether they take forms.
fn routed(takes_forms: bool) -> BTreeSet<String> {
    let source = [
        include_str!("../src/ssr/mod.rs"),
        include_str!("../src/ssr/forms/incidents.rs"),
        include_str!("../src/ssr/forms/reconciliations.rs"),
    ]
    .concat();
    let routes = source.split(".route(").skip(1).map(|route| route.split(".route(").next().unwrap());
    routes
        .filter(|route| route.contains("post(") == takes_forms || (!takes_forms && route.contains("get(")))
        .map(|route| route.split('"').nth(1).unwrap().to_owned())
        .collect()
}

#[test]
fn every_form_stands_in_the_table() {
    let listed: BTreeSet<_> = FORMS.iter().chain(PEOPLE).map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(listed.symmetric_difference(&routed(true)).collect::<Vec<_>>(), [] as [&String; 0]);
}

#[tokio::test]
async fn strangers_get_nothing_from_any_page_or_form() {
    let app = TestApp::new().await;
    let owner = Browser::of_new(&app, PlanTier::Agency, Role::Owner).await;
    let env = app.environment(owner.caller(), "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = true.into());
    env.check().await;
    let change = env.change().await.id.to_string();
    let permit = owner.caller().permit().unwrap();
    let request = app.services.request_upgrade(&permit, Default::default()).await.unwrap().to_string();
    let incident = app.services.create_incident(&owner.caller().permit().unwrap(), env.id, None).await.unwrap();
    let incident = incident.id.to_string();
    let id = change.parse().unwrap();
    let permit = app.services.change_permit(owner.caller(), id).await.unwrap();
    let reconciliation = app.services.plan_restore(&permit, id, Side::Desired, Target::N8n).await.unwrap().to_string();
    let address = |path: &str| {
        let environment = env.id.to_string();
        let id = match path {
            path if path.contains("/requests/") => &request,
            path if path.starts_with("/incidents/") => &incident,
            _ => &environment,
        };
        path.replace("{id}", id).replace("{change}", &change).replace("{reconciliation}", &reconciliation)
    };
    let mut nobody = Browser::new(&app);
    let mut strangers = [
        Browser::of_new(&app, PlanTier::Enterprise, Role::Owner).await,
        Browser::of_new(&app, PlanTier::Free, Role::Viewer).await,
    ];
    for (path, asks) in FORMS {
        let to = address(path);
        if asks.is_some() {
            assert!(nobody.post(&to, FIELDS).await.location.starts_with("/sign-in"), "{path}");
        }
        for stranger in strangers.iter().filter(|_| path.contains('{')) {
            let status = stranger.post(&to, FIELDS).await.status;
            // Below an environment or an incident it is looked up first; elsewhere a role that may nowhere is told so.
            let told =
                status == StatusCode::NOT_FOUND || (status == StatusCode::FORBIDDEN && path.starts_with("/settings/"));
            assert!(told, "{path} as {}: {status}", stranger.caller().role);
        }
        if path.contains('{') {
            assert_ne!(owner.post(&to, FIELDS).await.status, StatusCode::NOT_FOUND, "{path}: there is something there");
        }
    }
    let walked = |path: &&String| path.starts_with("/environments/{") || path.starts_with("/incidents/{");
    for path in routed(false).iter().filter(walked) {
        let to = address(path);
        assert!(nobody.get(&to).await.location.starts_with("/sign-in"), "{path}");
        for stranger in &mut strangers {
            let answer = stranger.get(&to).await;
            let status = answer.status;
            assert!(!answer.html.contains("Orders"), "{path} tells what is another's");
            // Some addresses show a page of their own to whoever asks, with nothing of anybody's in it.
            assert!(status == StatusCode::NOT_FOUND || path.ends_with("/test"), "{path}: {status}");
        }
    }
}
