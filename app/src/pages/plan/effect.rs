//! What an edit of the plan would do, and the form that saves it.

use drift_domain::plan::PlanTier;
use drift_domain::views::{CapabilityChange, LimitChange, PlanEffect};
use leptos::prelude::*;

use super::{Again, matrix};
use crate::components::crumbs::crumbs;
use crate::components::form::Field;
use crate::components::icon::{Icon, icon};

/// The page of a change of tier.
pub(super) fn tier(to: PlanTier, effect: &PlanEffect, again: &Again) -> AnyView {
    let (from, to_label) = (effect.tier.label(), to.label());
    let hidden = vec![("plan", to.to_string())];
    view! {
        {crumbs(vec![(super::ADDRESS.to_owned(), "Plan".to_owned())], format!("Change to {to_label}"))}
        <div class="page-head"><h1>{format!("From {from} to {to_label}")}</h1></div>
        {card(effect, format!("{}/tier", super::ADDRESS), hidden, "Change the plan", again)}
    }
    .into_any()
}

/// What the edit does, and the form with its reason. `hidden` is what the form sends besides.
pub(super) fn card(
    effect: &PlanEffect,
    action: String,
    hidden: Vec<(&'static str, String)>,
    save: &'static str,
    again: &Again,
) -> impl IntoView + use<> {
    let hidden =
        hidden.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view();
    let consequences = effect
        .consequences
        .iter()
        .map(|said| view! { <li class="flex gap-2">{icon(Icon::Info)}<span>{said.clone()}</span></li> })
        .collect_view();
    let reason = Field {
        name: "reason",
        label: "Reason",
        value: again.reason.clone(),
        hint: Some("Kept with the change, for everybody to read.".to_owned()),
        error: again.error("reason"),
        required: true,
        area: true,
        ..Field::default()
    };
    view! {
        <section class="card section" aria-labelledby="effect-heading" id="effect" data-effect="">
            <div class="card-head"><h2 id="effect-heading">"What this does"</h2></div>
            <div class="card-body grid gap-4">
                <div class="grid gap-4 md:grid-cols-2">
                    {grants("Gained", "tone-ok", &effect.gained)} {grants("Lost", "tone-incident", &effect.lost)}
                </div>
                {limits(&effect.limits)}
                <ul class="grid gap-1.5 text-ink-2" data-consequences="">{consequences}</ul>
            </div>
        </section>
        <form class="card card-body form section" method="post" action=action>
            {hidden}
            <input type="hidden" name="version" value=effect.version.to_string() />
            {reason.view()}
            <div class="flex flex-wrap gap-2">
                <button class="btn btn-primary" type="submit">{icon(Icon::Check)} {save}</button>
                <a class="btn" href=super::ADDRESS>"Cancel"</a>
            </div>
        </form>
    }
}

fn grants(title: &'static str, tone: &'static str, changes: &[CapabilityChange]) -> Option<impl IntoView + use<>> {
    if changes.is_empty() {
        return None;
    }
    let rows = changes
        .iter()
        .map(|change| {
            view! {
                <li class="flex flex-wrap items-center gap-x-2" data-capability=change.capability.as_str()>
                    <span class="flex-1">{change.capability.label()}</span>
                    {matrix::mark(change.from)} <span class="text-ink-3">{icon(Icon::Arrow)}<span class="sr-only">"becomes"</span></span> {matrix::mark(change.to)}
                </li>
            }
        })
        .collect_view();
    Some(view! {
        <div>
            <h3 class="mb-1.5"><span class=format!("chip {tone}")>{title}</span></h3>
            <ul class="grid gap-1">{rows}</ul>
        </div>
    })
}

fn limits(changes: &[LimitChange]) -> Option<impl IntoView + use<>> {
    if changes.is_empty() {
        return None;
    }
    let rows = changes
        .iter()
        .map(|change| {
            let (from, to) = (change.limit.words(change.from), change.limit.words(change.to));
            view! {
                <dt>{change.limit.label()}</dt>
                <dd class="num"><strong>{to}</strong> <span class="text-ink-2">{format!(" instead of {from}")}</span></dd>
            }
        })
        .collect_view();
    Some(view! {
        <div>
            <h3 class="mb-1.5">"Limits"</h3>
            <dl class="facts">{rows}</dl>
        </div>
    })
}
