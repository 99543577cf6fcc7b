//! Who may do what on which plan: a table made by doing it. Every method behind the gate is called by every role on every
//! plan, on a real database, and what came of it is held against the table that is kept in `tests/golden`.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test -p drift-services --test golden`.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use calls::{CALLS, World};
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_services::{ServiceError, ServiceResult};
use drift_testkit::TestApp;

/// Methods whose call is let in and then finds nothing to do; that they do it is shown elsewhere.
const FINDS_NOTHING: [&str; 6] = ["try_again", "reconcile", "request_close", "confirm_vanished", "link", "redeliver"];

/// What came of a call, as one mark: whether the gate let it in, whatever was found behind it.
fn mark(method: &str, capability: Capability, outcome: &ServiceResult<()>) -> char {
    match outcome {
        Ok(()) | Err(ServiceError::Conflict(_) | ServiceError::Invalid { .. } | ServiceError::Stale { .. }) => '✓',
        Err(ServiceError::PlanRequired { capability: named, .. }) => {
            assert_eq!(*named, capability, "{method} names what was asked for");
            '$'
        }
        Err(ServiceError::RoleRequired { capability: named, .. }) => {
            assert_eq!(*named, capability, "{method} names what was asked for");
            '×'
        }
        Err(ServiceError::PolicyRefused { .. }) => '§',
        Err(other) => panic!("{method}: {other:?}"),
    }
}

#[tokio::test]
async fn who_may_do_what_is_as_it_is_kept() {
    let app = TestApp::new().await;
    let mut marks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut done = BTreeSet::new();
    for plan in PlanTier::ALL {
        let world = World::new(&app, *plan).await;
        let mut people = Vec::new();
        for role in Role::ALL {
            people.push(app.member(&world.env.caller, *role).await);
        }
        for (method, capability, call) in CALLS {
            let mut cell = String::new();
            for person in &people {
                let outcome = call(&world, person).await;
                if outcome.is_ok() {
                    done.insert(*method);
                }
                cell.push(mark(method, *capability, &outcome));
            }
            marks.entry(method).or_default().push(cell);
        }
    }
    let idle: Vec<_> = CALLS.iter().map(|call| call.0).filter(|method| !done.contains(method)).collect();
    assert_eq!(idle, FINDS_NOTHING, "every other call did what it is for, for somebody");
    insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("capabilities", table(&marks));
    });
}

fn table(marks: &BTreeMap<&str, Vec<String>>) -> String {
    let mut text = String::from(
        "Who may do what, made by doing it: each mark is a call of that method, on a real database, by one role.\n\
         The roles in their order: Viewer, Operator, Approver, Admin, Owner.\n\n\
         ✓ let in   $ refused for the plan (402)   × refused for the role (403)   § refused by policy (403)\n\n",
    );
    let heads: Vec<&str> = PlanTier::ALL.iter().map(|plan| plan.label()).collect();
    writeln!(text, "| capability | method | {} |", heads.join(" | ")).unwrap();
    writeln!(text, "|---|---|{}", "---|".repeat(heads.len())).unwrap();
    for capability in Capability::ALL {
        for (method, _, _) in CALLS.iter().filter(|call| call.1 == *capability) {
            let cells: Vec<String> = marks[method].iter().map(|cell| format!("`{cell}`")).collect();
            writeln!(text, "| {capability} | {method} | {} |", cells.join(" | ")).unwrap();
        }
    }
    text
}

#[test]
fn every_method_is_in_the_table_or_says_why_it_asks_no_gate() {
    let methods = methods();
    assert!(methods.len() > 30, "the sources are read: {methods:?}");
    let listed: BTreeMap<&str, String> =
        CALLS.iter().map(|(method, capability, _)| (*method, format!("{capability:?}"))).collect();
    assert_eq!(listed.len(), CALLS.len(), "a method is listed twice");
    let mut complaints = Vec::new();
    for (method, capability) in &methods {
        match (capability, listed.get(method.as_str())) {
            (Some(takes), Some(says)) if takes == says => {}
            (Some(_), None) if WITHOUT_A_ROW.contains(&method.as_str()) => {}
            (Some(takes), says) => complaints.push(format!("{method} takes a permit for {takes}; listed: {says:?}")),
            (None, _) if is_ungated(method) => {}
            (None, _) => complaints.push(format!("{method} takes no permit, and nothing says why")),
        }
    }
    complaints
        .extend(listed.keys().filter(|m| !methods.contains_key(**m)).map(|m| format!("{m} is no method (any more)")));
    assert!(complaints.is_empty(), "\n  {}", complaints.join("\n  "));
}

