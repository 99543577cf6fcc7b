//! The drift workspace: changes, their diffs, and what people record about them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::ids::{ChangeId, CheckId, DecisionId, EnvironmentId, OrganizationId};
use drift_domain::plan::{Capability, DiffLimit, Grant, Plan, PlanTier};
use drift_domain::views::{
    AdoptionView, ChangeFilter, ChangePage, ChangeRow, CheckRow, DiffAccess, OverrideCount, OverrideView, Workspace,
};
use drift_policy::Ask;
use drift_store::changes::{ChangeRecord, Listed, OpenCounts, Which};
use drift_store::environments::EnvironmentRecord;
use drift_store::events::NewEvent;
use drift_store::{PgConnection, StoreError, changes, checks, environments, events, overrides, workflows};
use serde_json::json;

use crate::changes::listing;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};
use crate::overrides::offer;
use crate::policies::holding::Asked;
use crate::{Services, views};

mod opened;

pub(crate) use opened::change_page;

/// Checks that a page of the history shows.
pub const CHECKS_LISTED: usize = 30;
/// Checks that the workspace itself shows.
const CHECKS_IN_WORKSPACE: i64 = 8;
/// The longest reason that is taken, in characters.
const REASON_LENGTH: usize = 2000;

impl Services {
    /// Asks the gate about something of an environment: first whether the caller's organization has it, then the plan, then
    /// the role (product, Plans: not yours, plan, role).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::PlanRequired`] or [`ServiceError::RoleRequired`], in this order.
    pub async fn environment_permit<C: cap::Cap>(
        &self,
        caller: &Caller,
        id: EnvironmentId,
    ) -> ServiceResult<Permit<C>> {
        let mut db = self.tenant(caller.organization_id).await?;
        if !environments::exists(&mut db, caller.organization_id, id).await? {
            return Err(ServiceError::NotFound("environment"));
        }
        caller.permit()
    }

