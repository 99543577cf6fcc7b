//! `workflowops demo`: the product, at work on stand-ins for n8n and GitHub, with nothing to set up.
//!
//! The first start makes a world (`world`), puts real workflows (`library`) into both sides, connects the environments
//! through the services, and acts out what their people did (`scenes`), checking in between: what is shown came about as
//! it would anywhere. Later starts find everything again: the database and the repositories on disk, the stand-ins for
//! n8n as they were remembered (`state`, `instance`), on the ports that the environments know.

mod incidents;
mod instance;
mod library;
mod people;
mod scenes;
mod seed;
mod site;
mod state;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use drift_domain::clock::Clock;
use drift_services::Services;
use drift_services::gate::{Caller, cap};
use drift_sim::github::{self, GithubSim};
use seed::Instances;
use state::{Claim, State};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::database::Database;
use crate::doors::MailSettings;
use crate::serve::{Product, announce, listen, services};
use crate::settings::{DatabaseSettings, DemoSettings, LogFormat, LogSettings};
use crate::{config, doors, serve, shutdown, site as pages};
use world::{ENVIRONMENTS, ORGANIZATIONS, PASSWORD};

/// How often the stand-ins for n8n are remembered, so that even a killed demo finds what somebody changed in them.
const REMEMBER: Duration = Duration::from_secs(5);

/// The folder that its mails are written into.
const MAILS: &str = "mails";

/// The subcommand.
pub(crate) fn run(settings: DemoSettings) -> ExitCode {
    let log = LogSettings { log: settings.log.clone(), log_format: LogFormat::Text };
    serve::in_runtime(&log, demo(settings))
}

async fn demo(settings: DemoSettings) -> anyhow::Result<()> {
    let site = pages::options(&settings.site, settings.listen)?;
    let listener = listen(settings.listen).await?;
    let stop = shutdown::token().context("signals cannot be heard")?;
    let databases = settings.database();
    let folder = config::data_dir(&databases, "demo")?;
    let _claim = Claim::new(&folder)?;
    let mut state = State::open(&folder, settings.fresh)?;
    announce(&format!("The demo is kept in {}", folder.display()));
    let key = config::kept_key(&folder)?;
    let database = Database::open_unless(&stop, &databases, &folder, |step| announce(&format!("  {step}"))).await?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mails = folder.join(MAILS);
    let (mail, url) = (MailSettings::into_folder(mails), doors::own_url(listener.local_addr()?));
    let doors = doors::open(url, &mail, &settings.provider, true, clock.clone())?;
    let services = services(database.pool.clone(), key, clock.clone(), true, doors);
    let prepared = async {
        let world = World::open(&mut state, &folder, &services, clock).await?;
        state.save(&folder)?;
        world.hooks(settings.listen).await?;
        let product = Product {
            services,
            pool: database.pool.clone(),
            site,
            https: false,
            trusted_proxies: Arc::from([]),
            worker_concurrency: 4,
            grace: Duration::from_secs(5),
        };
        Ok((product.start(listener, stop.clone())?, world))
    };
    let prepared = tokio::select! {
        prepared = prepared => prepared,
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped before the demo was ready")),
    };
    let (running, world) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            database.close().await;
            return Err(error);
        }
    };
    introduce(running.address, &world, &folder.join(MAILS));
    let remembering = world.remember_until(stop.clone(), state, folder);
    let (ended, remembered) = tokio::join!(running.until_stopped(&database, &stop), remembering);
    database.close().await;
    ended.and(remembered)
}

/// The stand-ins, and who acts for whom.
struct World {
    github: GithubSim,
    instances: Instances,
    owners: BTreeMap<&'static str, Caller>,
    services: Arc<Services>,
}

impl World {
    /// Starts the stand-ins as they were, or makes the world.
    async fn open(
        state: &mut State,
        folder: &Path,
        services: &Arc<Services>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let github = start_github(state, folder, clock).await?;
        let mut instances = Instances::new();
        for plan in ENVIRONMENTS {
            let known = state.n8n.get(plan.key);
            instances.insert(plan.key, instance::start(plan.key, plan.version, state.starts, known).await?);
        }
        if state.complete {
            let owners = people::owners(services).await?;
            let world = Self { github, instances, owners, services: services.clone() };
            world.mend(state).await?;
            return Ok(world);
        }
        announce("  making organizations, people, repositories and n8n servers");
        people::found(services).await?;
        let owners = people::owners(services).await?;
        seed::fill(&github, &instances).await?;
        announce("  connecting the environments and living through their first days");
        for plan in ENVIRONMENTS {
            let key = instances.get(plan.key).context("every environment has a stand-in")?.api_key();
            state.n8n.insert(plan.key.to_owned(), state::Instance { connected_key: key, ..state::Instance::default() });
        }
        seed::play(services, &github, &instances, &owners, |plan| announce(&format!("    {}", plan.name))).await?;
        let world = Self { github, instances, owners, services: services.clone() };
        world.remember(state)?;
        state.complete = true;
        Ok(world)
    }

