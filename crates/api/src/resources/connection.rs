//! How an environment is connected: addresses and secrets, for those who may configure it. Secrets go in and never out.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{ConnectionReport, EnvironmentDraft};
use drift_services::WebhookSettings;
use drift_services::gate::cap;
use http::StatusCode;
use http::header::ETAG;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IfMatch, Path};
use crate::problem::{Answer, Problem};

/// Try a connection that does not exist yet. Answers 200 whatever was found: the report says it, side by side.
#[utoipa::path(post, path = "/connection-test", tag = "Environments", request_body = EnvironmentDraft, responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = ConnectionReport), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn test_new(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(draft): extract::Json<EnvironmentDraft>,
) -> Answer<Json<ConnectionReport>> {
    Ok(Json(state.services.test_connection(&caller.permit::<cap::Configure>()?, None, draft).await?))
}

/// Show the connection. Its secrets are empty. The header `ETag` is what an edit names with `If-Match`.
#[utoipa::path(get, path = "/environments/{environment}/connection", tag = "Environments", params(("environment" = EnvironmentId, Path)), responses(
    (status = OK, body = EnvironmentDraft, headers(("ETag" = String, description = "The version of the connection"))),
    (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
) -> Answer<([(http::HeaderName, String); 1], Json<EnvironmentDraft>)> {
    let permit = state.services.environment_permit::<cap::Configure>(&caller.0, environment).await?;
    let draft = state.services.environment_draft(&permit, environment).await?;
    Ok(([(ETAG, format!("\"{}\"", draft.version.unwrap_or_default()))], Json(draft)))
}

/// Replace the connection. An empty secret stays as it is. A check is asked for at once.
#[utoipa::path(put, path = "/environments/{environment}/connection", tag = "Environments",
    params(("environment" = EnvironmentId, Path), ("If-Match" = Option<String>, Header)), request_body = EnvironmentDraft, responses(
    (status = FORBIDDEN, body = Problem),
    (status = NO_CONTENT, headers(("ETag" = String, description = "The version since then"))),
    (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
    (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    tag: IfMatch,
    extract::Json(draft): extract::Json<EnvironmentDraft>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1])> {
    let permit = state.services.environment_permit::<cap::Configure>(&caller.0, environment).await?;
    let seen = tag.seen(draft.version)?;
    let draft = EnvironmentDraft { version: Some(seen.version), ..draft };
    let version =
        state.services.update_environment(&permit, environment, draft).await.map_err(|error| seen.problem(error))?;
    Ok((StatusCode::NO_CONTENT, [(ETAG, format!("\"{version}\""))]))
}

/// Try a connection of an environment that exists. An empty secret stands for the stored one.
#[utoipa::path(post, path = "/environments/{environment}/connection/test", tag = "Environments", params(("environment" = EnvironmentId, Path)),
    request_body = EnvironmentDraft, responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = ConnectionReport), (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn test(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    extract::Json(draft): extract::Json<EnvironmentDraft>,
) -> Answer<Json<ConnectionReport>> {
    let permit = state.services.environment_permit::<cap::Configure>(&caller.0, environment).await?;
    Ok(Json(state.services.test_connection(&permit, Some(environment), draft).await?))
}

/// What to enter at GitHub, so that a push is seen at once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// The path of the payload address, below this installation's own.
    pub path: String,
    /// The secret that GitHub signs its deliveries with.
    pub secret: String,
}

/// Show what to enter at GitHub under *Webhooks*, so that a push is seen at once.
#[utoipa::path(get, path = "/github-webhook", tag = "Environments", responses(
    (status = OK, body = Webhook), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn webhook(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<Webhook>> {
    let WebhookSettings { path, secret } = state.services.webhook_settings(&caller.permit::<cap::Configure>()?).await?;
    Ok(Json(Webhook { path, secret: secret.expose_secret().to_owned() }))
}
