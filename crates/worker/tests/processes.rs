//! Replicas as processes of their own: one is killed, one is taken for dead; and a network that is cut.

use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use drift_domain::check::CheckOutcome;
use drift_domain::clock::Clock;
use drift_domain::plan::PlanTier;
use drift_services::Services;
use drift_sim::faults::{Fault, Gate, Rule};
use drift_store::PgPool;
use drift_testkit::app::{replica_of, workflow};
use drift_testkit::{TestApp, TestClock, TestEnvironment};
use drift_worker::{Limits, Options};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What makes this test binary a replica: the database, the key and the time.
const DATABASE: &str = "WORKFLOWOPS_TEST_REPLICA_DATABASE";
const KEY: &str = "WORKFLOWOPS_TEST_REPLICA_KEY";
const NOW: &str = "WORKFLOWOPS_TEST_REPLICA_NOW";

/// Quick to notice, and patient with a server that does not answer: what a replica is at work on, it stays at work on.
fn options() -> Options {
    Options {
        limits: Limits::for_seats(16),
        patience: Duration::from_secs(600),
        tick: Duration::from_millis(50),
        poll: Duration::from_millis(10),
        heartbeat: Duration::from_millis(100),
        dead_after: Duration::from_millis(600),
        grace: Duration::from_secs(60),
        ..Options::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "a process of a test is told by its environment what it is")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// No test where nobody asked for it: the replica that the others start, until its input ends.
#[tokio::test]
async fn as_a_replica() {
    let (Some(database), Some(key), Some(now)) = (told(DATABASE), told(KEY), told(NOW)) else { return };
    let clock = TestClock::at(now.parse().expect("a time"));
    let pool = drift_store::pool::connect(&database, 8).await.expect("the database answers");
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
        stopped.cancel();
    });
    drift_worker::run(replica_of(pool.clone(), &clock, &key), pool, options(), stop).await;
}

/// A replica in a process of its own. It ends when this does.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
}

impl Process {
    fn start(app: &TestApp) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary has a path"))
            .args(["--exact", "as_a_replica", "--nocapture"])
            .env(DATABASE, app.database.url())
            .env(KEY, app.secret_key())
            .env(NOW, app.clock.now().to_rfc3339())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("this binary starts");
        let input = child.stdin.take();
        Self { child, input }
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a process id")).expect("a process id");
        kill_process(pid, signal).expect("the process is there");
    }

    /// `kill -9`: nothing is said to anybody.
    fn kill(&mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("a process that was killed ends");
    }

    /// Waits until it is stopped, so that it does nothing at all.
    async fn halted(&self) {
        let state = format!("/proc/{}/stat", self.child.id());
        while !std::fs::read_to_string(Path::new(&state)).is_ok_and(|stat| stat.contains(") T ")) {
            tokio::task::yield_now().await;
        }
    }

    /// Asks it to end, and waits until it has.
    async fn stop(mut self) {
        drop(self.input.take());
        let status = tokio::task::spawn_blocking(move || self.child.wait()).await.expect("it can be waited for");
        assert!(status.expect("it can be waited for").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that a failed test leaves behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A replica in this process.
struct Replica {
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Replica {
    fn start(services: Arc<Services>, pool: PgPool) -> Self {
        let stop = CancellationToken::new();
        Self { work: tokio::spawn(drift_worker::run(services, pool, options(), stop.clone())), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.work.await.expect("the worker ends in peace");
    }
}

/// An environment whose n8n answers once the gate is open.
async fn held<'a>(app: &'a TestApp, caller: &drift_services::gate::Caller, name: &str) -> (TestEnvironment<'a>, Gate) {
    let env = app.environment(caller, name).await;
    env.agreed(&workflow(name)).await;
    let gate = Gate::new();
    env.n8n.faults().add(Rule::new(Fault::Held(gate.clone())));
    (env, gate)
}

/// What became of the checks of an environment, newest first.
async fn outcomes(app: &TestApp, env: &TestEnvironment<'_>) -> Vec<CheckOutcome> {
    let checks = app.services.checks(&env.permit(), env.id, None).await.expect("the environment is there");
    checks.into_iter().map(|check| check.outcome).collect()
}

async fn until_in_sync(app: &TestApp, env: &TestEnvironment<'_>) {
    while !outcomes(app, env).await.contains(&CheckOutcome::InSync) {
        tokio::task::yield_now().await;
    }
}

/// Done once, after a look that was cut short.
const TAKEN_OVER: [CheckOutcome; 2] = [CheckOutcome::InSync, CheckOutcome::Failed];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_was_checking_is_done_by_another_and_nothing_is_recorded_twice() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let mut first = Vec::new();
    for number in 0..3 {
        first.push(held(&app, &owner, &format!("First {number}")).await);
    }
    let mut dies = Process::start(&app);
    for (_, gate) in &first {
        gate.arrived(1).await;
    }
    let lives = Process::start(&app);
    let mut second = Vec::new();
    for number in 0..3 {
        second.push(held(&app, &owner, &format!("Second {number}")).await);
    }
    for (_, gate) in &second {
        gate.arrived(1).await;
    }
    // Six checks are at work, at least three of them here.
    dies.kill();
    for (_, gate) in &first {
        gate.arrived(2).await;
    }
    for (_, gate) in first.iter().chain(&second) {
        gate.open();
    }
    for (env, _) in first.iter().chain(&second) {
        until_in_sync(&app, env).await;
    }
    lives.stop().await;
    for (env, _) in &first {
        assert_eq!(outcomes(&app, env).await, TAKEN_OVER);
    }
    for (env, _) in &second {
        let outcomes = outcomes(&app, env).await;
        assert!(outcomes == TAKEN_OVER || outcomes == [CheckOutcome::InSync], "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_taken_for_dead_writes_nothing_when_it_wakes() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let (env, gate) = held(&app, &owner, "Production").await;
    let sleeps = Process::start(&app);
    gate.arrived(1).await;
    sleeps.send(Signal::STOP);
    sleeps.halted().await;
    let other = Process::start(&app);
    gate.arrived(2).await;
    gate.open();
    until_in_sync(&app, &env).await;
    // It has its answer by now, and goes on as if nothing had been.
    sleeps.send(Signal::CONT);
    sleeps.stop().await;
    other.stop().await;
    assert_eq!(outcomes(&app, &env).await, TAKEN_OVER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_heals_by_itself() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let (env, gate) = held(&app, &owner, "Production").await;
    let wire = app.database.wire().await;
    let pool = wire.pool().await;
    let replica = Replica::start(app.replica(pool.clone()), pool);
    gate.arrived(1).await;
    wire.cut();
    // What it saw meanwhile it cannot write down.
    gate.open();
    wire.turned_away(5).await;
    assert_eq!(outcomes(&app, &env).await, [CheckOutcome::Running]);
    wire.mend();
    until_in_sync(&app, &env).await;
    replica.stop().await;
    assert_eq!(outcomes(&app, &env).await, TAKEN_OVER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_behind_a_silent_network_is_replaced_and_takes_nothing_back() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let (env, gate) = held(&app, &owner, "Production").await;
    let wire = app.database.wire().await;
    let pool = wire.pool().await;
    let silent = Replica::start(app.replica(pool.clone()), pool);
    gate.arrived(1).await;
    wire.silence();
    let pool = app.database.another_pool().await;
    let other = Replica::start(app.replica(pool.clone()), pool);
    gate.arrived(2).await;
    gate.open();
    until_in_sync(&app, &env).await;
    wire.mend();
    silent.stop().await;
    other.stop().await;
    assert_eq!(outcomes(&app, &env).await, TAKEN_OVER);
}
