//! Placing and releasing legal holds.

use drift_domain::ids::{HoldId, IncidentId, OrganizationId};
use drift_domain::views::HoldView;
use drift_store::events::{self, NewEvent};
use drift_store::holds::{self, Which};
use drift_store::{PgConnection, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// Holds that are listed.
const HOLDS_LISTED: i64 = 200;

impl Services {
    /// Asks the gate for a hold on an incident: whose it is comes first. Without one, for a hold on all of the organization.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an incident that is not the organization's; [`ServiceError::PlanRequired`] or
    /// [`ServiceError::RoleRequired`], naming what would do.
    pub async fn hold_permit(
        &self,
        caller: &Caller,
        incident: Option<IncidentId>,
    ) -> ServiceResult<Permit<cap::Holds>> {
        if let Some(id) = incident {
            let mut db = self.tenant(caller.organization_id).await?;
            let found = holds::incident(&mut db, caller.organization_id, id).await?;
            found.ok_or(ServiceError::NotFound("incident"))?;
        }
        caller.permit()
    }

    /// Asks the gate for the release of a hold: whose it is comes first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a hold that is not the organization's; [`ServiceError::RoleRequired`], naming what would do.
    pub async fn release_permit(&self, caller: &Caller, id: HoldId) -> ServiceResult<Permit<cap::Retention>> {
        let mut db = self.tenant(caller.organization_id).await?;
        one(&mut db, caller.organization_id, id).await?;
        caller.permit()
    }

    /// Places a hold on an incident with everything that belongs to it, or on all of the organization: nothing of it is removed
    /// until the hold is released.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an incident that is not there; [`ServiceError::Conflict`] where the same is held already;
    /// [`ServiceError::Invalid`] without a reason.
    pub async fn place_hold(
        &self,
        permit: &Permit<cap::Holds>,
        incident: Option<IncidentId>,
        reason: String,
    ) -> ServiceResult<HoldView> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let on = match incident {
            Some(id) => {
                let found = holds::incident(&mut tx, organization, id).await?;
                Some(found.ok_or(ServiceError::NotFound("incident"))?)
            }
            None => None,
        };
        let reason = read_reason(&reason)?;
        let (id, by) = (HoldId(Uuid::now_v7()), permit.caller().user_id);
        holds::place(&mut tx, organization, id, on.as_ref(), reason, by, now).await.map_err(refused)?;
        let hold = one(&mut tx, organization, id).await?;
        self.hold_event(&mut tx, permit.caller(), "hold.placed", &hold, reason).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(hold)
    }

    /// Releases a hold. What it held and is older than the plan keeps goes at the next tidying. The plan does not matter: a
    /// hold that was placed before a downgrade can be released after it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a hold that is not the organization's; [`ServiceError::Conflict`] for one that was released
    /// already; [`ServiceError::Invalid`] without a reason.
    pub async fn release_hold(
        &self,
        permit: &Permit<cap::Retention>,
        id: HoldId,
        reason: String,
    ) -> ServiceResult<HoldView> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        one(&mut tx, organization, id).await?;
        let reason = read_reason(&reason)?;
        if !holds::release(&mut tx, organization, id, reason, permit.caller().user_id, now).await? {
            return Err(ServiceError::Conflict("This hold was released already.".to_owned()));
        }
        let hold = one(&mut tx, organization, id).await?;
        self.hold_event(&mut tx, permit.caller(), "hold.released", &hold, reason).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(hold)
    }

    /// The organization's holds: those that hold first, then those that were released, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn holds(&self, permit: &Permit<cap::Retention>) -> ServiceResult<Vec<HoldView>> {
        let mut db = self.tenant(permit.organization()).await?;
        Ok(holds::list(&mut db, permit.organization(), Which::All, HOLDS_LISTED).await?)
    }

    /// The holds that keep an incident now: its own, and that of the organization.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn holds_of_incident(
        &self,
        permit: &Permit<cap::Incidents>,
        incident: IncidentId,
    ) -> ServiceResult<Vec<HoldView>> {
        let mut db = self.tenant(permit.organization()).await?;
        holds::incident(&mut db, permit.organization(), incident).await?.ok_or(ServiceError::NotFound("incident"))?;
        Ok(holds::list(&mut db, permit.organization(), Which::Of(incident), HOLDS_LISTED).await?)
    }

    async fn hold_event(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
        kind: &str,
        hold: &HoldView,
        reason: &str,
    ) -> ServiceResult<()> {
        let about = match &hold.incident {
            Some(held) => format!("Incident {}", held.number),
            None => "The organization".to_owned(),
        };
        let incident: Value = hold.incident.as_ref().map(|held| json!(held.id)).into();
        let event = NewEvent {
            organization_id: caller.organization_id,
            environment_id: None,
            change_id: None,
            kind,
            actor: Some(caller.user_id),
            data: json!({ "hold": hold.id, "about": about, "incident": incident, "reason": reason }),
        };
        Ok(events::append(db, &event, self.clock.now()).await?)
    }
}

async fn one(db: &mut PgConnection, organization: OrganizationId, id: HoldId) -> ServiceResult<HoldView> {
    let found = holds::list(db, organization, Which::One(id), 1).await?;
    found.into_iter().next().ok_or(ServiceError::NotFound("hold"))
}

fn refused(error: StoreError) -> ServiceError {
    match error.constraint() {
        Some(holds::ONE_AT_A_TIME) => {
            ServiceError::Conflict("The same is under a hold already. Release that one first, or leave it.".to_owned())
        }
        Some(holds::ON_WHAT_IS_THERE) => ServiceError::NotFound("incident"),
        _ => error.into(),
    }
}
