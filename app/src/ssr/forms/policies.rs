//! The forms of policies, and the pages that they are on.

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::environment::EnvironmentClass;
use drift_domain::views::PolicyTarget;
use drift_services::gate::{Permit, cap};
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;
use serde_json::to_value;

use super::environment_id;
use crate::pages::overview;
use crate::pages::policies::editor::{self, policy_id};
use crate::pages::policies::fields::Fields;
use crate::pages::policies::{self, ADDRESS};
use crate::ssr::visit::{Member, Screens};

/// The addresses of policies.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    Router::new()
        .route("/overview", get(overview::get))
        .route("/settings/policies", get(policies::get).post(create))
        .route("/settings/policies/new", get(editor::get_new))
        .route("/settings/policies/trial", get(editor::get_new).post(editor::try_out))
        .route("/settings/policies/assignments", post(assign))
        .route("/settings/policies/{id}", get(editor::get).post(edit))
        .route("/settings/policies/{id}/retire", post(retire))
}

async fn create(member: Member, Form(fields): Form<Fields>) -> Response {
    let mut to = ADDRESS.to_owned();
    let done: ServiceResult<()> = async {
        let permit: Permit<cap::Policies> = member.permit()?;
        let id = member.services().create_policy(&permit, &fields.name, fields.content()?).await?;
        to = format!("{ADDRESS}/{id}");
        Ok(())
    }
    .await;
    if matches!(done, Err(ServiceError::Invalid { .. })) {
        to = format!("{ADDRESS}/new?from={}", if fields.is_text() { "text" } else { "" });
    }
    let kept = to_value(&fields).ok();
    member.after(done, "The policy is kept. It holds nowhere until you say where, on the list.", &to, kept).await
}

async fn edit(member: Member, Path(id): Path<String>, Form(fields): Form<Fields>) -> Response {
    let mut to = ADDRESS.to_owned();
    let done: ServiceResult<()> = async {
        let permit: Permit<cap::Policies> = member.permit()?;
        let id = policy_id(&id)?;
        // Whether it is there comes before what is wrong with what was typed.
        member.services().policy(&permit, id).await?;
        to = format!("{ADDRESS}/{id}");
        let seen = fields.version.parse().map_err(|_| ServiceError::Stale { meanwhile: Vec::new() })?;
        member.services().edit_policy(&permit, id, seen, &fields.name, fields.content()?).await.map(drop)
    }
    .await;
    if fields.is_text() && done.is_err() {
        to.push_str("?as=text");
    }
    let kept = to_value(&fields).ok();
    member.after(done, "A new version is kept, and holds from now on wherever the policy does.", &to, kept).await
}

#[derive(Deserialize)]
struct AssignFields {
    /// A class, or an environment.
    #[serde(default)]
    to: String,
    /// A policy; empty for none.
    #[serde(default)]
    policy: String,
}

async fn assign(member: Member, Form(fields): Form<AssignFields>) -> Response {
    let done: ServiceResult<()> = async {
        let permit: Permit<cap::Policies> = member.permit()?;
        let target = match fields.to.parse::<EnvironmentClass>() {
            Ok(class) => PolicyTarget::Class(class),
            Err(_) => PolicyTarget::Environment(environment_id(&fields.to)?),
        };
        let policy = Some(fields.policy.as_str()).filter(|id| !id.is_empty()).map(policy_id).transpose()?;
        member.services().assign_policy(&permit, target, policy).await
    }
    .await;
    member.after(done, "Saved. It holds from now on.", &format!("{ADDRESS}#coverage"), None).await
}

async fn retire(member: Member, Path(id): Path<String>) -> Response {
    let done: ServiceResult<()> = async {
        let permit: Permit<cap::Policies> = member.permit()?;
        member.services().retire_policy(&permit, policy_id(&id)?).await
    }
    .await;
    member.after(done, "It is out of use. Its versions stay on record.", ADDRESS, None).await
}
