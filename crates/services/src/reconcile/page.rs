//! A reconciliation as a screen and the API show it, and what may be done about it now.

use drift_domain::ids::{IncidentId, ReconciliationId};
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::Capability;
use drift_domain::reconciliation::{Purpose, ReconciliationState, StepKind, StepState, Target};
use drift_domain::views::{
    DeploymentView, ItemResult, ItemView, PersonView, ReconciliationPage, ReconciliationRow, ReconciliationStepView,
};
use drift_store::incidents::IncidentRecord;
use drift_store::reconciliations::{ReconciliationRecord, StepRecord};
use drift_store::{PgConnection, incidents, reconciliations};

use super::plan_of;
use super::planning::begins_in_git;
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

impl Services {
    /// A reconciliation: its plan, and how far it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such one.
    pub async fn reconciliation(
        &self,
        permit: &Permit<cap::Incidents>,
        id: ReconciliationId,
    ) -> ServiceResult<ReconciliationPage> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut db = self.tenant(organization).await?;
        let record = reconciliations::get(&mut db, organization, id).await?;
        let record = record.ok_or(ServiceError::NotFound("reconciliation"))?;
        let environment = crate::drift::environment_in(&mut db, organization, record.environment).await?;
        let incident = match record.incident {
            Some(id) => incidents::get(&mut db, organization, id).await?,
            None => None,
        };
        let steps = reconciliations::steps(&mut db, organization, id).await?;
        let plan = plan_of(&record)?;
        let deployment = self.deployment_view(&mut db, organization, &record).await?;
        let blocked = deployment.as_ref().and_then(blocked);
        let not_mine = caller.refusal_under(Capability::Execute, permit.plan()).map(|refusal| refusal.to_string());
        let or_mine = |refusal: Option<String>| not_mine.clone().or(refusal);
        Ok(ReconciliationPage {
            row: row(&record),
            incident_id: record.incident,
            incident_number: incident.as_ref().map(|incident| incident.number),
            incident_version: incident.as_ref().map(|incident| incident.version),
            environment_id: record.environment,
            environment: environment.connection.name.clone(),
            carry_out_refused: or_mine(carry_out_refused(&record).or_else(|| blocked.clone())),
            plan_refused: or_mine(plan_refused(&record, incident.as_ref())),
            cancel_refused: or_mine(cancel_refused(&record, &steps)),
            retry_refused: or_mine(retry_refused(&record).or(blocked)),
            deployment,
            git: plan.git,
            items: plan
                .items
                .into_iter()
                .map(|item| ItemView { result: result(&record, &item, &steps), ..item })
                .collect(),
            problems: plan.problems,
            steps: if record.begun_at.is_some() { steps.iter().map(step_view).collect() } else { Vec::new() },
        })
    }
}

/// Why a standard deployment has to wait, with what would help.
fn blocked(deployment: &DeploymentView) -> Option<String> {
    deployment.blocked.as_ref().map(|why| format!("{why} {}", deployment.unblocks.join(" ")))
}

/// What somebody said to carry out for an incident, newest first.
pub(crate) async fn of_incident(
    db: &mut PgConnection,
    organization: drift_domain::ids::OrganizationId,
    incident: IncidentId,
) -> ServiceResult<Vec<ReconciliationRow>> {
    Ok(reconciliations::of_incident(db, organization, incident).await?.iter().map(row).collect())
}

/// Why this caller does not get decisions carried out, for a screen to say; `None` where there is something to carry out and
/// the caller may.
pub(crate) fn refused_to(caller: &Caller, plan: &drift_domain::plan::Plan) -> Option<String> {
    caller.refusal_under(Capability::Execute, plan).map(|refusal| refusal.to_string())
}

fn row(record: &ReconciliationRecord) -> ReconciliationRow {
    ReconciliationRow {
        id: record.id,
        purpose: record.purpose,
        state: record.state,
        workflows: u32::try_from(record.items).unwrap_or(u32::MAX),
        planned_by: PersonView { id: record.planned_by.0, name: record.planned_by.1.clone() },
        planned_at: record.planned_at,
        begun_at: record.begun_at,
        ended_at: record.ended_at,
        waits_for: record.waits_for.clone(),
        error: record.error.clone(),
    }
}

