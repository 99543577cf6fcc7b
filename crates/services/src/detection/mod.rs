//! Detection: a check looks at both sides, judges, and records in one transaction.
//!
//! A check that cannot read a side whole changes nothing but its own record and the environment's freshness: it closes no
//! change and moves no status (product, Detection 4). No call to n8n or GitHub happens inside a transaction.

use std::collections::HashSet;
use std::time::Duration;

use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::ids::{CheckId, EnvironmentId, UserId};
use drift_store::checks::Begin;
use drift_store::environments::EnvironmentRecord;
use drift_store::jobs::{CheckJob, QueuedCheck, Shares};
use drift_store::{StoreError, changes, checks, environments, jobs, reconciliations, schedule, workflows};
use tracing::Instrument;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};

mod git;
mod identity;
mod judge;
mod look;
mod reading;
mod record;
mod vanish;

pub(crate) use git::{Listed, Repository};
pub(crate) use look::LookedAtGit;
pub(crate) use reading::rule_name;

/// Why a check did not come to an end: a side failed (recorded, no fault of ours), or we did.
#[derive(Debug)]
pub(crate) enum CheckError {
    Side(Failure),
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// A person did something to the environment since the look; what was seen no longer fits what is on record.
    Overtaken,
    /// This replica was taken for dead, and another one has taken the check over: its record is theirs now.
    TakenOver,
}

impl CheckError {
    fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    fn into_failure(self) -> Failure {
        match self {
            Self::Side(failure) => failure,
            Self::Overtaken => {
                let message = "The environment was changed while it was being checked. It is checked again.";
                Failure::new(Side::Live, FailureKind::Internal, message)
            }
            Self::TakenOver => Failure::new(Side::Live, FailureKind::Internal, TAKEN_OVER),
            Self::Internal(cause) => {
                tracing::error!(%cause, "a check failed on our side");
                let message = "WorkflowOps could not finish the check; the cause is in its log. It is tried again.";
                Failure::new(Side::Live, FailureKind::Internal, message)
            }
        }
    }
}

impl From<Failure> for CheckError {
    fn from(failure: Failure) -> Self {
        Self::Side(failure)
    }
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// The engine's version of the rules, as the database keeps it.
pub(crate) fn rules_version() -> i32 {
    i32::try_from(look::version()).unwrap_or(i32::MAX)
}

/// The longest that looking may take, so that a side which dribbles ends in a failure that is on record. Shorter than what
/// the worker grants the job.
const LIMIT: Duration = Duration::from_secs(9 * 60);
/// How often a check that a person overtook looks again before it gives up.
const RETAKES: usize = 3;
/// How the schedule shares the work out between organizations.
///
/// A check that was asked for is lost once it must have ended, had it begun: then the schedule asks again. Failing
/// environments are tried again every ten minutes at least.
const SHARES: Shares = Shares { per_organization: 128, at_once: 256, lost_after: 600.0, longest_pause: LONGEST_PAUSE };
const LONGEST_PAUSE: f64 = 600.0;

/// The time between two looks whether the check that is running has ended.
const BUSY: Duration = Duration::from_millis(200);

const TAKEN_OVER: &str = "Another replica took this check over, because this one was silent for too long.";

/// What became of a check from the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It ran to its recorded end.
    Ended(CheckOutcome),
    /// Another check of the environment is running; nothing was begun.
    Busy,
}

/// What a check is run for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    trigger: CheckTrigger,
    requested_by: Option<UserId>,
    job: Option<i64>,
    due_at: Option<chrono::DateTime<chrono::Utc>>,
}

fn too_long() -> Failure {
    let message = format!(
        "Reading both sides took longer than {} minutes and was given up. See whether n8n and GitHub answer quickly.",
        LIMIT.as_secs() / 60
    );
    Failure::new(Side::Live, FailureKind::Timeout, message)
}

