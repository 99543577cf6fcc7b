//! One private Postgres per test process, copied from a cluster that was made and migrated once.
//!
//! ```text
//! <temporary folder>/workflowops-tests-<user number>/
//!     lock                    held while anything here or below is made, copied or removed
//!     postgres/               a copy of the binaries, only where the originals cannot be used
//!     template-<key>/         a cluster with a migrated database in it; the key holds the schema and the Postgres version
//! <memory, else the same>/workflowops-tests-<user number>/
//!     run-<process>-<random>/ a test process's own copy; its `owner` file is locked while that process lives
//! ```
//!
//! The copies live in memory where there is plenty: a thousand small files take a fifth of the time there.
//!
//! The server ends with the test process, by the kernel's parent-death signal. The folder of a process that is gone is
//! removed by the next one that starts.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use drift_postgres::{Installation, Postgres, Settings};
use drift_store::pool;
use uuid::Uuid;

use crate::database::{TEMPLATE, create, slim};

/// A server for this test process.
pub(crate) struct Cluster {
    pub server: Postgres,
    /// Locked: the folder is in use.
    _owner: File,
}

impl Cluster {
    /// A server with a migrated [`TEMPLATE`] database, in some 0.2 s when the template is there already.
    pub async fn start() -> Result<Self> {
        let cache = folder_in(&std::env::temp_dir())?;
        let runs = folder_in(&memory().unwrap_or_else(std::env::temp_dir))?;
        let lock = lock_file(&cache.join("lock"))?;
        // Another test process may be making the template: some seconds.
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
        sweep(&cache)?;
        sweep(&runs)?;
        let installation = drift_postgres::installation(&settings(&cache.join("postgres")))?;
        let template = template(&cache, &installation).await?;
        let run = runs.join(format!("run-{}-{}", std::process::id(), Uuid::new_v4().simple()));
        make_folder(&run)?;
        let owner = lock_file(&run.join("owner"))?;
        owner.try_lock().context("locking a folder that was just made")?;
        let data = run.join("data");
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&template).arg(&data).status()?;
        ensure!(copied.success(), "copying {} to {} failed", template.display(), data.display());
        drop(lock);
        let server = Postgres::start(with(settings(&data), &installation), |_| {}).await?;
        Ok(Self { server, _owner: owner })
    }
}

fn settings(data_dir: &Path) -> Settings {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Settings { package_roots: vec![repository], durable: false, max_connections: 200, ..Settings::new(data_dir) }
}

fn with(settings: Settings, installation: &Installation) -> Settings {
    Settings { bin_dir: Some(installation.bin_dir.clone()), ..settings }
}

/// The folder of this user's test clusters in a folder that everybody may write to. Not in the checkout, because the user
/// that Postgres runs as when tests run as root must be able to reach it.
fn folder_in(shared: &Path) -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let folder = shared.join(format!("workflowops-tests-{uid}"));
    make_folder(&folder)?;
    let meta = fs::symlink_metadata(&folder)?;
    ensure!(meta.is_dir() && meta.uid() == uid, "{} belongs to somebody else: remove it", folder.display());
    Ok(folder)
}

/// Shared memory with 2 GB free. Containers often have 64 MB, which a few databases fill.
fn memory() -> Option<PathBuf> {
    let memory = PathBuf::from("/dev/shm");
    let room = rustix::fs::statvfs(&memory).ok()?;
    (room.f_bavail.checked_mul(room.f_frsize)? >= 2 << 30).then_some(memory)
}

/// A folder that others may pass through and not write to.
fn make_folder(path: &Path) -> Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).with_context(|| format!("making {}", path.display())),
        // Whatever the umask says.
        Ok(()) => Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?),
    }
}

fn lock_file(path: &Path) -> Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    file.with_context(|| format!("opening {}", path.display()))
}

/// Removes what processes that are gone left behind. What is still in use is left for the next time.
fn sweep(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache)?.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("run-")) {
            let owner = File::options().write(true).open(entry.path().join("owner"));
            let abandoned = owner.is_err() || owner.is_ok_and(|owner| owner.try_lock().is_ok());
            if abandoned && !is_served(&entry.path().join("data/cluster")) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
    Ok(())
}

/// Whether a server still works in `cluster`: it gets its parent's death a moment after the lock is free, and leaves
/// shared memory behind when its folder goes first.
fn is_served(cluster: &Path) -> bool {
    let pid_file = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = pid_file.lines().next().and_then(|pid| pid.parse::<u32>().ok()) else { return false };
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == cluster)
}

/// The template for this schema and this Postgres; made where it is missing. Whoever calls holds the lock.
async fn template(cache: &Path, installation: &Installation) -> Result<PathBuf> {
    let template = cache.join(format!("template-{}-{}", installation.version, pool::schema_version()));
    if template.is_dir() {
        return Ok(template);
    }
    for entry in fs::read_dir(cache)?.flatten() {
        // Those of other schemas and versions, and one that was cut off.
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("template-") || name == "making") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let making = cache.join("making");
    let server = Postgres::start(with(settings(&making), installation), |_| {}).await?;
    let made = async {
        create(server.url(), TEMPLATE, None).await?;
        let pool = pool::connect(&crate::database::url_of(server.url(), TEMPLATE)?, 3).await?;
        pool::migrate(&pool).await?;
        pool.close().await;
        slim(server.url()).await
    };
    let made = made.await;
    server.stop().await;
    made.context("migrating the template of the test databases")?;
    fs::rename(&making, &template)?;
    Ok(template)
}
