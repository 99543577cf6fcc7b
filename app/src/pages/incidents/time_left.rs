//! The time of an incident: its clock, what happens when it is over, and the form that gives it more.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::incident::IncidentAction;
use drift_domain::views::{IncidentPage, TimeView};
use leptos::prelude::*;

use super::Kept;
use super::actions::takes;
use super::properties::{change, text};
use crate::age::age;
use crate::components::form::field_error;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;

/// The name of the form, and the end of its address.
const FORM: &str = "extend";

/// The clock among the properties, with the form that gives more time. Nothing where the incident has no deadline.
pub(super) fn property(page: &IncidentPage, kept: &Kept, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let time = page.time.as_ref()?;
    let hint = (page.row.closed_at.is_none() && time.extensions_left > 0).then(|| {
        let times = if time.extensions_left == 1 { "once more".to_owned() } else { format!("{} times", time.extensions_left) };
        view! { <p class="hint">{format!("It can be extended {times}, by {} h at most.", time.longest_extension_hours)}</p> }
    });
    let extend = change(page, IncidentAction::Extend, FORM, "Extend", kept, form(page, time, kept));
    Some(view! {
        <dt>"Time"</dt>
        <dd data-time="">
            <p class="flex items-start gap-1.5">
                <span class="mt-0.5">{icon(Icon::Clock)}</span> <span>{left(page, time, now)}</span>
            </p>
            {extend}
            {hint}
        </dd>
    })
}

/// How much is left, in words, with the end to the minute.
fn left(page: &IncidentPage, time: &TimeView, now: DateTime<Utc>) -> String {
    let end = time.expires_at.format("%Y-%m-%d %H:%M UTC");
    if let Some(closed) = page.row.closed_at {
        let word = if closed <= time.expires_at { "closed in time" } else { "closed late" };
        return format!("{word}; it was to end at {end}");
    }
    if time.expires_at <= now {
        return format!("over since {end}, {}", age((now - time.expires_at).num_seconds()));
    }
    format!("{} left, until {end}", span(time.expires_at - now))
}

/// A span as people say it.
fn span(span: TimeDelta) -> String {
    match span.num_minutes() {
        ..=0 => "less than a minute".to_owned(),
        minutes @ 1..=119 => format!("{minutes} min"),
        minutes @ 120..=2_879 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1_440),
    }
}

fn form(page: &IncidentPage, time: &TimeView, kept: &Kept) -> impl IntoView + use<> {
    let error = kept.error(FORM, "hours");
    let usual = time.longest_extension_hours.to_string();
    let hours = kept.typed(FORM, "hours").map_or(usual.clone(), str::to_owned);
    view! {
        {takes(page, IncidentAction::Extend)}
        <div class="field">
            <label for="extend-hours">"Hours"</label>
            <input class="input" id="extend-hours" name="hours" type="number" min="1" max=usual value=hours required aria-invalid=error.is_some().then_some("true") />
            {field_error("extend-hours", error)}
        </div>
        {text(FORM, "reason", "Reason", "", "Why it takes longer; kept on record", true, kept)}
        <button class="btn" type="submit">"Extend"</button>
    }
}

/// What it means that the time is over, where it is.
pub(super) fn expired(page: &IncidentPage, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let time = page.time.as_ref().filter(|time| page.row.closed_at.is_none() && time.expires_at <= now)?;
    let since = time.expires_at.format("%Y-%m-%d %H:%M UTC").to_string();
    let body = view! {
        <p data-expired="">
            <strong>{format!("This incident's time is over since {since}.")}</strong>
            " Bring it to its end, or extend it with a reason. Reverting, promoting and restoring go on as before."
        </p>
    };
    Some(view! { <div class="mt-3">{note("tone-incident", Icon::Clock, body)}</div> })
}
