//! What the plan leaves out, said calmly, and how to put things right by hand where it has no incidents (seed, Manual
//! Remediation).

use drift_domain::change::{ChangeState, ChangeType};
use drift_domain::plan::PlanTier;
use drift_domain::views::{ChangeRow, DiffAccess, EnvironmentPage, Workspace};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::marks;
use crate::components::note::note;
use crate::words::count;

/// What may be opened, where that is not everything.
pub(super) fn access(workspace: &Workspace) -> Option<impl IntoView + use<>> {
    let text = match workspace.diff_access {
        DiffAccess::All => return None,
        DiffAccess::None { needs } => format!(
            "This plan shows which workflows differ, and how. The {} plan also shows what exactly differs inside them.",
            needs.label()
        ),
        DiffAccess::Limited { workflows, needs } => format!(
            "This plan opens the {} that matter most, as text. The {} plan opens all of them.",
            count(workflows, "change", "changes"),
            needs.label()
        ),
    };
    Some(view! { <div class="px-4 py-3 border-t border-line">{note("tone-info", Icon::Lock, text)}</div> })
}

/// In the place of a diff that the plan does not have.
pub(in crate::pages) fn refused(message: &str, needs: PlanTier) -> impl IntoView + use<> {
    view! {
        <section class="card section empty" data-refused=needs.as_str()>
            {icon(Icon::Lock)}
            <h2>{format!("The diff is part of the {} plan", needs.label())}</h2>
            <p>{message.to_owned()}</p>
            <p>"Both sides are stored, so nothing is lost meanwhile: what happened to this workflow can be looked at whenever the plan allows it."</p>
        </section>
    }
}

/// Changes whose instructions one page has at most; the filter leads to the others.
const INSTRUCTED: usize = 100;

/// How to put things right by hand: for each open change, both ways.
pub(super) fn by_hand(environment: &EnvironmentPage, changes: &[ChangeRow]) -> impl IntoView + use<> {
    let open: Vec<_> = changes.iter().filter(|change| change.state == ChangeState::Open).collect();
    let items = open.iter().take(INSTRUCTED).map(|change| instructions(environment, change)).collect_view();
    let rest =
        (open.len() > INSTRUCTED).then(|| view! { <p class="text-ink-2">"Filter the changes to see the others."</p> });
    view! {
        <details class="card section fold" data-key="by-hand" id="by-hand" open>
            <summary>"Putting it right by hand"</summary>
            <div class="card-body">
                <p class="text-ink-2 mb-3 max-w-prose">"For each workflow there are two ways. Which one is right depends on who was right."</p>
                <ul class="grid gap-2">{items}</ul>
                {rest}
                <p class="mt-3">"Then press " <strong>"Recheck"</strong> ". What is no longer different is listed as vanished until somebody records what became of it."</p>
            </div>
        </details>
    }
}

fn instructions(environment: &EnvironmentPage, change: &ChangeRow) -> impl IntoView + use<> {
    let n8n = environment.n8n_base_url.trim_end_matches('/');
    let workflow = change.live_id.as_ref().map(|id| {
        view! { " " <a class="link" href=format!("{n8n}/workflow/{id}") rel="noreferrer">"Open it in n8n"</a> "." }
    });
    let (git_is_right, n8n_is_right) = ways(environment, change);
    view! {
        <li class="border border-line rounded-lg" data-by-hand=change.workflow.clone()>
            <details class="fold" data-key=format!("by-hand-{}", change.id)>
                <summary class="wrap-anywhere">{change.workflow.clone()} {marks::severity(change.severity)}</summary>
                <div class="p-4 grid md:grid-cols-2 gap-4">
                    <div>
                        <h3 class="mb-1.5">"Git is right: bring n8n back"</h3>
                        <p class="wrap-anywhere">{git_is_right} {workflow}</p>
                    </div>
                    <div>
                        <h3 class="mb-1.5">"n8n is right: bring Git up to date"</h3>
                        <p class="wrap-anywhere">{n8n_is_right}</p>
                    </div>
                </div>
            </details>
        </li>
    }
}

/// What is to be done in n8n where Git is right, and in Git where n8n is.
fn ways(environment: &EnvironmentPage, change: &ChangeRow) -> (String, String) {
    let EnvironmentPage { repository, git_ref, git_folder, .. } = environment;
    let folder = if git_folder.is_empty() { "its root".to_owned() } else { format!("{git_folder}/") };
    let file = change.path.as_deref().unwrap_or("its file");
    let name = &change.workflow;
    match change.change_type {
        ChangeType::Modified => (
            format!(
                "Import {file} of {repository} (at {git_ref}) over “{name}”, or undo the edit there. Save it, and publish \
                 it where it runs."
            ),
            format!("Download “{name}” from n8n and commit it as {file} on {git_ref} of {repository}."),
        ),
        ChangeType::Added => (
            format!("Archive “{name}” in n8n: Git does not have it."),
            format!("Download “{name}” from n8n and commit it into {folder} on {git_ref} of {repository}."),
        ),
        ChangeType::Removed => (
            format!("Import {file} of {repository} (at {git_ref}) into n8n, and publish it where it is to run."),
            format!("Remove {file} on {git_ref} of {repository}: n8n does not have “{name}”."),
        ),
    }
}
