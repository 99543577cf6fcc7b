//! Beginning a deployment: the gate first, for a standard one; then the incident that it is part of, and the decision about
//! each change that it takes the place of. All in the transaction in which it begins.

use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::deployment::{Admitted, Deployment, DeploymentKind};
use drift_domain::ids::{DecisionId, IncidentId};
use drift_domain::reconciliation::Purpose;
use drift_policy::Ask;
use drift_store::artifacts::Outcome;
use drift_store::decisions::NewDecision;
use drift_store::deployments::{self, DeploymentRecord};
use drift_store::reconciliations::ReconciliationRecord;
use drift_store::{Transaction, artifacts, changes, decisions, environments, incidents, reconciliations};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};
use crate::policies::holding::{self, Asked};
use crate::{Services, enforcement};

/// Why an artifact fails whose change a deployment takes the place of.
const REPLACED: &str = "Replaced by a deployment.";
/// What an administrator reads as the name of the policy that refuses.
const POLICY: &str = "expired-incident";

/// What a plan is begun with.
pub(in crate::reconcile) struct Ready {
    /// The reconciliation, as part of the incident that is open now.
    pub record: ReconciliationRecord,
    /// Particulars for the timeline; `None` where it is no deployment.
    pub says: Option<Value>,
}

impl Services {
    /// Makes a plan ready to begin. Where it is a deployment, that asks at the gate, makes it part of the open incident, opens
    /// one for an emergency that finds none, and records REPLACE for each change; anything else is ready as it is.
    ///
    /// # Errors
    /// [`ServiceError::PolicyRefused`] for a standard deployment that an expired incident blocks, naming it and what would help;
    /// [`ServiceError::Conflict`] for a change that is over since.
    pub(in crate::reconcile) async fn make_ready(
        &self,
        tx: &mut Transaction,
        permit: &Permit<cap::Execute>,
        record: ReconciliationRecord,
    ) -> ServiceResult<Ready> {
        if record.purpose != Purpose::Deployment {
            return Ok(Ready { record, says: None });
        }
        let organization = permit.organization();
        permit.caller().permit_under::<cap::Deploy>(&std::sync::Arc::new(permit.plan().clone()))?;
        let run = deployments::get(tx, organization, record.id).await?.ok_or(ServiceError::NotFound("deployment"))?;
        let obstacle = enforcement::obstacle(tx, organization, record.environment, self.clock.now()).await?;
        let past = obstacle.as_ref().map(|obstacle| obstacle.number);
        let deployment = Deployment::new(run.kind, &run.reason).map_err(ServiceError::unavailable)?;
        let admitted: Admitted = match deployment {
            Deployment::Standard(standard) => standard.at_gate(obstacle).map_err(|blocked| {
                ServiceError::policy(POLICY, format!("{} {}", blocked.reason(), blocked.ways_out().join(" ")))
            })?,
            Deployment::Recovery(recovery) => recovery.into(),
            Deployment::Emergency(emergency) => {
                let ask = Ask::DeployEmergency { blocked: past.is_some() };
                let (caller, plan, now) = (permit.caller(), permit.plan(), self.clock.now());
                holding::ask_for_recovery(tx, &Asked { caller, plan, environment: record.environment, ask, now })
                    .await?;
                emergency.into()
            }
        };
        let incident = self.incident_for(tx, permit, &record, &run, &admitted).await?;
        if incident != record.incident {
            deployments::joins(tx, organization, record.id, incident).await?;
        }
        let record = ReconciliationRecord { incident, ..record };
        self.replace_changes(tx, permit, &record, &run).await?;
        let says = json!({
            "kind": admitted.kind(), "ref": run.git_ref, "commit": run.git_commit, "past": past,
            "note": Some(run.reason).filter(|reason| !reason.is_empty()),
        });
        Ok(Ready { record, says: Some(says) })
    }

    /// The incident that a deployment is part of: the open one. An emergency that finds none opens one over what differs.
    async fn incident_for(
        &self,
        tx: &mut Transaction,
        permit: &Permit<cap::Execute>,
        record: &ReconciliationRecord,
        run: &DeploymentRecord,
        admitted: &Admitted,
    ) -> ServiceResult<Option<IncidentId>> {
        let open = incidents::open_of(tx, permit.organization(), record.environment).await?;
        match (open, admitted.kind()) {
            (Some(open), _) => Ok(Some(open.id())),
            (None, DeploymentKind::Emergency) => {
                self.open_for_emergency(tx, permit.caller(), record.environment, &run.reason).await
            }
            (None, DeploymentKind::Standard | DeploymentKind::Recovery) => Ok(None),
        }
    }

    /// Records for each change that the deployment takes its place, instead of whatever was chosen before.
    async fn replace_changes(
        &self,
        tx: &mut Transaction,
        permit: &Permit<cap::Execute>,
        record: &ReconciliationRecord,
        run: &DeploymentRecord,
    ) -> ServiceResult<()> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let replacement = format!("Deployment {} of {} at {:.10}", record.id, run.git_ref, run.git_commit);
        let reason = if run.reason.is_empty() { "Deployed." } else { &run.reason };
        for (change, decision) in reconciliations::items(tx, organization, record.id).await? {
            let found = changes::find(tx, organization, change).await?.map(|(_, found)| found);
            let found = found.ok_or(ServiceError::NotFound("change"))?;
            if decision.is_some() && found.chosen.map(|(id, _)| id) == decision {
                // Tried again: what was decided then still holds.
                continue;
            }
            if found.state != ChangeState::Open {
                let message = format!(
                    "“{}” is not as it was when this was planned. Nothing was written: plan the deployment anew.",
                    found.workflow
                );
                return Err(ServiceError::Conflict(message));
            }
            if let Some(other) = reconciliations::pending_of(tx, organization, change).await? {
                let message = format!("“{}” is being written already, by {other}. Wait for its end.", found.workflow);
                return Err(ServiceError::Conflict(message));
            }
            artifacts::end(tx, organization, change, Outcome::Failed(REPLACED), now).await?;
            let id = DecisionId(Uuid::now_v7());
            let (kind, replacement) = (DecisionKind::Replace, Some(replacement.as_str()));
            let new = NewDecision { id, change, kind, reason, replacement, by: permit.caller().user_id };
            decisions::insert(tx, organization, record.environment, found.incident, &new, now).await?;
            decisions::choose(tx, organization, record.environment, change, Some(id)).await?;
            deployments::decided(tx, organization, record.id, change, id).await?;
        }
        // A check that looked before this does not record after it.
        environments::bump(tx, organization, record.environment).await?;
        environments::recount(tx, organization, record.environment).await?;
        Ok(())
    }
}
