//! The steps of the lifecycle: a form for each that this person can take now, and for the others the reason why not.

use drift_domain::incident::{IncidentAction, IncidentStatus};
use drift_domain::plan::Lifecycle;
use drift_domain::views::{ActionView, IncidentPage};
use leptos::prelude::*;

use super::Kept;
use crate::components::form::{field_error, options};
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::words;

/// Whether something may be done to the incident now; `Err` with why not.
pub(super) fn may(page: &IncidentPage, action: IncidentAction) -> Result<(), String> {
    let found = page.actions.iter().find(|view| view.action == action);
    match found {
        Some(ActionView { refused: None, .. }) => Ok(()),
        Some(ActionView { refused: Some(why), .. }) => Err(why.clone()),
        None => Err("This is not part of this incident.".to_owned()),
    }
}

/// What every form of an incident sends along: the version that its person sees.
pub(super) fn version(page: &IncidentPage) -> impl IntoView + use<> {
    view! { <input type="hidden" name="version" value=page.version /> }
}

/// The approval that a policy takes for an action, for its form to say.
pub(super) fn takes(page: &IncidentPage, action: IncidentAction) -> Option<impl IntoView + use<>> {
    let takes = page.actions.iter().find(|view| view.action == action)?.takes.clone()?;
    let text = view! { <p data-takes=action.as_str()>{takes} " Sending this asks for it."</p> };
    Some(note("tone-info", Icon::User, text))
}

/// A button that cannot be pressed, and why.
pub(super) fn refused(action: IncidentAction, why: String) -> impl IntoView {
    let id = format!("why-not-{}", action.as_str().to_lowercase());
    view! {
        <div class="refused" data-refused=action.as_str()>
            <button class="btn" type="button" disabled aria-describedby=id.clone()>
                {icon(Icon::Lock)} {words::incident_action(action)}
            </button>
            <p class="refused-why" id=id>{why}</p>
        </div>
    }
}

/// The steps that are still ahead.
pub(super) fn card(page: &IncidentPage, kept: &Kept) -> Option<impl IntoView + use<>> {
    let status = page.row.status;
    if status == IncidentStatus::Closed {
        return None;
    }
    let ahead = [
        (IncidentAction::Acknowledge, IncidentStatus::Acknowledged),
        (IncidentAction::Stabilize, IncidentStatus::Stabilized),
        (IncidentAction::Reconcile, IncidentStatus::Reconciled),
        (IncidentAction::Close, IncidentStatus::Closed),
    ];
    let steps = ahead
        .into_iter()
        .filter(|(_, leads_to)| *leads_to > status)
        .filter(|(action, _)| *action != IncidentAction::Stabilize || page.lifecycle == Lifecycle::Full)
        .map(|(action, _)| step(page, action, kept))
        .collect_view();
    Some(view! {
        <section class="card" aria-labelledby="steps-heading" id="steps">
            <div class="card-head"><h2 id="steps-heading">"Next steps"</h2></div>
            <ol class="inc-actions">{steps}</ol>
        </section>
    })
}

fn step(page: &IncidentPage, action: IncidentAction, kept: &Kept) -> impl IntoView + use<> {
    let name = action.as_str().to_lowercase();
    let body = match may(page, action) {
        Err(why) => refused(action, why).into_any(),
        Ok(()) => match action {
            IncidentAction::Acknowledge => acknowledge(page, kept).into_any(),
            IncidentAction::Stabilize => stabilize(page, kept).into_any(),
            IncidentAction::Close => close(page).into_any(),
            _ => reconcile(page).into_any(),
        },
    };
    view! { <li id=name data-action=action.as_str()>{body}</li> }
}

fn acknowledge(page: &IncidentPage, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "acknowledge";
    let error = kept.error(FORM, "reason");
    let chosen = kept.text(FORM, "owner");
    let me = [(String::new(), "You".to_owned(), chosen.is_empty())];
    let others = page.assignable.iter().map(|person| {
        let id = person.id.to_string();
        (id.clone(), person.name.clone(), id == chosen)
    });
    let others = options(others.collect::<Vec<_>>());
    view! {
        <form method="post" action=format!("/incidents/{}/acknowledge", page.row.id) class="form">
            {version(page)} {takes(page, IncidentAction::Acknowledge)}
            <p class="text-ink-2 max-w-prose">"Take it on: say why this is being dealt with. Whoever owns it is who others ask."</p>
            <div class="fields">
                <div class="field wide">
                    <label for="acknowledge-reason">"Reason"</label>
                    <textarea
                        class="input" id="acknowledge-reason" name="reason" required aria-invalid=error.is_some().then_some("true")
                        aria-describedby=error.is_some().then_some("acknowledge-error")
                        placeholder="What happened, as far as you know"
                    >{kept.text(FORM, "reason")}</textarea>
                    {field_error(FORM, error)}
                </div>
                <div class="field">
                    <label for="acknowledge-owner">"Owner"</label>
                    <select class="input" id="acknowledge-owner" name="owner">{options(me)} {others}</select>
                </div>
            </div>
            <p><button class="btn btn-primary" type="submit">{icon(Icon::User)} "Acknowledge"</button></p>
        </form>
    }
}

fn stabilize(page: &IncidentPage, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "stabilize";
    let error = kept.error(FORM, "note");
    view! {
        <form method="post" action=format!("/incidents/{}/stabilize", page.row.id) class="form">
            {version(page)}
            <p class="text-ink-2 max-w-prose">"Say that production is stable. Whatever drifts from here on is marked as new."</p>
            <div class="field">
                <label for="stabilize-note">"Note"</label>
                <textarea
                    class="input" id="stabilize-note" name="note" aria-invalid=error.is_some().then_some("true")
                    aria-describedby=error.is_some().then_some("stabilize-error") placeholder="How you know"
                >{kept.text(FORM, "note")}</textarea>
                {field_error(FORM, error)}
            </div>
            <p><button class="btn btn-primary" type="submit">{icon(Icon::Shield)} "Mark as stabilized"</button></p>
        </form>
    }
}

fn reconcile(page: &IncidentPage) -> impl IntoView + use<> {
    view! {
        <form method="post" action=format!("/incidents/{}/reconcile", page.row.id) class="form">
            {version(page)}
            <p class="text-ink-2 max-w-prose">
                "Every change is decided and carried out, and a check begun after the last of them found no difference."
            </p>
            <p><button class="btn btn-primary" type="submit">{icon(Icon::Equal)} "Mark as reconciled"</button></p>
        </form>
    }
}

fn close(page: &IncidentPage) -> impl IntoView + use<> {
    view! {
        <form method="post" action=format!("/incidents/{}/close", page.row.id) class="form">
            {version(page)} {takes(page, IncidentAction::Close)}
            <p class="text-ink-2 max-w-prose">
                "Closing begins a check of its own. If it finds n8n equal to Git and every change decided, the incident closes and its receipt is written. Closed is final."
            </p>
            <p><button class="btn btn-primary" type="submit">{icon(Icon::Lock)} "Close incident"</button></p>
        </form>
    }
}
