//! How far a reconciliation is: its steps in order, each with what was said.

use chrono::{DateTime, Utc};
use drift_domain::reconciliation::StepState;
use drift_domain::views::{ReconciliationPage, ReconciliationStepView};
use leptos::prelude::*;

use crate::components::icon::icon;
use crate::components::time;
use crate::words;

/// The card, once somebody said to carry it out.
pub(super) fn card(page: &ReconciliationPage, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    if page.steps.is_empty() {
        return None;
    }
    let done = page.steps.iter().filter(|step| step.state == StepState::Done).count();
    let items = page.steps.iter().map(|step| self::step(step, now)).collect_view();
    Some(view! {
        <section class="card section" aria-labelledby="steps-heading" id="steps">
            <div class="card-head">
                <h2 id="steps-heading">"Steps"</h2>
                <p class="text-ink-3 num">{format!("{done} of {}", page.steps.len())}</p>
            </div>
            <ol class="rec-steps">{items}</ol>
            {elsewhere(&page.steps)}
        </section>
    })
}

fn step(step: &ReconciliationStepView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let mark = words::step(step.state);
    let workflow =
        step.workflow.clone().map(|name| view! { <span class="text-ink-2 wrap-anywhere">" · " {name}</span> });
    let at = step.ended_at.or(step.begun_at).map(|at| time::ago(at, now));
    let tone = if step.state == StepState::Failed { "text-incident" } else { "text-ink-2" };
    let said = step.said.clone().map(|said| view! { <p class=format!("wrap-anywhere {tone}")>{said}</p> });
    view! {
        <li data-step=step.kind.as_str() data-step-state=step.state.as_str()>
            <span class=format!("rec-step-mark {}", mark.tone)>{icon(mark.icon)}</span>
            <div class="min-w-0">
                <p><span class="font-medium">{words::target(step.kind.target()).label} ": " {step.kind.label()}</span> {workflow}</p>
                {said}
            </div>
            <p class="rec-step-at">{mark.label} " " {at}</p>
        </li>
    }
}

/// Addresses that show what was done, folded away (seed: no pull requests in the screens).
fn elsewhere(steps: &[ReconciliationStepView]) -> Option<impl IntoView + use<>> {
    let links: Vec<_> = steps
        .iter()
        .filter_map(|step| Some((step.kind.label(), step.address.clone()?)))
        .map(|(label, address)| {
            // Only an address of the web is a link: what GitHub answered is not trusted to be one.
            let shown = address.clone();
            let body = if address.starts_with("https://") || address.starts_with("http://") {
                view! { <a class="link wrap-anywhere" href=address rel="noreferrer">{shown}</a> }.into_any()
            } else {
                view! { <code class="wrap-anywhere">{shown}</code> }.into_any()
            };
            view! { <li>{label} ": " {body}</li> }
        })
        .collect();
    (!links.is_empty()).then(|| {
        view! {
            <details class="fold border-t border-line" data-key="elsewhere">
                <summary>"Where it left traces"</summary>
                <ul class="card-body grid gap-1.5">{links}</ul>
            </details>
        }
    })
}
