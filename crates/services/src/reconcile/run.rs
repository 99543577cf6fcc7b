//! Carrying a plan out: one step after the other, each recorded before it is taken and after.
//!
//! Whoever takes a reconciliation on has its turn; whoever had it before records nothing any more. A step that was begun and
//! has no end may have been taken: it is asked about before it is taken again. Nothing here is remembered but in the database.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use drift_domain::failure::{Failure, FailureKind};
use drift_domain::ids::{ChangeId, OrganizationId, ReconciliationId};
use drift_domain::reconciliation::{ReconciliationState, StepKind, StepState, Target};
use drift_n8n::LiveEnvironment;
use drift_store::artifacts::Outcome;
use drift_store::reconciliations::{ReconciliationRecord, StepEnd, StepRecord, Turn};
use drift_store::{StoreError, Transaction, artifacts, environments, jobs, reconciliations, workflows};
use serde_json::{Value, json};
use tracing::Instrument;

use super::planning::{Plan, begins_in_git};
use super::{plan_of, steps};
use crate::Services;
use crate::detection::Repository;
use crate::error::{ServiceError, ServiceResult};

/// How often a reconciliation is put off in a row before it fails with a reason: with the pauses below, some eight minutes.
const PUT_OFF: i32 = 12;
/// The longest pause between two tries, unless the other side asks for more.
const LONGEST_PAUSE: u64 = 60;
/// The longest pause that another side may ask for.
const LONGEST_ASKED: u64 = 3600;
/// The longest that one step may take.
const STEP_LIMIT: Duration = Duration::from_secs(5 * 60);

/// What becomes of a reconciliation after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has ended, or is somebody else's turn.
    Ended,
    /// It goes on after so many seconds, or when something is heard of it.
    Again {
        /// Seconds.
        seconds: u64,
    },
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is taken, and was seen to be; with what it leaves.
    Done(Value),
    /// It goes on elsewhere: a review, a check, a queue.
    Waits { what: String, seconds: u64, learnt: Option<Value> },
    /// The other side did not answer, or asks to be left alone: the same again later.
    PutOff { what: String, retry_after: Option<u64> },
    /// It cannot be taken. What to do is in the words.
    Failed(String),
}

/// What a turn has in hand.
pub(super) struct Hand {
    pub record: ReconciliationRecord,
    pub plan: Plan,
    pub n8n: Arc<dyn LiveEnvironment>,
    pub repository: Arc<Repository>,
    pub turn: i64,
}

impl Hand {
    fn organization(&self) -> OrganizationId {
        self.record.organization
    }

    /// Whether what becomes of a change begins with Git.
    fn begins_in_git(&self, change: ChangeId) -> bool {
        let item = self.plan.items.iter().find(|item| item.change == change);
        item.is_some_and(|item| begins_in_git(self.record.purpose, item))
    }
}

/// Somebody else has taken it on, or it has ended: nothing is recorded any more.
struct Lost;

impl Services {
    /// Takes a reconciliation as far as it goes now. To be called again after [`Next::Again`], by anybody.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer: then nothing more was recorded, and whoever is called
    /// next goes on there.
    pub async fn run_reconciliation(&self, id: ReconciliationId) -> ServiceResult<Next> {
        let span = tracing::info_span!("reconciliation", reconciliation.id = %id);
        self.take_on(id).instrument(span).await
    }

