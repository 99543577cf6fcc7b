//! Detection: a check looks at both sides, judges, and records in one transaction.
//!
//! A check that cannot read a side whole changes nothing but its own record and the environment's freshness: it closes no
//! change and moves no status (product, Detection 4). No call to n8n or GitHub happens inside a transaction.

use std::time::Duration;

use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::ids::{CheckId, EnvironmentId, UserId};
use drift_store::environments::EnvironmentRecord;
use drift_store::jobs::CheckJob;
use drift_store::{StoreError, changes, checks, environments, jobs, workflows};
use tracing::Instrument;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};

mod identity;
mod judge;
mod look;
mod reading;
mod record;
mod vanish;

pub(crate) use reading::rule_name;

/// Why a check did not come to an end: a side failed (recorded, no fault of ours), or we did.
#[derive(Debug)]
pub(crate) enum CheckError {
    Side(Failure),
    Internal(Box<dyn std::error::Error + Send + Sync>),
    /// A person did something to the environment since the look; what was seen no longer fits what is on record.
    Overtaken,
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
/// Environments claimed at a time: bounds the transaction, not the number checked.
const CLAIMED_AT_ONCE: i64 = 200;

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
        let due = environments::claim_due(&mut tx, self.clock.now(), CLAIMED_AT_ONCE).await?;
        for (_, environment_id) in &due {
            let job = CheckJob { environment_id: *environment_id, trigger: CheckTrigger::Schedule, requested_by: None };
            jobs::enqueue_check(&mut tx, &job).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(u32::try_from(due.len()).unwrap_or(u32::MAX))
    }

    /// Runs one check of one environment, to its recorded end.
    ///
    /// An environment that is gone by now is no error. A side that fails is recorded as such and is an answer, too.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when not even the failure could be recorded: the job is then tried again.
    pub async fn run_check(
        &self,
        environment: EnvironmentId,
        trigger: CheckTrigger,
        requested_by: Option<UserId>,
    ) -> ServiceResult<CheckOutcome> {
        let check = CheckId(uuid::Uuid::now_v7());
        let span = tracing::info_span!("check", check.id = %check, environment.id = %environment, trigger = %trigger);
        self.run(environment, check, trigger, requested_by).instrument(span).await
    }

    async fn run(
        &self,
        id: EnvironmentId,
        check: CheckId,
        trigger: CheckTrigger,
        requested_by: Option<UserId>,
    ) -> ServiceResult<CheckOutcome> {
        let Some(environment) = self.begin_check(id, check, trigger, requested_by).await? else {
            tracing::info!("the environment is gone");
            return Ok(CheckOutcome::Failed);
        };
        let looking = self.look_until_recorded(environment.clone(), check);
        let ended = match tokio::time::timeout(LIMIT, looking).await {
            Ok(ended) => ended,
            Err(_) => Err(too_long().into()),
        };
        match ended {
            Ok(outcome) => {
                tracing::info!(%outcome, "checked");
                Ok(outcome)
            }
            Err(error) => {
                let failure = error.into_failure();
                tracing::warn!(side = %failure.side, kind = %failure.kind, message = %failure.message, "check failed");
                self.record_failure(&environment, check, &failure).await?;
                Ok(CheckOutcome::Failed)
            }
        }
    }

    /// Looks and records; again where a person changed something in between.
    async fn look_until_recorded(
        &self,
        mut environment: EnvironmentRecord,
        check: CheckId,
    ) -> Result<CheckOutcome, CheckError> {
        let (organization, id) = (environment.organization_id, environment.id);
        for _ in 0..RETAKES {
            match self.look_and_record(&environment, check).await {
                Err(CheckError::Overtaken) => {
                    let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
                    let now = environments::get(&mut db, organization, id).await?;
                    environment = now.ok_or(CheckError::Overtaken)?;
                }
                ended => return ended,
            }
        }
        self.look_and_record(&environment, check).await
    }

    async fn begin_check(
        &self,
        id: EnvironmentId,
        check: CheckId,
        trigger: CheckTrigger,
        requested_by: Option<UserId>,
    ) -> ServiceResult<Option<EnvironmentRecord>> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let Some(organization) = environments::organization_of(&mut tx, id).await? else { return Ok(None) };
        if environments::lock(&mut tx, organization, id).await?.is_none() {
            return Ok(None);
        }
        let Some(environment) = environments::get(&mut tx, organization, id).await? else { return Ok(None) };
        let begun = checks::Begun { organization, environment: id, id: check, trigger, requested_by };
        let now = self.clock.now();
        if let Some(interrupted) = checks::begin(&mut tx, &begun, rules_version(), now).await? {
            // The one before never ended: nobody knows what it would have seen, until this one does.
            environments::record_failed(&mut tx, organization, id, now, &interrupted).await?;
        }
        self.announce(&mut tx, organization, id, "check.started").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Some(environment))
    }

    async fn look_and_record(
        &self,
        environment: &EnvironmentRecord,
        check: CheckId,
    ) -> Result<CheckOutcome, CheckError> {
        let reach = self.connector.reach(environment.organization_id, &environment.connection)?;
        let n8n = self.connector.live(&reach)?;
        let github = self.connector.desired(&reach)?;
        let (live, git) = futures::try_join!(
            self.look_live(environment.organization_id, n8n.as_ref()),
            self.look_desired(environment, github.as_ref()),
        )?;

        let (records, open) = self.on_record(environment).await?;
        let live_keys: Vec<_> = live.items.iter().map(|item| item.key.clone()).collect();
        let desired_keys: Vec<_> = git.side.items.iter().map(|item| item.key.clone()).collect();
        let pairing = identity::pair(&live_keys, &desired_keys, &records);
        let evidence =
            judge::Evidence { environment, records: &records, open: &open, live: &live, git: &git, pairing: &pairing };
        let verdicts = self.judge(&evidence, n8n.as_ref()).await?;
        let vanishing = self.explain_vanished(&evidence, &verdicts, github.as_ref()).await;
        self.record(&evidence, &verdicts, &vanishing, check).await
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
            environments::record_failed(&mut tx, organization, id, now, failure).await?;
        }
        checks::end_failed(&mut tx, organization, check, failure, now).await?;
        self.announce(&mut tx, organization, id, "check.finished").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}
