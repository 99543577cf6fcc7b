//! The policy that holds for an environment, asked in the transaction of what it is asked about. No environment's or class's
//! policy: nothing is refused. A policy speaks where the plan has policies: for an incident the one that it keeps.

use chrono::{DateTime, Utc};
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::{EnvironmentId, OrganizationId, UserId};
use drift_domain::plan::{Capability, Grant, Plan};
use drift_domain::role::Role;
use drift_policy::{Ask, Asker, IncidentFacts, Policy, Refusal};
use drift_store::events::{self, NewEvent};
use drift_store::incidents::IncidentRecord;
use drift_store::{PgConnection, policies};
use serde_json::json;

use crate::approvals::{self, Needs};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::Caller;

/// The name under which refusals of an organization's policy are told.
pub(crate) const POLICY: &str = "organization-policy";

/// What holds for an environment.
pub(crate) struct Holding {
    class: EnvironmentClass,
    name: String,
    policy: Policy,
}

/// What holds for an environment under a plan.
///
/// # Errors
/// [`ServiceError::Unavailable`] when the database does not answer, or when the policy cannot be read: then nothing that it
/// might forbid is done.
pub(crate) async fn holding(
    db: &mut PgConnection,
    organization: OrganizationId,
    plan: &Plan,
    environment: EnvironmentId,
) -> ServiceResult<Option<Holding>> {
    if plan.grant(Capability::Policies) == Grant::None {
        return Ok(None);
    }
    let Some(found) = policies::holding(db, organization, environment).await? else { return Ok(None) };
    let policy = Policy::read(&found.text).map_err(|error| {
        ServiceError::unavailable(format!("the policy {:?} cannot be read any more: {error}", found.name))
    })?;
    Ok(Some(Holding { class: found.class, name: found.name, policy }))
}

impl Holding {
    /// Why somebody may not do something whoever approves it, and what would satisfy the policy.
    pub(crate) fn refusal(&self, role: Role, ask: Ask) -> Option<String> {
        let refusals = self.refusals(role, ask);
        let rules = sentences(refusals.iter().filter(|refusal| refusal.approval.is_none()));
        (!rules.is_empty()).then(|| format!("The policy “{}” refuses this: {rules}", self.name))
    }

    /// The approvals that something takes which is not refused.
    pub(crate) fn needs(&self, role: Role, ask: Ask) -> Option<Needs> {
        let mut refusals = self.refusals(role, ask);
        refusals.retain(|refusal| refusal.approval.is_some());
        let taken = || refusals.iter().filter_map(|refusal| refusal.approval);
        let needed = taken().map(|approval| approval.needed).max()?;
        let approvers = taken().map(|approval| approval.approvers).max()?;
        let message = format!("The policy “{}” takes approval for this: {}", self.name, sentences(refusals.iter()));
        Some(Needs { needed, approvers, rules: refusals.into_iter().map(|refusal| refusal.title).collect(), message })
    }

    fn refusals(&self, role: Role, ask: Ask) -> Vec<Refusal> {
        self.policy.refusals(Asker { role, class: self.class }, ask)
    }
}

fn sentences<'a>(refusals: impl Iterator<Item = &'a Refusal>) -> String {
    let rules: Vec<_> =
        refusals.map(|refusal| format!("{}. {}", refusal.title.trim_end_matches('.'), refusal.instead)).collect();
    rules.join(" ")
}

/// What somebody would do, where, and under which plan.
pub(crate) struct Asked<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// The plan: the organization's, or the one that an incident keeps.
    pub plan: &'a Plan,
    /// Where.
    pub environment: EnvironmentId,
    /// What.
    pub ask: Ask,
    /// When.
    pub now: DateTime<Utc>,
}

/// Lets through what the policy that holds for an environment allows a caller, approvals included. What was approved is used up by
/// it, in this transaction.
///
/// # Errors
/// [`ServiceError::PolicyRefused`], which names the policy, its rules and what would satisfy them;
/// [`ServiceError::ApprovalRequired`] where others can approve it; [`ServiceError::Conflict`] for an approval that does not do.
pub(crate) async fn ask(db: &mut PgConnection, asked: &Asked<'_>) -> ServiceResult<()> {
    approvals::once(db, asked.caller, asked.now).await?;
    let Some(holding) = asked.refuse(db).await? else { return Ok(()) };
    match holding.needs(asked.caller.role, asked.ask) {
        None => Ok(()),
        Some(needs) => {
            approvals::settle(db, asked.caller, asked.environment, asked.ask.action(), needs, asked.now).await
        }
    }
}

/// As [`ask`], for what brings an environment back: a policy that cannot be read any more stands in nobody's way then, which is
/// put on record (standing rule 6).
///
/// # Errors
/// As [`ask`].
pub(crate) async fn ask_for_recovery(db: &mut PgConnection, asked: &Asked<'_>) -> ServiceResult<()> {
    let organization = asked.caller.organization_id;
    let found = policies::holding(db, organization, asked.environment).await?;
    let Some((found, error)) = found.and_then(|found| Some((found.name, Policy::read(&found.text).err()?))) else {
        return ask(db, asked).await;
    };
    let event = NewEvent {
        organization_id: organization,
        environment_id: Some(asked.environment),
        change_id: None,
        kind: "policy.unreadable",
        actor: Some(asked.caller.user_id),
        data: json!({ "name": found, "action": asked.ask.action(), "why": error.to_string() }),
    };
    Ok(events::append(db, &event, asked.now).await?)
}

impl Asked<'_> {
    /// Refuses what the policy forbids whoever approves it: all that is asked of what lasts no time.
    ///
    /// # Errors
    /// [`ServiceError::PolicyRefused`]
    pub(crate) async fn refuse(&self, db: &mut PgConnection) -> ServiceResult<Option<Holding>> {
        let holding = holding(db, self.caller.organization_id, self.plan, self.environment).await?;
        match holding.as_ref().and_then(|holding| holding.refusal(self.caller.role, self.ask)) {
            Some(message) => Err(ServiceError::policy(POLICY, message)),
            None => Ok(holding),
        }
    }
}

/// What a policy may know of an incident, for somebody at a moment.
pub(crate) fn facts(incident: &IncidentRecord, who: UserId, now: DateTime<Utc>) -> IncidentFacts {
    IncidentFacts {
        severity: incident.severity,
        expired: incident.ttl.is_some_and(|ttl| ttl.is_over(now)),
        owner: incident.owner.as_ref().is_some_and(|(owner, _)| *owner == who),
    }
}
