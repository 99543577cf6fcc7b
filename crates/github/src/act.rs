//! A write over the wire: once, one after another, and every refusal that means the same whatever was asked told apart.

use drift_domain::failure::{Failure, FailureKind};
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::{HOURLY, clip, number};
use crate::refusal::{Limit, Need, Refusal};
use crate::wire::{Answer, JSON, Wire};

/// What is being done, for the sentences: "create the branch \"x\" in acme/flows".
pub(crate) struct Act {
    pub(crate) what: String,
    /// The permission of a fine-grained token or App that it takes.
    pub(crate) permission: &'static str,
}

impl Act {
    pub(crate) fn new(what: impl Into<String>, permission: &'static str) -> Self {
        Self { what: what.into(), permission }
    }
}

/// The permission to write commits and branches.
pub(crate) const CONTENTS: &str = "Contents: write";
/// The permission to make and merge pull requests.
pub(crate) const PULLS: &str = "Pull requests: write";
/// The permission to look at them.
pub(crate) const PULLS_READ: &str = "Pull requests: read";

/// An error body of GitHub's with what it says about single fields.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Answer {
    /// GitHub's words with those of its single errors: "Validation Failed: A pull request already exists for acme:x".
    pub(crate) fn words(&self) -> String {
        let Ok(body) = serde_json::from_slice::<ErrorBody>(&self.body) else { return String::new() };
        let field = |error: &Value| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
            let named = || Some(format!("{} is {}", text("field")?, text("code")?));
            error.as_str().map(str::to_owned).or_else(|| text("message")).or_else(named)
        };
        let details: Vec<String> = body.errors.iter().filter_map(field).collect();
        let colon = if details.is_empty() { "" } else { ": " };
        clip(&format!("{}{colon}{}", body.message, details.join("; ")))
    }
}

/// One error of a GraphQL answer. GitHub's `type` is the part of it that programs may rely on.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GraphError {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    pub(crate) message: String,
}

/// A GraphQL answer: 200 for refusals too.
#[derive(Deserialize)]
pub(crate) struct Graph<T> {
    pub(crate) data: Option<T>,
    #[serde(default = "Option::default")]
    errors: Option<Vec<GraphError>>,
}

impl<T> Graph<T> {
    pub(crate) fn errors(&self) -> &[GraphError] {
        self.errors.as_deref().unwrap_or_default()
    }
}

impl Wire {
    /// Writes once. Of the answers, those that depend on what was asked are for the caller: 2xx, 400, 404, 405, 409, 422.
    pub(crate) async fn act(
        &self,
        act: &Act,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Refusal> {
        self.wait_out()?;
        let mut last = self.writes.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep_until(last + self.timeouts.write_pause).await;
        }
        let answer = self.once(act, method, &format!("{}{path}", self.base), body).await;
        *last = Some(tokio::time::Instant::now());
        drop(last);
        self.told_apart(act, answer?).await
    }

    /// Asks or tells GraphQL, once. Asking does not wait for writes.
    pub(crate) async fn graphql<T: DeserializeOwned>(
        &self,
        act: &Act,
        query: &str,
        variables: &Value,
    ) -> Result<Graph<T>, Refusal> {
        self.wait_out()?;
        let body = json!({ "query": query, "variables": variables });
        let answer = self.once(act, Method::POST, &self.graphql_address(), Some(&body)).await?;
        let answer = self.told_apart(act, answer).await?;
        if answer.status != StatusCode::OK {
            return Err(self.not_found_or_invalid(act, &answer));
        }
        let graph: Graph<T> = self.json(&answer)?;
        if graph.errors().iter().any(|error| error.kind == "RATE_LIMITED") {
            let answer = as_limited(answer);
            let limited = self.subject.rate_limited(&answer, self.clock.now());
            return Err(
                limited.map_or_else(|| self.invalid(act, "RATE_LIMITED"), |failure| self.limited(&answer, failure))
            );
        }
        Ok(graph)
    }

    /// An Enterprise Server has GraphQL at `/api/graphql`, beside `/api/v3`, not below it.
    fn graphql_address(&self) -> String {
        match self.base.strip_suffix("/api/v3") {
            Some(host) => format!("{host}/api/graphql"),
            None => format!("{}/graphql", self.base),
        }
    }

