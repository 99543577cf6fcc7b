//! The job `make_report`: one report. A replica makes few at once, so that they leave the database to checks and people.

use std::sync::Arc;

use drift_services::notify::Next;
use drift_services::{ServiceError, Services};
use drift_store::reports::{MAKE, MakeJob};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracing::Instrument;

/// Reports that one replica makes at once. Each holds two connections: one reads a moment, one writes.
const AT_ONCE: usize = 2;
/// Seconds until a report is looked at again that found no place.
const FULL: f64 = 2.0;

/// The services, for this handler, and the places of those who make reports.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    services: Arc<Services>,
    places: Arc<Semaphore>,
}

impl Context {
    pub(crate) fn new(services: Arc<Services>) -> Self {
        Self { services, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    async fn make(&self, job: MakeJob) -> Result<(), ServiceError> {
        let next = match self.places.try_acquire() {
            Ok(_place) => self.services.make_report(job.organization_id, job.report_id).await?,
            Err(_) => Next::Again { seconds: FULL },
        };
        match next {
            Next::Ended => Ok(()),
            Next::Again { seconds } => self.services.put_report_back(job.organization_id, job.report_id, seconds).await,
        }
    }
}

/// The payload as the queue holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Make(MakeJob);

impl TaskHandler for Make {
    const IDENTIFIER: &'static str = MAKE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let id = self.0.report_id;
        let span = tracing::info_span!("make_report", job.id = context.job().id(), report.id = %id);
        let here = context.get_ext::<Context>().cloned();
        async move {
            let here = here.ok_or("the worker was started without its services")?;
            here.make(self.0).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(error = %error, cause, "a report could not be made; it is tried again");
                cause.unwrap_or_else(|| error.to_string())
            })
        }
        .instrument(span)
        .await
    }
}
