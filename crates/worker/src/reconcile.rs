//! The job `reconcile`: a reconciliation is taken as far as it goes now.

use std::sync::Arc;

use drift_services::Services;
use drift_services::reconcile::Next;
use drift_store::jobs::{RECONCILE, ReconcileJob};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

/// The services, for this handler.
#[derive(Clone, Debug)]
pub(crate) struct Context(pub(crate) Arc<Services>);

/// The payload as the queue holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Reconcile(ReconcileJob);

impl TaskHandler for Reconcile {
    const IDENTIFIER: &'static str = RECONCILE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let id = self.0.reconciliation_id;
        let span = tracing::info_span!("reconcile", job.id = context.job().id(), reconciliation.id = %id);
        let services = context.get_ext::<Context>().cloned();
        async move {
            let Context(services) = services.ok_or("the worker was started without its services")?;
            let went = match services.run_reconciliation(id).await {
                Ok(Next::Ended) => Ok(()),
                Ok(Next::Again { seconds }) => services.put_reconciliation_back(id, seconds).await,
                Err(error) => Err(error),
            };
            went.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(error = %error, cause, "a reconciliation could not go on; it is tried again");
                cause.unwrap_or_else(|| error.to_string())
            })
        }
        .instrument(span)
        .await
    }
}
