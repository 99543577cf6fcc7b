//! The data folder: its lock, its cluster, its socket, and what an earlier server left behind.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Progress;
use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{During, PostgresError};

/// The longest path of a Unix socket on Linux (`sun_path` holds 108 bytes with the closing zero).
const LONGEST_SOCKET_PATH: usize = 107;

/// How long an orphaned server may take to stop: it was told to when its application died.
const OLD_SERVER_PATIENCE: Duration = Duration::from_secs(30);

/// A data folder that this process alone uses, until it is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub path: PathBuf,
    pub cluster: PathBuf,
    pub account: Account,
    _lock: File,
}

impl DataDir {
    /// Makes the folder where it is missing, and takes its lock.
    pub fn open(path: &Path, account: Account) -> Result<Self, PostgresError> {
        let path = std::path::absolute(path).during("find", path)?;
        account.own_folder(&path)?;
        let lock_path = path.join("lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .during("open", &lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&lock_path).ok().and_then(|text| text.trim().parse().ok());
                return Err(PostgresError::AlreadyRunning { data_dir: path, pid: pid.unwrap_or(0) });
            }
            Err(TryLockError::Error(source)) => return Err(PostgresError::io("lock", &lock_path, source)),
        }
        if account.switch {
            chown(&lock_path, Some(account.uid), Some(account.gid)).during("change the owner of", &lock_path)?;
        }
        lock.set_len(0).during("write", &lock_path)?;
        writeln!(lock, "{}", std::process::id()).during("write", &lock_path)?;
        let cluster = path.join("cluster");
        Ok(Self { path, cluster, account, _lock: lock })
    }

    /// The major version that made the cluster; `None` where there is none yet.
    pub fn cluster_major(&self) -> Option<String> {
        let version = fs::read_to_string(self.cluster.join("PG_VERSION")).ok()?;
        Some(version.trim().to_owned())
    }

    /// The state that the server notes in its pid file: `starting`, `ready`, `stopping`.
    pub fn server_state(&self) -> Option<String> {
        let text = fs::read_to_string(self.cluster.join("postmaster.pid")).ok()?;
        text.lines().nth(7).map(|state| state.trim().to_owned())
    }

    /// Deals with the pid file of an earlier server. We hold the lock, so no application uses the folder: a server that
    /// still runs from it is an orphan on its way out, which is waited for, or somebody's own, which is refused. The file
    /// of a dead one is removed, because Postgres would take it for alive when its number went to another process.
    pub fn clear_old_server(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), PostgresError> {
        let pid_file = self.cluster.join("postmaster.pid");
        let started = Instant::now();
        let mut told = false;
        while let Some(pid) = fs::read_to_string(&pid_file).ok().and_then(|text| text.lines().next()?.parse().ok()) {
            if !runs_in(pid, &self.cluster) {
                tracing::info!(postgres.pid = pid, "removing the pid file of a database server that is gone");
                return match fs::remove_file(&pid_file) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                    result => result.during("remove", &pid_file),
                };
            }
            if !std::mem::replace(&mut told, true) {
                progress(Progress::WaitingForOldServer);
            }
            if started.elapsed() > OLD_SERVER_PATIENCE {
                return Err(PostgresError::AlreadyRunning { data_dir: self.path.clone(), pid });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Makes the cluster: UTF-8, ordered by code point, no password on the private socket. It is made beside its place and
    /// moved there when it is whole, so that a process killed halfway leaves nothing that looks like a database.
    pub fn initialise(&self, binaries: &Binaries, durable: bool) -> Result<(), PostgresError> {
        let partial = self.path.join("cluster.partial");
        if partial.exists() {
            fs::remove_dir_all(&partial).during("remove", &partial)?;
        }
        let mut command = self.account.command("KILL", &binaries.bin.join("initdb"));
        command.arg("-D").arg(&partial);
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        if binaries.major_number() >= 17 {
            // Knows the case of every letter and needs no library: the same on every machine.
            command.args(["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
        } else {
            command.arg("--locale=C");
        }
        if !durable {
            // Small segments keep a cluster that is copied for every test process small.
            command.args(["--no-sync", "--wal-segsize=1"]);
        }
        let output = command.output().during("run initdb for", &self.path)?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let _ = fs::remove_dir_all(&partial);
            return Err(PostgresError::from_output(&self.path, &text)
                .unwrap_or(PostgresError::InitFailed { data_dir: self.path.clone(), output: text }));
        }
        fs::rename(&partial, &self.cluster).during("rename", &partial)
    }

    /// The folder of the socket: in the data folder, or a short one where that path is too long for a socket.
    pub fn socket_folder(&self) -> Result<PathBuf, PostgresError> {
        let mut folder = self.path.join("socket");
        if folder.join(".s.PGSQL.5432").as_os_str().len() > LONGEST_SOCKET_PATH {
            folder = self.short_socket_folder();
        }
        self.account.own_folder(&folder)?;
        Ok(folder)
    }

    /// Removes the one folder that is not in the data folder, when the server has ended.
    pub fn remove_short_socket_folder(&self) {
        // Where it was not used there is nothing to remove; where it is not empty it is not ours alone.
        let _ = fs::remove_dir(self.short_socket_folder());
    }

    /// Named after the data folder, so that a server that was killed leaves one folder at most.
    fn short_socket_folder(&self) -> PathBuf {
        let name = format!("workflowops-{}-{:016x}", self.account.uid, hash(self.path.as_os_str().as_bytes()));
        Path::new("/tmp").join(name)
    }
}

/// Whether process `pid` is a server of this cluster: it works in that folder. A process that may not be looked at is
/// another user's, and Postgres's files are its user's own.
fn runs_in(pid: u32, cluster: &Path) -> bool {
    let (Ok(cwd), Ok(cluster)) = (fs::read_link(format!("/proc/{pid}/cwd")), fs::canonicalize(cluster)) else {
        return false;
    };
    cwd == cluster
}

/// FNV-1a: the same in every version of this program, which std's hashers do not promise.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
