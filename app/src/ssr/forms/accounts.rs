//! Set-up, sign-in, sign-out, and another organization.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use drift_domain::ids::OrganizationId;
use drift_services::ServiceError;
use drift_services::accounts::{SetUp, SignIn, SignedIn};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::pages::setup::{self, SetupForm};
use crate::pages::sign_in::{self, SignInForm};
use crate::ssr::visit::{Member, Page, SESSION_COOKIE, Screens, Visit, local};

#[derive(Deserialize)]
pub(crate) struct SetUpFields {
    organization: String,
    name: String,
    email: String,
    password: SecretString,
}

/// Makes the first owner and organization, and signs the owner in.
pub(crate) async fn set_up(visit: Visit, Form(fields): Form<SetUpFields>) -> Response {
    let form = SetupForm {
        organization: fields.organization.clone(),
        name: fields.name.clone(),
        email: fields.email.clone(),
        ..SetupForm::default()
    };
    let set_up = SetUp {
        organization: fields.organization,
        name: fields.name,
        email: fields.email,
        password: fields.password,
        user_agent: user_agent(&visit.headers),
    };
    match visit.screens.services.set_up(set_up).await {
        Ok(signed_in) => start(&visit.headers, &signed_in, "/"),
        Err(ServiceError::Invalid { field, message }) => {
            let form = SetupForm { field: Some(field.to_owned()), error: Some(message), ..form };
            visit.page(Page::new("Set up", move || setup::view(&form)).status(StatusCode::UNPROCESSABLE_ENTITY)).await
        }
        Err(ServiceError::Conflict(_)) => Redirect::to("/sign-in").into_response(),
        Err(error) => visit.problem(error).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct SignInFields {
    email: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Signs somebody in and sends them where they wanted to go.
pub(crate) async fn sign_in(visit: Visit, Form(fields): Form<SignInFields>) -> Response {
    let mut form = SignInForm {
        email: fields.email.clone(),
        next: local(&fields.next).to_owned(),
        ..SignInForm::for_visit(&visit)
    };
    let attempt = SignIn {
        email: fields.email,
        password: fields.password,
        address: visit.client,
        user_agent: user_agent(&visit.headers),
    };
    let (status, error) = match visit.screens.services.sign_in(attempt).await {
        Ok(signed_in) => return start(&visit.headers, &signed_in, &form.next),
        Err(error @ ServiceError::Invalid { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, error),
        Err(error @ ServiceError::RateLimited { .. }) => (StatusCode::TOO_MANY_REQUESTS, error),
        // A member of no organization: right, and nowhere to go.
        Err(error @ ServiceError::Conflict(_)) => (StatusCode::CONFLICT, error),
        Err(error) => return visit.problem(error).await,
    };
    form.error = Some(error.to_string());
    visit.page(Page::new("Sign in", move || sign_in::view(&form)).status(status)).await
}

/// Ends the session.
pub(crate) async fn sign_out(visit: Visit) -> Response {
    if let Some(caller) = &visit.caller
        && let Err(error) = visit.screens.services.sign_out(caller).await
    {
        return visit.problem(error).await;
    }
    (gone(), Redirect::to("/sign-in")).into_response()
}

/// Takes the session's cookie away.
pub(super) fn gone() -> CookieJar {
    CookieJar::new().add(Cookie::build((SESSION_COOKIE, "")).path("/").max_age(time::Duration::ZERO))
}

#[derive(Deserialize)]
pub(crate) struct SwitchFields {
    organization: String,
}

/// Looks at another organization from here on.
pub(crate) async fn switch(
    State(screens): State<Screens>,
    member: Member,
    Form(fields): Form<SwitchFields>,
) -> Response {
    let Ok(organization) = fields.organization.parse::<OrganizationId>() else {
        return member.problem(ServiceError::NotFound("organization")).await;
    };
    match screens.services.switch_organization(&member.caller, organization).await {
        Ok(()) => Redirect::to("/").into_response(),
        Err(error) => member.problem(error).await,
    }
}

/// Starts a session in the browser. The server marks the cookie `Secure` where people come over https.
pub(super) fn start(headers: &HeaderMap, signed_in: &SignedIn, next: &str) -> Response {
    let ends = time::OffsetDateTime::from_unix_timestamp(signed_in.expires_at.timestamp()).ok();
    let cookie = Cookie::build((SESSION_COOKIE, signed_in.token.expose_secret().to_owned()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .expires(ends);
    (CookieJar::from_headers(headers).add(cookie), Redirect::to(local(next))).into_response()
}

pub(super) fn user_agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