impl Services {
    /// Asks for the checks that are due. Any number of replicas may do this at once.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer; what is due stays due.
    pub async fn enqueue_due_checks(&self) -> ServiceResult<u32> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let asked = jobs::enqueue_due(&mut tx, self.clock.now(), SHARES).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(asked)
    }

    /// Runs one check of one environment, to its recorded end. Where another one is running, it waits for that to end.
    ///
    /// An environment that is gone by now is no error. A side that fails is recorded as such and is an answer, too.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when not even the failure could be recorded: the check is then tried again.
    pub async fn run_check(
        &self,
        environment: EnvironmentId,
        trigger: CheckTrigger,
        requested_by: Option<UserId>,
    ) -> ServiceResult<CheckOutcome> {
        let asked = Asked { trigger, requested_by, job: None, due_at: None };
        loop {
            match self.run(environment, asked).await? {
                Ran::Ended(outcome) => return Ok(outcome),
                Ran::Busy => tokio::time::sleep(BUSY).await,
            }
        }
    }

    /// Runs a check that a worker holds as `job`, unless another one of the same environment is running.
    ///
    /// # Errors
    /// As [`run_check`](Self::run_check); [`ServiceError::Conflict`] when another replica took the check over meanwhile.
    pub async fn run_queued_check(&self, check: &QueuedCheck, job: i64) -> ServiceResult<Ran> {
        let CheckJob { environment_id, trigger, requested_by } = check.job;
        self.run(environment_id, Asked { trigger, requested_by, job: Some(job), due_at: check.due_at }).await
    }

    /// Puts a check that could not begin yet back into the queue, for `seconds` from now.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn put_check_back(&self, check: &QueuedCheck, seconds: f64) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        Ok(jobs::put_back(&mut db, check, seconds).await?)
    }

    async fn run(&self, id: EnvironmentId, asked: Asked) -> ServiceResult<Ran> {
        let check = CheckId(uuid::Uuid::now_v7());
        let span = tracing::info_span!("check", check.id = %check, environment.id = %id, trigger = %asked.trigger);
        self.run_as(id, check, asked).instrument(span).await
    }

    async fn run_as(&self, id: EnvironmentId, check: CheckId, asked: Asked) -> ServiceResult<Ran> {
        let environment = match self.begin_check(id, check, asked).await? {
            Started::Begun(environment) => *environment,
            Started::Busy => return Ok(Ran::Busy),
            Started::Gone => {
                tracing::info!("the environment is gone");
                return Ok(Ran::Ended(CheckOutcome::Failed));
            }
        };
        let looking = self.look_until_recorded(environment.clone(), check, asked.due_at.is_some());
        let ended = match tokio::time::timeout(LIMIT, looking).await {
            Ok(ended) => ended,
            Err(_) => Err(too_long().into()),
        };
        match ended {
            Ok(outcome) => {
                tracing::info!(%outcome, "checked");
                Ok(Ran::Ended(outcome))
            }
            Err(CheckError::TakenOver) => Err(ServiceError::Conflict(TAKEN_OVER.to_owned())),
            Err(error) => {
                let failure = error.into_failure();
                tracing::warn!(side = %failure.side, kind = %failure.kind, message = %failure.message, "check failed");
                self.record_failure(&environment, check, &failure).await?;
                Ok(Ran::Ended(CheckOutcome::Failed))
            }
        }
    }

    /// Looks and records; again where a person changed something in between.
    async fn look_until_recorded(
        &self,
        mut environment: EnvironmentRecord,
        check: CheckId,
        shares: bool,
    ) -> Result<CheckOutcome, CheckError> {
        let (organization, id) = (environment.organization_id, environment.id);
        for _ in 0..RETAKES {
            match self.look_and_record(&environment, check, shares).await {
                Err(CheckError::Overtaken) => {
                    let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
                    let now = environments::get(&mut db, organization, id).await?;
                    environment = now.ok_or(CheckError::Overtaken)?;
                }
                ended => return ended,
            }
        }
        self.look_and_record(&environment, check, shares).await
    }

    async fn begin_check(&self, id: EnvironmentId, check: CheckId, asked: Asked) -> ServiceResult<Started> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let Some(organization) = schedule::lock(&mut tx, id).await? else { return Ok(Started::Gone) };
        let Some(environment) = environments::get(&mut tx, organization, id).await? else { return Ok(Started::Gone) };
        let Asked { trigger, requested_by, job, due_at } = asked;
        let begun = checks::Begun { organization, environment: id, id: check, trigger, requested_by, job, due_at };
        let now = self.clock.now();
        match checks::begin(&mut tx, &begun, rules_version(), now).await? {
            Begin::Busy => return Ok(Started::Busy),
            Begin::Begun { interrupted: None } => {}
            // The one before never ended: nobody knows what it would have seen, until this one does.
            Begin::Begun { interrupted: Some(failure) } => {
                schedule::record_interrupted(&mut tx, organization, id, now, &failure).await?;
            }
        }
        self.announce(&mut tx, organization, id, "check.started").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Started::Begun(Box::new(environment)))
    }

    async fn look_and_record(
        &self,
        environment: &EnvironmentRecord,
        check: CheckId,
        shares: bool,
    ) -> Result<CheckOutcome, CheckError> {
        let reach = self.connector.reach(environment.organization_id, &environment.connection)?;
        let n8n = self.connector.live(&reach)?;
        let repository = self.connector.repository(&reach)?;
        let since = repository.since(self.clock.now(), shares);
        let (live, git) = futures::try_join!(
            self.look_live(environment.organization_id, n8n.as_ref()),
            self.look_desired(environment, &repository, since),
        )?;

        let (records, open) = self.on_record(environment).await?;
        let live_keys: Vec<_> = live.items.iter().map(|item| item.key.clone()).collect();
        let desired_keys: Vec<_> = git.side.items.iter().map(|item| item.key.clone()).collect();
        let pairing = identity::pair(&live_keys, &desired_keys, &records);
        let written = self.being_written(environment).await?;
        let evidence = judge::Evidence {
            environment,
            records: &records,
            open: &open,
            written: &written,
            live: &live,
            git: &git,
            pairing: &pairing,
        };
        let verdicts = self.judge(&evidence, n8n.as_ref()).await?;
        let vanishing = self.explain_vanished(&evidence, &verdicts, repository.github.as_ref()).await;
        self.record(&evidence, &verdicts, &vanishing, check).await
    }

    /// What Git has now, whoever asked for it.
    pub(crate) async fn look_at_git(
        &self,
        environment: &EnvironmentRecord,
        repository: &Repository,
    ) -> ServiceResult<LookedAtGit> {
        let since = repository.since(self.clock.now(), false);
        self.look_desired(environment, repository, since).await.map_err(|error| {
            let failure = error.into_failure();
            ServiceError::Conflict(format!("Git cannot be read now. {failure} Nothing was written."))
        })
    }

    async fn on_record(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<(Vec<workflows::WorkflowRecord>, Vec<changes::ChangeRecord>), CheckError> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let (organization, id) = (environment.organization_id, environment.id);
        let records = workflows::list(&mut db, organization, id).await?;
        let open = changes::list(&mut db, organization, id, changes::Which::Open, i64::MAX).await?;
        Ok((records, open))
    }

    /// Changes of which n8n may hold a part of what the product is writing just now.
    async fn being_written(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<HashSet<drift_domain::ids::ChangeId>, CheckError> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let ids = reconciliations::being_written(&mut db, environment.organization_id, environment.id).await?;
        Ok(ids.into_iter().collect())
    }

    async fn record_failure(
        &self,
        environment: &EnvironmentRecord,
        check: CheckId,
        failure: &Failure,
    ) -> Result<(), ServiceError> {
        let (organization, id) = (environment.organization_id, environment.id);
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        // A look with settings that were changed since says nothing about the environment as it is now.
        if environments::lock(&mut tx, organization, id).await? == Some(environment.revision) {
            schedule::record_failed(&mut tx, organization, id, now, failure, LONGEST_PAUSE).await?;
            self.tell_failed_look(&mut tx, environment, failure, now).await?;
        }
        match checks::end_failed(&mut tx, organization, check, failure, now).await {
            Err(StoreError::WrongRows { rows: 0 }) => return Err(ServiceError::Conflict(TAKEN_OVER.to_owned())),
            ended => ended?,
        }
        self.refuse_unread(&mut tx, environment, check, failure, now).await?;
        self.announce(&mut tx, organization, id, "check.finished").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}

/// Whether a check could begin.
enum Started {
    Begun(Box<EnvironmentRecord>),
    Busy,
    Gone,
}
