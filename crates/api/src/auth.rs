//! Who asks: the session behind the cookie, or the person behind an API token.
//!
//! A request with an `Authorization` header is the token's, whatever cookie comes with it: a token that is not good any more
//! is not made good by a browser's session.

use axum::extract::{FromRef, FromRequestParts};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use cookie::{Cookie, SameSite};
use drift_services::gate::{Caller, Permit, cap};
use drift_services::{ServiceError, Services};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::problem::Problem;
use crate::{ApiState, Settings};

/// The name of the cookie that holds a session's token.
pub const COOKIE: &str = "workflowops_session";

/// A signed-in caller. A request without a session is answered with 401.
pub(crate) struct SignedIn(pub Caller);

impl SignedIn {
    /// Asks the gate; see [`Caller::permit`].
    pub(crate) fn permit<C: cap::Cap>(&self) -> Result<Permit<C>, Problem> {
        Ok(self.0.permit()?)
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    ApiState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let state = ApiState::from_ref(state);
        let presented = presented(&parts.headers).ok_or(ServiceError::Unauthenticated)?;
        let caller = presented.caller(&state.services).await?.ok_or(ServiceError::Unauthenticated)?;
        Ok(Self(caller))
    }
}

/// What a request shows to say who asks.
#[derive(Clone)]
pub(crate) enum Presented {
    /// The cookie of a session.
    Session(SecretString),
    /// An API token. Empty for an `Authorization` header that holds none.
    Bearer(SecretString),
}

impl Presented {
    /// Who that is. `None` for what is unknown or has ended.
    pub(crate) async fn caller(&self, services: &Services) -> Result<Option<Caller>, ServiceError> {
        match self {
            Self::Session(token) => services.authenticate(token.expose_secret()).await,
            Self::Bearer(token) => services.authenticate_token(token.expose_secret()).await,
        }
    }
}

/// What this request shows to say who asks, if it shows anything.
pub(crate) fn presented(headers: &HeaderMap) -> Option<Presented> {
    if let Some(authorization) = headers.get(AUTHORIZATION) {
        let token = authorization.to_str().ok().and_then(bearer).unwrap_or_default();
        return Some(Presented::Bearer(token.into()));
    }
    let cookies = CookieJar::from_headers(headers);
    cookies.get(COOKIE).map(|cookie| Presented::Session(cookie.value().into()))
}

/// The token of an `Authorization` header. The scheme is written in any case (RFC 9110, 11.1).
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The cookie of a new session: for this host alone, out of reach of scripts, never sent along with another site's form.
pub(crate) fn cookie(token: String, until: DateTime<Utc>, settings: &Settings) -> Cookie<'static> {
    Cookie::build((COOKIE, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.secure_cookies)
        .expires(OffsetDateTime::from_unix_timestamp(until.timestamp()).ok())
        .build()
}
