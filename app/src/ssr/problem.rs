//! What the services refuse, as a page with its status, or as a notice on the page that the form is on.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use drift_services::ServiceError;
use drift_services::accounts::Notice;

use super::visit::{Page, Visit};
use crate::components::icon::Icon;
use crate::pages::problem::{Problem, view};

const HOME: (&str, &str) = ("/", "Go to the environments");

/// The page for an error.
fn page(error: &ServiceError) -> (Page, HeaderMap) {
    let (status, title, icon) = match error {
        ServiceError::Unauthenticated => (StatusCode::UNAUTHORIZED, "Not signed in", Icon::Lock),
        ServiceError::NotFound(_) => (StatusCode::NOT_FOUND, "Not found", Icon::Question),
        ServiceError::PlanRequired { .. } | ServiceError::PlanLimit { .. } => {
            (StatusCode::PAYMENT_REQUIRED, "Not part of this plan", Icon::Lock)
        }
        ServiceError::RoleRequired { .. } => (StatusCode::FORBIDDEN, "Not with this role", Icon::Lock),
        ServiceError::PolicyRefused { .. } => (StatusCode::FORBIDDEN, "A policy does not allow this", Icon::Lock),
        ServiceError::ApprovalRequired(_) => (StatusCode::FORBIDDEN, "A policy takes approval for this", Icon::Lock),
        ServiceError::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "This could not be used", Icon::Warning),
        ServiceError::Conflict(_) | ServiceError::Stale { .. } => {
            (StatusCode::CONFLICT, "Things have changed meanwhile", Icon::Warning)
        }
        ServiceError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts", Icon::Clock),
        ServiceError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Not just now", Icon::Warning),
    };
    log(error);
    drift_services::audit::note_refusal(error);
    let mut headers = HeaderMap::new();
    let wait = match error {
        ServiceError::RateLimited { retry_after_seconds } => Some(*retry_after_seconds),
        ServiceError::Unavailable(_) => Some(5),
        _ => None,
    };
    headers.extend(wait.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
    let problem = Problem { status: status.as_u16(), title, text: error.to_string(), go: HOME, icon };
    (Page::new(title, move || view(&problem)).status(status), headers)
}

/// A fault of the product itself is logged here, once: the person only reads that it happened.
fn log(error: &ServiceError) {
    if let ServiceError::Unavailable(cause) = error {
        tracing::error!(error = %cause, "a page failed by the product's own fault");
    }
}

/// Answers with the page for an error.
pub(super) async fn respond(visit: &Visit, error: ServiceError) -> Response {
    let (page, headers) = page(&error);
    (headers, visit.page(page).await).into_response()
}

/// The notice for an error that the person can put right on the page that they came from; the error itself otherwise.
pub(super) fn notice(error: ServiceError, draft: Option<serde_json::Value>) -> Result<Notice, ServiceError> {
    drift_services::audit::note_refusal(&error);
    let field = match &error {
        ServiceError::Invalid { field, .. } => Some((*field).to_owned()),
        ServiceError::PlanLimit { .. }
        | ServiceError::PolicyRefused { .. }
        | ServiceError::ApprovalRequired(_)
        | ServiceError::Conflict(_)
        | ServiceError::Stale { .. }
        | ServiceError::RateLimited { .. } => None,
        ServiceError::Unavailable(_) => {
            log(&error);
            None
        }
        ServiceError::Unauthenticated
        | ServiceError::NotFound(_)
        | ServiceError::PlanRequired { .. }
        | ServiceError::RoleRequired { .. } => return Err(error),
    };
    Ok(Notice { good: false, text: error.to_string(), field, draft })
}

/// An address without anything behind it.
pub(super) async fn not_found(visit: Visit) -> Response {
    let problem = Problem {
        status: 404,
        title: "Not found",
        text: "There is nothing at this address. It may have been mistyped, or what was here is gone.".to_owned(),
        go: HOME,
        icon: Icon::Question,
    };
    visit.page(Page::new("Not found", move || view(&problem)).status(StatusCode::NOT_FOUND)).await
}

/// An address that only takes forms, opened like a page (a reload after a form, an address from the history).
pub(super) async fn method_not_allowed(visit: Visit) -> Response {
    let problem = Problem {
        status: 405,
        title: "Nothing to see here",
        text: "This address only takes forms. Go back to the page that the form is on.".to_owned(),
        go: HOME,
        icon: Icon::Info,
    };
    visit.page(Page::new("Nothing to see here", move || view(&problem)).status(StatusCode::METHOD_NOT_ALLOWED)).await
}
