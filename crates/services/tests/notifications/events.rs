//! What happens is told: once each, with a link to where one acts on it, and in each channel's own form.

use chrono::TimeDelta;
use drift_domain::check::CheckOutcome;
use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_sim::faults::{Fault, Rule};
use drift_testkit::TestApp;
use drift_testkit::app::workflow;
use serde_json::{Value, json};

use crate::common::World;

/// The types of the events that were heard, oldest first.
fn types(world: &World<'_>) -> Vec<String> {
    let events = world
        .receiver
        .heard()
        .into_iter()
        .flat_map(|heard| heard.body()["data"]["events"].as_array().cloned().unwrap());
    let events: Vec<Value> = events.collect();
    assert!(events.iter().all(|event| event["link"].as_str().unwrap().starts_with("http://workflowops.test/")));
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// Two minutes pass, and the worker does what there is to do: nothing shares a message.
async fn pass(world: &World<'_>) {
    world.later(TimeDelta::minutes(2));
    world.work().await;
    world.later(TimeDelta::minutes(2));
    world.work().await;
}

#[tokio::test]
async fn drift_and_verification_are_told_as_they_turn_and_once() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    let env = &world.env;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    pass(&world).await;
    assert_eq!(types(&world), [] as [&str; 0], "that all is well is no news");

    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    for _ in 0..3 {
        assert_eq!(env.check().await, CheckOutcome::Drift);
    }
    pass(&world).await;
    assert_eq!(types(&world), ["drift.detected"]);
    let told = world.receiver.heard()[0].body()["data"]["events"][0].clone();
    assert!(told["text"].as_str().unwrap().contains("“Production” drifted: “Orders” differs from Git."), "{told}");
    assert!(told["link"].as_str().unwrap().ends_with(&format!("/environments/{}/drift", env.id)));

    env.n8n.faults().add(Rule::new(Fault::status(401)));
    for _ in 0..2 {
        assert_eq!(env.check().await, CheckOutcome::Failed);
    }
    pass(&world).await;
    assert_eq!(types(&world), ["drift.detected", "environment.unverified"]);
    env.n8n.faults().clear();
    env.deploy_to_git(&id, "Take the hotfix over").await;
    for _ in 0..2 {
        assert_eq!(env.check().await, CheckOutcome::InSync);
    }
    pass(&world).await;
    assert_eq!(types(&world)[2..], ["environment.verified", "drift.gone"]);
}

#[tokio::test]
async fn an_environment_that_nobody_looks_at_any_more_is_told_of() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    world.env.check().await;
    world.later(TimeDelta::seconds(180));
    assert_eq!(app.services.tell_stale_environments().await.unwrap(), 0, "three intervals are not over");
    world.later(TimeDelta::seconds(1));
    assert_eq!(app.services.tell_stale_environments().await.unwrap(), 1);
    assert_eq!(app.services.tell_stale_environments().await.unwrap(), 0);
    world.work().await;
    assert_eq!(types(&world), ["environment.unverified"]);
}

#[tokio::test]
async fn an_incident_is_told_from_its_opening_on() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let events = NoticeKind::ALL.iter().copied().filter(|kind| *kind != NoticeKind::DriftDetected).collect();
    world.make(drift_services::notify::ChannelDraft { events, ..world.draft(ChannelKind::Webhook) }).await;
    let env = &world.env;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let incident = env.incident().await;
    pass(&world).await;
    let version = env.incident_page(incident).await.version;
    let permit = env.incident_permit(incident).await;
    app.services.acknowledge(&permit, incident, version, "on it".to_owned(), None).await.unwrap();
    app.services.comment(&env.incident_permit(incident).await, incident, "looking".to_owned()).await.unwrap();
    pass(&world).await;
    assert_eq!(types(&world), ["incident.opened", "incident.changed"], "drift and comments were not asked for");
    let body = world.receiver.heard()[1].body()["data"]["events"][0].clone();
    assert_eq!((&body["status"], &body["incident"]["name"]), (&json!("ACKNOWLEDGED"), &json!("INC-1")));
    assert_eq!(body["link"], format!("http://workflowops.test/incidents/{incident}"));
    assert!(body["text"].as_str().unwrap().contains("INC-1 of “Production”"), "{body}");
}

#[tokio::test]
async fn every_kind_is_told_by_the_event_that_it_is_written_as() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    world.channel(ChannelKind::Webhook).await;
    for event in ["incident.expiring", "incident.expired", "incident.not_as_decided", "approval.wanted"] {
        world.happens(world.env.id, event, json!({ "why": "it moved on", "workflow": "Orders" })).await;
        pass(&world).await;
    }
    assert_eq!(types(&world), ["incident.expiring", "incident.expired", "artifact.failed", "approval.wanted"]);
}

#[tokio::test]
async fn each_kind_of_channel_gets_its_own_form() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    for kind in [ChannelKind::Slack, ChannelKind::Teams, ChannelKind::PagerDuty, ChannelKind::Webhook] {
        world.channel(kind).await;
    }
    world.drifts().await;
    world.work().await;
    let bodies: Vec<_> = world.receiver.heard().iter().map(drift_testkit::receiver::Heard::body).collect();
    assert_eq!(bodies.len(), 4);
    for field in ["blocks", "attachments", "routing_key", "data"] {
        assert_eq!(bodies.iter().filter(|body| !body[field].is_null()).count(), 1, "{field}");
    }
    let signed = world.receiver.heard().iter().filter(|heard| !heard.header("webhook-signature").is_empty()).count();
    assert_eq!(signed, 1, "only who knows signatures gets one");
}
