//! What the forms do: caller, permit, service, and on to the next page. Nothing is decided here.

pub(super) mod accounts;
pub(super) mod approvals;
pub(super) mod drift;
pub(super) mod environments;
pub(super) mod incidents;
pub(super) mod notifications;
pub(super) mod oidc;
pub(super) mod overrides;
pub(super) mod people;
pub(super) mod plan;
pub(super) mod policies;
pub(super) mod reconciliations;
pub(super) mod reports;
pub(super) mod retention;
pub(super) mod settings;

use axum::Form;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use drift_domain::ids::{ChangeId, EnvironmentId, IncidentId, ReconciliationId};
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use super::visit::{THEME_COOKIE, local};
use crate::components::layout::Theme;

/// The environment that an address names. An address that names none is one of nothing.
pub(crate) fn environment_id(text: &str) -> ServiceResult<EnvironmentId> {
    text.parse().map_err(|_| ServiceError::NotFound("environment"))
}

/// The change that an address names.
pub(crate) fn change_id(text: &str) -> ServiceResult<ChangeId> {
    text.parse().map_err(|_| ServiceError::NotFound("change"))
}

/// The incident that an address names.
pub(crate) fn incident_id(text: &str) -> ServiceResult<IncidentId> {
    text.parse().map_err(|_| ServiceError::NotFound("incident"))
}

/// The reconciliation that an address names.
pub(crate) fn reconciliation_id(text: &str) -> ServiceResult<ReconciliationId> {
    text.parse().map_err(|_| ServiceError::NotFound("reconciliation"))
}

#[derive(Deserialize)]
pub(super) struct ThemeForm {
    theme: String,
    next: String,
}

/// Keeps the chosen theme in the browser. Not a matter of the services: it concerns nobody else.
pub(super) async fn theme(Form(form): Form<ThemeForm>) -> Response {
    let theme = Theme::read(&form.theme).as_str();
    let cookie = format!("{THEME_COOKIE}={theme}; Path=/; Max-Age=31536000; SameSite=Lax");
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(local(&form.next))).into_response()
}
