//! Requests for a higher plan (seed: the way to upgrade, and its conversion): any member asks where they meet the end of the
//! plan, who manages the plan answers, and the asker reads the answer.

use drift_domain::ids::UpgradeRequestId;
use drift_domain::plan::{Capability, Grant, Plan, PlanTier};
use drift_domain::views::{UpgradeAsk, UpgradeOffer, UpgradeRequestView};
use drift_store::events::{self, NewEvent};
use drift_store::upgrades::{self, NewRequest, Which};
use drift_store::{PgConnection, StoreError, environments, plans};
use serde_json::json;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// The longest note or answer that is taken, in characters.
const NOTE_LENGTH: usize = 2000;

impl Services {
    /// What the next plan adds to the organization's, and the caller's newest request. `None` on the highest plan.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn upgrade_offer(&self, permit: &Permit<cap::RequestUpgrade>) -> ServiceResult<Option<UpgradeOffer>> {
        let mut db = self.tenant(permit.organization()).await?;
        self.upgrade_offer_in(&mut db, permit.caller()).await
    }

    pub(crate) async fn upgrade_offer_in(
        &self,
        db: &mut PgConnection,
        caller: &Caller,
    ) -> ServiceResult<Option<UpgradeOffer>> {
        let Some(plan) = next(caller.plan.tier()) else { return Ok(None) };
        let tiers = plans::tiers(db, caller.organization_id).await?;
        let to = tiers.iter().find(|tier| tier.tier() == plan).cloned().unwrap_or_else(|| Plan::standard(plan));
        let gained = caller.plan.difference(&to).gained;
        let newest = upgrades::list(db, caller.organization_id, Which::Of(caller.user_id), None, 1).await?.pop();
        Ok(Some(UpgradeOffer {
            plan,
            adds: gained.into_iter().filter(|c| c.from == Grant::None).map(|c| c.capability).collect(),
            requested: newest,
            can_manage: caller.may(Capability::ManagePlan),
        }))
    }

    /// A page of the requests, open ones first, then the newest: everybody's for who may answer them, else the caller's own.
    /// With the request that the next page begins behind, while there is one.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn upgrade_requests(
        &self,
        permit: &Permit<cap::RequestUpgrade>,
        after: Option<UpgradeRequestId>,
    ) -> ServiceResult<(Vec<UpgradeRequestView>, Option<UpgradeRequestId>)> {
        /// Requests on a page.
        const PAGE: usize = 50;
        let caller = permit.caller();
        let whose = if caller.may(Capability::ManagePlan) { Which::All } else { Which::Of(caller.user_id) };
        let mut db = self.tenant(permit.organization()).await?;
        let mut page = upgrades::list(&mut db, permit.organization(), whose, after, PAGE as i64 + 1).await?;
        let more = page.len() > PAGE;
        page.truncate(PAGE);
        let next = page.last().filter(|_| more).map(|request| request.id);
        Ok((page, next))
    }

    /// Asks for a higher plan. What the person could not do, and where, is kept with it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment of somebody else; [`ServiceError::Invalid`] when the plan is none that is
    /// higher; [`ServiceError::Conflict`] when the person has an open request.
    pub async fn request_upgrade(
        &self,
        permit: &Permit<cap::RequestUpgrade>,
        ask: UpgradeAsk,
    ) -> ServiceResult<UpgradeRequestId> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let now = self.clock.now();
        let note = read_note("note", &ask.note)?;
        let mut tx = self.tenant(organization).await?;
        if let Some(id) = ask.environment
            && !environments::exists(&mut tx, organization, id).await?
        {
            return Err(ServiceError::NotFound("environment"));
        }
        let (present, _) =
            plans::version(&mut tx, organization).await?.ok_or(ServiceError::NotFound("organization"))?;
        let request = NewRequest {
            id: UpgradeRequestId(uuid::Uuid::now_v7()),
            plan: wanted(present, &ask)?,
            plan_then: present,
            capability: ask.capability,
            environment: ask.environment,
            note,
            by: caller.user_id,
        };
        upgrades::insert(&mut tx, organization, &request, now).await.map_err(asked_already)?;
        let data = json!({
            "request": request.id, "plan": request.plan, "plan_then": present, "capability": ask.capability, "note": note,
        });
        let event = NewEvent {
            organization_id: organization,
            environment_id: ask.environment,
            change_id: None,
            kind: "upgrade.requested",
            actor: Some(caller.user_id),
            data,
        };
        events::append(&mut tx, &event, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(request.id)
    }

    /// Answers a request: granting it gives the organization the plan that was asked for, declining it takes words.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the organization has no such request; [`ServiceError::Conflict`] when it is answered by
    /// now; [`ServiceError::Invalid`] when it is declined without words.
    pub async fn answer_upgrade(
        &self,
        permit: &Permit<cap::ManagePlan>,
        id: UpgradeRequestId,
        grant: bool,
        words: String,
    ) -> ServiceResult<()> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let now = self.clock.now();
        let mut tx = self.tenant(organization).await?;
        let (present, version) =
            plans::lock(&mut tx, organization).await?.ok_or(ServiceError::NotFound("organization"))?;
        let request = upgrades::list(&mut tx, organization, Which::One(id), None, 1).await?.pop();
        let request = request.ok_or(ServiceError::NotFound("upgrade request"))?;
        if let Some(answer) = request.answer {
            let done = if answer.granted { "granted" } else { "declined" };
            return Err(ServiceError::Conflict(format!("{} has {done} this request already.", answer.by)));
        }
        let words = read_note("words", &words)?;
        if words.is_empty() && !grant {
            return Err(ServiceError::invalid("words", format!("Say why. {} reads it.", request.by)));
        }
        upgrades::answer(&mut tx, organization, id, grant, words, caller.user_id, now).await?;
        let data = json!({
            "request": id, "granted": grant, "words": words, "plan": request.plan, "plan_then": request.plan_then,
        });
        let event = NewEvent {
            organization_id: organization,
            environment_id: None,
            change_id: None,
            kind: "upgrade.answered",
            actor: Some(caller.user_id),
            data,
        };
        events::append(&mut tx, &event, now).await?;
        // Somebody may have chosen the plan, or a higher one, since it was asked for.
        if grant && request.plan > present {
            let asked = format!("{} asked for it", request.by);
            let reason = if words.is_empty() { asked } else { format!("{asked}: {words}") };
            self.change_tier(&mut tx, permit, (present, version), request.plan, &reason).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}

