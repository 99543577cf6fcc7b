//! An organization with an environment, a receiver, and the worker's part played by hand.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::ids::{ChannelId, DeliveryId, EnvironmentId};
use drift_domain::notification::{ChannelKind, DeliveryState, NoticeKind};
use drift_domain::plan::PlanTier;
use drift_domain::views::DeliveryView;
use drift_services::notify::{ChannelDraft, MadeChannel, Next};
use drift_store::events::{self, NewEvent};
use drift_testkit::{Receiver, TestApp, TestEnvironment};
use serde_json::{Value, json};
use uuid::Uuid;

/// The signing secret of the channels here.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// PagerDuty's routing key of the channels here.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";

pub struct World<'a> {
    pub app: &'a TestApp,
    pub env: TestEnvironment<'a>,
    pub receiver: Receiver,
}

impl<'a> World<'a> {
    pub async fn new(app: &'a TestApp) -> Self {
        let owner = app.organization(PlanTier::Agency).await;
        Self { app, env: app.environment(&owner, "Production").await, receiver: Receiver::start().await }
    }

    pub fn draft(&self, kind: ChannelKind) -> ChannelDraft {
        let secret = match kind {
            ChannelKind::Webhook => Some(SECRET.into()),
            ChannelKind::PagerDuty => Some(KEY.into()),
            _ => None,
        };
        ChannelDraft {
            kind,
            name: format!("{} here", kind.label()),
            address: Some(self.receiver.url().into()),
            secret,
            events: NoticeKind::ALL.to_vec(),
        }
    }

    pub async fn make(&self, draft: ChannelDraft) -> MadeChannel {
        self.app.services.add_channel(&self.env.permit(), draft).await.expect("a channel that can be used")
    }

    pub async fn channel(&self, kind: ChannelKind) -> ChannelId {
        self.make(self.draft(kind)).await.channel.id
    }

    /// Something happens in an environment: written as the product writes it.
    pub async fn happens(&self, environment: EnvironmentId, kind: &str, data: Value) {
        let mut tx = self.app.database.pool().begin().await.unwrap();
        let event = NewEvent {
            organization_id: self.env.caller.organization_id,
            environment_id: Some(environment),
            change_id: None,
            kind,
            actor: None,
            data,
        };
        events::append(&mut tx, &event, self.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Drift, as a check writes it.
    pub async fn drifts(&self) {
        let data = json!({ "changes": 1, "workflows": ["Orders"], "severity": "HIGH" });
        self.happens(self.env.id, "environment.drift_detected", data).await;
    }

    /// Hands out what is in the outbox.
    pub async fn spread(&self) {
        self.app.services.spread_notices(self.env.caller.organization_id).await.unwrap();
    }

    /// Looks at every message that is not over, once, oldest first.
    pub async fn deliver(&self) -> Vec<Next> {
        let waiting: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM notification_deliveries WHERE ended_at IS NULL ORDER BY id")
                .fetch_all(self.app.database.pool())
                .await
                .unwrap();
        let mut went = Vec::new();
        for id in waiting {
            went.push(self.app.services.deliver_notice(DeliveryId(id)).await.unwrap());
        }
        went
    }

    /// What a worker does that finds the queue as it is now.
    pub async fn work(&self) {
        self.spread().await;
        self.deliver().await;
    }

    pub fn later(&self, by: TimeDelta) -> DateTime<Utc> {
        self.app.clock.advance(by)
    }

    pub async fn log(&self) -> Vec<DeliveryView> {
        self.app.services.notification_deliveries(&self.env.permit(), None).await.unwrap()
    }

    /// The only message.
    pub async fn only(&self) -> DeliveryView {
        let mut log = self.log().await;
        assert_eq!(log.len(), 1, "one message, not {log:#?}");
        log.remove(0)
    }

    pub async fn state(&self) -> DeliveryState {
        self.only().await.state
    }

    /// The identifiers that a receiver counts messages by.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.receiver.heard().iter().map(|heard| heard.header("webhook-id").to_owned()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}
