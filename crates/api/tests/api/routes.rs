//! Every route of the API, with the capability that its gate asks for. A route that is not listed here fails a test, and each
//! one that is gets walked: without a session, as a stranger, and as who may.

use std::collections::{BTreeMap, BTreeSet};

use drift_domain::failure::Side;
use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_domain::plan::{Capability, Grant, PlanTier};
use drift_domain::reconciliation::Target;
use drift_domain::role::Role;
use drift_services::accounts::{SignIn, TokenRequest};
use drift_services::notify::ChannelDraft;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, Member, request};

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: signing in, and setting up while there is nobody.
    Nothing,
    /// A session, and no more: what belongs to the caller alone.
    Session,
    /// A capability.
    Of(Capability),
}

use Asks::{Nothing, Of, Session};

/// Somebody, or something, that is not there.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// Every operation of the document.
pub const ROUTES: &[(&str, &str, Asks)] = &[
    ("GET", "/setup", Nothing),
    ("POST", "/setup", Nothing),
    ("POST", "/session", Nothing),
    ("DELETE", "/session", Session),
    ("GET", "/me", Session),
    ("PUT", "/me/organization", Session),
    ("PUT", "/me/password", Session),
    ("DELETE", "/me/membership", Session),
    ("POST", "/organizations", Session),
    ("POST", "/password-resets", Nothing),
    ("PUT", "/password-resets", Nothing),
    ("GET", "/sessions", Session),
    ("DELETE", "/sessions", Session),
    ("DELETE", "/sessions/{session}", Session),
    ("GET", "/tokens", Session),
    ("POST", "/tokens", Session),
    ("DELETE", "/tokens/{token}", Session),
    ("GET", "/members", Of(Capability::Visibility)),
    ("PATCH", "/members/{member}", Of(Capability::Members)),
    ("DELETE", "/members/{member}", Of(Capability::Members)),
    ("GET", "/invitations", Of(Capability::Members)),
    ("POST", "/invitations", Of(Capability::Members)),
    ("POST", "/invitations/accept", Nothing),
    ("POST", "/invitations/join", Session),
    ("POST", "/invitations/{invitation}/resend", Of(Capability::Members)),
    ("DELETE", "/invitations/{invitation}", Of(Capability::Members)),
    ("GET", "/environments", Of(Capability::Visibility)),
    ("POST", "/environments", Of(Capability::Configure)),
    ("GET", "/environments/{environment}", Of(Capability::Visibility)),
    ("POST", "/environments/{environment}/recheck", Of(Capability::Recheck)),
    ("POST", "/connection-test", Of(Capability::Configure)),
    ("GET", "/environments/{environment}/connection", Of(Capability::Configure)),
    ("PUT", "/environments/{environment}/connection", Of(Capability::Configure)),
    ("POST", "/environments/{environment}/connection/test", Of(Capability::Configure)),
    ("GET", "/github-webhook", Of(Capability::Configure)),
    ("GET", "/environments/{environment}/drift", Of(Capability::Summary)),
    ("POST", "/environments/{environment}/links", Of(Capability::Configure)),
    ("PUT", "/environments/{environment}/adoption", Of(Capability::Configure)),
    ("GET", "/environments/{environment}/changes", Of(Capability::Summary)),
    ("GET", "/environments/{environment}/changes/{change}", Of(Capability::Summary)),
    ("GET", "/environments/{environment}/changes/{change}/diff", Of(Capability::Diff)),
    ("POST", "/environments/{environment}/changes/{change}/decision", Of(Capability::ConfirmVanished)),
    ("PUT", "/environments/{environment}/changes/{change}/override", Of(Capability::Override)),
    ("DELETE", "/environments/{environment}/changes/{change}/override", Of(Capability::Override)),
    ("GET", "/environments/{environment}/gate", Of(Capability::Visibility)),
    ("GET", "/environments/{environment}/deployments", Of(Capability::Summary)),
    ("POST", "/environments/{environment}/deployments", Of(Capability::Deploy)),
    ("GET", "/environments/{environment}/checks", Of(Capability::Summary)),
    ("GET", "/search", Of(Capability::Visibility)),
    ("GET", "/incidents", Of(Capability::Incidents)),
    ("POST", "/environments/{environment}/incidents", Of(Capability::ManageIncidents)),
    ("GET", "/incidents/{incident}", Of(Capability::Incidents)),
    ("GET", "/incidents/{incident}/changes/{change}", Of(Capability::Incidents)),
    ("PUT", "/incidents/{incident}/changes/{change}/viewed", Of(Capability::Incidents)),
    ("DELETE", "/incidents/{incident}/changes/{change}/viewed", Of(Capability::Incidents)),
    ("GET", "/incidents/{incident}/timeline", Of(Capability::Incidents)),
    ("POST", "/incidents/{incident}/acknowledge", Of(Capability::Lifecycle)),
    ("POST", "/incidents/{incident}/stabilize", Of(Capability::Stabilize)),
    ("POST", "/incidents/{incident}/reconcile", Of(Capability::Lifecycle)),
    ("POST", "/incidents/{incident}/close", Of(Capability::Lifecycle)),
    ("GET", "/incidents/{incident}/closing", Of(Capability::Incidents)),
    ("POST", "/incidents/{incident}/decisions", Of(Capability::Decide)),
    ("PUT", "/incidents/{incident}/owner", Of(Capability::Ownership)),
    ("PUT", "/incidents/{incident}/ticket", Of(Capability::TicketLink)),
    ("PUT", "/incidents/{incident}/severity", Of(Capability::AdjustSeverity)),
    ("POST", "/incidents/{incident}/extend", Of(Capability::Extend)),
    ("POST", "/incidents/{incident}/comments", Of(Capability::ManageIncidents)),
    ("POST", "/incidents/{incident}/reconciliations", Of(Capability::Execute)),
    ("GET", "/reconciliations/{reconciliation}", Of(Capability::Incidents)),
    ("POST", "/reconciliations/{reconciliation}/carry-out", Of(Capability::Execute)),
    ("POST", "/reconciliations/{reconciliation}/cancel", Of(Capability::Execute)),
    ("POST", "/reconciliations/{reconciliation}/retry", Of(Capability::Execute)),
    ("POST", "/changes/{change}/restore", Of(Capability::Execute)),
    ("GET", "/environments/{environment}/github-gate", Of(Capability::Visibility)),
    ("PUT", "/environments/{environment}/github-gate", Of(Capability::Configure)),
    ("GET", "/audit", Of(Capability::Audit)),
    ("GET", "/audit/csv", Of(Capability::Audit)),
    ("GET", "/audit/export", Of(Capability::Audit)),
    ("GET", "/reports", Of(Capability::Reports)),
    ("POST", "/reports", Of(Capability::Reports)),
    ("GET", "/reports/{report}", Of(Capability::Reports)),
    ("GET", "/reports/{report}/file", Of(Capability::Reports)),
    ("DELETE", "/reports/{report}", Of(Capability::Reports)),
    ("GET", "/report-schedules", Of(Capability::Reports)),
    ("POST", "/report-schedules", Of(Capability::Reports)),
    ("DELETE", "/report-schedules/{schedule}", Of(Capability::Reports)),
    ("GET", "/retention", Of(Capability::Retention)),
    ("GET", "/retention/runs", Of(Capability::Retention)),
    ("GET", "/holds", Of(Capability::Retention)),
    ("POST", "/holds", Of(Capability::Holds)),
    ("POST", "/holds/{hold}/release", Of(Capability::Retention)),
    ("GET", "/approvals", Of(Capability::Approvals)),
    // The gate is that of what is proposed.
    ("POST", "/approvals", Session),
    ("GET", "/approvals/{approval}", Of(Capability::Approvals)),
    ("POST", "/approvals/{approval}/approve", Of(Capability::Approvals)),
    ("POST", "/approvals/{approval}/reject", Of(Capability::Approvals)),
    ("POST", "/approvals/{approval}/withdraw", Of(Capability::Approvals)),
    ("PUT", "/approval-delegation", Of(Capability::Approvals)),
    ("DELETE", "/approval-delegation", Of(Capability::Approvals)),
    ("GET", "/policies", Of(Capability::Policies)),
    ("POST", "/policies", Of(Capability::Policies)),
    ("GET", "/policies/{policy}", Of(Capability::Policies)),
    ("PUT", "/policies/{policy}", Of(Capability::Policies)),
    ("DELETE", "/policies/{policy}", Of(Capability::Policies)),
    ("GET", "/overview", Of(Capability::Policies)),
    ("PUT", "/policy-assignments", Of(Capability::Policies)),
    ("POST", "/policy-trials", Of(Capability::Policies)),
    ("GET", "/metrics", Of(Capability::Metrics)),
    ("GET", "/metrics/{figure}/csv", Of(Capability::Metrics)),
    ("GET", "/incident-settings", Of(Capability::Configure)),
    ("PUT", "/incident-settings", Of(Capability::Configure)),
    ("GET", "/notification-preferences", Session),
    ("PUT", "/notification-preferences", Session),
    ("GET", "/notification-channels", Of(Capability::Notifications)),
    ("POST", "/notification-channels", Of(Capability::Notifications)),
    ("PUT", "/notification-channels/{channel}", Of(Capability::Notifications)),
    ("PUT", "/notification-channels/{channel}/state", Of(Capability::Notifications)),
    ("POST", "/notification-channels/{channel}/test", Of(Capability::Notifications)),
    ("GET", "/notification-deliveries", Of(Capability::Notifications)),
    ("POST", "/notification-deliveries/{delivery}/redeliver", Of(Capability::Notifications)),
    ("DELETE", "/notification-channels/{channel}", Of(Capability::Notifications)),
    ("GET", "/plan", Of(Capability::RequestUpgrade)),
    ("GET", "/plan/effect", Of(Capability::ManagePlan)),
    ("PUT", "/plan/tier", Of(Capability::ManagePlan)),
    ("PUT", "/plan/limits", Of(Capability::ManagePlan)),
    ("GET", "/plan/upgrade-requests", Of(Capability::RequestUpgrade)),
    ("POST", "/plan/upgrade-requests", Of(Capability::RequestUpgrade)),
    ("POST", "/plan/upgrade-requests/{request}/answer", Of(Capability::ManagePlan)),
];

