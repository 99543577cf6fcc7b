//! What waits for approval and what became of it, for whoever looks.

use drift_domain::ids::{ApprovalId, IncidentId, OrganizationId};
use drift_domain::role::Role;
use drift_domain::views::{ApprovalInbox, ApprovalView, ApprovalVoice};
use drift_store::PgConnection;
use drift_store::approvals::{self, ApprovalRecord, DelegationRecord, VoiceRecord, Which};

use super::{active, counts, voice};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// Requests that are open which a page shows.
const OPEN: i64 = 200;
/// Requests that have ended which a page shows.
const ENDED: i64 = 50;

impl Services {
    /// What waits for approval, what ended lately, and who approves for whom.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn approvals(&self, permit: &Permit<cap::Approvals>) -> ServiceResult<ApprovalInbox> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut db = self.tenant(organization).await?;
        let open = approvals::list(&mut db, organization, Which::Open, OPEN).await?;
        let ended = approvals::list(&mut db, organization, Which::Ended, ENDED).await?;
        let delegations = approvals::delegations(&mut db, organization, self.clock.now()).await?;
        let deputies = approvals::others(&mut db, organization, caller.user_id, Role::Operator).await?;
        Ok(ApprovalInbox {
            open: self.shown(&mut db, caller, open, &delegations).await?,
            ended: self.shown(&mut db, caller, ended, &delegations).await?,
            delegations: delegations.into_iter().map(|delegation| delegation.view).collect(),
            deputies: deputies.into_iter().map(|(person, _)| person).collect(),
        })
    }

    /// One request.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the caller's organization's.
    pub async fn approval(&self, permit: &Permit<cap::Approvals>, id: ApprovalId) -> ServiceResult<ApprovalView> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut db = self.tenant(organization).await?;
        let found = approvals::list(&mut db, organization, Which::One(id), 1).await?;
        let delegations = approvals::delegations(&mut db, organization, self.clock.now()).await?;
        let shown = self.shown(&mut db, caller, found, &delegations).await?.pop();
        shown.ok_or(ServiceError::NotFound("approval"))
    }

    /// What was asked about an incident, the oldest first.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn approvals_of_incident(
        &self,
        permit: &Permit<cap::Incidents>,
        incident: IncidentId,
    ) -> ServiceResult<Vec<ApprovalView>> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut db = self.tenant(organization).await?;
        let found = approvals::list(&mut db, organization, Which::OfIncident(incident), OPEN).await?;
        let delegations = approvals::delegations(&mut db, organization, self.clock.now()).await?;
        self.shown(&mut db, caller, found, &delegations).await
    }

    async fn shown(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        records: Vec<ApprovalRecord>,
        delegations: &[DelegationRecord],
    ) -> ServiceResult<Vec<ApprovalView>> {
        let organization: OrganizationId = caller.organization_id;
        let ids: Vec<_> = records.iter().map(|record| record.id).collect();
        let mut given = approvals::voices(db, organization, &ids).await?;
        let lent = active(delegations, caller.user_id, self.clock.now());
        Ok(records
            .into_iter()
            .map(|record| {
                let given = given.remove(&record.id).unwrap_or_default();
                let refused = voice(caller, &record, &given, &lent).err().map(|error| error.to_string());
                view(record, given, refused, caller)
            })
            .collect())
    }
}

fn view(record: ApprovalRecord, given: Vec<VoiceRecord>, refused: Option<String>, caller: &Caller) -> ApprovalView {
    let approvers = record.approvers;
    let voices = given
        .into_iter()
        .map(|voice| ApprovalVoice {
            counts: counts(&voice, approvers),
            on_behalf_of: (voice.of != voice.by).then_some(voice.of),
            by: voice.by,
            note: voice.note,
            at: voice.at,
        })
        .collect();
    ApprovalView {
        id: record.id,
        act: record.act,
        environment_id: record.environment.0,
        environment: record.environment.1,
        incident: record.incident,
        rules: record.rules,
        needed: record.needed,
        approvers,
        own: record.by.id == caller.user_id,
        by: record.by,
        at: record.at,
        expires_at: record.expires_at,
        state: record.state,
        ended_at: record.ended_at,
        ended_by: record.ended_by,
        reason: record.reason,
        voices,
        refused,
    }
}
