//! What an organization sets for its incidents.

use axum::Json;
use axum::extract::State;
use drift_domain::environment::EnvironmentClass;
use drift_domain::incident::TimePercent;
use drift_services::incidents::IncidentSettings;
use http::StatusCode;
use http::header::ETAG;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IfMatch};
use crate::problem::{Answer, Problem};

/// What an organization sets for its incidents.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// Classes of environments whose new drift opens an incident by itself. `null`: production, on plans with the whole of
    /// incident management.
    pub automatic: Option<Vec<EnvironmentClass>>,
    /// How a ticket's key looks, with `{n}` for its number: `OPS-{n}`. Empty for none.
    pub ticket_pattern: String,
    /// Where such a key leads, with `{n}` in it as well.
    pub ticket_address: String,
    /// Percent of a severity's time that incidents have, by the class of their environment: from 25 to 400.
    pub time_percent: TimePercent,
    /// Expired incidents block no deployments: for plans that decide that by policy.
    pub deployments_unblocked: bool,
    /// The version; for an edit, the one that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
}

/// Show what the organization sets for its incidents. The header `ETag` is what an edit names with `If-Match`.
#[utoipa::path(get, path = "/incident-settings", tag = "Incidents", responses(
    (status = OK, body = Settings, headers(("ETag" = String, description = "The version of the settings"))),
    (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
) -> Answer<([(http::HeaderName, String); 1], Json<Settings>)> {
    let IncidentSettings { automatic, ticket_pattern, ticket_address, time_percent, deployments_unblocked, version } =
        state.services.incident_settings(&caller.permit()?).await?;
    let tag = format!("\"{}\"", version.unwrap_or_default());
    Ok((
        [(ETAG, tag)],
        Json(Settings { automatic, ticket_pattern, ticket_address, time_percent, deployments_unblocked, version }),
    ))
}

/// Set what the organization wants of its incidents.
#[utoipa::path(put, path = "/incident-settings", tag = "Incidents", params(("If-Match" = Option<String>, Header)), request_body = Settings, responses(
    (status = NO_CONTENT, headers(("ETag" = String, description = "The version since then"))),
    (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
    (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    caller: SignedIn,
    tag: IfMatch,
    extract::Json(body): extract::Json<Settings>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1])> {
    let permit = caller.permit()?;
    let seen = tag.seen(body.version)?;
    let Settings { automatic, ticket_pattern, ticket_address, time_percent, deployments_unblocked, version: _ } = body;
    let set = IncidentSettings {
        automatic,
        ticket_pattern,
        ticket_address,
        time_percent,
        deployments_unblocked,
        version: Some(seen.version),
    };
    let version = state.services.set_incident_settings(&permit, set).await.map_err(|error| seen.problem(error))?;
    Ok((StatusCode::NO_CONTENT, [(ETAG, format!("\"{version}\""))]))
}