    /// The drift workspace of an environment.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment; [`ServiceError::Invalid`] when
    /// the filter's page begins where no page ended.
    pub async fn workspace(
        &self,
        permit: &Permit<cap::Summary>,
        id: EnvironmentId,
        filter: ChangeFilter,
    ) -> ServiceResult<Workspace> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut db = self.tenant(permit.organization()).await?;
        let record = environment(&mut db, permit, id).await?;
        let newest = checks::newest_good(&mut db, organization, id).await?;
        let checking = checks::is_running(&mut db, organization, id).await?;
        let now = self.clock.now();
        let rows = Rows::of(&mut db, &caller.plan, organization, id, now).await?;
        let overridden = rows.running();
        let listing = listing(&mut db, organization, id, &filter, &rows).await?;
        let open = changes::open_counts(&mut db, organization, id).await?;
        let upgrade = match caller.plan.grant(Capability::Incidents) {
            Grant::None => self.upgrade_offer_in(&mut db, caller).await?,
            Grant::Limited | Grant::Full => None,
        };
        Ok(Workspace {
            environment: views::environment_page(&record, overridden, newest.as_ref(), checking, caller, now),
            matching_changes: listing.matching,
            earlier_changes: listing.earlier,
            next: listing.next,
            changes: listing.rows,
            open_changes: record.open_changes,
            vanished_changes: open.vanished,
            adoption: adoption(&record, newest.as_ref(), &open, caller),
            filter,
            diff_access: diff_access(&caller.plan),
            ambiguities: workflows::ambiguities(&mut db, organization, id).await?,
            ignored: newest.map(|n| n.ignored).unwrap_or_default(),
            checks: checks::list(&mut db, organization, id, None, CHECKS_IN_WORKSPACE).await?,
            can_confirm: caller.may(Capability::ConfirmVanished),
            by_hand: caller.plan.grant(Capability::Incidents) == Grant::None,
            overriding: offer(caller),
            upgrade,
        })
    }

    /// One change with its diff, or with the reason why the plan does not show it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment or change.
    pub async fn change(
        &self,
        permit: &Permit<cap::Summary>,
        id: EnvironmentId,
        change: ChangeId,
    ) -> ServiceResult<ChangePage> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let mut db = self.tenant(permit.organization()).await?;
        let record = environment(&mut db, permit, id).await?;
        let found = changes::list(&mut db, organization, id, Which::One(change), 1).await?.pop();
        let found = found.ok_or(ServiceError::NotFound("change"))?;
        let rows = Rows::of(&mut db, &caller.plan, organization, id, self.clock.now()).await?;
        change_page(&mut db, caller, &record, found, &rows).await
    }

    /// A page of an environment's checks, newest first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment.
    pub async fn checks(
        &self,
        permit: &Permit<cap::Summary>,
        id: EnvironmentId,
        before: Option<CheckId>,
    ) -> ServiceResult<Vec<CheckRow>> {
        let mut db = self.tenant(permit.organization()).await?;
        environment(&mut db, permit, id).await?;
        Ok(checks::list(&mut db, permit.organization(), id, before, CHECKS_LISTED as i64).await?)
    }

    /// Records what a person says became of a change that vanished. That ends the change, on the record.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when the change is not vanished (any more); [`ServiceError::Invalid`] without a reason
    /// or with a decision that is none for this.
    pub async fn confirm_vanished(
        &self,
        permit: &Permit<cap::ConfirmVanished>,
        id: EnvironmentId,
        change: ChangeId,
        kind: DecisionKind,
        reason: String,
    ) -> ServiceResult<()> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let reason = read_reason(&reason)?;
        let now = self.clock.now();
        let mut tx = self.tenant(permit.organization()).await?;
        environments::lock(&mut tx, organization, id).await?.ok_or(ServiceError::NotFound("environment"))?;
        let found = changes::list(&mut tx, organization, id, Which::One(change), 1).await?.pop();
        let found = found.ok_or(ServiceError::NotFound("change"))?;
        if found.state != ChangeState::Vanished {
            let message = format!(
                "The change of “{}” is not waiting for this: it is {} now. Look at it again.",
                found.workflow,
                found.state.as_str().to_lowercase()
            );
            return Err(ServiceError::Conflict(message));
        }
        let cause = found.vanished_cause.ok_or_else(|| ServiceError::unavailable("a vanished change has a cause"))?;
        if kind == DecisionKind::Override && found.incident.is_some() {
            return Err(ServiceError::invalid("decision", crate::incidents::OVERRIDE_RESOLVES_NOTHING));
        }
        if kind == DecisionKind::Override {
            crate::overrides::longest(&caller.plan)?;
            // It lasts no time, and waits for nobody: what is accepted is gone.
            let ask = Ask::Override { days: 1 };
            let asked = Asked { caller, plan: permit.plan(), environment: id, ask, now };
            asked.refuse(&mut tx).await?;
        }
        if !cause.accepts(kind) {
            let message = format!(
                "{kind} is not what happened to “{}”. Confirm {}, or {} if something else took its place.",
                found.workflow,
                cause.fitting_decision(),
                DecisionKind::Replace
            );
            return Err(ServiceError::invalid("decision", message));
        }
        let decision = (DecisionId(uuid::Uuid::now_v7()), kind, reason);
        changes::decide_vanished(&mut tx, organization, id, change, decision, caller.user_id, now).await?;
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(id),
            change_id: Some(change),
            kind: "change.decided",
            actor: Some(caller.user_id),
            data: json!({ "decision": kind, "reason": reason, "workflow": found.workflow }),
        };
        // In an incident it is part of that one's timeline, too.
        match found.incident {
            Some(incident) => crate::incidents::append(&mut tx, incident, &event, now).await?,
            None => events::append(&mut tx, &event, now).await?,
        }
        environments::bump(&mut tx, organization, id).await?;
        environments::recount(&mut tx, organization, id).await?;
        self.announce(&mut tx, organization, id, "change.decided").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Links a live workflow and a file that are one workflow and that nobody could tell. A check follows at once.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the two are not among those listed for linking.
    pub async fn link(
        &self,
        permit: &Permit<cap::Configure>,
        id: EnvironmentId,
        live_id: &str,
        path: &str,
    ) -> ServiceResult<()> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let now = self.clock.now();
        let mut tx = self.tenant(permit.organization()).await?;
        environments::lock(&mut tx, organization, id).await?.ok_or(ServiceError::NotFound("environment"))?;
        let listed = workflows::ambiguities(&mut tx, organization, id).await?;
        let offered =
            listed.iter().any(|a| a.live_ids.iter().any(|l| l == live_id) && a.paths.iter().any(|p| p == path));
        if !offered {
            let message = "These two are not listed for linking (any more). Look at the list again.";
            return Err(ServiceError::invalid("path", message));
        }
        let records = workflows::list(&mut tx, organization, id).await?;
        let live = records.iter().find(|r| r.live_id.as_deref() == Some(live_id));
        let file = records.iter().find(|r| r.path.as_deref() == Some(path));
        let (Some(live), Some(file)) = (live, file) else {
            return Err(ServiceError::Conflict("One of the two is gone by now. Recheck, then look again.".to_owned()));
        };
        // The file's row gives its path up; the next check, which finds them linked, folds its change into the other's.
        if live.id != file.id {
            let seen_last = async |tx: &mut PgConnection, workflow| {
                let all = changes::list(tx, organization, id, Which::OfWorkflow(workflow), i64::MAX).await?;
                Ok::<_, StoreError>(all.into_iter().find(|c| c.state == ChangeState::Open).map(|c| c.id))
            };
            let (from, into) = (seen_last(&mut tx, file.id).await?, seen_last(&mut tx, live.id).await?);
            workflows::vacate(&mut tx, organization, &[file.id]).await?;
            workflows::relocate(&mut tx, organization, live.id, &live.name, Some(live_id), Some(path)).await?;
            workflows::linked_by(&mut tx, organization, live.id, caller.user_id).await?;
            if let (Some(from), Some(into)) = (from, into) {
                changes::fold_into(&mut tx, organization, from, into).await?;
            }
        }
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(id),
            change_id: None,
            kind: "workflow.linked",
            actor: Some(caller.user_id),
            data: json!({ "live_id": live_id, "path": path }),
        };
        events::append(&mut tx, &event, now).await?;
        environments::bump(&mut tx, organization, id).await?;
        environments::recount(&mut tx, organization, id).await?;
        self.ask_for_check(&mut tx, id, drift_domain::check::CheckTrigger::Recheck, Some(caller.user_id)).await?;
        self.announce(&mut tx, organization, id, "environment.updated").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Ends the adoption review: somebody has looked at what differed when the environment was connected. The changes
    /// themselves stay as they are.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when it is ended already, or no check has seen both sides yet.
    pub async fn finish_adoption(
        &self,
        permit: &Permit<cap::Configure>,
        id: EnvironmentId,
        note: String,
    ) -> ServiceResult<()> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let now = self.clock.now();
        let mut tx = self.tenant(permit.organization()).await?;
        let record = environment_in(&mut tx, organization, id).await?;
        if record.last_checked_at.is_none() {
            let message = "No check has read both sides yet, so there is nothing to review.";
            return Err(ServiceError::Conflict(message.to_owned()));
        }
        if !environments::record_adoption(&mut tx, organization, id, caller.user_id, now).await? {
            return Err(ServiceError::Conflict("Somebody has finished this review already.".to_owned()));
        }
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(id),
            change_id: None,
            kind: "adoption.finished",
            actor: Some(caller.user_id),
            data: json!({ "note": note.trim(), "open_changes": record.open_changes }),
        };
        events::append(&mut tx, &event, now).await?;
        self.announce(&mut tx, organization, id, "environment.updated").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}

