//! Schedules and job handlers: who asks for checks when no person does.
//!
//! Several clocks tick in every replica. One claims the environments that are due and enqueues their checks; one tells when an
//! incident's time has come to half, three quarters and its end; one ends and carries out requests for approval; one seals the
//! audit log; one asks for monthly reports; the slow one tidies. Claiming and enqueueing happen in one transaction of the services,
//! so any number of replicas share one database and no environment is enqueued twice.
//!
//! The queue is `graphile_worker`, on the same database. What it does not do by itself is turned on here:
//!
//! | its default | here |
//! |---|---|
//! | a dead worker's jobs stay locked for four hours | heartbeats, and recovery within [`Options::dead_after`] |
//! | each free slot asks the database at each notice: as many statements as slots for one job | one fetch for all, every [`Options::poll`] |
//! | whoever enqueues most works most | [`seats`](Limits): shares by organization and host, urgent checks first |
//! | it installs handlers for signals of its own, `SIGPIPE` among them | it listens to the one shutdown token |
//! | a job cut short by a shutdown waits for 30 s | the next replica takes it at once |
//! | an error of the database ends the worker | it is started again, with a growing pause |
//! | a job that fails 25 times is dead, silently | that is an error in the log, and the schedule asks again |
//!
//! A check that cannot read one side records that itself and is a job well done. Only a fault of the product itself
//! fails a job, and the job is then tried again.

mod check;
mod gates;
mod mail;
mod notify;
mod reconcile;
mod reports;
mod seats;
mod ticker;

use std::sync::Arc;
use std::time::Duration;

use drift_services::Services;
use drift_store::PgPool;
use graphile_worker::{
    JobPermanentlyFail, LocalQueueConfig, RefetchDelayConfig, WorkerOptions, WorkerRecoveryConfig, WorkerShutdownConfig,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use seats::Limits;

/// How the background work is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many checks run at once in this replica, and whose.
    pub limits: Limits,
    /// How long a check may keep its seat while it waits for a server.
    pub patience: Duration,
    /// The time between two looks for environments that are due, and for incidents whose time has come.
    pub tick: Duration,
    /// The time between two looks for jobs.
    pub poll: Duration,
    /// How far this replica's ticks are moved, so that replicas which start together do not ask together.
    pub phase: Duration,
    /// The time between two tidyings.
    pub tidy: Duration,
    /// The longest that one check may take. One that takes longer is given up and tried again.
    pub check_limit: Duration,
    /// How long running checks may go on after a shutdown was asked for. What is left then is given back to the queue.
    pub grace: Duration,
    /// How often this replica says that it is alive.
    pub heartbeat: Duration,
    /// How long a replica is silent before its jobs are given to others.
    pub dead_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::for_seats(16),
            patience: Duration::from_secs(2),
            tick: Duration::from_secs(1),
            poll: Duration::from_millis(250),
            phase: Duration::ZERO,
            tidy: Duration::from_secs(600),
            check_limit: Duration::from_secs(600),
            grace: Duration::from_secs(10),
            heartbeat: Duration::from_secs(3),
            dead_after: Duration::from_secs(15),
        }
    }
}

/// How long a job that was fetched may lie here before it is given back.
const UNWORKED: Duration = Duration::from_secs(10);
/// The longest pause before a worker that the database threw out is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Works until `shutdown` is cancelled, then finishes or gives back what is running and returns, at the latest a little
/// after [`Options::grace`].
///
/// It does not give up: while the database is away it tries again, and says so in the log.
pub async fn run(services: Arc<Services>, pool: PgPool, options: Options, shutdown: CancellationToken) {
    let tickers = TaskTracker::new();
    tickers.spawn(ticker::due_checks(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::notices(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::gates(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::deadlines(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::approvals(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::seals(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::reports(services.clone(), options.clone(), shutdown.clone()));
    tickers.spawn(ticker::tidying(services.clone(), options.clone(), shutdown.clone()));
    tickers.close();

    let mut pause = Duration::from_millis(250);
    while !shutdown.is_cancelled() {
        match work(&services, pool.clone(), &options, &shutdown).await {
            Ok(()) => pause = Duration::from_millis(250),
            Err(error) => {
                tracing::error!(error = %error, "the worker stopped; it is started again");
                let wait = shutdown.run_until_cancelled(tokio::time::sleep(pause));
                if wait.await.is_none() {
                    break;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    tickers.wait().await;
}

/// One life of a worker: until the shutdown, or an error of the database.
async fn work(
    services: &Arc<Services>,
    pool: PgPool,
    options: &Options,
    shutdown: &CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let worker = WorkerOptions::default()
        .pg_pool(pool)
        .concurrency(options.limits.jobs())
        .use_notification_delivery(false)
        .poll_interval(options.poll.max(Duration::from_secs(1)))
        .local_queue(fetching(options))
        .define_job::<check::Check>()
        .define_job::<reconcile::Reconcile>()
        .define_job::<notify::Spread>()
        .define_job::<notify::Deliver>()
        .define_job::<gates::Answer>()
        .define_job::<gates::Look>()
        .define_job::<reports::Make>()
        .add_extension(mail::Context(services.clone()))
        .add_extension(notify::Context::new(services.clone()))
        .add_extension(reconcile::Context(services.clone()))
        .add_extension(gates::Context(services.clone()))
        .add_extension(reports::Context::new(services.clone()))
        .add_extension(check::Context::new(services.clone(), options, shutdown.clone()))
        .worker_recovery(recovery(options))
        .worker_shutdown(
            WorkerShutdownConfig::default()
                .listen_os_shutdown_signals(false)
                .shutdown_signal(shutdown.clone().cancelled_owned())
                .grace_period(options.grace)
                .interrupted_job_retry_delay(Duration::ZERO),
        )
        .on(JobPermanentlyFail, |job| async move {
            tracing::error!(
                job.id = job.job.id(),
                job.task = %job.job.task_identifier(),
                job.payload = %job.job.payload(),
                error = %job.error,
                "a job failed for the last time; the schedule asks for its check again"
            );
        });
    // Whoever has no mail server leaves mails to those who have one.
    let worker = if services.sends_mail() {
        worker.define_job::<mail::Send>().define_job::<notify::MailNotice>()
    } else {
        worker
    };
    Ok(worker.init().await?.run().await?)
}

/// One fetch for all slots, every [`Options::poll`] or a little sooner. What is not worked on at once is for the others
/// again. Without the delay the queue asks anew as soon as it has an answer, some 600 times a second (observed on 0.14.1).
fn fetching(options: &Options) -> LocalQueueConfig {
    let pause = RefetchDelayConfig::default().with_duration(options.poll).with_threshold(options.limits.seats);
    LocalQueueConfig::default().with_size(options.limits.seats).with_ttl(UNWORKED).with_refetch_delay(pause)
}

fn recovery(options: &Options) -> WorkerRecoveryConfig {
    WorkerRecoveryConfig::default()
        .enabled(true)
        .heartbeat_interval(options.heartbeat)
        .sweep_interval(options.heartbeat)
        .sweep_threshold(options.dead_after)
        .recovery_delay(Duration::ZERO)
}
