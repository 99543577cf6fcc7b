//! Deployments, and the gate for those of others: what would be written is shown first; what an expired incident blocks is said
//! with what would help.

use axum::Json;
use axum::extract::State;
use drift_domain::deployment::DeploymentKind;
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::views::{DeploymentList, GateView, ReconciliationPage};
use drift_services::gate::cap;
use drift_services::reconcile::NewDeployment;
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Path, Query};
use crate::problem::{Answer, Problem};

/// What is asked about at the gate.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AboutSha {
    /// The commit that is about to be deployed, or at least its first seven letters.
    pub sha: Option<String>,
}

/// Ask whether a standard deployment into an environment may go ahead, before making one elsewhere. Answered with 200 either
/// way: `allowed` says which, with the reasons and with who can do what. Whoever gets no answer has not been let through.
#[utoipa::path(get, path = "/environments/{environment}/gate", tag = "Deployments", params(
    ("environment" = EnvironmentId, Path), AboutSha,
), responses((status = OK, body = GateView), (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem)))]
pub(crate) async fn gate(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    Query(AboutSha { sha }): Query<AboutSha>,
) -> Answer<Json<GateView>> {
    let permit = state.services.environment_permit::<cap::Visibility>(&caller.0, environment).await?;
    Ok(Json(state.services.deployment_gate(&permit, environment, sha.as_deref()).await?))
}

/// Show what can be deployed to an environment now, what is in the way, and what was deployed.
#[utoipa::path(get, path = "/environments/{environment}/deployments", tag = "Deployments", params(
    ("environment" = EnvironmentId, Path),
), responses((status = OK, body = DeploymentList), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
) -> Answer<Json<DeploymentList>> {
    let permit = state.services.environment_permit::<cap::Summary>(&caller.0, environment).await?;
    Ok(Json(state.services.deployments(&permit, environment).await?))
}

/// A deployment to be planned.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NewRun {
    /// What it is for. An expired incident blocks a standard one, and nothing blocks the others, which take a reason.
    pub kind: DeploymentKind,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Which workflows, by their changes; without any, every one that differs.
    #[serde(default)]
    pub changes: Option<Vec<ChangeId>>,
    /// The commit that the environment's ref must be at, if that matters.
    #[serde(default)]
    pub sha: Option<String>,
}

/// Work out what deploying the environment's ref would write, and what it would write over that people did in n8n. Both sides
/// are compared first; nothing is written. `POST /reconciliations/{reconciliation}/carry-out` deploys exactly this, or nothing,
/// and asks at the gate then.
#[utoipa::path(post, path = "/environments/{environment}/deployments", tag = "Deployments", params(
    ("environment" = EnvironmentId, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same"),
), request_body = NewRun, responses(
    (status = CREATED, body = ReconciliationPage, headers(("Location" = String, description = "The plan's address"))),
    (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewRun>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1], Json<ReconciliationPage>)> {
    let permit = state.services.environment_permit::<cap::Deploy>(&caller.0, environment).await?;
    let request = key.request("deployments.create", &(environment, &new));
    let run = NewDeployment { kind: new.kind, reason: new.reason, changes: new.changes, commit: new.sha };
    let work = state.services.plan_deployment(&permit, environment, run);
    let id = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    let permit = state.services.reconciliation_permit(&caller.0, id).await?;
    let page = state.services.reconciliation(&permit, id).await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("/api/v1/reconciliations/{id}"))], Json(page)))
}
