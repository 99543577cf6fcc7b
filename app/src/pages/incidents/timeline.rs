//! What happened to an incident, who did it and why; and what people say about it.

use axum::extract::{Path, Query};
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::ids::{EventId, IncidentId};
use drift_domain::incident::IncidentAction;
use drift_domain::views::{IncidentPage, PersonView, TimelineEntry};
use drift_services::incidents::TIMELINE_PAGE;
use leptos::prelude::*;
use serde::Deserialize;

use super::Kept;
use super::actions::{may, refused, version};
use crate::components::crumbs::crumbs;
use crate::components::form::field_error;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::time;
use crate::ssr::forms::incident_id;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// The newest entries, oldest first, and the way to those before them.
pub(super) fn section(page: &IncidentPage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let first = page.timeline.first().filter(|_| page.timeline.len() == TIMELINE_PAGE);
    let earlier = first.map(|first| earlier(page.row.id, first.id));
    view! { {earlier} {list(&page.timeline, now)} }
}

fn list(entries: &[TimelineEntry], now: DateTime<Utc>) -> impl IntoView + use<> {
    let entries = entries.iter().map(|entry| self::entry(entry, now)).collect_view();
    view! { <ol class="timeline">{entries}</ol> }
}

fn earlier(incident: IncidentId, before: EventId) -> impl IntoView {
    let to = format!("/incidents/{incident}/timeline?before={before}");
    view! { <p class="mb-3"><a class="btn btn-small" href=to>"Earlier"</a></p> }
}

/// Which part of the timeline.
#[derive(Deserialize)]
pub(crate) struct Part {
    before: Option<i64>,
}

/// `GET /incidents/{id}/timeline`: what happened before what the workspace shows.
pub(crate) async fn get(member: Member, Path(id): Path<String>, Query(part): Query<Part>) -> Response {
    let page = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        let number = member.services().incident(&permit, id).await?.row.number;
        let mut page = member.services().incident_timeline(&permit, id, part.before.map(EventId)).await?;
        page.items.reverse();
        let now = member.services().now();
        let name = words::incident(number);
        let ancestors =
            vec![("/incidents".to_owned(), "Incidents".to_owned()), (format!("/incidents/{id}"), name.clone())];
        Ok(Page::new(format!("Timeline of {name}"), move || {
            view! {
                {crumbs(ancestors, "Timeline".to_owned())}
                <div class="page-head"><h1>{format!("Timeline of {name}")}</h1></div>
                <section class="card card-body" aria-label="Entries, oldest first">
                    {page.next.map(|before| earlier(id, before))} {list(&page.items, now)}
                </section>
            }
            .into_any()
        })
        .live(Live::Off, now))
    }
    .await;
    member.answer(page).await
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