/// Why a plan cannot be carried out.
pub(super) fn carry_out_refused(record: &ReconciliationRecord) -> Option<String> {
    match record.state {
        ReconciliationState::Planned if record.has_problems => {
            Some("This plan cannot be carried out: it says why. Settle that, then look at a new plan.".to_owned())
        }
        ReconciliationState::Planned => None,
        state => Some(format!("This plan is {} already.", state.label().to_lowercase())),
    }
}

/// Why there is no new plan to be made in its place.
fn plan_refused(record: &ReconciliationRecord, incident: Option<&IncidentRecord>) -> Option<String> {
    let why = match record.state {
        _ if record.purpose == Purpose::Restore => "Another restore is planned from its change.",
        _ if incident.is_some_and(|incident| incident.status() == IncidentStatus::Closed) => "The incident is closed.",
        ReconciliationState::Pending => "It is being carried out.",
        ReconciliationState::Done => "It is carried out already.",
        ReconciliationState::Planned | ReconciliationState::Failed | ReconciliationState::Cancelled => return None,
    };
    Some(why.to_owned())
}

/// What came of one workflow: of its own steps, and of those in Git where it is promoted or put back.
fn result(record: &ReconciliationRecord, item: &ItemView, steps: &[StepRecord]) -> Option<ItemResult> {
    let ended = |state, error| Some(ItemResult { state, error });
    match record.state {
        ReconciliationState::Planned => return None,
        ReconciliationState::Done | ReconciliationState::Cancelled => return ended(record.state, None),
        ReconciliationState::Pending | ReconciliationState::Failed => {}
    }
    let in_git = begins_in_git(record.purpose, item);
    let is_about = |step: &&StepRecord| step.change == Some(item.change) || step.change.is_none() && in_git;
    let about: Vec<&StepRecord> = steps.iter().filter(is_about).collect();
    if let Some(failed) = about.iter().find(|step| step.state == StepState::Failed) {
        return ended(ReconciliationState::Failed, failed.error.clone());
    }
    let nothing_left = about.iter().all(|step| step.state == StepState::Done);
    if nothing_left && (record.state == ReconciliationState::Failed || !about.is_empty()) {
        return ended(ReconciliationState::Done, None);
    }
    ended(record.state, record.error.clone())
}

/// Why a reconciliation cannot be taken back.
pub(super) fn cancel_refused(record: &ReconciliationRecord, steps: &[StepRecord]) -> Option<String> {
    match record.state {
        ReconciliationState::Pending => {}
        ReconciliationState::Planned => return Some("Nothing is carried out yet.".to_owned()),
        state => return Some(format!("It is {} already.", state.label().to_lowercase())),
    }
    if record.purpose == Purpose::Deployment {
        let words = "A deployment goes to its end once it is begun. Deploy again, or put a kept content back.";
        return Some(words.to_owned());
    }
    let begun = |step: &&StepRecord| step.state != StepState::Waiting && step.kind.writes();
    if steps.iter().filter(begun).any(|step| step.kind.target() == Target::N8n) {
        return Some(
            "It has begun to write to n8n. It goes on to its end, which restores or says what is left.".to_owned(),
        );
    }
    let wrote = steps.iter().any(|step| begun(&step));
    let merge = steps.iter().find(|step| step.kind == StepKind::GitMerge);
    if wrote && merge.is_some_and(|merge| merge.state != StepState::Begun || record.waits_for.is_none()) {
        return Some("It has begun to write to Git. It can be given up once it waits to be merged.".to_owned());
    }
    None
}

/// Why a reconciliation cannot be tried again.
pub(super) fn retry_refused(record: &ReconciliationRecord) -> Option<String> {
    (record.state != ReconciliationState::Failed).then(|| "Only what failed is tried again.".to_owned())
}

fn step_view(step: &StepRecord) -> ReconciliationStepView {
    let left = |key: &str| step.result.as_ref().and_then(|left| left[key].as_str()).filter(|text| !text.is_empty());
    let said = match step.state {
        StepState::Failed => step.error.clone(),
        StepState::Done => left("said").map(str::to_owned),
        StepState::Waiting | StepState::Begun => None,
    };
    ReconciliationStepView {
        kind: step.kind,
        workflow: step.workflow.clone(),
        state: step.state,
        begun_at: step.begun_at,
        ended_at: step.ended_at,
        said,
        address: left("address").map(str::to_owned),
    }
}
