//! Leading an incident on: taking it on, saying that production is stable, stating that everything is carried out; and
//! what people write down on the way.

use drift_domain::ids::{IncidentId, UserId};
use drift_domain::incident::mentions::{Mentionable, mentioned};
use drift_domain::incident::{AnyIncident, IncidentStatus, ticket};
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_policy::Ask;
use drift_store::incidents::Particulars;
use drift_store::{PgConnection, environments, incident_settings, incidents, people};
use serde_json::json;

use super::guard;
use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// The longest comment that is taken, in characters.
const COMMENT_LENGTH: usize = 10_000;
/// The least role that can own an incident: one that may act on it.
pub(super) const OWNER: Role = Role::Operator;

impl Services {
    /// Takes an incident on. Whoever does becomes its owner, unless another is named. Answers the new version.
    ///
    /// # Errors
    /// [`ServiceError::Stale`], or [`ServiceError::Conflict`] when it is not DETECTED; [`ServiceError::Invalid`] without a
    /// reason, or for an owner who is no member or may not act.
    pub async fn acknowledge(
        &self,
        permit: &Permit<cap::Lifecycle>,
        id: IncidentId,
        seen: i64,
        reason: String,
        owner: Option<UserId>,
    ) -> ServiceResult<i64> {
        let reason = read_reason(&reason)?;
        let mut act = self.act(permit, id, Some(seen)).await?;
        let AnyIncident::Detected(incident) = act.incident.standing.clone() else {
            return Err(conflict(guard::acknowledge(act.status())));
        };
        act.ask_policy(Ask::Acknowledge).await?;
        let owner = owner.unwrap_or(act.by);
        let (name, _) = ownable(&mut act.tx, permit, owner).await?;
        let acknowledged = AnyIncident::from(incident.acknowledge(act.now));
        let ttl = act.begin_time().await?;
        let expires_at = ttl.map(|ttl| ttl.expires_at);
        let set = Particulars { reason: Some(reason), owner: Some(owner), ttl, ..Particulars::from(&act.incident) };
        incidents::describe(&mut act.tx, act.organization, id, &set).await?;
        incidents::step(&mut act.tx, act.organization, IncidentStatus::Detected, &acknowledged, act.now).await?;
        let data = json!({ "note": reason, "owner": { "id": owner, "name": name }, "expires_at": expires_at });
        act.tell("incident.acknowledged", None, data).await?;
        self.acted(act, "incident.acknowledged").await
    }

    /// Says that production is stable. Drift that appears afterwards is flagged as new since then.
    ///
    /// # Errors
    /// [`ServiceError::Stale`], or [`ServiceError::Conflict`] when it is not ACKNOWLEDGED or has the basic lifecycle.
    pub async fn stabilize(
        &self,
        permit: &Permit<cap::Stabilize>,
        id: IncidentId,
        seen: i64,
        note: String,
    ) -> ServiceResult<i64> {
        let note = optional(&note)?;
        let mut act = self.act(permit, id, Some(seen)).await?;
        let AnyIncident::Acknowledged(incident) = act.incident.standing.clone() else {
            return Err(conflict(guard::stabilize(act.status(), act.incident.plan.lifecycle())));
        };
        let stabilized = incident.stabilize(act.now).map_err(|refusal| ServiceError::Conflict(refusal.to_string()))?;
        incidents::step(&mut act.tx, act.organization, IncidentStatus::Acknowledged, &stabilized.into(), act.now)
            .await?;
        act.tell("incident.stabilized", None, json!({ "note": note })).await?;
        self.acted(act, "incident.stabilized").await
    }

    /// States that every change is carried out: each is over by a decision, and a check begun after the last found no
    /// difference.
    ///
    /// # Errors
    /// [`ServiceError::Stale`], or [`ServiceError::Conflict`] that says what is missing.
    pub async fn reconcile(&self, permit: &Permit<cap::Lifecycle>, id: IncidentId, seen: i64) -> ServiceResult<i64> {
        let mut act = self.act(permit, id, Some(seen)).await?;
        if let Some(refusal) = guard::before_reconcile(act.status(), act.incident.plan.lifecycle()) {
            return Err(ServiceError::Conflict(refusal));
        }
        let environment = environments::get(&mut act.tx, act.organization, act.environment).await?;
        let environment = environment.ok_or(ServiceError::NotFound("environment"))?;
        let proofs = guard::proofs(&mut act.tx, act.organization, &act.incident, &environment, act.now).await?;
        let (settled, in_sync) = proofs.map_err(|missing| {
            ServiceError::Conflict(format!("This incident is not reconciled yet. {}", missing.join(" ")))
        })?;
        let reconciled = match act.incident.standing.clone() {
            AnyIncident::Acknowledged(incident) => incident.reconcile(&settled, &in_sync, act.now),
            AnyIncident::Stabilized(incident) => incident.reconcile(&settled, &in_sync, act.now),
            _ => return Err(conflict(None)),
        };
        let reconciled = reconciled.map_err(|refusal| ServiceError::Conflict(refusal.to_string()))?;
        let from = act.status();
        incidents::step(&mut act.tx, act.organization, from, &reconciled.into(), act.now).await?;
        act.tell("incident.reconciled", None, json!({ "check": in_sync.check() })).await?;
        self.acted(act, "incident.reconciled").await
    }

