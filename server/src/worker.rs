//! The subcommand `worker`: background checks without pages and API.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use drift_domain::clock::Clock;
use url::Url;

use crate::clock::SystemClock;
use crate::database::Database;
use crate::serve::{announce, background, in_runtime, services};
use crate::settings::WorkerSettings;
use crate::{config, doors, shutdown};

/// How long a worker may take beyond its grace to give back what it holds.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The subcommand `worker`.
pub(crate) fn run(settings: WorkerSettings) -> ExitCode {
    in_runtime(&settings.log.clone(), work(settings))
}

async fn work(settings: WorkerSettings) -> anyhow::Result<()> {
    let place = settings.database();
    let data_dir = config::data_dir(&place, "")?;
    let key = config::existing_key(&settings.key, &data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let private = settings.work.allow_private_networks;
    let public_url = settings.public_url.clone().map_or_else(unknown_url, Ok)?;
    let doors = doors::open(public_url, &settings.mail, &Default::default(), private, clock.clone())?;
    let stop = shutdown::token().context("signals cannot be heard")?;
    let database = Database::open_unless(&stop, &place, &data_dir, |step| tracing::info!("{step}")).await?;

    let services = services(database.pool.clone(), key, clock, private, doors);
    let grace = settings.work.grace();
    let options = background(settings.work.worker_concurrency.into(), grace);
    announce("WorkflowOps works");
    let mut working = std::pin::pin!(drift_worker::run(services, database.pool.clone(), options, stop.clone()));
    tokio::select! {
        () = &mut working => {}
        () = stop.cancelled() => {
            if tokio::time::timeout(grace + LAST_WORDS, working).await.is_err() {
                tracing::warn!("checks did not finish in time and are given up");
            }
        }
    }
    database.close().await;
    Ok(())
}

/// Where nothing says how people reach the installation: as `serve` has it by default.
fn unknown_url() -> anyhow::Result<Url> {
    "http://127.0.0.1:3000".parse().context("the default address")
}
