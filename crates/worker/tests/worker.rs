//! The worker on a real queue: schedules, requests, shutdown, and a replica that dies.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::environment::Badge;
use drift_domain::plan::PlanTier;
use drift_domain::views::CheckRow;
use drift_sim::faults::{Fault, Rule};
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use drift_worker::Options;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Quick, so that tests are.
fn quick() -> Options {
    Options {
        tick: Duration::from_millis(20),
        poll: Duration::from_millis(10),
        heartbeat: Duration::from_millis(100),
        dead_after: Duration::from_millis(600),
        grace: Duration::from_millis(50),
        ..Options::default()
    }
}

/// One replica.
struct Replica {
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Replica {
    fn start(app: &TestApp, options: Options) -> Self {
        let stop = CancellationToken::new();
        let pool = app.database.pool().clone();
        Self { work: tokio::spawn(drift_worker::run(app.services.clone(), pool, options, stop.clone())), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.work.await.expect("the worker ends in peace");
    }
}

/// The checks of the environment, newest first, once there is one like this.
async fn checks_with(app: &TestApp, env: &TestEnvironment<'_>, like: impl Fn(&CheckRow) -> bool) -> Vec<CheckRow> {
    loop {
        let checks = app.services.checks(&env.permit(), env.id, None).await.expect("the environment is there");
        if checks.iter().any(&like) {
            return checks;
        }
        tokio::task::yield_now().await;
    }
}

/// A notice that GitHub was asked, so that a check is running.
fn when_asked(env: &TestEnvironment<'_>) -> Arc<Notify> {
    let asked = Arc::new(Notify::new());
    let tell = asked.clone();
    env.github.faults().add(Rule::new(Fault::Meanwhile(Arc::new(move || tell.notify_one()))));
    asked
}

#[tokio::test]
async fn what_is_due_is_checked_and_so_is_what_a_person_asks_for() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    let replica = Replica::start(&app, quick());

    checks_with(&app, &env, |check| check.outcome == CheckOutcome::InSync).await;
    assert_eq!(env.page().await.row.badge, Badge::InSync);

    app.clock.advance(TimeDelta::minutes(5));
    checks_with(&app, &env, |check| check.trigger == CheckTrigger::Schedule && check.outcome == CheckOutcome::InSync)
        .await;

    app.services.recheck(&env.permit(), env.id).await.unwrap();
    let checks = checks_with(&app, &env, |check| {
        check.trigger == CheckTrigger::Recheck && check.outcome == CheckOutcome::InSync
    })
    .await;
    assert!(checks.iter().all(|check| check.outcome == CheckOutcome::InSync), "{checks:#?}");
    replica.stop().await;
}

#[tokio::test]
async fn a_side_that_does_not_answer_fails_its_check_and_the_next_one_comes_all_the_same() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    env.n8n.stop().await;
    let replica = Replica::start(&app, quick());
    checks_with(&app, &env, |check| check.outcome == CheckOutcome::Failed).await;
    assert_eq!(env.page().await.row.badge, Badge::Unverified);

    env.n8n.restart().await.unwrap();
    app.clock.advance(TimeDelta::minutes(10));
    checks_with(&app, &env, |check| check.outcome == CheckOutcome::InSync).await;
    assert_eq!(env.page().await.row.badge, Badge::InSync, "it recovers by itself");
    replica.stop().await;
}

#[tokio::test]
async fn a_check_that_a_shutdown_cuts_short_is_done_by_the_next_replica() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    env.n8n.faults().add(Rule::new(Fault::Latency(Duration::from_secs(3600))));
    let asked = when_asked(&env);
    let replica = Replica::start(&app, quick());
    asked.notified().await;
    // The grace is shorter than what n8n takes: the check is given back, and this returns.
    replica.stop().await;

    env.n8n.faults().clear();
    let next = Replica::start(&app, quick());
    checks_with(&app, &env, |check| check.outcome == CheckOutcome::InSync).await;
    next.stop().await;
}

#[tokio::test]
async fn what_a_dead_replica_held_is_done_by_another() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    env.n8n.faults().add(Rule::new(Fault::Latency(Duration::from_secs(3600))));
    let asked = when_asked(&env);
    let dies = Replica::start(&app, quick());
    asked.notified().await;
    // As when the process is killed: nothing is said to anybody any more, and the job stays locked.
    dies.work.abort();
    assert!(dies.work.await.unwrap_err().is_cancelled());

    env.n8n.faults().clear();
    let other = Replica::start(&app, quick());
    checks_with(&app, &env, |check| check.outcome == CheckOutcome::InSync).await;
    other.stop().await;
}

#[tokio::test]
async fn replicas_share_the_work_and_do_none_of_it_twice() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let env = app.environment(&owner, "Production").await;
    env.agreed(&workflow("Orders")).await;
    let replicas = [(); 3].map(|()| Replica::start(&app, quick()));
    for round in 1..=3 {
        app.clock.advance(TimeDelta::minutes(5));
        app.services.recheck(&env.permit(), env.id).await.unwrap();
        loop {
            let checks = app.services.checks(&env.permit(), env.id, None).await.unwrap();
            assert!(checks.iter().filter(|check| check.outcome == CheckOutcome::Running).count() <= 1, "{checks:#?}");
            if checks.iter().filter(|check| check.outcome == CheckOutcome::InSync).count() >= round {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    for replica in replicas {
        replica.stop().await;
    }
}
