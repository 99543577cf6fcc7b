//! Changes that a check no longer sees and that nobody decided: what happened, and the form that puts a decision on record
//! (the orphan rule: no change disappears without one).

use chrono::{DateTime, Utc};
use drift_domain::change::ChangeState;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{ChangeRow, VanishedView};
use leptos::prelude::*;

use super::changes;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words;

/// The section of the workspace, where any vanished change is among those listed.
pub(super) fn section(
    listed: &[ChangeRow],
    environment: EnvironmentId,
    now: DateTime<Utc>,
    can_confirm: bool,
) -> Option<impl IntoView + use<>> {
    let vanished: Vec<_> = listed.iter().filter(|change| change.state == ChangeState::Vanished).collect();
    if vanished.is_empty() {
        return None;
    }
    let items = vanished.into_iter().map(|change| item(change, environment, now, can_confirm)).collect_view();
    Some(view! {
        <section class="card section" aria-labelledby="vanished-heading" id="vanished">
            <div class="card-head">
                <h2 id="vanished-heading">"Vanished without a decision"</h2>
                <span class="chip tone-unverified">{icon(Icon::Ghost)} "waiting for a person"</span>
            </div>
            <p class="px-4 pt-3 text-ink-2 max-w-prose">
                "These differences are gone, and nobody has said why. They stay open until somebody does, so that nothing that was ever changed is lost unseen."
            </p>
            <ul class="p-4 grid gap-3">{items}</ul>
        </section>
    })
}

fn item(
    change: &ChangeRow,
    environment: EnvironmentId,
    now: DateTime<Utc>,
    can_confirm: bool,
) -> impl IntoView + use<> {
    let name = if change.openable {
        let href = format!("/environments/{environment}/drift/changes/{}", change.id);
        view! { <a class="link font-semibold wrap-anywhere" href=href>{change.workflow.clone()}</a> }.into_any()
    } else {
        view! { <span class="font-semibold wrap-anywhere">{change.workflow.clone()}</span> }.into_any()
    };
    view! {
        <li class="border border-line rounded-lg p-3.5" data-vanished=change.workflow.clone()>
            <div class="flex flex-wrap items-center gap-2">
                {name} {changes::state(change.state)}
                {marks::chip(words::change_type(change.change_type), Some(words::change_type_explained(change.change_type)))}
                {marks::severity(change.severity)}
            </div>
            <p class="text-ink-3 mt-0.5 wrap-anywhere">{change.summary.clone()}</p>
            {outcome(change, environment, now, can_confirm)}
        </li>
    }
}

/// What happened to a vanished change, and the form; also part of the page of the change.
pub(super) fn outcome(
    change: &ChangeRow,
    environment: EnvironmentId,
    now: DateTime<Utc>,
    can_confirm: bool,
) -> Option<impl IntoView + use<>> {
    let vanished = change.vanished.clone().filter(|_| change.state == ChangeState::Vanished)?;
    let decide = if can_confirm {
        form(change, environment, &vanished).into_any()
    } else {
        view! { <p class="mt-2 text-ink-2">"An operator of the organization records the decision."</p> }.into_any()
    };
    Some(view! {
        <p class="mt-2 wrap-anywhere">
            <strong class="font-semibold">{words::vanished(vanished.cause)}</strong>
            " Noticed " {time::ago(vanished.at, now)} "." {vanished.evidence.map(|evidence| format!(" {evidence}"))}
        </p>
        {decide}
    })
}

/// Only what can be true of what happened is offered.
fn form(change: &ChangeRow, environment: EnvironmentId, vanished: &VanishedView) -> impl IntoView + use<> {
    let fitting = vanished.fitting;
    let id = change.id;
    let choices = vanished
        .choices
        .iter()
        .map(|kind| {
            let kind = *kind;
            let fits = if kind == fitting { " (fits what happened)" } else { "" };
            view! { <option value=kind.as_str() selected=kind == fitting>{format!("{}{fits}", words::decision(kind))}</option> }
        })
        .collect_view();
    view! {
        <form method="post" action=format!("/environments/{environment}/drift/changes/{id}/decision") class="mt-3 grid sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto] gap-2 items-end">
            <div class="field min-w-0">
                <label for=format!("decision-{id}")>"What it was"</label>
                <select class="input" id=format!("decision-{id}") name="decision">{choices}</select>
            </div>
            <div class="field min-w-0">
                <label for=format!("reason-{id}")>"Reason"</label>
                <input class="input" id=format!("reason-{id}") name="reason" required autocomplete="off" placeholder="Why this is right; kept on record" />
            </div>
            <button class="btn btn-primary justify-center" type="submit">{icon(Icon::Check)} "Record decision"</button>
        </form>
    }
}
