//! Who asks: the session behind the cookie.

use axum::extract::{FromRef, FromRequestParts};
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use cookie::{Cookie, SameSite};
use drift_services::ServiceError;
use drift_services::gate::{Caller, Permit, cap};
use http::request::Parts;
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
        let token = token(parts).ok_or(ServiceError::Unauthenticated)?;
        let caller = state.services.authenticate(&token).await?.ok_or(ServiceError::Unauthenticated)?;
        Ok(Self(caller))
    }
}

/// The session's token in this request, if it brings one.
pub(crate) fn token(parts: &Parts) -> Option<String> {
    CookieJar::from_headers(&parts.headers).get(COOKIE).map(|cookie| cookie.value().to_owned())
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
