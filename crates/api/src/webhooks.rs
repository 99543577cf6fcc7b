//! `POST /webhooks/github/{organization}`: GitHub says that a ref moved.
//!
//! The body is verified as the bytes that arrived, before anything reads it; the services do that. No cookie counts here.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use drift_domain::ids::OrganizationId;
use drift_services::GithubDelivery;
use http::{HeaderMap, StatusCode};

use crate::ApiState;
use crate::extract::Path;
use crate::problem::{Answer, Problem};

/// The largest delivery that is read. GitHub sends up to 25 MB, though a push, with its at most 2,048 commits, stays far
/// below this; the schedule finds what a larger one would have told.
const MAX_DELIVERY: usize = 5 * 1024 * 1024;

pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/webhooks/github/{organization_id}", post(github).layer(DefaultBodyLimit::max(MAX_DELIVERY)))
}

async fn github(
    State(state): State<ApiState>,
    Path(organization): Path<OrganizationId>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<StatusCode> {
    let delivery = GithubDelivery {
        id: required(&headers, "x-github-delivery")?,
        event: required(&headers, "x-github-event")?,
        signature: required(&headers, "x-hub-signature-256")?,
        body,
    };
    state.services.github_delivery(organization, delivery).await?;
    Ok(StatusCode::ACCEPTED)
}

fn required(headers: &HeaderMap, name: &str) -> Result<String, Problem> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned).ok_or_else(|| {
        Problem::bad_request(
            StatusCode::BAD_REQUEST,
            format!("The header {name} is missing: this is no delivery of GitHub."),
        )
    })
}
