//! Carrying out what was approved: for whoever asked, through the same gate and methods as a click of theirs. The request ends in
//! the transaction of the act itself ([`super::once`]), so that a replica that dies in between, or two that try, change nothing
//! twice. What cannot be done any more fails with the reason, on record.

use std::sync::Arc;

use drift_domain::approval::{ApprovalState, ProposedAct};
use drift_domain::ids::{ApprovalId, OrganizationId};
use drift_domain::plan::Plan;
use drift_store::approvals::{self, ApprovalRecord, End, Which};
use drift_store::{StoreError, people, plans};
use serde_json::json;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Via};
use crate::incidents::Choice;

/// Requests that one tick takes on at most.
const AT_ONCE: i64 = 200;

impl Services {
    /// Does an act for somebody, as a click of theirs would.
    pub(super) async fn perform(&self, caller: &Caller, act: &ProposedAct) -> ServiceResult<()> {
        match act.clone() {
            ProposedAct::Acknowledge { incident, version, reason, owner } => {
                let permit = self.incident_permit(caller, incident).await?;
                self.acknowledge(&permit, incident, version, reason, owner).await.map(drop)
            }
            ProposedAct::Extend { incident, version, hours, reason } => {
                let permit = self.incident_permit(caller, incident).await?;
                self.extend(&permit, incident, version, hours, reason).await.map(drop)
            }
            ProposedAct::Decide { incident, version, changes, kind, reason, replacement } => {
                let permit = self.incident_permit(caller, incident).await?;
                let choice = Choice { changes, kind, reason, replacement };
                self.decide(&permit, incident, version, choice).await.map(drop)
            }
            ProposedAct::Close { incident, version } => {
                let permit = self.incident_permit(caller, incident).await?;
                self.request_close(&permit, incident, version).await.map(drop)
            }
            ProposedAct::Override { environment, change, reason, days } => {
                let permit = self.environment_permit(caller, environment).await?;
                self.override_change(&permit, environment, change, reason, days).await.map(drop)
            }
        }
    }

    /// Carries out what was approved, or records why not.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer; it stays approved then, and the clock tries again.
    pub(super) async fn carry_out_approved(&self, organization: OrganizationId, id: ApprovalId) -> ServiceResult<()> {
        let mut db = self.tenant(organization).await?;
        let record = approvals::list(&mut db, organization, Which::One(id), 1).await?.pop();
        drop(db);
        let Some(record) = record.filter(|record| record.state == ApprovalState::Approved) else { return Ok(()) };
        let done = match self.for_whom(organization, &record).await? {
            Some(caller) => self.perform(&caller, &record.act).await,
            None => {
                Err(ServiceError::Conflict(format!("{} is no member of the organization any more.", record.by.name)))
            }
        };
        let (end, kind) = match &done {
            // The act ends its request itself; what had nothing to do has not.
            Ok(()) => (End { state: ApprovalState::Done, by: None, reason: None }, "approval.done"),
            Err(ServiceError::Unavailable(_) | ServiceError::RateLimited { .. })
                if self.clock.now() < record.expires_at =>
            {
                return done;
            }
            // What cannot be tried for days is no more what was approved.
            Err(ServiceError::Unavailable(_)) => {
                let reason = "It could not be carried out in time: WorkflowOps was not able to.";
                return self.end_approval(organization, &record, ApprovalState::Approved, Some(reason)).await;
            }
            Err(error) => {
                let reason = error.to_string();
                return self.end_approval(organization, &record, ApprovalState::Approved, Some(&reason)).await;
            }
        };
        let mut tx = self.tenant(organization).await?;
        let now = self.clock.now();
        if approvals::step(&mut tx, organization, id, ApprovalState::Approved, end, now).await? {
            self.tell(&mut tx, organization, &record, kind, None, json!({})).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Ends a request as failed with a reason, or as expired without one; unless it is further by now.
    async fn end_approval(
        &self,
        organization: OrganizationId,
        record: &ApprovalRecord,
        from: ApprovalState,
        reason: Option<&str>,
    ) -> ServiceResult<()> {
        let (state, kind) = match reason {
            Some(_) => (ApprovalState::Failed, "approval.failed"),
            None => (ApprovalState::Expired, "approval.expired"),
        };
        let mut tx = self.tenant(organization).await?;
        let now = self.clock.now();
        if approvals::step(&mut tx, organization, record.id, from, End { state, by: None, reason }, now).await? {
            self.tell(&mut tx, organization, record, kind, None, json!({ "note": reason })).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Whoever asked, with no more than was theirs when they asked and is theirs now. Nobody: no member any more.
    async fn for_whom(&self, organization: OrganizationId, record: &ApprovalRecord) -> ServiceResult<Option<Caller>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let Some((name, role)) = people::member(&mut db, organization, record.by.id).await? else { return Ok(None) };
        let user = people::user(&mut db, record.by.id).await?;
        let (Some(user), Some(of)) = (user, people::organization(&mut db, organization).await?) else {
            return Ok(None);
        };
        let plan = plans::effective(&mut db, organization).await?.unwrap_or_else(|| Plan::standard(of.plan));
        Ok(Some(Caller {
            user_id: record.by.id,
            name,
            email: user.email,
            organization_id: organization,
            organization_name: of.name,
            plan: Arc::new(plan),
            role: role.min(record.requested_as),
            via: Via::Approval(record.id),
        }))
    }

    async fn expire_approval(&self, organization: OrganizationId, id: ApprovalId) -> ServiceResult<()> {
        let mut db = self.tenant(organization).await?;
        let record = approvals::list(&mut db, organization, Which::One(id), 1).await?.pop();
        drop(db);
        match record {
            Some(record) => self.end_approval(organization, &record, ApprovalState::Pending, None).await,
            None => Ok(()),
        }
    }

    /// Ends what nobody approved in time, and carries out what is approved and was left behind. For the worker's clock; answers
    /// how many requests it moved on.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn tend_approvals(&self) -> ServiceResult<u32> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let expired = approvals::expired(&mut db, self.clock.now(), AT_ONCE).await?;
        let approved = approvals::approved(&mut db, AT_ONCE).await?;
        drop(db);
        let mut moved = 0;
        for (organization, id) in expired {
            match self.expire_approval(organization, id).await {
                Ok(()) => moved += 1,
                // The others have expired, too.
                Err(error) => {
                    tracing::warn!(%error, approval.id = %id, "a request for approval could not be ended yet")
                }
            }
        }
        for (organization, id) in approved {
            match self.carry_out_approved(organization, id).await {
                Ok(()) => moved += 1,
                // The others are approved, too.
                Err(error) => {
                    tracing::warn!(%error, approval.id = %id, "what was approved could not be carried out yet")
                }
            }
        }
        Ok(moved)
    }
}
