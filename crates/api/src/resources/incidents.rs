//! Drift incidents: opening one, leading it through its lifecycle, deciding, closing.
//!
//! Whoever acts names the version that they saw, with `If-Match` or in the body; if anything happened since, nothing is done
//! and the answer says what.

use axum::Json;
use axum::extract::State;
use drift_domain::change::DecisionKind;
use drift_domain::ids::{ChangeId, EnvironmentId, EventId, IncidentId, UserId};
use drift_domain::severity::Severity;
use drift_domain::views::{ChangePage, ClosingView, IncidentFilter, IncidentList, IncidentPage, Part, TimelinePage};
use drift_services::ServiceError;
use drift_services::gate::cap;
use drift_services::incidents::{Choice, Created};
use http::StatusCode;
use http::header::{ETAG, LOCATION};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::paging::PageQuery;
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{self, IdempotencyKey, IfMatch, Path, Query, Seen};
use crate::problem::{Answer, Problem};

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// Where to go on: `next` of the page before.
    pub after: Option<String>,
}

/// What an action made of the incident.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// The incident's version now; also in the header `ETag`.
    pub version: i64,
}

type Tagged<T> = ([(http::HeaderName, String); 1], Json<T>);

fn tagged<T>(version: i64, body: T) -> Tagged<T> {
    ([(ETAG, format!("\"{version}\""))], Json(body))
}

fn done(seen: &Seen, answer: Result<i64, ServiceError>) -> Answer<Tagged<Version>> {
    let version = answer.map_err(|error| seen.problem(error))?;
    Ok(tagged(version, Version { version }))
}

/// List the organization's incidents, newest first: the open ones, unless the filter says otherwise.
#[utoipa::path(get, path = "/incidents", tag = "Incidents", params(IncidentFilter, After), responses(
    (status = OK, body = IncidentList), (status = PAYMENT_REQUIRED, body = Problem),
))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(filter): Query<IncidentFilter>,
    Query(After { after }): Query<After>,
) -> Answer<Json<IncidentList>> {
    let permit = state.services.incidents_permit(&caller.0).await?;
    Ok(Json(state.services.incidents(&permit, filter, after.as_deref()).await?))
}

/// Why an incident is opened.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub(crate) struct NewIncident {
    /// Why, if there is more to say than that something differs.
    pub reason: Option<String>,
}

/// The incident that was opened, or was open already.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Opened {
    /// The incident.
    pub id: IncidentId,
    /// Whether the environment had it already: at most one is open.
    pub existed: bool,
}

/// Open an incident over the open changes of an environment. 201 with a new one, 200 with the one that is open already.
#[utoipa::path(post, path = "/environments/{environment}/incidents", tag = "Incidents", params(
    ("environment" = EnvironmentId, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same"),
), request_body = NewIncident, responses(
    (status = CREATED, body = Opened, headers(("Location" = String, description = "The incident's address"))),
    (status = OK, body = Opened), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(environment): Path<EnvironmentId>,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewIncident>,
) -> Answer<(StatusCode, [(http::HeaderName, String); 1], Json<Opened>)> {
    let permit = state.services.environment_permit::<cap::ManageIncidents>(&caller.0, environment).await?;
    let request = key.request("incidents.create", &(environment, &new));
    let work = async {
        let Created { id, existed } = state.services.create_incident(&permit, environment, new.reason.clone()).await?;
        Ok(Opened { id, existed })
    };
    let opened = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    let status = if opened.existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(LOCATION, format!("/api/v1/incidents/{}", opened.id))], Json(opened)))
}

/// Show one incident: its workspace, with a page of its changes. The header `ETag` is what `If-Match` names.
#[utoipa::path(get, path = "/incidents/{incident}", tag = "Incidents", params(
    ("incident" = IncidentId, Path), PageQuery,
), responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = OK, body = IncidentPage, headers(("ETag" = String, description = "The version of the incident"))),
    (status = NOT_FOUND, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    Query(PageQuery { after, limit }): Query<PageQuery>,
) -> Answer<Tagged<IncidentPage>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let page = state.services.incident_part(&permit, incident, &Part { after, limit }).await?;
    Ok(tagged(page.version, page))
}

