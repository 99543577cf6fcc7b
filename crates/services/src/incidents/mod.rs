//! Drift incidents: opened, taken on, led through their lifecycle, decided and closed. One file a concern.
//!
//! Whoever acts holds the environment's row, as detection does, so that both take turns. Every act names the version that
//! its person saw, writes what happened into the timeline in the same transaction, and moves the version on.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChangeId, EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_policy::{Ask, IncidentFacts};
use drift_store::events::NewEvent;
use drift_store::incidents::{IncidentRecord, Which};
use drift_store::{PgConnection, StoreError, Transaction, environments, events, incidents};
use serde_json::Value;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};
use crate::policies::holding::{self, Asked};

mod acts;
mod clock;
mod close;
mod create;
mod decide;
mod extend;
mod guard;
pub(crate) mod joining;
mod list;
mod page;
pub mod receipt;
mod settings;
mod timeline;
mod viewed;

pub use create::Created;
pub use decide::Choice;
pub(crate) use list::row;
pub use page::TIMELINE_PAGE;
pub use settings::IncidentSettings;
pub(crate) use timeline::sentence;

/// Why an override ends no change of an incident.
pub(crate) const OVERRIDE_RESOLVES_NOTHING: &str = "An override accepts a difference for a time and resolves nothing. This \
    change is part of an incident: choose PROMOTE, REVERT or REPLACE.";

impl Services {
    /// Asks the gate about something of an incident: first whether the caller's organization has it, then the plan that the
    /// incident keeps, whatever the organization's is now, then the role.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::PlanRequired`] or [`ServiceError::RoleRequired`], in this order.
    pub async fn incident_permit<C: cap::Cap>(&self, caller: &Caller, id: IncidentId) -> ServiceResult<Permit<C>> {
        let mut db = self.tenant(caller.organization_id).await?;
        let record = found(&mut db, caller.organization_id, id).await?;
        caller.permit_under(&Arc::new(record.plan))
    }

    /// Asks the gate about the list of incidents: a plan without incidents still lists those that are open under a plan that
    /// had them, for a downgrade strands none.
    ///
    /// # Errors
    /// [`ServiceError::PlanRequired`]
    pub async fn incidents_permit(&self, caller: &Caller) -> ServiceResult<Permit<cap::Incidents>> {
        let refused = match caller.permit() {
            Err(ServiceError::PlanRequired { capability, needs }) => ServiceError::PlanRequired { capability, needs },
            answer => return answer,
        };
        let mut db = self.tenant(caller.organization_id).await?;
        let open = Which { open: true, ..Which::default() };
        match incidents::list(&mut db, caller.organization_id, open, 1).await?.pop() {
            Some(record) => caller.permit_under(&Arc::new(record.plan)),
            None => Err(refused),
        }
    }

    /// Begins to act on an incident: takes its environment's row, and refuses who saw another version.
    async fn act<C: cap::Cap>(&self, permit: &Permit<C>, id: IncidentId, seen: Option<i64>) -> ServiceResult<Act> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut tx = self.tenant(organization).await?;
        let environment = incidents::environment_of(&mut tx, organization, id).await?;
        let environment = environment.ok_or(ServiceError::NotFound("incident"))?;
        environments::lock(&mut tx, organization, environment).await?.ok_or(ServiceError::NotFound("environment"))?;
        let incident = found(&mut tx, organization, id).await?;
        // The permit may have been made for another incident, or under the organization's plan of today.
        caller.permit_under::<C>(&Arc::new(incident.plan.clone()))?;
        if let Some(seen) = seen.filter(|seen| *seen != incident.version) {
            let since = events::timeline(&mut tx, organization, id, seen, None, MEANWHILE).await?;
            return Err(ServiceError::Stale { meanwhile: since.iter().map(timeline::sentence).collect() });
        }
        let version = incidents::touch(&mut tx, organization, id, self.clock.now()).await?;
        let caller = caller.clone();
        Ok(Act { tx, organization, environment, incident, version, by: caller.user_id, caller, now: self.clock.now() })
    }

    /// Ends an act: what happened is kept, and every open page hears of it.
    async fn acted(&self, mut act: Act, kind: &str) -> ServiceResult<i64> {
        self.announce(&mut act.tx, act.organization, act.environment, kind).await?;
        act.tx.commit().await.map_err(StoreError::from)?;
        Ok(act.version)
    }
}

/// Sentences that a stale click is answered with at most: the newest.
const MEANWHILE: i64 = 5;

/// An act on an incident, in its transaction.
struct Act {
    tx: Transaction,
    organization: OrganizationId,
    environment: EnvironmentId,
    /// The incident as it was before.
    incident: IncidentRecord,
    /// The version that this act makes.
    version: i64,
    by: UserId,
    caller: Caller,
    now: DateTime<Utc>,
}

impl Act {
    /// Writes down what happened.
    async fn tell(&mut self, kind: &str, change: Option<ChangeId>, data: Value) -> ServiceResult<()> {
        let event = NewEvent {
            organization_id: self.organization,
            environment_id: Some(self.environment),
            change_id: change,
            kind,
            actor: Some(self.by),
            data,
        };
        let id = self.incident.id();
        Ok(events::append_to_incident(&mut self.tx, id, self.version, &event, self.now).await?)
    }

    /// Refuses what the policy that holds for the environment forbids, under the plan that the incident keeps.
    async fn ask_policy(&mut self, ask: impl FnOnce(IncidentFacts) -> Ask) -> ServiceResult<()> {
        let ask = ask(holding::facts(&self.incident, self.by, self.now));
        let (caller, plan) = (&self.caller, &self.incident.plan);
        let asked = Asked { caller, plan, environment: self.environment, ask, now: self.now };
        holding::ask(&mut self.tx, &asked).await
    }

    /// Refuses what cannot be done to a closed incident.
    fn open(&self) -> ServiceResult<()> {
        match guard::open(self.incident.status()) {
            Some(refusal) => Err(ServiceError::Conflict(refusal)),
            None => Ok(()),
        }
    }

    const fn status(&self) -> IncidentStatus {
        self.incident.status()
    }
}

/// The incident, if the organization has it. Not yours and not there are one answer.
async fn found(db: &mut PgConnection, organization: OrganizationId, id: IncidentId) -> ServiceResult<IncidentRecord> {
    incidents::get(db, organization, id).await?.ok_or(ServiceError::NotFound("incident"))
}

/// Writes an event into an incident's timeline, and moves its version on.
pub(crate) async fn append(
    db: &mut PgConnection,
    incident: IncidentId,
    event: &NewEvent<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let version = incidents::touch(db, event.organization_id, incident, now).await?;
    events::append_to_incident(db, incident, version, event, now).await
}

/// The refusal for a plan that does not have something, as far as a screen wants to say it.
const fn needs_plan(error: &ServiceError) -> Option<PlanTier> {
    match error {
        ServiceError::PlanRequired { needs, .. } | ServiceError::PlanLimit { needs, .. } => Some(*needs),
        _ => None,
    }
}
