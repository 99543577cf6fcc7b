//! REST v1: one file per resource.

mod approvals;
mod audit;
mod changes;
mod checks;
mod connection;
mod csv_file;
mod deployments;
mod document;
mod drift;
mod environments;
mod github_gate;
mod incident_settings;
mod incidents;
mod invitations;
mod me;
mod members;
mod metrics;
mod notifications;
mod overrides;
mod paging;
mod plan;
mod policies;
mod reconciliations;
mod reports;
mod retention;
mod search;
mod session;
mod setup;
mod tokens;
mod viewed;

use axum::Router;
use axum::extract::OriginalUri;
use http::{Method, StatusCode};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::auth::COOKIE;
use crate::problem::Problem;

/// What the document says about the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "WorkflowOps",
        version = "1",
        description = "Watches n8n environments against the workflow definitions in Git.\n\n\
            Programs send an API token (`Authorization: Bearer wfo_…`, made under *Your account*); or sign in with \
            `POST /session`, and the cookie that it sets goes with every further request. Requests that change \
            something carry JSON. Errors are problem documents (RFC 9457, `application/problem+json`): 401 sign in; 404 \
            not there or not yours; 402 the plan does not have it; 403 the role or a policy may not; 422 a field cannot be used; \
            409 it does not fit the state of things; 412 it was changed since the version in `If-Match`; 429 and 503 try again after `Retry-After`.\n\n\
            A list is answered page by page: `next` is what the following page is asked with, and `null` on the last. What is sent \
            again with the same `Idempotency-Key` within a day is done once and answered alike. What two people can edit at once \
            is answered with an `ETag`, and changed with `If-Match` or the `version` in the body."
    ),
    components(schemas(Problem, drift_domain::metrics::Figure)),
    security(("session" = []), ("token" = [])),
    servers((url = "/api/v1"))
)]
struct Document;

fn documented() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(setup::show, setup::create))
        .routes(routes!(session::create, session::remove))
        .routes(routes!(me::show))
        .routes(routes!(me::switch_organization))
        .routes(routes!(me::change_password))
        .routes(routes!(me::leave))
        .routes(routes!(me::found))
        .routes(routes!(me::ask_for_reset, me::reset))
        .routes(routes!(session::list, session::end_all))
        .routes(routes!(session::end))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(notifications::channels, notifications::add))
        .routes(routes!(notifications::update, notifications::remove))
        .routes(routes!(notifications::switch))
        .routes(routes!(notifications::test))
        .routes(routes!(notifications::deliveries))
        .routes(routes!(notifications::redeliver))
        .routes(routes!(notifications::preferences, notifications::set_preferences))
        .routes(routes!(members::list))
        .routes(routes!(members::change_role, members::remove))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::accept))
        .routes(routes!(invitations::join))
        .routes(routes!(invitations::revoke))
        .routes(routes!(invitations::resend))
        .routes(routes!(environments::list, environments::create))
        .routes(routes!(environments::show))
        .routes(routes!(environments::recheck))
        .routes(routes!(connection::test_new))
        .routes(routes!(connection::show, connection::replace))
        .routes(routes!(connection::test))
        .routes(routes!(connection::webhook))
        .routes(routes!(drift::workspace))
        .routes(routes!(drift::link))
        .routes(routes!(drift::finish_adoption))
        .routes(routes!(changes::list))
        .routes(routes!(changes::show))
        .routes(routes!(changes::diff))
        .routes(routes!(changes::decide))
        .routes(routes!(checks::list))
        .routes(routes!(overrides::put, overrides::end))
        .routes(routes!(plan::show))
        .routes(routes!(plan::effect))
        .routes(routes!(plan::set_tier))
        .routes(routes!(plan::set_limit))
        .routes(routes!(plan::requests, plan::ask))
        .routes(routes!(plan::answer))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::create))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::change))
        .routes(routes!(search::find))
        .routes(routes!(viewed::tick, viewed::untick))
        .routes(routes!(incidents::timeline))
        .routes(routes!(incidents::acknowledge))
        .routes(routes!(incidents::stabilize))
        .routes(routes!(incidents::reconcile))
        .routes(routes!(incidents::close))
        .routes(routes!(incidents::closing))
        .routes(routes!(incidents::decide))
        .routes(routes!(incidents::assign))
        .routes(routes!(incidents::ticket))
        .routes(routes!(incidents::severity))
        .routes(routes!(incidents::extend))
        .routes(routes!(incidents::comment))
        .routes(routes!(deployments::gate))
        .routes(routes!(deployments::list, deployments::create))
        .routes(routes!(github_gate::show, github_gate::replace))
        .routes(routes!(audit::list))
        .routes(routes!(audit::csv))
        .routes(routes!(audit::export))
        .routes(routes!(reports::list, reports::create))
        .routes(routes!(reports::show, reports::remove))
        .routes(routes!(reports::file))
        .routes(routes!(reports::schedules, reports::schedule))
        .routes(routes!(reports::unschedule))
        .routes(routes!(retention::preview))
        .routes(routes!(retention::runs))
        .routes(routes!(retention::holds, retention::place))
        .routes(routes!(retention::release))
        .routes(routes!(metrics::show))
        .routes(routes!(metrics::csv))
        .routes(routes!(incident_settings::show, incident_settings::replace))
        .routes(routes!(approvals::list, approvals::propose))
        .routes(routes!(approvals::show))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::reject))
        .routes(routes!(approvals::withdraw))
        .routes(routes!(approvals::delegate, approvals::end_delegation))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::show, policies::replace, policies::retire))
        .routes(routes!(policies::overview))
        .routes(routes!(policies::assign))
        .routes(routes!(policies::simulate))
        .routes(routes!(reconciliations::create))
        .routes(routes!(reconciliations::show))
        .routes(routes!(reconciliations::carry_out))
        .routes(routes!(reconciliations::cancel))
        .routes(routes!(reconciliations::retry))
        .routes(routes!(reconciliations::restore))
}

/// The OpenAPI document, as JSON.
///
/// # Errors
/// None in practice: a document that cannot be written as JSON is a fault of this build.
pub fn document() -> serde_json::Result<String> {
    let (_, mut document) = documented().split_for_parts();
    document::complete(&mut document);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))));
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    document.to_pretty_json()
}

pub(crate) fn routes() -> Router<ApiState> {
    let (router, _) = documented().split_for_parts();
    router
        .route("/openapi.json", axum::routing::get(openapi))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
}

async fn openapi() -> Result<([(http::HeaderName, &'static str); 1], String), Problem> {
    let document = document().map_err(drift_services::ServiceError::unavailable)?;
    Ok(([(http::header::CONTENT_TYPE, "application/json")], document))
}

async fn not_found(OriginalUri(uri): OriginalUri) -> Problem {
    let detail = format!("There is nothing at {} in this API. Its document is at /api/v1/openapi.json.", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}

async fn method_not_allowed(method: Method, OriginalUri(uri): OriginalUri) -> Problem {
    let detail = format!("{method} is not possible at {}. The API's document is at /api/v1/openapi.json.", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not possible here", detail)
}
