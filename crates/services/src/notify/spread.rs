//! Handing out what is in the outbox: to every channel and person that wants it, once each. What happens in a burst shares a
//! message, so that a hundred environments that fail together are no hundred messages.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::ids::{ChannelId, DeliveryId, OrganizationId, UserId};
use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_store::notifications::deliveries::{self, NewDelivery, Recent, To};
use drift_store::notifications::outbox::{self, NoticeRecord, Receiver};
use drift_store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::Services;
use crate::error::ServiceResult;

/// After a message, what happens in the same place within this time waits for its end and comes as one.
pub(super) const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// Messages that a receiver gets within the window; what happens then in other places comes as one, too.
const BURST: usize = 5;
/// Notices that one transaction hands out.
const AT_ONCE: usize = 200;
/// How long a job may be late before it counts as lost.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// What covers every place of an organization.
const EVERYWHERE: &str = "organization";

impl Services {
    /// Hands out what an organization has in its outbox: for the worker, which calls it again when it fails.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer; what was not handed out still waits.
    pub async fn spread_notices(&self, organization: OrganizationId) -> ServiceResult<()> {
        while self.spread_some(organization).await? == AT_ONCE {}
        Ok(())
    }

    async fn spread_some(&self, organization: OrganizationId) -> ServiceResult<usize> {
        let mut tx = self.tenant(organization).await?;
        outbox::lock(&mut tx, organization).await?;
        let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let notices = outbox::waiting(&mut tx, organization, most).await?;
        let receivers = outbox::receivers(&mut tx, organization).await?;
        let now = self.clock.now();
        for receiver in receivers.iter().filter(|receiver| receiver.channel.is_some() || self.sends_mail()) {
            let wanted = notices.iter().filter(|notice| receiver.kinds.iter().any(|kind| kind == notice.kind.as_str()));
            for notice in wanted {
                hand_out(&mut tx, organization, receiver, notice, now).await?;
            }
        }
        let ids: Vec<_> = notices.iter().map(|notice| notice.id).collect();
        outbox::spread(&mut tx, organization, &ids, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(ids.len())
    }

    /// Asks again for what should have been handed out or sent long ago: its job was lost. For the worker's clock.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer.
    pub async fn enqueue_forgotten_notices(&self) -> ServiceResult<()> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        for organization in outbox::forgotten(&mut db, now - LATE).await? {
            outbox::enqueue(&mut db, organization).await?;
        }
        for (delivery, mail) in deliveries::forgotten(&mut db, now, LATE, 500).await? {
            deliveries::enqueue(&mut db, delivery, mail, 0.0).await?;
        }
        Ok(())
    }
}

/// Puts a notice into a message to one receiver, and asks for the message to be sent.
async fn hand_out(
    db: &mut PgConnection,
    organization: OrganizationId,
    receiver: &Receiver,
    notice: &NoticeRecord,
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    let to = match receiver.channel {
        Some(_) => To::Channel(ChannelId(receiver.id)),
        None => To::Person(UserId(receiver.id)),
    };
    if deliveries::is_told(db, organization, to, notice.id).await? {
        return Ok(());
    }
    let alerts = receiver.channel == Some(ChannelKind::PagerDuty);
    let topic = if alerts { alert(notice) } else { place(notice) };
    let recent = deliveries::recent(db, organization, to, now - WINDOW).await?;
    let (topic, due_at) = match fit(&recent, &topic, (!alerts).then_some(EVERYWHERE), now) {
        Fit::Joins(id) if deliveries::hold_growing(db, organization, id).await? => {
            deliveries::add(db, organization, (id, to), notice.id).await?;
            return Ok(());
        }
        // Somebody began to send it just now.
        Fit::Joins(_) => (topic, now + WINDOW),
        Fit::New { topic, due_at } => (topic, due_at),
    };
    let id = DeliveryId(Uuid::now_v7());
    deliveries::insert(db, organization, &NewDelivery { id, to, topic: &topic, is_test: false, due_at }, now).await?;
    deliveries::add(db, organization, (id, to), notice.id).await?;
    let mail = receiver.channel.is_none_or(|kind| kind == ChannelKind::Email);
    deliveries::enqueue(db, id, mail, (due_at - now).as_seconds_f64().max(0.0)).await?;
    Ok(())
}

