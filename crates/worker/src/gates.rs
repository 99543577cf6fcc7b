//! The jobs of the gate at GitHub: `answer_gate` answers one run, `look_at_gate` looks at one environment's. Somebody waits for
//! the first; the second comes round again.

use std::sync::Arc;

use drift_services::notify::Next;
use drift_services::{ServiceError, Services};
use drift_store::gates::{ANSWER, AnswerJob, LOOK, LookJob};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

/// The services, for these handlers.
#[derive(Clone, Debug)]
pub(crate) struct Context(pub(crate) Arc<Services>);

/// The payload of `answer_gate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Answer(AnswerJob);

impl TaskHandler for Answer {
    const IDENTIFIER: &'static str = ANSWER;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let AnswerJob { organization_id, request_id } = self.0;
        let span = tracing::info_span!("answer_gate", job.id = context.job().id(), request.id = %request_id);
        let here = context.get_ext::<Context>().cloned();
        async move {
            let Context(services) = here.ok_or("the worker was started without its services")?;
            let next = services.answer_gate_request(organization_id, request_id).await.map_err(|error| said(&error))?;
            match next {
                Next::Ended => Ok(()),
                Next::Again { seconds } => {
                    let put = services.put_gate_request_back(organization_id, request_id, seconds).await;
                    put.map_err(|error| said(&error))
                }
            }
        }
        .instrument(span)
        .await
    }
}

/// The payload of `look_at_gate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Look(LookJob);

impl TaskHandler for Look {
    const IDENTIFIER: &'static str = LOOK;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let LookJob { organization_id, environment_id } = self.0;
        let span = tracing::info_span!("look_at_gate", job.id = context.job().id(), environment.id = %environment_id);
        let here = context.get_ext::<Context>().cloned();
        async move {
            let Context(services) = here.ok_or("the worker was started without its services")?;
            services.look_at_gate(organization_id, environment_id).await.map_err(|error| said(&error))
        }
        .instrument(span)
        .await
    }
}

/// An error of our own for the queue, and in the log.
fn said(error: &ServiceError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(error = %error, cause, "a gate at GitHub could not be answered; it is tried again");
    cause.unwrap_or_else(|| error.to_string())
}
