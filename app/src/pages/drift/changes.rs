//! The table of changes.

use chrono::{DateTime, Utc};
use drift_domain::change::ChangeState;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::ChangeRow;
use leptos::prelude::*;

use super::overrides;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words;

/// Changes as a table: of the workspace, and of a workflow's history.
pub(super) fn table(
    changes: &[ChangeRow],
    environment: EnvironmentId,
    now: DateTime<Utc>,
    caption: &'static str,
) -> impl IntoView + use<> {
    let rows = changes.iter().map(|change| row(change, environment, now)).collect_view();
    view! {
        <table class="rows">
            <caption class="sr-only">{caption}</caption>
            <thead>
                <tr>
                    <th scope="col">"Workflow"</th>
                    <th scope="col">"Type"</th>
                    <th scope="col">"Origin"</th>
                    <th scope="col">"Severity"</th>
                    <th scope="col">"State"</th>
                    <th scope="col" class="right">"First seen"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(change: &ChangeRow, environment: EnvironmentId, now: DateTime<Utc>) -> impl IntoView + use<> {
    let name = if change.openable {
        let href = format!("/environments/{environment}/drift/changes/{}", change.id);
        view! { <a class="row-link wrap-anywhere" href=href>{change.workflow.clone()}</a> }.into_any()
    } else {
        view! { <span class="font-semibold wrap-anywhere">{change.workflow.clone()}</span> }.into_any()
    };
    let draft = change.unpublished_draft.then(unpublished_draft);
    view! {
        <tr data-change=change.workflow.clone() data-state=change.state.as_str()>
            <td class="cell-main">
                <span class="flex flex-wrap items-center gap-2">{name} {draft}</span>
                <p class="sub wrap-anywhere">{change.summary.clone()}</p>
                {decided(change)} {change.overridden.as_ref().map(|o| overrides::line(o, now))}
            </td>
            <td data-label="Type">
                {marks::chip(words::change_type(change.change_type), Some(words::change_type_explained(change.change_type)))}
            </td>
            <td data-label="Origin">{marks::plain(words::origin(change.origin), Some(words::origin_explained(change.origin)))}</td>
            <td data-label="Severity">{marks::severity(change.severity)}</td>
            <td data-label="State">{state(change.state)}</td>
            <td data-label="First seen" class="right"><span class="text-ink-2">{time::ago(change.first_seen_at, now)}</span></td>
        </tr>
    }
}

fn decided(change: &ChangeRow) -> Option<impl IntoView + use<>> {
    change.decision.as_ref().map(|decision| {
        let words = format!("{} by {}: {}", words::decision(decision.kind), decision.by, decision.reason);
        view! { <p class="sub wrap-anywhere">{words}</p> }
    })
}

/// Where a change stands.
pub(super) fn state(state: ChangeState) -> impl IntoView {
    marks::chip(words::state(state), Some(words::state_explained(state)))
}

/// An edit that is saved in n8n and not published.
pub(super) fn unpublished_draft() -> impl IntoView {
    view! {
        <span class="chip tone-drift" title="An edit is saved in n8n and not published: it becomes drift when it is.">
            {icon(Icon::Pencil)} "unpublished draft"
        </span>
    }
}
