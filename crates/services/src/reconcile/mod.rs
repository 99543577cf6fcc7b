//! Decisions carried out by the product: planned first, and exactly as planned.
//!
//! A plan is made of both sides as they are now ([`sides`], [`paths`]). Its steps are stored with the contents that they
//! write and write over, so that carrying it out ([`run`]) needs nothing that it does not look up, and anybody can go on
//! where somebody else was cut short. What moved since fails a step before anything is written.

use std::collections::HashMap;

use drift_domain::change::{DecisionKind, Origin};
use drift_domain::ids::{ChangeId, EnvironmentId, IncidentId, OrganizationId, ReconciliationId};
use drift_domain::reconciliation::{Purpose, StepKind, StepState};
use drift_store::changes::{ChangeRecord, Which};
use drift_store::reconciliations::{NewReconciliation, NewStep, ReconciliationRecord, Turn};
use drift_store::{
    PgConnection, StoreError, Transaction, artifacts, changes, contents, decisions, deployments, environments, events,
    incidents, jobs, reconciliations,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

mod craft;
mod deployment;
mod git;
mod n8n;
mod page;
mod paths;
mod planning;
mod restore;
mod run;
mod sides;
mod steps;
mod text;

pub use deployment::NewDeployment;
pub(crate) use page::{of_incident, refused_to};
pub use planning::Picks;
pub use run::Next;

use deployment::Ready;
use planning::{Decided, Draft, Picked, Plan};

/// The branches that promotions are made on begin with this.
const BRANCHES: &str = "workflowops";

impl Services {
    /// Works out what carrying out the chosen paths would write where, and keeps that as a plan for a person to look at.
    /// Nothing is written to either side. `wanted`: which changes; `None` for every one whose path is chosen and not under
    /// way. `picks`: what to take where both sides left the baseline differently, by change and place; what was picked in the
    /// newest plan before is offered again where nothing is said, and not taken.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::NotFound`] for a change of another incident; [`ServiceError::Conflict`] when
    /// no path is chosen, or a side cannot be read.
    pub async fn plan_reconciliation(
        &self,
        permit: &Permit<cap::Execute>,
        incident: IncidentId,
        seen: i64,
        wanted: Option<Vec<ChangeId>>,
        picks: HashMap<ChangeId, Picks>,
    ) -> ServiceResult<ReconciliationId> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let record =
            incidents::get(&mut db, organization, incident).await?.ok_or(ServiceError::NotFound("incident"))?;
        permit.caller().permit_under::<cap::Execute>(&std::sync::Arc::new(record.plan.clone()))?;
        if record.version != seen {
            return Err(ServiceError::Stale { meanwhile: Vec::new() });
        }
        let environment = crate::drift::environment_in(&mut db, organization, record.environment_id()).await?;
        let all = changes::list(&mut db, organization, environment.id, Which::OfIncident(incident), i64::MAX).await?;
        let mut chosen = Vec::new();
        for change in to_carry_out(&mut db, organization, (incident, &all), wanted.as_deref()).await? {
            let (id, _) = change.chosen.ok_or(ServiceError::NotFound("decision"))?;
            let picked = Picked {
                given: picks.get(&change.id).cloned().unwrap_or_default(),
                before: picked_before(&mut db, organization, change).await?,
            };
            chosen.push((change, decided(&mut db, organization, id).await?, picked));
        }
        drop(db);

        let sides = self.sides(environment).await?;
        let mut draft = Draft::new(&sides);
        for (change, decided, picked) in &chosen {
            self.plan_decision(&mut draft, change, decided, picked).await?;
        }
        let promoted: Vec<_> = chosen
            .iter()
            .filter(|(_, decided, _)| decided.kind == DecisionKind::Promote)
            .map(|(change, decided, _)| (*change, decided))
            .collect();
        let link = self.public_link(&format!("/incidents/{incident}"));
        let words = text::Words::of(record.number, &sides.environment.connection.name, link, &promoted);
        self.keep_plan(permit, draft, Some(incident), Purpose::Decisions, words).await
    }

    /// Stores a plan: the steps in Git first, as one commit, then those in n8n.
    async fn keep_plan<C>(
        &self,
        permit: &Permit<C>,
        mut draft: Draft<'_>,
        incident: Option<IncidentId>,
        purpose: Purpose,
        words: text::Words,
    ) -> ServiceResult<ReconciliationId> {
        let organization = permit.organization();
        let id = ReconciliationId(Uuid::now_v7());
        let now = self.clock.now();
        let mut all = self.git_steps(&mut draft, id, words, now).await?;
        all.append(&mut draft.steps);
        let plan = serde_json::to_value(&draft.plan).map_err(ServiceError::unavailable)?;
        let mut tx = self.tenant(organization).await?;
        for (hash, bytes) in &draft.contents {
            contents::keep_snapshot(&mut tx, organization, *hash, bytes, now).await?;
        }
        let new = NewReconciliation {
            id,
            environment: draft.sides.environment.id,
            incident,
            purpose,
            plan: &plan,
            has_problems: draft.plan.has_problems(),
            by: permit.caller().user_id,
            items: &draft.items,
            steps: &all,
        };
        reconciliations::plan(&mut tx, organization, &new, now).await?;
        if let Some(deployment) = &draft.deployment {
            deployments::plan(&mut tx, organization, new.environment, id, deployment).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// The steps in Git, where files change; and what is shown of them.
    async fn git_steps(
        &self,
        draft: &mut Draft<'_>,
        id: ReconciliationId,
        words: text::Words,
        now: chrono::DateTime<chrono::Utc>,
    ) -> ServiceResult<Vec<NewStep>> {
        if draft.files.is_empty() {
            return Ok(Vec::new());
        }
        let connection = &draft.sides.environment.connection;
        let target = connection.git_ref.strip_prefix("refs/heads/").unwrap_or(&connection.git_ref).to_owned();
        if draft.sides.repository.github.branch(&target).await.map_err(git::unclear)?.is_none() {
            draft.plan.problems.push(paths::NO_BRANCH.to_owned());
        }
        let branch = format!("{BRANCHES}/{}-{}", words.slug, &id.0.simple().to_string()[20..]);
        draft.plan.git = Some(drift_domain::views::GitPlanView {
            repository: format!("{}/{}", connection.git_owner, connection.git_repository),
            branch: target.clone(),
            base: draft.sides.git.commit.clone(),
            message: words.message.clone(),
        });
        let folder = connection.git_folder.clone();
        let (mut all, files) = draft.file_steps();
        let commit = steps::Commit {
            target,
            branch,
            folder,
            files,
            live: draft.live.clone(),
            message: words.message,
            author: words.author,
            // Git keeps whole seconds.
            date: chrono::DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now),
        };
        let step = |kind, request| NewStep { kind, change: None, request, content: None, overwrites: None };
        all.push(step(StepKind::GitCommit, steps::write(&commit)));
        all.push(step(StepKind::GitPull, steps::write(&steps::Pull { title: words.title, body: words.body })));
        all.push(step(StepKind::GitMerge, json!({})));
        all.push(step(StepKind::GitTidy, json!({})));
        Ok(all)
    }

    /// Carries a plan out: exactly what was shown, or nothing. Answers when it is asked for; what comes of it is on its page.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] when the incident moved on since; [`ServiceError::Conflict`] for a plan with problems, one that
    /// is carried out already, or one whose changes are decided otherwise by now; [`ServiceError::PolicyRefused`] for a
    /// standard deployment that an expired incident blocks.
    pub async fn carry_out(
        &self,
        permit: &Permit<cap::Execute>,
        id: ReconciliationId,
        seen: Option<i64>,
    ) -> ServiceResult<()> {
        self.begin_reconciliation(permit, id, seen, page::carry_out_refused, "incident.carrying_out").await
    }

    /// Tries a reconciliation again that failed: it goes on where it was, and asks first what became of the step that failed.
    ///
    /// # Errors
    /// As [`carry_out`](Self::carry_out).
    pub async fn try_again(
        &self,
        permit: &Permit<cap::Execute>,
        id: ReconciliationId,
        seen: Option<i64>,
    ) -> ServiceResult<()> {
        self.begin_reconciliation(permit, id, seen, page::retry_refused, "incident.trying_again").await
    }

    /// Takes a reconciliation back. Before anything is written that leaves no trace but the record; a promotion that waits to be
    /// merged is given up: what was proposed is closed, and its branch removed.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::Conflict`] for one that has ended, or has begun to write to n8n.
    pub async fn cancel_reconciliation(
        &self,
        permit: &Permit<cap::Execute>,
        id: ReconciliationId,
        seen: Option<i64>,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let record = self.held(&mut tx, permit, id, seen).await?;
        let steps = reconciliations::steps(&mut tx, organization, id).await?;
        if let Some(refusal) = page::cancel_refused(&record, &steps) {
            return Err(ServiceError::Conflict(refusal));
        }
        let now = self.clock.now();
        let by = &permit.caller().name;
        let wrote = steps.iter().any(|step| step.state != StepState::Waiting && step.kind.writes());
        let why = if wrote {
            format!("{by} gave it up before it was merged.")
        } else {
            format!("{by} took it back before anything was written.")
        };
        let turn = if wrote { Turn::Failed(&why) } else { Turn::Cancelled };
        reconciliations::go_on(&mut tx, organization, id, turn, now).await?;
        for (change, _) in reconciliations::items(&mut tx, organization, id).await? {
            artifacts::give_back(&mut tx, organization, change, id).await?;
        }
        self.tell_incident(
            &mut tx,
            &record,
            Some(permit.caller().user_id),
            "incident.cancelled",
            None,
            json!({ "why": why, "reconciliation": id }),
        )
        .await?;
        if wrote {
            jobs::enqueue_reconciliation(&mut tx, id).await?;
        }
        self.announce(&mut tx, organization, record.environment, "incident.updated").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Holds a reconciliation and its environment for the transaction; refuses who saw another version of its incident.
    async fn held(
        &self,
        tx: &mut Transaction,
        permit: &Permit<cap::Execute>,
        id: ReconciliationId,
        seen: Option<i64>,
    ) -> ServiceResult<ReconciliationRecord> {
        let organization = permit.organization();
        let missing = || ServiceError::NotFound("reconciliation");
        let record = reconciliations::get(tx, organization, id).await?.ok_or_else(missing)?;
        environments::lock(tx, organization, record.environment).await?.ok_or_else(missing)?;
        let record = reconciliations::get(tx, organization, id).await?.ok_or_else(missing)?;
        if let Some(incident) = record.incident {
            let incident = incidents::get(tx, organization, incident).await?.ok_or_else(missing)?;
            permit.caller().permit_under::<cap::Execute>(&std::sync::Arc::new(incident.plan.clone()))?;
            if seen.is_some_and(|seen| seen != incident.version) {
                return Err(ServiceError::Stale { meanwhile: Vec::new() });
            }
        }
        Ok(record)
    }

    /// The artifacts of the decisions are the product's to carry out from here on. A decision that failed before gets a new one.
    async fn take_artifacts(
        &self,
        tx: &mut Transaction,
        permit: &Permit<cap::Execute>,
        record: &ReconciliationRecord,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        for (change, decision) in reconciliations::items(tx, organization, record.id).await? {
            if let Some(other) = reconciliations::pending_of(tx, organization, change).await? {
                let message = format!("A change of this plan is being carried out already, as {other}.");
                return Err(ServiceError::Conflict(message));
            }
            let Some(decision) = decision else { continue };
            if !artifacts::done_by(tx, organization, change, decision).await? {
                let taken = artifacts::take(tx, organization, change, decision, record.id, self.clock.now()).await?;
                if !taken {
                    let message =
                        "A change of this plan was decided otherwise since, or is over. Look at the incident again.";
                    return Err(ServiceError::Conflict(message.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Has a reconciliation carried out, unless `refused` says why not. `kind`: what the timeline calls it.
    async fn begin_reconciliation(
        &self,
        permit: &Permit<cap::Execute>,
        id: ReconciliationId,
        seen: Option<i64>,
        refused: fn(&ReconciliationRecord) -> Option<String>,
        kind: &str,
    ) -> ServiceResult<()> {
        let (organization, by, now) = (permit.organization(), permit.caller().user_id, self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let record = self.held(&mut tx, permit, id, seen).await?;
        if let Some(why) = refused(&record) {
            return Err(ServiceError::Conflict(why));
        }
        let Ready { record, says } = self.make_ready(&mut tx, permit, record).await?;
        self.take_artifacts(&mut tx, permit, &record).await?;
        reconciliations::begin(&mut tx, organization, id, record.state, by, now).await?;
        let mut data = json!({ "reconciliation": id, "workflows": record.items });
        let mut kind = kind;
        if let (Some(Value::Object(says)), Some(data)) = (says, data.as_object_mut()) {
            data.extend(says);
            kind = "incident.deploying";
        }
        self.tell_incident(&mut tx, &record, Some(by), kind, None, data).await?;
        jobs::enqueue_reconciliation(&mut tx, id).await?;
        self.announce(&mut tx, organization, record.environment, "incident.updated").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Writes into the incident's timeline, or where there is none beside the environment.
    async fn tell_incident(
        &self,
        db: &mut PgConnection,
        record: &ReconciliationRecord,
        by: Option<drift_domain::ids::UserId>,
        kind: &str,
        change: Option<ChangeId>,
        data: serde_json::Value,
    ) -> Result<(), StoreError> {
        let event = events::NewEvent {
            organization_id: record.organization,
            environment_id: Some(record.environment),
            change_id: change,
            kind,
            actor: by,
            data,
        };
        match record.incident {
            Some(incident) => crate::incidents::append(db, incident, &event, self.clock.now()).await,
            None => events::append(db, &event, self.clock.now()).await,
        }
    }

    /// The page of a reconciliation is for whoever may see the environment's drift; whose it is comes first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], then as [`crate::gate::Caller::permit`].
    pub async fn reconciliation_permit<C: cap::Cap>(
        &self,
        caller: &crate::gate::Caller,
        id: ReconciliationId,
    ) -> ServiceResult<Permit<C>> {
        let mut db = self.tenant(caller.organization_id).await?;
        let record = reconciliations::get(&mut db, caller.organization_id, id).await?;
        let record = record.ok_or(ServiceError::NotFound("reconciliation"))?;
        match record.incident {
            Some(incident) => {
                let incident = incidents::get(&mut db, caller.organization_id, incident).await?;
                let incident = incident.ok_or(ServiceError::NotFound("incident"))?;
                caller.permit_under(&std::sync::Arc::new(incident.plan))
            }
            None => caller.permit(),
        }
    }
}

/// The changes whose paths are to be carried out.
async fn to_carry_out<'a>(
    db: &mut PgConnection,
    organization: OrganizationId,
    (incident, all): (IncidentId, &'a [ChangeRecord]),
    wanted: Option<&[ChangeId]>,
) -> ServiceResult<Vec<&'a ChangeRecord>> {
    if let Some(wanted) = wanted
        && let Some(_) = wanted.iter().find(|id| all.iter().all(|change| change.id != **id))
    {
        return Err(ServiceError::NotFound("change"));
    }
    let ready = changes::ready(db, organization, incident).await?;
    let is_wanted = |change: &&ChangeRecord| wanted.is_none_or(|wanted| wanted.contains(&change.id));
    let chosen: Vec<_> = all.iter().filter(|change| ready.contains(&change.id)).filter(is_wanted).collect();
    if chosen.is_empty() {
        let message = "There is nothing to carry out: choose a path for a change that is still there, first.";
        return Err(ServiceError::Conflict(message.to_owned()));
    }
    Ok(chosen)
}

async fn decided(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: drift_domain::ids::DecisionId,
) -> ServiceResult<Decided> {
    let found = decisions::get(db, organization, id).await?.ok_or(ServiceError::NotFound("decision"))?;
    Ok(Decided { id, kind: found.kind, reason: found.reason, replacement: found.replacement, by: found.by })
}

/// What the newest plan for a change has picked, where both sides left the baseline.
async fn picked_before(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: &ChangeRecord,
) -> ServiceResult<Picks> {
    if change.origin != Origin::Collision {
        return Ok(Picks::new());
    }
    let Some(plan) = reconciliations::newest_plan_for(db, organization, change.id).await? else {
        return Ok(Picks::new());
    };
    let item = read_plan(plan)?.items.into_iter().find(|item| item.change == change.id);
    Ok(item.map(|item| item.picks).unwrap_or_default())
}

/// What a reconciliation's plan says.
fn plan_of(record: &ReconciliationRecord) -> ServiceResult<Plan> {
    read_plan(record.plan.clone())
}

fn read_plan(plan: serde_json::Value) -> ServiceResult<Plan> {
    serde_json::from_value(plan).map_err(ServiceError::unavailable)
}

/// A check that follows what was carried out.
async fn check_after(db: &mut PgConnection, environment: EnvironmentId) -> Result<(), StoreError> {
    let job = jobs::CheckJob {
        environment_id: environment,
        trigger: drift_domain::check::CheckTrigger::Reconciled,
        requested_by: None,
    };
    jobs::enqueue_check(db, &job).await
}
