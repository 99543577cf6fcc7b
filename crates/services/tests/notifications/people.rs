//! Mail to people: to those who asked for it, for as long as they belong here; and to a channel's address.

use chrono::TimeDelta;
use drift_domain::notification::{ChannelKind, DeliveryState, NoticeKind};
use drift_domain::role::Role;
use drift_services::notify::ChannelDraft;
use drift_testkit::TestApp;

use crate::common::World;

#[tokio::test]
async fn people_are_mailed_what_they_asked_for_and_nothing_else() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let s = &app.services;
    let viewer = app.member(&world.env.caller, Role::Viewer).await;
    world.drifts().await;
    world.work().await;
    assert!(app.mails().await.is_empty(), "nobody asked");
    assert_eq!(s.notification_preferences(&viewer.permit().unwrap()).await.unwrap(), []);

    let wanted = [NoticeKind::DriftDetected, NoticeKind::IncidentExpired];
    s.set_notification_preferences(&viewer.permit().unwrap(), &wanted).await.unwrap();
    assert_eq!(s.notification_preferences(&viewer.permit().unwrap()).await.unwrap(), wanted);
    assert_eq!(s.notification_preferences(&world.env.permit()).await.unwrap(), [], "each for themselves");
    world.drifts().await;
    world.happens(world.env.id, "environment.verified", serde_json::json!({})).await;
    world.work().await;
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, viewer.email);
    assert!(mails[0].subject.contains("“Production” drifted"));
    let link = drift_testkit::mailbox::link_in(&mails[0]);
    assert_eq!(link, format!("http://workflowops.test/environments/{}/drift", world.env.id));
    assert_eq!(world.only().await.receiver, viewer.name);

    s.set_notification_preferences(&viewer.permit().unwrap(), &[]).await.unwrap();
    world.later(TimeDelta::hours(1));
    world.drifts().await;
    world.work().await;
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn who_left_is_mailed_nothing_more() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let viewer = app.member(&world.env.caller, Role::Viewer).await;
    let wanted = [NoticeKind::DriftDetected];
    app.services.set_notification_preferences(&viewer.permit().unwrap(), &wanted).await.unwrap();
    world.drifts().await;
    world.spread().await;
    app.services.remove_member(&world.env.permit(), viewer.user_id).await.unwrap();
    world.deliver().await;
    world.drifts().await;
    world.work().await;
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn a_channel_by_mail_goes_to_its_address_and_is_logged() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let draft = ChannelDraft { address: Some("Ops@Example.com".into()), ..world.draft(ChannelKind::Email) };
    let made = world.make(draft).await;
    assert_eq!(made.channel.target, "ops@example.com");
    world.drifts().await;
    world.work().await;
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].to.eq_ignore_ascii_case("ops@example.com"));
    assert_eq!(world.state().await, DeliveryState::Delivered);
}
