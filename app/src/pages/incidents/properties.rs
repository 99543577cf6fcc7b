//! The properties of an incident and the forms that change them: severity, owner, ticket; and what it is related to.

use chrono::{DateTime, Utc};
use drift_domain::incident::IncidentAction;
use drift_domain::severity::Severity;
use drift_domain::views::{IncidentPage, IncidentRow, TicketView};
use leptos::prelude::*;

use super::Kept;
use super::actions::{may, version};
use super::header::status;
use super::time_left;
use crate::components::form::{field_error, options};
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words;

/// The rail beside the workspace.
pub(super) fn rail(page: &IncidentPage, kept: &Kept, now: DateTime<Utc>) -> impl IntoView + use<> {
    view! {
        <section class="card" aria-labelledby="properties-heading" id="properties">
            <div class="card-head"><h2 id="properties-heading">"Properties"</h2></div>
            <dl class="inc-properties">
                <dt>"Severity"</dt>
                <dd>{severity(page, kept)}</dd>
                {time_left::property(page, kept, now)}
                <dt>"Owner"</dt>
                <dd>{owner(page, kept)}</dd>
                <dt>"Ticket"</dt>
                <dd>{ticket_property(page, kept)}</dd>
                <dt>"Reason"</dt>
                <dd class="wrap-anywhere">{page.reason.clone().unwrap_or_else(|| "not acknowledged yet".to_owned())}</dd>
                <dt>"Plan"</dt>
                <dd>{format!("{}, as when it was opened", page.plan.label())}</dd>
            </dl>
        </section>
        {ancestors(page, now)}
        {elsewhere(page)}
    }
}

/// A form that is folded under a property; where it is refused, why.
pub(super) fn change(
    page: &IncidentPage,
    action: IncidentAction,
    name: &'static str,
    label: &'static str,
    kept: &Kept,
    form: impl IntoView + 'static,
) -> AnyView {
    match may(page, action) {
        // The property says all there is; that a closed incident does not change needs no saying at each of them.
        Err(_) if page.row.closed_at.is_some() => ().into_any(),
        Err(why) => view! { <p class="hint" data-refused=action.as_str()>{why}</p> }.into_any(),
        Ok(()) => view! {
            <details class="inc-edit" data-key=name open=kept.is_of(name)>
                <summary>{icon(Icon::Pencil)} {label}</summary>
                <form method="post" action=format!("/incidents/{}/{name}", page.row.id) class="form">{version(page)} {form}</form>
            </details>
        }
        .into_any(),
    }
}

fn severity(page: &IncidentPage, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "severity";
    let computed = (page.computed_severity != page.row.severity).then(|| {
        let said = format!("Adjusted; what changed says {}.", words::severity(page.computed_severity));
        let why = page.severity_reason.clone().map(|why| view! { <p class="hint wrap-anywhere">{why}</p> });
        view! { <p class="hint">{said}</p> {why} }
    });
    let chosen = kept.typed(FORM, "severity").map_or(page.row.severity.as_str(), |chosen| chosen).to_owned();
    let choices = Severity::ALL
        .iter()
        .rev()
        .map(|level| (level.to_string(), words::severity(*level).to_owned(), level.as_str() == chosen));
    let choices = options(choices.collect::<Vec<_>>());
    let form = view! {
        <div class="field">
            <label for="severity-level">"Severity"</label>
            <select class="input" id="severity-level" name="severity">{choices}</select>
        </div>
        {text(FORM, "reason", "Reason", "", "Why it matters more, or less", true, kept)}
        <button class="btn" type="submit">"Save severity"</button>
    };
    view! { {marks::severity(page.row.severity)} {computed} {change(page, IncidentAction::SetSeverity, FORM, "Adjust", kept, form)} }
}

