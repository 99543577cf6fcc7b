//! The REST API's reads, as GitHub answers them.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LINK};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;

use super::access::Caller;
use super::answers::{self, Refusal, Site};
use super::git::{Commit, is_sha};
use super::{Hub, Repository};

type Answered = Result<Response, Refusal>;

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
        .with_state(hub.clone());
    Router::new()
        .merge(api.clone())
        // An Enterprise Server has its API there.
        .nest("/api/v3", api)
        .fallback(|| async { Refusal::not_found() })
        .layer(middleware::from_fn_with_state(hub.clone(), guard))
}

/// Knows the caller, counts its requests, and refuses it as GitHub does. A 304 does not count.
async fn guard(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let base = hub.base();
    let api = if path.starts_with("/api/v3/") { format!("{base}/api/v3") } else { base.clone() };
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
    let token = caller.token.clone();
    let mut response = match over_limit(&hub, &token) {
        Some(refusal) => refusal.into_response(),
        None => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    let free = response.status() == StatusCode::NOT_MODIFIED || path.ends_with("/rate_limit");
    tell_limits(&hub, &token, !free, response.headers_mut());
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
    headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    headers.insert("x-github-media-type", HeaderValue::from_static("github.v3"));
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the caller accepts this media type of GitHub's, with or without the old `v3.` and `+json`.
fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let accept = text(headers, ACCEPT.as_str()).unwrap_or_default();
    accept.split(',').any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let kind = kind.strip_prefix("application/vnd.github.").unwrap_or_default();
        kind.strip_prefix("v3.").unwrap_or(kind).trim_end_matches("+json") == media
    })
}

/// Everything about a request that its handler needs.
struct Asked {
    hub: Arc<Hub>,
    caller: Caller,
    site: Site,
    headers: HeaderMap,
    uri: Uri,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Asked
where
    Arc<Hub>: axum::extract::FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &S) -> Result<Self, Refusal> {
        let broken = || Refusal::new(500, "the guard did not run");
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(broken)?;
        let site = parts.extensions.get::<Site>().cloned().ok_or_else(broken)?;
        // Inside the nest the path begins after it, which is what a redirect continues.
        let (headers, uri) = (parts.headers.clone(), parts.uri.clone());
        Ok(Self { hub: axum::extract::FromRef::from_ref(state), caller, site, headers, uri })
    }
}

impl Asked {
    /// The repository of that name, as far as the caller sees it; a redirect under a name that it had once.
    fn find(&self, owner: &str, name: &str) -> Result<Repository, Refusal> {
        let (repository, current) = self.hub.find(owner, name).ok_or_else(Refusal::not_found)?;
        if !self.caller.sees(repository.id) {
            return Err(Refusal::not_found());
        }
        if !current {
            let rest = self.uri.path().splitn(5, '/').nth(4).map(|rest| format!("/{rest}")).unwrap_or_default();
            let query = self.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Err(Refusal::moved(format!("{}/repositories/{}{rest}{query}", self.site.api, repository.id)));
        }
        Ok(repository)
    }

    /// The repository whose contents are asked for.
    fn contents(&self, owner: &str, name: &str) -> Result<Repository, Refusal> {
        let repository = self.find(owner, name)?;
        if self.caller.contents { Ok(repository) } else { Err(Refusal::no_permission(&self.caller)) }
    }

    fn json(&self, body: &serde_json::Value) -> Response {
        answers::answer(&self.caller, &self.headers, body)
    }

    /// One page of a list, with the `Link` header that leads to the next one.
    fn page(&self, body: &serde_json::Value, page: &Page, more: bool) -> Response {
        let mut response = self.json(body);
        if more {
            let query = self.uri.query().unwrap_or_default();
            let kept: Vec<&str> =
                query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
            let next = format!("page={}", page.number() + 1);
            let query = kept.into_iter().chain([next.as_str()]).collect::<Vec<_>>().join("&");
            let link = format!("<{}{}?{query}>; rel=\"next\"", self.site.api, self.uri.path());
            if let Ok(link) = HeaderValue::try_from(link) {
                response.headers_mut().insert(LINK, link);
            }
        }
        response
    }
}

#[derive(Deserialize)]
struct Page {
    per_page: Option<usize>,
    page: Option<usize>,
}

impl Page {
    fn size(&self) -> usize {
        self.per_page.unwrap_or(30).clamp(1, 100)
    }

    fn number(&self) -> usize {
        self.page.unwrap_or(1).max(1)
    }

    fn skip(&self) -> usize {
        (self.number() - 1) * self.size()
    }
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
    Ok(asked.json(&answers::repository(&asked.site, &repository, Some(&asked.caller))))
}

async fn repository_by_id(asked: Asked, Path(id): Path<u64>) -> Answered {
    let repository = asked.hub.by_id(id).filter(|_| asked.caller.sees(id)).ok_or_else(Refusal::not_found)?;
    Ok(asked.json(&answers::repository(&asked.site, &repository, Some(&asked.caller))))
}

async fn branches(asked: Asked, Path((owner, name)): Path<(String, String)>, Query(page): Query<Page>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let all = repository.git.branches().await?;
    let more = all.len() > page.skip() + page.size();
    let api = format!("{}/repos/{}", asked.site.api, repository.full_name());
    let shown = all.iter().skip(page.skip()).take(page.size());
    let body = shown.map(|(name, sha)| json!({ "name": name, "commit": { "sha": sha, "url": format!("{api}/commits/{sha}") }, "protected": false }));
    Ok(asked.page(&json!(body.collect::<Vec<_>>()), &page, more))
}

async fn branch(asked: Asked, Path((owner, name, branch)): Path<(String, String, String)>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let head = repository.git.head(&branch).await?.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    let commit = whole_commit(&repository, &head).await?;
    let body = json!({
        "name": branch,
        "commit": answers::commit(&asked.site, &repository, &commit),
        "protected": false,
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

async fn commit(asked: Asked, Path((owner, name, reference)): Path<(String, String, String)>) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if repository.git.is_empty().await? {
        return Err(Refusal::empty());
    }
    let unknown = || Refusal::new(422, format!("No commit found for SHA: {reference}"));
    let sha = repository.git.commit_sha(&reference).await?.ok_or_else(unknown)?;
    if accepts(&asked.headers, "sha") {
        let media = [(CONTENT_TYPE, HeaderValue::from_static("application/vnd.github.sha; charset=utf-8"))];
        let etag = format!("\"{sha}\"");
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