    /// Puts a reconciliation back into the queue, for `seconds` from now.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn put_reconciliation_back(&self, id: ReconciliationId, seconds: u64) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let seconds = f64::from(u32::try_from(seconds).unwrap_or(u32::MAX));
        Ok(jobs::put_back_reconciliation(&mut db, id, seconds).await?)
    }

    /// Asks for everything that is being carried out to be taken on, should its job have been lost. One that waits for later
    /// goes on waiting.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn enqueue_pending_reconciliations(&self) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        for id in reconciliations::all_pending(&mut db).await? {
            jobs::put_back_reconciliation(&mut db, id, 0.0).await?;
        }
        Ok(())
    }

    async fn take_on(&self, id: ReconciliationId) -> ServiceResult<Next> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let Some(organization) = reconciliations::owner(&mut tx, id).await? else { return Ok(Next::Ended) };
        let turn = reconciliations::take_turn(&mut tx, organization, id).await?;
        let record = reconciliations::get(&mut tx, organization, id).await?;
        let environment = match &record {
            Some(record) => environments::get(&mut tx, organization, record.environment).await?,
            None => None,
        };
        tx.commit().await.map_err(StoreError::from)?;
        let (Some(record), Some(environment)) = (record, environment) else { return Ok(Next::Ended) };
        let reached = self
            .connector
            .reach(organization, &environment.connection)
            .and_then(|reach| Ok((self.connector.live(&reach)?, self.connector.repository(&reach)?)));
        let plan = plan_of(&record)?;
        let (n8n, repository) = match reached {
            Ok(clients) => clients,
            Err(failure) => return self.unreached(&record, turn, &failure).await,
        };
        let hand = Hand { record, plan, n8n, repository, turn: turn.unwrap_or_default() };
        match (turn, hand.record.state) {
            (Some(_), _) => self.go_through(&hand).await,
            // Given up after something was proposed.
            (None, ReconciliationState::Failed) => self.withdraw(&hand).await,
            (None, _) => Ok(Next::Ended),
        }
    }

    /// The environment cannot even be called: what it takes is a person.
    async fn unreached(
        &self,
        record: &ReconciliationRecord,
        turn: Option<i64>,
        failure: &Failure,
    ) -> ServiceResult<Next> {
        let Some(turn) = turn else { return Ok(Next::Ended) };
        let failed: HashSet<ChangeId> = {
            let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
            let items = reconciliations::items(&mut db, record.organization, record.id).await?;
            items.into_iter().map(|(change, _)| change).collect()
        };
        let plan = plan_of(record)?;
        self.end_reconciliation(record, &plan, turn, &failed, &failure.message).await
    }

    async fn go_through(&self, hand: &Hand) -> ServiceResult<Next> {
        let mut steps = self.steps_of(hand).await?;
        let mut failed: HashSet<ChangeId> = HashSet::new();
        let mut why = String::new();
        for at in 0..steps.len() {
            let step = &steps[at];
            let mut fail = |failed: &mut HashSet<ChangeId>, message: &str| {
                if why.is_empty() {
                    why = message.to_owned();
                }
                match step.change {
                    Some(change) => drop(failed.insert(change)),
                    None => {
                        failed.extend(hand.plan.items.iter().map(|i| i.change).filter(|c| hand.begins_in_git(*c)));
                    }
                }
            };
            match step.state {
                StepState::Done => continue,
                StepState::Failed => {
                    fail(&mut failed, step.error.as_deref().unwrap_or_default());
                    continue;
                }
                StepState::Waiting | StepState::Begun => {}
            }
            let is_lost = match step.change {
                Some(change) => failed.contains(&change),
                None => {
                    !failed.is_empty()
                        && hand.plan.items.iter().any(|i| hand.begins_in_git(i.change) && failed.contains(&i.change))
                }
            };
            if is_lost {
                continue;
            }
            if self.begin_step(hand, step, None).await?.is_err() {
                return Ok(Next::Ended);
            }
            let taken = match tokio::time::timeout(STEP_LIMIT, self.take_step(hand, &steps, at)).await {
                Ok(taken) => taken?,
                Err(_) => Taken::PutOff { what: "A step took longer than five minutes.".to_owned(), retry_after: None },
            };
            match taken {
                Taken::Done(left) => {
                    if self.finish_step(hand, &steps[at], &left).await?.is_err() {
                        return Ok(Next::Ended);
                    }
                    steps[at].state = StepState::Done;
                    steps[at].result = Some(left);
                }
                Taken::Failed(message) => {
                    tracing::info!(step = %step.kind, %message, "a step failed");
                    fail(&mut failed, &message);
                    if self.fail_step(hand, step, &message).await?.is_err() {
                        return Ok(Next::Ended);
                    }
                }
                Taken::Waits { what, seconds, learnt } => {
                    return self.wait_at(hand, step, &what, seconds, learnt.as_ref()).await;
                }
                Taken::PutOff { what, retry_after } => {
                    if hand.record.put_off + 1 < PUT_OFF {
                        return self.put_off(hand, &what, retry_after).await;
                    }
                    let message =
                        format!("{what} It was tried {PUT_OFF} times. Try again once the other side answers.");
                    fail(&mut failed, &message);
                    if self.fail_step(hand, step, &message).await?.is_err() {
                        return Ok(Next::Ended);
                    }
                }
            }
        }
        self.end_reconciliation(&hand.record, &hand.plan, hand.turn, &failed, &why).await
    }

    async fn take_step(&self, hand: &Hand, steps: &[StepRecord], at: usize) -> ServiceResult<Taken> {
        match steps[at].kind.target() {
            Target::Git => self.take_in_git(hand, steps, at).await,
            Target::N8n => self.take_in_n8n(hand, steps, at).await,
        }
    }

    async fn steps_of(&self, hand: &Hand) -> ServiceResult<Vec<StepRecord>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        Ok(reconciliations::steps(&mut db, hand.organization(), hand.record.id).await?)
    }

    /// A transaction in which this turn may record; none once it is over.
    async fn in_turn(&self, record: &ReconciliationRecord, turn: i64) -> ServiceResult<Result<Transaction, Lost>> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        environments::lock(&mut tx, record.organization, record.environment).await?;
        let held = reconciliations::hold(&mut tx, record.organization, record.id, turn).await?;
        if !held {
            tracing::info!("somebody else has taken this on, or it has ended");
        }
        Ok(if held { Ok(tx) } else { Err(Lost) })
    }

    /// Records that a step is begun. From the first write to n8n on, checks leave the changes as they are.
    pub(super) async fn begin_step(
        &self,
        hand: &Hand,
        step: &StepRecord,
        learnt: Option<&Value>,
    ) -> ServiceResult<Result<(), ()>> {
        let Ok(mut tx) = self.in_turn(&hand.record, hand.turn).await? else { return Ok(Err(())) };
        let (organization, now) = (hand.organization(), self.clock.now());
        reconciliations::begin_step(&mut tx, organization, hand.record.id, step.position, learnt, now).await?;
        if step.kind.target() == Target::N8n && step.kind.writes() {
            reconciliations::go_on(&mut tx, organization, hand.record.id, Turn::Writing, now).await?;
            environments::bump(&mut tx, organization, hand.record.environment).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Ok(()))
    }

    async fn finish_step(&self, hand: &Hand, step: &StepRecord, left: &Value) -> ServiceResult<Result<(), ()>> {
        let Ok(mut tx) = self.in_turn(&hand.record, hand.turn).await? else { return Ok(Err(())) };
        let (organization, now) = (hand.organization(), self.clock.now());
        reconciliations::end_step(&mut tx, organization, hand.record.id, step.position, StepEnd::Done(left), now)
            .await?;
        if let (StepKind::N8nCreate, Some(change)) = (step.kind, step.change) {
            let left: steps::N8nLeft = steps::read(left)?;
            if let Some(id) = &left.id {
                workflows::now_lives_as(&mut tx, organization, change, id).await?;
            }
        }
        if step.kind.target() == Target::N8n {
            environments::bump(&mut tx, organization, hand.record.environment).await?;
        }
        self.announce(&mut tx, organization, hand.record.environment, "reconciliation.moved").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Ok(()))
    }

    async fn fail_step(&self, hand: &Hand, step: &StepRecord, why: &str) -> ServiceResult<Result<(), ()>> {
        let Ok(mut tx) = self.in_turn(&hand.record, hand.turn).await? else { return Ok(Err(())) };
        let end = StepEnd::Failed(why);
        reconciliations::end_step(&mut tx, hand.organization(), hand.record.id, step.position, end, self.clock.now())
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Ok(()))
    }

    async fn wait_at(
        &self,
        hand: &Hand,
        step: &StepRecord,
        what: &str,
        seconds: u64,
        learnt: Option<&Value>,
    ) -> ServiceResult<Next> {
        let Ok(mut tx) = self.in_turn(&hand.record, hand.turn).await? else { return Ok(Next::Ended) };
        let (organization, now) = (hand.organization(), self.clock.now());
        if learnt.is_some() {
            reconciliations::begin_step(&mut tx, organization, hand.record.id, step.position, learnt, now).await?;
        }
        let is_news = hand.record.waits_for.as_deref() != Some(what);
        reconciliations::go_on(&mut tx, organization, hand.record.id, Turn::Waits(what), now).await?;
        if is_news {
            self.announce(&mut tx, organization, hand.record.environment, "reconciliation.moved").await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Next::Again { seconds })
    }

    async fn put_off(&self, hand: &Hand, what: &str, retry_after: Option<u64>) -> ServiceResult<Next> {
        let Ok(mut tx) = self.in_turn(&hand.record, hand.turn).await? else { return Ok(Next::Ended) };
        let (organization, now) = (hand.organization(), self.clock.now());
        reconciliations::go_on(&mut tx, organization, hand.record.id, Turn::PutOff(what), now).await?;
        self.announce(&mut tx, organization, hand.record.environment, "reconciliation.moved").await?;
        tx.commit().await.map_err(StoreError::from)?;
        let tried = u32::try_from(hand.record.put_off).unwrap_or_default().min(6);
        let pause = (1_u64 << tried).min(LONGEST_PAUSE);
        Ok(Next::Again { seconds: retry_after.unwrap_or_default().min(LONGEST_ASKED).max(pause) })
    }

    /// Every step is taken, or cannot be: each decision has its outcome, and a check looks at what is there now.
    async fn end_reconciliation(
        &self,
        record: &ReconciliationRecord,
        plan: &Plan,
        turn: i64,
        failed: &HashSet<ChangeId>,
        why: &str,
    ) -> ServiceResult<Next> {
        let Ok(mut tx) = self.in_turn(record, turn).await? else { return Ok(Next::Ended) };
        let (organization, now) = (record.organization, self.clock.now());
        let all = reconciliations::steps(&mut tx, organization, record.id).await?;
        for (change, decision) in reconciliations::items(&mut tx, organization, record.id).await? {
            let workflow = plan.items.iter().find(|item| item.change == change).map(|item| item.workflow.as_str());
            let left = left_elsewhere(&all, change);
            let own = all.iter().find(|step| step.change == Some(change) && step.state == StepState::Failed);
            let message = own.and_then(|step| step.error.as_deref()).unwrap_or(why);
            let outcome = if failed.contains(&change) { Outcome::Failed(message) } else { Outcome::CarriedOut(&left) };
            if decision.is_some() && artifacts::end(&mut tx, organization, change, outcome, now).await?.is_none() {
                continue;
            }
            let kind = if failed.contains(&change) { "incident.not_carried_out" } else { "incident.executed" };
            let decided = plan.items.iter().find(|item| item.change == change).and_then(|item| item.decision);
            let data = json!({
                "workflow": workflow, "decision": decided, "reconciliation": record.id,
                "why": failed.contains(&change).then_some(message),
            });
            self.tell_incident(&mut tx, record, None, kind, Some(change), data).await?;
        }
        let ended = if failed.is_empty() { Turn::Done } else { Turn::Failed(why) };
        reconciliations::go_on(&mut tx, organization, record.id, ended, now).await?;
        environments::bump(&mut tx, organization, record.environment).await?;
        super::check_after(&mut tx, record.environment).await?;
        if !failed.is_empty() && all.iter().any(|step| step.kind == StepKind::GitPull && step.result.is_some()) {
            // What was proposed and is not merged is taken back.
            jobs::enqueue_reconciliation(&mut tx, record.id).await?;
        }
        self.announce(&mut tx, organization, record.environment, "incident.updated").await?;
        tx.commit().await.map_err(StoreError::from)?;
        tracing::info!(failed = failed.len(), "carried out");
        Ok(Next::Ended)
    }
}

