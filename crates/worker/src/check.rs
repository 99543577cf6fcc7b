//! The job `check`: one run of detection over one environment.

use std::sync::Arc;
use std::time::Duration;

use drift_services::{ServiceError, Services};
use drift_store::jobs::{CHECK, CheckJob};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

/// What every handler needs. Holds nothing that a job leaves behind: a job may run again in another process.
#[derive(Clone)]
pub(crate) struct Context {
    services: Arc<Services>,
    limit: Duration,
}

impl Context {
    pub(crate) fn new(services: Arc<Services>, limit: Duration) -> Self {
        Self { services, limit }
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
pub(crate) struct Check(CheckJob);

impl TaskHandler for Check {
    const IDENTIFIER: &'static str = CHECK;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Self(job) = self;
        let span = tracing::info_span!(
            "check",
            environment.id = %job.environment_id,
            check.trigger = %job.trigger,
            job.id = context.job().id(),
            job.attempt = context.job().attempts(),
        );
        let context = context.get_ext::<Context>().cloned();
        async move {
            let context = context.ok_or("the worker was started without its services")?;
            context.run(job).await
        }
        .instrument(span)
        .await
    }
}

impl Context {
    async fn run(&self, job: CheckJob) -> Result<(), String> {
        let check = self.services.run_check(job.environment_id, job.trigger, job.requested_by);
        match tokio::time::timeout(self.limit, check).await {
            Ok(Ok(outcome)) => {
                tracing::debug!(check.outcome = %outcome, "checked");
                Ok(())
            }
            // It was removed after the job was enqueued: there is nothing left to check.
            Ok(Err(ServiceError::NotFound(_))) => Ok(()),
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
}