    /// Tells the environments where the stand-ins are now, where a port was taken by somebody else meanwhile.
    async fn mend(&self, state: &mut State) -> anyhow::Result<()> {
        let moved = |plan: &&world::Environment| {
            let (known, n8n) = (state.n8n.get(plan.key), &self.instances[plan.key]);
            state.github.port != port(&self.github.url()) || known.is_some_and(|known| known.port != port(&n8n.url()))
        };
        for plan in ENVIRONMENTS.iter().filter(moved) {
            let permit = self.owner(plan)?.permit::<cap::Configure>()?;
            let list = self.services.environments(&self.owner(plan)?.permit()?, None, None).await?;
            let Some(row) = list.environments.into_iter().find(|row| row.name == plan.name) else { continue };
            let Some(known) = state.n8n.get(plan.key) else { continue };
            // An address that changed wants its secrets again: those that the environment was connected with.
            let draft = site::draft(plan, &self.instances[plan.key], &known.connected_key, &self.github);
            self.services.update_environment(&permit, row.id, draft).await?;
        }
        state.github.port = port(&self.github.url());
        self.remember(state)
    }

    fn owner(&self, plan: &world::Environment) -> anyhow::Result<&Caller> {
        self.owners.get(plan.organization).context("every organization has an owner")
    }

    /// Has GitHub tell this installation about every push, as the owners of real ones set it up.
    async fn hooks(&self, address: SocketAddr) -> anyhow::Result<()> {
        for owner in self.owners.values() {
            let settings = self.services.webhook_settings(&owner.permit()?).await?;
            let url = format!("http://{}{}", reachable(address), settings.path);
            self.github.hook(&url, secrecy::ExposeSecret::expose_secret(&settings.secret))?;
        }
        Ok(())
    }

    fn remember(&self, state: &mut State) -> anyhow::Result<()> {
        for (key, n8n) in &self.instances {
            let known = state.n8n.entry((*key).to_owned()).or_default();
            *known = instance::remember(n8n, &known.connected_key.clone())?;
        }
        Ok(())
    }

    /// Remembers the stand-ins now and then, and once more at the end.
    async fn remember_until(&self, stop: CancellationToken, mut state: State, folder: PathBuf) -> anyhow::Result<()> {
        loop {
            let stopping = tokio::time::timeout(REMEMBER, stop.cancelled()).await.is_ok();
            let before = state.n8n.clone();
            self.remember(&mut state)?;
            if state.n8n != before {
                state.save(&folder)?;
            }
            // Their journals of requests are for tests.
            self.github.forget_requests();
            self.instances.values().for_each(|n8n| n8n.faults().forget());
            if stopping {
                return Ok(());
            }
        }
    }
}

/// Starts the stand-in for GitHub, on its old port where that is free.
async fn start_github(state: &mut State, folder: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<GithubSim> {
    let token = (!state.github.token.is_empty()).then(|| state.github.token.clone());
    let options = |port| github::Options { folder: Some(State::repositories(folder)), port, token: token.clone() };
    let started = GithubSim::start_with(clock.clone(), options(state.github.port)).await;
    let github = match started {
        Err(github::Error::Io(error)) if error.kind() == std::io::ErrorKind::AddrInUse => {
            GithubSim::start_with(clock, options(0)).await?
        }
        started => started?,
    };
    state.github.token = github.token();
    if !state.complete {
        state.github.port = port(&github.url());
    }
    Ok(github)
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default()
}

/// An address that this machine reaches itself at.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

/// Says where to look, and as whom.
fn introduce(address: SocketAddr, world: &World, mails: &Path) {
    let mut lines = vec![format!("\nThe demo is at http://{}  (Ctrl-C stops it)\n", reachable(address))];
    lines.push(format!("Sign in with the password {PASSWORD} as"));
    for organization in ORGANIZATIONS {
        for person in organization.people {
            let role = person.role.as_str().to_lowercase();
            lines.push(format!(
                "  {:28} {role} of {} ({})",
                person.email,
                organization.name,
                organization.plan.label()
            ));
        }
    }
    lines.push(format!("\nMails are written into {}", mails.display()));
    lines.push("\nAct as the other side, and watch. Each stand-in speaks its API:".to_owned());
    lines.push(format!("  GitHub {}  token {}", world.github.url(), world.github.token()));
    for plan in ENVIRONMENTS {
        let n8n = &world.instances[plan.key];
        let key = if n8n.is_running() { n8n.api_key() } else { "(stopped)".to_owned() };
        lines.push(format!("  n8n of {:22} {}  key {key}", plan.name, n8n.url()));
    }
    announce(&lines.join("\n"));
}

impl DemoSettings {
    /// Its database is a private one, in its own folder.
    fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            database_url: None,
            database_connections: 24,
            data_dir: self.data_dir.clone(),
            postgres_bin_dir: self.postgres_bin_dir.clone(),
        }
    }
}
