//! The REST API's reads, as GitHub answers them.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::answers::{self, Refusal, Site};
use super::asked::{Answered, Asked, Page, accepts, text};
use super::git::{Commit, is_sha};
use super::{Flaw, Hub, Repository, gates, graphql, pulls, rules, shapes, writes};

pub(crate) fn router(hub: &Arc<Hub>) -> Router {
    let api = Router::new()
        .route("/rate_limit", get(rate_limit))
        .route("/app/installations/{id}/access_tokens", post(access_token))
        .route("/repositories/{id}", get(repository_by_id))
        .route("/repos/{owner}/{name}", get(repository))
        .route("/repos/{owner}/{name}/branches", get(branches))
        .route("/repos/{owner}/{name}/branches/{*branch}", get(branch))
        .route("/repos/{owner}/{name}/commits", get(commits))
        .route("/repos/{owner}/{name}/commits/{*reference}", get(commit))
        .route("/repos/{owner}/{name}/git/commits/{sha}", get(git_commit))
        .route("/repos/{owner}/{name}/git/trees/{*name_of_tree}", get(tree))
        .route("/repos/{owner}/{name}/git/blobs/{sha}", get(blob))
        .merge(writes::routes())
        .merge(pulls::routes())
        .merge(rules::routes())
        .merge(gates::routes());
    let of_github = api.clone().merge(pulls::routes_of_github_alone()).route("/graphql", post(graphql::answer));
    Router::new()
        .merge(of_github)
        // An Enterprise Server has its API there, and GraphQL beside it.
        .nest("/api/v3", api)
        .route("/api/graphql", post(graphql::answer))
        .with_state(hub.clone())
        .fallback(|| async { Refusal::not_found() })
        .layer(middleware::from_fn_with_state(hub.clone(), guard))
}

