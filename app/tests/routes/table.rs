//! The forms, and what each asks of its sender.

use std::collections::BTreeSet;

use drift_domain::plan::Capability;

/// The forms, and what each asks of its sender; `None` where that is a session at most, for what is the sender's own.
pub const FORMS: &[(&str, Option<Capability>)] = &[
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
    ("/incidents/{id}/changes/{change}/viewed", Some(Capability::Incidents)),
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
    ("/environments/{id}/drift/github-gate", Some(Capability::Configure)),
    ("/environments/{id}/drift/reconciliations/{reconciliation}/carry-out", Some(Capability::Execute)),
    ("/environments/{id}/drift/reconciliations/{reconciliation}/cancel", Some(Capability::Execute)),
    ("/environments/{id}/drift/reconciliations/{reconciliation}/retry", Some(Capability::Execute)),
    ("/environments/{id}/drift/changes/{change}/restore", Some(Capability::Execute)),
    ("/approvals/delegation", Some(Capability::Approvals)),
    ("/approvals/delegation/end", Some(Capability::Approvals)),
    ("/approvals/{id}/approve", Some(Capability::Approvals)),
    ("/approvals/{id}/reject", Some(Capability::Approvals)),
    ("/approvals/{id}/withdraw", Some(Capability::Approvals)),
    ("/settings/policies", Some(Capability::Policies)),
    ("/settings/policies/trial", Some(Capability::Policies)),
    ("/settings/policies/assignments", Some(Capability::Policies)),
    ("/settings/policies/{id}", Some(Capability::Policies)),
    ("/settings/policies/{id}/retire", Some(Capability::Policies)),
    ("/reports", Some(Capability::Reports)),
    ("/reports/{id}/remove", Some(Capability::Reports)),
    ("/reports/schedules", Some(Capability::Reports)),
    ("/reports/schedules/{id}/remove", Some(Capability::Reports)),
    ("/retention/holds", Some(Capability::Holds)),
    ("/retention/holds/{id}/release", Some(Capability::Retention)),
    ("/settings/incident-settings", Some(Capability::Configure)),
    ("/settings/notifications/preferences", Some(Capability::Account)),
    ("/settings/notifications/channels", Some(Capability::Notifications)),
    ("/settings/notifications/channels/{id}", Some(Capability::Notifications)),
    ("/settings/notifications/channels/{id}/test", Some(Capability::Notifications)),
    ("/settings/notifications/channels/{id}/switch", Some(Capability::Notifications)),
    ("/settings/notifications/channels/{id}/remove", Some(Capability::Notifications)),
    ("/settings/notifications/deliveries/{id}/redeliver", Some(Capability::Notifications)),
    ("/settings/plan/tier", Some(Capability::ManagePlan)),
    ("/settings/plan/limit", Some(Capability::ManagePlan)),
    ("/settings/plan/requests", Some(Capability::RequestUpgrade)),
    ("/settings/plan/requests/{id}", Some(Capability::ManagePlan)),
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
pub const FIELDS: &[(&str, &str)] = &[
    ("reason", "because"),
    ("to", "PRODUCTION"),
    ("policy", ""),
    ("format", "CSV"),
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
    ("channel_kind", "SLACK"),
    ("events", "DRIFT_GONE"),
    ("on", "false"),
    ("hours", "1"),
    ("side", "DESIRED"),
    ("target", "N8N"),
    ("email", "zoe@example.com"),
    ("role", "VIEWER"),
    ("name", " "),
    ("organization", " "),
    ("password", "x"),
    ("new_password", "x"),
    ("theme", "dark"),
    ("next", "/"),
    ("content", "00"),
    ("viewed", "true"),
];

/// The addresses in the router's source, by whether they take forms.
pub fn routed(takes_forms: bool) -> BTreeSet<String> {
    // What follows the routes speaks of other things.
    let (screens, _) = include_str!("../../src/ssr/mod.rs").split_once(".method_not_allowed_fallback").unwrap();
    let source = [
        screens,
        include_str!("../../src/ssr/forms/incidents.rs"),
        include_str!("../../src/ssr/forms/reconciliations.rs"),
        include_str!("../../src/ssr/forms/notifications.rs"),
        include_str!("../../src/ssr/forms/reports.rs"),
        include_str!("../../src/ssr/forms/retention.rs"),
        include_str!("../../src/ssr/forms/policies.rs"),
        include_str!("../../src/ssr/forms/approvals.rs"),
    ]
    .concat();
    let routes = source.split(".route(").skip(1);
    routes
        .filter(|route| route.contains("post(") == takes_forms || (!takes_forms && route.contains("get(")))
        .flat_map(|route| match route.strip_prefix("place,") {
            Some(_) => PLACES.map(str::to_owned).to_vec(),
            None => {
                let path = route.split('"').nth(1).unwrap();
                let at = if path.starts_with("{place}") { &PLACES[..] } else { &[""] };
                at.iter().map(|place| path.replace("{place}", place)).collect()
            }
        })
        .collect()
}

/// Where reconciliations stand (`src/ssr/forms/reconciliations.rs`).
const PLACES: [&str; 2] =
    ["/incidents/{id}/reconciliations/{reconciliation}", "/environments/{id}/drift/reconciliations/{reconciliation}"];

#[test]
fn every_form_stands_in_the_table() {
    let listed: BTreeSet<_> = FORMS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(listed.symmetric_difference(&routed(true)).collect::<Vec<_>>(), [] as [&String; 0]);
}
