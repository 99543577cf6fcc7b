//! `/reports`: compliance reports, how far each is, and what is made every month.

mod ask;
mod monthly;

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use drift_domain::report::{LIMITED_DAYS, ReportState};
use drift_domain::views::{HeldIncident, ReportView, ReportsPage};
use drift_services::accounts::Notice;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::{marks, time};
use crate::ssr::forms::incident_id;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Where this page is.
pub(crate) const ADDRESS: &str = "/reports";

/// What the page is drawn with.
pub(crate) struct Reports {
    pub page: ReportsPage,
    /// The incident that a report is about to be asked of; `None` for days.
    pub on: Option<HeldIncident>,
    /// Whether the newest are shown.
    pub first_page: bool,
    /// What is wrong with a form.
    pub notice: Option<Notice>,
}

/// `GET /reports`; `?incident=` asks for a report on that one.
pub(crate) async fn get(member: Member, Query(query): Query<HashMap<String, String>>) -> Response {
    let page: ServiceResult<Page> = async {
        let services = member.services();
        let given = |name: &str| query.get(name).filter(|text| !text.is_empty());
        let on = given("incident").map(|id| incident_id(id)).transpose()?;
        let permit = services.report_ask_permit(&member.caller, None, on).await?;
        let on = match on {
            Some(id) => {
                let permit = services.incident_permit(&member.caller, id).await?;
                Some(HeldIncident { id, number: services.incident(&permit, id).await?.row.number })
            }
            None => None,
        };
        let before = given("after").map(|id| id.parse()).transpose().map_err(|_| ServiceError::NotFound("report"))?;
        let page = services.reports_page(&permit, before).await?;
        let (notice, shown) = match member.take_notice().await? {
            Some(notice) if notice.field.is_some() && notice.draft.is_some() => (Some(notice), None),
            other => (None, other),
        };
        let now = page.now;
        let drawn = Reports { page, on, first_page: before.is_none(), notice };
        Ok(Page::new("Compliance reports", move || view(&drawn)).notice(shown.as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page.
pub(crate) fn view(of: &Reports) -> AnyView {
    let limited = of.page.first_day.map(|first| {
        let words = format!(" Your plan reports on the last {LIMITED_DAYS} days, from {first} on, as CSV.");
        view! { {words} }
    });
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Compliance reports".to_owned())}
        <div class="page-head">
            <div>
                <h1>"Compliance reports"</h1>
                <p class="text-ink-2 mt-0.5">
                    "Incidents with their timelines, changes, decisions, approvals, artifacts and receipts, the policies, and the proof of the audit log. A \
                     file is kept for a week."
                    {limited}
                </p>
            </div>
        </div>
        {ask::form(of)}
        {list(of)}
        {monthly::section(of)}
    }
    .into_any()
}

fn list(of: &Reports) -> impl IntoView + use<> {
    let page = &of.page;
    let rows = page.reports.iter().map(|report| row(report, page.now)).collect_view();
    let none = page.reports.is_empty().then(|| view! { <p class="card-body text-ink-2">"There is no report."</p> });
    let under_way = page.reports.iter().any(|report| report.state.is_under_way());
    let again = under_way.then(|| {
        view! { <a class="btn btn-small" href=format!("{ADDRESS}#made")>{icon(Icon::Refresh)} "Look again"</a> }
    });
    let older = page.next.map(|next| {
        view! { <a class="btn" href=format!("{ADDRESS}?after={next}")>"Older reports" {icon(Icon::Arrow)}</a> }
    });
    let newest = (!of.first_page).then(|| view! { <a class="btn" href=ADDRESS>"Newest reports"</a> });
    view! {
        <section class="card section overflow-hidden" aria-labelledby="made-heading" id="made">
            <div class="card-head"><h2 id="made-heading">"Reports"</h2> {again}</div>
            {none}
            {(!page.reports.is_empty()).then(|| view! {
                <table class="rows">
                    <caption class="sr-only">"Reports, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"What"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Asked for"</th>
                            <th scope="col">"File"</th>
                            <th scope="col"><span class="sr-only">"Remove"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            })}
        </section>
        <nav aria-label="Pages" class="flex justify-between gap-2 mt-4"><span>{newest}</span> <span>{older}</span></nav>
    }
}

/// What a report is of.
fn scope(report: &ReportView) -> String {
    match (report.incident, report.from.zip(report.to), &report.environment) {
        (Some(number), _, _) => words::incident(number),
        (None, Some((from, to)), Some(environment)) => format!("{environment}, {}", days(from, to)),
        (None, Some((from, to)), None) => format!("All environments, {}", days(from, to)),
        (None, None, _) => "Everything".to_owned(),
    }
}

fn days(from: NaiveDate, to: NaiveDate) -> String {
    if from == to { from.to_string() } else { format!("{from} to {to}") }
}

fn row(report: &ReportView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let who = report.requested_by.as_ref().map_or_else(|| "every month".to_owned(), |by| by.name.clone());
    let remove = format!("{ADDRESS}/{}/remove", report.id);
    let what = scope(report);
    let removes = format!("Remove the report on {what}");
    view! {
        <tr data-report=report.state.as_str() id=format!("report-{}", report.id)>
            <td class="cell-main"><span class="wrap-anywhere">{what}</span> ", " {report.format.label()}</td>
            <td data-label="State">{state(report)}</td>
            <td data-label="Asked for">{time::ago(report.requested_at, now)} " by " <span class="wrap-anywhere">{who}</span></td>
            <td data-label="File">{file(report, now)}</td>
            <td>
                <form method="post" action=remove>
                    <button class="btn btn-small" type="submit" aria-label=removes>
                        {if report.state.is_under_way() { "Stop and remove" } else { "Remove" }}
                    </button>
                </form>
            </td>
        </tr>
    }
}

fn state(report: &ReportView) -> impl IntoView + use<> {
    let mark = words::report_state(report.state);
    let progress = report.total.filter(|_| report.state == ReportState::Running).map(|total| {
        view! { <p class="text-ink-2" data-progress=""><span class="num">{format!("{} of {total} steps", report.done)}</span></p> }
    });
    let error = report.error.clone().map(|error| view! { <p class="text-ink-2 wrap-anywhere">{error}</p> });
    view! { {marks::chip(mark, None)} {progress} {error} }
}

fn file(report: &ReportView, now: DateTime<Utc>) -> AnyView {
    let there = report.state == ReportState::Ready && report.expires_at.is_some_and(|at| at > now);
    if !there {
        return view! { <span class="text-ink-2">"none"</span> }.into_any();
    }
    let href = format!("/api/v1/reports/{}/file", report.id);
    let size = words::bytes(report.size.unwrap_or_default());
    let gone = report.expires_at.map(|at| view! { <p class="text-ink-2">"Removed " {time::until(at, now)}</p> });
    let hash = report.sha256.clone().map(|hash| {
        view! {
            <details class="behind">
                <summary>"SHA-256"</summary>
                <code class="wrap-anywhere">{hash}</code>
            </details>
        }
    });
    view! {
        <a class="btn btn-small" href=href download=report.file_name.clone()>{icon(Icon::Download)} "Download, " {size}</a>
        {gone}
        {hash}
    }
    .into_any()
}
