//! What can be done about a reconciliation now: carrying it out, cancelling it, trying it again; or why not.

use drift_domain::reconciliation::{Purpose, ReconciliationState};
use drift_domain::views::ReconciliationPage;
use leptos::prelude::*;

use super::{address, anew, version};
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::words::count;

/// The card below the heading.
pub(super) fn card(page: &ReconciliationPage) -> AnyView {
    match page.row.state {
        ReconciliationState::Planned => planned(page).into_any(),
        ReconciliationState::Pending => pending(page).into_any(),
        ReconciliationState::Failed => failed(page).into_any(),
        ReconciliationState::Cancelled => {
            view! { <div class="section flex flex-wrap gap-2">{anew(page, "Make a new plan")}</div> }.into_any()
        }
        ReconciliationState::Done => done(page).into_any(),
    }
}

fn planned(page: &ReconciliationPage) -> impl IntoView + use<> {
    let act = match &page.carry_out_refused {
        None => {
            let says = match page.row.purpose {
                Purpose::Decisions => {
                    "Writes exactly what is shown here, and nothing else. If n8n or Git moved since, nothing is written."
                }
                Purpose::Deployment => {
                    "Deploys exactly what is shown here. If n8n moved since, nothing is written over what moved."
                }
                Purpose::Restore => {
                    "Puts it back exactly as shown. If n8n or Git moved since, nothing is written. It decides nothing about the change."
                }
            };
            view! {
                <form method="post" action=format!("{}/carry-out", address(page)) class="rec-offer" data-act="carry-out">
                    {version(page)}
                    <p class="text-ink-2 max-w-prose">{says}</p>
                    <button class="btn btn-primary" type="submit">{icon(Icon::Check)} {if page.deployment.is_some() { "Deploy" } else { "Carry it out" }}</button>
                </form>
            }
            .into_any()
        }
        Some(why) => view! {
            <div class="rec-offer" data-act="refused">
                <p class="text-ink-2 max-w-prose wrap-anywhere">{why.clone()}</p>
                {anew(page, "Make a new plan")}
            </div>
        }
        .into_any(),
    };
    view! { {problems(page)} <section class="card card-body section" aria-label="Carry it out">{act}</section> }
}

/// What stands in the way, before anything else.
fn problems(page: &ReconciliationPage) -> Option<impl IntoView + use<>> {
    let conflicts: usize = page.items.iter().map(|item| item.conflicts.len()).sum();
    let own = page.items.iter().flat_map(|item| {
        let name = item.workflow.clone();
        item.problems.iter().map(move |why| format!("{name}: {why}"))
    });
    let picks = (conflicts > 0).then(|| {
        let places = count(conflicts as u64, "place was", "places were");
        format!("{places} changed on both sides, differently. Pick a side for each, below.")
    });
    let all: Vec<_> = page.problems.iter().cloned().chain(own).chain(picks).collect();
    if all.is_empty() {
        return None;
    }
    let items = all.into_iter().map(|why| view! { <li class="wrap-anywhere">{why}</li> }).collect_view();
    let body = view! {
        <p><strong class="font-semibold">"This cannot be carried out as it is."</strong></p>
        <ul class="rec-problems">{items}</ul>
    };
    Some(view! { <div class="section" data-problems="">{note("tone-incident", Icon::Warning, body)}</div> })
}

fn pending(page: &ReconciliationPage) -> impl IntoView + use<> {
    let waits = page.row.waits_for.clone();
    let body = view! {
        <p><strong class="font-semibold">{if waits.is_some() { "It waits." } else { "It is being carried out." }}</strong></p>
        {waits.map(|what| view! { <p class="mt-1 wrap-anywhere" data-waits="">{what}</p> })}
        <p class="mt-1 text-ink-2">"It goes on by itself, whoever looks; this page follows."</p>
        <noscript><p class="mt-1">"Load this page again to see how far it is."</p></noscript>
    };
    let cancel = match &page.cancel_refused {
        None => form(page, "cancel", "Cancel", Icon::Cross).into_any(),
        Some(why) => refused("cancel", "Cancel", why).into_any(),
    };
    view! { <div class="section grid gap-3">{note("tone-drift", Icon::Clock, body)} {cancel}</div> }
}

fn failed(page: &ReconciliationPage) -> impl IntoView + use<> {
    let why = page.row.error.clone().unwrap_or_else(|| "A step could not be taken.".to_owned());
    let body = view! {
        <p><strong class="font-semibold">"It was not carried out."</strong></p>
        <p class="mt-1 wrap-anywhere" data-error="">{why}</p>
    };
    let retry = match &page.retry_refused {
        None => form(page, "retry", "Try again", Icon::Refresh).into_any(),
        Some(why) => refused("retry", "Try again", why).into_any(),
    };
    view! {
        <div class="section grid gap-3">
            {note("tone-incident", Icon::Warning, body)}
            <p class="text-ink-2 max-w-prose">
                "Trying again goes on where it was, and first asks what became of the step that failed. A new plan begins with what is there now."
            </p>
            <div class="flex flex-wrap gap-2">{retry} {anew(page, "Make a new plan")}</div>
        </div>
    }
}

fn done(page: &ReconciliationPage) -> impl IntoView + use<> {
    let text = match page.row.purpose {
        Purpose::Decisions => {
            "Carried out, read back and found as planned. A check looks at both sides now, and then the incident can go on."
        }
        Purpose::Deployment => "Deployed, read back and found as planned. A check looks at both sides now.",
        Purpose::Restore => "Put back, read back and found as planned. A check looks at both sides now.",
    };
    let back = page.incident_id.map(|incident| {
        view! { <p class="mt-1"><a class="link" href=format!("/incidents/{incident}")>"Back to the incident"</a></p> }
    });
    view! { <div class="section">{note("tone-ok", Icon::Check, view! { <p>{text}</p> {back} })}</div> }
}

fn form(page: &ReconciliationPage, act: &'static str, label: &'static str, mark: Icon) -> impl IntoView + use<> {
    view! {
        <form method="post" action=format!("{}/{act}", address(page)) data-act=act>
            {version(page)}
            <button class="btn" type="submit">{icon(mark)} {label}</button>
        </form>
    }
}

/// A button that cannot be pressed, and why.
fn refused(act: &'static str, label: &'static str, why: &str) -> impl IntoView + use<> {
    let id = format!("why-not-{act}");
    view! {
        <div class="refused" data-refused=act>
            <button class="btn" type="button" disabled aria-describedby=id.clone()>{icon(Icon::Lock)} {label}</button>
            <p class="refused-why" id=id>{why.to_owned()}</p>
        </div>
    }
}
