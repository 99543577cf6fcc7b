//! From what came back to a failure that says what happened, to what, and what to do.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::failure::{Failure, FailureKind, Side};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::wire::Answer;

/// Seconds to wait where GitHub asks to be left alone and does not say for how long (its documentation: a minute).
const WAIT_UNSAID: u64 = 60;

/// The words for the hour's limit: a failure that is kept while it is waited out knows by them which limit it was.
pub(crate) const HOURLY: &str =
    "the hourly limit of requests for this token is used up. Other tools that share it count too";

/// The permission that reading files takes.
pub(crate) const CONTENTS_READ: &str = "Contents: read";

/// A failure of the desired side; the last sentence gets its full stop here.
pub(crate) fn failed(kind: FailureKind, message: impl Into<String>) -> Failure {
    let mut message = message.into();
    if !message.ends_with(['.', '…']) {
        message.push('.');
    }
    Failure::new(Side::Desired, kind, message)
}

/// An error body as GitHub writes it. Its other fields are of no use here.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl Answer {
    /// GitHub's own words for an error; `None` where the body is not one of GitHub's.
    pub(crate) fn message(&self) -> Option<String> {
        serde_json::from_slice::<ErrorBody>(&self.body).ok().map(|body| clip(&body.message))
    }

    /// GitHub's words in brackets behind the status, as far as it said any.
    pub(crate) fn said(&self) -> String {
        match self.message() {
            Some(message) => format!("{} {message}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }
}

/// At most 200 characters of somebody else's text, on one line.
pub(crate) fn clip(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Who is asked for what, for the sentences.
pub(crate) struct Subject {
    /// `GitHub`, or `GitHub Enterprise Server at host`.
    pub(crate) server: String,
    /// `owner/name`.
    pub(crate) repository: String,
    /// Authenticates as an App's installation rather than with a token that a person entered.
    pub(crate) app: bool,
}

impl Subject {
    /// The failure that an answer stands for whatever was asked; `None` where that depends on the question.
    /// `permission` is the one of a fine-grained token or App that the question takes.
    pub(crate) fn refusal(&self, answer: &Answer, now: DateTime<Utc>, permission: &str) -> Option<Failure> {
        match answer.status {
            StatusCode::UNAUTHORIZED => Some(self.unauthorized(answer)),
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                Some(self.rate_limited(answer, now).unwrap_or_else(|| self.forbidden(answer, permission)))
            }
            status if status.is_server_error() => Some(self.server_error(answer)),
            _ => None,
        }
    }

    fn unauthorized(&self, answer: &Answer) -> Failure {
        let (server, repository, said) = (&self.server, &self.repository, answer.said());
        let what = if self.app {
            "the App's installation token. The App may have been uninstalled or suspended: check its installation"
        } else {
            "the token. It is wrong, expired or revoked: enter a new one"
        };
        failed(FailureKind::Unauthorized, format!("{server} did not accept {what} (asked for {repository}: {said})"))
    }

    fn forbidden(&self, answer: &Answer, permission: &str) -> Failure {
        let (server, repository, said) = (&self.server, &self.repository, answer.said());
        let what_to_do = if answer.headers.contains_key("x-github-sso") {
            "the organization wants single sign-on: authorize the token for it on the page of the token".to_owned()
        } else if said.contains("IP allow list") {
            "the organization accepts listed addresses only: have this installation's address put on its IP allow list"
                .to_owned()
        } else if self.app {
            format!("give the App the repository permission \"{permission}\", and have its installation accept it")
        } else {
            format!("give the token the permission \"{permission}\" on it (a classic token: the scope \"repo\")")
        };
        failed(FailureKind::Forbidden, format!("{server} refused to let {repository} be read ({said}): {what_to_do}"))
    }

    /// Told apart from a missing permission as GitHub documents it: 429, or a 403 with `retry-after`, with nothing
    /// remaining, or with the words. Waiting follows `retry-after`, then `x-ratelimit-reset`, then a minute.
    pub(crate) fn rate_limited(&self, answer: &Answer, now: DateTime<Utc>) -> Option<Failure> {
        let headers = &answer.headers;
        let message = answer.message().unwrap_or_default().to_ascii_lowercase();
        let spent = number(headers, "x-ratelimit-remaining") == Some(0);
        let worded = message.contains("rate limit") || message.contains("abuse detection");
        let limited = answer.status == StatusCode::TOO_MANY_REQUESTS
            || number(headers, "retry-after").is_some()
            || spent
            || worded;
        if !limited {
            return None;
        }
        let until_reset = number(headers, "x-ratelimit-reset")
            .filter(|_| spent)
            .and_then(|reset| i64::try_from(reset).ok())
            .map(|reset| u64::try_from(reset - now.timestamp()).unwrap_or(0).max(1));
        let wait = number(headers, "retry-after").or(until_reset).unwrap_or(WAIT_UNSAID);
        let (server, repository) = (&self.server, &self.repository);
        let which = if spent && !message.contains("secondary") {
            HOURLY
        } else {
            "too many requests came at once (secondary limit)"
        };
        let mut failure = failed(
            FailureKind::RateLimited,
            format!(
                "{server} put off what was asked about {repository}: {which}. It may be asked again at {}",
                clock_time(now, wait)
            ),
        );
        failure.retry_after = Some(wait);
        Some(failure)
    }

    fn server_error(&self, answer: &Answer) -> Failure {
        let (server, repository, said) = (&self.server, &self.repository, answer.said());
        let mut failure = failed(
            FailureKind::ServerError,
            format!(
                "{server} failed on its own side while {repository} was read ({said}). It is tried again with the next \
                 check; if it lasts, look at the server's status page"
            ),
        );
        failure.retry_after = number(&answer.headers, "retry-after");
        failure
    }

    /// Something answered, and not as the API describes.
    pub(crate) fn broken(&self, what: &str) -> Failure {
        let (server, repository) = (&self.server, &self.repository);
        failed(
            FailureKind::BrokenAnswer,
            format!(
                "{server} answered for {repository} with {what}, which is not what its API describes. Check the API address \
                 (https://api.github.com, or https://HOST/api/v3 for an Enterprise Server), and any proxy on the way"
            ),
        )
    }

    /// An answer with a status that the question does not expect.
    pub(crate) fn unexpected(&self, answer: &Answer) -> Failure {
        match answer.message() {
            Some(_) => self.broken(&format!("the status {}", answer.said())),
            None => self.broken(&format!("the status {} and a body that is not GitHub's", answer.status.as_u16())),
        }
    }

    pub(crate) fn empty_repository(&self) -> Failure {
        failed(
            FailureKind::NotFound,
            format!("The repository {} is empty: it has no commit yet. Push a first commit", self.repository),
        )
    }

    pub(crate) fn no_repository(&self) -> Failure {
        let whose = if self.app { "App's installation was not given access to it" } else { "token may not see it" };
        failed(
            FailureKind::NotFound,
            format!(
                "{} knows no repository {}: its name is misspelt, it was deleted, or the {whose}. GitHub does not say which",
                self.server, self.repository
            ),
        )
    }

    pub(crate) fn renamed(&self, new_name: Option<&str>) -> Failure {
        let old = &self.repository;
        let message = match new_name {
            Some(new) => format!(
                "The repository {old} is now called {new}. Enter the new name: the old one stops working, or means another \
                 repository, as soon as somebody takes it"
            ),
            None => format!(
                "The repository {old} was renamed or moved. Look up its new name on {} and enter it",
                self.server
            ),
        };
        failed(FailureKind::NotFound, message)
    }
}

pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The time in so many seconds: unlike a span it stays true while the failure is shown.
fn clock_time(now: DateTime<Utc>, seconds: u64) -> String {
    let then =
        i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).and_then(|wait| now.checked_add_signed(wait));
    then.unwrap_or(now).format("%H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], message: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, http::HeaderValue::from_static(value));
        }
        let body = serde_json::json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: map, body: body.to_string().into() }
    }

    fn refusal(status: u16, headers: &[(&'static str, &'static str)], message: &str) -> Failure {
        let subject = Subject { server: "GitHub".into(), repository: "acme/flows".into(), app: false };
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        subject.refusal(&answer(status, headers, message), now, CONTENTS_READ).unwrap()
    }

    #[test]
    fn a_403_is_told_apart() {
        let no_permission =
            refusal(403, &[("x-ratelimit-remaining", "4999")], "Resource not accessible by personal access token");
        assert_eq!(no_permission.kind, FailureKind::Forbidden);
        assert!(no_permission.message.contains("Contents: read"), "{no_permission}");
        let single_sign_on = refusal(
            403,
            &[("x-github-sso", "required; url=https://x")],
            "Resource protected by organization SAML enforcement.",
        );
        assert!(single_sign_on.message.contains("single sign-on"), "{single_sign_on}");
        let primary = refusal(
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1600")],
            "API rate limit exceeded for user ID 1.",
        );
        assert_eq!((primary.kind, primary.retry_after), (FailureKind::RateLimited, Some(600)));
        assert!(primary.message.contains("hourly limit") && primary.message.contains("00:26:40 UTC"), "{primary}");
        let secondary = refusal(403, &[("retry-after", "30")], "You have exceeded a secondary rate limit.");
        assert_eq!((secondary.kind, secondary.retry_after), (FailureKind::RateLimited, Some(30)));
        assert!(secondary.message.contains("secondary"), "{secondary}");
        let unsaid = refusal(429, &[], "Too many");
        assert_eq!((unsaid.kind, unsaid.retry_after), (FailureKind::RateLimited, Some(60)));
        let reset_passed =
            refusal(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")], "API rate limit exceeded");
        assert_eq!(reset_passed.retry_after, Some(1));
    }

    #[test]
    fn long_foreign_text_is_clipped() {
        let failure = refusal(500, &[], &"ü\n".repeat(5_000));
        assert!(failure.message.chars().count() < 500 && !failure.message.contains('\n'), "{failure}");
    }
}
