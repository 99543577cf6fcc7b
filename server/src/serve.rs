//! Wiring: from settings to a running product, and back down again.
//!
//! Going up: listen, data folder and key, database, services, background work, pages. Going down: no new requests, open
//! streams end, running requests and checks finish or are given up in bounded time, then the database stops.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use drift_domain::clock::Clock;
use drift_services::{Doors, Parts, Services};
use drift_store::PgPool;
use drift_store::secretbox::{InstallationKey, SecretBox};
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::address::Network;
use crate::clock::SystemClock;
use crate::config::{self, Refused};
use crate::database::Database;
use crate::headers::Headers;
use crate::settings::{LogSettings, ServeSettings};
use crate::{doors, http, logging, shutdown, site};

/// The subcommand `serve`.
pub(crate) fn run(settings: ServeSettings) -> ExitCode {
    in_runtime(&settings.log.clone(), serve(settings))
}

/// Runs a subcommand to its end: logging, the limit of files, the one TLS provider, the runtime, the exit code. A refused setting is 2, any
/// other failure 1.
pub(crate) fn in_runtime(log: &LogSettings, work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    logging::start(log);
    open_files();
    // Two providers are linked in; without a choice the first TLS connection would panic.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("workflowops: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("workflowops: {error:#}");
            if error.is::<Refused>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    };
    // Everything that must be finished is.
    runtime.shutdown_background();
    code
}

/// Lets this process open as many files as the system allows it. Each n8n that is checked every minute holds a connection,
/// so a thousand environments go beyond the 1,024 that a shell hands on.
fn open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::warn!(
            limit = current,
            "the limit of open files cannot be raised; it bounds how many servers are called"
        );
    }
}

async fn serve(settings: ServeSettings) -> anyhow::Result<()> {
    let site = site::options(&settings.site, settings.listen)?;
    let listener = listen(settings.listen).await?;
    let data_dir = config::data_dir(&settings.database, "")?;
    let key = config::secret_key(&settings.key, &data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let public_url = settings.public_url.clone().unwrap_or(doors::own_url(listener.local_addr()?));
    let private = settings.work.allow_private_networks;
    let doors = doors::open(public_url, &settings.mail, &settings.provider, private, clock.clone())?;
    let stop = shutdown::token().context("signals cannot be heard")?;
    let database = Database::open_unless(&stop, &settings.database, &data_dir, |step| tracing::info!("{step}")).await?;

    let services = services(database.pool.clone(), key, clock, private, doors);
    let product = Product {
        services,
        pool: database.pool.clone(),
        site,
        https: settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
        trusted_proxies: settings.trusted_proxies.into(),
        worker_concurrency: settings.work.worker_concurrency.into(),
        grace: settings.work.grace(),
    };
    let running = product.start(listener, stop.clone())?;
    announce(&format!("WorkflowOps listens on http://{}", running.address));
    let ended = running.until_stopped(&database, &stop).await;
    database.close().await;
    ended
}

/// Listens, so that nothing is started when the port is taken.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Refused> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Refused::new("--listen", format!("{address} cannot be listened on: {error}")))
}

/// Says it where whoever started this looks, whatever is logged.
#[expect(clippy::print_stdout, reason = "this is for whoever started the process")]
pub(crate) fn announce(line: &str) {
    println!("{line}");
}

/// The services over an open database.
pub(crate) fn services(
    pool: PgPool,
    key: InstallationKey,
    clock: Arc<dyn Clock>,
    allow_private_networks: bool,
    doors: Doors,
) -> Arc<Services> {
    Arc::new(Services::new(Parts {
        pool,
        clock,
        secrets: SecretBox::new(&key),
        allow_private_networks,
        pauses: drift_services::Pauses::Usual,
        doors,
    }))
}

/// How a process does its share of the checks.
pub(crate) fn background(worker_concurrency: usize, grace: Duration) -> drift_worker::Options {
    drift_worker::Options {
        limits: drift_worker::Limits::for_seats(worker_concurrency),
        phase: Duration::from_millis(rand::random_range(0..1000)),
        grace,
        ..drift_worker::Options::default()
    }
}

/// Everything that a running product is made of.
pub(crate) struct Product {
    pub(crate) services: Arc<Services>,
    pub(crate) pool: PgPool,
    pub(crate) site: LeptosOptions,
    /// People reach it over https.
    pub(crate) https: bool,
    pub(crate) trusted_proxies: Arc<[Network]>,
    pub(crate) worker_concurrency: usize,
    /// How long running requests and checks may go on after the shutdown began.
    pub(crate) grace: Duration,
}

/// A product that answers requests and does its background work.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pages: JoinHandle<std::io::Result<()>>,
    worker: JoinHandle<()>,
    relay: JoinHandle<()>,
    grace: Duration,
}

impl Product {
    /// Starts answering and working, until `stop` is cancelled.
    pub(crate) fn start(self, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<Running> {
        let address = listener.local_addr()?;
        let grace = self.grace;
        let worker = background(self.worker_concurrency, grace);
        let worker = tokio::spawn(drift_worker::run(self.services.clone(), self.pool.clone(), worker, stop.clone()));
        let relayed = self.services.clone();
        let relay = tokio::spawn(async move { relayed.relay_live_events().await });
        let routes = self.routes(&stop).into_make_service_with_connect_info::<SocketAddr>();
        let pages =
            tokio::spawn(
                async move { axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await },
            );
        Ok(Running { address, pages, worker, relay, grace })
    }

    /// The API and the pages, behind the middleware.
    fn routes(self, stop: &CancellationToken) -> Router {
        let headers = Headers { https: self.https, hashed_files: self.site.hash_files };
        let api = drift_api::Settings {
            secure_cookies: self.https,
            shutdown: stop.clone(),
            ..drift_api::Settings::default()
        };
        let routes = drift_api::router(self.services.clone(), api).merge(app::ssr::router(self.services, self.site));
        http::with_middleware(routes, headers, self.trusted_proxies)
    }
}

impl Running {
    /// Waits for the signal to stop, or for something without which this cannot go on, and brings everything down.
    pub(crate) async fn until_stopped(mut self, database: &Database, stop: &CancellationToken) -> anyhow::Result<()> {
        let ended = tokio::select! {
            // First: the pages end by themselves, too, once the signal came.
            biased;
            () = stop.cancelled() => Ok(()),
            how = database.lost() => Err(anyhow::anyhow!("the private database {how}")),
            pages = &mut self.pages => Err(match pages {
                Ok(Err(error)) => anyhow::Error::new(error).context("requests can no longer be accepted"),
                _ => anyhow::anyhow!("requests can no longer be accepted"),
            }),
        };
        stop.cancel();
        // It holds a connection for as long as it runs.
        self.relay.abort();
        let _ = (&mut self.relay).await;
        let patience = self.grace + Duration::from_secs(5);
        let down = async {
            if !self.pages.is_finished() && (&mut self.pages).await.is_err() {
                tracing::warn!("the pages ended by a panic");
            }
            if (&mut self.worker).await.is_err() {
                tracing::warn!("the worker ended by a panic");
            }
        };
        if tokio::time::timeout(patience, down).await.is_err() {
            tracing::warn!("requests or checks did not finish in time and are given up");
            self.pages.abort();
            self.worker.abort();
        }
        ended
    }
}
