//! Answers in GitHub's form: refusals, headers, and the JSON of repositories, commits and trees.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Repository;
use super::access::Caller;
use super::git::{Commit, Signature, TreeEntry};
use super::shapes::account;

/// Where the answers' links lead: the API's base as the caller used it, and the pages for people.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) api: String,
    pub(crate) web: String,
}

/// A request that is not carried out.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    message: String,
    location: Option<String>,
    retry_after: Option<u64>,
    errors: Vec<Value>,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), location: None, retry_after: None, errors: Vec::new() }
    }

    /// 422 with what is wrong with a field, in GitHub's form.
    pub(crate) fn invalid(resource: &str, field: Option<&str>, code: &str, message: Option<&str>) -> Self {
        let mut error = json!({ "resource": resource, "code": code });
        for (name, value) in [("field", field), ("message", message)] {
            if let Some(value) = value {
                error[name] = json!(value);
            }
        }
        Self { errors: vec![error], ..Self::new(422, "Validation Failed") }
    }

    pub(crate) fn archived() -> Self {
        Self::new(403, "Repository was archived so is read-only.")
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(401, message)
    }

    pub(crate) fn bad_credentials() -> Self {
        Self::unauthorized("Bad credentials")
    }

    pub(crate) fn empty() -> Self {
        Self::new(409, "Git Repository is empty.")
    }

    pub(crate) fn moved(location: String) -> Self {
        Self { location: Some(location), ..Self::new(301, "Moved Permanently") }
    }

    pub(crate) fn no_permission(caller: &Caller) -> Self {
        let whose = if caller.installation { "integration" } else { "personal access token" };
        Self::new(403, format!("Resource not accessible by {whose}"))
    }

    pub(crate) fn secondary_limit(retry_after: u64) -> Self {
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        Self { retry_after: Some(retry_after), ..Self::new(403, message) }
    }
}

impl From<super::Error> for Refusal {
    fn from(error: super::Error) -> Self {
        tracing::error!(%error, "the GitHub stand-in failed");
        Self::new(500, "Server Error")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let documentation_url = "https://docs.github.com/rest";
        let mut body = match &self.location {
            Some(url) => json!({ "message": self.message, "url": url, "documentation_url": documentation_url }),
            None => json!({
                "message": self.message, "documentation_url": documentation_url, "status": self.status.to_string(),
            }),
        };
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        let mut response = (status, json_type(), body.to_string()).into_response();
        let headers = response.headers_mut();
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            headers.insert(LOCATION, location);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }
}

fn json_type() -> [(http::HeaderName, HeaderValue); 1] {
    [(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))]
}

/// A JSON answer with an ETag of its own for each token, as GitHub's are, and 304 for who has it.
pub(crate) fn answer(caller: &Caller, request: &HeaderMap, body: &Value) -> Response {
    let body = body.to_string();
    let digest = Sha256::new().chain_update(&caller.token).chain_update(&body).finalize();
    let etag = format!("W/\"{}\"", hex::encode(digest));
    conditional(request, &etag, || (json_type(), body).into_response())
}

/// An answer under an ETag: 304 without a body for who has it already.
pub(crate) fn conditional(request: &HeaderMap, etag: &str, whole: impl FnOnce() -> Response) -> Response {
    let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let same = known.split(',').any(|tag| strong(tag) == strong(etag));
    let mut response = if same { StatusCode::NOT_MODIFIED.into_response() } else { whole() };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// The account of a person who commits: their name in small letters.
pub(crate) fn login(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() { "somebody".to_owned() } else { words.join("-") }
}

fn signature(signature: &Signature) -> Value {
    json!({ "name": signature.name, "email": signature.email, "date": signature.date })
}

/// A commit as the repositories' part of the API lists it.
pub(crate) fn commit(site: &Site, repository: &Repository, commit: &Commit) -> Value {
    let full_name = repository.full_name();
    let api = format!("{}/repos/{full_name}", site.api);
    let web = format!("{}/{full_name}", site.web);
    let sha = &commit.sha;
    json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": format!("{api}/commits/{sha}"),
        "html_url": format!("{web}/commit/{sha}"),
        "comments_url": format!("{api}/commits/{sha}/comments"),
        "commit": {
            "url": format!("{api}/git/commits/{sha}"),
            "author": signature(&commit.author),
            "committer": signature(&commit.committer),
            "message": commit.message,
            "tree": { "sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree) },
            "comment_count": 0,
            "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null },
        },
        "author": account(site, &login(&commit.author.name), "User"),
        "committer": account(site, &login(&commit.committer.name), "User"),
        "parents": commit.parents.iter().map(|sha| json!({
            "sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("{web}/commit/{sha}"),
        })).collect::<Vec<_>>(),
    })
}

/// A commit as the git database's part of the API shows it.
pub(crate) fn git_commit(site: &Site, repository: &Repository, commit: &Commit) -> Value {
    let full_name = repository.full_name();
    let api = format!("{}/repos/{full_name}/git", site.api);
    let web = format!("{}/{full_name}/commit", site.web);
    let sha = &commit.sha;
    json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": format!("{api}/commits/{sha}"),
        "html_url": format!("{web}/{sha}"),
        "author": signature(&commit.author),
        "committer": signature(&commit.committer),
        "message": commit.message,
        "tree": { "sha": commit.tree, "url": format!("{api}/trees/{}", commit.tree) },
        "parents": commit.parents.iter().map(|sha| json!({
            "sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("{web}/{sha}"),
        })).collect::<Vec<_>>(),
        "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null },
    })
}

pub(crate) fn tree(site: &Site, repository: &Repository, sha: &str, entries: &[TreeEntry], truncated: bool) -> Value {
    let api = format!("{}/repos/{}/git", site.api, repository.full_name());
    let entry = |entry: &TreeEntry| {
        let mut value = json!({ "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha });
        if let Some(size) = entry.size {
            value["size"] = json!(size);
        }
        let part = if entry.kind == "tree" { "trees" } else { "blobs" };
        // A submodule has no address in this repository.
        if entry.kind != "commit" {
            value["url"] = json!(format!("{api}/{part}/{}", entry.sha));
        }
        value
    };
    json!({
        "sha": sha,
        "url": format!("{api}/trees/{sha}"),
        "tree": entries.iter().map(entry).collect::<Vec<_>>(),
        "truncated": truncated,
    })
}
