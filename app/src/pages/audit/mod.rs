//! `/audit`: who did what, from where, the newest first. Each entry unfolds what was and what is since.

mod filter;

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::Response;
use drift_domain::audit::{ActorKind, AuditTarget, AuditVia, Entry};
use drift_domain::views::{AuditPage, AuditSeals};
use drift_services::audit::{LIMITED_DAYS, Looked};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::ssr::visit::{Member, Page};

/// Draws the page.
pub(crate) fn view(page: &AuditPage, looked: &Looked, first_page: bool) -> AnyView {
    let limited = page.shown_since.map(|_| {
        let words = format!("Your plan shows the last {LIMITED_DAYS} days. Everything is written down all the same.");
        view! { <p class="text-ink-2 mt-0.5">{words}</p> }
    });
    let csv = format!("/api/v1/audit/csv{}", filter::query(looked, None));
    let older = page.next.as_deref().map(|after| {
        let href = format!("/audit{}", filter::query(looked, Some(after)));
        view! { <a class="btn" href=href>"Older entries" {icon(Icon::Arrow)}</a> }
    });
    let newest = (!first_page).then(|| {
        view! { <a class="btn" href=format!("/audit{}", filter::query(looked, None))>"Newest entries"</a> }
    });
    view! {
        <div class="page-head">
            <div>
                <h1>"Audit log"</h1>
                {seals(&page.seals)}
                {limited}
            </div>
            <div class="flex flex-wrap gap-2">
                <a class="btn" href=csv download="audit.csv">"These entries, as CSV"</a>
                <a class="btn" href="/api/v1/audit/export" download="audit.jsonl">"Export that verifies"</a>
            </div>
        </div>
        {filter::form(page, looked)}
        <div class="card overflow-hidden mt-4">{table(&page.entries)}</div>
        <nav aria-label="Pages" class="flex justify-between gap-2 mt-4"><span>{newest}</span> <span>{older}</span></nav>
    }
    .into_any()
}

/// How far the log is sealed.
fn seals(seals: &AuditSeals) -> AnyView {
    match (&seals.fault, &seals.hash) {
        (Some(fault), _) => {
            let words = format!(
                "The log is not as it was written. {fault}. Whoever runs this installation looks closer with “workflowops audit \
                 verify”."
            );
            view! { <p class="field-error mt-0.5" role="alert" id="audit-seals">{icon(Icon::Warning)} {words}</p> }
                .into_any()
        }
        (None, Some(hash)) => {
            let words = if seals.looked_at == seals.sequence {
                format!("Sealed and sound up to entry {}.", seals.sequence)
            } else {
                format!("Sealed up to entry {}; the newest {} are sound.", seals.sequence, seals.looked_at)
            };
            let anchor = format!("{}:{hash}", seals.sequence);
            view! {
                <p class="text-ink-2 mt-0.5" id="audit-seals">
                    {words} " Seal " <code class="wrap-anywhere">{anchor}</code>
                </p>
            }
            .into_any()
        }
        (None, None) => view! { <p class="text-ink-2 mt-0.5" id="audit-seals">"Nothing is sealed yet."</p> }.into_any(),
    }
}

fn table(entries: &[Entry]) -> AnyView {
    if entries.is_empty() {
        return view! { <p class="card-body text-ink-2">"There is no such entry."</p> }.into_any();
    }
    let rows = entries.iter().map(row).collect_view();
    view! {
        <table class="rows">
            <caption class="sr-only">"Entries, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col">"When (UTC)"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col">"About"</th>
                    <th scope="col">"From where"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(entry: &Entry) -> impl IntoView + use<> {
    let at = entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let when = entry.at.format("%Y-%m-%d %H:%M:%S").to_string();
    let who = match entry.actor.kind {
        ActorKind::User | ActorKind::System => entry.actor.name.clone(),
        ActorKind::Token => format!("{} by an API token", entry.actor.name),
        ActorKind::Unknown => format!("“{}”, not proven", entry.actor.name),
    };
    view! {
        <tr data-action=entry.action.as_str() id=format!("entry-{}", entry.id)>
            <td class="cell-main">{entry.action.label()} {particulars(entry)}</td>
            <td data-label="When (UTC)"><time class="num" datetime=at.clone() title=at>{when}</time></td>
            <td data-label="Who"><span class="wrap-anywhere">{who}</span></td>
            <td data-label="About">{about(entry)}</td>
            <td data-label="From where"><span class="wrap-anywhere">{came_from(entry)}</span></td>
        </tr>
    }
}

fn about(entry: &Entry) -> AnyView {
    let target = &entry.target;
    let name = match target.kind {
        // Its identifier says nothing to anybody.
        AuditTarget::Session => "A session".to_owned(),
        _ => target.name.clone().or_else(|| target.id.clone()).unwrap_or_else(|| "The organization".to_owned()),
    };
    let href = match (target.kind, &target.id) {
        (AuditTarget::Incident, Some(id)) => Some(format!("/incidents/{id}")),
        (AuditTarget::Environment, Some(id)) => Some(format!("/environments/{id}")),
        _ => None,
    };
    match href {
        Some(href) => view! { <a class="wrap-anywhere" href=href>{name}</a> }.into_any(),
        None => view! { <span class="wrap-anywhere">{name}</span> }.into_any(),
    }
}

fn came_from(entry: &Entry) -> String {
    let via = match entry.origin.via {
        AuditVia::Screen => "a page",
        AuditVia::Api => "the API",
        AuditVia::Cli => "a subcommand",
        AuditVia::Job => "background work",
    };
    match &entry.origin.address {
        Some(address) => format!("{address}, by {via}"),
        None => via.to_owned(),
    }
}

/// What unfolds: the reason, what was, what is since, and the client.
fn particulars(entry: &Entry) -> Option<impl IntoView + use<>> {
    let pretty = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let part =
        |name: &'static str, text: String| view! { <dt>{name}</dt> <dd><pre class="audit-json">{text}</pre></dd> };
    let parts: Vec<_> = [
        entry.reason.clone().map(|reason| part("Reason", reason)),
        entry.before.as_ref().map(|before| part("Before", pretty(before))),
        entry.after.as_ref().map(|after| part("After", pretty(after))),
        entry.origin.user_agent.clone().map(|name| part("Client", name)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| {
        view! {
            <details class="behind">
                <summary>"Particulars"</summary>
                <dl>{parts}</dl>
            </details>
        }
    })
}

/// `GET /audit`
pub(crate) async fn get(member: Member, Query(query): Query<HashMap<String, String>>) -> Response {
    let page = async {
        let permit = member.caller.permit()?;
        let looked = filter::read(&query)?;
        let after = query.get("after").map(String::as_str).filter(|after| !after.is_empty());
        let first_page = after.is_none();
        let page = member.services().audit_log(&permit, looked.clone(), after).await?;
        Ok(Page::new("Audit log", move || view(&page, &looked, first_page)))
    }
    .await;
    member.answer(page).await
}
