//! The adoption review: what an environment looked like when it was connected, looked through once by a person.

use drift_domain::ids::EnvironmentId;
use drift_domain::views::AdoptionView;
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::marks;
use crate::words::{self, count};

/// The card of an open review.
pub(super) fn card(adoption: &AdoptionView, environment: EnvironmentId) -> impl IntoView + use<> {
    let found = adoption
        .by_type
        .iter()
        .map(|(kind, n)| {
            view! {
                <li class="flex items-center gap-2">
                    <span class="num font-semibold w-6 text-right">{*n}</span>
                    {marks::chip(words::change_type(*kind), None)}
                    <span class="text-ink-2">{words::change_type_explained(*kind)}</span>
                </li>
            }
        })
        .collect_view();
    let finish = if adoption.can_finish {
        view! {
            <form method="post" action=format!("/environments/{environment}/drift/adoption") class="mt-4 flex flex-wrap items-end gap-2">
                <div class="field grow min-w-56">
                    <label for="adoption-note">"Note (kept with the review)"</label>
                    <input class="input" id="adoption-note" name="note" autocomplete="off" placeholder="Known differences; Git follows this week" />
                </div>
                <button class="btn btn-primary" type="submit">{icon(Icon::Check)} "Finish review"</button>
            </form>
        }
        .into_any()
    } else {
        view! { <p class="mt-3 text-ink-2">"An administrator of the organization finishes the review."</p> }.into_any()
    };
    view! {
        <section class="card section" aria-labelledby="adoption" id="adoption-review">
            <div class="card-head">
                <h2 id="adoption">"Adoption review"</h2>
                <span class="chip tone-info">{icon(Icon::Info)} "open"</span>
            </div>
            <div class="card-body">
                <p class="mb-3 max-w-prose">
                    "This environment was connected as it is. The first check found "
                    <strong>{count(adoption.agreeing, "workflow", "workflows")}</strong>
                    " that agree, and the differences below. Look through them once; finishing the review hides none of them: each stays until it is decided."
                </p>
                <ul class="grid gap-1.5">{found}</ul>
                {finish}
            </div>
        </section>
    }
}
