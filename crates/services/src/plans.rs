//! The organization's plan: what it grants, who changed what, what a change would do, and changing it.

use chrono::{DateTime, Utc};
use drift_domain::ids::OrganizationId;
use drift_domain::plan::{Capability, Limit, Plan, PlanTier};
use drift_domain::retention::RetentionKind;
use drift_domain::views::{
    CapabilityRow, LimitCell, LimitChange, LimitRow, PlanChange, PlanEdit, PlanEffect, PlanPage,
};
use drift_store::events::{self, NewEvent};
use drift_store::plans::{self, PlanEvent, Standing};
use drift_store::upgrades::{self, Which};
use drift_store::{PgConnection, StoreError};
use serde_json::{Value, json};

use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Edits that the page shows, newest first.
const HISTORY_SHOWN: i64 = 50;
/// Requests that the page shows, open ones first.
const REQUESTS_SHOWN: i64 = 50;

impl Services {
    /// The plan, for every member: what it grants, its limits, who changed what. Requests of others are for those alone who
    /// answer them.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn plan(&self, permit: &Permit<cap::RequestUpgrade>) -> ServiceResult<PlanPage> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let now = self.clock.now();
        let mut db = self.tenant(organization).await?;
        let (tier, version) = present(plans::version(&mut db, organization).await?)?;
        let tiers = plans::tiers(&mut db, organization).await?;
        let reasons = plans::limit_reasons(&mut db, organization).await?;
        let can_manage = caller.may(Capability::ManagePlan);
        let whose = if can_manage { Which::All } else { Which::Of(caller.user_id) };
        Ok(PlanPage {
            tier,
            version,
            capabilities: Capability::ALL.iter().map(|capability| capability_row(*capability, &tiers)).collect(),
            limits: Limit::ALL.iter().map(|limit| limit_row(*limit, &tiers, &reasons)).collect(),
            history: plans::history(&mut db, organization, HISTORY_SHOWN).await?.iter().filter_map(told).collect(),
            requests: upgrades::list(&mut db, organization, whose, None, REQUESTS_SHOWN).await?,
            open_incidents: plans::standing(&mut db, organization, now).await?.open_incidents,
            upgrade: self.upgrade_offer_in(&mut db, caller).await?,
            now,
            can_manage,
        })
    }

    /// What an edit of the plan would do. Saves nothing.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for an edit that would change nothing, or a limit outside its bounds.
    pub async fn plan_effect(&self, permit: &Permit<cap::ManagePlan>, edit: PlanEdit) -> ServiceResult<PlanEffect> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let (tier, version) = present(plans::version(&mut db, organization).await?)?;
        self.effect(&mut db, organization, tier, version, edit).await
    }

    /// Gives the organization another tier. Open incidents keep the plan that they were created under, and drift stays seen.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] when the plan is not at `version` any more; [`ServiceError::Invalid`] without a reason, or for
    /// the tier that the organization has.
    pub async fn set_tier(
        &self,
        permit: &Permit<cap::ManagePlan>,
        version: i64,
        tier: PlanTier,
        reason: String,
    ) -> ServiceResult<PlanEffect> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let at = self.lock_plan(&mut tx, organization, version).await?;
        let effect = self.effect(&mut tx, organization, at.0, at.1, PlanEdit::Tier { plan: tier }).await?;
        let reason = read_reason(&reason)?;
        self.change_tier(&mut tx, permit, at, tier, reason).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(effect)
    }

    /// Sets a limit of a tier for this organization, within the bounds that keep the tier what its name promises.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] when the plan is not at `version` any more; [`ServiceError::Invalid`] without a reason, or for a
    /// value outside the bounds.
    pub async fn set_limit(
        &self,
        permit: &Permit<cap::ManagePlan>,
        version: i64,
        tier: PlanTier,
        limit: Limit,
        value: Option<u32>,
        reason: String,
    ) -> ServiceResult<PlanEffect> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let at = self.lock_plan(&mut tx, organization, version).await?;
        let effect =
            self.effect(&mut tx, organization, at.0, at.1, PlanEdit::Limit { plan: tier, limit, value }).await?;
        let reason = read_reason(&reason)?;
        let by = permit.caller().user_id;
        let set = (tier, limit, value);
        plans::set_limit(&mut tx, organization, set, reason, by, self.clock.now()).await.map_err(out_of_bounds)?;
        let from = effect.limits.first().and_then(|change| change.from);
        let data = json!({
            "plan": tier, "limit": limit, "from": from, "to": value, "reason": reason, "version": version + 1,
        });
        self.plan_event(&mut tx, permit, "plan.limit_set", data).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(effect)
    }

    /// Gives the organization a tier and puts it on record, in the caller's transaction.
    pub(crate) async fn change_tier(
        &self,
        db: &mut PgConnection,
        permit: &Permit<cap::ManagePlan>,
        (from, version): (PlanTier, i64),
        to: PlanTier,
        reason: &str,
    ) -> ServiceResult<()> {
        plans::set_tier(db, permit.organization(), to).await?;
        let data = json!({ "from": from, "to": to, "reason": reason, "version": version + 1 });
        self.plan_event(db, permit, "plan.tier_set", data).await
    }

    async fn plan_event(
        &self,
        db: &mut PgConnection,
        permit: &Permit<cap::ManagePlan>,
        kind: &str,
        data: Value,
    ) -> ServiceResult<()> {
        let event = NewEvent {
            organization_id: permit.organization(),
            environment_id: None,
            change_id: None,
            kind,
            actor: Some(permit.caller().user_id),
            data,
        };
        Ok(events::append(db, &event, self.clock.now()).await?)
    }

    /// Holds the plan for an edit of what was seen at `version`.
    async fn lock_plan(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        version: i64,
    ) -> ServiceResult<(PlanTier, i64)> {
        let at = present(plans::lock(db, organization).await?)?;
        if at.1 == version {
            return Ok(at);
        }
        let since = |event: &&PlanEvent| event.data["version"].as_i64().is_some_and(|n| n > version);
        let history = plans::history(db, organization, HISTORY_SHOWN).await?;
        let tell = |edit: PlanChange| format!("{}: {}.", edit.by, edit.text);
        Err(ServiceError::Stale { meanwhile: history.iter().rev().filter(since).filter_map(told).map(tell).collect() })
    }

    async fn effect(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        tier: PlanTier,
        version: i64,
        edit: PlanEdit,
    ) -> ServiceResult<PlanEffect> {
        let now = self.clock.now();
        let tiers = plans::tiers(db, organization).await?;
        let of = |tier| tiers.iter().find(|plan| plan.tier() == tier).cloned().unwrap_or_else(|| Plan::standard(tier));
        let standing = plans::standing(db, organization, now).await?;
        let (from, to) = match edit {
            PlanEdit::Tier { plan } => {
                if plan == tier {
                    let message = format!("The organization has the {} plan already.", plan.label());
                    return Err(ServiceError::invalid("plan", message));
                }
                (of(tier), of(plan))
            }
            PlanEdit::Limit { plan, limit, value } => {
                let from = of(plan);
                check_limit(&from, limit, value)?;
                let to = with_limit(&from, limit, value);
                (from, to)
            }
        };
        let difference = from.difference(&to);
        // A limit of a tier that the organization does not have concerns nothing yet.
        let concerns = matches!(edit, PlanEdit::Tier { .. }) || from.tier() == tier;
        let mut consequences = Vec::new();
        if concerns {
            for change in &difference.limits {
                let old = self.removed_history(db, organization, change, now).await?;
                consequences.extend(consequence(change, &standing, &old));
            }
        } else {
            consequences.push(format!("It holds once the organization has the {} plan.", from.tier().label()));
        }
        if let PlanEdit::Tier { plan } = edit {
            consequences.extend(kept(plan, &standing));
        }
        Ok(PlanEffect {
            edit,
            version,
            tier,
            gained: difference.gained,
            lost: difference.lost,
            limits: difference.limits,
            consequences,
        })
    }

    /// What the next tidying would remove because less history is kept.
    async fn removed_history(
        &self,
        db: &mut PgConnection,
        organization: OrganizationId,
        change: &LimitChange,
        now: DateTime<Utc>,
    ) -> ServiceResult<Vec<(RetentionKind, u64)>> {
        match (change.limit, change.from, change.to) {
            (Limit::HistoryDays, from, Some(to)) if from.is_none_or(|from| to < from) => {
                crate::retention::would_go(db, organization, now, to.into()).await
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn present(found: Option<(PlanTier, i64)>) -> ServiceResult<(PlanTier, i64)> {
    found.ok_or(ServiceError::NotFound("organization"))
}

fn capability_row(capability: Capability, tiers: &[Plan]) -> CapabilityRow {
    CapabilityRow {
        capability,
        grants: tiers.iter().map(|plan| plan.grant(capability)).collect(),
        least_role: capability.least_role(),
        locked: capability.is_locked(),
    }
}

fn limit_row(limit: Limit, tiers: &[Plan], reasons: &[(PlanTier, Limit, String)]) -> LimitRow {
    let cell = |plan: &Plan| LimitCell {
        value: plan.limit(limit),
        bounds: limit.bounds(plan.tier()),
        reason: reasons.iter().find(|(tier, name, _)| (*tier, *name) == (plan.tier(), limit)).map(|r| r.2.clone()),
    };
    LimitRow { limit, cells: tiers.iter().map(cell).collect() }
}

/// The same plan with one limit set.
fn with_limit(plan: &Plan, limit: Limit, value: Option<u32>) -> Plan {
    let limits = Limit::ALL.iter().map(|other| (*other, if *other == limit { value } else { plan.limit(*other) }));
    Plan::new(plan.tier(), Capability::ALL.iter().map(|c| (*c, plan.grant(*c))), limits)
}

fn check_limit(plan: &Plan, limit: Limit, value: Option<u32>) -> ServiceResult<()> {
    let bounds = limit.bounds(plan.tier());
    if !bounds.allow(value) {
        let message = match bounds.most {
            Some(most) if most == bounds.least => {
                format!("On the {} plan this is {}, and cannot be set.", plan.tier().label(), limit.words(Some(most)))
            }
            Some(most) => format!(
                "On the {} plan this can be {} to {}.",
                plan.tier().label(),
                bounds.least,
                limit.words(Some(most))
            ),
            None => format!("On the {} plan this can be {} or more, or no limit.", plan.tier().label(), bounds.least),
        };
        return Err(ServiceError::invalid("value", message));
    }
    if plan.limit(limit) == value {
        return Err(ServiceError::invalid("value", format!("It is {} already.", limit.words(value))));
    }
    Ok(())
}

fn out_of_bounds(error: StoreError) -> ServiceError {
    if error.constraint() == Some(plans::WITHIN_BOUNDS) {
        return ServiceError::invalid("value", "The plan does not take this value.");
    }
    error.into()
}

fn counted(n: u32, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// What the next tidying would remove, counted.
fn removed(old: &[(RetentionKind, u64)]) -> String {
    let word = |kind, n| match (kind, n == 1) {
        (RetentionKind::Checks, true) => "check",
        (RetentionKind::Checks, false) => "checks",
        (RetentionKind::Changes, true) => "decided change",
        (RetentionKind::Changes, false) => "decided changes",
        (RetentionKind::Incidents, true) => "closed incident",
        (RetentionKind::Incidents, false) => "closed incidents",
        (_, true) => "event",
        (_, false) => "events",
    };
    let counted: Vec<_> =
        old.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{n} {}", word(*kind, *n))).collect();
    if counted.is_empty() { "nothing".to_owned() } else { counted.join(", ") }
}

/// What a changed limit means for what is there now.
fn consequence(change: &LimitChange, standing: &Standing, old: &[(RetentionKind, u64)]) -> Option<String> {
    let less = match (change.from, change.to) {
        (None, Some(_)) => true,
        (Some(from), Some(to)) => to < from,
        (_, None) => false,
    };
    let new = change.limit.words(change.to);
    match change.limit {
        Limit::OverrideDays if standing.running_overrides > 0 => Some(format!(
            "{} and {} the end that {} set, whatever the new limit is.",
            counted(standing.running_overrides, "override runs", "overrides run"),
            if standing.running_overrides == 1 { "keeps" } else { "keep" },
            if standing.running_overrides == 1 { "it was" } else { "they were" },
        )),
        Limit::OverrideDays => None,
        Limit::OpenIncidents if less => {
            let open: u32 = standing.open_incidents.iter().map(|(_, n)| n).sum();
            let over = change.to.is_some_and(|most| open >= most);
            over.then(|| {
                format!(
                    "{} open now. Further ones are refused until fewer than that are open.",
                    counted(open, "incident is", "incidents are")
                )
            })
        }
        Limit::DiffWorkflows if less => Some(format!(
            "{} now. Of each environment, the diffs that may be opened are those of {}: the most severe first; the others show their summary.",
            counted(standing.open_changes, "workflow differs", "workflows differ"),
            if change.to == Some(0) { "no workflow".to_owned() } else { new },
        )),
        Limit::HistoryDays if less => Some(format!(
            "Older than {new} and removed at the next tidying: {}. What is open, waits for a decision or is under a legal hold is \
             kept whatever its age.",
            removed(old)
        )),
        Limit::OpenIncidents
        | Limit::DiffWorkflows
        | Limit::HistoryDays
        | Limit::ExtensionHours
        | Limit::Extensions => None,
    }
}

/// What a change of tier does not touch.
fn kept(to: PlanTier, standing: &Standing) -> Vec<String> {
    let mut kept: Vec<String> = standing
        .open_incidents
        .iter()
        .filter(|(tier, _)| *tier != to)
        .map(|(tier, n)| {
            format!(
                "{} under the {} plan and can be finished under it.",
                counted(*n, "open incident was created", "open incidents were created"),
                tier.label()
            )
        })
        .collect();
    kept.push(format!(
        "Drift is detected and seen as before: {} now.",
        counted(standing.open_changes, "workflow differs", "workflows differ")
    ));
    kept
}

/// An event as a person reads it. One that another version of the product wrote in another form is left out.
fn told(event: &PlanEvent) -> Option<PlanChange> {
    let data = &event.data;
    let tier = |name: &str| data[name].as_str()?.parse::<PlanTier>().ok().map(PlanTier::label);
    let text = match event.kind.as_str() {
        "plan.tier_set" => format!("The plan is {} instead of {}", tier("to")?, tier("from")?),
        "plan.limit_set" => {
            let limit: Limit = data["limit"].as_str()?.parse().ok()?;
            let value = |name: &str| limit.words(data[name].as_u64().and_then(|n| u32::try_from(n).ok()));
            let (from, to) = (value("from"), value("to"));
            format!("{} on the {} plan: {to} instead of {from}", limit.label(), tier("plan")?)
        }
        _ => return None,
    };
    let reason = data["reason"].as_str().unwrap_or_default().to_owned();
    Some(PlanChange { text, reason, by: event.by.clone(), at: event.at })
}
