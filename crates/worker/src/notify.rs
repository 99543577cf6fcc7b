//! The jobs of notifications: `spread_notices` hands out what is in the outbox, `deliver_notice` and `mail_notice` send one
//! message each. Mails go out one at a time, as all mail does; over HTTP a replica sends a few at once, so that receivers that
//! do not answer keep no checks waiting.

use std::sync::Arc;

use drift_services::notify::{Next, Posted};
use drift_services::{ServiceError, Services};
use drift_store::notifications::deliveries::{DELIVER, DeliverJob, MAIL_NOTICE};
use drift_store::notifications::outbox::{SPREAD, SpreadJob};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracing::Instrument;

/// Messages that one replica sends over HTTP at once.
const AT_ONCE: usize = 8;
/// Seconds until a message is looked at again that found no place.
const FULL: f64 = 1.0;

/// The services, for these handlers, and the places of those who send.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    services: Arc<Services>,
    places: Arc<Semaphore>,
}

impl Context {
    pub(crate) fn new(services: Arc<Services>) -> Self {
        Self { services, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    async fn deliver(&self, job: DeliverJob, by: Posted) -> Result<(), ServiceError> {
        let place = self.places.try_acquire().ok();
        let next = match (&place, by) {
            (None, Posted::Web) => Next::Again { seconds: FULL },
            _ => self.services.deliver_notice(job.delivery_id).await?,
        };
        match next {
            Next::Ended => Ok(()),
            Next::Again { seconds } => self.services.put_notice_back(job.delivery_id, by, seconds).await,
        }
    }
}

/// The payload of `spread_notices`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spread(SpreadJob);

impl TaskHandler for Spread {
    const IDENTIFIER: &'static str = SPREAD;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let organization = self.0.organization_id;
        let span = tracing::info_span!("spread", job.id = context.job().id(), organization.id = %organization);
        let here = context.get_ext::<Context>().cloned();
        async move {
            let here = here.ok_or("the worker was started without its services")?;
            here.services.spread_notices(organization).await.map_err(|error| said(&error))
        }
        .instrument(span)
        .await
    }
}

/// The payload of `deliver_notice`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Deliver(DeliverJob);

impl TaskHandler for Deliver {
    const IDENTIFIER: &'static str = DELIVER;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        send(self.0, Posted::Web, context).await
    }
}

/// The payload of `mail_notice`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct MailNotice(DeliverJob);

impl TaskHandler for MailNotice {
    const IDENTIFIER: &'static str = MAIL_NOTICE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        send(self.0, Posted::Mail, context).await
    }
}

async fn send(job: DeliverJob, by: Posted, context: WorkerContext) -> Result<(), String> {
    let span = tracing::info_span!("deliver", job.id = context.job().id(), delivery.id = %job.delivery_id);
    let here = context.get_ext::<Context>().cloned();
    async move {
        let here = here.ok_or("the worker was started without its services")?;
        here.deliver(job, by).await.map_err(|error| said(&error))
    }
    .instrument(span)
    .await
}

/// An error of our own for the queue, and in the log.
fn said(error: &ServiceError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(error = %error, cause, "a notification could not go on; it is tried again");
    cause.unwrap_or_else(|| error.to_string())
}
