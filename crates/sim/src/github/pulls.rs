//! Pull requests and their merging, as the API has them.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::answers::Refusal;
use super::asked::{Answered, Asked, Page, parse};
use super::events::pull_request;
use super::state::{Background, Order, Progress, Pull};
use super::{Hub, Repository, shapes};

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{name}/pulls", get(list).post(create))
        .route("/repos/{owner}/{name}/pulls/{number}", get(read).patch(update))
        .route("/repos/{owner}/{name}/pulls/{number}/reviews", get(reviews))
        .route("/repos/{owner}/{name}/pulls/{number}/merge", put(merge))
}

/// What an Enterprise Server does not have.
pub(crate) fn routes_of_github_alone() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{name}/pulls/{number}/merge-async", put(merge_async))
        .route("/repos/{owner}/{name}/pulls/{number}/merge-async/{uuid}", get(merge_result))
}

fn reads(caller: &Caller) -> bool {
    caller.contents
}

fn writes(caller: &Caller) -> bool {
    caller.pulls
}

type Named = Path<(String, String)>;
type Numbered = Path<(String, String, u64)>;

#[derive(Deserialize)]
struct Filter {
    state: Option<String>,
    head: Option<String>,
    base: Option<String>,
}

async fn list(
    asked: Asked,
    Path((owner, name)): Named,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
) -> Answered {
    let repository = asked.readable(&owner, &name, reads)?;
    let state = filter.state.as_deref().unwrap_or("open").to_owned();
    let all: Vec<u64> = repository.social().pulls.keys().rev().copied().collect();
    let mut found = Vec::new();
    for number in all {
        let pull = asked.hub.fresh(&repository, number).await?;
        let label = format!("{}:{}", repository.owner, pull.head);
        let wanted = (state == "all" || (state == "open") == pull.open)
            && filter.head.as_ref().is_none_or(|head| *head == label)
            && filter.base.as_ref().is_none_or(|base| *base == pull.base);
        if wanted {
            found.push(pull);
        }
    }
    let more = found.len() > page.skip() + page.size();
    let shown = found.iter().skip(page.skip()).take(page.size());
    let body: Vec<Value> = shown.map(|pull| shapes::pull(&asked.site, &repository, pull, None)).collect();
    Ok(asked.page(&json!(body), &page, more))
}

#[derive(Deserialize)]
struct NewPull {
    title: Option<String>,
    head: String,
    base: String,
    body: Option<String>,
    #[serde(default)]
    draft: bool,
}

async fn create(asked: Asked, Path((owner, name)): Named, body: Bytes) -> Answered {
    let repository = asked.writable(&owner, &name, writes)?;
    let new: NewPull = parse(&body)?;
    let invalid = |field: &str| Refusal::invalid("PullRequest", Some(field), "invalid", None);
    let custom = |words: String| Refusal::invalid("PullRequest", None, "custom", Some(&words));
    let head = new.head.strip_prefix(&format!("{}:", repository.owner)).unwrap_or(&new.head).to_owned();
    let head_sha = repository.git.head(&head).await?.ok_or_else(|| invalid("head"))?;
    let base_sha = repository.git.head(&new.base).await?.ok_or_else(|| invalid("base"))?;
    let title = new.title.filter(|title| !title.trim().is_empty());
    let title = title.ok_or_else(|| Refusal::invalid("PullRequest", Some("title"), "missing_field", None))?;
    if repository.git.is_ancestor(&head_sha, &base_sha).await? {
        return Err(custom(format!("No commits between {} and {head}", new.base)));
    }
    let now = asked.hub.clock.now();
    let user = asked.login().to_owned();
    let made = repository.change(|social| {
        let same = |pull: &Pull| pull.open && pull.head == head && pull.base == new.base;
        if social.pulls.values().any(same) {
            return Err(custom(format!("A pull request already exists for {}:{head}.", repository.owner)));
        }
        social.numbers += 1;
        let pull = Pull {
            number: social.numbers,
            title,
            body: new.body,
            head,
            base: new.base,
            user,
            open: true,
            draft: new.draft,
            head_sha,
            base_sha,
            merged: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            reviews: Vec::new(),
            queued: None,
            looked: None,
        };
        social.pulls.insert(pull.number, pull.clone());
        Ok(pull)
    })??;
    let event = pull_request(&asked.hub, &repository, &made, "opened", asked.login(), json!({})).await?;
    asked.hub.tell("pull_request", &event).await;
    let whole = asked.hub.whole(&repository, &made).await?;
    Ok(asked.created(&shapes::pull(&asked.site, &repository, &made, Some(&whole))))
}

async fn shown(asked: &Asked, repository: &Repository, number: u64) -> Answered {
    let pull = asked.hub.fresh(repository, number).await?;
    let whole = asked.hub.whole(repository, &pull).await?;
    Ok(asked.json(&shapes::pull(&asked.site, repository, &pull, Some(&whole))))
}

async fn read(asked: Asked, Path((owner, name, number)): Numbered) -> Answered {
    let repository = asked.readable(&owner, &name, reads)?;
    asked.hub.settle(&repository, number).await?;
    shown(&asked, &repository, number).await
}

#[derive(Deserialize)]
struct Update {
    state: Option<String>,
    title: Option<String>,
    body: Option<String>,
}