fn owner(page: &IncidentPage, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "owner";
    let has = page.row.owner.as_ref().map(|owner| owner.id.to_string()).unwrap_or_default();
    let chosen = kept.typed(FORM, "owner").map_or(has, str::to_owned);
    let nobody = chosen.is_empty().then(|| (String::new(), "Choose a member".to_owned(), true));
    let members: Vec<_> = page
        .assignable
        .iter()
        .map(|person| (person.id.to_string(), person.name.clone(), person.id.to_string() == chosen))
        .collect();
    let form = view! {
        <div class="field">
            <label for="owner-person">"Owner"</label>
            <select class="input" id="owner-person" name="owner" required>{options(nobody)} {options(members)}</select>
        </div>
        <button class="btn" type="submit">"Save owner"</button>
    };
    let name = page.row.owner.as_ref().map_or_else(|| "nobody yet".to_owned(), |owner| owner.name.clone());
    view! { {name} {change(page, IncidentAction::Assign, FORM, "Change", kept, form)} }
}

fn ticket_property(page: &IncidentPage, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "ticket";
    let shown = match &page.ticket {
        Some(ticket) => self::ticket(ticket).into_any(),
        None => "none".into_any(),
    };
    let has = page.ticket.as_ref().map(|ticket| ticket.text.clone()).unwrap_or_default();
    let form = view! {
        {text(FORM, "ticket", "Web address or key", &has, "OPS-12", false, kept)}
        <button class="btn" type="submit">"Save ticket"</button>
    };
    view! { {shown} {change(page, IncidentAction::SetTicket, FORM, "Change", kept, form)} }
}

/// A ticket, as a link where it leads anywhere.
pub(super) fn ticket(ticket: &TicketView) -> impl IntoView + use<> {
    // The services let http and https through; a page does not trust that alone.
    let url = ticket.url.clone().filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    match url {
        Some(url) => view! {
            <a class="link wrap-anywhere" href=url rel="noreferrer noopener">{ticket.text.clone()} " " <span class="inline-flex align-[-2px]">{icon(Icon::External)}</span></a>
        }
        .into_any(),
        None => view! { <span class="wrap-anywhere">{ticket.text.clone()}</span> }.into_any(),
    }
}

pub(super) fn text(
    form: &'static str,
    field: &'static str,
    label: &'static str,
    value: &str,
    placeholder: &'static str,
    required: bool,
    kept: &Kept,
) -> impl IntoView + use<> {
    let id = format!("{form}-{field}");
    let error = kept.error(form, field);
    let value = kept.typed(form, field).unwrap_or(value).to_owned();
    let described = error.is_some().then(|| format!("{id}-error"));
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input class="input" id=id.clone() name=field value=value required=required autocomplete="off" placeholder=placeholder aria-invalid=error.is_some().then_some("true") aria-describedby=described />
            {field_error(&id, error)}
        </div>
    }
}

fn ancestors(page: &IncidentPage, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    if page.ancestors.is_empty() {
        return None;
    }
    let items = page.ancestors.iter().map(|row| ancestor(row, now)).collect_view();
    Some(view! {
        <section class="card section" aria-labelledby="ancestors-heading" id="ancestors">
            <div class="card-head"><h2 id="ancestors-heading">"It drifted before"</h2></div>
            <ul class="inc-ancestors">{items}</ul>
        </section>
    })
}

fn ancestor(row: &IncidentRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let when = row.closed_at.unwrap_or(row.detected_at);
    view! {
        <li>
            <a class="link" href=format!("/incidents/{}", row.id)>{words::incident(row.number)}</a>
            {status(row.status)}
            <span class="text-ink-3">{time::ago(when, now)}</span>
        </li>
    }
}

/// What belongs to the environment and not to the incident.
fn elsewhere(page: &IncidentPage) -> impl IntoView + use<> {
    let drift = format!("/environments/{}/drift", page.row.environment_id);
    view! {
        <nav class="inc-elsewhere" aria-label="About the environment">
            <p><a class="link" href=format!("{drift}?view=all")>"Checks, what was ignored, and all changes of the environment"</a></p>
            <p class="mt-1.5"><a class="link" href=format!("{drift}/deployments")>"Deployments"</a></p>
        </nav>
    }
}
