//! Asking for a higher plan, and answering.

use chrono::{DateTime, Utc};
use drift_domain::ids::EnvironmentId;
use drift_domain::plan::Capability;
use drift_domain::views::{PlanPage, UpgradeOffer, UpgradeRequestView};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::time;

/// What a person could not do, and where: recorded with their request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asking {
    pub capability: Option<Capability>,
    pub environment: Option<EnvironmentId>,
}

/// Requests, with their answers; for who manages the plan, the forms to answer; for everybody else, the form to ask.
pub(super) fn section(page: &PlanPage, asking: &Asking) -> impl IntoView + use<> {
    let ask = page.upgrade.as_ref().filter(|_| !page.can_manage).map(|offer| {
        view! {
            <section class="card section" aria-labelledby="ask-heading" id="ask">
                <div class="card-head"><h2 id="ask-heading">{format!("What the {} plan adds", offer.plan.label())}</h2></div>
                <div class="card-body">{body(offer, asking, page.now)}</div>
            </section>
        }
    });
    let items = page.requests.iter().map(|request| item(request, page)).collect_view();
    let listed = (!page.requests.is_empty()).then(|| {
        view! {
            <section class="card section" aria-labelledby="requests-heading" id="requests">
                <div class="card-head"><h2 id="requests-heading">"Requests for a higher plan"</h2></div>
                <ul class="p-4 grid gap-3">{items}</ul>
            </section>
        }
    });
    view! { {ask} {listed} }
}

fn item(request: &UpgradeRequestView, page: &PlanPage) -> impl IntoView + use<> {
    let wanted = request.capability.map(|capability| capability.label());
    let place = request.environment.clone();
    let note = (!request.note.is_empty())
        .then(|| view! { <blockquote class="mt-1 wrap-anywhere">{request.note.clone()}</blockquote> });
    let met = match (wanted, place) {
        (Some(wanted), Some(place)) => Some(format!("Met the end of the plan at “{wanted}” in {place}.")),
        (Some(wanted), None) => Some(format!("Met the end of the plan at “{wanted}”.")),
        (None, Some(place)) => Some(format!("Asked from {place}.")),
        (None, None) => None,
    };
    let answer = (request.answer.is_none() && page.can_manage).then(|| answer_form(request, page));
    view! {
        <li class="border border-line rounded-lg p-3.5" data-request=request.by.clone()>
            <div class="flex flex-wrap items-center gap-2">
                <strong class="font-semibold">{request.by.clone()}</strong>
                <span>{format!("asks for {}", request.plan.label())}</span>
                {state(request)}
                <span class="text-ink-3 ml-auto">{time::ago(request.at, page.now)}</span>
            </div>
            {met.map(|met| view! { <p class="text-ink-2 mt-0.5 wrap-anywhere">{met}</p> })}
            {note} {answered(request, page.now)} {answer}
        </li>
    }
}

fn state(request: &UpgradeRequestView) -> impl IntoView + use<> {
    let (tone, mark, word) = match &request.answer {
        None => ("tone-drift", Icon::Clock, "Waiting"),
        Some(answer) if answer.granted => ("tone-ok", Icon::Check, "Granted"),
        Some(_) => ("tone-plain", Icon::Cross, "Declined"),
    };
    view! { <span class=format!("chip {tone}")>{icon(mark)} {word}</span> }
}

fn answered(request: &UpgradeRequestView, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    request.answer.clone().map(|answer| {
        let done = if answer.granted { "granted it" } else { "declined it" };
        let words = if answer.words.is_empty() { ".".to_owned() } else { format!(": {}", answer.words) };
        view! { <p class="mt-1.5 wrap-anywhere">{answer.by} " " {done} " " {time::ago(answer.at, now)} {words}</p> }
    })
}

fn answer_form(request: &UpgradeRequestView, page: &PlanPage) -> impl IntoView + use<> {
    let id = request.id;
    let grant = if request.plan > page.tier {
        format!("Grant: change to {}", request.plan.label())
    } else {
        format!("Grant: {} covers it", page.tier.label())
    };
    view! {
        <form class="mt-3 grid gap-2" method="post" action=format!("{}/requests/{id}", super::ADDRESS)>
            <div class="field">
                <label for=format!("words-{id}")>"Answer"</label>
                <input class="input" id=format!("words-{id}") name="words" autocomplete="off" placeholder="The asker reads it; needed to decline" />
            </div>
            <div class="flex flex-wrap gap-2">
                <button class="btn btn-primary" type="submit" name="answer" value="grant">{icon(Icon::Check)} {grant}</button>
                <button class="btn" type="submit" name="answer" value="decline">"Decline"</button>
            </div>
        </form>
    }
}

/// What the next plan adds, and the way to it: at once for who manages the plan, by asking for everybody else.
pub(crate) fn body(offer: &UpgradeOffer, asking: &Asking, now: DateTime<Utc>) -> impl IntoView + use<> {
    let adds = offer
        .adds
        .iter()
        .map(|capability| view! { <li class="flex items-center gap-2"><span class="text-ok">{icon(Icon::Plus)}</span>{capability.label()}</li> })
        .collect_view();
    let waiting = offer.requested.as_ref().is_some_and(|request| request.answer.is_none());
    let last = offer.requested.as_ref().map(|request| {
        view! {
            <div class="note tone-plain mb-3" role="status" data-asked=if waiting { "waiting" } else { "answered" }>
                {icon(Icon::Info)}
                <div class="note-body">
                    <p>{format!("You asked for the {} plan ", request.plan.label())} {time::ago(request.at, now)} ". " {waiting.then_some("Nobody has answered yet.")}</p>
                    {answered(request, now)}
                </div>
            </div>
        }
    });
    let way = if offer.can_manage {
        let href = format!("{}/tier?to={}", super::ADDRESS, offer.plan);
        view! { <a class="btn btn-primary" href=href>{format!("See what {} changes", offer.plan.label())} {icon(Icon::Arrow)}</a> }.into_any()
    } else if waiting {
        ().into_any()
    } else {
        ask_form(offer, asking).into_any()
    };
    view! { <ul class="grid gap-1 sm:grid-cols-2 mb-3">{adds}</ul> {last} {way} }
}

fn ask_form(offer: &UpgradeOffer, asking: &Asking) -> impl IntoView + use<> {
    let capability = asking.capability.map(|c| view! { <input type="hidden" name="capability" value=c.as_str() /> });
    let environment =
        asking.environment.map(|id| view! { <input type="hidden" name="environment" value=id.to_string() /> });
    view! {
        <form class="grid gap-2" method="post" action=format!("{}/requests", super::ADDRESS)>
            <input type="hidden" name="plan" value=offer.plan.as_str() />
            {capability} {environment}
            <div class="field">
                <label for="upgrade-note">"What for?"</label>
                <input class="input" id="upgrade-note" name="note" autocomplete="off" maxlength="2000" placeholder="Helps whoever decides; may stay empty" />
            </div>
            <div>
                <button class="btn btn-primary" type="submit">{icon(Icon::Arrow)} {format!("Ask for the {} plan", offer.plan.label())}</button>
            </div>
        </form>
    }
}
