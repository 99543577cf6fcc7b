//! `/environments/{id}`: what the environment is, where it points, and the one banner. Drift itself is in `drift`.

use crate::components::layout::Live;
use crate::ssr::forms::environment_id;
use crate::ssr::visit::{Member, Page};
use axum::extract::Path;
use axum::response::Response;
use drift_domain::views::EnvironmentPage;
use leptos::prelude::*;

use crate::components::banner::banner;
use crate::components::crumbs::crumbs;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::words;

/// Draws the environment.
pub(crate) fn view(page: &EnvironmentPage) -> AnyView {
    let settings = page.can_configure.then(|| {
        view! { <a class="btn" href=format!("/environments/{}/settings", page.row.id)>{icon(Icon::Settings)} "Settings"</a> }
    });
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], page.row.name.clone())}
        <div class="page-head">
            <div class="flex flex-wrap items-center gap-2.5" data-live="heading">
                <h1 class="wrap-anywhere">{page.row.name.clone()}</h1>
                {marks::class(page.row.class)} {marks::badge(page.row.badge)}
            </div>
            {settings}
        </div>
        <div data-live="banner" aria-live="polite">{banner(page)}</div>
        <div class="grid gap-5 mt-5 md:grid-cols-2" data-live="facts">
            <section class="card" aria-labelledby="sides">
                <div class="card-head"><h2 id="sides">"Where it points"</h2></div>
                <div class="card-body">{sides(page)}</div>
            </section>
            <section class="card" aria-labelledby="checks">
                <div class="card-head"><h2 id="checks">"How fresh this is"</h2></div>
                <div class="card-body">{freshness(page)}</div>
            </section>
        </div>
    }
    .into_any()
}

fn sides(page: &EnvironmentPage) -> impl IntoView + use<> {
    let folder =
        if page.git_folder.is_empty() { "the root of the repository".to_owned() } else { page.git_folder.clone() };
    view! {
        <dl class="facts">
            <dt>"n8n"</dt>
            <dd><a class="link" href=page.n8n_base_url.clone() rel="noreferrer">{page.n8n_base_url.clone()}</a></dd>
            <dt>"Repository"</dt>
            <dd class="mono">{page.repository.clone()}</dd>
            <dt>"Ref"</dt>
            <dd class="mono">{page.git_ref.clone()}</dd>
            <dt>"Folder"</dt>
            <dd class="mono">{folder}</dd>
            <dt>"Commit"</dt>
            <dd>
                {match &page.git_commit {
                    Some(commit) => view! { <code title=commit.clone()>{words::short_commit(commit)}</code> }.into_any(),
                    None => "none read yet".into_any(),
                }}
            </dd>
        </dl>
    }
}

fn freshness(page: &EnvironmentPage) -> impl IntoView + use<> {
    let number = |n: Option<u32>| n.map_or_else(|| "not counted yet".to_owned(), |n| n.to_string());
    let running = page.checking.then(|| {
        view! { <span class="chip tone-info ml-2"><span class="spin inline-flex">{icon(Icon::Refresh)}</span> "checking now"</span> }
    });
    view! {
        <dl class="facts">
            <dt>"Last good check"</dt>
            <dd>{time::ago_or(page.row.freshness.last_checked_at, page.now, "none yet")} {running}</dd>
            <dt>"Checked every"</dt>
            <dd class="num">{words::interval(page.interval_seconds)}</dd>
            <dt>"Workflows in n8n"</dt>
            <dd class="num">{number(page.live_workflows)}</dd>
            <dt>"Workflows in Git"</dt>
            <dd class="num">{number(page.desired_workflows)}</dd>
            <dt>"Drift last seen"</dt>
            <dd>{time::ago_or(page.row.last_drift_detected_at, page.now, "never")}</dd>
        </dl>
    }
}

/// `GET /environments/{id}`
pub(crate) async fn get(member: Member, Path(id): Path<String>) -> Response {
    let page = async {
        let id = environment_id(&id)?;
        let page = member.services().environment(&member.permit()?, id).await?;
        let (title, now) = (page.row.name.clone(), page.now);
        Ok(Page::new(title, move || view(&page)).live(Live::One(id), now))
    }
    .await;
    member.answer(page).await
}