    /// One exchange; a second one only where an installation token had ended early, which carries nothing out.
    async fn once(&self, act: &Act, method: Method, uri: &str, body: Option<&Value>) -> Result<Answer, Refusal> {
        let mut renewed = false;
        loop {
            let authorization = self.authorization().await?;
            let request = http::Request::builder()
                .method(method.clone())
                .uri(uri)
                .header(header::ACCEPT, JSON)
                .header(header::AUTHORIZATION, authorization.clone());
            let answer = self.send_with(request, body).await.map_err(|failure| self.unclear(act, failure))?;
            let answer = answer.without(&authorization);
            if answer.status == StatusCode::UNAUTHORIZED && !renewed && self.forget(&authorization).await {
                renewed = true;
                continue;
            }
            return Ok(answer);
        }
    }

    async fn told_apart(&self, act: &Act, answer: Answer) -> Result<Answer, Refusal> {
        if answer.status.is_redirection() {
            // Not followed: a POST would become a GET, and a write would go to a repository that nobody named.
            return Err(self.redirected(&answer).await.into());
        }
        if answer.status.is_server_error() {
            return Err(Refusal::Unclear {
                message: self.not_known(act, &format!("it failed on its own side: {}", answer.said())),
                retry_after: number(&answer.headers, "retry-after"),
            });
        }
        let now = self.clock.now();
        match answer.status {
            StatusCode::UNAUTHORIZED => {
                let failure = self.subject.refusal(&answer, now, act.permission);
                Err(failure.unwrap_or_else(|| self.subject.unexpected(&answer)).into())
            }
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                Err(match self.subject.rate_limited(&answer, now) {
                    Some(failure) => self.limited(&answer, failure),
                    None => self.forbidden_to(act, &answer),
                })
            }
            _ => Ok(answer),
        }
    }

    /// GraphQL has an hour's limit of its own: that one does not hold back the rest.
    fn limited(&self, answer: &Answer, failure: Failure) -> Refusal {
        let resource = answer.headers.get("x-ratelimit-resource").and_then(|resource| resource.to_str().ok());
        match (Limit::from(&failure), resource) {
            (Limit::Primary, Some("graphql")) => failure.into(),
            _ => self.hold(failure).into(),
        }
    }

    fn forbidden_to(&self, act: &Act, answer: &Answer) -> Refusal {
        let (server, said, words) = (&self.subject.server, answer.said(), answer.words().to_lowercase());
        let what = &act.what;
        if words.contains("archived") {
            let message = format!(
                "{server} refused to {what} ({said}): the repository is archived, and so read-only. Unarchive it"
            );
            return Refusal::Archived { message: full_stop(message) };
        }
        if words.contains("rule violations") || words.contains("protected branch") {
            return self.protected(act, &answer.words());
        }
        let what_to_do = if answer.headers.contains_key("x-github-sso") {
            "the organization wants single sign-on: authorize the token for it on the page of the token".to_owned()
        } else if words.contains("workflow") && words.contains("scope") {
            "files below .github/workflows take the permission \"Workflows: write\" too".to_owned()
        } else if self.subject.app {
            format!(
                "give the App the repository permission \"{}\", and have its installation accept it",
                act.permission
            )
        } else {
            format!("give the token the permission \"{}\" (a classic token: the scope \"repo\")", act.permission)
        };
        Refusal::Permission { message: full_stop(format!("{server} refused to {what} ({said}): {what_to_do}")) }
    }

    /// A rule of the branch stands in the way; GitHub's words say which.
    pub(crate) fn protected(&self, act: &Act, words: &str) -> Refusal {
        let message = format!(
            "{} did not {} yet, for a rule of the branch: {}. It is followed until that is met",
            self.subject.server,
            act.what,
            words.trim_end_matches('.')
        );
        Refusal::Protected { message: full_stop(message), needs: needs(words) }
    }

    /// What a 404 or 422 means where nothing more is known of it.
    pub(crate) fn not_found_or_invalid(&self, act: &Act, answer: &Answer) -> Refusal {
        let Subjects { server, repository } = self.names();
        if answer.message().is_none() {
            return self.subject.unexpected(answer).into();
        }
        match answer.status {
            StatusCode::NOT_FOUND => {
                let whose = if self.subject.app { "the App's installation" } else { "the token" };
                let message = format!(
                    "{server} could not {} (404): {repository} or what it is about is not there, or {whose} lacks the \
                     permission \"{}\". GitHub does not say which",
                    act.what, act.permission
                );
                Refusal::NotFound { message: full_stop(message) }
            }
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
                self.invalid(act, &answer.words())
            }
            _ => self.subject.unexpected(answer).into(),
        }
    }

    pub(crate) fn invalid(&self, act: &Act, words: &str) -> Refusal {
        let lower = words.to_lowercase();
        if lower.contains("rule violations") || lower.contains("protected branch") || lower.contains("protected ref") {
            return self.protected(act, words);
        }
        let message = format!(
            "{} refused to {} as it was asked to: {}. Look at the repository, and decide again",
            self.subject.server,
            act.what,
            words.trim_end_matches('.')
        );
        Refusal::Validation { message: full_stop(message) }
    }

    fn unclear(&self, act: &Act, failure: Failure) -> Refusal {
        let why = match failure.kind {
            FailureKind::Timeout => format!("no answer within {} s", self.timeouts.request.as_secs_f32()),
            FailureKind::Unreachable => "the connection could not be made, or broke".to_owned(),
            FailureKind::BrokenAnswer => "its answer broke off".to_owned(),
            _ => return failure.into(),
        };
        Refusal::Unclear { message: self.not_known(act, &why), retry_after: None }
    }

    fn not_known(&self, act: &Act, why: &str) -> String {
        let server = &self.subject.server;
        full_stop(format!(
            "It is not known whether {server} did {}: {why}. It is asked about before it is tried again",
            act.what
        ))
    }

    pub(crate) fn names(&self) -> Subjects<'_> {
        Subjects { server: &self.subject.server, repository: &self.subject.repository }
    }
}

