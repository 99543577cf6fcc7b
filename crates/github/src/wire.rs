//! One request and its answer: octocrab underneath, and around it what it leaves to be done (see the crate's table).

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::failure::{Failure, FailureKind};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::address::{self, RefusedHost, Resolver};
use crate::auth::{AccessToken, App, Auth, Minted};
use crate::failure::{CONTENTS_READ, Subject, clip, failed};
use crate::source::{Credentials, Settings, Timeouts};

/// The largest answer that is read, in bytes; a larger one fails instead of filling the memory. A workflow has at most
/// 10 MB, and a tree of GitHub's 7 MB.
pub const MAX_BLOB_BYTES: u64 = 16 * 1024 * 1024;

/// The media type of everything that has no better one.
pub(crate) const JSON: &str = "application/vnd.github+json";

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A refusal whose body repeats the token (proxies that show what they got do) loses its body: its words are quoted
    /// in failures.
    pub(crate) fn without(mut self, authorization: &HeaderValue) -> Self {
        let token = authorization.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
        let repeated = |body: &[u8]| !token.is_empty() && body.windows(token.len()).any(|bytes| bytes == token);
        if !self.status.is_success() && repeated(&self.body) {
            self.body = Bytes::new();
        }
        self
    }
}

/// The way to one server with one set of credentials.
pub(crate) struct Wire {
    octocrab: Octocrab,
    /// Without a slash at its end.
    pub(crate) base: String,
    pub(crate) subject: Subject,
    auth: Auth,
    pub(crate) timeouts: Timeouts,
    pub(crate) clock: Arc<dyn Clock>,
    /// Held while a write is under way, with when the last one ended: writes go one after another, with a pause between.
    pub(crate) writes: tokio::sync::Mutex<Option<tokio::time::Instant>>,
    /// A rate limit that is being waited out: GitHub bans those who go on asking.
    held: Mutex<Option<(DateTime<Utc>, Failure)>>,
}