/// The environment, if the permit's organization has it. Not yours and not there are one answer.
pub(crate) async fn environment<C>(
    db: &mut PgConnection,
    permit: &Permit<C>,
    id: EnvironmentId,
) -> ServiceResult<EnvironmentRecord> {
    environment_in(db, permit.organization(), id).await
}

pub(crate) async fn environment_in(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
) -> ServiceResult<EnvironmentRecord> {
    environments::get(db, organization, id).await?.ok_or(ServiceError::NotFound("environment"))
}

/// A reason as it is kept: there, and not without end.
pub(crate) fn read_reason(text: &str) -> ServiceResult<&str> {
    let reason = text.trim();
    if reason.is_empty() || reason.chars().count() > REASON_LENGTH {
        let message = format!("Say why, in at most {REASON_LENGTH} characters. It is kept on record.");
        return Err(ServiceError::invalid("reason", message));
    }
    Ok(reason)
}

pub(crate) fn diff_access(plan: &Plan) -> DiffAccess {
    let full = Capability::Diff.first_full_plan().unwrap_or(PlanTier::Enterprise);
    let some = Capability::Diff.first_plan().unwrap_or(PlanTier::Enterprise);
    match plan.diff_limit() {
        DiffLimit::None => DiffAccess::None { needs: some },
        DiffLimit::Workflows(workflows) => DiffAccess::Limited { workflows, needs: full },
        DiffLimit::All => DiffAccess::All,
    }
}