/// The two names that sentences need.
pub(crate) struct Subjects<'s> {
    pub(crate) server: &'s str,
    pub(crate) repository: &'s str,
}

pub(crate) fn full_stop(mut message: String) -> String {
    if !message.ends_with(['.', '…']) {
        message.push('.');
    }
    message
}

/// GraphQL says 200 to a limit; the rest of the telling apart goes by status.
fn as_limited(mut answer: Answer) -> Answer {
    answer.status = StatusCode::TOO_MANY_REQUESTS;
    answer
}

/// What GitHub's words about a protected branch ask for. The words are GitHub's to change: where none is known, it is
/// another rule.
pub(crate) fn needs(words: &str) -> Vec<Need> {
    let words = words.to_lowercase();
    let asks = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let mut needs = Vec::new();
    if asks(&["approving review", "review required", "changes requested", "code owner", "approval"]) {
        needs.push(Need::Reviews);
    }
    if asks(&["status check", "required check", "check is expected", "checks are expected"]) {
        needs.push(Need::Checks);
    }
    if asks(&["merge queue"]) {
        needs.push(Need::Queue);
    }
    if asks(&["not up to date", "out-of-date", "out of date", "head branch is behind"]) {
        needs.push(Need::UpToDate);
    }
    if needs.is_empty() {
        needs.push(Need::OtherRule);
    }
    needs
}

impl From<&Failure> for Limit {
    fn from(failure: &Failure) -> Self {
        if failure.message.contains(HOURLY) { Self::Primary } else { Self::Secondary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_about_a_protected_branch() {
        let one = |words: &str| needs(words)[0];
        assert_eq!(one("At least 1 approving review is required by reviewers with write access."), Need::Reviews);
        assert_eq!(one("Required status check \"ci\" is expected."), Need::Checks);
        assert_eq!(one("2 of 2 required status checks are expected."), Need::Checks);
        assert_eq!(one("Changes must be made through the merge queue"), Need::Queue);
        assert_eq!(one("Commits must have verified signatures."), Need::OtherRule);
        let both = "Repository rule violations found\n\nRequired status check \"ci\" is expected.\n\nAt least 1 approving \
                    review is required.";
        assert_eq!(needs(both), [Need::Reviews, Need::Checks]);
    }
}
