//! The job `mail`: one mail. Mails go out one at a time in all replicas together, so a slow mail server holds one worker.

use std::sync::Arc;

use drift_services::Services;
use drift_store::mails::{MAIL, MailJob};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

/// The services, for this handler.
#[derive(Clone, Debug)]
pub(crate) struct Context(pub(crate) Arc<Services>);

/// The payload as the queue holds it, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Send(MailJob);

impl TaskHandler for Send {
    const IDENTIFIER: &'static str = MAIL;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let span = tracing::info_span!("mail", job.id = context.job().id(), job.attempt = context.job().attempts());
        let services = context.get_ext::<Context>().cloned();
        async move {
            let Context(services) = services.ok_or("the worker was started without its services")?;
            services.deliver_mail(&self.0).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), chain);
                tracing::warn!(error = %cause, "a mail was not sent; it is tried again");
                cause
            })
        }
        .instrument(span)
        .await
    }
}

/// An error and what it came from, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}
