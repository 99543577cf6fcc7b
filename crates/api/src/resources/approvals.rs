//! Approvals: what a policy lets somebody do once others have agreed.

use axum::Json;
use axum::extract::State;
use drift_domain::approval::{ApprovalState, ProposedAct};
use drift_domain::ids::{ApprovalId, UserId};
use drift_domain::views::{ApprovalInbox, ApprovalView, DelegationView, Proposed};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Path};
use crate::problem::{Answer, Problem};

/// An approval.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Voice {
    /// What there is to say to it.
    pub note: Option<String>,
}

/// A rejection.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Rejection {
    /// Why.
    pub reason: String,
}

/// How far a request is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// How far it is.
    pub state: ApprovalState,
}

/// Somebody who approves meanwhile.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Deputy {
    /// Who approves for the caller.
    pub to: UserId,
    /// For how many days: 1 to 90.
    pub days: u32,
}

/// List what waits for approval, what ended lately, and who approves for whom.
#[utoipa::path(get, path = "/approvals", tag = "Approvals", responses(
    (status = OK, body = ApprovalInbox), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn list(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<ApprovalInbox>> {
    Ok(Json(state.services.approvals(&caller.permit()?).await?))
}

/// Do something, or ask for the approval that a policy takes for it. Asking again for the same answers with the open request.
#[utoipa::path(post, path = "/approvals", tag = "Approvals", request_body = ProposedAct,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = OK, body = Proposed, description = "It is done: nobody had to be asked"),
    (status = CREATED, body = Proposed, description = "Others are asked"),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn propose(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(act): extract::Json<ProposedAct>,
) -> Answer<(StatusCode, Json<Proposed>)> {
    let request = key.request("approvals.propose", &act);
    let work = state.services.propose(&caller.0, act);
    let proposed = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    let status = match proposed {
        Proposed::Done => StatusCode::OK,
        Proposed::Asked { .. } => StatusCode::CREATED,
    };
    Ok((status, Json(proposed)))
}

/// Show a request.
#[utoipa::path(get, path = "/approvals/{approval}", tag = "Approvals", params(("approval" = ApprovalId, Path)), responses(
    (status = OK, body = ApprovalView), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ApprovalId>,
) -> Answer<Json<ApprovalView>> {
    Ok(Json(state.services.approval(&caller.permit()?, id).await?))
}

/// Approve. With the last approval that it takes it is carried out, before this answers.
#[utoipa::path(post, path = "/approvals/{approval}/approve", tag = "Approvals", request_body = Voice,
    params(("approval" = ApprovalId, Path)), responses(
    (status = OK, body = Standing), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn approve(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ApprovalId>,
    extract::Json(body): extract::Json<Voice>,
) -> Answer<Json<Standing>> {
    let state = state.services.approve(&caller.permit()?, id, body.note).await?;
    Ok(Json(Standing { state }))
}

/// Reject, with a reason. One of those who are asked is enough.
#[utoipa::path(post, path = "/approvals/{approval}/reject", tag = "Approvals", request_body = Rejection,
    params(("approval" = ApprovalId, Path)), responses(
    (status = NO_CONTENT), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn reject(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ApprovalId>,
    extract::Json(body): extract::Json<Rejection>,
) -> Answer<StatusCode> {
    state.services.reject_approval(&caller.permit()?, id, body.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take one's own request back.
#[utoipa::path(post, path = "/approvals/{approval}/withdraw", tag = "Approvals", params(("approval" = ApprovalId, Path)), responses(
    (status = NO_CONTENT), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem),
))]
pub(crate) async fn withdraw(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ApprovalId>,
) -> Answer<StatusCode> {
    state.services.withdraw_approval(&caller.permit()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a member approve for the caller, for some days: instead of whoever did before.
#[utoipa::path(put, path = "/approval-delegation", tag = "Approvals", request_body = Deputy, responses(
    (status = OK, body = DelegationView), (status = FORBIDDEN, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn delegate(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(body): extract::Json<Deputy>,
) -> Answer<Json<DelegationView>> {
    Ok(Json(state.services.delegate_approvals(&caller.permit()?, body.to, body.days).await?))
}

/// End one's own delegation.
#[utoipa::path(delete, path = "/approval-delegation", tag = "Approvals", responses(
    (status = NO_CONTENT), (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn end_delegation(State(state): State<ApiState>, caller: SignedIn) -> Answer<StatusCode> {
    state.services.end_delegation(&caller.permit()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
