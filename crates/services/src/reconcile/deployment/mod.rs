//! Deployments: the ref that an environment follows, applied to its n8n. The same machinery as carrying decisions out: planned
//! and shown first, with what it writes over; carried out exactly so, step by step; read back.
//!
//! What differs is what a deployment writes, so it begins with a check. Each change that it is about ends as REPLACE, by a
//! decision that names the run: what is in Git takes the place of both sides.

mod begin;
mod forecast;
mod settle;

pub(super) use begin::Ready;

use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::deployment::{Blocked, Deployment, DeploymentKind};
use drift_domain::ids::{ChangeId, EnvironmentId, OrganizationId, ReconciliationId};
use drift_domain::plan::Capability;
use drift_domain::reconciliation::{Purpose, ReconciliationState};
use drift_domain::views::{DeploymentList, DeploymentRow, DeploymentView, PersonView};
use drift_store::changes::{ChangeRecord, Which};
use drift_store::deployments::{self, DeploymentRecord, Past};
use drift_store::reconciliations::ReconciliationRecord;
use drift_store::{PgConnection, changes, incidents, reconciliations};

use super::paths::{compare_with_seen, item, revert};
use super::planning::Draft;
use super::text::Words;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};
use crate::{Services, enforcement};

/// Deployments that the history shows: the newest.
const SHOWN: i64 = 100;

/// What somebody would deploy.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// What it is for.
    pub kind: DeploymentKind,
    /// Why. A recovery and an emergency take one.
    pub reason: String,
    /// Which workflows, by their changes; `None` for every one that differs.
    pub changes: Option<Vec<ChangeId>>,
    /// The commit that the ref must be at, if that matters: nothing else is deployed.
    pub commit: Option<String>,
}

impl Services {
    /// Compares both sides, works out what deploying would write and write over, and keeps that as a plan for a person to look
    /// at. Nothing is written to n8n. It is carried out as every other plan ([`Services::carry_out`]), and asked about at the
    /// gate then.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a recovery or an emergency without a reason; [`ServiceError::Conflict`] when a side cannot
    /// be read, when nothing differs, or when the ref is at another commit.
    pub async fn plan_deployment(
        &self,
        permit: &Permit<cap::Deploy>,
        environment: EnvironmentId,
        new: NewDeployment,
    ) -> ServiceResult<ReconciliationId> {
        Deployment::new(new.kind, &new.reason).map_err(|why| ServiceError::invalid("reason", why.to_string()))?;
        let reason = if new.reason.trim().is_empty() { "" } else { read_reason(&new.reason)? };
        let wanted = new.commit.as_deref().map(str::trim).filter(|sha| !sha.is_empty());
        let wanted = wanted.map(enforcement::commit).transpose()?;
        let organization = permit.organization();
        self.compare_now(permit, environment).await?;
        let mut db = self.tenant(organization).await?;
        let environment = crate::drift::environment_in(&mut db, organization, environment).await?;
        let open = changes::list(&mut db, organization, environment.id, Which::Open, i64::MAX).await?;
        let chosen = chosen(&open, new.changes.as_deref())?;
        let mut busy = Vec::new();
        for change in &chosen {
            if reconciliations::pending_of(&mut db, organization, change.id).await?.is_some() {
                busy.push(change.id);
            }
        }
        let incident = incidents::open_of(&mut db, organization, environment.id).await?.map(|incident| incident.id());
        drop(db);

        let sides = self.sides(environment).await?;
        if let Some(wanted) = wanted
            && !sides.git.commit.starts_with(&wanted)
        {
            let (reference, at) = (&sides.environment.connection.git_ref, &sides.git.commit);
            let message = format!(
                "{reference} is at {at:.10}, not at {wanted:.10}. Nothing was planned: deploy what the ref is at, or move the ref."
            );
            return Err(ServiceError::Conflict(message));
        }
        let mut draft = Draft::new(&sides);
        let mut forecast = Vec::new();
        for change in chosen {
            let mut item = item(change, Some(DecisionKind::Replace));
            let pair = self.pair(&sides, change).await?;
            if busy.contains(&change.id) {
                item.problems.push("What was decided about it is being carried out. Wait for its end.".to_owned());
            } else if compare_with_seen(change, &pair, &mut item) {
                revert(&mut draft, change, &pair, &mut item);
                forecast.extend(self.overwritten(&draft, change, &pair).await?);
            }
            draft.items.push((change.id, None));
            draft.plan.items.push(item);
        }
        draft.deployment = Some(DeploymentRecord {
            kind: new.kind,
            git_ref: sides.environment.connection.git_ref.clone(),
            git_commit: sides.git.commit.clone(),
            reason: reason.to_owned(),
            forecast,
        });
        self.keep_plan(permit, draft, incident, Purpose::Deployment, Words::default()).await
    }

