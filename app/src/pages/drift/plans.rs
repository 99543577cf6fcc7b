//! What the plan leaves out, said calmly, and how to put things right by hand where it has no incidents (seed, Manual
//! Remediation).

use drift_domain::plan::PlanTier;
use drift_domain::views::{DiffAccess, EnvironmentPage, Workspace};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
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

/// How to put things right by hand.
pub(super) fn by_hand(environment: &EnvironmentPage) -> impl IntoView + use<> {
    let folder =
        if environment.git_folder.is_empty() { "/".to_owned() } else { format!("{}/", environment.git_folder) };
    view! {
        <details class="card section fold" data-key="by-hand" id="by-hand" open>
            <summary>"Putting it right by hand"</summary>
            <div class="card-body">
                <p class="text-ink-2 mb-3 max-w-prose">"For each workflow above there are two ways. Which one is right depends on who was right."</p>
                <div class="grid md:grid-cols-2 gap-4">
                    <div>
                        <h3 class="mb-1.5">"Git is right: bring n8n back"</h3>
                        <ol class="list-decimal pl-5 grid gap-1">
                            <li>"Open the workflow in " <a class="link" href=environment.n8n_base_url.clone() rel="noreferrer">"n8n"</a> "."</li>
                            <li>"Import its file from " <code class="wrap-anywhere">{format!("{} {folder}", environment.repository)}</code> " over it, or undo the edit by hand."</li>
                            <li>"Save, and publish where it runs. A workflow that only n8n has: archive it."</li>
                        </ol>
                    </div>
                    <div>
                        <h3 class="mb-1.5">"n8n is right: bring Git up to date"</h3>
                        <ol class="list-decimal pl-5 grid gap-1">
                            <li>"Download the workflow from n8n."</li>
                            <li>"Commit it in the place of its file, on " <code class="wrap-anywhere">{environment.git_ref.clone()}</code> "."</li>
                            <li>"Remove the file of a workflow that is gone for good."</li>
                        </ol>
                    </div>
                </div>
                <p class="mt-3">"Then press " <strong>"Recheck"</strong> ". What is no longer different is listed as vanished until somebody records what became of it."</p>
            </div>
        </details>
    }
}
