//! The organization's plan: what it grants, its limits, changing it, and asking for a higher one.

use axum::Json;
use axum::extract::State;
use drift_domain::ids::UpgradeRequestId;
use drift_domain::plan::{Limit, PlanTier};
use drift_domain::views::{PlanEdit, PlanEffect, PlanPage, UpgradeAsk, UpgradeRequestView};
use drift_services::ServiceError;
use drift_services::gate::cap;
use http::header::{ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::paging::{List, made};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, Path, Query};
use crate::problem::{Answer, Problem};

type Tagged<T> = ([(HeaderName, String); 1], Json<T>);

/// Show the plan: what every tier grants, the limits, who changed what, requests for a higher plan. The `ETag` names its
/// version for `If-Match`.
#[utoipa::path(get, path = "/plan", tag = "Plan", responses(
    (status = OK, body = PlanPage, headers(("ETag" = String, description = "The version of the plan"))),
))]
pub(crate) async fn show(State(state): State<ApiState>, caller: SignedIn) -> Answer<Tagged<PlanPage>> {
    let page = state.services.plan(&caller.permit::<cap::RequestUpgrade>()?).await?;
    Ok(([(ETAG, tag(page.version))], Json(page)))
}

/// Which edit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EffectQuery {
    /// The tier to change to, or the one whose limit is set.
    pub plan: PlanTier,
    /// The limit, for a limit.
    pub limit: Option<Limit>,
    /// Its value, for a limit; without it, "no limit".
    pub value: Option<u32>,
}

/// Show what an edit of the plan would do. Nothing is saved.
#[utoipa::path(get, path = "/plan/effect", tag = "Plan", params(EffectQuery), responses(
    (status = OK, body = PlanEffect), (status = FORBIDDEN, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn effect(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(EffectQuery { plan, limit, value }): Query<EffectQuery>,
) -> Answer<Json<PlanEffect>> {
    let edit = limit.map_or(PlanEdit::Tier { plan }, |limit| PlanEdit::Limit { plan, limit, value });
    Ok(Json(state.services.plan_effect(&caller.permit::<cap::ManagePlan>()?, edit).await?))
}

/// Another tier.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewTier {
    /// The tier.
    pub plan: PlanTier,
    /// Why.
    pub reason: String,
    /// The version of the plan that the decision was made on; or the header `If-Match` with its `ETag`.
    pub version: Option<i64>,
}

/// Change the tier. Answers what that did. Open incidents keep the plan that they were created under.
#[utoipa::path(put, path = "/plan/tier", tag = "Plan", request_body = NewTier,
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that the decision was made on")), responses(
    (status = OK, body = PlanEffect), (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn set_tier(
    State(state): State<ApiState>,
    caller: SignedIn,
    headers: HeaderMap,
    extract::Json(NewTier { plan, reason, version }): extract::Json<NewTier>,
) -> Answer<Json<PlanEffect>> {
    let permit = caller.permit::<cap::ManagePlan>()?;
    let seen = Seen::read(&headers, version)?;
    seen.hold(state.services.set_tier(&permit, seen.version, plan, reason).await).map(Json)
}

/// A limit of a tier, for this organization.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewLimit {
    /// The tier whose limit it is.
    pub plan: PlanTier,
    /// The limit.
    pub limit: Limit,
    /// Its value; `null` is "no limit", where the tier takes it.
    pub value: Option<u32>,
    /// Why.
    pub reason: String,
    /// The version of the plan that the decision was made on; or the header `If-Match` with its `ETag`.
    pub version: Option<i64>,
}

/// Set a limit of a tier, within its bounds. Answers what that did. What shows drift has no limit to set.
#[utoipa::path(put, path = "/plan/limits", tag = "Plan", request_body = NewLimit,
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that the decision was made on")), responses(
    (status = OK, body = PlanEffect), (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn set_limit(
    State(state): State<ApiState>,
    caller: SignedIn,
    headers: HeaderMap,
    extract::Json(new): extract::Json<NewLimit>,
) -> Answer<Json<PlanEffect>> {
    let permit = caller.permit::<cap::ManagePlan>()?;
    let seen = Seen::read(&headers, new.version)?;
    let NewLimit { plan, limit, value, reason, .. } = new;
    seen.hold(state.services.set_limit(&permit, seen.version, plan, limit, value, reason).await).map(Json)
}

/// Which part of the requests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestsQuery {
    /// Where to go on: `next` of the page before.
    pub after: Option<UpgradeRequestId>,
}

