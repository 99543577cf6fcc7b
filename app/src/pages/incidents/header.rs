//! The head of an incident, which stays in sight: what it is, where it stands, and the next step.

use chrono::{DateTime, Utc};
use drift_domain::incident::{IncidentAction, IncidentStatus};
use drift_domain::plan::Lifecycle;
use drift_domain::reconciliation::ReconciliationState;
use drift_domain::views::{IncidentPage, IncidentRow, ReconciliationRow, StepView};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words::{self, count};

/// Number, environment, badge, where it stands, and the button that leads to the next step.
pub(super) fn sticky(page: &IncidentPage) -> impl IntoView + use<> {
    let row = &page.row;
    let next = next(page);
    view! {
        <div class="inc-title">
            <h1>
                <span class="whitespace-nowrap">{words::incident(row.number)}</span>
                " "
                <a class="inc-environment wrap-anywhere" href=format!("/environments/{}", row.environment_id)>{row.environment.clone()}</a>
            </h1>
            <div class="inc-marks">
                {marks::class(page.environment.class)}
                {marks::badge(page.environment.badge)}
                {status(row.status)}
            </div>
        </div>
        <p class="inc-next" data-next=next.name>
            <a class=if next.is_up { "btn btn-primary" } else { "btn" } href=next.href>{icon(next.icon)} {next.label}</a>
        </p>
    }
}

/// Where an incident stands.
pub(super) fn status(status: IncidentStatus) -> impl IntoView {
    view! {
        <span class="contents" data-status=status.as_str()>
            {marks::chip(words::incident_status(status), Some(words::incident_status_explained(status)))}
        </span>
    }
}

/// What is to be done next, and where on the page.
struct Next {
    name: &'static str,
    label: String,
    href: &'static str,
    icon: Icon,
    /// Somebody can act on it.
    is_up: bool,
}

fn next(page: &IncidentPage) -> Next {
    let step = |name, label: &str, href, icon| Next { name, label: label.to_owned(), href, icon, is_up: true };
    let open = page.listed.waiting;
    let allowed = |action| page.actions.iter().any(|view| view.action == action && view.refused.is_none());
    match page.row.status {
        IncidentStatus::Detected => step("acknowledge", "Acknowledge", "#acknowledge", Icon::User),
        IncidentStatus::Acknowledged if page.lifecycle == Lifecycle::Full => {
            step("stabilize", "Stabilize", "#stabilize", Icon::Shield)
        }
        IncidentStatus::Acknowledged | IncidentStatus::Stabilized if open > 0 => {
            let label = format!("Choose {}", count(open, "path", "paths"));
            step("decide", &label, "#changes", Icon::Branch)
        }
        IncidentStatus::Acknowledged | IncidentStatus::Stabilized if allowed(IncidentAction::Reconcile) => {
            step("reconcile", "Reconcile", "#reconcile", Icon::Equal)
        }
        IncidentStatus::Acknowledged | IncidentStatus::Stabilized if is_under_way(page) => {
            Next { is_up: false, ..step("carrying-out", "See how far it is", "#carry-out", Icon::Clock) }
        }
        IncidentStatus::Acknowledged | IncidentStatus::Stabilized => {
            let by_product = page.carry_out_refused.is_none() && !page.to_carry_out.is_empty();
            step("carry-out", "Carry it out", if by_product { "#carry-out" } else { "#changes" }, Icon::Arrow)
        }
        IncidentStatus::Reconciled => step("close", "Close", "#close", Icon::Lock),
        IncidentStatus::Closed => Next { is_up: false, ..step("receipt", "Receipt", "#receipt", Icon::Check) },
    }
}

/// Whether the product is carrying something out that nobody has to act on.
fn is_under_way(page: &IncidentPage) -> bool {
    let pending = |row: &ReconciliationRow| row.state == ReconciliationState::Pending;
    page.to_carry_out.is_empty() && page.reconciliations.iter().any(pending)
}

/// The steps that the incident goes through, each with when it was reached.
pub(super) fn stepper(steps: &[StepView], now: DateTime<Utc>) -> impl IntoView + use<> {
    let items = steps.iter().map(|step| item(step, now)).collect_view();
    view! { <ol class="stepper" aria-label="Lifecycle">{items}</ol> }
}

fn item(step: &StepView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let mark = words::incident_status(step.status);
    let (class, spoken) = match (step.current, step.at.is_some()) {
        (true, _) => ("inc-step is-current", ", current step"),
        (false, true) => ("inc-step is-done", ", done"),
        (false, false) => ("inc-step", ", not reached"),
    };
    let at = match step.at {
        Some(at) => time::ago(at, now).into_any(),
        None => view! { <span aria-hidden="true">"–"</span> }.into_any(),
    };
    view! {
        <li class=class aria-current=step.current.then_some("step") title=words::incident_status_explained(step.status)>
            <span class=format!("inc-step-mark {}", if step.current || step.at.is_some() { mark.tone } else { "tone-plain" })>
                {icon(if !step.current && step.at.is_some() { Icon::Check } else { mark.icon })}
            </span>
            <span class="inc-step-word">{mark.label}<span class="sr-only">{spoken}</span></span>
            <span class="inc-step-at">{at}</span>
        </li>
    }
}

/// Detected, severity, owner, ticket: what somebody wants to know in the first seconds.
pub(super) fn facts(page: &IncidentPage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let row = &page.row;
    let owner = row.owner.as_ref().map_or_else(|| "nobody yet".to_owned(), |owner| owner.name.clone());
    let ticket = page.ticket.as_ref().map(|ticket| {
        view! { <div><dt>"Ticket"</dt><dd>{super::properties::ticket(ticket)}</dd></div> }
    });
    view! {
        <dl class="inc-facts">
            <div><dt>"Detected"</dt><dd>{time::ago(row.detected_at, now)}</dd></div>
            <div><dt>"Severity"</dt><dd>{marks::severity(row.severity)}</dd></div>
            <div><dt>"Owner"</dt><dd data-owner="">{owner}</dd></div>
            {ticket}
            {deadline(row, now)}
            <div><dt>"Open changes"</dt><dd class="num">{format!("{} of {}", row.open_changes, row.changes)}</dd></div>
        </dl>
    }
}

/// When the incident's time is over: in words, not by colour alone.
pub(super) fn deadline(row: &IncidentRow, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    let at = row.expires_at.filter(|_| row.closed_at.is_none())?;
    let is_over = at <= now;
    let left = (at - now).num_minutes();
    let text = match left {
        _ if is_over => "expired".to_owned(),
        ..=0 => "in less than a minute".to_owned(),
        1..=119 => format!("in {left} min"),
        120..=2_879 => format!("in {} h", left / 60),
        _ => format!("in {} d", left / 1_440),
    };
    let exact = at.format("%Y-%m-%d %H:%M UTC").to_string();
    let class = if is_over { "text-incident font-semibold" } else { "" };
    Some(view! { <div><dt>"Due"</dt><dd class=class title=exact>{text}</dd></div> })
}