/// Where a notice goes.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// Into a message that still grows.
    Joins(DeliveryId),
    /// Into a message of its own, sent at this time: what happens until then joins it.
    New { topic: String, due_at: DateTime<Utc> },
}

/// Finds the message for something of `topic`. `recent` are the receiver's messages of the last window, newest first;
/// `wide` covers every topic, for receivers that take several together.
fn fit(recent: &[Recent], topic: &str, wide: Option<&str>, now: DateTime<Utc>) -> Fit {
    let covers = |message: &&Recent| message.topic == topic || wide == Some(message.topic.as_str());
    if let Some(growing) = recent.iter().find(|message| message.grows && covers(message)) {
        return Fit::Joins(growing.id);
    }
    let after = |message: &Recent| (message.created_at + WINDOW).max(now);
    if let (Some(wide), true, Some(newest)) = (wide, recent.len() >= BURST, recent.first()) {
        return Fit::New { topic: wide.to_owned(), due_at: after(newest) };
    }
    let due_at = recent.iter().find(covers).map_or(now, after);
    Fit::New { topic: topic.to_owned(), due_at }
}

/// What shares a message: the environment, or the organization.
fn place(notice: &NoticeRecord) -> String {
    notice.environment.as_ref().map_or_else(|| EVERYWHERE.to_owned(), |(id, _)| format!("environment:{id}"))
}

/// What is one alert to a receiver that opens and closes them.
fn alert(notice: &NoticeRecord) -> String {
    if let Some((incident, _)) = &notice.incident {
        return format!("incident:{incident}");
    }
    let what = match notice.kind {
        NoticeKind::DriftDetected | NoticeKind::DriftGone => "drift",
        NoticeKind::EnvironmentUnverified | NoticeKind::EnvironmentVerified => "verification",
        _ => "other",
    };
    format!("{}:{what}", place(notice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    fn message(n: u128, topic: &str, second: i64, grows: bool) -> Recent {
        Recent { id: DeliveryId(Uuid::from_u128(n)), topic: topic.to_owned(), created_at: at(second), grows }
    }

    fn new(topic: &str, due: i64) -> Fit {
        Fit::New { topic: topic.to_owned(), due_at: at(due) }
    }

    #[test]
    fn the_first_is_told_at_once_and_what_follows_is_collected() {
        assert_eq!(fit(&[], "a", Some(EVERYWHERE), at(0)), new("a", 0));
        let sent = message(1, "a", 0, false);
        assert_eq!(fit(std::slice::from_ref(&sent), "a", Some(EVERYWHERE), at(10)), new("a", 60));
        let growing = message(2, "a", 10, true);
        assert_eq!(fit(&[growing.clone(), sent.clone()], "a", None, at(20)), Fit::Joins(growing.id));
        assert_eq!(fit(&[growing, sent], "b", Some(EVERYWHERE), at(20)), new("b", 20), "another place is told at once");
    }

    #[test]
    fn many_places_at_once_share_a_message_except_where_each_is_an_alert() {
        let sent: Vec<_> = (0..5).map(|n| message(n, &format!("place {n}"), 0, false)).collect();
        assert_eq!(fit(&sent[..4], "x", Some(EVERYWHERE), at(1)), new("x", 1));
        assert_eq!(fit(&sent, "x", Some(EVERYWHERE), at(1)), new(EVERYWHERE, 60));
        assert_eq!(fit(&sent, "x", None, at(1)), new("x", 1));
        let wide = message(9, EVERYWHERE, 1, true);
        let with_wide: Vec<_> = std::iter::once(wide.clone()).chain(sent).collect();
        assert_eq!(fit(&with_wide, "y", Some(EVERYWHERE), at(2)), Fit::Joins(wide.id));
    }
}
