//! One call that delivers a message, and what its answer means.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use drift_outbound::{NotResolved, Refused};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::signature;

/// How long a receiver may take for its answer.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// The longest wait that a receiver may ask for and be granted.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

/// A message on its way.
pub struct Post<'a> {
    /// Where it goes: a secret, since whoever knows it may post there.
    pub url: &'a SecretString,
    /// What a receiver knows it by, each time that it is sent.
    pub id: &'a str,
    /// Its body.
    pub body: &'a Value,
    /// What it is signed with; `None` for a receiver that knows no signatures.
    pub secret: Option<&'a SecretString>,
    /// When it is sent: in the signature, so that an old one cannot be sent again by others.
    pub at: DateTime<Utc>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken (2xx).
    Taken {
        /// The status.
        status: u16,
    },
    /// Not taken; later it may be.
    Later {
        /// The status, where there was an answer at all.
        status: Option<u16>,
        /// How long the receiver asked to be left alone, where it did.
        wait: Option<TimeDelta>,
        /// What happened: a sentence that names no address and no secret.
        why: String,
    },
    /// Not taken, and sending the same again would change nothing.
    Never {
        /// The status, where there was an answer at all.
        status: Option<u16>,
        /// What happened.
        why: String,
    },
    /// The receiver is gone for good (410): nothing more is sent there.
    Gone,
}

/// Delivers messages over HTTP.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    allow_private: bool,
}

impl Client {
    /// A client. `allow_private`: whether addresses in private networks and this machine may be called.
    ///
    /// # Errors
    /// The TLS set-up of this machine cannot be used.
    pub fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let http = drift_outbound::client(allow_private, PATIENCE)?;
        Ok(Self { http, allow_private })
    }

    /// Sends a message once.
    pub async fn post(&self, post: &Post<'_>) -> Answer {
        // Held against the rule again: the installation may allow less than when the channel was made.
        let url = match crate::read_url(post.url.expose_secret(), self.allow_private) {
            Ok(url) => url,
            Err(why) => return Answer::Never { status: None, why: format!("The address was not called: {why}.") },
        };
        let body = post.body.to_string();
        let mut request = self.http.post(url).header("content-type", "application/json").header("webhook-id", post.id);
        if let Some(secret) = post.secret {
            let timestamp = post.at.timestamp();
            let signed = match signature::sign(secret, post.id, timestamp, body.as_bytes()) {
                Ok(signed) => signed,
                Err(why) => return Answer::Never { status: None, why: format!("It could not be signed: {why}.") },
            };
            request = request.header("webhook-timestamp", timestamp).header("webhook-signature", signed);
        }
        match request.body(body).send().await {
            Ok(answer) => read(answer.status(), answer.headers(), post.at),
            Err(error) => no_answer(error),
        }
    }

    /// Whether addresses in private networks may be called.
    #[must_use]
    pub const fn allows_private(&self) -> bool {
        self.allow_private
    }
}

/// Reads an answer by its status alone: what a body says is the receiver's own, and may repeat what it was sent.
fn read(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Answer {
    let code = status.as_u16();
    let why = format!("The receiver answered {status}.");
    match code {
        200..=299 => Answer::Taken { status: code },
        410 => Answer::Gone,
        300..=399 => Answer::Never {
            status: Some(code),
            why: format!("The receiver answered {status}, which leads elsewhere, and that is not followed."),
        },
        // The message itself is not what it takes.
        400 | 413 | 422 => Answer::Never { status: Some(code), why },
        _ => Answer::Later { status: Some(code), wait: wait(headers, now), why },
    }
}

/// `Retry-After`, in seconds or as a date.
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(seconds.into()),
        Err(_) => DateTime::<Utc>::from(httpdate::parse_http_date(text).ok()?) - now,
    };
    Some(asked.clamp(TimeDelta::zero(), LONGEST_WAIT))
}

/// A call that got no answer. The address is a secret, so it is named nowhere.
fn no_answer(error: reqwest::Error) -> Answer {
    let error = error.without_url();
    if let Some(refused) = find::<Refused>(&error) {
        return Answer::Never { status: None, why: format!("The address was not called: {refused}.") };
    }
    let why = if error.is_timeout() {
        format!("The receiver did not answer within {} s.", PATIENCE.as_secs())
    } else if let Some(unresolved) = find::<NotResolved>(&error) {
        format!("The receiver cannot be reached: {unresolved}.")
    } else if error.is_connect() {
        "The receiver cannot be reached: no connection.".to_owned()
    } else {
        "The connection was lost before the receiver's answer; whether it took the message is not known.".to_owned()
    };
    Answer::Later { status: None, wait: None, why }
}

fn find<'e, T: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        cause = current.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_793_610_000, 0).unwrap()
    }

    fn answer(status: u16, retry_after: Option<&'static str>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|text| (RETRY_AFTER, HeaderValue::from_static(text))));
        read(StatusCode::from_u16(status).unwrap(), &headers, now())
    }

    #[test]
    fn an_answer_means_taken_later_never_or_gone() {
        assert_eq!(answer(204, None), Answer::Taken { status: 204 });
        assert_eq!(answer(410, None), Answer::Gone);
        for status in [401, 403, 404, 408, 429, 500, 502, 503] {
            assert!(matches!(answer(status, None), Answer::Later { status: Some(s), wait: None, .. } if s == status));
        }
        for status in [301, 307, 400, 413, 422] {
            assert!(matches!(answer(status, None), Answer::Never { status: Some(s), .. } if s == status));
        }
    }

    #[test]
    fn a_receiver_may_say_when_to_come_back_within_a_day() {
        let waits = |text| match answer(429, Some(text)) {
            Answer::Later { wait, .. } => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(waits("90"), Some(TimeDelta::seconds(90)));
        assert_eq!(waits("Mon, 02 Nov 2026 09:02:00 GMT"), Some(TimeDelta::minutes(2)));
        assert_eq!(waits("Mon, 02 Nov 2020 09:02:00 GMT"), Some(TimeDelta::zero()));
        assert_eq!(waits("4000000"), Some(LONGEST_WAIT));
        assert_eq!(waits("soon"), None);
    }

    #[tokio::test]
    async fn an_address_is_held_against_the_rule_again_and_named_by_no_error() {
        let body = serde_json::json!({});
        for (url, later) in [
            ("http://127.0.0.1:1/hunter2", false),
            ("http://169.254.169.254/hunter2", false),
            ("http://hooks.invalid/hunter2", true),
        ] {
            let url = SecretString::from(url);
            let post = Post { url: &url, id: "msg_1", body: &body, secret: None, at: now() };
            let answer = Client::new(false).unwrap().post(&post).await;
            assert_eq!(matches!(answer, Answer::Later { .. }), later, "{answer:?}");
            assert!(!format!("{answer:?}").contains("hunter2"), "{answer:?}");
        }
        let url = SecretString::from("http://127.0.0.1:1/hunter2");
        let post = Post { url: &url, id: "msg_1", body: &body, secret: None, at: now() };
        let answer = Client::new(true).unwrap().post(&post).await;
        assert!(matches!(&answer, Answer::Later { why, .. } if !why.contains("hunter2")), "{answer:?}");
    }
}
