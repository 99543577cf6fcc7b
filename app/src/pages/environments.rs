//! `/`: the environments of the organization, each with its badge. No diff and no action on drift (seed, phase 3).

use crate::components::layout::Live;
use crate::ssr::visit::{Member, Page};
use axum::extract::Query;
use axum::response::Response;
use drift_domain::environment::Badge;
use drift_domain::views::{EnvironmentList, EnvironmentRow};
use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words;

/// Draws the list.
pub(crate) fn view(list: &EnvironmentList, first_page: bool) -> AnyView {
    let nothing = list.environments.is_empty() && first_page;
    let connect = (list.can_configure && !nothing).then(|| {
        view! { <a class="btn btn-primary" href="/environments/new">{icon(Icon::Plus)} "Connect environment"</a> }
    });
    view! {
        <div class="page-head">
            <div>
                <h1>"Environments"</h1>
                <p class="text-ink-2 mt-0.5">"What runs in n8n, held against what Git declares."</p>
            </div>
            {connect}
        </div>
        <div data-live="environments">
            {if nothing { empty(list.can_configure).into_any() } else { listed(list, first_page).into_any() }}
        </div>
    }
    .into_any()
}

fn listed(list: &EnvironmentList, first_page: bool) -> impl IntoView + use<> {
    let rows = list.environments.iter().map(|row| environment(row, list)).collect_view();
    view! {
        {tiles(list)}
        <div class="card section overflow-hidden">
            <table class="rows">
                <caption class="sr-only">"Environments by name"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="right">"Affected workflows"</th>
                        <th scope="col" class="right">"Last check"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {pages(list.next.as_deref(), first_page)}
    }
}

/// How many there are by badge, whatever page this is.
fn tiles(list: &EnvironmentList) -> impl IntoView + use<> {
    let tiles = list
        .by_badge
        .iter()
        .map(|(badge, n)| {
            let mark = words::badge(*badge);
            let class = if *n == 0 { "card tile is-zero" } else { "card tile" };
            let colour = if *n == 0 { "text-ink-3" } else { tile_colour(*badge) };
            view! {
                <div class=class data-count=badge.as_str()>
                    <dt><span class=colour>{icon(mark.icon)}</span> {mark.label}</dt>
                    <dd>{*n}</dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class="tiles" aria-label="Environments by status">{tiles}</dl> }
}

const fn tile_colour(badge: Badge) -> &'static str {
    match badge {
        Badge::InSync => "text-ok",
        Badge::DriftDetected => "text-drift",
        Badge::IncidentActive => "text-incident",
        Badge::Unverified => "text-unverified",
    }
}

fn environment(row: &EnvironmentRow, list: &EnvironmentList) -> impl IntoView + use<> {
    let affected = if row.affected_workflows == 0 {
        view! { <span class="text-ink-3">"none"</span> }.into_any()
    } else {
        view! { <span class="num font-semibold">{row.affected_workflows}</span> }.into_any()
    };
    view! {
        <tr data-environment=row.name.clone()>
            <td class="cell-main">
                <span class="flex flex-wrap items-center gap-2">
                    <a class="row-link wrap-anywhere" href=format!("/environments/{}", row.id)>{row.name.clone()}</a>
                    {marks::class(row.class)}
                </span>
            </td>
            <td data-label="Status">{marks::badge(row.badge)}</td>
            <td data-label="Affected" class="right">{affected}</td>
            <td data-label="Last check" class="right">
                <span class="text-ink-2">{time::ago_or(row.freshness.last_checked_at, list.now, "never")}</span>
            </td>
        </tr>
    }
}

fn pages(next: Option<&str>, first_page: bool) -> Option<impl IntoView + use<>> {
    let next = next.map(|after| {
        let after = percent_encoding::utf8_percent_encode(after, percent_encoding::NON_ALPHANUMERIC);
        view! { <a class="btn" href=format!("/?after={after}")>"Next page" {icon(Icon::Arrow)}</a> }
    });
    let first = (!first_page).then(|| view! { <a class="btn" href="/">"First page"</a> });
    (next.is_some() || first.is_some())
        .then(|| view! { <nav aria-label="Pages" class="flex justify-between gap-2 mt-4"><span>{first}</span> <span>{next}</span></nav> })
}

fn empty(can_configure: bool) -> impl IntoView {
    let next = if can_configure {
        view! { <a class="btn btn-primary mt-4" href="/environments/new">{icon(Icon::Plug)} "Connect the first environment"</a> }.into_any()
    } else {
        view! { <p>"Ask an administrator of the organization to connect one."</p> }.into_any()
    };
    view! {
        <div class="card empty">
            {icon(Icon::Plug)}
            <h2>"Nothing is watched yet"</h2>
            <p>
                "An environment is one n8n instance and the folder in GitHub that declares its workflows. Connect one, and "
                "the first check runs at once."
            </p>
            {next}
        </div>
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct ListQuery {
    after: Option<String>,
}

/// `GET /`
pub(crate) async fn get(member: Member, Query(query): Query<ListQuery>) -> Response {
    let page = async {
        let list = member.services().environments(&member.permit()?, query.after.as_deref(), None).await?;
        let now = list.now;
        Ok(Page::new("Environments", move || view(&list, query.after.is_none())).live(Live::All, now))
    }
    .await;
    member.answer(page).await
}
