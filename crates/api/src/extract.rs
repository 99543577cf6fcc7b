//! Reading requests: what cannot be read is a problem document that says what is wrong with it.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use drift_services::ServiceError;
use http::StatusCode;
use http::header::IF_MATCH;
use http::request::Parts;
use serde::Serialize;

use crate::problem::Problem;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Json<T>(pub T);

/// The parts of an address that are identifiers. One that cannot be an identifier names nothing: 404.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub T);

/// The query of an address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub T);

/// The version of a thing that the caller saw, by the header `If-Match`: the `ETag` that the thing was answered with.
pub(crate) struct IfMatch(Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(header) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let tag = header.to_str().ok().map(str::trim);
        let version = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
        version.map(|version| Self(Some(version))).ok_or_else(|| {
            let detail = "If-Match names one version, as the header ETag gave it: If-Match: \"12\".";
            Problem::bad_request(StatusCode::BAD_REQUEST, detail)
        })
    }
}

impl IfMatch {
    /// The same where nobody has to say: `None` where neither does.
    pub(crate) fn seen_if_said(&self, body: Option<i64>) -> Option<Seen> {
        self.seen(body).ok()
    }

    /// The version that the caller saw, by the header or by the body. One of the two must say.
    pub(crate) fn seen(&self, body: Option<i64>) -> Result<Seen, Problem> {
        let seen = match (self.0, body) {
            (Some(version), _) => Some(Seen { version, by_header: true }),
            (None, version) => version.map(|version| Seen { version, by_header: false }),
        };
        seen.ok_or_else(|| {
            let detail = "Say which version you saw, with the header If-Match or the field version: somebody else may \
                have done something meanwhile.";
            Problem::new(StatusCode::PRECONDITION_REQUIRED, "version-required", "Which version was seen?", detail)
        })
    }
}

/// A version that somebody saw, and how they said so.
pub(crate) struct Seen {
    pub version: i64,
    by_header: bool,
}

impl Seen {
    /// The problem of an error: what was changed since it was looked at is a precondition that failed, where the caller made
    /// it one.
    pub(crate) fn problem(&self, error: ServiceError) -> Problem {
        let failed = self.by_header && matches!(error, ServiceError::Stale { .. });
        let problem = Problem::from(error);
        if failed { Problem { status: StatusCode::PRECONDITION_FAILED.as_u16(), ..problem } } else { problem }
    }
}

/// The key under which a request may be sent again (header `Idempotency-Key`).
pub(crate) struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(header) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match header.to_str() {
            Ok(key) => Ok(Self(Some(key.trim().to_owned()))),
            Err(_) => {
                let detail = "Idempotency-Key is printable ASCII; a UUID is a good one.";
                Err(Problem::bad_request(StatusCode::BAD_REQUEST, detail))
            }
        }
    }
}

impl IdempotencyKey {
    /// What is asked, so that the same key for something else is noticed.
    pub(crate) fn request(&self, operation: &str, asked: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(&(operation, asked)).unwrap_or_default()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let detail = match &rejection {
            JsonRejection::MissingJsonContentType(_) => {
                "Send the body as JSON, with the header Content-Type: application/json.".to_owned()
            }
            other => other.body_text(),
        };
        Self::bad_request(rejection.status(), detail)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}
