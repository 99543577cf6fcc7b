//! The four tiers, the present one among them.

use drift_domain::plan::{Grant, PlanTier};
use drift_domain::views::PlanPage;
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::words::count;

/// What a tier is for, in a line (seed: free users see drift, paid users manage it).
const fn purpose(tier: PlanTier) -> &'static str {
    match tier {
        PlanTier::Free => "See drift, put it right by hand, accept it for a time.",
        PlanTier::Pro => "Manage drift: incidents, decisions and diffs, one environment at a time.",
        PlanTier::Agency => "Manage drift for many: every environment, every step, ticket links.",
        PlanTier::Enterprise => "Govern drift: by policy, with the longest history.",
    }
}

/// The tiers as cards.
pub(super) fn cards(page: &PlanPage) -> impl IntoView + use<> {
    let cards = PlanTier::ALL.iter().map(|tier| card(*tier, page)).collect_view();
    view! {
        <ul class="grid gap-3 sm:grid-cols-2 lg:grid-cols-4" aria-label="Plans">{cards}</ul>
        {kept(page)}
    }
}

fn card(tier: PlanTier, page: &PlanPage) -> impl IntoView + use<> {
    let here = tier == page.tier;
    let granted = page.capabilities.iter().filter(|row| row.grants.get(tier as usize) != Some(&Grant::None)).count();
    let foot = if here {
        view! { <span class="chip tone-ok">{icon(Icon::Check)} "Your plan"</span> }.into_any()
    } else if page.can_manage {
        let href = format!("{}/tier?to={tier}", super::ADDRESS);
        let up = if tier > page.tier { "Upgrade to" } else { "Change to" };
        view! { <a class="btn btn-small" href=href>{format!("{up} {}", tier.label())}</a> }.into_any()
    } else {
        ().into_any()
    };
    view! {
        <li
            class="card card-body flex flex-col gap-1.5"
            class=("border-accent", here)
            data-tier=tier.as_str()
            aria-current=here.then_some("true")
        >
            <h2>{tier.label()}</h2>
            <p class="text-ink-2 flex-1">{purpose(tier)}</p>
            <p class="hint">{format!("{granted} of {} capabilities", page.capabilities.len())}</p>
            <div class="mt-1 min-h-8 flex items-center">{foot}</div>
        </li>
    }
}

/// Open incidents that were begun under another plan than the present one.
fn kept(page: &PlanPage) -> Option<impl IntoView + use<>> {
    let others: Vec<_> = page
        .open_incidents
        .iter()
        .filter(|(tier, _)| *tier != page.tier)
        .map(|(tier, n)| format!("{} under {}", count(*n, "open incident", "open incidents"), tier.label()))
        .collect();
    (!others.is_empty()).then(|| {
        let text = format!(
            "{}: what was begun under a plan is finished under it, whatever the plan is by then.",
            others.join(", ")
        );
        view! { <div class="section">{note("tone-info", Icon::Info, text)}</div> }
    })
}
