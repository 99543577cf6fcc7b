//! The binary as whoever runs it meets it: what it refuses, that it starts with nothing set up, and that nothing is left
//! of it when it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder for an installation: data, and pages' files (none).
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("workflowops-binary-").tempdir_in("/tmp").unwrap();
    // Postgres may run as another user, who has to get here.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(folder.path().join("site")).unwrap();
    folder
}

fn workflowops(subcommand: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workflowops"));
    command.arg(subcommand).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    for set in ["DATABASE_URL", "WORKFLOWOPS_DATA_DIR", "WORKFLOWOPS_SECRET_KEY", "WORKFLOWOPS_LISTEN"] {
        command.env_remove(set);
    }
    command.args(["--data-dir".as_ref(), folder.join("data").as_os_str()]);
    if subcommand != "migrate" {
        command.args(["--site-root".as_ref(), folder.join("site").as_os_str()]);
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command
}

fn refused(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    said
}

#[test]
fn what_cannot_be_used_is_refused_by_name_before_anything_is_started() {
    let folder = folder();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    for (name, value) in [
        ("--secret-key", "hunter2"),
        ("--secret-key-file", "/nowhere/at/all"),
        ("--site-root", "/nowhere/at/all"),
        ("--postgres-bin-dir", ""),
    ] {
        let said = refused(workflowops("serve", folder.path()).args([name, value]));
        assert!(said.contains(name), "{name}: {said}");
        assert!(!said.contains("hunter2"), "a secret is not repeated: {said}");
    }
    let mut serve = Command::new(env!("CARGO_BIN_EXE_workflowops"));
    serve.args(["serve", "--listen", &taken, "--site-root"]).arg(folder.path().join("site"));
    let said = refused(&mut serve);
    assert!(said.contains("--listen") && said.contains(&taken), "{said}");
    let said = refused(workflowops("serve", folder.path()).env("WORKFLOWOPS_WORKER_CONCURRENCY", "many"));
    assert!(said.contains("--worker-concurrency"), "a variable is refused as its flag is: {said}");
    assert!(!folder.path().join("data/postgres").exists());
}

#[test]
fn a_worker_makes_neither_a_database_nor_a_key_of_its_own() {
    let folder = folder();
    let worker = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workflowops"));
        command.arg("worker").env_remove("DATABASE_URL").arg("--data-dir").arg(folder.path().join("data"));
        command
    };
    let said = refused(&mut worker());
    assert!(said.contains("--database-url"), "{said}");
    let said = refused(worker().args(["--database-url", "postgres://127.0.0.1:1/none"]));
    assert!(said.contains("--secret-key") && said.contains("secret.key"), "{said}");
    assert!(!folder.path().join("data/secret.key").exists() && !folder.path().join("data/postgres").exists());
}

/// A server, killed when a test fails.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut command = workflowops("serve", folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("WorkflowOps listens on http://") else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it does not listen: {line}{said}");
        };
        Self { child, address: address.to_owned() }
    }

    /// The status and the rest of the answer.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        (status, answer.to_lowercase())
    }

    fn stop(mut self, signal: Signal) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn it_starts_with_nothing_set_up_and_leaves_nothing_running() {
    let folder = folder();
    let (lock, data) = (folder.path().join("data/postgres/cluster/postmaster.pid"), folder.path().join("data"));
    for signal in [Signal::TERM, Signal::INT] {
        let serving = Serving::start(folder.path());
        assert_eq!(serving.get("/healthz").0, 200);
        assert_eq!(serving.get("/readyz").0, 200);
        let (status, first) = serving.get("/");
        assert!(status == 303 && first.contains("location: /set"), "whoever comes first sets it up: {first}");
        assert!(first.contains("content-security-policy:") && first.contains("x-request-id:"), "{first}");
        assert_eq!(serving.get("/api/v1/me").0, 401);
        assert!(lock.exists(), "its database runs");
        assert_eq!(serving.stop(signal), Some(0));
        assert!(!lock.exists(), "its database stopped");
    }
    let mode = std::fs::metadata(data.join("secret.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let migrate = workflowops("migrate", folder.path()).output().unwrap();
    assert!(migrate.status.success(), "{}", String::from_utf8_lossy(&migrate.stderr));
}

#[test]
fn every_subcommand_explains_itself() {
    for subcommand in ["serve", "worker", "demo", "diff", "migrate", "openapi"] {
        let help = Command::new(env!("CARGO_BIN_EXE_workflowops")).args([subcommand, "--help"]).output().unwrap();
        assert!(help.status.success());
        assert!(String::from_utf8(help.stdout).unwrap().contains(&format!("Usage: workflowops {subcommand}")));
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_workflowops")).arg("dance").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}
