//! What was left out of the comparison, by rule and with the reason: a status never depends on something hidden.

use drift_domain::views::IgnoredView;
use leptos::prelude::*;

/// What a rule is called and why it is there.
fn explained(rule: &str) -> (&str, &'static str) {
    match rule {
        "runtime" => (
            "Runtime data",
            "Written while workflows run (static data, pinned data, trigger counts); not part of the definition.",
        ),
        "server" => ("The server's own fields", "Kept by the n8n server for itself: times, version ids, owners."),
        "unknown-field" => (
            "Unknown fields",
            "Fields that this version of WorkflowOps does not know, for example from a newer n8n. Not drift until they are classified.",
        ),
        "default" => ("Defaults written out", "A default of n8n, written out on one side and left out on the other."),
        "empty" => ("Nothing, written differently", "null, {} and absent mean the same to n8n."),
        "regenerated-id" => {
            ("Ids made anew", "Ids of nodes, assignments and conditions that n8n or its editor makes anew.")
        }
        "node-order" => ("Order of nodes", "The order of nodes in the file means nothing."),
        "connection-order" => {
            ("Order of connections", "The order of connections within one port; the position on the canvas decides it.")
        }
        "credential-id" => ("Credential ids", "They belong to one instance. Type and name are the same on both sides."),
        "cache" => (
            "The editor's memory",
            "A name or address that the editor remembers for a chosen resource, on one side only.",
        ),
        "not-carried" => {
            ("Not in this format", "One side's file format does not carry the field: unknown, not different.")
        }
        "broken-text" => ("Broken text", "Half of a surrogate pair, which is not text."),
        "position" => ("Positions", "Where nodes lie on the canvas."),
        "sticky-note" => ("Sticky notes", "Notes on the canvas."),
        "archived" => ("Archived workflows", "Archived in n8n: they do not run."),
        _ => (rule, "A rule of the comparison that this page has no words for yet."),
    }
}

/// The rules that applied, with how often.
pub(super) fn rules(ignored: &[IgnoredView]) -> impl IntoView + use<> {
    let rows = ignored
        .iter()
        .map(|ignored| {
            let (label, why) = explained(&ignored.rule);
            view! {
                <tr data-rule=ignored.rule.clone()>
                    <td class="cell-main font-semibold">{label.to_owned()}</td>
                    <td data-label="Times" class="right num">{ignored.count}</td>
                    <td data-label="Why" class="text-ink-2">{why}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="rows">
            <caption class="sr-only">"What was not compared, by rule"</caption>
            <thead>
                <tr><th scope="col">"Rule"</th><th scope="col" class="right">"Times"</th><th scope="col">"Why"</th></tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// The folded section of the workspace.
pub(super) fn section(ignored: &[IgnoredView]) -> impl IntoView + use<> {
    let total: u64 = ignored.iter().map(|ignored| ignored.count).sum();
    let body = if ignored.is_empty() {
        view! { <p class="card-body text-ink-2">"The newest good check left nothing out."</p> }.into_any()
    } else {
        rules(ignored).into_any()
    };
    view! {
        <details class="card section fold" data-key="ignored" id="ignored">
            <summary>"What was ignored, and why" <span class="text-ink-3 num font-normal">{total}</span></summary>
            {body}
        </details>
    }
}
