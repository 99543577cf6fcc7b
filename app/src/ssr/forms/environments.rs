//! Connecting and configuring an environment, and testing a connection.

use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{ConnectionReport, EnvironmentDraft};
use drift_services::{ServiceError, ServiceResult};

use super::environment_id;
use crate::pages::connection;
use crate::ssr::render;
use crate::ssr::visit::Member;

/// What may go back into the form: everything but the secrets.
fn keep(draft: &EnvironmentDraft) -> Option<serde_json::Value> {
    serde_json::to_value(draft.clone().without_secrets()).ok()
}

/// Connects an environment; the first check follows by itself.
pub(crate) async fn connect(member: Member, Form(draft): Form<EnvironmentDraft>) -> Response {
    let kept = keep(&draft);
    let done: ServiceResult<EnvironmentId> =
        async { member.services().connect_environment(&member.permit()?, draft).await }.await;
    match done {
        Ok(id) => {
            let good = "Connected. The first check runs now; what it finds is there to be reviewed under View Drift.";
            member.after(Ok(()), good, &format!("/environments/{id}"), None).await
        }
        Err(error) => member.after(Err(error), "", "/environments/new", kept).await,
    }
}

/// Changes an environment's connection.
pub(crate) async fn update(member: Member, Path(id): Path<String>, Form(draft): Form<EnvironmentDraft>) -> Response {
    let kept = keep(&draft);
    let done: ServiceResult<EnvironmentId> = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit(&member.caller, id).await?;
        member.services().update_environment(&permit, id, draft).await?;
        Ok(id)
    }
    .await;
    match done {
        Ok(id) => {
            member
                .after(
                    Ok(()),
                    "Saved. A check with the new settings is on its way.",
                    &format!("/environments/{id}"),
                    None,
                )
                .await
        }
        // What somebody else has set meanwhile is looked at first: what was typed was an edit of something older.
        Err(error @ ServiceError::Stale { .. }) => {
            member.after(Err(error), "", &format!("/environments/{id}/settings"), None).await
        }
        Err(error) => member.after(Err(error), "", &format!("/environments/{id}/settings"), kept).await,
    }
}

/// Tests what the form of a new environment holds.
pub(crate) async fn test_new(member: Member, Form(draft): Form<EnvironmentDraft>) -> Response {
    test_draft(&member, None, draft).await
}

/// Tests what the form of a connected environment holds; stored secrets stand in for empty ones.
pub(crate) async fn test(member: Member, Path(id): Path<String>, Form(draft): Form<EnvironmentDraft>) -> Response {
    match environment_id(&id) {
        Ok(id) => test_draft(&member, Some(id), draft).await,
        Err(error) => member.problem(error).await,
    }
}

/// Answers into the frame beside the form, so that the form keeps what was typed.
async fn test_draft(member: &Member, id: Option<EnvironmentId>, draft: EnvironmentDraft) -> Response {
    let tested: ServiceResult<ConnectionReport> = async {
        let permit = match id {
            Some(id) => member.services().environment_permit(&member.caller, id).await?,
            None => member.permit()?,
        };
        member.services().test_connection(&permit, id, draft).await
    }
    .await;
    let (status, body): (_, render::Draw) = match tested {
        Ok(report) => (StatusCode::OK, Box::new(move || connection::report(&report))),
        Err(ServiceError::Invalid { field, message }) => {
            let why = format!("{}: {message}", connection::label(field));
            (StatusCode::UNPROCESSABLE_ENTITY, Box::new(move || connection::report_refused(why)))
        }
        Err(ServiceError::Unauthenticated) => return Redirect::to("/sign-in").into_response(),
        Err(error) => return member.problem(error).await,
    };
    let (options, theme) = (member.visit.screens.options.clone(), member.visit.theme);
    render::fragment(options, theme, "Connection report", status, body).await
}
