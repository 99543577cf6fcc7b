//! The forms of the drift workspace.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use drift_domain::change::DecisionKind;
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use super::{change_id, environment_id};
use crate::ssr::visit::Member;

/// Asks for a check now.
pub(crate) async fn recheck(member: Member, Path(id): Path<String>) -> Response {
    let done: ServiceResult<()> = async {
        let id = environment_id(&id)?;
        member.services().recheck(&member.services().environment_permit(&member.caller, id).await?, id).await
    }
    .await;
    member
        .after(
            done,
            "A check is on its way. This page shows its result as soon as it is there.",
            &workspace(&member, &id),
            None,
        )
        .await
}

#[derive(Deserialize)]
pub(crate) struct DecisionFields {
    decision: String,
    reason: String,
}

/// Records what became of a vanished change.
pub(crate) async fn confirm(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Form(fields): Form<DecisionFields>,
) -> Response {
    let done: ServiceResult<()> = async {
        let decision = fields.decision.parse::<DecisionKind>();
        let decision =
            decision.map_err(|_| ServiceError::invalid("decision", "Choose one of the decisions offered."))?;
        let (id, change) = (environment_id(&id)?, change_id(&change)?);
        let permit = member.services().environment_permit(&member.caller, id).await?;
        member.services().confirm_vanished(&permit, id, change, decision, fields.reason).await
    }
    .await;
    member
        .after(done, "Recorded. The change is decided and stays in the history.", &workspace(&member, &id), None)
        .await
}

#[derive(Deserialize)]
pub(crate) struct LinkFields {
    live_id: String,
    path: String,
}

/// Says which file stands for which workflow.
pub(crate) async fn link(member: Member, Path(id): Path<String>, Form(fields): Form<LinkFields>) -> Response {
    let done: ServiceResult<()> = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit(&member.caller, id).await?;
        member.services().link(&permit, id, &fields.live_id, &fields.path).await
    }
    .await;
    member.after(done, "Linked. The next check compares the two.", &workspace(&member, &id), None).await
}

#[derive(Deserialize)]
pub(crate) struct AdoptionFields {
    #[serde(default)]
    note: String,
}

/// Finishes the adoption review.
pub(crate) async fn finish_adoption(
    member: Member,
    Path(id): Path<String>,
    Form(fields): Form<AdoptionFields>,
) -> Response {
    let done: ServiceResult<()> = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit(&member.caller, id).await?;
        member.services().finish_adoption(&permit, id, fields.note).await
    }
    .await;
    member
        .after(
            done,
            "The review is finished. What differs stays listed until it is decided.",
            &workspace(&member, &id),
            None,
        )
        .await
}

/// Back to the workspace, filtered as it was; or to the change or the incident that the form was on.
fn workspace(member: &Member, id: &str) -> String {
    let Ok(id) = environment_id(id) else { return "/".to_owned() };
    let workspace = format!("/environments/{id}/drift");
    let is_workspace = |from: &String| from.starts_with(&workspace) || from.starts_with("/incidents/");
    member.visit.came_from().filter(is_workspace).unwrap_or(workspace)
}
