//! The drift workspace of an environment, and what a person puts in order there.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{ChangeFilter, Workspace};
use drift_services::gate::cap;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Path, Query};
use crate::problem::{Answer, Problem};

/// Show the drift workspace: changes, what was ignored and why, what has to be linked, the newest checks.
#[utoipa::path(get, path = "/environments/{environment}/drift", tag = "Drift", params(
    ("environment" = EnvironmentId, Path), super::changes::FilterParams,
), responses((status = OK, body = Workspace), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn workspace(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    Query(filter): Query<ChangeFilter>,
) -> Answer<Json<Workspace>> {
    let permit = state.services.environment_permit::<cap::Summary>(&caller.0, environment).await?;
    Ok(Json(state.services.workspace(&permit, environment, filter).await?))
}

/// Which workflow in n8n and which file in Git are the same.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Link {
    /// The workflow's id in n8n.
    pub live_id: String,
    /// The file's path in the repository.
    pub path: String,
}

/// Link a workflow to its file, where names alone do not tell. A check is asked for at once.
#[utoipa::path(post, path = "/environments/{environment}/links", tag = "Drift", params(
    ("environment" = EnvironmentId, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")),
    request_body = Link, responses(
    (status = FORBIDDEN, body = Problem),
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn link(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    key: IdempotencyKey,
    extract::Json(link): extract::Json<Link>,
) -> Answer<StatusCode> {
    let permit = state.services.environment_permit::<cap::Configure>(&caller.0, environment).await?;
    let request = key.request("links.create", &(environment, &link));
    let work = state.services.link(&permit, environment, &link.live_id, &link.path);
    state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the adoption review ended.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Adoption {
    /// What the person who reviewed it wants to remember.
    #[serde(default)]
    pub note: String,
}

/// Finish the adoption review: what differed at the first check has been looked at.
#[utoipa::path(put, path = "/environments/{environment}/adoption", tag = "Drift", params(("environment" = EnvironmentId, Path)),
    request_body = Adoption, responses(
    (status = FORBIDDEN, body = Problem),
    (status = NO_CONTENT), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn finish_adoption(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    extract::Json(Adoption { note }): extract::Json<Adoption>,
) -> Answer<StatusCode> {
    let permit = state.services.environment_permit::<cap::Configure>(&caller.0, environment).await?;
    state.services.finish_adoption(&permit, environment, note).await?;
    Ok(StatusCode::NO_CONTENT)
}
