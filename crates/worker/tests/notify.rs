//! Notifications through real workers: a replica that is killed while it sends loses none, and replicas share the work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use drift_domain::notification::{ChannelKind, DeliveryState, NoticeKind};
use drift_domain::plan::PlanTier;
use drift_domain::views::DeliveryView;
use drift_services::gate::Caller;
use drift_services::notify::ChannelDraft;
use drift_testkit::{Receiver, Reply, TestApp};
use drift_worker::Options;
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

fn start(app: &TestApp) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let pool = app.database.pool().clone();
    let work = tokio::spawn(drift_worker::run(Arc::clone(&app.services), pool, quick(), stop.clone()));
    (stop, work)
}

async fn channel(app: &TestApp, owner: &Caller, receiver: &Receiver) {
    let draft = ChannelDraft {
        kind: ChannelKind::Webhook,
        name: "Operations".to_owned(),
        address: Some(receiver.url().into()),
        secret: None,
        events: NoticeKind::ALL.to_vec(),
    };
    app.services.add_channel(&owner.permit().unwrap(), draft).await.unwrap();
}

/// The log, once it is like this.
async fn log_when(app: &TestApp, owner: &Caller, like: impl Fn(&[DeliveryView]) -> bool) -> Vec<DeliveryView> {
    loop {
        let log = app.services.notification_deliveries(&owner.permit().unwrap(), None).await.unwrap();
        if like(&log) {
            return log;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_replica_that_is_killed_while_it_sends_loses_none() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let receiver = Receiver::start().await;
    channel(&app, &owner, &receiver).await;
    let env = app.environment(&owner, "Production").await;
    env.n8n.create(&drift_testkit::app::workflow("Orders"));
    receiver.answers([Reply::Silent]);
    // Written with the check, before anybody works: what is told lies in the queue.
    env.check().await;
    let (_, dies) = start(&app);
    receiver.heard_at_least(1).await;
    // As when the process is killed: nothing is said to anybody any more, and the job stays locked.
    dies.abort();
    assert!(dies.await.unwrap_err().is_cancelled());

    // The claim of the dead one is over.
    app.clock.advance(TimeDelta::minutes(2));
    let (stop, other) = start(&app);
    let log = log_when(&app, &owner, |log| {
        log.iter().any(|one| one.state == DeliveryState::Delivered && one.attempts.len() == 2)
    })
    .await;
    assert_eq!(log.iter().filter(|one| one.text.contains("drifted")).count(), 1);
    let heard = receiver.heard();
    let drifted: Vec<_> = heard.iter().filter(|heard| heard.text.contains("drift.detected")).collect();
    let ids: BTreeSet<_> = drifted.iter().map(|heard| heard.header("webhook-id")).collect();
    assert_eq!((drifted.len(), ids.len()), (2, 1), "sent again, and a receiver counts one");
    stop.cancel();
    other.await.unwrap();
}

#[tokio::test]
async fn replicas_share_the_sending_and_do_none_of_it_twice() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let receiver = Receiver::start().await;
    channel(&app, &owner, &receiver).await;
    let replicas = [(); 3].map(|()| start(&app));
    let permit = owner.permit().unwrap();
    let id = app.services.notification_channels(&permit).await.unwrap()[0].id;
    for _ in 0..10 {
        app.services.test_channel(&permit, id).await.unwrap();
    }
    log_when(&app, &owner, |log| log.iter().filter(|one| one.state == DeliveryState::Delivered).count() == 10).await;
    let heard = receiver.heard();
    let ids: BTreeSet<_> = heard.iter().map(|heard| heard.header("webhook-id")).collect();
    assert_eq!((heard.len(), ids.len()), (10, 10));
    for (stop, work) in replicas {
        stop.cancel();
        work.await.unwrap();
    }
}
