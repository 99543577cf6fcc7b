//! `/incidents`: the drift incidents of the organization.

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::views::{IncidentList, IncidentRow};
use leptos::prelude::*;

use super::{filter, header};
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::{marks, time};
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Draws the list.
pub(crate) fn view(list: &IncidentList, first_page: bool, now: DateTime<Utc>) -> AnyView {
    let body = if list.incidents.is_empty() {
        empty(filter::is_on(&list.filter)).into_any()
    } else {
        table(&list.incidents, now).into_any()
    };
    view! {
        <div class="page-head">
            <div>
                <h1>"Incidents"</h1>
                <p class="text-ink-2 mt-0.5">"Drift that somebody is dealing with, from the first look to the proof."</p>
            </div>
        </div>
        <section class="card overflow-hidden" aria-label="Incidents">
            {filter::form(list)}
            <div data-live="incidents">{body}</div>
        </section>
        {pages(list, first_page)}
    }
    .into_any()
}

fn table(incidents: &[IncidentRow], now: DateTime<Utc>) -> impl IntoView + use<> {
    let rows = incidents.iter().map(|incident| row(incident, now)).collect_view();
    view! {
        <table class="rows">
            <caption class="sr-only">"Incidents, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Incident"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col">"Severity"</th>
                    <th scope="col">"Owner"</th>
                    <th scope="col" class="right">"Open changes"</th>
                    <th scope="col" class="right">"Detected"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(incident: &IncidentRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let due = header::deadline(incident, now).map(|due| view! { <dl class="inc-due">{due}</dl> });
    let owner = match &incident.owner {
        Some(owner) => owner.name.clone().into_any(),
        None => view! { <span class="text-ink-3">"nobody"</span> }.into_any(),
    };
    let ended = incident.closed_at.map(|at| view! { <p class="sub">"closed " {time::ago(at, now)}</p> });
    view! {
        <tr data-incident=words::incident(incident.number)>
            <td class="cell-main">
                <a class="row-link wrap-anywhere" href=format!("/incidents/{}", incident.id)>
                    <span class="text-ink-2">{words::incident(incident.number)}</span> " " {incident.environment.clone()}
                </a>
                {due}
            </td>
            <td data-label="Status">{header::status(incident.status)}</td>
            <td data-label="Severity">{marks::severity(incident.severity)}</td>
            <td data-label="Owner"><span class="wrap-anywhere">{owner}</span></td>
            <td data-label="Open" class="right num">{format!("{} of {}", incident.open_changes, incident.changes)}</td>
            <td data-label="Detected" class="right">
                <span class="text-ink-2">{time::ago(incident.detected_at, now)}</span> {ended}
            </td>
        </tr>
    }
}

fn empty(filtered: bool) -> impl IntoView {
    let (mark, title, text) = if filtered {
        (Icon::Search, "No incident matches", "Take something out of the filter to see more.")
    } else {
        (
            Icon::Check,
            "No incident is open",
            "One is opened from the drift of an environment, by a person or by policy.",
        )
    };
    view! { <div class="empty">{icon(mark)} <h2>{title}</h2> <p>{text}</p></div> }
}

fn pages(list: &IncidentList, first_page: bool) -> Option<impl IntoView + use<>> {
    let next = list.next.as_deref().map(|after| {
        let href = format!("/incidents{}", filter::query(&list.filter, Some(after)));
        view! { <a class="btn" href=href>"Older incidents" {icon(Icon::Arrow)}</a> }
    });
    let first = (!first_page).then(|| {
        let href = format!("/incidents{}", filter::query(&list.filter, None));
        view! { <a class="btn" href=href>"Newest incidents"</a> }
    });
    (next.is_some() || first.is_some())
        .then(|| view! { <nav aria-label="Pages" class="flex justify-between gap-2 mt-4"><span>{first}</span> <span>{next}</span></nav> })
}

/// `GET /incidents`
pub(crate) async fn get(member: Member, Query(query): Query<HashMap<String, String>>) -> Response {
    let page = async {
        let after = query.get("after").filter(|after| !after.is_empty()).cloned();
        let permit = member.services().incidents_permit(&member.caller).await?;
        let list = member.services().incidents(&permit, filter::read(&query), after.as_deref()).await?;
        let now = member.services().now();
        Ok(Page::new("Incidents", move || view(&list, after.is_none(), now)).live(Live::All, now))
    }
    .await;
    member.answer(page).await
}
