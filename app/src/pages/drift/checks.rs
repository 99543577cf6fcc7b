//! `/environments/{id}/drift/checks`: the history of checks; and its newest part, for the workspace.

use crate::components::layout::Live;
use crate::ssr::forms::environment_id;
use crate::ssr::visit::{Member, Page};
use axum::extract::{Path, Query};
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::check::CheckOutcome;
use drift_domain::views::{CheckRow, EnvironmentPage};
use drift_services::ServiceError;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::failure::sentence;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words;

/// How many checks a page shows at most; a shorter page is the last one.
const PAGE: usize = 30;

/// Draws one page of the history.
pub(crate) fn view(environment: &EnvironmentPage, checks: &[CheckRow], first_page: bool) -> AnyView {
    let id = environment.row.id;
    let base = format!("/environments/{id}/drift/checks");
    let older = (checks.len() >= PAGE).then(|| checks.last()).flatten().map(|last| {
        view! { <a class="btn" href=format!("{base}?before={}", last.id)>"Older checks" {icon(Icon::Arrow)}</a> }
    });
    let newest = (!first_page).then(|| view! { <a class="btn" href=base.clone()>"Newest checks"</a> });
    view! {
        {crumbs(
            vec![
                ("/".to_owned(), "Environments".to_owned()),
                (format!("/environments/{id}"), environment.row.name.clone()),
                (format!("/environments/{id}/drift"), "Drift".to_owned()),
            ],
            "Checks".to_owned(),
        )}
        <div class="page-head"><h1>"Checks of "{environment.row.name.clone()}</h1></div>
        <div class="card overflow-hidden" data-live="checks">{table(checks, environment.now)}</div>
        <nav aria-label="Pages" class="flex justify-between gap-2 mt-4"><span>{newest}</span> <span>{older}</span></nav>
    }
    .into_any()
}

/// The checks as a table, newest first.
pub(super) fn table(checks: &[CheckRow], now: DateTime<Utc>) -> AnyView {
    if checks.is_empty() {
        return view! { <p class="card-body text-ink-2">"No check has run yet."</p> }.into_any();
    }
    let rows = checks.iter().map(|check| row(check, now)).collect_view();
    view! {
        <table class="rows">
            <caption class="sr-only">"Checks, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Outcome"</th>
                    <th scope="col">"Because of"</th>
                    <th scope="col">"Started"</th>
                    <th scope="col" class="right">"Took"</th>
                    <th scope="col">"Commit"</th>
                    <th scope="col">"Compared"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(check: &CheckRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let took = check.finished_at.map(|end| {
        let milliseconds = (end - check.started_at).num_milliseconds().max(0);
        match milliseconds {
            ..1_000 => format!("{milliseconds} ms"),
            1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
            _ => format!("{} s", milliseconds / 1_000),
        }
    });
    view! {
        <tr data-check=check.outcome.as_str()>
            <td class="cell-main">{marks::chip(words::outcome(check.outcome), None)}</td>
            <td data-label="Because of">{words::trigger(check.trigger)}</td>
            <td data-label="Started">{time::ago(check.started_at, now)}</td>
            <td data-label="Took" class=if check.finished_at.is_some() { "right num" } else { "right blank" }>{took}</td>
            <td data-label="Commit" class=if check.git_commit.is_some() { "" } else { "blank" }>
                {check.git_commit.as_ref().map(|commit| view! { <code title=commit.clone()>{words::short_commit(commit)}</code> })}
            </td>
            <td data-label="Compared"><span class="wrap-anywhere">{compared(check)}</span></td>
        </tr>
    }
}

fn compared(check: &CheckRow) -> String {
    if let Some(failure) = &check.failure {
        return sentence(failure);
    }
    if check.outcome == CheckOutcome::Running {
        return "still running".to_owned();
    }
    let part = |n: Option<u32>, what: &str| n.map(|n| format!("{n} {what}"));
    [
        part(check.live_workflows, "in n8n"),
        part(check.desired_workflows, "in Git"),
        part(check.differing, "differing"),
        part(check.parsed_workflows, "parsed anew"),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" · ")
}

#[derive(serde::Deserialize)]
pub(crate) struct ChecksQuery {
    before: Option<String>,
}

/// `GET /environments/{id}/drift/checks`
pub(crate) async fn get(member: Member, Path(id): Path<String>, Query(query): Query<ChecksQuery>) -> Response {
    let page = async {
        let id = environment_id(&id)?;
        let before =
            query.before.as_deref().map(str::parse).transpose().map_err(|_| ServiceError::NotFound("check"))?;
        let environment = member.services().environment(&member.permit()?, id).await?;
        let checks = member.services().checks(&member.permit()?, id, before).await?;
        let (title, now) = (format!("Checks of {}", environment.row.name), environment.now);
        Ok(Page::new(title, move || view(&environment, &checks, before.is_none())).live(Live::One(id), now))
    }
    .await;
    member.answer(page).await
}