/// A body that can be read, for each operation that takes one: what is refused is refused for who asks, not for what is sent.
pub fn body(method: &str, path: &str, draft: &Value) -> Option<Value> {
    let body = match (method, path) {
        ("GET" | "DELETE", _) => return None,
        ("POST", "/setup") => json!({ "organization": "x", "name": "x", "email": "x", "password": "x" }),
        ("POST", "/session") => json!({ "email": "x", "password": "x" }),
        (_, "/me/organization") => json!({ "organization_id": "00000000-0000-7000-8000-000000000000" }),
        (_, "/me/password") => json!({ "password": "x", "new_password": "x" }),
        (_, "/organizations") => json!({ "organization": " " }),
        ("POST", "/password-resets") => json!({ "email": "x" }),
        ("PUT", "/password-resets") => json!({ "token": "x", "new_password": "x" }),
        (_, "/tokens") => json!({ "name": " ", "role": "VIEWER", "days": 1 }),
        ("PATCH", "/members/{member}") => json!({ "role": "VIEWER" }),
        (_, "/invitations") => json!({ "email": "zoe@example.com", "role": "VIEWER" }),
        (_, "/invitations/accept") => json!({ "token": "x", "name": "x", "password": "x" }),
        (_, "/invitations/join") => json!({ "token": "x" }),
        ("POST", "/environments" | "/connection-test") => draft.clone(),
        (_, path) if path.contains("/connection") => draft.clone(),
        (_, path) if path.ends_with("/links") => json!({ "live_id": "1", "path": "workflows/x.json" }),
        (_, path) if path.ends_with("/decision") => json!({ "kind": "REVERT", "reason": "no" }),
        (_, path) if path.ends_with("/override") => json!({ "reason": "known", "days": 1 }),
        (_, "/plan/tier") => json!({ "plan": "PRO", "reason": "no", "version": -1 }),
        (_, "/plan/limits") => {
            json!({ "plan": "PRO", "limit": "HISTORY_DAYS", "value": 60, "reason": "no", "version": -1 })
        }
        (_, path) if path.ends_with("/acknowledge") => json!({ "version": 1, "reason": "no" }),
        (_, path) if path.ends_with("/decisions") => json!({ "version": 1, "kind": "PROMOTE", "reason": "no" }),
        (_, path) if path.ends_with("/owner") => {
            json!({ "version": 1, "owner": NOBODY })
        }
        (_, path) if path.ends_with("/ticket") => json!({ "version": 1, "ticket": "" }),
        (_, path) if path.ends_with("/severity") => json!({ "version": 1, "severity": "LOW", "reason": "no" }),
        (_, path) if path.ends_with("/extend") => json!({ "version": 1, "hours": 1, "reason": "no" }),
        (_, path) if path.ends_with("/comments") => json!({ "text": "no" }),
        (_, path) if path.ends_with("/deployments") => json!({ "kind": "STANDARD" }),
        (_, path) if path.ends_with("/restore") => json!({ "side": "LIVE", "target": "GIT" }),
        (_, path) if path.ends_with("/viewed") => json!({ "content": "00".repeat(32) }),
        (_, path) if path.starts_with("/incidents/") => json!({ "version": 1 }),
        (_, path) if path.ends_with("/answer") => json!({ "grant": false, "words": "no" }),
        (_, "/notification-preferences") => json!({ "events": [] }),
        (_, path) if path.ends_with("/state") => json!({ "on": true }),
        (_, "/notification-channels" | "/notification-channels/{channel}") => {
            json!({ "kind": "SLACK", "name": " ", "events": ["DRIFT_GONE"] })
        }
        ("POST", "/approvals") => json!({ "action": "CLOSE", "incident": NOBODY, "version": 1 }),
        (_, path) if path.ends_with("/reject") => json!({ "reason": "no" }),
        ("PUT", "/approval-delegation") => json!({ "to": NOBODY, "days": 1 }),
        ("POST", "/policies") | ("PUT", "/policies/{policy}") => {
            json!({ "name": "Another", "version": 1, "content": { "template": "STANDARD" } })
        }
        (_, "/policy-assignments") => json!({ "to": { "class": "PRODUCTION" }, "policy": null }),
        (_, "/policy-trials") => json!({ "content": { "template": "STANDARD" }, "days": 30 }),
        (_, "/reports") => json!({ "format": "CSV" }),
        (_, "/report-schedules") => {
            json!({ "format": "CSV", "recipients": ["00000000-0000-7000-8000-000000000000"] })
        }
        (_, "/holds" | "/holds/{hold}/release") => json!({ "reason": "no" }),
        _ => json!({}),
    };
    Some(body)
}

