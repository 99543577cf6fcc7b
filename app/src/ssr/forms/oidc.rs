//! To an identity provider and back.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use drift_services::ServiceError;
use drift_services::oidc::Arrival;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::accounts::{start, user_agent};
use crate::pages::sign_in::{self, SignInForm};
use crate::ssr::visit::{Page, Visit, local};

/// The cookie that a browser leaves with and has to come back with.
const COOKIE: &str = "workflowops_oidc";

#[derive(Deserialize)]
pub(crate) struct Leaving {
    #[serde(default)]
    next: String,
    invitation: Option<String>,
}

/// `GET /sign-in/{provider}`: a link and not a form, since a page's policy would not let a form lead to another site.
pub(crate) async fn leave(visit: Visit, Path(provider): Path<String>, Query(query): Query<Leaving>) -> Response {
    let services = &visit.screens.services;
    let begun = services.begin_oidc(&provider, local(&query.next), query.invitation.as_deref(), visit.client).await;
    match begun {
        Ok(departure) => {
            let ends = time::OffsetDateTime::from_unix_timestamp(departure.expires_at.timestamp()).ok();
            let cookie = Cookie::build((COOKIE, departure.cookie.expose_secret().to_owned()))
                .path("/sign-in")
                .http_only(true)
                .same_site(SameSite::Lax)
                .expires(ends);
            (CookieJar::new().add(cookie), Redirect::to(departure.url.as_str())).into_response()
        }
        Err(error) => refused(&visit, error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Returning {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `GET /sign-in/{provider}/callback`
pub(crate) async fn come_back(visit: Visit, Path(provider): Path<String>, Query(query): Query<Returning>) -> Response {
    let cookies = CookieJar::from_headers(&visit.headers);
    let arrival = Arrival {
        provider,
        cookie: cookies.get(COOKIE).map(|cookie| SecretString::from(cookie.value())),
        state: query.state,
        code: query.code,
        error: query.error,
        issuer: query.iss,
        caller: visit.caller.clone(),
        user_agent: user_agent(&visit.headers),
    };
    let used = CookieJar::new().add(Cookie::build((COOKIE, "")).path("/sign-in").max_age(time::Duration::ZERO));
    match visit.screens.services.finish_oidc(arrival).await {
        Ok((signed_in, next)) => (used, start(&visit.headers, &signed_in, &next)).into_response(),
        Err(error) => (used, refused(&visit, error).await).into_response(),
    }
}

/// Back at the sign-in, with what went wrong.
async fn refused(visit: &Visit, error: ServiceError) -> Response {
    let status = match &error {
        ServiceError::Conflict(_) => StatusCode::CONFLICT,
        ServiceError::PolicyRefused { .. } => StatusCode::FORBIDDEN,
        ServiceError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => return visit.problem(error).await,
    };
    let form = SignInForm { error: Some(error.to_string()), next: "/".to_owned(), ..SignInForm::for_visit(visit) };
    visit.page(Page::new("Sign in", move || sign_in::view(&form)).status(status)).await
}
