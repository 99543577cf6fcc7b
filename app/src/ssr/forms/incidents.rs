//! The forms of drift incidents. Each carries the version that its person saw; what comes too late comes back with what
//! happened meanwhile, and with what was typed.

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::approval::ProposedAct;
use drift_domain::change::DecisionKind;
use drift_domain::ids::{IncidentId, UserId};
use drift_domain::views::Proposed;
use drift_services::gate::cap;
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use super::{change_id, environment_id, incident_id};
use crate::pages::incidents::{Kept, change, incident, list, timeline};
use crate::ssr::visit::{Member, Screens};

/// The addresses of incidents: their pages and their forms.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    Router::new()
        .route("/environments/{id}/drift/incident", post(create))
        .route("/incidents", get(list::get))
        .route("/incidents/{id}", get(incident::get))
        .route("/incidents/{id}/receipt.json", get(incident::receipt))
        .route("/incidents/{id}/timeline", get(timeline::get))
        .route("/incidents/{id}/changes/{change}", get(change::get))
        .route("/incidents/{id}/changes/{change}/viewed", post(set_viewed))
        .route("/incidents/{id}/acknowledge", post(acknowledge))
        .route("/incidents/{id}/stabilize", post(stabilize))
        .route("/incidents/{id}/reconcile", post(reconcile))
        .route("/incidents/{id}/close", post(close))
        .route("/incidents/{id}/decisions", post(decide))
        .route("/incidents/{id}/owner", post(assign))
        .route("/incidents/{id}/ticket", post(set_ticket))
        .route("/incidents/{id}/severity", post(set_severity))
        .route("/incidents/{id}/extend", post(extend))
        .route("/incidents/{id}/comments", post(comment))
}

#[derive(Deserialize)]
pub(crate) struct CreateFields {
    #[serde(default)]
    reason: String,
}