    /// A check, here and now: what differs is what a deployment writes.
    async fn compare_now<C>(&self, permit: &Permit<C>, environment: EnvironmentId) -> ServiceResult<()> {
        let mut db = self.tenant(permit.organization()).await?;
        crate::drift::environment_in(&mut db, permit.organization(), environment).await?;
        drop(db);
        let by = Some(permit.caller().user_id);
        match self.run_check(environment, CheckTrigger::Recheck, by).await? {
            CheckOutcome::InSync | CheckOutcome::Drift => Ok(()),
            CheckOutcome::Failed | CheckOutcome::Running => Err(ServiceError::Conflict(
                "Both sides could not be compared just now, so what would be written cannot be worked out. The environment's \
                 page says why. Nothing was written."
                    .to_owned(),
            )),
        }
    }

    /// What can be deployed to an environment now, what is in the way, and what was deployed.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment that is not the caller's.
    pub async fn deployments(
        &self,
        permit: &Permit<cap::Summary>,
        environment: EnvironmentId,
    ) -> ServiceResult<DeploymentList> {
        let (organization, caller, now) = (permit.organization(), permit.caller(), self.clock.now());
        let mut db = self.tenant(organization).await?;
        let record = crate::drift::environment_in(&mut db, organization, environment).await?;
        let open = changes::list(&mut db, organization, environment, Which::In(ChangeState::Open), i64::MAX).await?;
        let past = deployments::history(&mut db, organization, environment, SHOWN).await?;
        Ok(DeploymentList {
            environment_id: environment,
            environment: record.connection.name.clone(),
            git_ref: record.connection.git_ref.clone(),
            workflows: open.into_iter().map(|change| (change.id, change.workflow, change.origin)).collect(),
            gate: enforcement::gate_in(&mut db, &record, None, now).await?,
            refused: caller.refusal_under(Capability::Deploy, &caller.plan).map(|refusal| refusal.to_string()),
            deployments: past.into_iter().map(row).collect(),
        })
    }

    /// What a reconciliation's page shows of it being a deployment; nothing where it is none.
    pub(super) async fn deployment_view(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        record: &ReconciliationRecord,
    ) -> ServiceResult<Option<DeploymentView>> {
        let Some(run) = deployments::get(db, organization, record.id).await? else { return Ok(None) };
        let now = self.clock.now();
        let waits = matches!(record.state, ReconciliationState::Planned | ReconciliationState::Failed);
        let blocked = match Deployment::new(run.kind, &run.reason) {
            Ok(Deployment::Standard(standard)) if waits => {
                standard.at_gate(enforcement::obstacle(db, organization, record.environment, now).await?).err()
            }
            _ => None,
        };
        Ok(Some(DeploymentView {
            kind: run.kind,
            overwrites: forecast::sentence(&run.forecast, now),
            git_ref: run.git_ref,
            git_commit: run.git_commit,
            reason: run.reason,
            forecast: run.forecast,
            unblocks: blocked.iter().flat_map(Blocked::ways_out).collect(),
            blocked: blocked.as_ref().map(Blocked::reason),
        }))
    }
}

/// The changes that are deployed: those that are named, or all that are open.
fn chosen<'a>(open: &'a [ChangeRecord], wanted: Option<&[ChangeId]>) -> ServiceResult<Vec<&'a ChangeRecord>> {
    let mut there: Vec<_> = open.iter().filter(|change| change.state == ChangeState::Open).collect();
    if let Some(wanted) = wanted {
        if wanted.iter().any(|id| there.iter().all(|change| change.id != *id)) {
            return Err(ServiceError::NotFound("change"));
        }
        there.retain(|change| wanted.contains(&change.id));
    }
    if there.is_empty() {
        let message = "n8n has what Git declares: there is nothing to deploy.";
        return Err(ServiceError::Conflict(message.to_owned()));
    }
    Ok(there)
}

fn row(past: Past) -> DeploymentRow {
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    DeploymentRow {
        id: past.id,
        kind: past.kind,
        state: past.state,
        git_ref: past.git_ref,
        git_commit: past.git_commit,
        reason: past.reason,
        incident_id: past.incident.map(|(id, _)| id),
        incident_number: past.incident.map(|(_, number)| number),
        workflows: count(past.workflows),
        failed: count(past.failed),
        by: PersonView { id: past.by.0, name: past.by.1 },
        begun_at: past.begun_at,
        ended_at: past.ended_at,
        error: past.error,
    }
}
