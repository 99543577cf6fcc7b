//! `/incidents/{id}`: the workspace of a drift incident, where drift is managed from the first look to the receipt.

use axum::extract::{Path, Query};
use axum::http::{HeaderValue, header as headers};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use drift_domain::incident::IncidentAction;
use drift_domain::plan::Capability;
use drift_domain::views::{ApprovalView, IncidentPage, Part, ReceiptView};
use drift_services::ServiceError;
use drift_services::incidents::receipt::Portable;
use leptos::prelude::*;

use super::actions::may;
use super::{Kept, actions, carry_out, changes, closing, decide, header, held, properties, time_left, timeline};
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::note::note;
use crate::components::time;
use crate::pages::approvals::request;
use crate::pages::drift::ambiguities;
use crate::ssr::forms::incident_id;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Draws the workspace.
pub(crate) fn view(page: &IncidentPage, approvals: &[ApprovalView], kept: &Kept, now: DateTime<Utc>) -> AnyView {
    let can_link = false;
    view! {
        {crumbs(vec![("/incidents".to_owned(), "Incidents".to_owned())], words::incident(page.row.number))}
        {kept.left_over(&|form| has_form(page, form))}
        <div class="inc-head" data-live="incident-head">{header::sticky(page)}</div>
        <div class="card inc-summary" data-live="incident-summary" aria-live="polite">
            {header::stepper(&page.steps, now)} {header::facts(page, now)} {time_left::expired(page, now)} {freshness(page, now)}
        </div>
        <div class="inc-columns">
            <div class="inc-main">
                <div data-live="incident-closing" aria-live="polite">{closing::closing(page, now)} {closing::receipt(page, now)}</div>
                <div data-live="incident-approvals" aria-live="polite">{asked(approvals, now)}</div>
                <div data-live="incident-steps">{actions::card(page, kept)}</div>
                <div data-live="incident-carry-out" aria-live="polite">{carry_out::section(page, now)}</div>
                <div data-live="incident-changes">{changes::section(page, kept, now)}</div>
                <div data-live="incident-ambiguities">
                    {ambiguities::section(&page.ambiguities, page.row.environment_id, can_link)}
                </div>
                <section class="card section" aria-labelledby="timeline-heading" id="timeline">
                    <div class="card-head"><h2 id="timeline-heading">"Timeline"</h2></div>
                    <div class="card-body" data-live="incident-timeline">{timeline::section(page, now)}</div>
                    <div data-live="incident-comment">{timeline::comment(page, kept)}</div>
                </section>
            </div>
            <aside class="inc-rail" aria-label="About this incident" data-live="incident-rail">
                {properties::rail(page, kept, now)}
            </aside>
        </div>
    }
    .into_any()
}

/// What others are asked to approve.
fn asked(approvals: &[ApprovalView], now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let open: Vec<_> = approvals.iter().filter(|request| request.state.is_open()).collect();
    if open.is_empty() {
        return None;
    }
    let rows = open.iter().map(|request| request::item(request, now)).collect_view();
    Some(view! {
        <section class="card section" aria-labelledby="asked-heading" id="asked">
            <div class="card-head"><h2 id="asked-heading">"Waiting for approval"</h2></div>
            <ul class="approvals">{rows}</ul>
        </section>
    })
}

/// Whether this page has the form that a text belongs to.
fn has_form(page: &IncidentPage, form: &str) -> bool {
    let action = match form {
        "acknowledge" => IncidentAction::Acknowledge,
        "stabilize" => IncidentAction::Stabilize,
        "severity" => IncidentAction::SetSeverity,
        "owner" => IncidentAction::Assign,
        "ticket" => IncidentAction::SetTicket,
        "extend" => IncidentAction::Extend,
        "comments" => IncidentAction::Comment,
        "decide-all" => return decide::is_for_all(page),
        _ => {
            return page
                .changes
                .iter()
                .any(|change| decide::form_of(change) == form && decide::is_offered(page, change));
        }
    };
    may(page, action).is_ok()
}

/// When both sides were last compared, and the button that compares them again.
fn freshness(page: &IncidentPage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let fresh = &page.environment.freshness;
    let trouble = fresh.failure.clone().map(|why| {
        view! { <div class="mt-3">{note("tone-unverified", Icon::Question, view! { <p class="wrap-anywhere">{why}</p> })}</div> }
    });
    let recheck = match may(page, IncidentAction::Recheck) {
        Ok(()) => view! {
            <form method="post" action=format!("/environments/{}/drift/recheck", page.row.environment_id)>
                <button data-recheck="" class="btn btn-small" type="submit">{icon(Icon::Refresh)} "Recheck"</button>
            </form>
        }
        .into_any(),
        Err(_) => ().into_any(),
    };
    view! {
        <div class="inc-fresh">
            <p class="text-ink-2">"Last compared " {time::ago_or(fresh.last_checked_at, now, "never")}</p>
            {recheck}
        </div>
        {trouble}
    }
}

/// Which part of the changes, in the address.
#[derive(serde::Deserialize)]
pub(crate) struct PartQuery {
    after: Option<String>,
}

/// `GET /incidents/{id}`
pub(crate) async fn get(member: Member, Path(id): Path<String>, Query(query): Query<PartQuery>) -> Response {
    let page = async {
        let id = incident_id(&id)?;
        let permit = match member.services().incident_permit(&member.caller, id).await {
            // What is left of one that was removed stands where it stood: nothing that names it leads nowhere.
            Err(ServiceError::NotFound(what)) => {
                let gone = member.services().removed_incident(&member.permit()?, id).await;
                let gone = gone.map_err(|_| ServiceError::NotFound(what))?;
                return Ok(Page::new(words::incident(gone.number), move || held::removed(&gone)));
            }
            found => found?,
        };
        let part = Part { after: query.after, limit: None };
        let page = member.services().incident_part(&permit, id, &part).await?;
        let approvals = member.services().approvals_of_incident(&permit, id).await?;
        let holds = member.services().holds_of_incident(&permit, id).await?;
        let may = (member.caller.may(Capability::Holds), member.caller.may(Capability::Reports));
        let notice = member.take_notice().await?;
        let (kept, now) = (Kept::of(notice.as_ref()), member.services().now());
        let title = format!("{} · {}", words::incident(page.row.number), page.row.environment);
        let live = Live::One(page.row.environment_id);
        let drawn = move || {
            let held = held::section(id, &holds, may, now);
            view! { {view(&page, &approvals, &kept, now)} {held} }.into_any()
        };
        Ok(Page::new(title, drawn).live(live, now).notice(notice.as_ref()))
    }
    .await;
    member.answer(page).await
}

/// `GET /incidents/{id}/receipt.json`: the receipt with its signature, to be kept and verified elsewhere.
pub(crate) async fn receipt(member: Member, Path(id): Path<String>) -> Response {
    let found = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        let page = member.services().incident(&permit, id).await?;
        let ReceiptView { document, digest, signature, public_key, .. } =
            page.receipt.ok_or(ServiceError::NotFound("receipt"))?;
        Ok((page.row.number, Portable { document, digest, signature, public_key }))
    }
    .await;
    match found {
        Ok((number, receipt)) => {
            let name = format!("attachment; filename=\"receipt-{}.json\"", words::incident(number));
            let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
            ([(headers::CONTENT_DISPOSITION, name)], axum::Json(receipt)).into_response()
        }
        Err(error) => member.problem(error).await,
    }
}
