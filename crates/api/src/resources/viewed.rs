//! What the caller has viewed of an incident.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::{ChangeId, IncidentId};
use drift_domain::views::Ticks;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, Path};
use crate::problem::{Answer, Problem};

/// What was seen.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Seen {
    /// `content` of the change, as it was shown.
    pub content: String,
}

/// Tick a change of an incident as viewed by the caller. The tick is for what was seen: when the change moves on, it falls off. 409
/// when it has moved on already.
#[utoipa::path(put, path = "/incidents/{incident}/changes/{change}/viewed", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("change" = ChangeId, Path),
), request_body = Seen, responses(
    (status = OK, body = Ticks), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn tick(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((incident, change)): Path<(IncidentId, ChangeId)>,
    extract::Json(seen): extract::Json<Seen>,
) -> Answer<Json<Ticks>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    Ok(Json(state.services.set_viewed(&permit, incident, change, Some(&seen.content)).await?))
}

/// Take the caller's tick off a change of an incident.
#[utoipa::path(delete, path = "/incidents/{incident}/changes/{change}/viewed", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("change" = ChangeId, Path),
), responses(
    (status = OK, body = Ticks), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
))]
pub(crate) async fn untick(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((incident, change)): Path<(IncidentId, ChangeId)>,
) -> Answer<Json<Ticks>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    Ok(Json(state.services.set_viewed(&permit, incident, change, None).await?))
}