/// List requests for a higher plan, open ones first: everybody's for who may answer them, else one's own.
#[utoipa::path(get, path = "/plan/upgrade-requests", tag = "Plan", params(RequestsQuery), responses((status = OK, body = List<UpgradeRequestView>)))]
pub(crate) async fn requests(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(RequestsQuery { after }): Query<RequestsQuery>,
) -> Answer<Json<List<UpgradeRequestView>>> {
    let (page, next) = state.services.upgrade_requests(&caller.permit::<cap::RequestUpgrade>()?, after).await?;
    Ok(made(page, next))
}

/// What was asked.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Asked {
    /// The new request.
    pub id: UpgradeRequestId,
}

/// Ask for a higher plan. A person has one open request at a time, so that asking twice asks once (409).
#[utoipa::path(post, path = "/plan/upgrade-requests", tag = "Plan", request_body = UpgradeAsk,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same")), responses(
    (status = CREATED, body = Asked, headers(("Location" = String, description = "Where the answer will be"))),
    (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn ask(
    State(state): State<ApiState>,
    caller: SignedIn,
    key: IdempotencyKey,
    extract::Json(ask): extract::Json<UpgradeAsk>,
) -> Answer<(StatusCode, [(HeaderName, String); 1], Json<Asked>)> {
    let permit = caller.permit::<cap::RequestUpgrade>()?;
    let request = key.request("upgrade_requests.create", &ask);
    let work = async { Ok(Asked { id: state.services.request_upgrade(&permit, ask).await? }) };
    let asked = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, [(LOCATION, "/api/v1/plan/upgrade-requests".to_owned())], Json(asked)))
}

/// The answer to a request.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewAnswer {
    /// Whether the organization gets the plan: that is done at once.
    pub grant: bool,
    /// What the asker reads; needed to decline.
    #[serde(default)]
    pub words: String,
}

/// Answer a request for a higher plan. Granting it changes the tier.
#[utoipa::path(post, path = "/plan/upgrade-requests/{request}/answer", tag = "Plan", request_body = NewAnswer,
    params(("request" = UpgradeRequestId, Path)), responses(
    (status = NO_CONTENT), (status = FORBIDDEN, body = Problem), (status = NOT_FOUND, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn answer(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(request): Path<UpgradeRequestId>,
    extract::Json(NewAnswer { grant, words }): extract::Json<NewAnswer>,
) -> Answer<StatusCode> {
    state.services.answer_upgrade(&caller.permit::<cap::ManagePlan>()?, request, grant, words).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Which version of the plan the caller has seen, and how it said so.
struct Seen {
    version: i64,
    by_header: bool,
}

impl Seen {
    fn read(headers: &HeaderMap, in_body: Option<i64>) -> Result<Self, Problem> {
        let Some(header) = headers.get(IF_MATCH) else {
            let message = "Name the version of the plan that this was decided on, here or as If-Match with its ETag.";
            return match in_body {
                Some(version) => Ok(Self { version, by_header: false }),
                None => Err(ServiceError::invalid("version", message).into()),
            };
        };
        let text = header.to_str().unwrap_or_default().trim();
        // A tag that is none of ours matches no version.
        let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|tag| tag.parse().ok());
        Ok(Self { version: version.unwrap_or(-1), by_header: true })
    }

    /// A precondition that was sent and failed is a 412.
    fn hold<T>(&self, done: Result<T, ServiceError>) -> Answer<T> {
        done.map_err(|error| {
            let stale = matches!(error, ServiceError::Stale { .. });
            let problem = Problem::from(error);
            if stale && self.by_header {
                return Problem { status: StatusCode::PRECONDITION_FAILED.as_u16(), ..problem };
            }
            problem
        })
    }
}