/// What carrying a change's decision out left elsewhere.
fn left_elsewhere(steps: &[StepRecord], change: ChangeId) -> Value {
    let mut left = serde_json::Map::new();
    for step in steps.iter().filter(|step| step.state == StepState::Done) {
        let Some(result) = &step.result else { continue };
        let mut keep = |name: &str, value: &Value| {
            if !value.is_null() {
                left.insert(name.to_owned(), value.clone());
            }
        };
        match (step.kind, step.change) {
            (StepKind::GitMerge, _) => keep("commit", &result["commit"]),
            (StepKind::GitPull, _) => keep("pull_request", &result["address"]),
            (StepKind::GitContains, Some(of)) if of == change => keep("commit", &result["commit"]),
            (StepKind::N8nCreate, Some(of)) if of == change => keep("workflow", &result["id"]),
            _ => {}
        }
    }
    Value::Object(left)
}

/// Whether a look that failed may go well later though nobody does anything about it.
pub(super) const fn is_passing(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Unreachable
            | FailureKind::Timeout
            | FailureKind::RateLimited
            | FailureKind::ServerError
            | FailureKind::BrokenAnswer
            | FailureKind::NotN8n
            | FailureKind::PartialListing
    )
}

/// What a failed look means for a step.
pub(super) fn after(failure: Failure) -> Taken {
    if is_passing(failure.kind) {
        Taken::PutOff { what: failure.message, retry_after: failure.retry_after }
    } else {
        Taken::Failed(failure.message)
    }
}

/// The product's own fault, as a step says it.
pub(super) fn internal(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::unavailable(error.to_string())
}
