//! The gate of an environment at GitHub: which GitHub environment is answered for, and what was answered.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::{EnvironmentId, GateRequestId};
use drift_domain::views::GithubGateView;
use drift_services::gate::cap;
use http::StatusCode;
use http::header::ETAG;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IfMatch, Path, Query};
use crate::problem::{Answer, Problem};

/// Which part of the runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Earlier {
    /// Only runs before this one: `next` of the page before.
    pub before: Option<GateRequestId>,
}

/// Show the gate of an environment at GitHub, with the runs that asked, newest first. The header `ETag` is what an edit names.
#[utoipa::path(get, path = "/environments/{environment}/github-gate", tag = "Deployments", params(
    ("environment" = EnvironmentId, Path), Earlier,
), responses(
    (status = OK, body = GithubGateView, headers(("ETag" = String, description = "The version of the gate"))),
    (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    Query(Earlier { before }): Query<Earlier>,
) -> Answer<([(http::HeaderName, String); 1], Json<GithubGateView>)> {
    let permit = state.services.environment_permit::<cap::Visibility>(&caller.0, environment).await?;
    let view = state.services.github_gate(&permit, environment, before).await?;
    Ok(([(ETAG, format!("\"{}\"", view.version))], Json(view)))
}

/// What the gate is to be.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Gate {
    /// What GitHub calls the environment whose deployments go to this one. Empty, to be asked no more.
    pub github_environment: String,
    /// The version that was seen, where `If-Match` does not say; 0 where there was none.
    pub version: Option<i64>,
}

/// Say which GitHub environment's deployments go to this one, and so are answered for.
#[utoipa::path(put, path = "/environments/{environment}/github-gate", tag = "Deployments", params(
    ("environment" = EnvironmentId, Path), ("If-Match" = Option<String>, Header),
), request_body = Gate, responses(
    (status = NO_CONTENT, headers(("ETag" = String, description = "The version since then"))),
    (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<Gate>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1])> {
    let permit = state.services.environment_permit::<cap::Configure>(&caller.0, environment).await?;
    let seen = tag.seen(body.version)?;
    let set = state.services.set_github_gate(&permit, environment, &body.github_environment, seen.version).await;
    let version = set.map_err(|error| seen.problem(error))?;
    Ok((StatusCode::NO_CONTENT, [(ETAG, format!("\"{version}\""))]))
}
