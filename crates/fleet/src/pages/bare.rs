//! A bare axum handler over sqlx: the queries of the two pages, answered as JSON, with nothing drawn and no middleware.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use clap::Args;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::ChangeFilter;
use drift_services::gate::Caller;
use drift_services::{ServiceError, Services};
use drift_store::secretbox::InstallationKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::load::SESSION;
use crate::seed;

#[derive(Clone, Debug, Args)]
pub(crate) struct Settings {
    #[arg(long)]
    database_url: String,
    #[arg(long)]
    secret_key: String,
}

/// Serves until it is killed.
pub(crate) async fn run(settings: Settings) -> Result<()> {
    // As many connections as a server has.
    let pool = drift_store::pool::connect(&settings.database_url, 16).await?;
    let key = InstallationKey::from_hex(&settings.secret_key).context("the key")?;
    let routes = Router::new()
        .route("/", get(list))
        .route("/environments/{id}/drift", get(workspace))
        .with_state(seed::services(pool, &key)?);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}

struct Refused;

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        eprintln!("fleet bare: {error}");
        Self
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// Who asks, and what every page asks for beside its own.
async fn visit(services: &Services, headers: &HeaderMap) -> Result<Caller, Refused> {
    let cookie = headers.get("cookie").and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    let token = cookie.strip_prefix(&format!("{SESSION}=")).unwrap_or_default();
    services.authenticate(token).await?.ok_or(Refused)
}

async fn with_frame(services: &Services, caller: &Caller, body: Value) -> Result<Json<Value>, Refused> {
    let notice = services.take_notice(caller).await?;
    let me = services.me(caller).await?;
    Ok(Json(json!({ "me": me, "notice": notice, "body": body })))
}

async fn list(State(services): State<Arc<Services>>, headers: HeaderMap) -> Result<Json<Value>, Refused> {
    let caller = visit(&services, &headers).await?;
    let list = services.environments(&caller.permit()?, None, None).await?;
    with_frame(&services, &caller, json!(list)).await
}

async fn workspace(
    State(services): State<Arc<Services>>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    let caller = visit(&services, &headers).await?;
    let id = EnvironmentId(id);
    let permit = services.environment_permit(&caller, id).await?;
    let workspace = services.workspace(&permit, id, ChangeFilter::default()).await?;
    with_frame(&services, &caller, json!(workspace)).await
}
