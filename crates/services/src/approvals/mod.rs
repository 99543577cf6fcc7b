//! Approvals: what a policy lets somebody do once others have agreed. Somebody proposes an act whole; what the policy takes no
//! approval for is done at once, the rest becomes a request. Others approve; then the service does the act for whoever asked,
//! through the same gate and the same method as a click, once ([`carry`]).

mod carry;
mod delegate;
mod inbox;
mod settle;

use std::collections::HashSet;

use chrono::TimeDelta;
use drift_domain::approval::{ApprovalState, ProposedAct};
use drift_domain::ids::{ApprovalId, EnvironmentId, OrganizationId, UserId};
use drift_domain::plan::Capability;
use drift_domain::role::Role;
use drift_domain::views::Proposed;
use drift_store::approvals::{self, ApprovalRecord, DelegationRecord, End, NewApproval, VoiceRecord};
use drift_store::events::{self, NewEvent};
use drift_store::{PgConnection, StoreError, changes, incidents};
use serde_json::{Value, json};
use uuid::Uuid;

pub use settle::Needs;
pub(crate) use settle::{once, settle};

use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// How long a request waits: long enough for a weekend.
const OPEN_FOR: TimeDelta = TimeDelta::hours(72);
/// The name of the rule that nobody approves what they ask for.
const NOT_ONES_OWN: &str = "no-self-approval";

impl Services {
    /// Does something, or asks those for approval whose approval the policy that holds takes for it. Asking again for the same
    /// answers with the request that is open. The gate is the act's own; a request takes [`cap::Approvals`] besides.
    ///
    /// # Errors
    /// Whatever the act itself is refused with; [`ServiceError::PolicyRefused`] where fewer members could approve than it takes.
    pub async fn propose(&self, caller: &Caller, act: ProposedAct) -> ServiceResult<Proposed> {
        let needs = match self.perform(caller, &act).await {
            Ok(()) => return Ok(Proposed::Done),
            Err(ServiceError::ApprovalRequired(needs)) => needs,
            Err(error) => return Err(error),
        };
        let permit: Permit<cap::Approvals> = caller.permit()?;
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let others = approvals::others(&mut tx, organization, caller.user_id, needs.approvers).await?;
        if others.len() < needs.needed as usize {
            let message = format!(
                "{} Besides you, {} of the members could: that is too few. An owner of the organization can do it without.",
                needs.message,
                others.len()
            );
            return Err(ServiceError::policy(crate::policies::holding::POLICY, message));
        }
        let environment = environment_of(&mut tx, organization, &act).await?;
        let now = self.clock.now();
        let new = NewApproval {
            id: ApprovalId(Uuid::now_v7()),
            environment,
            act: &act,
            rules: &needs.rules,
            needed: needs.needed,
            approvers: needs.approvers,
            by: caller.user_id,
            requested_as: caller.role,
            expires_at: now + OPEN_FOR,
        };
        if let Some(before) = approvals::insert(&mut tx, organization, &new, now).await?
            && let Some(other) = self.instead(&mut tx, caller, before, &new).await?
        {
            return Ok(Proposed::Asked { id: other });
        }
        let record = approvals::lock(&mut tx, organization, new.id).await?.ok_or(ServiceError::NotFound("approval"))?;
        let data = json!({ "rules": needs.rules, "note": act.reason(), "expires_at": new.expires_at });
        self.tell(&mut tx, organization, &record, "approval.wanted", Some(caller.user_id), data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Proposed::Asked { id: new.id })
    }

    /// What stands for a request that was made before: itself, where it can still lead to what is asked for now. Else the new one
    /// takes its place, and nothing is answered.
    async fn instead(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        before: ApprovalId,
        new: &NewApproval<'_>,
    ) -> ServiceResult<Option<ApprovalId>> {
        let (organization, now) = (caller.organization_id, self.clock.now());
        let kept = approvals::lock(db, organization, before).await?;
        let Some(kept) = kept.filter(|kept| kept.state == ApprovalState::Pending) else { return Ok(Some(before)) };
        let enough = kept.needed >= new.needed && kept.approvers >= new.approvers;
        if enough && kept.requested_as >= caller.role && kept.expires_at > now {
            return Ok(Some(before));
        }
        let over = End { state: ApprovalState::Expired, by: None, reason: None };
        approvals::step(db, organization, before, ApprovalState::Pending, over, now).await?;
        self.tell(db, organization, &kept, "approval.expired", None, json!({})).await?;
        Ok(approvals::insert(db, organization, new, now).await?)
    }

