//! A request for approval: what is asked, by whom, why, who has agreed, and the forms of whoever can answer.

use chrono::{DateTime, Utc};
use drift_domain::approval::ApprovalState;
use drift_domain::views::{ApprovalView, ApprovalVoice};
use leptos::prelude::*;

use super::ADDRESS;
use crate::components::icon::{Icon, icon};
use crate::components::marks::chip;
use crate::components::time;
use crate::words;

/// One request, as an item of a list.
pub(crate) fn item(request: &ApprovalView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let place = match request.incident {
        Some((id, number)) => {
            let href = format!("/incidents/{id}");
            view! { <a href=href>{words::incident(number)}</a> {format!(" of “{}”", request.environment)} }.into_any()
        }
        None => {
            let href = format!("/environments/{}", request.environment_id);
            view! { <a href=href>{format!("“{}”", request.environment)}</a> }.into_any()
        }
    };
    let reason = request.act.reason().map(str::to_owned).filter(|reason| !reason.is_empty()).map(|reason| {
        view! { <p class="wrap-anywhere text-ink-2">{format!("Why: {reason}")}</p> }
    });
    let given = request.voices.iter().filter(|voice| voice.counts).count();
    let count = format!(
        "{given} of {} given, of the role {} or above.",
        words::count(request.needed, "approval", "approvals"),
        words::role(request.approvers)
    );
    let voices = request.voices.iter().map(|voice| spoken(voice, now)).collect_view();
    let id = format!("approval-{}", request.id);
    view! {
        <li id=id data-approval=request.id.to_string() data-approval-state=request.state.as_str()>
            <p class="flex flex-wrap items-center gap-2">
                {chip(words::approval(request.state), None)}
                <span>
                    <strong>{request.by.name.clone()}</strong>
                    {format!(" asks to {}", request.act.words())} ": " {place} ", " {time::ago(request.at, now)}
                </span>
            </p>
            {reason}
            <p class="text-ink-2">{format!("{}.", request.rules.join("; "))} " " {count}</p>
            <ul class="grid gap-0.5">{voices}</ul>
            {outcome(request, now)}
            {answer(request, now)}
        </li>
    }
}

fn spoken(voice: &ApprovalVoice, now: DateTime<Utc>) -> impl IntoView + use<> {
    let of = voice.on_behalf_of.as_ref().map(|of| format!(" for {}", of.name)).unwrap_or_default();
    let note = voice.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let no_more = (!voice.counts).then_some(" (counts no more: the role is another now)");
    view! {
        <li class="wrap-anywhere">
            {icon(Icon::Check)} {format!("{}{of} approved ", voice.by.name)} {time::ago(voice.at, now)} {note} {no_more}
        </li>
    }
}

/// How it ended, where it has.
fn outcome(request: &ApprovalView, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let at = request.ended_at?;
    let by = request.ended_by.as_ref().map(|by| format!(" by {}", by.name)).unwrap_or_default();
    let why = request.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Some(view! {
        <p class="wrap-anywhere">{format!("{}{by} ", request.state.label())} {time::ago(at, now)} {why}</p>
    })
}

/// The forms of whoever can answer, or why the reader cannot.
fn answer(request: &ApprovalView, now: DateTime<Utc>) -> Option<AnyView> {
    if request.state != ApprovalState::Pending {
        return None;
    }
    let ends = view! { <p class="hint">"It expires " {time::until(request.expires_at, now)} "."</p> };
    let to = format!("{ADDRESS}/{}", request.id);
    if request.own {
        let back = view! {
            <form method="post" action=format!("{to}/withdraw")>
                <button class="btn btn-small" type="submit">{icon(Icon::Undo)} "Take it back"</button>
            </form>
        };
        return Some(view! { {back} {ends} }.into_any());
    }
    if let Some(why) = &request.refused {
        return Some(view! { <p class="hint">{why.clone()}</p> {ends} }.into_any());
    }
    let (note, reason) = (format!("note-{}", request.id), format!("reason-{}", request.id));
    Some(
        view! {
            <div class="grid gap-3 sm:grid-cols-2">
                <form method="post" action=format!("{to}/approve") class="form">
                    <div class="field">
                        <label for=note.clone()>"Note (may be left out)"</label>
                        <input class="input" id=note name="note" type="text" autocomplete="off" />
                    </div>
                    <p><button class="btn btn-primary" type="submit">{icon(Icon::Check)} "Approve"</button></p>
                </form>
                <form method="post" action=format!("{to}/reject") class="form">
                    <div class="field">
                        <label for=reason.clone()>"Why not"</label>
                        <input class="input" id=reason name="reason" type="text" autocomplete="off" required=true />
                    </div>
                    <p><button class="btn btn-danger" type="submit">{icon(Icon::Cross)} "Reject"</button></p>
                </form>
            </div>
            {ends}
        }
        .into_any(),
    )
}