    /// Names another owner.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::Conflict`] once it is closed; [`ServiceError::Invalid`] for somebody who is
    /// no member or may not act.
    pub async fn assign(
        &self,
        permit: &Permit<cap::Ownership>,
        id: IncidentId,
        seen: i64,
        owner: UserId,
    ) -> ServiceResult<i64> {
        let mut act = self.act(permit, id, Some(seen)).await?;
        act.open()?;
        let (name, _) = ownable(&mut act.tx, permit, owner).await?;
        let before = act.incident.owner.as_ref().map(|owner| owner.1.clone());
        let set = Particulars { owner: Some(owner), ..Particulars::from(&act.incident) };
        incidents::describe(&mut act.tx, act.organization, id, &set).await?;
        act.tell("incident.assigned", None, json!({ "owner": { "id": owner, "name": name }, "before": before }))
            .await?;
        self.acted(act, "incident.assigned").await
    }

    /// Names the ticket: a web address, or a key of the organization's pattern. An empty one takes it away.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::Conflict`] once it is closed; [`ServiceError::Invalid`] for anything that is
    /// neither.
    pub async fn set_ticket(
        &self,
        permit: &Permit<cap::TicketLink>,
        id: IncidentId,
        seen: i64,
        text: String,
    ) -> ServiceResult<i64> {
        let mut act = self.act(permit, id, Some(seen)).await?;
        act.open()?;
        let pattern = super::settings::pattern(&incident_settings::get(&mut act.tx, act.organization).await?);
        let ticket = match text.trim() {
            "" => None,
            text => Some(
                ticket::read(text, pattern.as_ref())
                    .map_err(|error| ServiceError::invalid("ticket", error.to_string()))?,
            ),
        };
        let set = Particulars { ticket: ticket.as_deref(), ..Particulars::from(&act.incident) };
        incidents::describe(&mut act.tx, act.organization, id, &set).await?;
        act.tell("incident.ticket_set", None, json!({ "ticket": ticket, "before": act.incident.ticket })).await?;
        self.acted(act, "incident.ticket_set").await
    }

    /// Adjusts the severity, with a reason. The deadline follows it, where there is one.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::Conflict`] once it is closed; [`ServiceError::Invalid`] without a reason.
    pub async fn set_severity(
        &self,
        permit: &Permit<cap::AdjustSeverity>,
        id: IncidentId,
        seen: i64,
        severity: Severity,
        reason: String,
    ) -> ServiceResult<i64> {
        let reason = read_reason(&reason)?;
        let mut act = self.act(permit, id, Some(seen)).await?;
        act.open()?;
        let ttl = act.incident.ttl.map(|ttl| ttl.reweighed(act.incident.severity, severity, act.now));
        let expires_at = ttl.map(|ttl| ttl.expires_at);
        let set = Particulars {
            severity,
            severity_reason: Some(reason),
            severity_by_clock: false,
            ttl,
            ..Particulars::from(&act.incident)
        };
        incidents::describe(&mut act.tx, act.organization, id, &set).await?;
        let data = json!({
            "severity": severity, "before": act.incident.severity, "note": reason, "expires_at": expires_at,
        });
        act.tell("incident.severity_set", None, data).await?;
        self.acted(act, "incident.severity_set").await
    }

    /// Writes a comment into the timeline. `@` and a member's name or address mentions that member. A closed incident may be
    /// commented, too.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a comment that is empty or longer than 10,000 characters.
    pub async fn comment(
        &self,
        permit: &Permit<cap::ManageIncidents>,
        id: IncidentId,
        text: String,
    ) -> ServiceResult<i64> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > COMMENT_LENGTH {
            let message = format!("Write a comment of at most {COMMENT_LENGTH} characters.");
            return Err(ServiceError::invalid("text", message));
        }
        let mut act = self.act(permit, id, None).await?;
        let members = people::members(&mut act.tx, act.organization).await?;
        let members: Vec<_> =
            members.iter().map(|m| Mentionable { id: m.user_id, name: &m.name, email: &m.email }).collect();
        let mentions: Vec<UserId> = mentioned(text, &members);
        act.tell("incident.commented", None, json!({ "note": text, "mentions": mentions })).await?;
        self.acted(act, "incident.commented").await
    }
}

/// The name and role of somebody who can own an incident.
async fn ownable<C>(db: &mut PgConnection, permit: &Permit<C>, user: UserId) -> ServiceResult<(String, Role)> {
    let member = people::member(db, permit.organization(), user).await?;
    match member {
        Some((name, role)) if role >= OWNER => Ok((name, role)),
        Some((name, role)) => {
            let message =
                format!("{name} has the role {role} and could not act on the incident. An owner is at least {OWNER}.");
            Err(ServiceError::invalid("owner", message))
        }
        None => Err(ServiceError::invalid("owner", "The owner is a member of this organization.")),
    }
}

/// A note that may be left out.
fn optional(text: &str) -> ServiceResult<Option<&str>> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(read_reason).transpose()
}

fn conflict(refusal: Option<String>) -> ServiceError {
    ServiceError::Conflict(refusal.unwrap_or_else(|| "This is not the incident's next step.".to_owned()))
}
