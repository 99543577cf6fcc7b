//! Retention: what the next tidying removes, what tidyings removed, and legal holds.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::{HoldId, IncidentId};
use drift_domain::views::{HoldView, RetentionPreview, RetentionRecord};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{List, PageQuery, page};
use crate::auth::SignedIn;
use crate::extract::IdempotencyKey;
use crate::problem::{Answer, Problem};
use crate::{ApiState, extract};

/// Show what the next tidying would remove, and what it would keep although it is older than the plan keeps. Removes nothing.
#[utoipa::path(get, path = "/retention", tag = "Retention", responses(
    (status = OK, body = RetentionPreview), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn preview(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<RetentionPreview>> {
    Ok(Json(state.services.retention_preview(&caller.permit()?).await?))
}

/// Show what tidyings removed, the newest first, and what is left of incidents that were removed.
#[utoipa::path(get, path = "/retention/runs", tag = "Retention", responses(
    (status = OK, body = RetentionRecord), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn runs(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<RetentionRecord>> {
    Ok(Json(state.services.retention_record(&caller.permit()?).await?))
}

/// List legal holds: those that hold first, then those that were released, the newest first.
#[utoipa::path(get, path = "/holds", tag = "Retention", params(PageQuery), responses(
    (status = OK, body = List<HoldView>), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn holds(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Query(query): extract::Query<PageQuery>,
) -> Answer<Json<List<HoldView>>> {
    Ok(Json(page(state.services.holds(&caller.permit()?).await?, &query, |hold| hold.id)?))
}

/// A hold to be placed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct HoldBody {
    /// The incident to hold, with everything that belongs to it; left out, all of the organization.
    pub incident: Option<IncidentId>,
    /// Why. It is kept on record.
    pub reason: String,
}

/// Place a legal hold. Nothing of what it is on is removed until it is released.
#[utoipa::path(post, path = "/holds", tag = "Retention", request_body = HoldBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = HoldView), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn place(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(body): extract::Json<HoldBody>,
) -> Answer<(StatusCode, Json<HoldView>)> {
    let permit = state.services.hold_permit(&caller.0, body.incident).await?;
    let request = key.request("holds.place", &body);
    let work = state.services.place_hold(&permit, body.incident, body.reason);
    let hold = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, Json(hold)))
}

/// Why a hold is released.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ReleaseBody {
    /// Why. It is kept on record.
    pub reason: String,
}

/// Release a legal hold. It stays on record; what it held and is older than the plan keeps goes at the next tidying.
#[utoipa::path(post, path = "/holds/{hold}/release", tag = "Retention", params(("hold" = HoldId, Path)),
    request_body = ReleaseBody, responses(
    (status = OK, body = HoldView), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn release(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Path(hold): extract::Path<HoldId>,
    extract::Json(body): extract::Json<ReleaseBody>,
) -> Answer<Json<HoldView>> {
    let permit = state.services.release_permit(&caller.0, hold).await?;
    Ok(Json(state.services.release_hold(&permit, hold, body.reason).await?))
}
