//! Channels: what goes in does not come out, what is not yours is not there, and what cannot be used is refused.

use chrono::TimeDelta;
use drift_domain::notification::{ChannelKind, ChannelState, DeliveryState, NoticeKind};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::gate::cap;
use drift_services::notify::ChannelDraft;
use drift_services::{ServiceError, ServiceResult};
use drift_testkit::TestApp;
use secrecy::ExposeSecret;

use crate::common::{KEY, SECRET, World};

fn field<T: std::fmt::Debug>(result: ServiceResult<T>) -> &'static str {
    match result {
        Err(ServiceError::Invalid { field, message }) => {
            for secret in ["topsecret", SECRET, KEY, "hunter2"] {
                assert!(!message.contains(secret), "{message}");
            }
            field
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_secret_comes_out_of_database_log_or_list() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    for kind in [ChannelKind::Webhook, ChannelKind::PagerDuty, ChannelKind::Slack] {
        let id = world.channel(kind).await;
        app.services.test_channel(&world.env.permit(), id).await.unwrap();
    }
    world.receiver.answers([drift_testkit::Reply::Cut, drift_testkit::Reply::Status(500)]);
    world.work().await;
    let mut seen = Vec::new();
    for table in [
        "notification_channels",
        "notification_deliveries",
        "notification_attempts",
        "notices",
        "events",
        "graphile_worker._private_jobs",
    ] {
        let rows = sqlx::AssertSqlSafe(format!("SELECT coalesce(jsonb_agg(to_jsonb(t))::text, '') FROM {table} t"));
        seen.push(sqlx::query_scalar::<_, String>(rows).fetch_one(app.database.pool()).await.unwrap());
    }
    let channels = app.services.notification_channels(&world.env.permit()).await.unwrap();
    seen.push(serde_json::to_string(&channels).unwrap());
    seen.push(serde_json::to_string(&world.log().await).unwrap());
    seen.push(format!("{:?}", world.draft(ChannelKind::Webhook)));
    let seen = seen.join("\n");
    for secret in ["topsecret", SECRET, KEY] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!seen.contains(secret) && !seen.contains(&hex), "{secret}");
    }
    assert!(seen.contains("key …cdef") && seen.contains("127.0.0.1"), "what tells channels apart does");
}

#[tokio::test]
async fn a_signing_secret_is_made_and_shown_once() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let made = world.make(ChannelDraft { secret: None, ..world.draft(ChannelKind::Webhook) }).await;
    let secret = made.secret.unwrap();
    drift_notify::signature::check(&secret).unwrap();
    world.drifts().await;
    world.work().await;
    let heard = world.receiver.heard().remove(0);
    let at = heard.header("webhook-timestamp").parse().unwrap();
    let signed = drift_notify::signature::sign(&secret, heard.header("webhook-id"), at, heard.text.as_bytes()).unwrap();
    assert_eq!(heard.header("webhook-signature"), signed);
    assert!(!heard.text.contains(secret.expose_secret()));
    assert!(
        world.make(ChannelDraft { name: "Another".into(), ..world.draft(ChannelKind::Webhook) }).await.secret.is_none()
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_field() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let add = async |draft| field(app.services.add_channel(&world.env.permit(), draft).await);
    let hook = || world.draft(ChannelKind::Webhook);
    for address in [
        "http://169.254.169.254/topsecret",
        "http://metadata.google.internal/topsecret",
        "http://[fd00:ec2::254]/topsecret",
        "ftp://hooks.example.com/topsecret",
        "https://me:hunter2@hooks.example.com/",
        "topsecret",
    ] {
        assert_eq!(add(ChannelDraft { address: Some(address.into()), ..hook() }).await, "address", "{address}");
    }
    assert_eq!(add(ChannelDraft { address: None, ..hook() }).await, "address");
    assert_eq!(add(ChannelDraft { secret: Some("hunter2".into()), ..hook() }).await, "secret");
    assert_eq!(add(ChannelDraft { events: vec![], ..hook() }).await, "events");
    assert_eq!(add(ChannelDraft { name: " ".into(), ..hook() }).await, "name");
    assert_eq!(add(ChannelDraft { secret: None, ..world.draft(ChannelKind::PagerDuty) }).await, "secret");
    assert_eq!(add(world.draft(ChannelKind::Email)).await, "address", "an address of the web is none of mail");
    world.make(hook()).await;
    assert_eq!(add(ChannelDraft { name: "WEBHOOK HERE".into(), ..hook() }).await, "name", "a name is taken");
}

