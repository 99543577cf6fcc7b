//! One message an event and receiver: lost, doubled, failing, refused for good, and given up.

use chrono::TimeDelta;
use drift_domain::notification::{ChannelKind, ChannelState, DeliveryState};
use drift_services::ServiceError;
use drift_services::notify::Next;
use drift_testkit::{Reply, TestApp};

use crate::common::{SECRET, World};

#[tokio::test]
async fn a_message_whose_answer_was_lost_comes_again_under_the_same_id() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.receiver.answers([Reply::Cut]);
    world.drifts().await;
    world.work().await;
    let lost = world.only().await;
    assert_eq!(lost.state, DeliveryState::Retrying);
    assert!(lost.reason.unwrap().contains("not known"), "whether it arrived is not made up");

    assert!(matches!(world.deliver().await[..], [Next::Again { .. }]), "not before its time");
    assert_eq!(world.receiver.heard().len(), 1);
    world.later(TimeDelta::seconds(6));
    world.work().await;
    assert_eq!(world.state().await, DeliveryState::Delivered);
    let heard = world.receiver.heard();
    assert_eq!((heard.len(), world.ids().len()), (2, 1), "a receiver counts one message");
    assert_eq!(heard[0].text, heard[1].text, "and it says the same");
    assert_eq!(world.only().await.attempts.len(), 2);
    for one in heard {
        let at = one.header("webhook-timestamp").parse().unwrap();
        let signed = drift_notify::signature::sign(&SECRET.into(), one.header("webhook-id"), at, one.text.as_bytes());
        assert_eq!(one.header("webhook-signature"), signed.unwrap());
    }
}

#[tokio::test]
async fn a_job_that_runs_twice_sends_one_message() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.drifts().await;
    tokio::join!(world.spread(), world.spread());
    world.spread().await;
    let id = world.only().await.id;
    let (one, two) = tokio::join!(app.services.deliver_notice(id), app.services.deliver_notice(id));
    assert!([one.unwrap(), two.unwrap()].contains(&Next::Ended));
    assert_eq!(app.services.deliver_notice(id).await.unwrap(), Next::Ended);
    assert_eq!(world.receiver.heard().len(), 1);
    assert_eq!(world.state().await, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_notice_that_is_handed_out_again_reaches_nobody_twice() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.drifts().await;
    world.work().await;
    // As a job that was replayed from before the mark would.
    sqlx::query("UPDATE notices SET spread_at = NULL").execute(app.database.pool()).await.unwrap();
    world.later(TimeDelta::hours(1));
    world.work().await;
    world.later(TimeDelta::hours(1));
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_fails_and_recovers_gets_one_message() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let channel = world.channel(ChannelKind::Webhook).await;
    world.receiver.answers([Reply::Status(500), Reply::Status(503), Reply::Status(500)]);
    world.drifts().await;
    world.work().await;
    for pause in [TimeDelta::seconds(6), TimeDelta::minutes(6), TimeDelta::minutes(34)] {
        assert_eq!(world.state().await, DeliveryState::Retrying);
        world.later(pause);
        world.deliver().await;
    }
    let sent = world.only().await;
    assert_eq!((sent.state, sent.reason), (DeliveryState::Delivered, None));
    assert_eq!(sent.attempts.iter().map(|try_| try_.status).collect::<Vec<_>>(), [500, 503, 500, 200].map(Some));
    assert_eq!((world.receiver.heard().len(), world.ids().len()), (4, 1));
    let kept = app.services.notification_channels(&world.env.permit()).await.unwrap();
    assert!(kept[0].id == channel && kept[0].trouble.is_none() && kept[0].last_delivered_at.is_some());
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_and_sent_again_when_somebody_says_so() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.receiver.answers([Reply::Status(500); 8]);
    world.drifts().await;
    world.work().await;
    for _ in 0..7 {
        assert_eq!(world.state().await, DeliveryState::Retrying);
        world.later(TimeDelta::hours(16));
        world.deliver().await;
    }
    let given_up = world.only().await;
    assert_eq!(given_up.state, DeliveryState::GivenUp);
    assert!(given_up.reason.unwrap().contains("after 8 tries"));
    world.later(TimeDelta::days(7));
    assert!(world.deliver().await.is_empty(), "nobody tries it by itself");

    let permit = world.env.permit();
    app.services.redeliver(&permit, given_up.id).await.unwrap();
    let twice = app.services.redeliver(&permit, given_up.id).await.unwrap_err();
    assert!(matches!(twice, ServiceError::Conflict(_)), "it is on its way: {twice}");
    world.deliver().await;
    assert_eq!(world.state().await, DeliveryState::Delivered);
    assert_eq!((world.receiver.heard().len(), world.ids().len()), (9, 1));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_and_the_channel_says_so() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let channel = world.channel(ChannelKind::Webhook).await;
    world.receiver.answers([Reply::Status(410)]);
    world.drifts().await;
    world.work().await;
    assert_eq!(world.state().await, DeliveryState::GivenUp);
    let permit = world.env.permit();
    let kept = app.services.notification_channels(&permit).await.unwrap().remove(0);
    assert_eq!(kept.state, ChannelState::Gone);
    assert!(kept.trouble.unwrap().contains("410"));
    world.later(TimeDelta::days(1));
    world.drifts().await;
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 1);
    let refused = app.services.redeliver(&permit, world.only().await.id).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Conflict(_)), "{refused}");

    app.services.switch_channel(&permit, channel, true).await.unwrap();
    world.drifts().await;
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 2);
}

