//! The first start: an owner and an organization.

use axum::extract::State;
use axum::{Json, http};
use axum_extra::extract::CookieJar;
use drift_domain::views::Me;
use drift_services::accounts::SetUp;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::extract;
use crate::problem::{Answer, Problem};
use crate::resources::session::{signed_in, user_agent};

/// Whether somebody has to set this installation up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// Nobody has an account yet.
    pub needs_setup: bool,
}

/// The owner and the organization of a new installation.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewInstallation {
    /// The organization's name.
    pub organization: String,
    /// The owner's name.
    pub name: String,
    /// The owner's e-mail address.
    pub email: String,
    /// The owner's password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Tell whether this installation has to be set up.
#[utoipa::path(get, path = "/setup", tag = "Session", security(()), responses((status = OK, body = SetupState)))]
pub(crate) async fn show(State(state): State<ApiState>) -> Answer<Json<SetupState>> {
    Ok(Json(SetupState { needs_setup: state.services.needs_setup().await? }))
}

/// Set this installation up, once, and sign its owner in.
#[utoipa::path(post, path = "/setup", tag = "Session", security(()), request_body = NewInstallation, responses(
    (status = CREATED, body = Me), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    extract::Json(new): extract::Json<NewInstallation>,
) -> Answer<(StatusCode, CookieJar, Json<Me>)> {
    let NewInstallation { organization, name, email, password } = new;
    let user_agent = user_agent(&headers);
    let owner = state.services.set_up(SetUp { organization, name, email, password, user_agent }).await?;
    signed_in(&state, owner).await
}