pub fn address(path: &str, ids: &BTreeMap<&str, String>) -> String {
    let path = path.replace("{figure}", "times");
    let mut address = if path == "/plan/effect" { format!("{path}?plan=PRO") } else { path };
    for (name, id) in ids {
        address = address.replace(&format!("{{{name}}}"), id);
    }
    assert!(!address.contains('{'), "no example of an id for {address}: add one");
    address
}

#[test]
fn every_operation_of_the_document_stands_in_the_table() {
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        described.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let listed: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(listed.len(), ROUTES.len(), "a route stands in the table twice");
    assert_eq!(listed.symmetric_difference(&described).collect::<Vec<_>>(), [] as [&(String, String); 0]);
}

/// An organization with something behind every kind of id.
/// A channel that nobody hears anything from.
pub fn channel(name: &str) -> ChannelDraft {
    ChannelDraft {
        kind: ChannelKind::Slack,
        name: name.to_owned(),
        address: Some("http://127.0.0.1:1/hook".into()),
        secret: None,
        events: vec![NoticeKind::ApprovalWanted],
    }
}

async fn furnished(api: &Api, owner: &Member) -> (BTreeMap<&'static str, String>, Value) {
    let env = api.app.environment(&owner.caller, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let change = env.change().await.id;
    let permit = owner.caller.permit().unwrap();
    let request = api.app.services.request_upgrade(&permit, Default::default()).await.unwrap();
    let incident = env.incident().await;
    let services = &api.app.services;
    let permit = services.change_permit(&owner.caller, change).await.unwrap();
    let reconciliation = services.plan_restore(&permit, change, Side::Desired, Target::N8n).await.unwrap();
    let member = api.colleague(owner, Role::Operator).await.caller.user_id;
    let invited = services.invite(&owner.caller.permit().unwrap(), "eve@example.com", Role::Viewer).await.unwrap();
    let new = TokenRequest { name: "CI".into(), role: Role::Viewer, days: 1 };
    let token = services.create_token(&owner.caller.permit().unwrap(), new).await.unwrap().token.id;
    let (email, password) = (owner.caller.email.clone(), crate::client::PASSWORD.into());
    let attempt = SignIn { email, password, address: None, user_agent: String::new() };
    let session = services.sign_in(attempt).await.unwrap().caller.session().unwrap();
    let channel =
        services.add_channel(&owner.caller.permit().unwrap(), channel("Operations")).await.unwrap().channel.id;
    let delivery = services.test_channel(&owner.caller.permit().unwrap(), channel).await.unwrap();
    let ids = [
        ("member", member.to_string()),
        ("invitation", invited.invitation.id.to_string()),
        ("token", token.to_string()),
        ("session", session.to_string()),
        ("environment", env.id.to_string()),
        ("change", change.to_string()),
        ("request", request.to_string()),
        ("incident", incident.to_string()),
        ("reconciliation", reconciliation.to_string()),
        ("channel", channel.to_string()),
        ("delivery", delivery.to_string()),
        ("hold", crate::golden::held(api, &owner.caller).await),
        ("approval", crate::golden::wanted(api, &owner.caller, env.id, change).await),
        ("policy", crate::golden::policy(api, &owner.caller).await),
        ("report", crate::golden::reported(api, &owner.caller).await),
        ("schedule", crate::golden::scheduled(api, &owner.caller).await),
    ];
    (BTreeMap::from(ids), serde_json::to_value(&env.draft).unwrap())
}

#[tokio::test]
async fn a_stranger_learns_nothing_from_any_route() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let (ids, draft) = furnished(&api, &owner).await;
    let mighty = api.member(PlanTier::Enterprise, Role::Owner).await;
    let small = api.member(PlanTier::Free, Role::Viewer).await;
    let call = async |member: &Member, method: &str, path: &str| {
        let (verb, address) = (method.parse::<Method>().unwrap(), address(path, &ids));
        api.answer(request(verb, &address, Some(&member.cookie), body(method, path, &draft))).await
    };
    for (method, path, asks) in ROUTES.iter().filter(|route| matches!(route.2, Of(_))) {
        // A figure is a word, and nobody's.
        if !path.replace("{figure}", "").contains('{') {
            if *method == "GET" {
                let answer = call(&mighty, method, path).await;
                let said = answer.body.to_string();
                assert!(!ids.values().any(|id| said.contains(id.as_str())), "{method} {path}: {said}");
            }
            continue;
        }
        for stranger in [&mighty, &small] {
            let answer = call(stranger, method, path).await;
            // Below these it is looked up first; elsewhere a role that may nowhere is told so.
            let below = ["/environments/", "/incidents/", "/reconciliations/", "/changes/"];
            let told = if below.iter().any(|below| path.starts_with(below)) {
                answer.status == StatusCode::NOT_FOUND
            } else {
                let answered = ["role-required", "plan-required"].contains(&answer.problem());
                answer.status == StatusCode::NOT_FOUND || answered
            };
            assert!(told, "{method} {path} ({asks:?}): {answer:?}");
        }
    }
    // The same, asked by whose it is: there is something behind every id.
    for (method, path, _) in ROUTES.iter().filter(|route| route.1.contains('{')) {
        let answer = call(&owner, method, path).await;
        assert_ne!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {answer:?}");
        assert!(answer.status.as_u16() < 500, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn without_a_session_nothing_is_answered_but_what_is_open() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let (ids, draft) = furnished(&api, &owner).await;
    for (method, path, asks) in ROUTES {
        let address = address(path, &ids);
        for cookie in
            [None, Some("workflowops_session=0000000000000000000000000000000000000000000000000000000000000000")]
        {
            let request = request(method.parse().unwrap(), &address, cookie, body(method, path, &draft));
            let answer = api.answer(request).await;
            if *asks == Nothing {
                assert_ne!(answer.body["type"], "urn:workflowops:problem:unauthenticated", "{method} {path}");
            } else {
                assert_eq!(
                    (answer.status, answer.problem()),
                    (StatusCode::UNAUTHORIZED, "unauthenticated"),
                    "{method} {path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_may_not_is_refused_by_every_route_that_asks_for_more() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let (ids, draft) = furnished(&api, &owner).await;
    let viewer = api.colleague(&owner, Role::Viewer).await;
    for (method, path, asks) in ROUTES {
        let Of(capability) = asks else { continue };
        let request =
            request(method.parse().unwrap(), &address(path, &ids), Some(&viewer.cookie), body(method, path, &draft));
        let answer = api.answer(request).await;
        if capability.grant(PlanTier::Agency) == Grant::None {
            // The plan is asked first.
            assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED, "{method} {path}: {answer:?}");
            continue;
        }
        let refused = answer.status == StatusCode::FORBIDDEN && answer.body["capability"] == capability.as_str();
        assert_eq!(refused, capability.least_role() > Role::Viewer, "{method} {path}: {answer:?}");
    }
}