/// Makes records into rows, under a plan.
pub(crate) struct Rows<'a> {
    plan: &'a Plan,
    /// The open changes whose diffs a limited plan shows: those of the first workflows, the most severe first.
    openable: Vec<ChangeId>,
    overrides: HashMap<ChangeId, OverrideView>,
}

impl<'a> Rows<'a> {
    /// `openable` is what a limited plan opens.
    pub(crate) fn new(plan: &'a Plan, openable: Vec<ChangeId>, overrides: HashMap<ChangeId, OverrideView>) -> Self {
        Self { plan, openable, overrides }
    }

    /// What a limited plan opens, where the plan is limited.
    pub(crate) fn only(&self) -> Option<&[ChangeId]> {
        matches!(self.plan.diff_limit(), DiffLimit::Workflows(_)).then_some(self.openable.as_slice())
    }

    /// The same, asked of the database: of the open changes only those are read that a limited plan opens.
    pub(crate) async fn of(
        db: &mut PgConnection,
        plan: &'a Plan,
        organization: OrganizationId,
        environment: EnvironmentId,
        now: DateTime<Utc>,
    ) -> ServiceResult<Self> {
        let first = match plan.diff_limit() {
            DiffLimit::Workflows(n) => changes::page(db, organization, environment, &Listed::open(), None, n).await?,
            DiffLimit::None | DiffLimit::All => Vec::new(),
        };
        let openable = first.iter().map(|change| change.id).collect();
        Ok(Self::new(plan, openable, overrides::newest(db, organization, environment, now).await?))
    }

    pub(crate) fn may_open(&self, change: ChangeId) -> bool {
        match self.plan.diff_limit() {
            DiffLimit::None => false,
            DiffLimit::Workflows(_) => self.openable.contains(&change),
            DiffLimit::All => true,
        }
    }

    /// Whether what may be opened is shown as a graph, too: where the plan has diffs in full.
    fn shows_graphs(&self) -> bool {
        self.plan.grant(Capability::Diff) == Grant::Full
    }

    pub(crate) fn row(&self, record: &ChangeRecord) -> ChangeRow {
        views::change_row(record, self.plan, self.may_open(record.id), self.overrides.get(&record.id).cloned())
    }

    pub(crate) fn running(&self) -> OverrideCount {
        let running: Vec<_> = self.overrides.values().filter(|o| o.is_running()).collect();
        OverrideCount {
            running: u32::try_from(running.len()).unwrap_or(u32::MAX),
            next_end: running.iter().map(|o| o.until).min(),
        }
    }
}

fn adoption(
    record: &EnvironmentRecord,
    newest: Option<&checks::NewestGood>,
    open: &OpenCounts,
    caller: &Caller,
) -> Option<AdoptionView> {
    let newest = newest.filter(|_| record.adopted_at.is_none())?;
    Some(AdoptionView {
        agreeing: newest.live_workflows.saturating_sub(open.live),
        by_type: open.adopted.clone(),
        can_finish: caller.may(Capability::Configure),
    })
}
