//! Overrides where changes have no page of their own to be opened (seed, Manual Remediation: put it right by hand, or
//! override on the record).

use drift_domain::change::ChangeState;
use drift_domain::views::{ChangeRow, OverrideView, Workspace};
use leptos::prelude::*;

use super::overrides;
use crate::components::marks;

/// Forms that one page has at most; the filter leads to the others.
const FORMS: usize = 100;

/// The second of the two ways out, for every open change that nobody accepts yet.
pub(super) fn section(workspace: &Workspace) -> Option<impl IntoView + use<>> {
    let asks = |change: &&ChangeRow| {
        change.state == ChangeState::Open && !change.overridden.as_ref().is_some_and(OverrideView::is_running)
    };
    let open: Vec<_> = workspace.changes.iter().filter(asks).collect();
    if !workspace.by_hand || open.is_empty() {
        return None;
    }
    let body = match &workspace.overriding.refusal {
        Some(why) => view! { <p class="text-ink-2">{why.clone()}</p> }.into_any(),
        None => {
            let items = open.iter().take(FORMS).map(|change| item(change, workspace)).collect_view();
            let rest = (open.len() > FORMS)
                .then(|| view! { <p class="text-ink-2">"Filter the changes to see the others."</p> });
            view! { <ul class="grid gap-2">{items}</ul> {rest} }.into_any()
        }
    };
    Some(view! {
        <details class="card section fold" data-key="accept" id="accept" open>
            <summary>"Accepting it for a time (override)"</summary>
            <div class="card-body grid gap-3">
                <p class="text-ink-2 max-w-prose">
                    "An override is no resolution: the difference stays open and visible, with your name and reason, and asks again at its end."
                </p>
                {body}
            </div>
        </details>
    })
}

fn item(change: &ChangeRow, workspace: &Workspace) -> impl IntoView + use<> {
    let environment = workspace.environment.row.id;
    view! {
        <li class="border border-line rounded-lg" data-accept=change.workflow.clone()>
            <details class="fold" data-key=format!("accept-{}", change.id)>
                <summary class="wrap-anywhere">{change.workflow.clone()} {marks::severity(change.severity)}</summary>
                <div class="p-4">{overrides::begin_form(change, environment, &workspace.overriding, false)}</div>
            </details>
        </li>
    }
}
