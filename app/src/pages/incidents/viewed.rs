//! What the reader has viewed: a tick beside each change, and how many there are.

use drift_domain::change::ChangeState;
use drift_domain::ids::IncidentId;
use drift_domain::views::{IncidentChange, IncidentPage};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// How much of the incident the reader has viewed.
pub(super) fn count(page: &IncidentPage) -> impl IntoView + use<> {
    let (viewed, of) = (page.listed.viewed, page.row.changes);
    view! {
        <p class="text-ink-3 num" data-viewed=viewed.to_string()>{format!("{viewed} of {of} viewed")}</p>
    }
}

/// The tick of one change, a button of its own form. A superseded change has none: the newer one carries it.
pub(super) fn tick(incident: IncidentId, change: &IncidentChange) -> Option<impl IntoView + use<>> {
    (change.row.state != ChangeState::Superseded).then(|| {
        let action = format!("/incidents/{incident}/changes/{}/viewed", change.row.id);
        let label = format!("Viewed: {}", change.row.workflow);
        let title = if change.viewed {
            "You have viewed it as it is now. Press to take the tick off."
        } else {
            "Tick it when you have looked at it. The tick falls off when the change moves on."
        };
        let mark = change.viewed.then(|| icon(Icon::Check));
        view! {
            <form method="post" action=action class="inc-tick">
                <input type="hidden" name="content" value=change.content.clone() />
                <input type="hidden" name="viewed" value=(!change.viewed).to_string() />
                <button type="submit" class="btn btn-small" aria-pressed=change.viewed.to_string() aria-label=label title=title>
                    {mark} "Viewed"
                </button>
            </form>
        }
    })
}
