//! The log of deliveries, a test of a channel, and sending once more.

use std::collections::HashMap;

use drift_domain::ids::{ChannelId, DeliveryId};
use drift_domain::notification::{ChannelKind, ChannelState};
use drift_domain::views::{AttemptView, DeliveryView};
use drift_store::StoreError;
use drift_store::notifications::deliveries::{self, NewDelivery, To};
use drift_store::notifications::{channels, log};
use serde_json::json;
use uuid::Uuid;

use crate::Services;
use crate::accounts::happened;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Messages that the log shows.
const SHOWN: i64 = 100;

impl Services {
    /// The newest messages of the organization, or of one of its channels, newest first.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn notification_deliveries(
        &self,
        permit: &Permit<cap::Notifications>,
        channel: Option<ChannelId>,
    ) -> ServiceResult<Vec<DeliveryView>> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let logged = log::list(&mut db, organization, channel, SHOWN).await?;
        let ids: Vec<_> = logged.iter().map(|delivery| delivery.id).collect();
        let mut attempts: HashMap<DeliveryId, Vec<AttemptView>> = HashMap::new();
        for (id, attempt) in log::attempts(&mut db, organization, &ids).await? {
            attempts.entry(id).or_default().push(attempt);
        }
        Ok(logged
            .into_iter()
            .map(|delivery| DeliveryView {
                attempts: attempts.remove(&delivery.id).unwrap_or_default(),
                id: delivery.id,
                channel: delivery.channel,
                receiver: delivery.receiver,
                text: delivery.message.map(|message| message.headline()).unwrap_or_default(),
                events: u32::try_from(delivery.events).unwrap_or_default(),
                is_test: delivery.is_test,
                state: delivery.state,
                reason: delivery.reason,
                created_at: delivery.created_at,
                due_at: delivery.ended_at.is_none().then_some(delivery.due_at),
                ended_at: delivery.ended_at,
            })
            .collect())
    }

    /// Sends a test through a channel, also one that is switched off. What came of it is in the log.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a channel that is not the organization's.
    pub async fn test_channel(
        &self,
        permit: &Permit<cap::Notifications>,
        channel: ChannelId,
    ) -> ServiceResult<DeliveryId> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let found = channels::lock(&mut tx, organization, channel).await?.ok_or(ServiceError::NotFound("channel"))?;
        let id = DeliveryId(Uuid::now_v7());
        let new = NewDelivery { id, to: To::Channel(channel), topic: "test", is_test: true, due_at: now };
        deliveries::insert(&mut tx, organization, &new, now).await?;
        deliveries::enqueue(&mut tx, id, found.kind == ChannelKind::Email, 0.0).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// Sends a message once more that was delivered or given up: the same under the same identifier, so that a receiver who
    /// has it knows.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a message that is not the organization's; [`ServiceError::Conflict`] for one that is on
    /// its way, or whose channel is off.
    pub async fn redeliver(&self, permit: &Permit<cap::Notifications>, id: DeliveryId) -> ServiceResult<()> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let delivery = deliveries::lock(&mut tx, id).await?.filter(|delivery| delivery.organization == organization);
        let delivery = delivery.ok_or(ServiceError::NotFound("delivery"))?;
        if !delivery.state.is_over() {
            let message = "This message is on its way: it is tried by itself until it is taken or given up.";
            return Err(ServiceError::Conflict(message.to_owned()));
        }
        let mail = match delivery.to {
            To::Person(_) => true,
            To::Channel(channel) => {
                let channel = channels::lock(&mut tx, organization, channel).await?;
                let is_on = |state| state == ChannelState::On || delivery.is_test;
                let channel = channel.filter(|channel| is_on(channel.state)).ok_or_else(|| {
                    ServiceError::Conflict("The channel is off or removed. Switch it on, then send again.".to_owned())
                })?;
                channel.kind == ChannelKind::Email
            }
        };
        deliveries::begin_again(&mut tx, (organization, id), now).await?;
        deliveries::enqueue(&mut tx, id, mail, 0.0).await?;
        happened(&mut tx, permit.caller(), "notification.redelivered", json!({ "delivery": id }), now).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
