//! `/overview`: the organization as a whole, for who governs it.

use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::views::{Exceptions, IncidentRow, OverrideDebt, Overview, OverviewRow};
use drift_services::ServiceResult;
use leptos::prelude::*;

use super::policies;
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::layout::Live;
use crate::components::{marks, time};
use crate::ssr::visit::{Member, Page};
use crate::words::{self, count};

/// `GET /overview`
pub(crate) async fn get(member: Member) -> Response {
    let page: ServiceResult<Page> = async {
        let overview = member.services().overview(&member.permit()?).await?;
        let now = overview.now;
        Ok(Page::new("Governance", move || view(&overview)).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// Draws the page.
pub(crate) fn view(overview: &Overview) -> AnyView {
    let rows = overview.rows.iter().map(|row| one(row, overview.now)).collect_view();
    let days = overview.days;
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Governance".to_owned())}
        <div class="page-head">
            <div>
                <h1>"Governance"</h1>
                <p class="text-ink-2 mt-0.5 max-w-prose">
                    {format!("What holds where, what is accepted meanwhile, and what was let pass in the last {days} days. All of it is on record.")}
                </p>
            </div>
        </div>
        {totals(overview)}
        <section class="card section overflow-hidden" aria-labelledby="all-heading" id="all">
            <div class="card-head"><h2 id="all-heading">"Every environment"</h2></div>
            <table class="rows">
                <caption class="sr-only">"Environments with their policy, incident, override debt and exceptions"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Environment"</th>
                        <th scope="col">"Drift"</th>
                        <th scope="col">"Policy"</th>
                        <th scope="col">"Incident"</th>
                        <th scope="col">"Override debt"</th>
                        <th scope="col">{format!("Exceptions in {days} days")}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// What all environments add up to.
fn totals(overview: &Overview) -> impl IntoView + use<> {
    let sum = |of: fn(&OverviewRow) -> u32| overview.rows.iter().map(of).sum::<u32>();
    let bare = sum(|row| u32::from(row.policy.is_none()));
    let expired = sum(|row| u32::from(row.incident.as_ref().is_some_and(|incident| incident.expired_at.is_some())));
    let figures = [
        ("bare", "Without a policy", count(bare, "environment", "environments")),
        ("expired", "Expired incidents", expired.to_string()),
        (
            "debt",
            "Accepted, not resolved",
            format!(
                "{}, {} in all",
                count(sum(|row| row.debt.running), "change", "changes"),
                count(sum(|row| row.debt.days), "day", "days")
            ),
        ),
        ("exceptions", "Exceptions", sum(|row| row.exceptions.all()).to_string()),
    ];
    let figures = figures
        .into_iter()
        .map(|(key, label, value)| view! { <div data-total=key><dt>{label}</dt><dd class="num">{value}</dd></div> })
        .collect_view();
    view! { <dl class="card card-body section overview-totals">{figures}</dl> }
}

fn one(row: &OverviewRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let environment = &row.environment;
    let policy = match &row.policy {
        Some((id, name)) => {
            let of = if row.own { "its own" } else { "of its class" };
            let href = format!("{}/{id}", policies::ADDRESS);
            view! { <a class="wrap-anywhere" href=href>{name.clone()}</a> " " <span class="text-ink-2">{format!("({of})")}</span> }
                .into_any()
        }
        None => view! { <span class="text-ink-2">"none"</span> }.into_any(),
    };
    view! {
        <tr data-environment=environment.name.clone()>
            <td class="cell-main">
                <a class="wrap-anywhere" href=format!("/environments/{}", environment.id)>{environment.name.clone()}</a>
                " " <span class="text-ink-2">{words::class(environment.class)}</span>
            </td>
            <td data-label="Drift">{marks::badge(environment.badge)}</td>
            <td data-label="Policy">{policy}</td>
            <td data-label="Incident">{incident(row.incident.as_ref())}</td>
            <td data-label="Override debt">{debt(row.debt, now)}</td>
            <td data-label="Exceptions">{exceptions(row.exceptions)}</td>
        </tr>
    }
}

fn incident(open: Option<&IncidentRow>) -> AnyView {
    let Some(open) = open else { return view! { <span class="text-ink-2">"none"</span> }.into_any() };
    let over = open.expired_at.is_some().then(|| {
        view! { <span class="chip tone-incident">{icon(Icon::Clock)} "Expired"</span> }
    });
    view! {
        <span class="flex flex-wrap items-center gap-1.5">
            {words::incident(open.number)} {marks::chip(words::incident_status(open.status), None)} {over}
        </span>
    }
    .into_any()
}

fn debt(debt: OverrideDebt, now: DateTime<Utc>) -> AnyView {
    if debt.running == 0 {
        return view! { <span class="text-ink-2">"none"</span> }.into_any();
    }
    let renewed = debt.times.saturating_sub(debt.running);
    let text = format!(
        "{} for {} in all{}",
        count(debt.running, "change", "changes"),
        count(debt.days, "day", "days"),
        if renewed > 0 { format!(", renewed {}", count(renewed, "time", "times")) } else { String::new() }
    );
    view! { <span data-debt=debt.running.to_string()>{text} ", since " {time::ago_or(debt.since, now, "now")}</span> }
        .into_any()
}

fn exceptions(of: Exceptions) -> AnyView {
    if of.all() == 0 {
        return view! { <span class="text-ink-2">"none"</span> }.into_any();
    }
    let parts = [
        (of.overrides, "override", "overrides"),
        (of.extensions, "extension", "extensions"),
        (of.emergencies, "emergency deployment", "emergency deployments"),
        (of.waived, "act without its approvals", "acts without their approvals"),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(n, one, many)).collect();
    view! { <span data-exceptions=of.all().to_string()>{parts.join(", ")}</span> }.into_any()
}
