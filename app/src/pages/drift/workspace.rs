//! `/environments/{id}/drift`: the drift workspace, the one place where drift is looked at and acted on.

use crate::components::layout::Live;
use crate::ssr::forms::environment_id;
use crate::ssr::visit::{Member, Page};
use axum::extract::{Path, Query, RawQuery};
use axum::response::{IntoResponse, Redirect, Response};
use drift_domain::change::ChangeState;
use drift_domain::plan::Capability;
use drift_domain::views::{ChangeRow, EnvironmentPage, Workspace};
use leptos::prelude::*;
use std::collections::HashMap;

use super::incident::Way;
use super::{
    accept, adoption, ambiguities, changes, checks, filter, ignored, incident, overrides, plans, upgrade, vanished,
};
use crate::components::crumbs::crumbs;
use crate::components::failure::failure;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::components::{marks, time};
use crate::pages::incidents::Kept;
use crate::words::{self, count};

/// Draws the workspace.
pub(crate) fn view(workspace: &Workspace, way: &Way, kept: &Kept) -> AnyView {
    let page = &workspace.environment;
    let (id, now) = (page.row.id, page.now);
    view! {
        {crumbs(
            vec![("/".to_owned(), "Environments".to_owned()), (format!("/environments/{id}"), page.row.name.clone())],
            "Drift".to_owned(),
        )}
        <div data-live="heading" aria-live="polite">{heading(page)}</div>
        <div data-live="incident">{incident::card(way, workspace, kept, now)}</div>
        <div data-live="reviews">
            {workspace.adoption.as_ref().map(|adoption| adoption::card(adoption, id))}
            {ambiguities::section(&workspace.ambiguities, id, page.can_configure)}
        </div>
        <div data-live="vanished">
            {vanished::section(&workspace.changes, id, now, workspace.can_confirm)} {hidden_vanished(workspace)}
        </div>
        {listed(workspace)}
        <div data-live="after">
            {overrides::section(&workspace.changes, id, &workspace.overriding, now)}
            {workspace.upgrade.as_ref().map(|offer| upgrade::card(offer, id, Some(Capability::Incidents), now))}
            {(workspace.by_hand && workspace.open_changes > 0).then(|| plans::by_hand(page, &workspace.changes))}
            {accept::section(workspace)}
            {ignored::section(&workspace.ignored)}
            {newest_checks(workspace)}
        </div>
    }
    .into_any()
}

fn heading(page: &EnvironmentPage) -> impl IntoView + use<> {
    let id = page.row.id;
    let recheck = page.can_recheck.then(|| {
        view! {
            <form method="post" action=format!("/environments/{id}/drift/recheck")>
                <button data-recheck="" class="btn btn-primary" type="submit">
                    <span class=if page.checking { "inline-flex spin" } else { "inline-flex" }>{icon(Icon::Refresh)}</span>
                    {if page.checking { "Checking…" } else { "Recheck" }}
                </button>
            </form>
        }
    });
    let commit = page.git_commit.as_ref().map(|commit| {
        view! { " · Git at " <code title=commit.clone()>{words::short_commit(commit)}</code> }
    });
    let trouble = page.failure.as_ref().map(|why| {
        view! { <div class="mb-4">{note("tone-unverified", Icon::Question, failure(why, page))}</div> }
    });
    view! {
        <div class="page-head">
            <div>
                <div class="flex flex-wrap items-center gap-2.5">
                    <h1 class="wrap-anywhere">"Drift in "{page.row.name.clone()}</h1>
                    {marks::class(page.row.class)} {marks::badge(page.row.badge)}
                </div>
                <p class="text-ink-2 mt-1">
                    "Last good check " {time::ago_or(page.row.freshness.last_checked_at, page.now, "none yet")} {commit}
                    " · " <a class="link" href=format!("/environments/{id}/drift/deployments")>"Deployments"</a>
                </p>
            </div>
            {recheck}
        </div>
        {trouble}
    }
}

