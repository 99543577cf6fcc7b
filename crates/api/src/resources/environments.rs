//! Environments: what the list and the environment's page show.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{EnvironmentDraft, EnvironmentList, EnvironmentPage};
use drift_services::gate::cap;
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::PageQuery;
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Path, Query};
use crate::problem::{Answer, Problem};

/// What was made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Created {
    /// The new environment.
    pub id: EnvironmentId,
}

/// List the organization's environments, by name.
#[utoipa::path(get, path = "/environments", tag = "Environments", params(PageQuery), responses(
    (status = OK, body = EnvironmentList), (status = UNAUTHORIZED, body = Problem),
))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(page): Query<PageQuery>,
) -> Answer<Json<EnvironmentList>> {
    Ok(Json(
        state.services.environments(&caller.permit::<cap::Visibility>()?, page.after.as_deref(), page.limit).await?,
    ))
}

/// Connect an environment. Its first check is asked for at once.
#[utoipa::path(post, path = "/environments", tag = "Environments", request_body = EnvironmentDraft,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = Created, headers(("Location" = String, description = "The environment's address"))),
    (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(draft): extract::Json<EnvironmentDraft>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1], Json<Created>)> {
    let permit = caller.permit::<cap::Configure>()?;
    let request = key.request("environments.create", &draft);
    let work = async { Ok(Created { id: state.services.connect_environment(&permit, draft).await? }) };
    let made = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("/api/v1/environments/{}", made.id))], Json(made)))
}

/// Show one environment: its badge, what it watches, and why its newest check failed, if it did.
#[utoipa::path(get, path = "/environments/{environment}", tag = "Environments", params(("environment" = EnvironmentId, Path)), responses(
    (status = OK, body = EnvironmentPage), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
) -> Answer<Json<EnvironmentPage>> {
    let permit = state.services.environment_permit::<cap::Visibility>(&caller.0, environment).await?;
    Ok(Json(state.services.environment(&permit, environment).await?))
}

/// Ask for a check now. It is queued when this answers; `GET …/checks` shows how it went.
#[utoipa::path(post, path = "/environments/{environment}/recheck", tag = "Environments", params(("environment" = EnvironmentId, Path)), responses(
    (status = ACCEPTED), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn recheck(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
) -> Answer<StatusCode> {
    let permit = state.services.environment_permit::<cap::Recheck>(&caller.0, environment).await?;
    state.services.recheck(&permit, environment).await?;
    Ok(StatusCode::ACCEPTED)
}
