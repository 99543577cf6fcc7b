//! `/incidents/{id}/reconciliations/{reconciliation}`, and below `/environments/{id}/drift` where there is no incident: what
//! would be written where, before somebody says to carry it out; afterwards, how far it is.

mod act;
mod conflicts;
mod plan;
mod steps;

use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::reconciliation::Purpose;
use drift_domain::views::ReconciliationPage;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;

pub(crate) use conflicts::{FORM as PICKS, read as read_pick};

use super::Kept;
use crate::components::crumbs::crumbs;
use crate::components::layout::Live;
use crate::components::{marks, time};
use crate::pages::drift::deployments;
use crate::ssr::forms::reconciliation_id;
use crate::ssr::visit::{Member, Page};
use crate::words::{self, count};

/// Where a reconciliation is shown.
pub(crate) fn address(page: &ReconciliationPage) -> String {
    format!("{}/reconciliations/{}", below(page), page.row.id)
}

/// What its address stands below.
fn below(page: &ReconciliationPage) -> String {
    match page.incident_id {
        Some(incident) => format!("/incidents/{incident}"),
        None => format!("/environments/{}/drift", page.environment_id),
    }
}

/// Draws it.
pub(crate) fn view(page: &ReconciliationPage, kept: &Kept, now: DateTime<Utc>) -> AnyView {
    view! {
        {way(page)}
        <div data-live="reconciliation-head" aria-live="polite">{heading(page, now)}</div>
        <div data-live="reconciliation-deployment" aria-live="polite">{page.deployment.as_ref().map(deployments::about)}</div>
        <div data-live="reconciliation-act" aria-live="polite">{act::card(page)}</div>
        {conflicts::section(page, kept)}
        <div data-live="reconciliation-steps" aria-live="polite">{steps::card(page, now)}</div>
        <div data-live="reconciliation-plan">{plan::sections(page)}</div>
    }
    .into_any()
}

fn way(page: &ReconciliationPage) -> impl IntoView + use<> {
    let above = match (page.incident_id, page.incident_number) {
        (Some(id), Some(number)) => vec![
            ("/incidents".to_owned(), "Incidents".to_owned()),
            (format!("/incidents/{id}"), format!("{} · {}", words::incident(number), page.environment)),
        ],
        _ => vec![
            ("/".to_owned(), "Environments".to_owned()),
            (format!("/environments/{}", page.environment_id), page.environment.clone()),
            (below(page), "Drift".to_owned()),
        ],
    };
    crumbs(above, title(page))
}

/// What it is, as a heading.
fn title(page: &ReconciliationPage) -> String {
    let workflow = page.items.first().map_or("", |item| item.workflow.as_str());
    match (page.row.purpose, page.items.len()) {
        (Purpose::Restore, _) => format!("Put “{workflow}” back"),
        (Purpose::Deployment, many) => format!("Deploy {}", count(many as u64, "workflow", "workflows")),
        (Purpose::Decisions, 1) => format!("Carry out the path of “{workflow}”"),
        (Purpose::Decisions, many) => format!("Carry out {}", count(many as u64, "path", "paths")),
    }
}

fn heading(page: &ReconciliationPage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let row = &page.row;
    let begun = row.begun_at.map(|at| view! { ", begun " {time::ago(at, now)} });
    let ended = row.ended_at.map(|at| view! { ", ended " {time::ago(at, now)} });
    view! {
        <div class="page-head">
            <div class="min-w-0">
                <div class="flex flex-wrap items-center gap-2.5">
                    <h1 class="wrap-anywhere">{title(page)}</h1>
                    <span class="contents" data-reconciliation=row.state.as_str()>
                        {marks::chip(words::reconciliation(row.state), Some(words::reconciliation_explained(row.state)))}
                    </span>
                </div>
                <p class="text-ink-2 mt-1">
                    {words::reconciliation_explained(row.state)} " Planned by " {row.planned_by.name.clone()} " "
                    {time::ago(row.planned_at, now)} {begun} {ended} "."
                </p>
            </div>
        </div>
    }
}

/// What every form of it sends along, where it is part of an incident: the version that its person sees.
fn version(page: &ReconciliationPage) -> Option<impl IntoView + use<>> {
    page.incident_version.map(|version| view! { <input type="hidden" name="version" value=version /> })
}

/// The form that makes a new plan for the same changes, for who may.
fn anew(page: &ReconciliationPage, label: &'static str) -> Option<impl IntoView + use<>> {
    let incident = page.incident_id.filter(|_| page.plan_refused.is_none())?;
    Some(view! {
        <form method="post" action=format!("/incidents/{incident}/reconciliations")>
            {version(page)} {changes(page)}
            <button class="btn" type="submit">{label}</button>
        </form>
    })
}

/// The changes of the plan, for a form that plans them anew.
fn changes(page: &ReconciliationPage) -> impl IntoView + use<> {
    page.items
        .iter()
        .map(|item| view! { <input type="hidden" name="change" value=item.change.to_string() /> })
        .collect_view()
}

/// The reconciliation that an address names: below its own incident or environment and nowhere else.
pub(crate) async fn found(member: &Member, parent: &str, id: &str) -> ServiceResult<ReconciliationPage> {
    let id = reconciliation_id(id)?;
    let permit = member.services().reconciliation_permit(&member.caller, id).await?;
    let page = member.services().reconciliation(&permit, id).await?;
    let is_below = page.incident_id.is_some_and(|incident| incident.to_string() == parent)
        || page.environment_id.to_string() == parent;
    if is_below { Ok(page) } else { Err(ServiceError::NotFound("reconciliation")) }
}

/// `GET /incidents/{id}/reconciliations/{reconciliation}`, and the same below an environment.
pub(crate) async fn get(member: Member, Path((parent, id)): Path<(String, String)>) -> Response {
    let page = async {
        let page = found(&member, &parent, &id).await?;
        let notice = member.take_notice().await?;
        let (kept, now) = (Kept::of(notice.as_ref()), member.services().now());
        let live = Live::One(page.environment_id);
        Ok(Page::new(title(&page), move || view(&page, &kept, now)).live(live, now).notice(notice.as_ref()))
    }
    .await;
    member.answer(page).await
}
