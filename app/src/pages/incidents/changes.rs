//! The affected workflows of an incident: what changed, which path somebody chose, and what came of it.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, ChangeType, DecisionKind};
use drift_domain::ids::ReconciliationId;
use drift_domain::incident::{ArtifactState, IncidentAction};
use drift_domain::views::{ArtifactView, ChangeRow, DiffAccess, IncidentChange, IncidentPage};
use leptos::prelude::*;

use super::actions::{may, refused};
use super::{Kept, carry_out, decide, viewed};
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::components::{marks, time};
use crate::words::{self, count};

/// The section of the workspace.
pub(super) fn section(page: &IncidentPage, kept: &Kept, now: DateTime<Utc>) -> impl IntoView + use<> {
    let waiting = page.listed.waiting;
    let said = match (waiting, page.row.open_changes) {
        (0, 0) => "all over, on the record".to_owned(),
        (0, open) => format!("{} to be carried out", count(open, "path", "paths")),
        (waiting, _) => format!("{} of {} without a path", waiting, page.row.changes),
    };
    let items = page.changes.iter().map(|change| item(page, change, kept, now)).collect_view();
    let why_not = (waiting > 0)
        .then(|| may(page, IncidentAction::Decide).err())
        .flatten()
        .map(|why| view! { <div class="card-body">{refused(IncidentAction::Decide, why)}</div> });
    view! {
        <section class="card overflow-hidden" aria-labelledby="changes-heading" id="changes">
            <div class="card-head">
                <h2 id="changes-heading">"Affected workflows"</h2>
                <p class="text-ink-3" data-waiting=waiting.to_string()>{said}</p>
                {viewed::count(page)}
            </div>
            {decide::for_all(page, kept)} {why_not}
            <ul class="inc-changes">{items}</ul>
            {pages(page)}
            {access(page.diff_access)}
        </section>
    }
}

/// Which of the changes are listed, and the way to the others; nothing where all of them are.
fn pages(page: &IncidentPage) -> Option<impl IntoView + use<>> {
    let (listed, shown) = (&page.listed, u32::try_from(page.changes.len()).unwrap_or(u32::MAX));
    let address = format!("/incidents/{}", page.row.id);
    let first = (shown < listed.all && listed.earlier > 0)
        .then(|| view! { <a class="btn" href=format!("{address}#changes")>"First page"</a> });
    let next = listed.next.as_deref().map(|after| {
        let after = percent_encoding::utf8_percent_encode(after, percent_encoding::NON_ALPHANUMERIC);
        view! { <a class="btn" href=format!("{address}?after={after}#changes")>"Next page" {icon(Icon::Arrow)}</a> }
    });
    let (from, to) = (listed.earlier.saturating_add(1), listed.earlier.saturating_add(shown));
    let which = match shown {
        0 => format!("nothing further of {}", listed.all),
        _ => format!("{from} to {to} of {}", listed.all),
    };
    (first.is_some() || next.is_some()).then(|| {
        view! {
            <nav aria-label="Pages of changes" class="card-body border-t border-line flex flex-wrap items-center justify-between gap-2">
                <span>{first}</span> <span class="text-ink-2 num" data-listed="">{which}</span> <span>{next}</span>
            </nav>
        }
    })
}

fn item(page: &IncidentPage, change: &IncidentChange, kept: &Kept, now: DateTime<Utc>) -> impl IntoView + use<> {
    let row = &change.row;
    let href = format!("/incidents/{}/changes/{}", page.row.id, row.id);
    let name = if row.openable {
        view! { <a class="inc-workflow wrap-anywhere" href=href>{row.workflow.clone()}</a> }.into_any()
    } else {
        view! { <span class="inc-workflow wrap-anywhere">{row.workflow.clone()}</span> }.into_any()
    };
    let decide = decide::is_offered(page, change).then(|| decide::for_one(page, change, kept));
    view! {
        <li
            class="inc-change"
            id=format!("change-{}", row.id)
            data-change=row.workflow.clone()
            data-state=row.state.as_str()
            data-ticked=change.viewed.to_string()
        >
            <div class="inc-change-head">
                <h3>{name}</h3>
                <span class="inc-chips">{chips(change)} {viewed::tick(page.row.id, change)}</span>
            </div>
            <p class="text-ink-2 wrap-anywhere">{row.summary.clone()}</p>
            {became(row, now)}
            {artifacts(page, change, now)}
            {decide}
        </li>
    }
}

/// Type, origin, severity, state, and whether it is new since production was called stable.
pub(super) fn chips(change: &IncidentChange) -> impl IntoView + use<> {
    let row = &change.row;
    let new = change
        .new_since_stabilized
        .then(|| view! { <span class="chip tone-drift">{icon(Icon::Bolt)} "new since stabilized"</span> });
    let draft = row.unpublished_draft.then(|| {
        view! {
            <span class="chip tone-drift" title="An edit is saved in n8n and not published: it becomes drift when it is.">
                {icon(Icon::Pencil)} "unpublished draft"
            </span>
        }
    });
    view! {
        <span class="inc-chips">
            {marks::severity(row.severity)}
            {marks::chip(words::change_type(row.change_type), Some(words::change_type_explained(row.change_type)))}
            {marks::chip(words::origin(row.origin), Some(words::origin_explained(row.origin)))}
            {marks::chip(words::state(row.state), Some(words::state_explained(row.state)))}
            {new} {draft}
        </span>
    }
}

