//! Carrying chosen paths out: how many wait for it, the way to what would be written, and what became of earlier ones.

use chrono::{DateTime, Utc};
use drift_domain::ids::ReconciliationId;
use drift_domain::incident::IncidentStatus;
use drift_domain::reconciliation::{Purpose, ReconciliationState};
use drift_domain::views::{IncidentPage, ReconciliationRow};
use leptos::prelude::*;

use super::actions::version;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words::{self, count};

/// The section of the workspace. Nothing where there is neither something to carry out nor anything that was.
pub(super) fn section(page: &IncidentPage, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let closed = page.row.status == IncidentStatus::Closed;
    if closed && page.reconciliations.is_empty() {
        return None;
    }
    let head = (!closed && page.carry_out_refused.is_none()).then(|| said(page));
    let offer = (!closed).then(|| offer(page));
    let rows = page.reconciliations.iter().map(|row| item(page, row, now)).collect_view();
    let list = (!page.reconciliations.is_empty()).then(|| view! { <ul class="rec-list">{rows}</ul> });
    Some(view! {
        <section class="card overflow-hidden" aria-labelledby="carry-out-heading" id="carry-out">
            <div class="card-head"><h2 id="carry-out-heading">"Carry out"</h2> {head}</div>
            {offer} {list}
        </section>
    })
}

fn said(page: &IncidentPage) -> impl IntoView + use<> {
    let ready = page.to_carry_out.len() as u64;
    let text =
        if ready == 0 { "no path waits for it".to_owned() } else { count(ready, "path is ready", "paths are ready") };
    view! { <p class="text-ink-3" data-ready=ready.to_string()>{text}</p> }
}

/// The button that leads to the dry run; or why there is none, in one sentence.
fn offer(page: &IncidentPage) -> AnyView {
    if let Some(why) = &page.carry_out_refused {
        let text = format!("{why} A path can be carried out by hand all the same: a check verifies it.");
        return view! { <p class="card-body text-ink-2" data-carry-out="refused">{text}</p> }.into_any();
    }
    if page.to_carry_out.is_empty() {
        let text = "Choose a path for a change below. WorkflowOps then shows exactly what it would write where, before \
            anything is written.";
        return view! { <p class="card-body text-ink-2">{text}</p> }.into_any();
    }
    view! {
        <form method="post" action=format!("/incidents/{}/reconciliations", page.row.id) class="card-body rec-offer">
            {version(page)}
            <p class="text-ink-2 max-w-prose">
                "WorkflowOps can write to n8n and to Git what was chosen. Look first: nothing is written by looking."
            </p>
            <button class="btn btn-primary" type="submit">{icon(Icon::Eye)} "Show what would be written"</button>
        </form>
    }
    .into_any()
}

fn item(page: &IncidentPage, row: &ReconciliationRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let href = address_of(page, row.id);
    let workflows = count(row.workflows, "workflow", "workflows");
    let title = match (row.purpose, row.state) {
        (Purpose::Restore, _) => format!("Put {workflows} back"),
        (Purpose::Deployment, ReconciliationState::Planned) => format!("Plan to deploy {workflows}"),
        (Purpose::Deployment, _) => format!("Deploy {workflows}"),
        (Purpose::Decisions, ReconciliationState::Planned) => format!("Plan for {workflows}"),
        (Purpose::Decisions, _) => format!("Carry out {workflows}"),
    };
    view! {
        <li class="rec-item" data-reconciliation=row.state.as_str()>
            <p class="flex flex-wrap items-center gap-x-2.5 gap-y-1">
                {marks::chip(words::reconciliation(row.state), Some(words::reconciliation_explained(row.state)))}
                <a class="link font-semibold" href=href>{title}</a>
                <span class="text-ink-3">{row.planned_by.name.clone()} ", " {time::ago(row.begun_at.unwrap_or(row.planned_at), now)}</span>
            </p>
            {outcome(row)}
        </li>
    }
}

/// What it waits for, or why it failed.
pub(super) fn outcome(row: &ReconciliationRow) -> impl IntoView + use<> {
    let waits = row.waits_for.clone().filter(|_| row.state == ReconciliationState::Pending).map(|what| {
        view! { <p class="text-ink-2 wrap-anywhere mt-1">"Waits: " {what}</p> }
    });
    let error = row.error.clone().map(|why| view! { <p class="text-incident wrap-anywhere mt-1">{why}</p> });
    view! { {waits} {error} }
}

/// Where a reconciliation of the incident is told.
pub(super) fn address_of(page: &IncidentPage, reconciliation: ReconciliationId) -> String {
    format!("/incidents/{}/reconciliations/{reconciliation}", page.row.id)
}
