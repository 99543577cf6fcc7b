//! Legal holds: those that hold with the form that releases each, the form that places one, and those that were released.

use drift_domain::views::{HeldIncident, HoldView};
use leptos::prelude::*;

use super::{ADDRESS, Retention};
use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::components::time;
use crate::words;

/// The section of holds.
pub(super) fn section(page: &Retention) -> impl IntoView + use<> {
    let rows = page.holds.iter().map(|hold| row(hold, page)).collect_view();
    let none = page.holds.is_empty().then(|| view! { <p class="text-ink-2">"Nothing is under a legal hold."</p> });
    view! {
        <section class="card section" aria-labelledby="holds-heading" id="holds">
            <div class="card-head"><h2 id="holds-heading">"Legal holds"</h2></div>
            <div class="card-body grid gap-4">
                {none}
                <ul class="grid gap-3">{rows}</ul>
                {place(page)}
            </div>
        </section>
    }
}

fn about(incident: Option<&HeldIncident>) -> String {
    incident.map_or_else(|| "All of the organization".to_owned(), |held| words::incident(held.number))
}

fn row(hold: &HoldView, page: &Retention) -> impl IntoView + use<> {
    let ended = hold.released.as_ref().map(|released| {
        view! {
            <p class="text-ink-2 wrap-anywhere">
                {format!("Released by {} ", released.by)} {time::ago(released.at, page.now)} {format!(": {}", released.reason)}
            </p>
        }
    });
    let release = hold.released.is_none().then(|| release(hold));
    view! {
        <li data-hold=if hold.released.is_none() { "held" } else { "released" }>
            <p><strong>{about(hold.incident.as_ref())}</strong> {format!(", by {} ", hold.by)} {time::ago(hold.at, page.now)}</p>
            <p class="wrap-anywhere">{hold.reason.clone()}</p>
            {ended}
            {release}
        </li>
    }
}

fn release(hold: &HoldView) -> impl IntoView + use<> {
    let field = format!("release-{}", hold.id);
    view! {
        <details class="inc-edit">
            <summary>{icon(Icon::Undo)} "Release"</summary>
            <form method="post" action=format!("{ADDRESS}/holds/{}/release", hold.id) class="form">
                <div class="field">
                    <label for=field.clone()>"Why it is released"</label>
                    <textarea class="input" id=field name="reason" required=true autocomplete="off"></textarea>
                    <p class="hint">"What it held and is older than the plan keeps goes at the next tidying. There is no way back."</p>
                </div>
                <div><button class="btn btn-danger" type="submit">"Release the hold"</button></div>
            </form>
        </details>
    }
}

fn place(page: &Retention) -> AnyView {
    if !page.may_hold {
        return note(
            "tone-plain",
            Icon::Info,
            "Placing legal holds is part of the Enterprise plan. Those that stand go on holding.",
        )
        .into_any();
    }
    let of = page.on.as_ref();
    let notice = page.notice.as_ref();
    let reason = Field {
        name: "reason",
        label: "Why it is placed",
        value: notice.and_then(|n| n.draft.as_ref()?["reason"].as_str().map(str::to_owned)).unwrap_or_default(),
        hint: Some("Kept on record, with your name.".to_owned()),
        error: notice.filter(|n| n.field.as_deref() == Some("reason")).map(|n| n.text.clone()),
        required: true,
        area: true,
        ..Field::default()
    };
    let heading = match of {
        Some(held) => format!("Hold {}", words::incident(held.number)),
        None => "Hold all of the organization".to_owned(),
    };
    let hidden = of.map(|held| view! { <input type="hidden" name="incident" value=held.id.to_string() /> });
    let whole = match of {
        Some(_) => {
            "The incident, its changes with their contents, decisions, receipt and events are kept until the hold is released."
        }
        None => "Nothing is removed until the hold is released. A single incident is held from its own page.",
    };
    view! {
        <form method="post" action=format!("{ADDRESS}/holds") class="form" id="place-hold">
            <h3>{heading}</h3>
            <p class="text-ink-2">{whole}</p>
            {hidden}
            {reason.view()}
            <div><button class="btn" type="submit">{icon(Icon::Shield)} "Place the hold"</button></div>
        </form>
    }
    .into_any()
}