    /// Approves what somebody asks for. With the last approval that it takes it is carried out, before this answers.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::PolicyRefused`] for one's own; [`ServiceError::RoleRequired`] for who is
    /// not asked; [`ServiceError::Conflict`] for what is not waiting (any more), or was approved by the same voice.
    pub async fn approve(
        &self,
        permit: &Permit<cap::Approvals>,
        id: ApprovalId,
        note: Option<String>,
    ) -> ServiceResult<ApprovalState> {
        let note = note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(read_reason).transpose()?;
        let (organization, caller, now) = (permit.organization(), permit.caller(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let record = self.waiting(&mut tx, organization, id).await?;
        let given = voices(&mut tx, organization, id).await?;
        let delegations = approvals::delegations(&mut tx, organization, now).await?;
        let voice = voice(caller, &record, &given, &active(&delegations, caller.user_id, now))?;
        approvals::approve(&mut tx, organization, &record, caller.user_id, voice, note, now).await?;
        let given = voices(&mut tx, organization, id).await?;
        let counted = counted(&given, record.approvers);
        let on_behalf_of = given.iter().find(|v| v.of.id == voice && v.by.id != voice).map(|v| v.of.name.clone());
        let data = json!({ "note": note, "on_behalf_of": on_behalf_of, "given": counted });
        self.tell(&mut tx, organization, &record, "approval.given", Some(caller.user_id), data).await?;
        let enough = counted >= record.needed as usize;
        if enough {
            let approved = End { state: ApprovalState::Approved, by: None, reason: None };
            approvals::step(&mut tx, organization, id, ApprovalState::Pending, approved, now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        if !enough {
            return Ok(ApprovalState::Pending);
        }
        // Should this fail for want of the database, the clock takes it on: it is approved.
        if let Err(error) = self.carry_out_approved(organization, id).await {
            tracing::warn!(%error, approval.id = %id, "what was approved is carried out at the next tick");
        }
        let mut db = self.tenant(organization).await?;
        let now_is = approvals::list(&mut db, organization, approvals::Which::One(id), 1).await?.pop();
        Ok(now_is.map_or(ApprovalState::Approved, |record| record.state))
    }

    /// Rejects what somebody asks for, with a reason. One of those who are asked is enough.
    ///
    /// # Errors
    /// As [`Self::approve`]; [`ServiceError::Invalid`] without a reason.
    pub async fn reject_approval(
        &self,
        permit: &Permit<cap::Approvals>,
        id: ApprovalId,
        reason: String,
    ) -> ServiceResult<()> {
        let reason = read_reason(&reason)?;
        let (organization, caller, now) = (permit.organization(), permit.caller(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let record = self.waiting(&mut tx, organization, id).await?;
        let delegations = approvals::delegations(&mut tx, organization, now).await?;
        // Whoever has approved can still think better of it.
        voice(caller, &record, &[], &active(&delegations, caller.user_id, now))?;
        let end = End { state: ApprovalState::Rejected, by: Some(caller.user_id), reason: Some(reason) };
        approvals::step(&mut tx, organization, id, ApprovalState::Pending, end, now).await?;
        let data = json!({ "note": reason });
        self.tell(&mut tx, organization, &record, "approval.rejected", Some(caller.user_id), data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Takes one's own request back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::PolicyRefused`] for another's; [`ServiceError::Conflict`] for one that is
    /// not waiting any more.
    pub async fn withdraw_approval(&self, permit: &Permit<cap::Approvals>, id: ApprovalId) -> ServiceResult<()> {
        let (organization, by, now) = (permit.organization(), permit.caller().user_id, self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let record = self.waiting(&mut tx, organization, id).await?;
        if record.by.id != by {
            let message =
                format!("{} asked for this: only who asked takes it back. You can reject it.", record.by.name);
            return Err(ServiceError::policy("own-request", message));
        }
        let end = End { state: ApprovalState::Withdrawn, by: Some(by), reason: None };
        approvals::step(&mut tx, organization, id, ApprovalState::Pending, end, now).await?;
        self.tell(&mut tx, organization, &record, "approval.withdrawn", Some(by), json!({})).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// A request that waits, held until the transaction ends.
    async fn waiting(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        id: ApprovalId,
    ) -> ServiceResult<ApprovalRecord> {
        let record = approvals::lock(db, organization, id).await?.ok_or(ServiceError::NotFound("approval"))?;
        let state = match record.state {
            ApprovalState::Pending if record.expires_at <= self.clock.now() => ApprovalState::Expired,
            ApprovalState::Pending => return Ok(record),
            other => other,
        };
        Err(ServiceError::Conflict(format!(
            "This request is not waiting any more: {}. Nothing was changed.",
            state.label().to_lowercase()
        )))
    }

    /// Writes down what happened to a request, in its incident's timeline where it is of one. The incident's version stays: who
    /// approves changes nothing of what was seen.
    async fn tell(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        record: &ApprovalRecord,
        kind: &str,
        actor: Option<UserId>,
        data: Value,
    ) -> ServiceResult<()> {
        tell(db, organization, record, kind, actor, data, self.clock.now()).await
    }
}

/// See [`Services::tell`].
async fn tell(
    db: &mut PgConnection,
    organization: OrganizationId,
    record: &ApprovalRecord,
    kind: &str,
    actor: Option<UserId>,
    mut data: Value,
    now: chrono::DateTime<chrono::Utc>,
) -> ServiceResult<()> {
    let about = json!({
        "approval": record.id, "action": record.act.action(), "asked": record.act.words(), "needed": record.needed,
        "approvers": record.approvers, "requested_by": { "id": record.by.id, "name": record.by.name },
    });
    if let (Some(data), Value::Object(about)) = (data.as_object_mut(), about) {
        data.extend(about);
    }
    let event = NewEvent {
        organization_id: organization,
        environment_id: Some(record.environment.0),
        change_id: None,
        kind,
        actor,
        data,
    };
    match record.incident {
        Some((incident, _)) => {
            let found = incidents::get(db, organization, incident).await?.ok_or(ServiceError::NotFound("incident"))?;
            Ok(events::append_to_incident(db, incident, found.version, &event, now).await?)
        }
        None => Ok(events::append(db, &event, now).await?),
    }
}

async fn environment_of(
    db: &mut PgConnection,
    organization: OrganizationId,
    act: &ProposedAct,
) -> ServiceResult<EnvironmentId> {
    match (act, act.incident()) {
        (ProposedAct::Override { environment, change, .. }, _) => {
            let which = changes::Which::One(*change);
            let found = changes::list(db, organization, *environment, which, 1).await?.pop();
            found.map(|_| *environment).ok_or(ServiceError::NotFound("change"))
        }
        (_, Some(incident)) => {
            incidents::environment_of(db, organization, incident).await?.ok_or(ServiceError::NotFound("incident"))
        }
        (_, None) => Err(ServiceError::NotFound("incident")),
    }
}

async fn voices(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ApprovalId,
) -> ServiceResult<Vec<VoiceRecord>> {
    Ok(approvals::voices(db, organization, &[id]).await?.remove(&id).unwrap_or_default())
}

/// Whether an approval counts: whoever gave it is a member still, and whose voice it is has the role still.
fn counts(voice: &VoiceRecord, approvers: Role) -> bool {
    voice.is_member && voice.role.is_some_and(|role| role >= approvers)
}

/// The approvals that count.
fn counted(voices: &[VoiceRecord], approvers: Role) -> usize {
    voices.iter().filter(|voice| counts(voice, approvers)).count()
}

/// Whoever gave an approval, and for whom where the voice is another's.
pub(crate) fn spoken(voice: &VoiceRecord) -> String {
    if voice.of.id == voice.by.id { voice.by.name.clone() } else { format!("{} for {}", voice.by.name, voice.of.name) }
}

/// How many people could approve what somebody asks for, now: a voice that is lent is spoken by the deputy, once however many
/// voices the deputy has, and not at all where the deputy is who asks.
async fn hands(
    db: &mut PgConnection,
    organization: OrganizationId,
    asks: UserId,
    least: Role,
    now: chrono::DateTime<chrono::Utc>,
) -> ServiceResult<usize> {
    let lent = approvals::delegations(db, organization, now).await?;
    let others = approvals::others(db, organization, asks, least).await?;
    let hand = |member: UserId| {
        let of = lent.iter().find(|d| d.view.from.id == member && d.view.begins_at <= now);
        of.map_or(member, |delegation| delegation.view.to.id)
    };
    let hands: HashSet<_> = others.iter().map(|(person, _)| hand(person.id)).filter(|hand| *hand != asks).collect();
    Ok(hands.len())
}

/// Those who let somebody approve for them now.
fn active(all: &[DelegationRecord], to: UserId, now: chrono::DateTime<chrono::Utc>) -> Vec<&DelegationRecord> {
    all.iter().filter(|d| d.view.to.id == to && d.view.begins_at <= now && now < d.view.ends_at).collect()
}

/// Whose voice a caller has for a request: the caller's own, else that of somebody who is away and whose voice is not given yet.
fn voice(
    caller: &Caller,
    record: &ApprovalRecord,
    given: &[VoiceRecord],
    delegations: &[&DelegationRecord],
) -> ServiceResult<UserId> {
    if record.by.id == caller.user_id {
        let message = "You asked for this, so others approve or reject it. You can take it back.";
        return Err(ServiceError::policy(NOT_ONES_OWN, message));
    }
    if given.iter().any(|voice| voice.by.id == caller.user_id) {
        return Err(ServiceError::Conflict("You have approved this already. Others are asked now.".to_owned()));
    }
    let is_given = |of: UserId| given.iter().find(|voice| voice.of.id == of);
    let mut taken = None;
    if caller.role >= record.approvers {
        match is_given(caller.user_id) {
            None => return Ok(caller.user_id),
            Some(before) => taken = Some(before),
        }
    }
    let lent = delegations.iter().filter(|d| d.role >= record.approvers && d.view.from.id != record.by.id);
    for delegation in lent {
        match is_given(delegation.view.from.id) {
            None => return Ok(delegation.view.from.id),
            Some(before) => taken = taken.or(Some(before)),
        }
    }
    match taken {
        Some(before) => {
            Err(ServiceError::Conflict(format!("{} has approved this for {} already.", before.by.name, before.of.name)))
        }
        None => {
            let (capability, needs, has) = (Capability::Approvals, record.approvers, caller.role);
            Err(ServiceError::RoleRequired { capability, needs, has })
        }
    }
}
