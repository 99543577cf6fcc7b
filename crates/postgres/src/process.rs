//! The thread that starts the server, waits for it and reads what it says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::{oneshot, watch};

use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::cluster::DataDir;
use crate::error::{During, PostgresError};
use crate::{Progress, Settings};

/// How a server is stopped, and how long each way may take: a fast shutdown, an immediate one, the end.
pub(crate) const STOPPING: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(20)),
    (Signal::QUIT, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];

/// How long a start may take. Recovery after a crash reads what was written since the last checkpoint (five minutes at
/// most), which takes seconds.
const START_PATIENCE: Duration = Duration::from_secs(120);

/// How many of the server's last lines are kept to explain a failed start.
const KEPT_LINES: usize = 12;

/// A server that accepts connections.
pub(crate) struct Ready {
    pub url: String,
    pub version: String,
    pub pid: u32,
    pub signals: Signals,
}

/// Sends signals to the server, and never to another process that took its number.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<OwnedFd>);

impl Signals {
    /// A server that is gone already needs no signal.
    pub fn send(&self, signal: Signal) {
        let _ = pidfd_send_signal(&*self.0, signal);
    }
}

/// A started server and what it says.
struct Server {
    child: Child,
    signals: Signals,
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

/// The whole life of a server: the body of its thread. The thread must live as long as the server, because the kernel's
/// parent-death signal comes when the spawning thread ends.
pub(crate) fn supervise(
    settings: &Settings,
    mut progress: impl FnMut(Progress),
    ready: oneshot::Sender<Result<Ready, PostgresError>>,
    exited: &watch::Sender<Option<String>>,
) {
    let (data_dir, mut server, answer) = match start(settings, &mut progress) {
        Ok(started) => started,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let signals = server.signals.clone();
    if ready.send(Ok(answer)).is_err() {
        // Whoever asked has given up meanwhile.
        signals.send(Signal::INT);
    }
    let status = server.child.wait();
    let _ = server.reader.join();
    let how = describe(status.as_ref().ok());
    data_dir.remove_short_socket_folder();
    // The folder is free before anybody hears that the server has ended, so that a new start finds it so.
    drop(data_dir);
    exited.send_replace(Some(how));
}

/// Everything up to a server that accepts connections.
fn start(settings: &Settings, progress: &mut dyn FnMut(Progress)) -> Result<(DataDir, Server, Ready), PostgresError> {
    let data_dir = DataDir::open(&settings.data_dir, Account::choose()?)?;
    data_dir.clear_old_server(progress)?;
    let major = data_dir.cluster_major();
    let binaries = binaries::find(settings, &data_dir.path, &data_dir.account, major.as_deref(), progress)?;
    if major.is_none() {
        progress(Progress::Initialising);
        data_dir.initialise(&binaries, settings.durable)?;
    }
    progress(Progress::Starting);
    let socket_folder = data_dir.socket_folder()?;
    let mut server = spawn(settings, &data_dir, &binaries, &socket_folder)?;
    wait_until_ready(&data_dir, &mut server)?;
    let ready = Ready {
        url: url(&socket_folder),
        version: binaries.version,
        pid: server.child.id(),
        signals: server.signals.clone(),
    };
    Ok((data_dir, server, ready))
}

fn spawn(
    settings: &Settings,
    data_dir: &DataDir,
    binaries: &Binaries,
    socket_folder: &Path,
) -> Result<Server, PostgresError> {
    let mut command = data_dir.account.command("INT", &binaries.bin.join("postgres"));
    command.arg("-D").arg(&data_dir.cluster);
    let mut options = vec![
        "listen_addresses=".to_owned(),
        "port=5432".to_owned(),
        format!("unix_socket_directories={}", quoted(socket_folder)),
        "unix_socket_permissions=0700".to_owned(),
        format!("max_connections={}", settings.max_connections),
        "timezone=UTC".to_owned(),
        "jit=off".to_owned(),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "log_line_prefix=".to_owned(),
        // Details of errors quote rows, and rows hold what no log may.
        "log_error_verbosity=terse".to_owned(),
    ];
    if !settings.durable {
        let quick =
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=64MB", "min_wal_size=2MB"];
        options.extend(quick.map(str::to_owned));
        // In the data folder, with which it goes, however the server ends.
        options.push("dynamic_shared_memory_type=mmap".to_owned());
    }
    for option in options {
        command.args(["-c", &option]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().during("run", &binaries.bin.join("postgres"))?;
    let signals = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).map_err(std::io::Error::from);
    let (Ok(pidfd), Some(stderr)) = (signals, child.stderr.take()) else {
        let _ = child.kill();
        let _ = child.wait();
        let source = std::io::Error::from(std::io::ErrorKind::Unsupported);
        return Err(PostgresError::io("watch", &binaries.bin.join("postgres"), source));
    };
    let lines = Arc::new(Mutex::new(VecDeque::new()));
    let reader = {
        let lines = Arc::clone(&lines);
        std::thread::spawn(move || read(stderr, &lines))
    };
    Ok(Server { child, signals: Signals(Arc::new(pidfd)), lines, reader })
}

/// Passes what the server says on to the log, and keeps the last lines.
fn read(stderr: ChildStderr, lines: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.contains("FATAL:") || line.contains("PANIC:") {
            tracing::warn!(target: "postgres", "{line}");
        } else {
            tracing::debug!(target: "postgres", "{line}");
        }
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Waits for the word `ready` in the server's pid file, which is what `pg_ctl start` waits for too.
fn wait_until_ready(data_dir: &DataDir, server: &mut Server) -> Result<(), PostgresError> {
    let started = Instant::now();
    loop {
        if let Some(status) = server.child.try_wait().during("wait for", &data_dir.cluster)? {
            // Its children hold the pipe a moment longer than itself; give the reader the rest.
            let output = said(server, &describe(Some(&status)));
            return Err(PostgresError::from_output(&data_dir.path, &output)
                .unwrap_or_else(|| PostgresError::StartFailed { data_dir: data_dir.path.clone(), output }));
        }
        if data_dir.server_state().as_deref() == Some("ready") {
            return Ok(());
        }
        if started.elapsed() > START_PATIENCE {
            server.signals.send(Signal::QUIT);
            let _ = server.child.wait();
            let seconds = START_PATIENCE.as_secs();
            let output = said(server, "nothing");
            return Err(PostgresError::TooSlow { data_dir: data_dir.path.clone(), seconds, output });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The last lines of a server that ended, or `otherwise`.
fn said(server: &mut Server, otherwise: &str) -> String {
    let reader = std::mem::replace(&mut server.reader, std::thread::spawn(|| {}));
    let _ = reader.join();
    let lines = server.lines.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.is_empty() { otherwise.to_owned() } else { lines.iter().cloned().collect::<Vec<_>>().join(" | ") }
}

fn describe(status: Option<&ExitStatus>) -> String {
    status.map_or_else(|| "ended, nobody knows how".to_owned(), |status| format!("ended with {status}"))
}

/// As one element of Postgres's list of folders.
fn quoted(folder: &Path) -> String {
    format!("\"{}\"", folder.display().to_string().replace('"', "\"\""))
}

/// An address of the superuser over the socket in `folder`, which stands where a host would.
fn url(folder: &Path) -> String {
    let mut host = String::new();
    for byte in folder.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => host.push(char::from(*byte)),
            _ => host.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("postgres://postgres@{host}/postgres")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_folder_stands_where_a_host_would() {
        assert_eq!(url(Path::new("/var/a b/é")), "postgres://postgres@%2Fvar%2Fa%20b%2F%C3%A9/postgres");
        assert_eq!(quoted(Path::new("/a,\"b")), "\"/a,\"\"b\"");
    }
}
