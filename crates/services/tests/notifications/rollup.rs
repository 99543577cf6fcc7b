//! A burst is one message that counts; alerts are each their own.

use chrono::TimeDelta;
use drift_domain::notification::{ChannelKind, DeliveryState};
use drift_domain::views::EnvironmentDraft;
use drift_testkit::TestApp;
use serde_json::json;

use crate::common::World;

#[tokio::test]
async fn what_follows_in_one_environment_comes_as_one_message_that_counts() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.drifts().await;
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 1, "the first is told at once");
    for _ in 0..30 {
        world.later(TimeDelta::seconds(1));
        world.drifts().await;
        world.work().await;
    }
    assert_eq!(world.receiver.heard().len(), 1, "within the minute nothing more");
    world.later(TimeDelta::seconds(30));
    world.work().await;
    let heard = world.receiver.heard();
    assert_eq!(heard.len(), 2);
    let rolled = heard[1].body();
    assert_eq!((&rolled["type"], &rolled["data"]["count"]), (&json!("rollup"), &json!(30)));
    let text = rolled["data"]["text"].as_str().unwrap();
    assert!(text.contains("30 events in Production") && text.contains("Drift detected (30)"), "{text}");
    let log = world.log().await;
    assert_eq!(log.iter().map(|one| one.events).sum::<u32>(), 31, "none is lost");
    assert!(log.iter().all(|one| one.state == DeliveryState::Delivered));
}

#[tokio::test]
async fn a_fleet_that_fails_together_is_a_few_messages() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    let permit = world.env.permit();
    for n in 0..12 {
        let draft = EnvironmentDraft { name: format!("Client {n}"), ..world.env.draft.clone() };
        let id = app.services.connect_environment(&permit, draft).await.unwrap();
        world.happens(id, "environment.unverified", json!({ "why": "n8n is down." })).await;
    }
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 5);
    world.later(TimeDelta::seconds(60));
    world.work().await;
    let heard = world.receiver.heard();
    assert_eq!(heard.len(), 6);
    let last = heard[5].body();
    assert_eq!(last["data"]["count"], 7);
    assert_eq!(last["data"]["link"], "http://workflowops.test/");
}

#[tokio::test]
async fn alerts_open_and_close_each_by_itself_and_in_their_order() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::PagerDuty).await;
    world.receiver.answers([drift_testkit::Reply::Status(503)]);
    world.drifts().await;
    world.work().await;
    world.later(TimeDelta::minutes(2));
    world.happens(world.env.id, "environment.drift_gone", json!({})).await;
    world.happens(world.env.id, "environment.unverified", json!({ "why": "n8n is down." })).await;
    world.spread().await;
    // The end is looked at while the beginning waits for its next try, too.
    for _ in 0..3 {
        world.deliver().await;
    }
    let bodies: Vec<_> = world.receiver.heard().iter().map(drift_testkit::receiver::Heard::body).collect();
    let of = |action: &str| bodies.iter().filter(|body| body["event_action"] == action).count();
    assert_eq!((of("trigger"), of("resolve")), (3, 1), "{bodies:#?}");
    let drift: Vec<_> = bodies.iter().filter(|body| body["dedup_key"] == bodies[0]["dedup_key"]).collect();
    assert_eq!(drift.last().unwrap()["event_action"], "resolve", "after its beginning");
    assert!(bodies.iter().all(|body| body["routing_key"] == crate::common::KEY));
}
