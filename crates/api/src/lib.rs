//! REST v1, problem+json, incoming webhooks and server-sent events.
//!
//! Everything that a screen can do can be done here, through the same services and the same gate. A handler reads the
//! request, asks the gate, calls one service and writes the answer down; an `if` about the domain would be in the wrong
//! room. The OpenAPI document is at `/api/v1/openapi.json`; a test holds it against a snapshot.
//!
//! | address | for |
//! |---|---|
//! | `/api/v1/…` | people's programs, signed in by cookie or API token |
//! | `/events` | open pages: what happened, as server-sent events |
//! | `/webhooks/github/{organization}` | GitHub, by signature |
//! | `/healthz`, `/readyz` | whoever runs this |

mod auth;
mod events;
mod extract;
mod health;
pub mod origin;
mod problem;
mod resources;
mod webhooks;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use drift_domain::audit::AuditVia;
use drift_services::Services;
use http::header::USER_AGENT;
use tokio_util::sync::CancellationToken;

pub use auth::COOKIE;
pub use problem::Problem;
pub use resources::document;

/// What the API is told at start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether people reach the product over https: cookies are then sent over https alone.
    pub secure_cookies: bool,
    /// How often an open event stream makes sure that its session is still good.
    pub session_check: Duration,
    /// Cancelled when the server stops: open event streams end.
    pub shutdown: CancellationToken,
}

impl Default for Settings {
    fn default() -> Self {
        Self { secure_cookies: false, session_check: Duration::from_secs(10), shutdown: CancellationToken::new() }
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct ApiState {
    services: Arc<Services>,
    settings: Settings,
}

/// The routes. The server puts the address that a request came from, as far as it can tell behind its proxies, into the
/// request's extensions, as an [`IpAddr`](std::net::IpAddr). Middleware that concerns every page of the product (limits, headers, tracing, [`origin`]) is the server's.
pub fn router(services: Arc<Services>, settings: Settings) -> Router {
    let state = ApiState { services, settings };
    Router::new()
        .merge(health::routes())
        .merge(events::routes())
        .merge(webhooks::routes())
        .nest("/api/v1", resources::routes())
        .layer(from_fn_with_state(state.clone(), audited))
        .with_state(state)
}

/// Middleware: what the request leaves in the audit log says where it came from.
async fn audited(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<IpAddr>().copied();
    let user_agent = request.headers().get(USER_AGENT).and_then(|name| name.to_str().ok()).map(str::to_owned);
    let route = request.extensions().get::<MatchedPath>().map(|path| format!("{} {}", request.method(), path.as_str()));
    let services = state.services.clone();
    services.within_request(AuditVia::Api, address, user_agent.as_deref(), route, next.run(request)).await
}