fn next(tier: PlanTier) -> Option<PlanTier> {
    PlanTier::ALL.iter().copied().find(|other| *other > tier)
}

/// The plan that is asked for: the one named, or the first that has what the person could not do, or the next.
fn wanted(present: PlanTier, ask: &UpgradeAsk) -> ServiceResult<PlanTier> {
    let by_capability = ask.capability.and_then(|capability| {
        let further = |plan: &PlanTier| *plan > present && capability.grant(*plan) > capability.grant(present);
        PlanTier::ALL.iter().copied().find(further)
    });
    let Some(plan) = ask.plan.or(by_capability).or_else(|| next(present)) else {
        let message = format!("The {} plan is the highest there is.", present.label());
        return Err(ServiceError::invalid("plan", message));
    };
    if plan <= present {
        let message = format!("The organization has the {} plan: {} is no higher one.", present.label(), plan.label());
        return Err(ServiceError::invalid("plan", message));
    }
    Ok(plan)
}

fn read_note<'a>(field: &'static str, text: &'a str) -> ServiceResult<&'a str> {
    let note = text.trim();
    if note.chars().count() > NOTE_LENGTH {
        return Err(ServiceError::invalid(field, format!("Keep it to {NOTE_LENGTH} characters.")));
    }
    Ok(note)
}

fn asked_already(error: StoreError) -> ServiceError {
    if error.constraint() == Some(upgrades::ONE_OPEN) {
        let message = "You have asked already, and nobody has answered yet. The plan settings show your request.";
        return ServiceError::Conflict(message.to_owned());
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_done_says_which_plan_is_asked_for() {
        let ask = |capability| UpgradeAsk { capability, ..UpgradeAsk::default() };
        let plan = |present, capability| wanted(present, &ask(capability)).unwrap();
        assert_eq!(plan(PlanTier::Free, Some(Capability::Incidents)), PlanTier::Pro);
        assert_eq!(plan(PlanTier::Free, Some(Capability::TicketLink)), PlanTier::Agency);
        assert_eq!(plan(PlanTier::Pro, Some(Capability::Diff)), PlanTier::Agency, "further than the limited one");
        assert_eq!(plan(PlanTier::Pro, None), PlanTier::Agency);
        let lower = UpgradeAsk { plan: Some(PlanTier::Free), ..UpgradeAsk::default() };
        assert!(wanted(PlanTier::Pro, &lower).is_err());
        assert!(wanted(PlanTier::Enterprise, &ask(None)).is_err());
    }
}