/// Opens an incident; where one is open already, leads to it.
async fn create(member: Member, Path(id): Path<String>, Form(fields): Form<CreateFields>) -> Response {
    let reason = Some(fields.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let done = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit(&member.caller, id).await?;
        member.services().create_incident(&permit, id, reason).await
    }
    .await;
    let kept = Kept::new("create", [("reason", fields.reason.as_str())]).draft();
    match done {
        Ok(created) => {
            let text = if created.existed {
                "An incident is open here already: this is the one."
            } else {
                "The incident is open. Everybody who looks at this environment sees it."
            };
            member.after(Ok(()), text, &format!("/incidents/{}", created.id), None).await
        }
        Err(error) => {
            let drift = environment_id(&id).map_or("/".to_owned(), |id| format!("/environments/{id}/drift"));
            member.after(Err(error), "", &drift, kept).await
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct ViewedFields {
    /// The change's content, as its person saw it.
    #[serde(default)]
    content: String,
    #[serde(default)]
    viewed: bool,
}

/// Ticks a change as viewed, or takes the tick off; and back to where it stands.
async fn set_viewed(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Form(fields): Form<ViewedFields>,
) -> Response {
    let done = async {
        let (id, change) = (incident_id(&id)?, change_id(&change)?);
        let permit = member.services().incident_permit(&member.caller, id).await?;
        let content = fields.viewed.then_some(fields.content.as_str());
        let ticks = member.services().set_viewed(&permit, id, change, content).await?;
        Ok((workspace(&member, id), change, ticks))
    }
    .await;
    match done {
        Ok((to, change, ticks)) => {
            let text = format!("{} of {} viewed.", ticks.viewed, ticks.of);
            member.after(Ok(()), &text, &format!("{to}#change-{change}"), None).await
        }
        Err(error) => back(&member, &id, Err(error), "", Kept::default()).await,
    }
}

/// What every form of an incident carries: the version that its person saw.
pub(super) fn seen(version: &str) -> ServiceResult<i64> {
    version.parse().map_err(|_| ServiceError::Stale { meanwhile: Vec::new() })
}

#[derive(Deserialize)]
pub(crate) struct AcknowledgeFields {
    #[serde(default)]
    version: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    owner: String,
}

async fn acknowledge(member: Member, Path(id): Path<String>, Form(fields): Form<AcknowledgeFields>) -> Response {
    let done = async {
        let (incident, version, reason) =
            (looked_up::<cap::Lifecycle>(&member, &id).await?, seen(&fields.version)?, fields.reason.clone());
        let act = ProposedAct::Acknowledge { incident, version, reason, owner: person(&fields.owner)? };
        member.services().propose(&member.caller, act).await
    }
    .await;
    let kept = Kept::new("acknowledge", [("reason", fields.reason.as_str()), ("owner", fields.owner.as_str())]);
    proposed(&member, &id, done, "Acknowledged.", kept).await
}

#[derive(Deserialize)]
pub(crate) struct StabilizeFields {
    #[serde(default)]
    version: String,
    #[serde(default)]
    note: String,
}

async fn stabilize(member: Member, Path(id): Path<String>, Form(fields): Form<StabilizeFields>) -> Response {
    let done = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        member.services().stabilize(&permit, id, seen(&fields.version)?, fields.note.clone()).await
    }
    .await;
    let kept = Kept::new("stabilize", [("note", fields.note.as_str())]);
    back(&member, &id, done.map(drop), "Stabilized. What drifts from here on is marked as new.", kept).await
}

#[derive(Deserialize)]
pub(crate) struct StepFields {
    #[serde(default)]
    version: String,
}

async fn reconcile(member: Member, Path(id): Path<String>, Form(fields): Form<StepFields>) -> Response {
    let done = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        member.services().reconcile(&permit, id, seen(&fields.version)?).await
    }
    .await;
    back(&member, &id, done.map(drop), "Reconciled. What is left is to close it, by proof.", Kept::default()).await
}

async fn close(member: Member, Path(id): Path<String>, Form(fields): Form<StepFields>) -> Response {
    let done = async {
        let incident = looked_up::<cap::Lifecycle>(&member, &id).await?;
        let act = ProposedAct::Close { incident, version: seen(&fields.version)? };
        member.services().propose(&member.caller, act).await
    }
    .await;
    let good = "The closing's own check is on its way. It closes the incident, or says here why not.";
    proposed(&member, &id, done, good, Kept::default()).await
}

#[derive(Deserialize)]
pub(crate) struct DecideFields {
    #[serde(default)]
    version: String,
    /// The change that it is about; empty for all that are undecided.
    #[serde(default)]
    change: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    replacement: String,
}

async fn decide(member: Member, Path(id): Path<String>, Form(fields): Form<DecideFields>) -> Response {
    let done = async {
        let incident = looked_up::<cap::Decide>(&member, &id).await?;
        let kind = fields.kind.parse::<DecisionKind>();
        let change = Some(fields.change.as_str()).filter(|change| !change.is_empty()).map(change_id).transpose()?;
        let act = ProposedAct::Decide {
            incident,
            version: seen(&fields.version)?,
            changes: change.map(|change| vec![change]),
            kind: kind.map_err(|_| ServiceError::invalid("kind", "Choose one of the paths."))?,
            reason: fields.reason.clone(),
            replacement: Some(fields.replacement.trim().to_owned()).filter(|text| !text.is_empty()),
        };
        member.services().propose(&member.caller, act).await
    }
    .await;
    let form = if fields.change.is_empty() { "all" } else { &fields.change };
    let kept = Kept::new(
        format!("decide-{form}"),
        [("kind", fields.kind.as_str()), ("reason", &fields.reason), ("replacement", &fields.replacement)],
    );
    proposed(&member, &id, done, "Recorded. A check verifies it once it is carried out.", kept).await
}

#[derive(Deserialize)]
pub(crate) struct OwnerFields {
    #[serde(default)]
    version: String,
    #[serde(default)]
    owner: String,
}

async fn assign(member: Member, Path(id): Path<String>, Form(fields): Form<OwnerFields>) -> Response {
    let done = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        let owner = person(&fields.owner)?
            .ok_or_else(|| ServiceError::invalid("owner", "Choose a member of the organization."))?;
        member.services().assign(&permit, id, seen(&fields.version)?, owner).await
    }
    .await;
    let kept = Kept::new("owner", [("owner", fields.owner.as_str())]);
    back(&member, &id, done.map(drop), "The owner is changed.", kept).await
}

/// The member that a form names; nobody where it is empty.
fn person(text: &str) -> ServiceResult<Option<UserId>> {
    let person = Some(text).filter(|text| !text.is_empty()).map(str::parse).transpose();
    person.map_err(|_| ServiceError::invalid("owner", "Choose a member of the organization."))
}