impl Wire {
    pub(crate) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let url = address::base(&settings.api_base, settings.allow_private)?;
        let auth = Auth::new(&settings.credentials)?;
        let host = url.host_str().unwrap_or_default();
        let server = match host {
            "api.github.com" => "GitHub".to_owned(),
            host => format!("GitHub Enterprise Server at {host}"),
        };
        let subject = Subject {
            server,
            repository: format!("{}/{}", settings.owner, settings.repository),
            app: matches!(settings.credentials, Credentials::App { .. }),
        };
        let base = url.as_str().trim_end_matches('/').to_owned();
        // Without the path: octocrab would put it before GraphQL's, which an Enterprise Server has beside it.
        let octocrab = octocrab(&url.origin().ascii_serialization(), settings).map_err(|cause| {
            let message = format!("The connection to {} cannot be set up: {}", subject.server, clip(&deepest(&*cause)));
            failed(FailureKind::Internal, message)
        })?;
        let timeouts = settings.timeouts;
        let (writes, held) = Default::default();
        Ok(Self { octocrab, base, subject, auth, timeouts, clock, writes, held })
    }

    /// Reads `path` (from the base address, encoded). Failures that mean the same whatever was asked are returned as
    /// such; of the rest, the caller gets whatever status came: 200, 304, 404, 409, 422 and the unexpected.
    pub(crate) async fn get(&self, path: &str, accept: &'static str, known: Option<&str>) -> Result<Answer, Failure> {
        self.get_with(path, accept, known, CONTENTS_READ).await
    }

    /// The same for a question that takes another permission than reading files.
    pub(crate) async fn get_with(
        &self,
        path: &str,
        accept: &'static str,
        known: Option<&str>,
        permission: &str,
    ) -> Result<Answer, Failure> {
        self.wait_out()?;
        let answer = self.read(path, accept, known).await?;
        if answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED {
            return Err(self.redirected(&answer).await);
        }
        match self.subject.refusal(&answer, self.clock.now(), permission) {
            Some(failure) => Err(self.hold(failure)),
            None => Ok(answer),
        }
    }

    /// Reads a JSON body.
    pub(crate) fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let what = if answer.body.trim_ascii_start().starts_with(b"<") { "a web page" } else { "another body" };
            self.subject.broken(&format!("{what} ({})", clip(&error.to_string())))
        })
    }

    pub(crate) fn wait_out(&self) -> Result<(), Failure> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, failure)) = &*held {
            let left = *until - self.clock.now();
            if left > TimeDelta::zero() {
                let mut failure = failure.clone();
                failure.retry_after = Some(u64::try_from(left.num_seconds()).unwrap_or(0) + 1);
                return Err(failure);
            }
            *held = None;
        }
        Ok(())
    }

    pub(crate) fn hold(&self, failure: Failure) -> Failure {
        if let (FailureKind::RateLimited, Some(wait)) = (failure.kind, failure.retry_after) {
            let wait = TimeDelta::seconds(i64::try_from(wait.min(86_400)).unwrap_or(86_400));
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((self.clock.now() + wait, failure.clone()));
        }
        failure
    }

    /// A read, repeated where that can help: once with a new installation token after a 401, and a few times, with a
    /// growing pause, after a failure on the way or on GitHub's side.
    async fn read(&self, path: &str, accept: &'static str, known: Option<&str>) -> Result<Answer, Failure> {
        let (mut repeated, mut renewed) = (0, false);
        loop {
            let authorization = self.authorization().await?;
            let mut request = http::Request::builder()
                .method(Method::GET)
                .uri(format!("{}{path}", self.base))
                .header(header::ACCEPT, accept)
                .header(header::AUTHORIZATION, authorization.clone());
            if let Some(known) = known {
                request = request.header(header::IF_NONE_MATCH, format!("\"{known}\""));
            }
            let result = self.send(request).await.map(|answer| answer.without(&authorization));
            match &result {
                Ok(answer)
                    if answer.status == StatusCode::UNAUTHORIZED && !renewed && self.forget(&authorization).await =>
                {
                    renewed = true;
                    continue;
                }
                Ok(answer) if answer.status.is_server_error() && !answer.headers.contains_key(header::RETRY_AFTER) => {}
                Err(failure) if matches!(failure.kind, FailureKind::Unreachable | FailureKind::BrokenAnswer) => {}
                _ => return result,
            }
            if repeated == self.timeouts.retries {
                return result;
            }
            tokio::time::sleep(self.timeouts.retry_pause * 2_u32.saturating_pow(repeated)).await;
            repeated += 1;
        }
    }

    async fn send(&self, request: http::request::Builder) -> Result<Answer, Failure> {
        self.send_with(request, None).await
    }

    /// One exchange, once.
    pub(crate) async fn send_with(
        &self,
        request: http::request::Builder,
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, Failure> {
        let limit = self.timeouts.request;
        let exchange = async {
            let request = self.octocrab.build_request(request, body).map_err(|error| self.transport(&error))?;
            let response = self.octocrab.send(request).await.map_err(|error| self.transport(&error))?;
            let (parts, body) = response.into_parts();
            let limit = usize::try_from(MAX_BLOB_BYTES).unwrap_or(usize::MAX);
            let body = Limited::new(body, limit).collect().await.map_err(|error| self.cut_short(&*error))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| Err(self.timed_out(limit)))
    }

    fn transport(&self, error: &(dyn Error + 'static)) -> Failure {
        let Subject { server, repository, .. } = &self.subject;
        if let Some(refused) = find::<RefusedHost>(error) {
            let message = format!("The API address of GitHub cannot be used: {refused}");
            return failed(FailureKind::RefusedAddress, message);
        }
        if find::<reqwest::Error>(error).is_some_and(reqwest::Error::is_timeout) {
            return self.timed_out(self.timeouts.connect);
        }
        let cause = clip(&deepest(error));
        let message = format!(
            "{server} could not be reached to read {repository}: {cause}. Check the API address, and that this machine may \
             connect to it"
        );
        failed(FailureKind::Unreachable, message)
    }

    fn timed_out(&self, limit: Duration) -> Failure {
        let Subject { server, repository, .. } = &self.subject;
        let message = format!(
            "{server} did not answer within {} s while {repository} was read. It is tried again with the next check",
            limit.as_secs_f32()
        );
        failed(FailureKind::Timeout, message)
    }

    fn cut_short(&self, error: &(dyn Error + 'static)) -> Failure {
        let Subject { server, repository, .. } = &self.subject;
        if find::<LengthLimitError>(error).is_some() {
            let message = format!(
                "{server} answered for {repository} with more than {} MB at once, the most that is read. Remove the file \
                 that is so large from the folder",
                MAX_BLOB_BYTES / 1024 / 1024
            );
            return failed(FailureKind::BrokenContent, message);
        }
        if find::<reqwest::Error>(error).is_some_and(reqwest::Error::is_timeout) {
            return self.timed_out(self.timeouts.request);
        }
        let message =
            format!("An answer of {server} for {repository} broke off in the middle: {}", clip(&deepest(error)));
        failed(FailureKind::BrokenAnswer, message)
    }

    /// A redirect of a repository's address means that it was renamed or moved; its number leads to the new name.
    pub(crate) async fn redirected(&self, answer: &Answer) -> Failure {
        let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(id) = repository_id(location) else {
            return self.subject.broken(&format!("a redirect ({}) to {}", answer.status.as_u16(), clip(location)));
        };
        // The number is asked for at the configured address: the token follows a redirect nowhere else.
        let repository = self.read(&format!("/repositories/{id}"), JSON, None).await;
        let name = repository.ok().and_then(|answer| self.json::<FullName>(&answer).ok());
        self.subject.renamed(name.map(|name| clip(&name.full_name)).as_deref())
    }

    pub(crate) async fn authorization(&self) -> Result<HeaderValue, Failure> {
        let app = match &self.auth {
            Auth::Token(header) => return Ok(header.clone()),
            Auth::App(app) => app,
        };
        let mut minted = app.minted.lock().await;
        if let Some(header) = minted.as_ref().and_then(|minted| minted.usable(self.clock.now())) {
            return Ok(header);
        }
        let fresh = self.mint(app).await?;
        let header = fresh.usable(self.clock.now()).ok_or_else(|| {
            let message = format!(
                "{} gave an installation token that has expired already. Set this machine's clock right",
                self.subject.server
            );
            failed(FailureKind::Unauthorized, message)
        })?;
        *minted = Some(fresh);
        Ok(header)
    }

    /// Forgets the installation token that was not accepted; `false` for a token that a person entered.
    pub(crate) async fn forget(&self, refused: &HeaderValue) -> bool {
        let Auth::App(app) = &self.auth else { return false };
        let mut minted = app.minted.lock().await;
        if minted.as_ref().and_then(|minted| minted.usable(self.clock.now())).as_ref() == Some(refused) {
            *minted = None;
        }
        true
    }

    async fn mint(&self, app: &App) -> Result<Minted, Failure> {
        let (app_id, installation) = (&app.app_id, app.installation_id);
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}/app/installations/{installation}/access_tokens", self.base))
            .header(header::ACCEPT, JSON)
            .header(header::AUTHORIZATION, app.bearer(self.clock.now())?);
        let answer = self.send(request).await?;
        let said = answer.message().unwrap_or_default();
        let server = &self.subject.server;
        let (kind, message) = match answer.status {
            StatusCode::CREATED | StatusCode::OK => {
                let token: AccessToken = self.json(&answer)?;
                return token.into_minted().ok_or_else(|| self.subject.broken("a token that cannot be sent"));
            }
            StatusCode::UNAUTHORIZED => (
                FailureKind::Unauthorized,
                format!(
                    "{server} did not accept the key of the App {app_id} ({said}). Check the App's id, that the key is one \
                     of its keys, and this machine's clock"
                ),
            ),
            StatusCode::NOT_FOUND => (
                FailureKind::NotFound,
                format!(
                    "{server} knows no installation {installation} of the App {app_id}. Install the App on the repository's \
                     owner, and enter the number from the address of the installation's page"
                ),
            ),
            StatusCode::FORBIDDEN if said.to_ascii_lowercase().contains("suspended") => (
                FailureKind::Forbidden,
                format!(
                    "The installation {installation} of the App {app_id} is suspended. Its owner can lift that on {server}"
                ),
            ),
            _ => {
                let refusal = self.subject.refusal(&answer, self.clock.now(), CONTENTS_READ);
                return Err(refusal.map_or_else(|| self.subject.unexpected(&answer), |failure| self.hold(failure)));
            }
        };
        Err(failed(kind, message))
    }
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

/// The client that does the sending: no redirects, no repetitions, no cache, no proxy from the environment.
fn octocrab(origin: &str, settings: &Settings) -> Result<Octocrab, Box<dyn Error + Send + Sync>> {
    let client = reqwest::Client::builder()
        .connect_timeout(settings.timeouts.connect)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(Resolver { allow_private: settings.allow_private }))
        .build()?;
    Ok(Octocrab::builder()
        .base_uri(origin)?
        .add_header(header::USER_AGENT, concat!("WorkflowOps/", env!("CARGO_PKG_VERSION")).to_owned())
        .add_retry_config(RetryConfig::None)
        .build_with_reqwest(client)?)
}

fn repository_id(location: &str) -> Option<u64> {
    let (_, rest) = location.split_once("/repositories/")?;
    rest.split('/').next()?.parse().ok()
}

fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn deepest(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}
