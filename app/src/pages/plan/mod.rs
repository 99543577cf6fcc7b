//! `/settings/plan`: what the organization's plan grants, its limits, who changed what; choosing another and editing limits,
//! each with its effect shown before it is saved; and asking for more.

mod effect;
mod history;
mod limits;
mod matrix;
pub(crate) mod requests;
mod tiers;

pub(crate) use limits::read as read_limit;

use axum::extract::Query;
use axum::response::Response;
use drift_domain::plan::{Capability, Limit, PlanTier};
use drift_domain::views::{PlanEdit, PlanPage};
use drift_services::accounts::Notice;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;
use serde::Deserialize;

use crate::components::layout::Live;
use crate::ssr::visit::{Member, Page};
use requests::Asking;

/// Where the plan is.
pub(crate) const ADDRESS: &str = "/settings/plan";

/// Draws the page. `asking` is what brought the person here, if they met the end of the plan somewhere.
pub(crate) fn view(page: &PlanPage, asking: &Asking) -> AnyView {
    view! {
        <div class="page-head">
            <div>
                <h1>"Plan"</h1>
                <p class="text-ink-2 mt-0.5">
                    "Everybody sees drift, on every plan. The plan says how it may be managed."
                </p>
            </div>
        </div>
        {tiers::cards(page)}
        {requests::section(page, asking)}
        {matrix::section(page)}
        {limits::section(page)}
        {history::section(page)}
    }
    .into_any()
}

#[derive(Deserialize)]
pub(crate) struct PlanQuery {
    capability: Option<String>,
    environment: Option<String>,
}

/// `GET /settings/plan`
pub(crate) async fn get(member: Member, Query(query): Query<PlanQuery>) -> Response {
    let page = async {
        let page = member.services().plan(&member.permit()?).await?;
        let asking = Asking {
            capability: query.capability.and_then(|word| word.parse::<Capability>().ok()),
            environment: query.environment.and_then(|id| id.parse().ok()),
        };
        let now = page.now;
        Ok(Page::new("Plan", move || view(&page, &asking)).live(Live::Off, now))
    }
    .await;
    member.answer(page).await
}

/// What a form holds when it is drawn again after it was refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Again {
    pub reason: String,
    /// The field that the error is about, and what is wrong with it.
    pub error: Option<(String, String)>,
}

impl Again {
    fn read(notice: Option<&Notice>) -> Self {
        let reason = notice.and_then(|notice| notice.draft.as_ref()).and_then(|draft| draft["reason"].as_str());
        Self {
            reason: reason.unwrap_or_default().to_owned(),
            error: notice.and_then(|notice| Some((notice.field.clone()?, notice.text.clone()))),
        }
    }

    /// The error of one field.
    fn error(&self, field: &str) -> Option<String> {
        self.error.as_ref().filter(|(name, _)| name == field).map(|(_, text)| text.clone())
    }
}

/// A word of a query; one that is none is a page that is not there.
fn word<T: std::str::FromStr>(text: &str) -> ServiceResult<T> {
    text.parse().map_err(|_| ServiceError::NotFound("plan or limit"))
}

#[derive(Deserialize)]
pub(crate) struct TierQuery {
    to: String,
}

/// `GET /settings/plan/tier`: what another tier would do, and the form that saves it.
pub(crate) async fn get_tier(member: Member, Query(query): Query<TierQuery>) -> Response {
    let page = async {
        let plan: PlanTier = word(&query.to)?;
        let effect = member.services().plan_effect(&member.permit()?, PlanEdit::Tier { plan }).await?;
        let notice = member.take_notice().await?;
        let again = Again::read(notice.as_ref());
        let title = format!("Change to {}", plan.label());
        Ok(Page::new(title, move || effect::tier(plan, &effect, &again)).notice(notice.as_ref()))
    }
    .await;
    member.answer(page).await
}

#[derive(Deserialize)]
pub(crate) struct LimitQuery {
    plan: String,
    limit: String,
    /// What was typed; `None` before anything was.
    value: Option<String>,
}

/// `GET /settings/plan/limit`: a limit's form, and what the value that was typed would do, with the form that saves it.
pub(crate) async fn get_limit(member: Member, Query(query): Query<LimitQuery>) -> Response {
    let page = async {
        let (plan, limit): (PlanTier, Limit) = (word(&query.plan)?, word(&query.limit)?);
        let permit = member.permit()?;
        let settings = member.services().plan(&member.permit()?).await?;
        let notice = member.take_notice().await?;
        let mut again = Again::read(notice.as_ref());
        let mut effect = None;
        if let Some(typed) = &query.value {
            let shown = async {
                let value = limits::read(typed)?;
                member.services().plan_effect(&permit, PlanEdit::Limit { plan, limit, value }).await
            };
            match shown.await {
                Ok(shown) => effect = Some(shown),
                Err(ServiceError::Invalid { message, .. }) => again.error = Some(("value".to_owned(), message)),
                Err(error) => return Err(error),
            }
        }
        let title = format!("{} on {}", limit.label(), plan.label());
        let draw = move || limits::edit(&settings, plan, limit, query.value.as_deref(), effect.as_ref(), &again);
        Ok(Page::new(title, draw).notice(notice.as_ref()))
    }
    .await;
    member.answer(page).await
}
