//! What happened to an incident, who did it and why; and what people say about it.

use chrono::{DateTime, Utc};
use drift_domain::incident::IncidentAction;
use drift_domain::views::{IncidentPage, PersonView, TimelineEntry};
use leptos::prelude::*;

use super::Kept;
use super::actions::{may, refused, version};
use crate::components::form::field_error;
use crate::components::icon::{Icon, icon};
use crate::components::time;

/// The entries, oldest first, and the form of a comment after them.
pub(super) fn section(page: &IncidentPage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let entries = page.timeline.iter().map(|entry| self::entry(entry, now)).collect_view();
    view! { <ol class="timeline">{entries}</ol> }
}

fn entry(entry: &TimelineEntry, now: DateTime<Utc>) -> impl IntoView + use<> {
    let is_comment = mark(&entry.kind) == Icon::Comment;
    let note = entry.note.clone().filter(|note| !note.is_empty()).map(|note| {
        view! { <blockquote class="timeline-note">{mentioned(&note, &entry.mentions)}</blockquote> }
    });
    // Most sentences name who did it; the others get the name here.
    let by = entry.by.as_ref().map_or("WorkflowOps", |by| by.name.as_str());
    let by = (!entry.text.contains(by)).then(|| format!("{by} · "));
    view! {
        <li class=if is_comment { "is-comment" } else { "" } data-event=entry.kind.clone()>
            <span class="timeline-mark">{icon(mark(&entry.kind))}</span>
            <div class="min-w-0">
                <p class="wrap-anywhere">
                    {entry.text.clone()} " " <span class="text-ink-3 whitespace-nowrap">{by} {time::ago(entry.at, now)}</span>
                </p>
                {note}
            </div>
        </li>
    }
}

fn mark(kind: &str) -> Icon {
    // Only the last part tells: `incident.acknowledged`, `check.finished`.
    match kind.rsplit('.').next().unwrap_or(kind) {
        "comment" | "commented" => Icon::Comment,
        "acknowledged" | "assigned" => Icon::User,
        "stabilized" => Icon::Shield,
        "reconciled" => Icon::Equal,
        "closed" => Icon::Lock,
        "created" => Icon::Eye,
        "decided" | "confirmed" => Icon::Branch,
        "carried_out" | "executed" => Icon::Check,
        "carrying_out" | "trying_again" => Icon::Upload,
        "cancelled" => Icon::Undo,
        "not_carried_out" | "not_as_decided" | "regressed" | "closing_refused" => Icon::Warning,
        "closing_asked" => Icon::Refresh,
        "drift_joined" => Icon::Drift,
        "change_vanished" => Icon::Ghost,
        "recurs" => Icon::Layers,
        _ => Icon::Dot,
    }
}

/// A note with the members that it mentions set apart.
fn mentioned(note: &str, mentions: &[PersonView]) -> Vec<AnyView> {
    let mut parts: Vec<AnyView> = Vec::new();
    // A text without characters would be drawn as a space.
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned().into_any());
    let mut rest = note;
    while let Some((at, name)) = next_mention(rest, mentions) {
        parts.extend(text(&rest[..at]));
        parts.push(view! { <strong class="mention">{format!("@{name}")}</strong> }.into_any());
        rest = &rest[at + 1 + name.len()..];
    }
    parts.extend(text(rest));
    parts
}

/// Where the next mention begins, and whose name it is; of two that begin there, the longer.
fn next_mention<'m>(text: &str, mentions: &'m [PersonView]) -> Option<(usize, &'m str)> {
    mentions
        .iter()
        .filter_map(|person| Some((text.find(&format!("@{}", person.name))?, person.name.as_str())))
        .min_by_key(|(at, name)| (*at, std::cmp::Reverse(name.len())))
}

/// The form of a comment, or why there is none.
pub(super) fn comment(page: &IncidentPage, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "comments";
    if let Err(why) = may(page, IncidentAction::Comment) {
        return view! { <div class="card-body">{refused(IncidentAction::Comment, why)}</div> }.into_any();
    }
    let error = kept.error(FORM, "text");
    view! {
        <form method="post" action=format!("/incidents/{}/comments", page.row.id) class="form card-body border-t border-line">
            {version(page)}
            <div class="field">
                <label for="comment-text">"Comment"</label>
                <textarea
                    class="input" id="comment-text" name="text" required aria-invalid=error.is_some().then_some("true")
                    aria-describedby="comment-hint" placeholder="What others should know"
                >{kept.text(FORM, "text")}</textarea>
                {field_error("comment", error)}
                <p class="hint" id="comment-hint">"Write @ and a member's name to mention them."</p>
            </div>
            <p><button class="btn" type="submit">{icon(Icon::Comment)} "Comment"</button></p>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use drift_domain::ids::UserId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_longer_name_is_the_one_that_was_meant() {
        let person = |name: &str| PersonView { id: UserId(Uuid::nil()), name: name.to_owned() };
        let mentions = [person("Ben"), person("Ben Okafor")];
        assert_eq!(next_mention("ask @Ben Okafor", &mentions), Some((4, "Ben Okafor")));
        assert_eq!(next_mention("ask @Ben", &mentions), Some((4, "Ben")));
        assert_eq!(next_mention("ask Ben", &mentions), None);
        assert_eq!(mentioned("é @Ben, @Ben Okafor!", &mentions).len(), 5);
        assert_eq!(mentioned("@Ben", &mentions).len(), 1);
    }
}