#[tokio::test]
async fn a_receiver_says_when_it_wants_to_be_asked_again() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.receiver.answers([Reply::Later(429, 120)]);
    world.drifts().await;
    world.work().await;
    let waits = world.only().await;
    assert_eq!(waits.due_at.unwrap() - waits.created_at, TimeDelta::seconds(120));
    world.later(TimeDelta::seconds(119));
    world.deliver().await;
    assert_eq!(world.receiver.heard().len(), 1, "not a second before");
    world.later(TimeDelta::seconds(1));
    world.deliver().await;
    assert_eq!((world.receiver.heard().len(), world.state().await), (2, DeliveryState::Delivered));
}

#[tokio::test]
async fn a_message_that_is_not_what_the_receiver_takes_is_not_sent_again() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Slack).await;
    world.receiver.answers([Reply::Status(400)]);
    world.drifts().await;
    world.work().await;
    let refused = world.only().await;
    assert_eq!(refused.state, DeliveryState::GivenUp);
    assert!(refused.reason.unwrap().contains("400"));
}

#[tokio::test]
async fn whoever_is_killed_while_sending_leaves_a_claim_that_ends() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.receiver.answers([Reply::Silent]);
    world.drifts().await;
    world.spread().await;
    let id = world.only().await.id;
    let services = std::sync::Arc::clone(&app.services);
    let dies = tokio::spawn(async move { services.deliver_notice(id).await });
    world.receiver.heard_at_least(1).await;
    dies.abort();
    assert!(dies.await.unwrap_err().is_cancelled());
    assert!(matches!(world.deliver().await[..], [Next::Again { .. }]), "it may be alive");
    world.later(TimeDelta::seconds(61));
    world.deliver().await;
    assert_eq!(world.state().await, DeliveryState::Delivered);
    assert_eq!((world.receiver.heard().len(), world.ids().len()), (2, 1));
    assert!(world.only().await.attempts[0].outcome.contains("not known"));
}

#[tokio::test]
async fn what_is_rolled_back_is_told_to_nobody_and_a_lost_job_is_asked_for_again() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    let queued = async || -> i64 {
        let jobs = "SELECT count(*) FROM graphile_worker._private_jobs";
        sqlx::query_scalar(jobs).fetch_one(app.database.pool()).await.unwrap()
    };
    let clear = || sqlx::query("DELETE FROM graphile_worker._private_jobs").execute(app.database.pool());
    clear().await.unwrap();
    let mut tx = app.database.pool().begin().await.unwrap();
    sqlx::query("DELETE FROM notices").execute(&mut *tx).await.unwrap();
    drop(tx);
    world.drifts().await;
    assert_eq!(queued().await, 1, "handing out was asked for with the event");
    clear().await.unwrap();
    app.services.enqueue_forgotten_notices().await.unwrap();
    assert_eq!(queued().await, 0, "it may still be on its way");
    world.later(TimeDelta::minutes(3));
    app.services.enqueue_forgotten_notices().await.unwrap();
    assert_eq!(queued().await, 1);
    world.spread().await;
    clear().await.unwrap();
    world.later(TimeDelta::minutes(3));
    app.services.enqueue_forgotten_notices().await.unwrap();
    assert_eq!(queued().await, 1, "and so is sending");
}
