//! Fairness: servers that do not answer, and everybody else.

use std::sync::Arc;
use std::time::Duration;

use drift_domain::check::CheckOutcome;
use drift_domain::plan::PlanTier;
use drift_services::Services;
use drift_sim::faults::{Fault, Rule};
use drift_store::PgPool;
use drift_testkit::{TestApp, TestEnvironment};
use drift_worker::{Limits, Options};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Generous: only a test that hangs meets it.
const LIMIT: Duration = Duration::from_secs(180);

fn quick() -> Options {
    Options {
        limits: Limits { seats: 2, seats_per_organization: 1, ..Limits::for_seats(2) },
        patience: Duration::from_millis(20),
        tick: Duration::from_millis(20),
        poll: Duration::from_millis(10),
        heartbeat: Duration::from_millis(100),
        dead_after: Duration::from_millis(600),
        grace: Duration::from_millis(50),
        ..Options::default()
    }
}

struct Replica {
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Replica {
    fn start(services: Arc<Services>, pool: PgPool) -> Self {
        let stop = CancellationToken::new();
        Self { work: tokio::spawn(drift_worker::run(services, pool, quick(), stop.clone())), stop }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.work.await.expect("the worker ends in peace");
    }
}

async fn outcomes(app: &TestApp, env: &TestEnvironment<'_>) -> Vec<CheckOutcome> {
    let checks = app.services.checks(&env.permit(), env.id, None).await.expect("the environment is there");
    checks.into_iter().map(|check| check.outcome).collect()
}

async fn until(app: &TestApp, env: &TestEnvironment<'_>, outcome: CheckOutcome) {
    let reached = async {
        while !outcomes(app, env).await.contains(&outcome) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, reached).await.expect("it comes to that");
}

#[tokio::test]
async fn servers_that_do_not_answer_delay_nobody_else() {
    let app = TestApp::new().await;
    let (large, small) = (app.organization(PlanTier::Agency).await, app.organization(PlanTier::Agency).await);
    let mut silent = Vec::new();
    // More than there are seats.
    for number in 0..5 {
        let env = app.environment(&large, &format!("Silent {number}")).await;
        env.n8n.faults().add(Rule::new(Fault::Latency(LIMIT)));
        silent.push(env);
    }
    let replica = Replica::start(app.services.clone(), app.database.pool().clone());
    for env in &silent {
        until(&app, env, CheckOutcome::Running).await;
    }
    let theirs = app.environment(&small, "Production").await;
    until(&app, &theirs, CheckOutcome::InSync).await;
    let own = app.environment(&large, "Answers").await;
    until(&app, &own, CheckOutcome::InSync).await;
    for env in &silent {
        assert_eq!(outcomes(&app, env).await, [CheckOutcome::Running], "still waited for");
    }
    replica.stop().await;
}