/// Knows the caller, counts its requests, and refuses it as GitHub does. A 304 does not count.
async fn guard(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let base = hub.base();
    let enterprise = path.starts_with("/api/");
    let api = if enterprise { format!("{base}/api/v3") } else { base.clone() };
    request.extensions_mut().insert(Site { api, web: base });
    if path.ends_with("/access_tokens") {
        // Its caller is the App, not a token's owner.
        return next.run(request).await;
    }
    let authorization = text(request.headers(), AUTHORIZATION.as_str()).map(str::to_owned);
    let now = hub.clock.now();
    let caller = match hub.access().caller(authorization.as_deref(), now) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let graphql = path.ends_with("/graphql");
    // Each has an hour of its own.
    let token = if graphql { super::access::graphql(&caller.token) } else { caller.token.clone() };
    let mut response = match over_limit(&hub, &token) {
        Some(refusal) => refusal.into_response(),
        None => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    let free = response.status() == StatusCode::NOT_MODIFIED || path.ends_with("/rate_limit");
    tell_limits(&hub, &token, !free, response.headers_mut());
    let resource = if graphql { "graphql" } else { "core" };
    response.headers_mut().insert("x-ratelimit-resource", HeaderValue::from_static(resource));
    if enterprise {
        response.headers_mut().insert("x-github-enterprise-version", HeaderValue::from_static("3.19.0"));
    }
    response
}

fn over_limit(hub: &Hub, token: &str) -> Option<Refusal> {
    let mut access = hub.access();
    if let Some(seconds) = access.secondary {
        return Some(Refusal::secondary_limit(seconds));
    }
    let spent = access.spent(token, hub.clock.now());
    (spent.used >= access.hourly_limit).then(|| Refusal::new(403, "API rate limit exceeded for user ID 1."))
}

fn tell_limits(hub: &Hub, token: &str, count: bool, headers: &mut HeaderMap) {
    let now = hub.clock.now();
    let mut access = hub.access();
    if count {
        access.count(token, now);
    }
    let (spent, limit) = (access.spent(token, now), access.hourly_limit);
    let used = spent.used.min(limit);
    let numbers = [
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", limit - used),
        ("x-ratelimit-used", used),
        ("x-ratelimit-reset", u64::try_from(spent.reset).unwrap_or(0)),
    ];
    for (name, number) in numbers {
        headers.insert(name, HeaderValue::from(number));
    }
    headers.insert("x-github-media-type", HeaderValue::from_static("github.v3"));
}

async fn rate_limit(asked: Asked) -> Answered {
    let now = asked.hub.clock.now();
    let mut access = asked.hub.access();
    let (spent, limit) = (access.spent(&asked.caller.token, now), access.hourly_limit);
    let used = spent.used.min(limit);
    let rate = json!({ "limit": limit, "used": used, "remaining": limit - used, "reset": spent.reset });
    Ok(Json(json!({ "resources": { "core": rate }, "rate": rate })).into_response())
}

async fn access_token(
    State(hub): State<Arc<Hub>>,
    Extension(site): Extension<Site>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Answered {
    let now = hub.clock.now();
    let (token, expires_at) = hub.access().installation_token(id, text(&headers, AUTHORIZATION.as_str()), now)?;
    tracing::debug!(installation = id, api = site.api, "an installation token was issued");
    let body = json!({
        "token": token,
        "expires_at": expires_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "permissions": { "contents": "write", "metadata": "read" },
        "repository_selection": "selected",
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn repository(asked: Asked, Path((owner, name)): Path<(String, String)>) -> Answered {
    let repository = asked.find(&owner, &name)?;
    Ok(asked.json(&shapes::repository(&asked.site, &repository, Some(&asked.caller))))
}

async fn repository_by_id(asked: Asked, Path(id): Path<u64>) -> Answered {
    let repository = asked.hub.by_id(id).filter(|_| asked.caller.sees(id)).ok_or_else(Refusal::not_found)?;
    Ok(asked.json(&shapes::repository(&asked.site, &repository, Some(&asked.caller))))
}

async fn branches(asked: Asked, Path((owner, name)): Path<(String, String)>, Query(page): Query<Page>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let all = repository.git.branches().await?;
    let more = all.len() > page.skip() + page.size();
    let api = format!("{}/repos/{}", asked.site.api, repository.full_name());
    let shown = all.iter().skip(page.skip()).take(page.size());
    let body = shown.map(|(name, sha)| {
        let (protected, _) = rules::summary(&repository, name);
        json!({ "name": name, "commit": { "sha": sha, "url": format!("{api}/commits/{sha}") }, "protected": protected })
    });
    Ok(asked.page(&json!(body.collect::<Vec<_>>()), &page, more))
}

/// What follows the name in the address, where the name is one segment: `/` in it travels as `%2F`.
fn behind<'n>(asked: &Asked, named: &'n str, part: &str) -> Option<&'n str> {
    asked.uri.path().ends_with(&format!("/{part}")).then(|| named.strip_suffix(&format!("/{part}"))).flatten()
}

async fn branch(asked: Asked, Path((owner, name, branch)): Path<(String, String, String)>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let protection = behind(&asked, &branch, "protection");
    let branch = protection.unwrap_or(&branch);
    let head = repository.git.head(branch).await?.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    if protection.is_some() {
        return rules::protection(&asked, &repository, branch).await;
    }
    let commit = whole_commit(&repository, &head).await?;
    let (protected, protection) = rules::summary(&repository, branch);
    let url = format!("{}/repos/{}/branches/{branch}", asked.site.api, repository.full_name());
    let body = json!({
        "name": branch,
        "commit": answers::commit(&asked.site, &repository, &commit),
        "_links": { "self": url, "html": format!("{}/{}/tree/{branch}", asked.site.web, repository.full_name()) },
        "protected": protected,
        "protection": protection,
        "protection_url": format!("{url}/protection"),
    });
    Ok(asked.json(&body))
}

#[derive(Deserialize)]
struct Listing {
    sha: Option<String>,
    path: Option<String>,
}

async fn commits(
    asked: Asked,
    Path((owner, name)): Path<(String, String)>,
    Query(listing): Query<Listing>,
    Query(page): Query<Page>,
) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if repository.git.is_empty().await? {
        return Err(Refusal::empty());
    }
    let from = listing.sha.as_deref().filter(|sha| !sha.is_empty()).unwrap_or(&repository.default_branch);
    let from = repository.git.commit_sha(from).await?.ok_or_else(Refusal::not_found)?;
    let path = listing.path.as_deref().filter(|path| !path.is_empty());
    let mut found = repository.git.log(&from, path, page.skip(), page.size() + 1).await?;
    let more = found.len() > page.size();
    found.truncate(page.size());
    let body: Vec<_> = found.iter().map(|commit| answers::commit(&asked.site, &repository, commit)).collect();
    Ok(asked.page(&json!(body), &page, more))
}

async fn commit(
    asked: Asked,
    Path((owner, name, reference)): Path<(String, String, String)>,
    Query(page): Query<Page>,
) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if repository.git.is_empty().await? {
        return Err(Refusal::empty());
    }
    if let Some(reference) = behind(&asked, &reference, "check-runs") {
        return rules::check_runs(&asked, &repository, reference, &page).await;
    }
    if let Some(reference) = behind(&asked, &reference, "status") {
        return rules::combined(&asked, &repository, reference, &page).await;
    }
    let unknown = || Refusal::new(422, format!("No commit found for SHA: {reference}"));
    let sha = repository.git.commit_sha(&reference).await?.ok_or_else(unknown)?;
    if accepts(&asked.headers, "sha") {
        let media = [(CONTENT_TYPE, HeaderValue::from_static("application/vnd.github.sha; charset=utf-8"))];
        // A frozen ETag matches whatever the caller knew.
        let frozen = asked.hub.has(Flaw::FrozenEtag).then(|| text(&asked.headers, "if-none-match").map(str::to_owned));
        let etag = frozen.flatten().unwrap_or_else(|| format!("\"{sha}\""));
        return Ok(answers::conditional(&asked.headers, &etag, || (media, sha).into_response()));
    }
    let commit = whole_commit(&repository, &sha).await?;
    Ok(asked.json(&answers::commit(&asked.site, &repository, &commit)))
}

async fn git_commit(asked: Asked, Path((owner, name, sha)): Path<(String, String, String)>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if repository.git.is_empty().await? {
        return Err(Refusal::empty());
    }
    if !is_sha(&sha) || repository.git.commit_sha(&sha).await?.is_none() {
        return Err(Refusal::not_found());
    }
    let commit = whole_commit(&repository, &sha).await?;
    Ok(asked.json(&answers::git_commit(&asked.site, &repository, &commit)))
}

async fn whole_commit(repository: &Repository, sha: &str) -> Result<Commit, Refusal> {
    repository.git.log(sha, None, 0, 1).await?.into_iter().next().ok_or_else(Refusal::not_found)
}

#[derive(Deserialize)]
struct Depth {
    recursive: Option<String>,
}

async fn tree(
    asked: Asked,
    Path((owner, name, named)): Path<(String, String, String)>,
    Query(depth): Query<Depth>,
) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if repository.git.is_empty().await? {
        return Err(Refusal::empty());
    }
    let sha = repository.git.tree_sha(&named).await?.ok_or_else(Refusal::not_found)?;
    // Any value turns it on, "0" and "false" too.
    let mut entries = repository.git.tree(&sha, depth.recursive.is_some()).await?;
    let most = asked.hub.tree_limit();
    let truncated = entries.len() > most;
    entries.truncate(most);
    if asked.hub.has(Flaw::TreeSkipsEntries) {
        entries.pop();
    }
    Ok(asked.json(&answers::tree(&asked.site, &repository, &sha, &entries, truncated)))
}

async fn blob(asked: Asked, Path((owner, name, sha)): Path<(String, String, String)>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if !is_sha(&sha) {
        return Err(Refusal::new(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f]."));
    }
    let content = repository.git.blob(&sha).await?.ok_or_else(Refusal::not_found)?;
    if accepts(&asked.headers, "raw") {
        let media = [(CONTENT_TYPE, HeaderValue::from_static("application/vnd.github.raw+json; charset=utf-8"))];
        return Ok((media, content).into_response());
    }
    let encoded = STANDARD.encode(&content);
    let lines: Vec<&str> = (0..encoded.len()).step_by(60).map(|i| &encoded[i..encoded.len().min(i + 60)]).collect();
    let body = json!({
        "sha": sha,
        "node_id": format!("B_{sha}"),
        "url": format!("{}/repos/{}/git/blobs/{sha}", asked.site.api, repository.full_name()),
        "size": content.len(),
        "encoding": "base64",
        "content": lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
    });
    Ok(asked.json(&body))
}
