//! `fleet run`: a fleet, two replicas on one Postgres, and one of them killed half-way.

mod record;
mod report;
mod standins;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use drift_store::secretbox::InstallationKey;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::database::Database;
use crate::machine::{self, Cost};
use crate::replica::Replica;
use crate::seed;
use standins::StandIns;

/// How large, how long, and what is killed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Settings {
    /// Environments, each with an n8n of its own.
    #[arg(long, env = "ENVIRONMENTS", default_value_t = 1000)]
    environments: usize,

    /// Workflows of each environment.
    #[arg(long, env = "WORKFLOWS", default_value_t = 100)]
    workflows: usize,

    /// Bytes of a workflow, about.
    #[arg(long, env = "BYTES", default_value_t = 4000)]
    bytes: usize,

    /// Of a hundred workflows of an environment, how many are edited in n8n every minute.
    #[arg(long, env = "CHANGING", default_value_t = 1.0)]
    changing: f64,

    /// Environments of an organization; they read one folder of one repository.
    #[arg(long, env = "PER_ORGANIZATION", default_value_t = 50)]
    per_organization: usize,

    /// Seconds that are measured.
    #[arg(long, env = "SECONDS_MEASURED", default_value_t = 240)]
    seconds: u64,

    /// Seconds between the last first check and the measured time.
    #[arg(long, env = "SETTLE", default_value_t = 66)]
    settle: u64,

    /// Which replica is killed half-way.
    #[arg(long, env = "KILL", value_enum, default_value_t = Killed::Worker)]
    kill: Killed,

    /// Seconds after it was due within which a check begins that counts as on time.
    #[arg(long, env = "TOLERANCE", default_value_t = 6.0)]
    tolerance: f64,

    /// The binary `workflowops`. Default: beside this one.
    #[arg(long, env = "WORKFLOWOPS_BIN")]
    binary: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Killed {
    Serve,
    Worker,
    None,
}

/// Who did how much by now.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    serve: Cost,
    worker: Cost,
    postgres: Cost,
    /// The stand-ins, git for them, and this program.
    stand_ins: Cost,
}

/// What was measured at the beginning, around the kill, and at the end.
struct Measured {
    begin: Reading,
    killed: Reading,
    end: Reading,
    sizes: [u64; 2],
    written_ahead: [u64; 2],
    tables: [Vec<(String, u64)>; 2],
    calls: standins::Calls,
    edits: u64,
    record: record::Record,
    complaints: Vec<(&'static str, usize, Option<String>)>,
}

struct Fleet {
    settings: Settings,
    database: Database,
    stand_ins: Arc<StandIns>,
    serve: Replica,
    worker: Replica,
}

/// Measures, prints, and answers whether every check was on time.
pub(crate) async fn run(settings: Settings) -> Result<bool> {
    raise_open_files()?;
    println!("{}", machine::describe());
    let binary = match &settings.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("workflowops"),
    };
    let folder = tempfile::Builder::new().prefix("workflowops-fleet-").tempdir()?;
    let database = Database::start().await?;
    let key = InstallationKey::generate()?;
    let stand_ins = Arc::new(StandIns::start(&settings).await?);
    let hex = key.to_hex();
    let start = |subcommand| {
        let (binary, url, hex, folder) = (&binary, &database.url, hex.expose_secret(), folder.path());
        async move { Replica::start(binary, subcommand, url, hex, folder).await }
    };
    let (serve, worker) = (start("serve").await?, start("worker").await?);
    let mut fleet = Fleet { settings, database, stand_ins, serve, worker };
    fleet.connect(&key).await?;
    fleet.settle().await;
    let measured = fleet.measure().await?;
    let on_time = report::print(&fleet.settings, &measured);
    let Fleet { database, serve, worker, .. } = fleet;
    drop((serve, worker));
    database.stop().await;
    Ok(on_time)
}

/// This process holds the stand-ins' ends of all connections.
fn raise_open_files() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("the limit of open files")
}

impl Fleet {
    /// Connects every environment with its n8n and its organization's repository, and waits until each was looked at: one of
    /// each organization first, as people do.
    async fn connect(&self, key: &InstallationKey) -> Result<()> {
        let began = Instant::now();
        let pool = &self.database.pool;
        let services = seed::services(pool.clone(), key)?;
        let drafts = self.stand_ins.drafts();
        let mut owners = Vec::new();
        for (number, theirs) in drafts.chunks(self.settings.per_organization).enumerate() {
            let owner = seed::organization(pool, key, &format!("Organization {number}")).await?;
            services.connect_environment(&owner.permit()?, theirs[0].clone()).await?;
            owners.push((owner, &theirs[1..]));
        }
        self.until_looked_at().await?;
        for (owner, drafts) in owners {
            for draft in drafts {
                services.connect_environment(&owner.permit()?, draft.clone()).await?;
            }
        }
        self.until_looked_at().await?;
        println!("  every environment was looked at once within {:.0} s", began.elapsed().as_secs_f64());
        Ok(())
    }

    async fn until_looked_at(&self) -> Result<()> {
        loop {
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM environments WHERE last_checked_at IS NULL")
                .fetch_one(&self.database.pool)
                .await?;
            if left == 0 {
                return Ok(());
            }
            println!("  {left} environments wait for their first check");
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }

    /// Lets the fleet change, and itself come into step.
    async fn settle(&self) {
        tokio::spawn(standins::keep_changing(Arc::clone(&self.stand_ins), self.settings.clone()));
        tokio::time::sleep(Duration::from_secs(self.settings.settle)).await;
    }

    async fn measure(&mut self) -> Result<Measured> {
        let half = Duration::from_secs(self.settings.seconds) / 2;
        self.stand_ins.forget();
        let edits = self.stand_ins.edits();
        let from = record::now(&self.database.pool).await?;
        let pool = self.database.pool.clone();
        let (size, ahead) = (self.database.size().await?, self.database.written_ahead().await?);
        let tables = crate::database::tables(&pool).await?;
        let begin = self.read();
        tokio::time::sleep(half).await;
        let killed = self.read();
        let killed_at = record::now(&pool).await?;
        match self.settings.kill {
            Killed::Serve => self.serve.kill().await?,
            Killed::Worker => self.worker.kill().await?,
            Killed::None => {}
        }
        tokio::time::sleep(half).await;
        let mut end = self.read();
        // A child that has ended counts as its parent's from then on.
        end.stand_ins.cpu -= match self.settings.kill {
            Killed::Serve => killed.serve.cpu,
            Killed::Worker => killed.worker.cpu,
            Killed::None => 0.0,
        };
        let calls = self.stand_ins.calls();
        Ok(Measured {
            begin,
            killed,
            end,
            sizes: [size, self.database.size().await?],
            written_ahead: [ahead, self.database.written_ahead().await?],
            tables: [tables, crate::database::tables(&pool).await?],
            calls,
            edits: self.stand_ins.edits() - edits,
            record: record::Record::read(&pool, from, killed_at).await?,
            complaints: [("serve", &self.serve), ("worker", &self.worker)]
                .map(|(name, replica)| {
                    let (number, first) = replica.complaints();
                    (name, number, first)
                })
                .into(),
        })
    }

    fn read(&self) -> Reading {
        let pids = [self.serve.pid(), self.worker.pid()].map(Result::unwrap_or_default);
        let postgres = self.database.pid();
        Reading {
            at: Instant::now(),
            serve: machine::of_process(pids[0]),
            worker: machine::of_process(pids[1]),
            postgres: machine::of_family(postgres, &[]),
            stand_ins: machine::of_family(std::process::id(), &[pids[0], pids[1], postgres]),
        }
    }
}