#[tokio::test]
async fn a_channel_keeps_what_is_left_blank_and_a_key_does_not_follow_to_another_address() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let id = world.channel(ChannelKind::Webhook).await;
    let permit = world.env.permit();
    let renamed = ChannelDraft {
        name: "Renamed".into(),
        address: None,
        secret: None,
        events: vec![NoticeKind::DriftDetected],
        ..world.draft(ChannelKind::Webhook)
    };
    let view = app.services.update_channel(&permit, id, renamed).await.unwrap();
    assert_eq!((view.name.as_str(), view.events.len()), ("Renamed", 1));
    world.drifts().await;
    world.happens(world.env.id, "environment.drift_gone", serde_json::json!({})).await;
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 1);
    let duty = world.channel(ChannelKind::PagerDuty).await;
    let moved = ChannelDraft { secret: None, ..world.draft(ChannelKind::PagerDuty) };
    assert_eq!(field(app.services.update_channel(&permit, duty, moved).await), "secret");
}

#[tokio::test]
async fn a_channel_that_is_off_or_removed_is_sent_nothing() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let id = world.channel(ChannelKind::Webhook).await;
    let permit = world.env.permit();
    world.drifts().await;
    world.spread().await;
    app.services.switch_channel(&permit, id, false).await.unwrap();
    world.deliver().await;
    assert_eq!(world.state().await, DeliveryState::GivenUp);
    world.drifts().await;
    world.work().await;
    assert_eq!(world.receiver.heard().len(), 0);

    app.services.test_channel(&permit, id).await.unwrap();
    world.work().await;
    assert_eq!(world.receiver.heard()[0].body()["type"], "test", "it can be tried before it is switched on");
    assert_eq!(app.services.notification_channels(&permit).await.unwrap()[0].state, ChannelState::Off);

    app.services.remove_channel(&permit, id).await.unwrap();
    assert!(app.services.notification_channels(&permit).await.unwrap().is_empty());
    assert_eq!(world.log().await.len(), 2, "what was sent stays on the record");
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM notification_channels WHERE address <> '' OR secret <> ''")
            .fetch_one(app.database.pool())
            .await
            .unwrap();
    assert_eq!(left, 0, "its secrets are gone");
    world.channel(ChannelKind::Webhook).await;
    world.later(TimeDelta::days(31));
    app.services.tidy().await.unwrap();
    assert!(world.log().await.is_empty(), "the log ends after thirty days");
}

#[tokio::test]
async fn strangers_and_small_roles_have_no_channel() {
    let app = TestApp::new().await;
    let world = World::new(&app).await;
    let id = world.channel(ChannelKind::Webhook).await;
    app.services.test_channel(&world.env.permit(), id).await.unwrap();
    let delivery = world.only().await.id;
    let stranger = app.organization(PlanTier::Enterprise).await;
    let permit = || stranger.permit::<cap::Notifications>().unwrap();
    let s = &app.services;
    for refused in [
        s.switch_channel(&permit(), id, false).await,
        s.remove_channel(&permit(), id).await,
        s.test_channel(&permit(), id).await.map(drop),
        s.redeliver(&permit(), delivery).await,
        s.update_channel(&permit(), id, world.draft(ChannelKind::Webhook)).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ServiceError::NotFound(_))), "{refused:?}");
    }
    assert!(s.notification_channels(&permit()).await.unwrap().is_empty());
    assert!(s.notification_deliveries(&permit(), Some(id)).await.unwrap().is_empty());
    for role in [Role::Viewer, Role::Operator, Role::Approver] {
        let refused = app.member(&world.env.caller, role).await.permit::<cap::Notifications>().unwrap_err();
        assert!(matches!(refused, ServiceError::RoleRequired { needs: Role::Admin, .. }));
    }
    // What happens elsewhere is told elsewhere.
    let theirs = app.environment(&stranger, "Theirs").await;
    theirs.check().await;
    s.spread_notices(stranger.organization_id).await.unwrap();
    assert_eq!(world.log().await.len(), 1);
}
