//! Who may send which form: a table made by sending. Every form is sent by every role on every plan, to the real handlers on a
//! real database, and what came of it is held against the table that is kept in `tests/golden/forms.md`.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::http::StatusCode;
use drift_domain::plan::{Capability, PlanTier};
use drift_testkit::TestApp;

use crate::browser::Answer;
use crate::table::{FIELDS, FORMS};
use crate::world::World;

/// Forms that end what their sender sends with: sent last, in this order.
const LAST: [&str; 3] = ["/sign-out", "/account/sign-out-everywhere", "/settings/members/leave"];

/// What came of a form, as one mark: whether it was let in, whatever was found behind the gate.
async fn mark(
    app: &TestApp,
    world: &World<'_>,
    person: usize,
    (path, asks): (&str, Option<Capability>),
    plan: PlanTier,
    answer: &Answer,
) -> char {
    let what = format!("{path} on {plan}: {}", answer.status);
    assert!(answer.status.as_u16() < 500, "{what}");
    let Some(capability) = asks else { return '○' };
    // What is refused names what was asked for, as far as it has no apostrophe in it.
    let label = capability.label().split('\'').next().unwrap();
    match answer.status {
        StatusCode::NOT_FOUND => {
            assert!(path.starts_with("/incidents/") && plan == PlanTier::Free, "{what}");
            '-'
        }
        StatusCode::PAYMENT_REQUIRED => {
            // The page that a form belongs to is looked at first.
            let looks = Capability::Incidents.label();
            assert!(answer.html.contains(label) || answer.html.contains(looks), "{what} names {label}");
            '$'
        }
        StatusCode::FORBIDDEN => {
            assert!(answer.html.contains(label), "{what} names {label}");
            '×'
        }
        // A policy's refusal is a notice on the page that the form is on.
        _ if capability == Capability::Override => {
            let notice = app.services.take_notice(world.people[person].caller()).await.unwrap();
            if notice.is_some_and(|notice| notice.text.starts_with("Overrides are not allowed")) { '§' } else { '✓' }
        }
        status => {
            assert!(!answer.location.starts_with("/sign-in") || LAST.contains(&path), "{what}: {status}");
            '✓'
        }
    }
}

#[tokio::test]
async fn who_may_send_what_is_as_it_is_kept() {
    let mut cells: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut order: Vec<_> = FORMS.iter().collect();
    order.sort_by_key(|form| LAST.iter().position(|last| *last == form.0).map_or(0, |at| at + 1));
    for plan in PlanTier::ALL {
        let app = TestApp::new().await;
        let mut world = World::new(&app, *plan).await;
        for form in &order {
            let mut cell = String::new();
            for person in 0..world.people.len() {
                let to = world.address(person, form.0).await;
                let answer = world.people[person].post(&to, FIELDS).await;
                cell.push(mark(&app, &world, person, **form, *plan, &answer).await);
                if answer.status.is_success() || answer.status.is_redirection() {
                    world.renew(form.0).await;
                }
                if LAST[..2].contains(&form.0) {
                    world.back(person).await;
                }
            }
            cells.entry(form.0).or_default().push(cell);
        }
    }
    let made = table(&cells);
    let kept = include_str!("../golden/forms.md");
    let there = concat!(env!("CARGO_TARGET_TMPDIR"), "/forms.md");
    std::fs::write(there, &made).unwrap();
    assert!(made == kept, "app/tests/golden/forms.md is not what came of the forms, which is in {there}");
}

fn table(cells: &BTreeMap<&str, Vec<String>>) -> String {
    let mut text = String::from(
        "# Who may send which form\n\n\
         Made by sending: each mark is a form sent by one role, on a real database. The roles in their order: Viewer, Operator,\n\
         Approver, Admin, Owner.\n\n\
         ✓ let in · $ refused for the plan (402) · × refused for the role (403) · § refused by policy ·\n\
         - not there (404): the plan makes no incidents · ○ asks at most for a session\n\n",
    );
    let heads: Vec<&str> = PlanTier::ALL.iter().map(|plan| plan.label()).collect();
    writeln!(text, "| capability | form | {} |", heads.join(" | ")).unwrap();
    writeln!(text, "|---|---|{}", "---|".repeat(heads.len())).unwrap();
    for (path, asks) in FORMS {
        let asks = asks.map_or_else(|| "none".to_owned(), |capability| capability.to_string());
        let marks: Vec<String> = cells[path].iter().map(|cell| format!("`{cell}`")).collect();
        writeln!(text, "| {asks} | `{path}` | {} |", marks.join(" | ")).unwrap();
    }
    text
}