/// Show one change of an incident, with its diff where the incident's plan has it, and as a graph where it has diffs in full.
#[utoipa::path(get, path = "/incidents/{incident}/changes/{change}", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("change" = ChangeId, Path),
), responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = OK, body = ChangePage), (status = NOT_FOUND, body = Problem)))]
pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path((incident, change)): Path<(IncidentId, ChangeId)>,
) -> Answer<Json<ChangePage>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    Ok(Json(state.services.incident_change(&permit, incident, change).await?))
}

/// Which part of the timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Earlier {
    /// Only entries before this one: `next` of the page before.
    pub before: Option<i64>,
}

/// List what happened to an incident, newest first: who did what, when and why.
#[utoipa::path(get, path = "/incidents/{incident}/timeline", tag = "Incidents", params(("incident" = IncidentId, Path), Earlier), responses(
    (status = OK, body = TimelinePage), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
))]
pub(crate) async fn timeline(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    Query(Earlier { before }): Query<Earlier>,
) -> Answer<Json<TimelinePage>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    Ok(Json(state.services.incident_timeline(&permit, incident, before.map(EventId)).await?))
}

/// Taking an incident on.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Acknowledgement {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// Why.
    pub reason: String,
    /// Who owns it; without one, whoever acknowledges.
    pub owner: Option<UserId>,
}

/// Acknowledge an incident, with a reason. The acknowledging member becomes its owner, unless another is named.
#[utoipa::path(post, path = "/incidents/{incident}/acknowledge", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = Acknowledgement, responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = FORBIDDEN, body = Problem),
    (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem),
    (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn acknowledge(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<Acknowledgement>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.acknowledge(&permit, incident, seen.version, body.reason, body.owner).await)
}

/// Saying that production is stable.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Stabilization {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// What was done to get there.
    pub note: String,
}

/// Say that production is stable. Drift that appears afterwards is flagged as new since then.
#[utoipa::path(post, path = "/incidents/{incident}/stabilize", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = Stabilization, responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem),
    (status = CONFLICT, body = Problem), (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem),
))]
pub(crate) async fn stabilize(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<Stabilization>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.stabilize(&permit, incident, seen.version, body.note).await)
}

/// The version that was seen.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct SeenVersion {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
}

/// State that every change is carried out. Refused with what is missing: a decision, its execution, or a check that found
/// no difference.
#[utoipa::path(post, path = "/incidents/{incident}/reconcile", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = SeenVersion, responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem),
))]
pub(crate) async fn reconcile(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<SeenVersion>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.reconcile(&permit, incident, seen.version).await)
}

/// Ask to close an incident. A check of the closing's own begins; it closes the incident or refuses, see `GET …/closing`.
/// There is no force.
#[utoipa::path(post, path = "/incidents/{incident}/close", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = SeenVersion, responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem),
    (status = ACCEPTED, body = ClosingView), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem),
))]
pub(crate) async fn close(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<SeenVersion>,
) -> Answer<(StatusCode, Json<ClosingView>)> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    let closing = state.services.request_close(&permit, incident, seen.version).await;
    Ok((StatusCode::ACCEPTED, Json(closing.map_err(|error| seen.problem(error))?)))
}

/// Show the closing that was asked for last: going on, closed, or refused and why. `null` where nobody asked.
#[utoipa::path(get, path = "/incidents/{incident}/closing", tag = "Incidents", params(("incident" = IncidentId, Path)), responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = OK, body = Option<ClosingView>), (status = NOT_FOUND, body = Problem),
))]
pub(crate) async fn closing(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
) -> Answer<Json<Option<ClosingView>>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    Ok(Json(state.services.closing(&permit, incident).await?))
}

/// A path for changes of an incident.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewChoice {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// For which changes; without any, for every one that has no path yet.
    pub changes: Option<Vec<ChangeId>>,
    /// The path: `PROMOTE`, `REVERT` or `REPLACE`.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// For `REPLACE`: the commit, or what else takes the place of both sides.
    pub replacement: Option<String>,
}

