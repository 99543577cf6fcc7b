//! Checks: runs of detection over an environment.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::{CheckId, EnvironmentId};
use drift_domain::views::CheckRow;
use drift_services::gate::cap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::paging::{List, made};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{Path, Query};
use crate::problem::{Answer, Problem};

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Before {
    /// Only checks older than this one.
    pub before: Option<CheckId>,
}

/// List the checks of an environment, newest first. `next` of a page is the `before` of the following one.
#[utoipa::path(get, path = "/environments/{environment}/checks", tag = "Drift", params(("environment" = EnvironmentId, Path), Before), responses(
    (status = OK, body = List<CheckRow>), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    Query(page): Query<Before>,
) -> Answer<Json<List<CheckRow>>> {
    let permit = state.services.environment_permit::<cap::Summary>(&caller.0, environment).await?;
    let checks = state.services.checks(&permit, environment, page.before).await?;
    let full = checks.len() == drift_services::CHECKS_LISTED;
    let next = checks.last().filter(|_| full).map(|check| check.id);
    Ok(made(checks, next))
}
