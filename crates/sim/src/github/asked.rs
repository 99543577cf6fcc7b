//! A request as its handler sees it.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, LINK};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::access::Caller;
use super::answers::{self, Refusal, Site};
use super::{Hub, Repository};

pub(crate) type Answered = Result<Response, Refusal>;

pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the caller accepts this media type of GitHub's, with or without the old `v3.` and `+json`.
pub(crate) fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let accept = text(headers, ACCEPT.as_str()).unwrap_or_default();
    accept.split(',').any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let kind = kind.strip_prefix("application/vnd.github.").unwrap_or_default();
        kind.strip_prefix("v3.").unwrap_or(kind).trim_end_matches("+json") == media
    })
}

/// Everything about a request that its handler needs.
pub(crate) struct Asked {
    pub(crate) hub: Arc<Hub>,
    pub(crate) caller: Caller,
    pub(crate) site: Site,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
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
    pub(crate) fn find(&self, owner: &str, name: &str) -> Result<Repository, Refusal> {
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
    pub(crate) fn contents(&self, owner: &str, name: &str) -> Result<Repository, Refusal> {
        let repository = self.find(owner, name)?;
        if self.caller.contents { Ok(repository) } else { Err(Refusal::no_permission(&self.caller)) }
    }

    /// The repository that is written to, by a caller who may do `what`.
    pub(crate) fn writable(
        &self,
        owner: &str,
        name: &str,
        what: impl FnOnce(&Caller) -> bool,
    ) -> Result<Repository, Refusal> {
        let repository = self.find(owner, name)?;
        if !what(&self.caller) {
            return Err(Refusal::no_permission(&self.caller));
        }
        if repository.social().archived {
            return Err(Refusal::archived());
        }
        Ok(repository)
    }

    /// The repository, for a caller who may do `what` there.
    pub(crate) fn readable(
        &self,
        owner: &str,
        name: &str,
        what: impl FnOnce(&Caller) -> bool,
    ) -> Result<Repository, Refusal> {
        let repository = self.find(owner, name)?;
        if what(&self.caller) { Ok(repository) } else { Err(Refusal::no_permission(&self.caller)) }
    }

    pub(crate) fn created(&self, body: &serde_json::Value) -> Response {
        (StatusCode::CREATED, axum::Json(body.clone())).into_response()
    }

    /// The login of whoever asks.
    pub(crate) fn login(&self) -> &'static str {
        if self.caller.installation { "workflowops-app" } else { "workflowops-bot" }
    }

    pub(crate) fn json(&self, body: &serde_json::Value) -> Response {
        answers::answer(&self.caller, &self.headers, body)
    }

    /// One page of a list, with the `Link` header that leads to the next one.
    pub(crate) fn page(&self, body: &serde_json::Value, page: &Page, more: bool) -> Response {
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
pub(crate) struct Page {
    per_page: Option<usize>,
    page: Option<usize>,
}

impl Page {
    pub(crate) fn size(&self) -> usize {
        self.per_page.unwrap_or(30).clamp(1, 100)
    }

    pub(crate) fn number(&self) -> usize {
        self.page.unwrap_or(1).max(1)
    }

    pub(crate) fn skip(&self) -> usize {
        (self.number() - 1) * self.size()
    }
}

/// The JSON of a body, or GitHub's refusal of it. No body is an empty object where that is enough.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| Refusal::new(400, "Problems parsing JSON"))?;
    serde_json::from_value(value).map_err(|error| Refusal::new(422, format!("Invalid request.\n\n{error}")))
}
