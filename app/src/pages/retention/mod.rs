//! `/retention`: what the next tidying removes and what it keeps, what is under a legal hold, and what went.

mod holds;

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::plan::Capability;
use drift_domain::views::{
    HeldIncident, HoldView, KeptPreview, KindPreview, RemovedIncident, RetentionPreview, RetentionRecord, RetentionRun,
};
use drift_services::ServiceResult;
use drift_services::accounts::Notice;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::layout::Live;
use crate::components::time;
use crate::ssr::forms::incident_id;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Where this page is.
pub(crate) const ADDRESS: &str = "/retention";

/// What the page is drawn with.
pub(crate) struct Retention {
    pub preview: RetentionPreview,
    pub record: RetentionRecord,
    pub holds: Vec<HoldView>,
    /// The incident that a hold is about to be placed on; `None` for all of the organization.
    pub on: Option<HeldIncident>,
    /// Whether the caller may place holds.
    pub may_hold: bool,
    /// What is wrong with a hold that was to be placed.
    pub notice: Option<Notice>,
    pub now: DateTime<Utc>,
}

/// `GET /retention`; `?incident=` has a hold placed on that one.
pub(crate) async fn get(member: Member, Query(query): Query<HashMap<String, String>>) -> Response {
    let page: ServiceResult<Page> = async {
        let (services, permit) = (member.services(), member.permit()?);
        let on = match query.get("incident").filter(|id| !id.is_empty()) {
            Some(id) => {
                let id = incident_id(id)?;
                let permit = services.incident_permit(&member.caller, id).await?;
                Some(HeldIncident { id, number: services.incident(&permit, id).await?.row.number })
            }
            None => None,
        };
        let preview = services.retention_preview(&permit).await?;
        let record = services.retention_record(&permit).await?;
        let holds = services.holds(&permit).await?;
        let may_hold = member.caller.may(Capability::Holds);
        // Only what was typed where a hold is placed is kept as a draft: what is wrong with a release is said of the page.
        let (notice, shown) = match member.take_notice().await? {
            Some(notice) if notice.field.is_some() && notice.draft.is_some() => (Some(notice), None),
            other => (None, other),
        };
        let now = services.now();
        let drawn = Retention { preview, record, holds, on, may_hold, notice, now };
        Ok(Page::new("Retention", move || view(&drawn)).notice(shown.as_ref()).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page.
pub(crate) fn view(page: &Retention) -> AnyView {
    let kept = format!(
        "Your plan keeps {} of history. What is open, waits for a decision or is under a legal hold is kept whatever its age, \
         and so is the audit log.",
        words::count(page.preview.history_days, "day", "days")
    );
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Retention".to_owned())}
        <div class="page-head">
            <div>
                <h1>"Retention"</h1>
                <p class="text-ink-2 mt-0.5">{kept}</p>
            </div>
        </div>
        {holds::section(page)}
        {next(&page.preview)}
        {runs(&page.record.runs, page.now)}
        {incidents(&page.record.incidents)}
    }
    .into_any()
}

/// A day and a time, as a table has it.
fn moment(at: DateTime<Utc>) -> impl IntoView {
    let exact = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    view! { <time class="num" datetime=exact.clone() title=exact>{at.format("%Y-%m-%d %H:%M").to_string()}</time> }
}

/// What goes next, and what stays.
fn next(preview: &RetentionPreview) -> impl IntoView + use<> {
    let rows = preview.kinds.iter().map(kind).collect_view();
    view! {
        <section class="card section overflow-hidden" aria-labelledby="next-heading" id="next">
            <div class="card-head"><h2 id="next-heading">"The next tidying"</h2></div>
            <p class="card-body text-ink-2">
                "It takes place within ten minutes. What it sets free, such as the contents of a change that goes, goes at the one after it."
            </p>
            <table class="rows">
                <caption class="sr-only">"What the next tidying removes"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"Older than (UTC)"</th>
                        <th scope="col">"Goes"</th>
                        <th scope="col">"The oldest (UTC)"</th>
                        <th scope="col">"Stays although older"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn kind(of: &KindPreview) -> impl IntoView + use<> {
    let goes = if of.goes > of.at_most { format!("{}, {} at once", of.goes, of.at_most) } else { of.goes.to_string() };
    let oldest = match of.oldest {
        Some(at) => moment(at).into_any(),
        None => "none".into_any(),
    };
    view! {
        <tr data-kind=of.kind.as_str()>
            <td class="cell-main">{of.kind.label()}</td>
            <td data-label="Older than (UTC)">{moment(of.cut_off)}</td>
            <td data-label="Goes"><span class="num" data-goes="">{goes}</span></td>
            <td data-label="The oldest (UTC)">{oldest}</td>
            <td data-label="Stays although older">{stays(&of.kept)}</td>
        </tr>
    }
}

fn stays(kept: &[KeptPreview]) -> AnyView {
    if kept.is_empty() {
        return "none".into_any();
    }
    let reasons = kept
        .iter()
        .map(|kept| view! { <li data-kept=kept.why.as_str()>{format!("{} {}", kept.count, kept.why.label())}</li> })
        .collect_view();
    view! { <ul>{reasons}</ul> }.into_any()
}

/// What tidyings removed.
fn runs(runs: &[RetentionRun], now: DateTime<Utc>) -> impl IntoView + use<> {
    let rows = runs
        .iter()
        .map(|run| {
            let went = run
                .removed
                .iter()
                .map(|went| view! { <li>{format!("{}: {}", went.kind.label(), went.count)}</li> })
                .collect_view();
            view! {
                <tr>
                    <td class="cell-main">{time::ago(run.at, now)}</td>
                    <td data-label="What went"><ul>{went}</ul></td>
                    <td data-label="History kept then"><span class="num">{words::count(run.history_days, "day", "days")}</span></td>
                </tr>
            }
        })
        .collect_view();
    let none = runs.is_empty().then(|| view! { <p class="card-body text-ink-2">"Nothing was removed yet."</p> });
    view! {
        <section class="card section overflow-hidden" aria-labelledby="runs-heading" id="runs">
            <div class="card-head"><h2 id="runs-heading">"What went"</h2></div>
            {none}
            {(!runs.is_empty()).then(|| view! {
                <table class="rows">
                    <caption class="sr-only">"Tidyings that removed something, newest first"</caption>
                    <thead>
                        <tr><th scope="col">"When"</th><th scope="col">"What went"</th><th scope="col">"History kept then"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            })}
        </section>
    }
}

/// What is left of incidents that were removed.
fn incidents(removed: &[RemovedIncident]) -> Option<impl IntoView + use<>> {
    if removed.is_empty() {
        return None;
    }
    let rows = removed
        .iter()
        .map(|gone| {
            view! {
                <tr id=format!("incident-{}", gone.id)>
                    <td class="cell-main">{words::incident(gone.number)}</td>
                    <td data-label="Environment">{gone.environment.clone().unwrap_or_else(|| "gone".to_owned())}</td>
                    <td data-label="Closed (UTC)">{moment(gone.closed_at)}</td>
                    <td data-label="Removed (UTC)">{moment(gone.removed_at)}</td>
                    <td data-label="Digest of its receipt"><code class="wrap-anywhere">{gone.receipt_digest.clone()}</code></td>
                </tr>
            }
        })
        .collect_view();
    Some(view! {
        <section class="card section overflow-hidden" aria-labelledby="removed-heading" id="removed">
            <div class="card-head"><h2 id="removed-heading">"Removed incidents"</h2></div>
            <table class="rows">
                <caption class="sr-only">"What is left of removed incidents, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Incident"</th>
                        <th scope="col">"Environment"</th>
                        <th scope="col">"Closed (UTC)"</th>
                        <th scope="col">"Removed (UTC)"</th>
                        <th scope="col">"Digest of its receipt"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    })
}
