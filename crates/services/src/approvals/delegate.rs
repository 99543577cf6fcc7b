//! Letting somebody approve meanwhile: the deputy lends the voice of who is away, with that person's role and no other right.

use chrono::TimeDelta;
use drift_domain::ids::{DelegationId, UserId};
use drift_domain::role::Role;
use drift_domain::views::{DelegationView, PersonView};
use drift_store::approvals::{self, NewDelegation};
use drift_store::{StoreError, people};
use serde_json::json;
use uuid::Uuid;

use crate::Services;
use crate::accounts::happened;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Days that somebody can be away at most.
const MOST_DAYS: u32 = 90;

impl Services {
    /// Lets a member approve for the caller from now on, for some days: instead of whoever did before.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for oneself, for who is no member or only looks on, and for days out of bounds;
    /// [`ServiceError::PolicyRefused`] for an API token.
    pub async fn delegate_approvals(
        &self,
        permit: &Permit<cap::Approvals>,
        to: UserId,
        days: u32,
    ) -> ServiceResult<DelegationView> {
        let (organization, caller, now) = (permit.organization(), permit.caller(), self.clock.now());
        // The voice that is lent is the member's whole one, and a token may have less.
        caller.session()?;
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(ServiceError::invalid("days", format!("Somebody approves for you for 1 to {MOST_DAYS} days.")));
        }
        let mut tx = self.tenant(organization).await?;
        let deputy = people::member(&mut tx, organization, to).await?;
        let name = match deputy {
            Some((name, role)) if role >= Role::Operator && to != caller.user_id => name,
            _ => {
                let message = "Another member of the organization, at least an operator, approves for you.";
                return Err(ServiceError::invalid("to", message));
            }
        };
        let new = NewDelegation {
            id: DelegationId(Uuid::now_v7()),
            from: caller.user_id,
            to,
            begins_at: now,
            ends_at: now + TimeDelta::days(i64::from(days)),
        };
        approvals::delegate(&mut tx, organization, &new).await?;
        let data = json!({ "delegation": new.id, "to": { "id": to, "name": name }, "until": new.ends_at });
        happened(&mut tx, caller, "approval.delegated", data, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(DelegationView {
            id: new.id,
            from: PersonView { id: caller.user_id, name: caller.name.clone() },
            to: PersonView { id: to, name },
            begins_at: new.begins_at,
            ends_at: new.ends_at,
        })
    }

    /// Ends the caller's delegation: the caller approves again. What the deputy approved stays approved.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when nobody approves for the caller.
    pub async fn end_delegation(&self, permit: &Permit<cap::Approvals>) -> ServiceResult<()> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut tx = self.tenant(organization).await?;
        if !approvals::end_delegation(&mut tx, organization, caller.user_id).await? {
            return Err(ServiceError::Conflict("Nobody approves for you: there is nothing to end.".to_owned()));
        }
        happened(&mut tx, caller, "approval.delegation_ended", json!({}), self.clock.now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}
