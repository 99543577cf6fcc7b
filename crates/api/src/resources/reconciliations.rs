//! Reconciliations: what would be written to n8n and to Git, said before it is; carrying it out; putting something back.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use drift_domain::failure::Side;
use drift_domain::ids::{ChangeId, IncidentId, ReconciliationId};
use drift_domain::reconciliation::Target;
use drift_domain::views::{MergeSide, ReconciliationPage};
use drift_services::gate::cap;
use drift_services::reconcile::Picks;
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, IfMatch, Path};
use crate::problem::{Answer, Problem};

/// What is to be carried out.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct NewReconciliation {
    /// The version of the incident that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// Which changes; without any, every one whose path is chosen and not under way.
    pub changes: Option<Vec<ChangeId>>,
    /// What to take where both sides left the baseline, differently: by change, then by the key of the conflict.
    pub picks: BTreeMap<ChangeId, BTreeMap<String, MergeSide>>,
}

type Created = (StatusCode, [(http::HeaderName, String); 1], Json<ReconciliationPage>);

/// A reconciliation as it is now.
async fn page(state: &ApiState, caller: &SignedIn, id: ReconciliationId) -> Answer<Json<ReconciliationPage>> {
    let permit = state.services.reconciliation_permit(&caller.0, id).await?;
    Ok(Json(state.services.reconciliation(&permit, id).await?))
}

async fn created(state: &ApiState, caller: &SignedIn, id: ReconciliationId) -> Answer<Created> {
    let address = format!("/api/v1/reconciliations/{id}");
    Ok((StatusCode::CREATED, [(LOCATION, address)], page(state, caller, id).await?))
}

/// Work out what carrying out the chosen paths of an incident would write where. Nothing is written to either side: this is
/// the plan that `POST /reconciliations/{reconciliation}/carry-out` carries out, or nothing.
#[utoipa::path(post, path = "/incidents/{incident}/reconciliations", tag = "Reconciliations", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same"),
), request_body = NewReconciliation, responses(
    (status = CREATED, body = ReconciliationPage, headers(("Location" = String, description = "The plan's address"))),
    (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
    (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewReconciliation>,
) -> Answer<Created> {
    let permit = state.services.incident_permit::<cap::Execute>(&caller.0, incident).await?;
    let seen = tag.seen(new.version)?;
    let request = key.request("reconciliations.create", &(incident, seen.version, &new));
    let work = async {
        let picks = new.picks.iter().map(|(change, picks)| (*change, Picks::clone(picks))).collect();
        state.services.plan_reconciliation(&permit, incident, seen.version, new.changes.clone(), picks).await
    };
    let id = state.services.once(&caller.0, key.0.as_deref(), &request, work).await;
    created(&state, &caller, id.map_err(|error| seen.problem(error))?).await
}

/// Show a reconciliation: its plan, and how far it is.
#[utoipa::path(get, path = "/reconciliations/{reconciliation}", tag = "Reconciliations", params(
    ("reconciliation" = ReconciliationId, Path),
), responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = OK, body = ReconciliationPage), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ReconciliationId>,
) -> Answer<Json<ReconciliationPage>> {
    page(&state, &caller, id).await
}

/// The version that was seen.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct SeenIncident {
    /// The version of the incident that was seen, if that matters: then nothing is done when it has moved on.
    pub version: Option<i64>,
}

/// What is done about a reconciliation.
#[derive(Clone, Copy, Debug)]
enum Act {
    CarryOut,
    Cancel,
    Retry,
}

/// Does it, and answers the reconciliation as it is then. That the incident moved on is a failed precondition where the caller
/// made it one.
async fn act(
    state: &ApiState,
    caller: &SignedIn,
    id: ReconciliationId,
    tag: IfMatch,
    body: &SeenIncident,
    act: Act,
) -> Answer<Json<ReconciliationPage>> {
    let services = &state.services;
    let permit = services.reconciliation_permit(&caller.0, id).await?;
    let seen = tag.seen_if_said(body.version);
    let version = seen.as_ref().map(|seen| seen.version);
    let done = match act {
        Act::CarryOut => services.carry_out(&permit, id, version).await,
        Act::Cancel => services.cancel_reconciliation(&permit, id, version).await,
        Act::Retry => services.try_again(&permit, id, version).await,
    };
    done.map_err(|error| match &seen {
        Some(seen) => seen.problem(error),
        None => Problem::from(error),
    })?;
    page(state, caller, id).await
}

/// Carry a plan out: exactly what it shows, or nothing. Answered at once; what comes of it is on the reconciliation.
#[utoipa::path(post, path = "/reconciliations/{reconciliation}/carry-out", tag = "Reconciliations", params(
    ("reconciliation" = ReconciliationId, Path), ("If-Match" = Option<String>, Header),
), request_body = SeenIncident, responses(
    (status = ACCEPTED, body = ReconciliationPage), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
))]
pub(crate) async fn carry_out(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ReconciliationId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<SeenIncident>,
) -> Answer<(StatusCode, Json<ReconciliationPage>)> {
    Ok((StatusCode::ACCEPTED, act(&state, &caller, id, tag, &body, Act::CarryOut).await?))
}

/// Take a reconciliation back, as long as nothing is written to n8n. What was proposed to Git and is not merged is closed.
#[utoipa::path(post, path = "/reconciliations/{reconciliation}/cancel", tag = "Reconciliations", params(
    ("reconciliation" = ReconciliationId, Path), ("If-Match" = Option<String>, Header),
), request_body = SeenIncident, responses(
    (status = OK, body = ReconciliationPage), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
))]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ReconciliationId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<SeenIncident>,
) -> Answer<Json<ReconciliationPage>> {
    act(&state, &caller, id, tag, &body, Act::Cancel).await
}

/// Try a reconciliation again that failed: it goes on where it was, and asks first what became of the step that failed.
#[utoipa::path(post, path = "/reconciliations/{reconciliation}/retry", tag = "Reconciliations", params(
    ("reconciliation" = ReconciliationId, Path), ("If-Match" = Option<String>, Header),
), request_body = SeenIncident, responses(
    (status = ACCEPTED, body = ReconciliationPage), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
))]
pub(crate) async fn retry(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(id): Path<ReconciliationId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<SeenIncident>,
) -> Answer<(StatusCode, Json<ReconciliationPage>)> {
    Ok((StatusCode::ACCEPTED, act(&state, &caller, id, tag, &body, Act::Retry).await?))
}

/// What is put back where.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NewRestore {
    /// Which side of the change, as it was kept when the change was seen.
    pub side: Side,
    /// Where it is put.
    pub target: Target,
}

/// Work out what putting one side of a change back would write. The change may be open, vanished or over; a restore decides
/// nothing about it. What is answered is carried out like every other plan.
#[utoipa::path(post, path = "/changes/{change}/restore", tag = "Reconciliations", params(
    ("change" = ChangeId, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same"),
), request_body = NewRestore, responses(
    (status = CREATED, body = ReconciliationPage, headers(("Location" = String, description = "The plan's address"))),
    (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn restore(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(change): Path<ChangeId>,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewRestore>,
) -> Answer<Created> {
    let permit = state.services.change_permit(&caller.0, change).await?;
    let request = key.request("reconciliations.restore", &(change, &new));
    let work = state.services.plan_restore(&permit, change, new.side, new.target);
    let id = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    created(&state, &caller, id).await
}
