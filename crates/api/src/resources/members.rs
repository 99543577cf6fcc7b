//! The members of the organization.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::UserId;
use drift_domain::role::Role;
use drift_domain::views::MembersView;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::SignedIn;
use crate::problem::{Answer, Problem};
use crate::{ApiState, extract};

/// What a member may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RoleChange {
    /// At most the caller's own.
    pub role: Role,
}

/// List the members, and for those who may invite, the invitations that wait.
#[utoipa::path(get, path = "/members", tag = "People", responses((status = OK, body = MembersView), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn list(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<MembersView>> {
    Ok(Json(state.services.members(&caller.permit()?).await?))
}

/// Change a member's role. An organization keeps an owner; nobody reaches above their own role.
#[utoipa::path(patch, path = "/members/{member}", tag = "People", params(("member" = UserId, Path)), request_body = RoleChange, responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn change_role(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(user): extract::Path<UserId>,
    extract::Json(change): extract::Json<RoleChange>,
) -> Answer<StatusCode> {
    state.services.change_role(&caller.permit()?, user, change.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a member. Their sessions and tokens in this organization end.
#[utoipa::path(delete, path = "/members/{member}", tag = "People", params(("member" = UserId, Path)), responses(
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(user): extract::Path<UserId>,
) -> Answer<StatusCode> {
    state.services.remove_member(&caller.permit()?, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
