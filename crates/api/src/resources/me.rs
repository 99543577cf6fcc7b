//! Who is signed in, and where.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::OrganizationId;
use drift_domain::views::Me;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::SignedIn;
use crate::problem::{Answer, Problem};
use crate::{ApiState, extract};

/// Which organization to act in.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Switch {
    /// One that the caller is a member of.
    pub organization_id: OrganizationId,
}

/// Show who is signed in, in which organization, with which role and plan.
#[utoipa::path(get, path = "/me", tag = "Session", responses((status = OK, body = Me), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn show(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<Me>> {
    Ok(Json(state.services.me(&caller.0).await?))
}

/// Act in another organization from now on, in this session.
#[utoipa::path(put, path = "/me/organization", tag = "Session", request_body = Switch, responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn switch_organization(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(switch): extract::Json<Switch>,
) -> Answer<http::StatusCode> {
    state.services.switch_organization(&caller.0, switch.organization_id).await?;
    Ok(http::StatusCode::NO_CONTENT)
}
