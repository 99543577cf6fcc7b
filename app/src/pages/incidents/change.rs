//! `/incidents/{id}/changes/{change}`: one change of an incident, opened: its diff, and its path beside it.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::ids::ChangeId;
use drift_domain::views::{ChangeInIncident, ChangePage, DiffOrRefusal, IncidentChange, IncidentPage, Part};
use leptos::prelude::*;

use super::{Kept, changes, decide, header, put_back, viewed};
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::time;
use crate::islands::copy_path::CopyPath;
use crate::pages::drift::graph::GraphQuery;
use crate::pages::drift::{diff, graph, plans};
use crate::ssr::forms::{change_id, incident_id};
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Draws the change.
pub(crate) fn view(
    incident: &IncidentPage,
    page: &ChangePage,
    here: &ChangeInIncident,
    query: &GraphQuery,
    kept: &Kept,
    now: DateTime<Utc>,
) -> AnyView {
    let body = match &page.diff {
        DiffOrRefusal::Diff(diff) => diff::view(diff, page.row.change_type, query).into_any(),
        DiffOrRefusal::Refused { message, needs } => plans::refused(message, *needs).into_any(),
    };
    let number = words::incident(incident.row.number);
    view! {
        {crumbs(
            vec![
                ("/incidents".to_owned(), "Incidents".to_owned()),
                (format!("/incidents/{}", incident.row.id), format!("{number} · {}", incident.row.environment)),
            ],
            page.row.workflow.clone(),
        )}
        {heading(page)}
        <div class="inc-around" data-live="viewed">{neighbours(incident, here)} {viewed::tick(incident.row.id, &here.change)}</div>
        <div data-live="change">{summary(incident, page, &here.change, now)}</div>
        {path(incident, &here.change, kept, now)}
        {put_back::card(&page.row, &format!("/incidents/{}", incident.row.id), incident.carry_out_refused.is_none())}
        {graph::view(page, query)}
        <CopyPath />
        <div data-live="diff">{body}</div>
    }
    .into_any()
}

fn heading(page: &ChangePage) -> impl IntoView + use<> {
    let open = page.live_url.clone().map(|href| {
        view! { <a class="btn" href=href rel="noreferrer">"Open in n8n" {icon(Icon::External)}</a> }
    });
    view! {
        <div class="page-head">
            <div class="min-w-0">
                <h1 class="wrap-anywhere">{page.row.workflow.clone()}</h1>
                <p class="text-ink-2 mt-0.5 wrap-anywhere">{page.row.summary.clone()}</p>
            </div>
            {open}
        </div>
    }
}

/// The changes before and after this one, so that all can be read in one go.
fn neighbours(incident: &IncidentPage, here: &ChangeInIncident) -> Option<impl IntoView + use<>> {
    let link = |change: Option<ChangeId>, label: &'static str| {
        let href = format!("/incidents/{}/changes/{}", incident.row.id, change?);
        Some(view! { <a class="btn btn-small" href=href>{label}</a> })
    };
    let (at, of) = here.place.filter(|(_, of)| *of > 1)?;
    Some(view! {
        <nav aria-label="Changes" class="flex flex-wrap items-center gap-2">
            {link(here.previous, "Previous change")} {link(here.next, "Next change")}
            <span class="text-ink-3 num">{format!("{at} of {of}")}</span>
        </nav>
    })
}

fn summary(
    incident: &IncidentPage,
    page: &ChangePage,
    here: &IncidentChange,
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let row = &page.row;
    view! {
        <dl class="card card-body facts">
            <dt>"Incident"</dt>
            <dd class="flex flex-wrap items-center gap-2">
                <a class="link" href=format!("/incidents/{}", incident.row.id)>{words::incident(incident.row.number)}</a>
                {header::status(incident.row.status)}
            </dd>
            <dt>"What"</dt>
            <dd>{changes::chips(here)}</dd>
            <dt>"Origin"</dt>
            <dd>{words::origin_explained(row.origin)}</dd>
            <dt>"In n8n"</dt>
            <dd>{match &row.live_id {
                Some(id) => view! { "workflow " <code>{id.clone()}</code> }.into_any(),
                None => "not there".into_any(),
            }}</dd>
            <dt>"In Git"</dt>
            <dd>
                {match &row.path {
                    Some(path) => view! { <code>{path.clone()}</code> " at " }.into_any(),
                    None => "not there at ".into_any(),
                }}
                <code title=page.git_commit.clone()>{words::short_commit(&page.git_commit)}</code>
            </dd>
            <dt>"Seen"</dt>
            <dd>"first " {time::ago(row.first_seen_at, now)} ", last " {time::ago(row.last_seen_at, now)}</dd>
        </dl>
    }
}

/// What was decided, and the form to decide.
fn path(incident: &IncidentPage, change: &IncidentChange, kept: &Kept, now: DateTime<Utc>) -> impl IntoView + use<> {
    let name = decide::form_of(change);
    let form = decide::is_offered(incident, change)
        .then(|| decide::form(incident, &name, Some(change), &change.choices, kept));
    let nothing = (form.is_none() && change.artifacts.is_empty()).then(|| {
        view! { <p class="text-ink-2">"Nobody has chosen a path for this change."</p> }
    });
    view! {
        <section class="card section" aria-labelledby="path-heading" id="path">
            <div class="card-head"><h2 id="path-heading">"Resolution path"</h2></div>
            <div class="card-body" data-live="path">
                {changes::became(&change.row, now)} {changes::artifacts(incident, change, now)} {nothing} {form}
            </div>
        </section>
    }
}

/// `GET /incidents/{id}/changes/{change}`
pub(crate) async fn get(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Query(query): Query<GraphQuery>,
) -> Response {
    let page = async {
        let (id, change) = (incident_id(&id)?, change_id(&change)?);
        let permit = member.services().incident_permit(&member.caller, id).await?;
        // The changes themselves are not shown here.
        let incident = member.services().incident_part(&permit, id, &Part { after: None, limit: Some(1) }).await?;
        let page = member.services().incident_change(&permit, id, change).await?;
        let here = member.services().change_in_incident(&permit, id, change).await?;
        let status = match page.diff {
            DiffOrRefusal::Diff(_) => StatusCode::OK,
            DiffOrRefusal::Refused { .. } => StatusCode::PAYMENT_REQUIRED,
        };
        let notice = member.take_notice().await?;
        let (kept, now) = (Kept::of(notice.as_ref()), member.services().now());
        let title = format!("{} · {}", page.row.workflow, words::incident(incident.row.number));
        let live = Live::One(incident.row.environment_id);
        Ok(Page::new(title, move || view(&incident, &page, &here, &query, &kept, now))
            .live(live, now)
            .notice(notice.as_ref())
            .status(status))
    }
    .await;
    member.answer(page).await
}
