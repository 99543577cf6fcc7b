//! For whoever runs this: is the process alive, and can it do its work?

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::ApiState;
use crate::problem::Answer;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

/// The process answers. Says nothing about the database: a restart does not mend that.
async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers: send requests here. 503 otherwise.
async fn readyz(State(state): State<ApiState>) -> Answer<&'static str> {
    state.services.ready().await?;
    Ok("ready\n")
}
