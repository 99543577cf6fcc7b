//! Changes: workflows whose two sides differ.

use axum::Json;
use axum::extract::State;
use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin};
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::plan::Capability;
use drift_domain::severity::Severity;
use drift_domain::views::{ChangeFilter, ChangeList, ChangePage, DiffOrRefusal, DiffView};
use drift_services::ServiceError;
use drift_services::gate::cap;
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, Path, Query};
use crate::problem::{Answer, Problem};

/// [`ChangeFilter`] as the document describes it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; ChangeFilter reads it")]
pub(crate) struct FilterParams {
    /// Only this type.
    pub change_type: Option<ChangeType>,
    /// Only this origin.
    pub origin: Option<Origin>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only this state; without it, the open ones.
    pub state: Option<ChangeState>,
    /// Only workflows whose name contains this, whatever the case.
    pub q: Option<String>,
    /// Where to go on: `next` of the page before.
    pub after: Option<String>,
    /// How many at most: 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// List the changes of an environment, most severe first: the open ones, unless `state` says otherwise.
#[utoipa::path(get, path = "/environments/{environment}/changes", tag = "Drift", params(
    ("environment" = EnvironmentId, Path), FilterParams,
), responses((status = OK, body = ChangeList), (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    Query(filter): Query<ChangeFilter>,
) -> Answer<Json<ChangeList>> {
    let permit = state.services.environment_permit::<cap::Summary>(&caller.0, environment).await?;
    Ok(Json(state.services.changes(&permit, environment, filter).await?))
}

/// Show one change, with its diff where the plan has it, as a graph too where the plan has diffs in full, and its history.
#[utoipa::path(get, path = "/environments/{environment}/changes/{change}", tag = "Drift", params(
    ("environment" = EnvironmentId, Path), ("change" = ChangeId, Path),
), responses((status = OK, body = ChangePage), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((environment, change)): Path<(EnvironmentId, ChangeId)>,
) -> Answer<Json<ChangePage>> {
    let permit = state.services.environment_permit::<cap::Summary>(&caller.0, environment).await?;
    Ok(Json(state.services.change(&permit, environment, change).await?))
}

/// Show what exactly differs: the diff alone, both sides redacted together. 402 where the plan does not have it.
#[utoipa::path(get, path = "/environments/{environment}/changes/{change}/diff", tag = "Drift", params(
    ("environment" = EnvironmentId, Path), ("change" = ChangeId, Path),
), responses((status = OK, body = DiffView), (status = PAYMENT_REQUIRED, body = Problem), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn diff(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((environment, change)): Path<(EnvironmentId, ChangeId)>,
) -> Answer<Json<DiffView>> {
    let permit = state.services.environment_permit::<cap::Summary>(&caller.0, environment).await?;
    match state.services.change(&permit, environment, change).await?.diff {
        DiffOrRefusal::Diff(diff) => Ok(Json(diff)),
        DiffOrRefusal::Refused { message, needs } => {
            let refusal = ServiceError::PlanRequired { capability: Capability::Diff, needs };
            Err(Problem { detail: message, ..Problem::from(refusal) })
        }
    }
}

/// What became of a change that vanished.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewDecision {
    /// The decision. `PROMOTE`, `REVERT` and `REPLACE` name what happened; `OVERRIDE` accepts it for a time.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
}

/// Record what became of a change that vanished without a decision: no change ends without one.
#[utoipa::path(post, path = "/environments/{environment}/changes/{change}/decision", tag = "Drift", params(
    ("environment" = EnvironmentId, Path), ("change" = ChangeId, Path),
), request_body = NewDecision, responses(
    (status = FORBIDDEN, body = Problem),
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn decide(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((environment, change)): Path<(EnvironmentId, ChangeId)>,
    extract::Json(NewDecision { kind, reason }): extract::Json<NewDecision>,
) -> Answer<StatusCode> {
    let permit = state.services.environment_permit::<cap::ConfirmVanished>(&caller.0, environment).await?;
    state.services.confirm_vanished(&permit, environment, change, kind, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
