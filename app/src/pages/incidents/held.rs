//! What keeps an incident beyond its time, and what is left of one that went.

use chrono::{DateTime, Utc};
use drift_domain::ids::IncidentId;
use drift_domain::views::{HoldView, RemovedIncident};
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::components::time;
use crate::pages::{reports, retention};
use crate::words;

/// The holds that keep this incident; for who may place one or have a report made, the way there.
pub(super) fn section(
    id: IncidentId,
    holds: &[HoldView],
    (may_hold, may_report): (bool, bool),
    now: DateTime<Utc>,
) -> AnyView {
    let held = holds
        .iter()
        .map(|hold| {
            let on = if hold.incident.is_some() { "This incident is" } else { "All of the organization is" };
            view! {
                <p class="wrap-anywhere">
                    {format!("{on} under a legal hold, placed by {} ", hold.by)} {time::ago(hold.at, now)}
                    {format!(": {}", hold.reason)}
                </p>
            }
        })
        .collect_view();
    let note = (!holds.is_empty()).then(|| {
        view! { <div class="section" data-hold="held">{note("tone-plain", Icon::Shield, held)}</div> }
    });
    let own = holds.iter().any(|hold| hold.incident.is_some());
    let link = (may_hold && !own).then(|| {
        let href = format!("{}?incident={id}#place-hold", retention::ADDRESS);
        view! { <a class="btn btn-small" href=href>{icon(Icon::Shield)} "Place a legal hold"</a> }
    });
    let report = may_report.then(|| {
        let href = format!("{}?incident={id}#ask", reports::ADDRESS);
        view! { <a class="btn btn-small" href=href>{icon(Icon::Download)} "Have a compliance report made"</a> }
    });
    let links = (link.is_some() || report.is_some())
        .then(|| view! { <p class="section flex flex-wrap gap-2">{link} {report}</p> });
    view! { {note} {links} }.into_any()
}

/// The page of an incident that was removed.
pub(super) fn removed(gone: &RemovedIncident) -> AnyView {
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    view! {
        {crumbs(vec![("/incidents".to_owned(), "Incidents".to_owned())], words::incident(gone.number))}
        <div class="page-head"><h1>{format!("{} was removed", words::incident(gone.number))}</h1></div>
        <section class="card card-body" data-removed="">
            <p>"It was closed, and older than the plan keeps. A receipt that was kept can be held against its digest."</p>
            <dl class="facts">
                <dt>"Environment"</dt>
                <dd>{gone.environment.clone().unwrap_or_else(|| "gone".to_owned())}</dd>
                <dt>"Detected"</dt>
                <dd class="num">{day(gone.detected_at)}</dd>
                <dt>"Closed"</dt>
                <dd class="num">{day(gone.closed_at)}</dd>
                <dt>"Removed"</dt>
                <dd class="num">{day(gone.removed_at)}</dd>
                <dt>"Digest of its receipt"</dt>
                <dd><code class="wrap-anywhere">{gone.receipt_digest.clone()}</code></dd>
            </dl>
        </section>
    }
    .into_any()
}