/// What a later check found in the place of a change that nobody decided, or how it was decided.
pub(super) fn became(row: &ChangeRow, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let vanished = row.vanished.clone().filter(|_| row.state == ChangeState::Vanished)?;
    Some(view! {
        <p class="mt-1.5 wrap-anywhere">
            <strong class="font-semibold">{words::vanished(vanished.cause)}</strong>
            " Noticed " {time::ago(vanished.at, now)} "." {vanished.evidence.map(|evidence| format!(" {evidence}"))}
        </p>
    })
}

/// What came of the paths that were chosen: the newest in sight, older ones folded away.
pub(super) fn artifacts(
    page: &IncidentPage,
    change: &IncidentChange,
    now: DateTime<Utc>,
) -> Option<impl IntoView + use<>> {
    let (newest, older) = change.artifacts.split_first()?;
    let is_open = change.row.state.is_open();
    let earlier = (!older.is_empty()).then(|| {
        let items = older
            .iter()
            .map(|artifact| view! { <li>{self::artifact(page, artifact, &change.row, false, now)}</li> })
            .collect_view();
        view! {
            <details class="inc-older" data-key=format!("older-{}", change.row.id)>
                <summary>{count(older.len() as u64, "earlier path", "earlier paths")}</summary>
                <ul>{items}</ul>
            </details>
        }
    });
    Some(view! { {artifact(page, newest, &change.row, is_open, now)} {earlier} })
}

fn artifact(
    page: &IncidentPage,
    artifact: &ArtifactView,
    row: &ChangeRow,
    is_open: bool,
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let at = artifact.finished_at.unwrap_or(artifact.started_at);
    let todo = (is_open && artifact.by_hand && artifact.state == ArtifactState::Pending)
        .then(|| {
            let or_by_product = page.carry_out_refused.is_none() && page.to_carry_out.contains(&row.id);
            let or = or_by_product.then(|| view! { <a class="link" href=format!("/incidents/{}#carry-out", page.row.id)>"Have it carried out"</a> ", or " });
            view! {
                <p class="mt-1">{or} <span class="text-ink-3">"By hand: "</span>{by_hand(artifact.kind, row)} " Then Recheck: a check verifies it."</p>
            }
        });
    let product = artifact.reconciliation.map(|reconciliation| by_product(page, artifact.state, reconciliation));
    let error = artifact.error.clone().map(|why| view! { <p class="mt-1 text-incident wrap-anywhere">{why}</p> });
    let external = artifact.external.as_ref().filter(|external| !external.is_null()).map(|external| {
        let text = serde_json::to_string_pretty(external).unwrap_or_default();
        view! {
            <details class="inc-older" data-key=format!("external-{}", artifact.id)>
                <summary>"Where it left traces"</summary>
                <pre class="inc-json">{text}</pre>
            </details>
        }
    });
    let chosen = format!("{} chose this: {}", artifact.by.name, artifact.reason);
    view! {
        <div class="inc-artifact" data-artifact=artifact.kind.as_str() data-artifact-state=artifact.state.as_str()>
            <p class="flex flex-wrap items-center gap-x-2 gap-y-1">
                <strong class="font-semibold">{words::decision(artifact.kind)}</strong>
                {marks::chip(words::artifact(artifact.state), None)}
                <span class="text-ink-3">{time::ago(at, now)}</span>
            </p>
            <p class="text-ink-2 wrap-anywhere">{chosen}</p>
            {product} {error} {todo} {external}
        </div>
    }
}

/// That the product carries it out, and where that is told.
fn by_product(page: &IncidentPage, state: ArtifactState, reconciliation: ReconciliationId) -> impl IntoView + use<> {
    let said = match state {
        ArtifactState::Pending => "WorkflowOps is carrying it out.",
        ArtifactState::Success => "WorkflowOps carried it out.",
        ArtifactState::Failed => "WorkflowOps could not carry it out.",
    };
    let href = carry_out::address_of(page, reconciliation);
    view! { <p class="mt-1" data-by-product="">{said} " " <a class="link" href=href>"See its steps"</a></p> }
}

/// How a path is carried out by hand for this very change.
fn by_hand(kind: DecisionKind, row: &ChangeRow) -> String {
    let file = row.path.as_deref().unwrap_or("its file");
    match (kind, row.change_type) {
        (DecisionKind::Promote, ChangeType::Modified) => {
            format!("download the workflow from n8n and commit it as {file}.")
        }
        (DecisionKind::Promote, ChangeType::Added) => {
            "download the workflow from n8n and commit it into the environment's folder.".to_owned()
        }
        (DecisionKind::Promote, ChangeType::Removed) => format!("remove {file} from Git."),
        (DecisionKind::Revert, ChangeType::Modified) => {
            format!("import {file} over the workflow in n8n, or undo the edit there, and publish it.")
        }
        (DecisionKind::Revert, ChangeType::Added) => "archive the workflow in n8n.".to_owned(),
        (DecisionKind::Revert, ChangeType::Removed) => format!("import {file} into n8n and publish it."),
        (DecisionKind::Replace | DecisionKind::Override, _) => {
            "bring the other fix into Git and into n8n, so that both sides agree on it.".to_owned()
        }
    }
}

/// What may be opened, where that is not everything.
fn access(access: DiffAccess) -> Option<impl IntoView> {
    let text = match access {
        DiffAccess::All => return None,
        DiffAccess::None { needs } => {
            format!(
                "This incident's plan lists what differs. The {} plan also shows it inside the workflows.",
                needs.label()
            )
        }
        DiffAccess::Limited { workflows, needs } => format!(
            "This plan opens the {} that matter most, as text. The {} plan opens all of them.",
            count(workflows, "change", "changes"),
            needs.label()
        ),
    };
    Some(view! { <div class="px-4 py-3 border-t border-line">{note("tone-info", Icon::Lock, text)}</div> })
}
