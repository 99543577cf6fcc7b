//! Overrides: a difference that somebody accepts for a time, on the record (product, Lower plans). No resolution: the change
//! stays open, its badge stays, everybody sees who accepts it, why and until when, and at the end it asks again.

use chrono::TimeDelta;
use drift_domain::change::{ChangeState, OverrideState};
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId};
use drift_domain::plan::{Capability, Limit, Plan};
use drift_domain::views::{OverrideOffer, OverrideView};
use drift_policy::Ask;
use drift_store::changes::{self, Which};
use drift_store::events::{self, NewEvent};
use drift_store::overrides::{self, NewOverride};
use drift_store::{PgConnection, StoreError, environments};
use serde_json::json;

use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};
use crate::policies::holding::{self, Asked};

/// The name of the limit as a policy, in refusals.
const POLICY: &str = Limit::OverrideDays.as_str();

/// The most days that a plan takes.
///
/// # Errors
/// [`ServiceError::PolicyRefused`] where it takes no overrides (Enterprise, until an administrator sets a limit).
pub(crate) fn longest(plan: &Plan) -> ServiceResult<u32> {
    match plan.override_days() {
        0 => {
            let message = format!(
                "Overrides are not allowed on the {} plan unless an administrator sets a limit for them in the plan settings.",
                plan.tier().label()
            );
            Err(ServiceError::policy(POLICY, message))
        }
        days => Ok(days),
    }
}

/// What a screen offers a caller.
pub(crate) fn offer(caller: &Caller) -> OverrideOffer {
    let refused = caller.refusal_under(Capability::Override, &caller.plan).or_else(|| longest(&caller.plan).err());
    OverrideOffer {
        longest_days: caller.plan.override_days(),
        refusal: refused.map(|error| error.to_string()),
        may_end: caller.may(Capability::Override),
    }
}

impl Services {
    /// Accepts an open change for a time. One that runs already is replaced: the newest holds.
    ///
    /// # Errors
    /// [`ServiceError::PolicyRefused`] where the plan takes none; [`ServiceError::Invalid`] without a reason or for more days
    /// than the plan takes; [`ServiceError::Conflict`] when the change is not open (any more).
    pub async fn override_change(
        &self,
        permit: &Permit<cap::Override>,
        id: EnvironmentId,
        change: ChangeId,
        reason: String,
        days: u32,
    ) -> ServiceResult<OverrideView> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let now = self.clock.now();
        let mut tx = self.tenant(organization).await?;
        self.open_change(&mut tx, permit, id, change).await?;
        let longest = longest(permit.plan())?;
        let reason = read_reason(&reason)?;
        if !(1..=longest).contains(&days) {
            let most = Limit::OverrideDays.words(Some(longest));
            let message = format!("The {} plan takes overrides of 1 day to {most}.", permit.plan().tier().label());
            return Err(ServiceError::invalid("days", message));
        }
        let asked = Asked { caller, plan: permit.plan(), environment: id, ask: Ask::Override { days }, now };
        holding::ask(&mut tx, &asked).await?;
        let until = now + TimeDelta::days(i64::from(days));
        let new = NewOverride { id: DecisionId(uuid::Uuid::now_v7()), change, reason, by: caller.user_id, until };
        overrides::begin(&mut tx, organization, id, &new, now).await?;
        let data = json!({ "decision": new.id, "reason": reason, "days": days, "until": until });
        self.overridden(&mut tx, permit, id, change, "override.begun", data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(OverrideView {
            state: OverrideState::Running,
            reason: reason.to_owned(),
            by: caller.name.clone(),
            at: now,
            until,
            ended: None,
        })
    }

    /// Ends an override before its time: the difference asks again at once. That is taken on every plan.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when no override of the change runs.
    pub async fn end_override(
        &self,
        permit: &Permit<cap::Override>,
        id: EnvironmentId,
        change: ChangeId,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        self.open_change(&mut tx, permit, id, change).await?;
        let by = permit.caller().user_id;
        if !overrides::end(&mut tx, organization, id, change, by, self.clock.now()).await? {
            let message = "No override of this change runs: it lapsed, or somebody ended it. Look at it again.";
            return Err(ServiceError::Conflict(message.to_owned()));
        }
        self.overridden(&mut tx, permit, id, change, "override.ended", json!({})).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Holds the environment and finds the change in it, which must be open.
    async fn open_change(
        &self,
        db: &mut PgConnection,
        permit: &Permit<cap::Override>,
        id: EnvironmentId,
        change: ChangeId,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        environments::lock(db, organization, id).await?.ok_or(ServiceError::NotFound("environment"))?;
        let found = changes::list(db, organization, id, Which::One(change), 1).await?.pop();
        let found = found.ok_or(ServiceError::NotFound("change"))?;
        let instead = match found.state {
            ChangeState::Open => return Ok(()),
            ChangeState::Vanished => {
                "It vanished meanwhile: record what became of it; an override is one of the answers."
            }
            ChangeState::Superseded => {
                "The workflow drifted further meanwhile, and an override of what was is not one of what is. Look at the newer change."
            }
            ChangeState::Decided => "It is decided by now.",
        };
        Err(ServiceError::Conflict(format!("The change of “{}” is not open any more. {instead}", found.workflow)))
    }

    async fn overridden(
        &self,
        db: &mut PgConnection,
        permit: &Permit<cap::Override>,
        id: EnvironmentId,
        change: ChangeId,
        kind: &'static str,
        data: serde_json::Value,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(id),
            change_id: Some(change),
            kind,
            actor: Some(permit.caller().user_id),
            data,
        };
        events::append(db, &event, self.clock.now()).await?;
        // A check that looked before this judges by what it knew then: it looks again.
        environments::bump(db, organization, id).await?;
        Ok(self.announce(db, organization, id, kind).await?)
    }
}
