//! The forms of overrides: accepting a difference for a time, and ending that.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use drift_domain::approval::ProposedAct;
use drift_domain::views::Proposed;
use drift_services::gate::cap;
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use super::incidents::ASKED;
use super::{change_id, environment_id};
use crate::ssr::visit::Member;

#[derive(Deserialize)]
pub(crate) struct OverrideFields {
    reason: String,
    days: String,
}

/// Accepts an open change for a time.
pub(crate) async fn begin(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Form(fields): Form<OverrideFields>,
) -> Response {
    let back = back(&member, &id);
    let done: ServiceResult<Proposed> = async {
        let (environment, change) = (environment_id(&id)?, change_id(&change)?);
        // Whether it is there comes before what is wrong with what was typed.
        member.services().environment_permit::<cap::Override>(&member.caller, environment).await?;
        let days = fields.days.trim().parse();
        let days = days.map_err(|_| ServiceError::invalid("days", "Write a whole number of days."))?;
        let act = ProposedAct::Override { environment, change, reason: fields.reason, days };
        member.services().propose(&member.caller, act).await
    }
    .await;
    let said = match done {
        Ok(Proposed::Asked { .. }) => ASKED,
        _ => "Recorded. The difference is accepted until its end, stays visible until then, and asks again after it.",
    };
    member.after(done.map(drop), said, &back, None).await
}

/// Ends an override before its time.
pub(crate) async fn end(member: Member, Path((id, change)): Path<(String, String)>) -> Response {
    let back = back(&member, &id);
    let done: ServiceResult<()> = async {
        let (id, change) = (environment_id(&id)?, change_id(&change)?);
        let permit = member.services().environment_permit::<cap::Override>(&member.caller, id).await?;
        member.services().end_override(&permit, id, change).await
    }
    .await;
    member.after(done, "Ended. The difference asks again.", &back, None).await
}

/// Back to the page that the form was on, or to the environment.
fn back(member: &Member, id: &str) -> String {
    let Ok(id) = environment_id(id) else { return "/".to_owned() };
    member.visit.came_from().unwrap_or_else(|| format!("/environments/{id}"))
}
