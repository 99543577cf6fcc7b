//! Signing in and out.

use std::net::IpAddr;

use axum::extract::State;
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use chrono::DateTime;
use drift_domain::ids::SessionId;
use drift_domain::views::{Me, SessionView};
use drift_services::accounts::{SignIn, SignedIn};
use http::header::USER_AGENT;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use super::paging::{List, PageQuery, page};
use crate::ApiState;
use crate::auth;
use crate::extract::{self, Query};
use crate::problem::{Answer, Problem};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Credentials {
    /// The e-mail address.
    pub email: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Sign in. The answer sets the session's cookie.
#[utoipa::path(post, path = "/session", tag = "Session", security(()), request_body = Credentials, responses(
    (status = CREATED, body = Me), (status = UNPROCESSABLE_ENTITY, body = Problem), (status = TOO_MANY_REQUESTS, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    address: Option<Extension<IpAddr>>,
    headers: HeaderMap,
    extract::Json(Credentials { email, password }): extract::Json<Credentials>,
) -> Answer<(StatusCode, CookieJar, Json<Me>)> {
    let address = address.map(|Extension(address)| address);
    let sign_in = SignIn { email, password, address, user_agent: user_agent(&headers) };
    let person = state.services.sign_in(sign_in).await?;
    signed_in(&state, person).await
}

/// Sign out. The session ends everywhere.
#[utoipa::path(delete, path = "/session", tag = "Session", responses((status = NO_CONTENT), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn remove(State(state): State<ApiState>, caller: auth::SignedIn) -> Answer<(StatusCode, CookieJar)> {
    state.services.sign_out(&caller.0).await?;
    let gone = auth::cookie(String::new(), DateTime::UNIX_EPOCH, &state.settings);
    Ok((StatusCode::NO_CONTENT, CookieJar::new().add(gone)))
}

/// List the browsers that the caller is signed in with, the newest first.
#[utoipa::path(get, path = "/sessions", tag = "Account", params(PageQuery), responses((status = OK, body = List<SessionView>), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: auth::SignedIn,
    Query(query): Query<PageQuery>,
) -> Answer<Json<List<SessionView>>> {
    Ok(Json(page(state.services.sessions(&caller.permit()?).await?, &query, |session| session.id)?))
}

/// End one of the caller's sessions.
#[utoipa::path(delete, path = "/sessions/{session}", tag = "Account", params(("session" = SessionId, Path)), responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn end(
    State(state): State<ApiState>,
    caller: auth::SignedIn,
    extract::Path(id): extract::Path<SessionId>,
) -> Answer<StatusCode> {
    state.services.end_session(&caller.permit()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere, here too.
#[utoipa::path(delete, path = "/sessions", tag = "Account", responses((status = NO_CONTENT), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn end_all(State(state): State<ApiState>, caller: auth::SignedIn) -> Answer<StatusCode> {
    state.services.end_all_sessions(&caller.permit()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to somebody who has just signed in: who they are, and the cookie.
pub(crate) async fn signed_in(
    state: &ApiState,
    SignedIn { token, caller, expires_at }: SignedIn,
) -> Answer<(StatusCode, CookieJar, Json<Me>)> {
    let me = state.services.me(&caller).await?;
    let cookie = auth::cookie(token.expose_secret().to_owned(), expires_at, &state.settings);
    Ok((StatusCode::CREATED, CookieJar::new().add(cookie), Json(me)))
}

/// What the caller's program calls itself, for the list of sessions.
pub(crate) fn user_agent(headers: &HeaderMap) -> String {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
