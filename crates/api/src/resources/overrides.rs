//! Overrides: a difference that somebody accepts for a time. The change stays open and visible.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::views::OverrideView;
use drift_services::gate::cap;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, Path};
use crate::problem::{Answer, Problem};

/// An override.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewOverride {
    /// Why the difference is accepted.
    pub reason: String,
    /// For how many days, from now.
    pub days: u32,
}

/// Accept an open change for a time, or accept it anew: the newest holds. It stays open, counts as drift, and asks again when
/// the time is over. 403 with the policy's name where the plan takes no overrides.
#[utoipa::path(put, path = "/environments/{environment}/changes/{change}/override", tag = "Drift", request_body = NewOverride,
    params(("environment" = EnvironmentId, Path), ("change" = ChangeId, Path)), responses(
    (status = OK, body = OverrideView), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((environment, change)): Path<(EnvironmentId, ChangeId)>,
    extract::Json(NewOverride { reason, days }): extract::Json<NewOverride>,
) -> Answer<Json<OverrideView>> {
    let permit = state.services.environment_permit::<cap::Override>(&caller.0, environment).await?;
    Ok(Json(state.services.override_change(&permit, environment, change, reason, days).await?))
}

/// End an override before its time: the difference asks again at once.
#[utoipa::path(delete, path = "/environments/{environment}/changes/{change}/override", tag = "Drift",
    params(("environment" = EnvironmentId, Path), ("change" = ChangeId, Path)), responses(
    (status = NO_CONTENT), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem),
))]
pub(crate) async fn end(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((environment, change)): Path<(EnvironmentId, ChangeId)>,
) -> Answer<StatusCode> {
    let permit = state.services.environment_permit::<cap::Override>(&caller.0, environment).await?;
    state.services.end_override(&permit, environment, change).await?;
    Ok(StatusCode::NO_CONTENT)
}
