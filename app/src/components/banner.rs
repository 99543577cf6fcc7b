//! The one banner of an environment (seed, phase 1: always there, on every plan, leading to one place).

use chrono::{DateTime, Utc};
use drift_domain::environment::Badge;
use drift_domain::views::EnvironmentPage;
use leptos::prelude::*;

use crate::components::failure::failure;
use crate::components::icon::icon;
use crate::components::time::{ago, until};
use crate::words::{self, count};

/// What the environment's state is and since when, with *View Drift*. It shows no drift and does nothing about it.
pub(crate) fn banner(page: &EnvironmentPage) -> impl IntoView + use<> {
    let badge = page.row.badge;
    let mark = words::badge(badge);
    let href = format!("/environments/{}/drift", page.row.id);
    let calm = badge == Badge::InSync;
    view! {
        <section class=format!("banner {}", mark.tone) aria-labelledby="banner-title" data-banner=badge.as_str()>
            {icon(mark.icon)}
            <div class="min-w-0">
                <h2 class="banner-title" id="banner-title">{title(page)}</h2>
                <div class="banner-text">{text(page)}</div>
            </div>
            <a class=if calm { "btn" } else { "btn btn-primary" } href=href>"View Drift"</a>
        </section>
    }
}

fn title(page: &EnvironmentPage) -> String {
    let affected = count(page.row.affected_workflows, "workflow differs", "workflows differ");
    match page.row.badge {
        Badge::InSync => "In sync: n8n and Git agree".to_owned(),
        Badge::DriftDetected => format!("Drift detected: {affected}"),
        Badge::IncidentActive => format!("Drift incident active: {affected}"),
        Badge::Unverified if page.row.freshness.last_checked_at.is_none() => "Unverified: not compared yet".to_owned(),
        Badge::Unverified => "Unverified: whether n8n and Git agree is not known".to_owned(),
    }
}

fn text(page: &EnvironmentPage) -> AnyView {
    match page.row.badge {
        Badge::InSync => proven(page).into_any(),
        Badge::DriftDetected | Badge::IncidentActive => seen(page).into_any(),
        Badge::Unverified => unverified(page).into_any(),
    }
}

/// What was compared, and when.
fn proven(page: &EnvironmentPage) -> impl IntoView + use<> {
    let all = page.live_workflows.map(|n| format!(" all {}", count(n, "workflow", "workflows"))).unwrap_or_default();
    let at = page.row.freshness.last_checked_at.map(|at| ago(at, page.now));
    view! { <p>{format!("The newest check compared{all} and found no difference, ")} {at} "."</p> }
}

fn seen(page: &EnvironmentPage) -> impl IntoView + use<> {
    let checked = page.row.freshness.last_checked_at.map(|at| view! { "Last compared " {ago(at, page.now)} ". " });
    let detected = page.row.last_drift_detected_at.map(|at| view! { "Drift last seen " {ago(at, page.now)} "." });
    let overrides = page.row.overrides;
    let accepted = (overrides.running > 0).then(|| {
        let text = count(overrides.running, "of them is accepted for a time", "of them are accepted for a time");
        let end = overrides.next_end.map(|end| view! { "; the first asks again " {until(end, page.now)} });
        view! { <p class="mt-1">{text} {end} "."</p> }
    });
    view! { <p>{checked} {detected}</p> {accepted} }
}

/// Why nobody knows, since when, what is known all the same, and what to do.
fn unverified(page: &EnvironmentPage) -> impl IntoView + use<> {
    let known = (page.row.affected_workflows > 0).then(|| {
        let affected = count(page.row.affected_workflows, "workflow was", "workflows were");
        view! { <p class="mt-1">{format!("{affected} known to differ before that, and count as differing still.")}</p> }
    });
    view! {
        {match (&page.failure, page.failing_since) {
            (Some(why), since) => view! { {failure(why, page)} {since.map(|since| failing(since, page))} }.into_any(),
            (None, _) => no_answer(page).into_any(),
        }}
        {known}
    }
}

fn failing(since: DateTime<Utc>, page: &EnvironmentPage) -> impl IntoView + use<> {
    let good =
        page.row.freshness.last_checked_at.map(|at| view! { " The last good check was " {ago(at, page.now)} "." });
    view! { <p class="mt-1">"Checks have been failing since " {ago(since, page.now)} "." {good}</p> }
}

/// Unverified without a failure: no check has ended yet, or none for too long.
fn no_answer(page: &EnvironmentPage) -> impl IntoView + use<> {
    let every = words::interval(page.interval_seconds);
    match page.row.freshness.last_checked_at {
        None if page.checking => view! { <p>"The first check is running. This page shows its result as soon as it is there."</p> }.into_any(),
        None => view! { <p>{format!("The first check is due; checks run every {every}.")}</p> }.into_any(),
        Some(at) => view! {
            <p>
                "The last good check was " {ago(at, page.now)}
                {format!(", and one is due every {every}. If no check ends soon, the part of WorkflowOps that runs them (the worker) is down or behind: ask whoever operates it.")}
            </p>
        }
        .into_any(),
    }
}
