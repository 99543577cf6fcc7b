//! Overrides: accepting a difference for a time, in everybody's sight (product, Lower plans). Never a way to hide one.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, OverrideState};
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{ChangeRow, OverrideOffer, OverrideView};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::time;

/// One line under a change in a list: who accepts it until when, or that it asks again.
pub(super) fn line(overridden: &OverrideView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let o = overridden.clone();
    let said = match (o.state, o.ended) {
        (OverrideState::Running, _) => view! {
            <span class="chip tone-info mr-1.5">{icon(Icon::Clock)} "override"</span>
            {o.by} " accepts this until " {time::until(o.until, now)} ": " {o.reason}
        }
        .into_any(),
        (OverrideState::Ended, Some((at, by))) => {
            view! { "The override was ended by " {by} " " {time::ago(at, now)} ": it asks again." }.into_any()
        }
        _ => view! { "The override lapsed " {time::ago(o.until, now)} ": it asks again." }.into_any(),
    };
    view! { <p class="sub wrap-anywhere" data-override=o.state.as_str()>{said}</p> }
}

/// The section of the workspace, where overrides run: all of them, with their ends and reasons.
pub(super) fn section(
    listed: &[ChangeRow],
    environment: EnvironmentId,
    offer: &OverrideOffer,
    now: DateTime<Utc>,
) -> Option<impl IntoView + use<>> {
    let running = |change: &&ChangeRow| change.overridden.as_ref().is_some_and(OverrideView::is_running);
    let running: Vec<_> = listed.iter().filter(running).collect();
    if running.is_empty() {
        return None;
    }
    let items = running
        .into_iter()
        .map(|change| {
            view! {
                <li class="border border-line rounded-lg p-3.5 flex flex-wrap items-center gap-3" data-overridden=change.workflow.clone()>
                    <div class="flex-1 min-w-0">
                        <strong class="font-semibold wrap-anywhere">{change.workflow.clone()}</strong>
                        {change.overridden.as_ref().map(|o| line(o, now))}
                    </div>
                    {may_end(offer).then(|| end_form(change, environment))}
                </li>
            }
        })
        .collect_view();
    Some(view! {
        <section class="card section" aria-labelledby="overrides-heading" id="overrides">
            <div class="card-head">
                <h2 id="overrides-heading">"Accepted for a time"</h2>
                <span class="chip tone-info">{icon(Icon::Clock)} "still drift"</span>
            </div>
            <ul class="p-4 grid gap-3">{items}</ul>
        </section>
    })
}

/// An override is ended by who may make one; where the plan takes none (any more), too.
fn may_end(offer: &OverrideOffer) -> bool {
    offer.may_end
}

fn end_form(change: &ChangeRow, environment: EnvironmentId) -> impl IntoView + use<> {
    let action = format!("/environments/{environment}/drift/changes/{}/override/end", change.id);
    let label = format!("End the override of {}", change.workflow);
    view! { <form method="post" action=action><button class="btn btn-small" type="submit" aria-label=label>"End early"</button></form> }
}

/// The card of an open change: its override where one runs, and the form for one; or why there is none.
pub(super) fn card(
    change: &ChangeRow,
    environment: EnvironmentId,
    offer: &OverrideOffer,
    now: DateTime<Utc>,
) -> Option<impl IntoView + use<>> {
    if change.state != ChangeState::Open {
        return None;
    }
    let running = change.overridden.as_ref().is_some_and(OverrideView::is_running);
    let present = change.overridden.as_ref().map(|o| line(o, now));
    let end = (running && may_end(offer)).then(|| end_form(change, environment));
    let form = match &offer.refusal {
        Some(why) => view! { <p class="text-ink-2">{why.clone()}</p> }.into_any(),
        None => begin_form(change, environment, offer, running).into_any(),
    };
    Some(view! {
        <details class="card section fold" id="override" data-key="override" open=running>
            <summary>{if running { "Accepted for a time" } else { "Accept it for a time (override)" }}</summary>
            <div class="card-body grid gap-3">
                <div class="flex flex-wrap items-center gap-3">{present} {end}</div>
                <p class="text-ink-2 max-w-prose">
                    "An override is no resolution: the difference stays open and visible, with your name and reason, and asks again at its end."
                </p>
                {form}
            </div>
        </details>
    })
}

/// The form: why, and for how many days.
pub(super) fn begin_form(
    change: &ChangeRow,
    environment: EnvironmentId,
    offer: &OverrideOffer,
    running: bool,
) -> impl IntoView + use<> {
    let id = change.id;
    let longest = offer.longest_days;
    view! {
        <form
            method="post"
            action=format!("/environments/{environment}/drift/changes/{id}/override")
            class="grid sm:grid-cols-[minmax(0,1fr)_8rem_auto] gap-2 items-end"
        >
            <div class="field min-w-0">
                <label for=format!("override-reason-{id}")>"Reason"</label>
                <input class="input" id=format!("override-reason-{id}") name="reason" required autocomplete="off" maxlength="2000" placeholder="Why it may stay as it is; kept on record" />
            </div>
            <div class="field min-w-0">
                <label for=format!("override-days-{id}")>{format!("Days (1 to {longest})")}</label>
                <input class="input" id=format!("override-days-{id}") name="days" type="number" min="1" max=longest.to_string() value=longest.min(7).to_string() required />
            </div>
            <button class="btn justify-center" type="submit">{icon(Icon::Clock)} {if running { "Renew" } else { "Override" }}</button>
        </form>
    }
}
