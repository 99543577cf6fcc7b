//! The forms of approvals, and the page that they are on.

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::approval::ApprovalState;
use drift_domain::ids::ApprovalId;
use drift_services::gate::{Permit, cap};
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use crate::pages::approvals::{self, ADDRESS};
use crate::pages::policies::fields::number;
use crate::ssr::visit::{Member, Screens};

/// The addresses of approvals.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    Router::new()
        .route("/approvals", get(approvals::get))
        .route("/approvals/delegation", post(delegate))
        .route("/approvals/delegation/end", post(end_delegation))
        .route("/approvals/{id}/approve", post(approve))
        .route("/approvals/{id}/reject", post(reject))
        .route("/approvals/{id}/withdraw", post(withdraw))
}

fn approval_id(text: &str) -> ServiceResult<ApprovalId> {
    text.parse().map_err(|_| ServiceError::NotFound("approval"))
}

/// Back to where the form was: the inbox, or the incident.
fn back(member: &Member) -> String {
    member.visit.came_from().filter(|from| from.starts_with("/incidents/")).unwrap_or_else(|| ADDRESS.to_owned())
}

#[derive(Deserialize)]
struct ApproveFields {
    #[serde(default)]
    note: String,
}

async fn approve(member: Member, Path(id): Path<String>, Form(fields): Form<ApproveFields>) -> Response {
    let done = async {
        let permit: Permit<cap::Approvals> = member.permit()?;
        member.services().approve(&permit, approval_id(&id)?, Some(fields.note)).await
    }
    .await;
    let said = match &done {
        Ok(ApprovalState::Done) => "Approved, and carried out.",
        Ok(ApprovalState::Failed) => {
            "Approved, and could not be carried out: things are not as they were. The request says why."
        }
        Ok(ApprovalState::Pending) => "Approved. Others are asked, too.",
        _ => "Approved. It is carried out in a moment.",
    };
    member.after(done.map(drop), said, &back(&member), None).await
}

#[derive(Deserialize)]
struct RejectFields {
    #[serde(default)]
    reason: String,
}

async fn reject(member: Member, Path(id): Path<String>, Form(fields): Form<RejectFields>) -> Response {
    let done = async {
        let permit: Permit<cap::Approvals> = member.permit()?;
        member.services().reject_approval(&permit, approval_id(&id)?, fields.reason).await
    }
    .await;
    member.after(done, "Rejected. Nothing is done.", &back(&member), None).await
}

async fn withdraw(member: Member, Path(id): Path<String>) -> Response {
    let done = async {
        let permit: Permit<cap::Approvals> = member.permit()?;
        member.services().withdraw_approval(&permit, approval_id(&id)?).await
    }
    .await;
    member.after(done, "Taken back. Nothing is done.", &back(&member), None).await
}

#[derive(Deserialize)]
struct DelegateFields {
    #[serde(default)]
    to: String,
    #[serde(default)]
    days: String,
}

async fn delegate(member: Member, Form(fields): Form<DelegateFields>) -> Response {
    let done = async {
        let permit: Permit<cap::Approvals> = member.permit()?;
        let to = fields.to.parse().map_err(|_| ServiceError::invalid("to", "Choose a member of the organization."))?;
        member.services().delegate_approvals(&permit, to, number("days", &fields.days)?).await
    }
    .await;
    member.after(done.map(drop), "Saved. Your voice is lent from now on.", &format!("{ADDRESS}#away"), None).await
}

async fn end_delegation(member: Member) -> Response {
    let done = async {
        let permit: Permit<cap::Approvals> = member.permit()?;
        member.services().end_delegation(&permit).await
    }
    .await;
    member.after(done, "You approve by yourself again.", &format!("{ADDRESS}#away"), None).await
}