/// Vanished changes that the filter hides are still announced: nothing that was seen is hidden.
fn hidden_vanished(workspace: &Workspace) -> Option<impl IntoView + use<>> {
    let listed = workspace.changes.iter().filter(|change| change.state == ChangeState::Vanished).count();
    let hidden = u64::from(workspace.vanished_changes).saturating_sub(listed as u64);
    (hidden > 0).then(|| {
        let href = format!("/environments/{}/drift?state=VANISHED", workspace.environment.row.id);
        let text = count(hidden, "vanished change waits", "vanished changes wait");
        view! {
            <div class="section">
                {note("tone-unverified", Icon::Ghost, view! {
                    {text} " for a decision outside of what is listed here. " <a class="link" href=href>"Show"</a>
                })}
            </div>
        }
    })
}

fn listed(workspace: &Workspace) -> impl IntoView + use<> {
    let page = &workspace.environment;
    let others: Vec<ChangeRow> =
        workspace.changes.iter().filter(|change| change.state != ChangeState::Vanished).cloned().collect();
    let body = if others.is_empty() {
        no_changes(workspace).into_any()
    } else {
        changes::table(&others, page.row.id, page.now, "Changes, the most severe first").into_any()
    };
    view! {
        <section class="card section overflow-hidden" aria-labelledby="changes-heading" id="changes">
            <div class="card-head">
                <h2 id="changes-heading">"Changes"</h2>
                <p class="text-ink-3" data-live="count">{count(workspace.open_changes, "open change", "open changes")}</p>
            </div>
            {filter::form(&workspace.filter, page.row.id)}
            <div data-live="changes">{filter::active(&workspace.filter, page.row.id)} {body} {filter::pages(workspace)} {plans::access(workspace)}</div>
        </section>
    }
}

fn no_changes(workspace: &Workspace) -> impl IntoView + use<> {
    let page = &workspace.environment;
    let (mark, title, text) = if filter::is_on(&workspace.filter) {
        (Icon::Search, "No change matches", "Take something out of the filter to see more.".to_owned())
    } else if workspace.open_changes > 0 {
        (Icon::Ghost, "No other change", "What differed is gone; the section above asks what became of it.".to_owned())
    } else if page.row.freshness.is_verified() {
        (
            Icon::Check,
            "n8n and Git agree",
            "The newest check compared every workflow and found no difference.".to_owned(),
        )
    } else {
        (
            Icon::Question,
            "Not known",
            "No change is known, but the newest look did not come through: this is not the same as being in sync."
                .to_owned(),
        )
    };
    view! { <div class="empty">{icon(mark)} <h3>{title}</h3> <p>{text}</p></div> }
}

fn newest_checks(workspace: &Workspace) -> impl IntoView + use<> {
    let page = &workspace.environment;
    view! {
        <section class="card section overflow-hidden" aria-labelledby="checks-heading" id="checks">
            <div class="card-head">
                <h2 id="checks-heading">"Newest checks"</h2>
                <a class="link" href=format!("/environments/{}/drift/checks", page.row.id)>"All checks"</a>
            </div>
            {checks::table(&workspace.checks, page.now)}
        </section>
    }
}

/// `GET /environments/{id}/drift`
pub(crate) async fn get(
    member: Member,
    Path(id): Path<String>,
    RawQuery(address): RawQuery,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let page = async {
        let id = environment_id(&id)?;
        let workspace = member.services().workspace(&member.permit()?, id, filter::read(&query)).await?;
        let way = incident::way(&member, id).await?;
        if let Way::Open(incident) = &way
            && address.is_none()
            && member.is_a_visit()
        {
            return Ok(Err(Redirect::to(&format!("/incidents/{}", incident.id))));
        }
        let notice = member.take_notice().await?;
        let kept = Kept::of(notice.as_ref());
        let (title, now) = (format!("Drift in {}", workspace.environment.row.name), workspace.environment.now);
        Ok(Ok(Page::new(title, move || view(&workspace, &way, &kept)).live(Live::One(id), now).notice(notice.as_ref())))
    }
    .await;
    match page {
        // With an open incident, View Drift leads to it; whatever was said goes along.
        Ok(Err(to_incident)) => to_incident.into_response(),
        Ok(Ok(page)) => member.answer(Ok(page)).await,
        Err(error) => member.answer(Err(error)).await,
    }
}
