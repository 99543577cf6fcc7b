//! Workflows that share a name, so that nobody but a person can say which file stands for which.

use drift_domain::ids::EnvironmentId;
use drift_domain::views::AmbiguityView;
use leptos::prelude::*;

use crate::components::form::options;
use crate::components::icon::{Icon, icon};

/// The section, where there are any.
pub(in crate::pages) fn section(
    ambiguities: &[AmbiguityView],
    environment: EnvironmentId,
    can_link: bool,
) -> Option<impl IntoView + use<>> {
    if ambiguities.is_empty() {
        return None;
    }
    let items = ambiguities.iter().enumerate().map(|(i, one)| item(i, one, environment, can_link)).collect_view();
    Some(view! {
        <section class="card section" aria-labelledby="ambiguities" id="link">
            <div class="card-head">
                <h2 id="ambiguities">"Which is which?"</h2>
                <span class="chip tone-unverified">{icon(Icon::Link)} "needs a person"</span>
            </div>
            <div class="card-body">
                <p class="text-ink-2 mb-3 max-w-prose">
                    "These share a name, and nothing else tells them apart. WorkflowOps does not guess: say which workflow in n8n a file in Git stands for."
                </p>
                <ul class="grid gap-3">{items}</ul>
            </div>
        </section>
    })
}

fn item(i: usize, one: &AmbiguityView, environment: EnvironmentId, can_link: bool) -> impl IntoView + use<> {
    let form = (can_link && !one.live_ids.is_empty() && !one.paths.is_empty()).then(|| link_form(i, one, environment));
    let list = |label: &'static str, items: &[String]| {
        let items = items
            .iter()
            .map(|item| view! { <li><code class="wrap-anywhere">{item.clone()}</code></li> })
            .collect_view();
        view! { <div class="min-w-0"><p class="text-ink-3">{label}</p><ul>{items}</ul></div> }
    };
    let lists = form.is_none().then(|| view! {
        <div class="grid sm:grid-cols-2 gap-2">{list("In n8n, by id", &one.live_ids)} {list("In Git", &one.paths)}</div>
    });
    view! {
        <li class="border border-line rounded-lg p-3">
            <h3 class="mb-2 wrap-anywhere">{one.name.clone()}</h3>
            {form} {lists}
        </li>
    }
}

fn link_form(i: usize, one: &AmbiguityView, environment: EnvironmentId) -> impl IntoView + use<> {
    let same = |text: &String| (text.clone(), text.clone(), false);
    let lives = options(one.live_ids.iter().map(same).collect::<Vec<_>>());
    let paths = options(one.paths.iter().map(same).collect::<Vec<_>>());
    view! {
        <form method="post" action=format!("/environments/{environment}/drift/links") class="grid sm:grid-cols-[1fr_1fr_auto] gap-2 items-end">
            <div class="field">
                <label for=format!("live-{i}")>"Workflow in n8n"</label>
                <select class="input mono" id=format!("live-{i}") name="live_id">{lives}</select>
            </div>
            <div class="field">
                <label for=format!("path-{i}")>"File in Git"</label>
                <select class="input mono" id=format!("path-{i}") name="path">{paths}</select>
            </div>
            <button class="btn" type="submit">{icon(Icon::Link)} "Link them"</button>
        </form>
    }
}
