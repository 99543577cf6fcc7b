//! The forms of the plan: another tier, a limit, asking for more, answering.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use drift_domain::plan::{Limit, PlanTier};
use drift_domain::views::UpgradeAsk;
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;
use serde_json::json;

use crate::pages::plan::{ADDRESS, read_limit};
use crate::ssr::visit::Member;

fn word<T: std::str::FromStr>(field: &'static str, text: &str) -> ServiceResult<T> {
    text.parse().map_err(|_| ServiceError::invalid(field, "Choose one of those offered."))
}

#[derive(Deserialize)]
pub(crate) struct TierFields {
    plan: String,
    version: i64,
    reason: String,
}

/// Changes the tier; back to its effect where that is refused.
pub(crate) async fn set_tier(member: Member, Form(fields): Form<TierFields>) -> Response {
    let kept = json!({ "reason": fields.reason });
    let back = format!("{ADDRESS}/tier?to={}", fields.plan);
    let done: ServiceResult<PlanTier> = async {
        let plan = word("plan", &fields.plan)?;
        member.services().set_tier(&member.permit()?, fields.version, plan, fields.reason).await?;
        Ok(plan)
    }
    .await;
    match done {
        Ok(plan) => {
            let said = format!("The organization has the {} plan now. It holds at once, for everybody.", plan.label());
            member.after(Ok(()), &said, ADDRESS, None).await
        }
        // Somebody else has chosen this very plan meanwhile: there is no effect to go back to.
        Err(ServiceError::Invalid { field: "plan", message }) => {
            member.after(Err(ServiceError::Conflict(message)), "", ADDRESS, None).await
        }
        // What somebody else did meanwhile is told where the plan and its history are.
        Err(error @ ServiceError::Stale { .. }) => member.after(Err(error), "", ADDRESS, None).await,
        Err(error) => member.after(Err(error), "", &back, Some(kept)).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct LimitFields {
    plan: String,
    limit: String,
    value: String,
    version: i64,
    reason: String,
}

/// Sets a limit; back to its effect where that is refused.
pub(crate) async fn set_limit(member: Member, Form(fields): Form<LimitFields>) -> Response {
    let kept = json!({ "reason": fields.reason });
    let typed = percent_encoding::utf8_percent_encode(&fields.value, percent_encoding::NON_ALPHANUMERIC).to_string();
    let done: ServiceResult<(PlanTier, Limit)> = async {
        let (plan, limit) = (word("plan", &fields.plan)?, word("limit", &fields.limit)?);
        let value = read_limit(&fields.value)?;
        member.services().set_limit(&member.permit()?, fields.version, plan, limit, value, fields.reason).await?;
        Ok((plan, limit))
    }
    .await;
    match done {
        Ok((plan, limit)) => {
            let said = format!("Saved: {} on the {} plan.", limit.label(), plan.label());
            member.after(Ok(()), &said, &format!("{ADDRESS}#limits"), None).await
        }
        Err(error) => {
            let back = match (fields.plan.parse::<PlanTier>(), fields.limit.parse::<Limit>()) {
                (Ok(plan), Ok(limit)) => format!("{ADDRESS}/limit?plan={plan}&limit={limit}&value={typed}"),
                _ => ADDRESS.to_owned(),
            };
            member.after(Err(error), "", &back, Some(kept)).await
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct AskFields {
    #[serde(default)]
    plan: String,
    #[serde(default)]
    capability: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    note: String,
}

/// Asks for a higher plan; back to where it was asked from.
pub(crate) async fn ask(member: Member, Form(fields): Form<AskFields>) -> Response {
    let done: ServiceResult<()> = async {
        let ask = UpgradeAsk {
            plan: fields.plan.parse().ok(),
            capability: fields.capability.parse().ok(),
            environment: fields.environment.parse().ok(),
            note: fields.note,
        };
        member.services().request_upgrade(&member.permit()?, ask).await?;
        Ok(())
    }
    .await;
    let back = member.visit.came_from().unwrap_or_else(|| ADDRESS.to_owned());
    let said = "Asked. Whoever manages the plan sees it in the plan settings, and you read the answer there.";
    member.after(done, said, &back, None).await
}

#[derive(Deserialize)]
pub(crate) struct AnswerFields {
    answer: String,
    #[serde(default)]
    words: String,
}

/// Answers a request for a higher plan.
pub(crate) async fn answer(member: Member, Path(id): Path<String>, Form(fields): Form<AnswerFields>) -> Response {
    let grant = fields.answer == "grant";
    let done: ServiceResult<()> = async {
        let id = id.parse().map_err(|_| ServiceError::NotFound("upgrade request"))?;
        member.services().answer_upgrade(&member.permit()?, id, grant, fields.words).await
    }
    .await;
    let said = if grant { "Granted." } else { "Declined. The asker reads your answer." };
    member.after(done, said, ADDRESS, None).await
}