/// Choose a path for changes of an incident: all of them or none. A check sees it carried out.
#[utoipa::path(post, path = "/incidents/{incident}/decisions", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = NewChoice, responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn decide(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<NewChoice>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    let NewChoice { version: _, changes, kind, reason, replacement } = body;
    let choice = Choice { changes, kind, reason, replacement };
    done(&seen, state.services.decide(&permit, incident, seen.version, choice).await)
}

/// Another owner.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewOwner {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// Who.
    pub owner: UserId,
}

/// Name another owner.
#[utoipa::path(put, path = "/incidents/{incident}/owner", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = NewOwner, responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn assign(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<NewOwner>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.assign(&permit, incident, seen.version, body.owner).await)
}

/// A ticket.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewTicket {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// A web address, or a key of the organization's pattern; empty for none.
    pub ticket: String,
}

/// Name the ticket.
#[utoipa::path(put, path = "/incidents/{incident}/ticket", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = NewTicket, responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn ticket(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<NewTicket>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.set_ticket(&permit, incident, seen.version, body.ticket).await)
}

/// Another severity.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewSeverity {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// How much it matters.
    pub severity: Severity,
    /// Why it matters more or less than what changed says.
    pub reason: String,
}

/// Adjust the severity, with a reason. The deadline follows it.
#[utoipa::path(put, path = "/incidents/{incident}/severity", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = NewSeverity, responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn severity(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<NewSeverity>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.set_severity(&permit, incident, seen.version, body.severity, body.reason).await)
}

/// More time.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Extension {
    /// The version that was seen, where `If-Match` does not say.
    pub version: Option<i64>,
    /// How much: from the incident's end on, or from now where its time is over.
    pub hours: u32,
    /// Why it takes longer.
    pub reason: String,
}

/// Give an incident more time, with a reason, within the limits of its plan. What its expiry blocks is free again.
#[utoipa::path(post, path = "/incidents/{incident}/extend", tag = "Incidents", params(
    ("incident" = IncidentId, Path), ("If-Match" = Option<String>, Header),
), request_body = Extension, responses(
    (status = FORBIDDEN, body = Problem),
    (status = OK, body = Version), (status = NOT_FOUND, body = Problem), (status = PAYMENT_REQUIRED, body = Problem), (status = CONFLICT, body = Problem),
    (status = PRECONDITION_FAILED, body = Problem), (status = PRECONDITION_REQUIRED, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn extend(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    tag: IfMatch,
    extract::Json(body): extract::Json<Extension>,
) -> Answer<Tagged<Version>> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let seen = tag.seen(body.version)?;
    done(&seen, state.services.extend(&permit, incident, seen.version, body.hours, body.reason).await)
}

/// A comment.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct NewComment {
    /// What to say. `@` and a member's name or e-mail address mentions that member.
    pub text: String,
}

/// Comment on an incident, closed ones included.
#[utoipa::path(post, path = "/incidents/{incident}/comments", tag = "Incidents", params(
    ("incident" = IncidentId, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "The same key within a day is answered the same"),
), request_body = NewComment, responses(
    (status = PAYMENT_REQUIRED, body = Problem),
    (status = FORBIDDEN, body = Problem),
    (status = CREATED, body = Version), (status = NOT_FOUND, body = Problem), (status = CONFLICT, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn comment(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(incident): Path<IncidentId>,
    key: IdempotencyKey,
    extract::Json(new): extract::Json<NewComment>,
) -> Answer<(StatusCode, Tagged<Version>)> {
    let permit = state.services.incident_permit(&caller.0, incident).await?;
    let request = key.request("incidents.comment", &(incident, &new));
    let work = state.services.comment(&permit, incident, new.text.clone());
    let version = state.services.once(&caller.0, key.0.as_deref(), &request, work).await?;
    Ok((StatusCode::CREATED, tagged(version, Version { version })))
}