/// Methods about people: their rows are those of their routes and forms (`crates/api/tests/golden/routes.md`,
/// `app/tests/golden/forms.md`), which are called by every role on every plan like these methods.
const WITHOUT_A_ROW: [&str; 16] = [
    "account",
    "change_password",
    "change_role",
    "create_token",
    "end_all_sessions",
    "end_session",
    "found_organization",
    "invite",
    "leave_organization",
    "members",
    "remove_member",
    "resend_invitation",
    "revoke_invitation",
    "revoke_token",
    "sessions",
    "tokens",
];

/// Public methods of the services that ask no gate, and why that is right.
const UNGATED: &[(&str, &str)] = &[
    ("environment_permit", "is the gate itself"),
    ("incident_permit", "is the gate itself"),
    ("incidents_permit", "is the gate itself"),
    ("hold_permit", "is the gate itself"),
    ("release_permit", "is the gate itself"),
    ("report_ask_permit", "is the gate itself"),
    ("report_permit", "is the gate itself"),
    ("report_schedule_permit", "is the gate itself"),
    ("make_report", "background work"),
    ("put_report_back", "background work"),
    ("enqueue_due_reports", "background work"),
    ("write", "is of reports by themselves, for who runs the installation"),
    ("preview", "is of retention by itself, for who runs the installation"),
    ("reconciliation_permit", "is the gate itself"),
    ("change_permit", "is the gate itself"),
    ("within_request", "carries where a request came from; what is done within asks for itself"),
    ("organizations", "is of the log's archive, for who runs the installation"),
    ("export", "is of the log's archive, for who runs the installation"),
    ("verify", "is of the log's archive, for who runs the installation"),
    ("seal", "is background work on the log"),
    ("seal_of", "is background work on the log"),
    ("once", "what it does once was asked for at the gate"),
    ("once_in_secret", "what it does once was asked for at the gate"),
    ("authenticate", "finds out who asks"),
    ("authenticate_token", "finds out who asks"),
    ("begin_oidc", "finds out who asks"),
    ("finish_oidc", "finds out who asks"),
    ("greeting", "whoever has the link of an invitation"),
    ("accept_as_member", "whoever has the link of an invitation"),
    ("accept_as_newcomer", "whoever has the link of an invitation"),
    ("ask_for_reset", "whoever forgot their password"),
    ("reset_works", "whoever has the link of a reset"),
    ("reset_password", "whoever has the link of a reset"),
    ("deliver_mail", "background work"),
    ("spread_notices", "background work"),
    ("deliver_notice", "background work"),
    ("put_notice_back", "background work"),
    ("tell_stale_environments", "background work"),
    ("enqueue_forgotten_notices", "background work"),
    ("tell_deadlines", "background work"),
    ("tend_approvals", "background work"),
    ("propose", "asks the gate of what is proposed"),
    ("answer_gate_request", "background work"),
    ("put_gate_request_back", "background work"),
    ("enqueue_gate_looks", "background work"),
    ("look_at_gate", "background work"),
    ("as_of", "the same services at another time"),
    ("sign_in", "finds out who asks"),
    ("needs_setup", "nobody is there yet"),
    ("set_up", "nobody is there yet"),
    ("sign_out", "the caller's own session"),
    ("me", "the caller's own session"),
    ("switch_organization", "the caller's own session, into an organization of theirs"),
    ("leave_notice", "the caller's own session"),
    ("take_notice", "the caller's own session"),
    ("create_organization", "whoever runs the installation"),
    ("add_member", "whoever runs the installation"),
    ("ready", "whoever runs the installation"),
    ("github_delivery", "GitHub, by signature"),
    ("tidy", "background work"),
    ("relay_live_events", "background work"),
    ("enqueue_due_checks", "background work"),
    ("run_check", "background work"),
    ("run_queued_check", "background work"),
    ("put_check_back", "background work"),
    ("run_reconciliation", "background work"),
    ("put_reconciliation_back", "background work"),
    ("enqueue_pending_reconciliations", "background work"),
];

/// The public asynchronous methods in the sources of the services, each with the capability of its permit, if it takes one.
fn methods() -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(path).unwrap();
                for method in text.split("    pub async fn ").skip(1) {
                    let signature = method.split(" {\n").next().unwrap();
                    if signature.contains("&self") {
                        let name = signature.split(['(', '<']).next().unwrap().to_owned();
                        let of = |rest: &str| rest.split('>').next().unwrap().to_owned();
                        // The gate's own methods answer a permit; the others take one.
                        let takes = signature.split("->").next().unwrap();
                        found.insert(name, takes.split("Permit<cap::").nth(1).map(of));
                    }
                }
            }
        }
    }
    found
}

/// Whether a method may stand outside the gate.
fn is_ungated(method: &str) -> bool {
    UNGATED.iter().any(|(name, _)| *name == method)
}
