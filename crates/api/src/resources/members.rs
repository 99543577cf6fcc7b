//! The members of the organization.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::UserId;
use drift_domain::role::Role;
use drift_domain::views::MembersView;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{PageQuery, page};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, Query};
use crate::problem::{Answer, Problem};

/// What a member may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RoleChange {
    /// At most the caller's own.
    pub role: Role,
}

/// A page of the members, and who is invited.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberPage {
    /// The members of this page, the newest first, with what else belongs to them.
    #[serde(flatten)]
    pub people: MembersView,
    /// What to ask with for the next page; `null` on the last.
    pub next: Option<String>,
}

/// List the members, the newest first, and for those who may invite, the invitations that wait.
#[utoipa::path(get, path = "/members", tag = "People", params(PageQuery), responses((status = OK, body = MemberPage), (status = UNAUTHORIZED, body = Problem)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(query): Query<PageQuery>,
) -> Answer<Json<MemberPage>> {
    let mut people = state.services.members(&caller.permit()?).await?;
    let members = page(std::mem::take(&mut people.members), &query, |member| member.user_id)?;
    people.members = members.items;
    Ok(Json(MemberPage { people, next: members.next }))
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
