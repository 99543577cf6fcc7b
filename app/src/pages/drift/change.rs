//! `/environments/{id}/drift/changes/{change}`: one change, opened.

use crate::components::layout::Live;
use crate::ssr::forms::{change_id, environment_id};
use crate::ssr::visit::{Member, Page};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use drift_domain::ids::EnvironmentId;
use drift_domain::plan::Capability;
use drift_domain::views::{ChangePage, DiffOrRefusal, EnvironmentPage};
use leptos::prelude::*;

use super::graph::GraphQuery;
use super::{changes, diff, graph, overrides, plans, vanished};
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::islands::copy_path::CopyPath;
use crate::pages::incidents::put_back;
use crate::words;

/// Draws the change.
pub(crate) fn view(
    environment: &EnvironmentPage,
    page: &ChangePage,
    query: &GraphQuery,
    may_put_back: bool,
) -> AnyView {
    let (id, now) = (environment.row.id, environment.now);
    let body = match &page.diff {
        DiffOrRefusal::Diff(diff) => diff::view(diff, page.row.change_type, query).into_any(),
        DiffOrRefusal::Refused { message, needs } => plans::refused(message, *needs).into_any(),
    };
    view! {
        {crumbs(
            vec![
                ("/".to_owned(), "Environments".to_owned()),
                (format!("/environments/{id}"), environment.row.name.clone()),
                (format!("/environments/{id}/drift"), "Drift".to_owned()),
            ],
            page.row.workflow.clone(),
        )}
        <div data-live="change">
            {heading(page)} {summary(page, now)} {what_became_of_it(page, id, now)}
            {overrides::card(&page.row, id, &page.overriding, now)}
            {put_back::card(&page.row, &format!("/environments/{id}/drift"), may_put_back)}
        </div>
        // Both sides of a change stay what they are, so the canvas does too, wherever somebody has moved it.
        {graph::view(page, query)}
        <CopyPath />
        <div data-live="diff">{body} {history(page, id, now)}</div>
    }
    .into_any()
}

fn heading(page: &ChangePage) -> impl IntoView + use<> {
    let row = &page.row;
    let open = page.live_url.clone().map(|href| {
        view! { <a class="btn" href=href rel="noreferrer">"Open in n8n" {icon(Icon::External)}</a> }
    });
    view! {
        <div class="page-head">
            <div class="min-w-0">
                <h1 class="wrap-anywhere">{row.workflow.clone()}</h1>
                <p class="text-ink-2 mt-0.5 wrap-anywhere">{row.summary.clone()}</p>
            </div>
            {open}
        </div>
    }
}

fn summary(page: &ChangePage, now: DateTime<Utc>) -> impl IntoView + use<> {
    let row = &page.row;
    let draft = row.unpublished_draft.then(|| view! {
        <dt>"Draft"</dt>
        <dd>{changes::unpublished_draft()} " An edit is saved in n8n and not published: it becomes drift when it is."</dd>
    });
    view! {
        <dl class="card card-body facts">
            <dt>"Type"</dt>
            <dd>{marks::chip(words::change_type(row.change_type), None)} " " {words::change_type_explained(row.change_type)}</dd>
            <dt>"Origin"</dt>
            <dd>{marks::chip(words::origin(row.origin), None)} " " {words::origin_explained(row.origin)}</dd>
            <dt>"Severity"</dt>
            <dd>{marks::severity(row.severity)}</dd>
            <dt>"State"</dt>
            <dd>{changes::state(row.state)} " " {words::state_explained(row.state)}</dd>
            {draft}
            <dt>"In n8n"</dt>
            <dd>{match &row.live_id {
                Some(id) => view! { "workflow " <code>{id.clone()}</code> }.into_any(),
                None => "not there".into_any(),
            }}</dd>
            <dt>"In Git"</dt>
            <dd>
                {match &row.path {
                    Some(path) => view! { <code>{path.clone()}</code> " at " }.into_any(),
                    None => "not there at ".into_any(),
                }}
                <code title=page.git_commit.clone()>{words::short_commit(&page.git_commit)}</code>
            </dd>
            <dt>"Seen"</dt>
            <dd>"first " {time::ago(row.first_seen_at, now)} ", last " {time::ago(row.last_seen_at, now)}</dd>
        </dl>
    }
}

fn what_became_of_it(page: &ChangePage, environment: EnvironmentId, now: DateTime<Utc>) -> impl IntoView + use<> {
    let open = vanished::outcome(&page.row, environment, now, page.can_confirm).map(|outcome| {
        view! {
            <section class="card section" aria-labelledby="became" id="vanished">
                <div class="card-head"><h2 id="became">"What became of it"</h2></div>
                <div class="card-body">{outcome}</div>
            </section>
        }
    });
    let decided = page.row.decision.clone().map(|decision| {
        view! {
            <section class="card section" aria-labelledby="decided">
                <div class="card-head"><h2 id="decided">"Decision"</h2></div>
                <dl class="card-body facts">
                    <dt>"Decided"</dt>
                    <dd>{words::decision(decision.kind)} ": " {words::decision_explained(decision.kind)}</dd>
                    <dt>"Reason"</dt>
                    <dd>{decision.reason}</dd>
                    <dt>"By"</dt>
                    <dd>{decision.by} ", " {time::ago(decision.at, now)}</dd>
                </dl>
            </section>
        }
    });
    view! { {open} {decided} }
}

fn history(page: &ChangePage, environment: EnvironmentId, now: DateTime<Utc>) -> Option<impl IntoView + use<>> {
    if page.history.is_empty() {
        return None;
    }
    Some(view! {
        <section class="card section overflow-hidden" aria-labelledby="history">
            <div class="card-head"><h2 id="history">"Earlier changes of this workflow"</h2></div>
            {changes::table(&page.history, environment, now, "Earlier changes of this workflow, newest first")}
        </section>
    })
}

/// `GET /environments/{id}/drift/changes/{change}`
pub(crate) async fn get(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Query(query): Query<GraphQuery>,
) -> Response {
    let page = async {
        let (id, change) = (environment_id(&id)?, change_id(&change)?);
        let environment = member.services().environment(&member.permit()?, id).await?;
        let page = member.services().change(&member.permit()?, id, change).await?;
        let status = match page.diff {
            DiffOrRefusal::Diff(_) => StatusCode::OK,
            DiffOrRefusal::Refused { .. } => StatusCode::PAYMENT_REQUIRED,
        };
        let (title, now) = (page.row.workflow.clone(), environment.now);
        let may_put_back = member.caller.may(Capability::Execute);
        Ok(Page::new(title, move || view(&environment, &page, &query, may_put_back))
            .live(Live::One(id), now)
            .status(status))
    }
    .await;
    member.answer(page).await
}