#[derive(Deserialize)]
pub(crate) struct TicketFields {
    #[serde(default)]
    version: String,
    #[serde(default)]
    ticket: String,
}

async fn set_ticket(member: Member, Path(id): Path<String>, Form(fields): Form<TicketFields>) -> Response {
    let done = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        member.services().set_ticket(&permit, id, seen(&fields.version)?, fields.ticket.clone()).await
    }
    .await;
    let kept = Kept::new("ticket", [("ticket", fields.ticket.as_str())]);
    back(&member, &id, done.map(drop), "The ticket is saved.", kept).await
}

#[derive(Deserialize)]
pub(crate) struct SeverityFields {
    #[serde(default)]
    version: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    reason: String,
}

async fn set_severity(member: Member, Path(id): Path<String>, Form(fields): Form<SeverityFields>) -> Response {
    let done = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        let severity = fields.severity.parse();
        let severity = severity.map_err(|_| ServiceError::invalid("severity", "Choose one of the severities."))?;
        member.services().set_severity(&permit, id, seen(&fields.version)?, severity, fields.reason.clone()).await
    }
    .await;
    let kept = Kept::new("severity", [("severity", fields.severity.as_str()), ("reason", &fields.reason)]);
    back(&member, &id, done.map(drop), "The severity is adjusted.", kept).await
}

#[derive(Deserialize)]
pub(crate) struct ExtendFields {
    #[serde(default)]
    version: String,
    #[serde(default)]
    hours: String,
    #[serde(default)]
    reason: String,
}

async fn extend(member: Member, Path(id): Path<String>, Form(fields): Form<ExtendFields>) -> Response {
    let done = async {
        let incident = looked_up::<cap::Extend>(&member, &id).await?;
        let (version, reason) = (seen(&fields.version)?, fields.reason.clone());
        let hours = fields.hours.trim().parse();
        let hours = hours.map_err(|_| ServiceError::invalid("hours", "Say how many hours, as a whole number."))?;
        member.services().propose(&member.caller, ProposedAct::Extend { incident, version, hours, reason }).await
    }
    .await;
    let kept = Kept::new("extend", [("hours", fields.hours.as_str()), ("reason", &fields.reason)]);
    proposed(&member, &id, done, "The incident has more time.", kept).await
}

#[derive(Deserialize)]
pub(crate) struct CommentFields {
    #[serde(default)]
    text: String,
}

async fn comment(member: Member, Path(id): Path<String>, Form(fields): Form<CommentFields>) -> Response {
    let done = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        member.services().comment(&permit, id, fields.text.clone()).await
    }
    .await;
    let kept = Kept::new("comments", [("text", fields.text.as_str())]);
    back(&member, &id, done.map(drop), "Your comment is in the timeline.", kept).await
}

/// The incident, where it is the caller's to act on so: that comes before what is wrong with what was typed.
async fn looked_up<C: cap::Cap>(member: &Member, id: &str) -> ServiceResult<IncidentId> {
    let id = incident_id(id)?;
    member.services().incident_permit::<C>(&member.caller, id).await?;
    Ok(id)
}

/// What is said where others have to agree first.
pub(super) const ASKED: &str =
    "The policy takes the approval of others for this: they are asked. It is done once enough have approved.";

/// As [`back`], for what others may have to agree to.
async fn proposed(member: &Member, id: &str, done: ServiceResult<Proposed>, good: &str, kept: Kept) -> Response {
    let good = if matches!(done, Ok(Proposed::Asked { .. })) { ASKED } else { good };
    back(member, id, done.map(drop), good, kept).await
}

/// Back to the incident, or to the change that the form was on, with what came of it.
async fn back(member: &Member, id: &str, done: ServiceResult<()>, good: &str, kept: Kept) -> Response {
    let to = match incident_id(id) {
        Ok(id) => workspace(member, id),
        Err(error) => return member.problem(error).await,
    };
    let draft = if done.is_err() { kept.draft() } else { None };
    member.after(done, good, &to, draft).await
}

pub(super) fn workspace(member: &Member, id: IncidentId) -> String {
    let workspace = format!("/incidents/{id}");
    member.visit.came_from().filter(|from| from.starts_with(&workspace)).unwrap_or(workspace)
}