async fn update(asked: Asked, Path((owner, name, number)): Numbered, body: Bytes) -> Answered {
    let repository = asked.writable(&owner, &name, writes)?;
    let update: Update = parse(&body)?;
    let pull = asked.hub.fresh(&repository, number).await?;
    let closes = update.state.as_deref() == Some("closed") && pull.open;
    if update.state.as_deref() == Some("open") && !pull.open {
        let words = "state cannot be changed. The pull request cannot be reopened.";
        return Err(Refusal::invalid("PullRequest", Some("state"), "custom", Some(words)));
    }
    if closes && pull.queued.is_some() {
        asked.hub.dequeue(&repository, pull.clone(), "MANUAL").await?;
    }
    let now = asked.hub.clock.now();
    let changed = repository.keep(Pull {
        title: update.title.unwrap_or(pull.title.clone()),
        body: update.body.or(pull.body.clone()),
        open: pull.open && !closes,
        closed_at: if closes { Some(now) } else { pull.closed_at },
        updated_at: now,
        queued: if closes { None } else { pull.queued.clone() },
        ..pull
    })?;
    if closes {
        let event = pull_request(&asked.hub, &repository, &changed, "closed", asked.login(), json!({})).await?;
        asked.hub.tell("pull_request", &event).await;
    }
    shown(&asked, &repository, number).await
}

async fn reviews(asked: Asked, Path((owner, name, number)): Numbered, Query(page): Query<Page>) -> Answered {
    let repository = asked.readable(&owner, &name, reads)?;
    let pull = asked.hub.fresh(&repository, number).await?;
    let more = pull.reviews.len() > page.skip() + page.size();
    let shown = pull.reviews.iter().skip(page.skip()).take(page.size());
    let body: Vec<Value> = shown.map(|review| shapes::review(&asked.site, &repository, &pull, review)).collect();
    Ok(asked.page(&json!(body), &page, more))
}

fn merges(caller: &Caller) -> bool {
    caller.contents && caller.push
}

async fn merge(asked: Asked, Path((owner, name, number)): Numbered, body: Bytes) -> Answered {
    let repository = asked.writable(&owner, &name, merges)?;
    let order: Order = parse(&body)?;
    let sha = asked.hub.merge_now(&repository, number, &order, asked.login()).await?;
    Ok(Json(json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" })).into_response())
}

fn answer(status: StatusCode, uuid: &str, background: &Background) -> Response {
    let Background { order, progress, .. } = background;
    let requested = |message: &str| {
        json!({
            "message": message, "uuid": uuid,
            "merge_method": order.merge_method.as_deref().unwrap_or("default"),
            "merge_action": order.merge_action.as_deref().unwrap_or("default"),
            "expected_head_sha": order.sha.as_deref().unwrap_or_default(),
        })
    };
    let (word, details) = match progress {
        Progress::Pending { .. } => ("pending", requested("Pull request merge is in progress.")),
        Progress::Enqueued => ("enqueued", requested("Pull request was added to the merge queue.")),
        Progress::Merged { commit } => {
            ("merged", json!({ "message": "Pull request was successfully merged.", "sha": commit }))
        }
        Progress::Failed { message } => ("failed", json!({ "message": message })),
    };
    (status, Json(json!({ "status": word, "details": details }))).into_response()
}

async fn merge_async(asked: Asked, Path((owner, name, number)): Numbered, body: Bytes) -> Answered {
    let repository = asked.writable(&owner, &name, merges)?;
    let mut order: Order = parse(&body)?;
    let pull = asked.hub.fresh(&repository, number).await?;
    let settled = |progress: Progress| Background {
        number,
        order: Order::default(),
        by: String::new(),
        progress,
        at: asked.hub.clock.now(),
    };
    if let Some(merged) = &pull.merged {
        let progress = Progress::Merged { commit: merged.commit.clone() };
        return Ok(answer(StatusCode::OK, "", &settled(progress)));
    }
    // Rules are not looked at yet, only whether this is a pull request that merges at all.
    let words = match () {
        () if !pull.open => Some("Pull request is closed."),
        () if pull.draft => Some("Pull request is still a draft."),
        () if order.sha.as_ref().is_some_and(|sha| *sha != pull.head_sha) => {
            Some("Head branch was modified. Review and try the merge again.")
        }
        () => None,
    };
    if let Some(words) = words {
        let progress = Progress::Failed { message: words.to_owned() };
        return Ok(answer(StatusCode::BAD_REQUEST, "", &settled(progress)));
    }
    order.sha.get_or_insert(pull.head_sha);
    let (uuid, is_new) = asked.hub.order_merge(&repository, number, order, asked.login())?;
    let background = repository.social().merges.get(&uuid).cloned().ok_or_else(Refusal::not_found)?;
    Ok(answer(if is_new { StatusCode::ACCEPTED } else { StatusCode::CONFLICT }, &uuid, &background))
}

async fn merge_result(
    asked: Asked,
    Path((owner, name, number, uuid)): Path<(String, String, u64, String)>,
) -> Answered {
    let repository = asked.readable(&owner, &name, reads)?;
    asked.hub.settle(&repository, number).await?;
    let found = repository.social().merges.get(&uuid).cloned();
    // Kept for a day after its last news.
    let now = asked.hub.clock.now();
    let fresh = found.filter(|merge| merge.number == number && now - merge.at < chrono::TimeDelta::hours(24));
    Ok(answer(StatusCode::OK, &uuid, &fresh.ok_or_else(Refusal::not_found)?))
}
