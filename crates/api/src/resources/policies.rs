//! Policies: what the organization allows whom on its incidents.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::PolicyId;
use drift_domain::policy::{PolicyRules, PolicyTemplate};
use drift_domain::views::{Overview, PolicyList, PolicyPage, PolicySimulation, PolicyTarget};
use drift_services::ServiceError;
use drift_services::policies::PolicyContent;
use http::StatusCode;
use http::header::ETAG;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, IfMatch, Path};
use crate::problem::{Answer, Problem};

/// What a policy says: by a template, by a form, or as text. One of the three.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Content {
    /// What a template says.
    pub template: Option<PolicyTemplate>,
    /// What a form says.
    pub rules: Option<PolicyRules>,
    /// Text: rules of Cedar that forbid, as `docs/policies.md` has it.
    pub text: Option<String>,
}

impl TryFrom<Content> for PolicyContent {
    type Error = ServiceError;

    fn try_from(content: Content) -> Result<Self, ServiceError> {
        match content {
            Content { template: Some(template), rules: None, text: None } => Ok(Self::Form(template.rules())),
            Content { template: None, rules: Some(rules), text: None } => Ok(Self::Form(rules)),
            Content { template: None, rules: None, text: Some(text) } => Ok(Self::Text(text)),
            _ => Err(ServiceError::invalid("content", "Give one of “template”, “rules” and “text”.")),
        }
    }
}

/// A policy to be written.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Draft {
    /// What it is called.
    pub name: String,
    /// What it says.
    pub content: Content,
    /// For an edit: the version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
}

/// A policy that was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Written {
    /// Its identifier.
    pub id: PolicyId,
}

/// Where a policy is to hold.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Assignment {
    /// A class of environments, or one environment, which comes before its class.
    pub to: PolicyTarget,
    /// The policy; `null` for none.
    pub policy: Option<PolicyId>,
}

/// A draft to be tried out.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct Trial {
    /// What it says.
    pub content: Content,
    /// Days to look back: 1 to 365.
    pub days: u32,
}

/// Show every environment with the policy that holds, its open incident, its override debt, and what was let pass in 90 days.
#[utoipa::path(get, path = "/overview", tag = "Policies", responses(
    (status = OK, body = Overview), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn overview(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<Overview>> {
    Ok(Json(state.services.overview(&caller.permit()?).await?))
}

/// List the policies in use, and which holds for which environment.
#[utoipa::path(get, path = "/policies", tag = "Policies", responses(
    (status = OK, body = PolicyList), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
))]
pub(crate) async fn list(State(state): State<ApiState>, caller: SignedIn) -> Answer<Json<PolicyList>> {
    Ok(Json(state.services.policies(&caller.permit()?).await?))
}

/// Write a policy. It holds nowhere until it is assigned.
#[utoipa::path(post, path = "/policies", tag = "Policies", request_body = Draft,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = Written), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(body): extract::Json<Draft>,
) -> Answer<(StatusCode, Json<Written>)> {
    let permit = caller.permit()?;
    let request = key.request("policies.create", &body);
    let work = state.services.create_policy(&permit, &body.name, body.content.try_into()?);
    let id = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, Json(Written { id })))
}

/// Show a policy with its versions. The header `ETag` is what an edit names with `If-Match`.
#[utoipa::path(get, path = "/policies/{policy}", tag = "Policies", params(("policy" = PolicyId, Path)), responses(
    (status = OK, body = PolicyPage, headers(("ETag" = String, description = "The number of the newest version"))),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<PolicyId>,
) -> Answer<([(http::HeaderName, String); 1], Json<PolicyPage>)> {
    let page = state.services.policy(&caller.permit()?, id).await?;
    let version = page.versions.first().map_or(0, |newest| newest.version);
    Ok(([(ETAG, format!("\"{version}\""))], Json(page)))
}

/// Change a policy: a new version, which holds from then on.
#[utoipa::path(put, path = "/policies/{policy}", tag = "Policies", request_body = Draft,
    params(("policy" = PolicyId, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = NO_CONTENT, headers(("ETag" = String, description = "The number of the new version"))),
    (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
    (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    caller: SignedIn,
    tag: IfMatch,
    Path(id): Path<PolicyId>,
    extract::Json(body): extract::Json<Draft>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1])> {
    let permit = caller.permit()?;
    let seen = tag.seen(body.version)?;
    let version = u32::try_from(seen.version).unwrap_or(0);
    let edited = state.services.edit_policy(&permit, id, version, &body.name, body.content.try_into()?).await;
    let version = edited.map_err(|error| seen.problem(error))?;
    Ok((StatusCode::NO_CONTENT, [(ETAG, format!("\"{version}\""))]))
}

/// Take a policy out of use. Its versions stay.
#[utoipa::path(delete, path = "/policies/{policy}", tag = "Policies", params(("policy" = PolicyId, Path)), responses(
    (status = NO_CONTENT), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
))]
pub(crate) async fn retire(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<PolicyId>,
) -> Answer<StatusCode> {
    state.services.retire_policy(&caller.permit()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say which policy holds for a class of environments, or for one environment.
#[utoipa::path(put, path = "/policy-assignments", tag = "Policies", request_body = Assignment, responses(
    (status = NO_CONTENT), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn assign(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(body): extract::Json<Assignment>,
) -> Answer<StatusCode> {
    state.services.assign_policy(&caller.permit()?, body.to, body.policy).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a draft out on what was done: what it would have refused. Nothing is kept or changed.
#[utoipa::path(post, path = "/policy-trials", tag = "Policies", request_body = Trial, responses(
    (status = OK, body = PolicySimulation), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn simulate(
    State(state): State<ApiState>,
    caller: SignedIn,
    extract::Json(body): extract::Json<Trial>,
) -> Answer<Json<PolicySimulation>> {
    let permit = caller.permit()?;
    Ok(Json(state.services.simulate_policy(&permit, body.content.try_into()?, body.days).await?))
}
