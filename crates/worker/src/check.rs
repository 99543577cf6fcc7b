//! The job `check`: one run of detection over one environment.

use std::sync::Arc;
use std::time::Duration;

use drift_domain::check::CheckTrigger;
use drift_services::detection::Ran;
use drift_services::{ServiceError, Services};
use drift_store::jobs::{CHECK, QueuedCheck};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::Options;
use crate::seats::{Guest, Seat, Seats};

/// Seconds after which a check is looked at again whose environment was being checked.
const BUSY: f64 = 1.0;

/// What every handler needs. Holds nothing that a job leaves behind: a job may run again in another process.
#[derive(Clone)]
pub(crate) struct Context {
    services: Arc<Services>,
    seats: Seats,
    limit: Duration,
    patience: Duration,
    shutdown: CancellationToken,
}

impl Context {
    pub(crate) fn new(services: Arc<Services>, options: &Options, shutdown: CancellationToken) -> Self {
        let seats = Seats::new(options.limits);
        Self { services, seats, limit: options.check_limit, patience: options.patience, shutdown }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The payload as the queue holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Check(QueuedCheck);

impl TaskHandler for Check {
    const IDENTIFIER: &'static str = CHECK;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Self(check) = self;
        let job = *context.job().id();
        let span = tracing::info_span!(
            "check",
            environment.id = %check.job.environment_id,
            check.trigger = %check.job.trigger,
            job.id = job,
            job.attempt = context.job().attempts(),
        );
        let context = context.get_ext::<Context>().cloned();
        async move {
            let context = context.ok_or("the worker was started without its services")?;
            context.run(check, job).await
        }
        .instrument(span)
        .await
    }
}

impl Context {
    async fn run(&self, check: QueuedCheck, job: i64) -> Result<(), String> {
        let guest = Guest {
            organization: check.organization_id,
            host: check.host.clone(),
            urgent: check.job.trigger != CheckTrigger::Schedule,
        };
        let seat = match self.shutdown.run_until_cancelled(self.seats.take(guest)).await {
            Some(Ok(seat)) => seat,
            // Some come back sooner and some later, so that they do not all come back together.
            Some(Err(_)) => {
                return self.put_back(&check, 2.0 + f64::from(u8::try_from(job % 20).unwrap_or(0)) / 10.0).await;
            }
            None => return self.put_back(&check, 0.0).await,
        };
        match tokio::time::timeout(self.limit, self.seated(&check, job, seat)).await {
            Ok(Ok(Ran::Ended(outcome))) => {
                tracing::debug!(check.outcome = %outcome, "checked");
                Ok(())
            }
            // The schedule asks again by itself; what somebody asked for is done once the other check has ended.
            Ok(Ok(Ran::Busy)) if check.job.trigger == CheckTrigger::Schedule => Ok(()),
            Ok(Ok(Ran::Busy)) => self.put_back(&check, BUSY).await,
            // It was removed after the job was enqueued: there is nothing left to check.
            Ok(Err(ServiceError::NotFound(_))) => Ok(()),
            // The job is another replica's by now: to say that it is done would be to take it from them.
            Ok(Err(ServiceError::Conflict(message))) => {
                tracing::warn!("{message}");
                Err(message)
            }
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(error = %error, cause, "a check could not be carried out; it is tried again");
                Err(cause.unwrap_or_else(|| error.to_string()))
            }
            Err(_) => {
                let limit = self.limit.as_secs();
                tracing::error!("a check took longer than {limit} s and was given up; it is tried again");
                Err(format!("longer than {limit} s"))
            }
        }
    }

    /// Runs the check, and lets somebody else have its seat once it has waited for long.
    async fn seated(&self, check: &QueuedCheck, job: i64, mut seat: Seat) -> Result<Ran, ServiceError> {
        let mut running = std::pin::pin!(self.services.run_queued_check(check, job));
        let mut aside = false;
        loop {
            tokio::select! {
                ended = &mut running => return ended,
                () = tokio::time::sleep(self.patience), if !aside => aside = seat.step_aside(),
            }
        }
    }

    async fn put_back(&self, check: &QueuedCheck, seconds: f64) -> Result<(), String> {
        self.services.put_check_back(check, seconds).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            cause.unwrap_or_else(|| error.to_string())
        })
    }
}
