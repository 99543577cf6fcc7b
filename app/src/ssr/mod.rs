//! The server's half: routes, who asks, and how pages become responses.
//!
//! A page is a handler that loads a view from the services, and a function that draws it; a form is a handler that asks the
//! services to do something and sends the browser on (Post/Redirect/Get), with a notice kept in the session. Nothing is
//! loaded while a page is drawn, so every page has the right status code and is whole before its first byte.

mod assets;
pub(crate) mod forms;
mod problem;
pub(crate) mod render;
pub(crate) mod visit;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::USER_AGENT;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use drift_domain::audit::AuditVia;
use drift_services::Services;
use leptos::config::LeptosOptions;

use crate::pages::people::{account, invitation, members, organization, reset};
use crate::pages::{
    audit, connection, drift, environment, environments, incident_settings, metrics, plan, reference, search, setup,
    sign_in,
};
use visit::Screens;

/// All screens, their forms and their files. It owns every address that the API does not.
///
/// `options` say where the files are. Session, notices and everything else come from `services`; the answers' general
/// headers, the refusal of other sites' posts, and limits are the server's.
pub fn router(services: Arc<Services>, options: LeptosOptions) -> Router {
    // Leptos needs to know the runtime. It fails when somebody told it before, which is as good.
    let _ = any_spawner::Executor::init_tokio();
    let screens = Screens { services, options };
    Router::new()
        .route("/", get(environments::get))
        .route("/setup", get(setup::get).post(forms::accounts::set_up))
        .route("/sign-in", get(sign_in::get).post(forms::accounts::sign_in))
        .route("/sign-out", post(forms::accounts::sign_out))
        .route("/sign-in/{provider}", get(forms::oidc::leave))
        .route("/sign-in/{provider}/callback", get(forms::oidc::come_back))
        .route("/reset", get(reset::get).post(forms::people::ask_for_reset))
        .route("/reset/{token}", get(reset::get_link).post(forms::people::reset_password))
        .route("/invitations/{token}", get(invitation::get).post(forms::people::join_as_newcomer))
        .route("/invitations/{token}/join", post(forms::people::join_as_member))
        .route("/settings/members", get(members::get))
        .route("/settings/members/leave", get(members::ask_leave).post(forms::people::leave))
        .route("/settings/members/{user}/role", post(forms::people::change_role))
        .route("/settings/members/{user}/remove", get(members::ask_remove).post(forms::people::remove))
        .route("/settings/invitations", post(forms::people::invite))
        .route("/settings/invitations/{id}/resend", post(forms::people::resend))
        .route("/settings/invitations/{id}/revoke", get(members::ask_revoke).post(forms::people::revoke_invitation))
        .route("/account", get(account::get))
        .route("/account/password", post(forms::people::change_password))
        .route("/account/sessions/{id}/end", post(forms::people::end_session))
        .route("/account/sign-out-everywhere", get(account::ask_end_all).post(forms::people::end_all_sessions))
        .route("/account/tokens", post(forms::people::create_token))
        .route("/account/tokens/{id}/revoke", get(account::ask_revoke).post(forms::people::revoke_token))
        .route("/api/reference", get(reference::get))
        .route("/organizations/new", get(organization::get))
        .route("/organizations", post(forms::people::found))
        .route("/organization", post(forms::accounts::switch))
        .route("/theme", post(forms::theme))
        .route("/environments", post(forms::environments::connect))
        .route("/environments/new", get(connection::get_new))
        .route("/environments/test", get(connection::get_untested).post(forms::environments::test_new))
        .route("/environments/{id}", get(environment::get))
        .route("/environments/{id}/settings", get(connection::get).post(forms::environments::update))
        .route("/environments/{id}/test", get(connection::get_untested).post(forms::environments::test))
        .route("/environments/{id}/drift", get(drift::workspace::get))
        .route("/environments/{id}/drift/checks", get(drift::checks::get))
        .route("/environments/{id}/drift/changes/{change}", get(drift::change::get))
        .route("/environments/{id}/drift/changes/{change}/decision", post(forms::drift::confirm))
        .route("/environments/{id}/drift/changes/{change}/override", post(forms::overrides::begin))
        .route("/environments/{id}/drift/changes/{change}/override/end", post(forms::overrides::end))
        .route("/environments/{id}/drift/recheck", post(forms::drift::recheck))
        .route("/environments/{id}/drift/links", post(forms::drift::link))
        .route("/environments/{id}/drift/adoption", post(forms::drift::finish_adoption))
        .merge(forms::incidents::routes())
        .merge(forms::reconciliations::routes())
        .route("/settings/incident-settings", get(incident_settings::get).post(forms::settings::set_incidents))
        .merge(forms::notifications::routes())
        .merge(forms::reports::routes())
        .merge(forms::retention::routes())
        .merge(forms::policies::routes())
        .merge(forms::approvals::routes())
        .route("/metrics", get(metrics::get))
        .route("/search", get(search::get))
        .route("/audit", get(audit::get))
        .route("/settings/plan", get(plan::get))
        .route("/settings/plan/tier", get(plan::get_tier).post(forms::plan::set_tier))
        .route("/settings/plan/limit", get(plan::get_limit).post(forms::plan::set_limit))
        .route("/settings/plan/requests", post(forms::plan::ask))
        .route("/settings/plan/requests/{id}", post(forms::plan::answer))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(assets::file_or_not_found)
        .layer(from_fn_with_state(screens.clone(), audited))
        .with_state(screens)
}

/// Middleware: what the request leaves in the audit log says where it came from.
async fn audited(State(screens): State<Screens>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<IpAddr>().copied();
    let user_agent = request.headers().get(USER_AGENT).and_then(|name| name.to_str().ok()).map(str::to_owned);
    let route = request.extensions().get::<MatchedPath>().map(|path| format!("{} {}", request.method(), path.as_str()));
    let services = screens.services.clone();
    services.within_request(AuditVia::Screen, address, user_agent.as_deref(), route, next.run(request)).await
}
