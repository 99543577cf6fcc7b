//! The policy that holds for an environment, asked in the transaction of what it is asked about. No environment's or class's
//! policy: nothing is refused. A policy speaks where the plan has policies: for an incident the one that it keeps.

use chrono::{DateTime, Utc};
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::{EnvironmentId, OrganizationId, UserId};
use drift_domain::plan::{Capability, Grant, Plan};
use drift_domain::role::Role;
use drift_policy::{Ask, Asker, IncidentFacts, Policy};
use drift_store::incidents::IncidentRecord;
use drift_store::{PgConnection, policies};

use crate::error::{ServiceError, ServiceResult};
use crate::gate::Caller;

/// The name under which refusals of an organization's policy are told.
const POLICY: &str = "organization-policy";

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
    /// Why somebody may not do something, and what would satisfy the policy.
    pub(crate) fn refusal(&self, role: Role, ask: Ask) -> Option<String> {
        let refusals = self.policy.refusals(Asker { role, class: self.class }, ask);
        let rules: Vec<_> = refusals
            .iter()
            .map(|refusal| format!("{}. {}", refusal.title.trim_end_matches('.'), refusal.instead))
            .collect();
        (!rules.is_empty()).then(|| format!("The policy “{}” refuses this: {}", self.name, rules.join(" ")))
    }
}

/// Refuses what the policy that holds for an environment forbids a caller.
///
/// # Errors
/// [`ServiceError::PolicyRefused`], which names the policy, its rules and what would satisfy them.
pub(crate) async fn ask(
    db: &mut PgConnection,
    caller: &Caller,
    plan: &Plan,
    environment: EnvironmentId,
    asked: Ask,
) -> ServiceResult<()> {
    let holding = holding(db, caller.organization_id, plan, environment).await?;
    match holding.and_then(|holding| holding.refusal(caller.role, asked)) {
        Some(message) => Err(ServiceError::policy(POLICY, message)),
        None => Ok(()),
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
