//! Messages to one receiver each: made of notices, claimed by whoever sends them, ended by what came of it.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::ids::{ChannelId, DeliveryId, NoticeId, OrganizationId, UserId};
use drift_domain::notification::{DeliveryState, Message};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::{StoreResult, exactly_one, word};

/// The name under which messages over HTTP are queued.
pub const DELIVER: &str = "deliver_notice";
/// The name under which messages by mail are queued, in the queue of all mail.
pub const MAIL_NOTICE: &str = "mail_notice";

/// The payload of a [`DELIVER`] or [`MAIL_NOTICE`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverJob {
    /// The message.
    pub delivery_id: DeliveryId,
}

/// Asks for a message to be sent in `seconds` from now.
///
/// # Errors
/// The database failed.
pub async fn enqueue(db: &mut PgConnection, id: DeliveryId, mail: bool, seconds: f64) -> StoreResult<()> {
    let task = if mail { MAIL_NOTICE } else { DELIVER };
    sqlx::query!(r#"SELECT ask_for_delivery($1, $2, $3) AS "id!""#, task, id.0, seconds).fetch_one(db).await?;
    Ok(())
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// A channel.
    Channel(ChannelId),
    /// A person, by mail.
    Person(UserId),
}

impl To {
    const fn channel(self) -> Option<Uuid> {
        match self {
            Self::Channel(id) => Some(id.0),
            Self::Person(_) => None,
        }
    }

    const fn person(self) -> Option<Uuid> {
        match self {
            Self::Person(id) => Some(id.0),
            Self::Channel(_) => None,
        }
    }

    /// The channel's identifier or the person's.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Channel(id) => id.0,
            Self::Person(id) => id.0,
        }
    }
}

/// A message that a receiver got or gets of late: what a burst is told by.
#[derive(Clone, Debug)]
pub struct Recent {
    /// The message.
    pub id: DeliveryId,
    /// What it is about.
    pub topic: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Whether it may still grow: nobody has begun to send it.
    pub grows: bool,
}

/// The messages that were made for a receiver after `since`, newest first.
///
/// # Errors
/// The database failed.
pub async fn recent(
    db: &mut PgConnection,
    organization: OrganizationId,
    to: To,
    since: DateTime<Utc>,
) -> StoreResult<Vec<Recent>> {
    let rows = sqlx::query!(
        r#"SELECT id, topic, created_at, message IS NULL AND ended_at IS NULL AS "grows!" FROM notification_deliveries
           WHERE organization_id = $1 AND coalesce(channel_id, user_id) = $2 AND created_at > $3 AND NOT is_test
           ORDER BY created_at DESC, id DESC LIMIT 100"#,
        organization.0,
        to.id(),
        since
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Recent { id: DeliveryId(row.id), topic: row.topic, created_at: row.created_at, grows: row.grows })
        .collect())
}

/// A message to be made.
#[derive(Clone, Debug)]
pub struct NewDelivery<'a> {
    /// Its identifier.
    pub id: DeliveryId,
    /// Who gets it.
    pub to: To,
    /// What it is about.
    pub topic: &'a str,
    /// Whether somebody only tries the channel.
    pub is_test: bool,
    /// When it is sent.
    pub due_at: DateTime<Utc>,
}

/// Makes a message.
///
/// # Errors
/// The receiver is gone, or the database failed.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewDelivery<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO notification_deliveries (organization_id, id, channel_id, user_id, topic, is_test, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        organization.0,
        new.id.0,
        new.to.channel(),
        new.to.person(),
        new.topic,
        new.is_test,
        new.due_at,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds an event to a message; false when its receiver is told of it by another one already. A message that somebody began
/// to send meanwhile takes no more: its row is held here, as it is there.
///
/// # Errors
/// The database failed.
pub async fn add(
    db: &mut PgConnection,
    organization: OrganizationId,
    (delivery, to): (DeliveryId, To),
    notice: NoticeId,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO notification_delivery_notices (organization_id, delivery_id, notice_id, receiver) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        organization.0,
        delivery.0,
        notice.0,
        to.id(),
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "UPDATE notification_deliveries SET events = events + 1 WHERE organization_id = $1 AND id = $2",
        organization.0,
        delivery.0
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Whether a receiver is told of something already.
///
/// # Errors
/// The database failed.
pub async fn is_told(
    db: &mut PgConnection,
    organization: OrganizationId,
    to: To,
    notice: NoticeId,
) -> StoreResult<bool> {
    let told = sqlx::query_scalar!(
        "SELECT delivery_id FROM notification_delivery_notices WHERE organization_id = $1 AND notice_id = $2 AND receiver = $3",
        organization.0,
        notice.0,
        to.id()
    );
    Ok(told.fetch_optional(db).await?.is_some())
}

/// Holds a message that may still grow; false when somebody has begun to send it.
///
/// # Errors
/// The database failed.
pub async fn hold_growing(db: &mut PgConnection, organization: OrganizationId, id: DeliveryId) -> StoreResult<bool> {
    let held = sqlx::query_scalar!(
        "SELECT id FROM notification_deliveries
         WHERE organization_id = $1 AND id = $2 AND message IS NULL AND ended_at IS NULL FOR UPDATE",
        organization.0,
        id.0
    );
    Ok(held.fetch_optional(db).await?.is_some())
}

/// A message as whoever sends it needs it.
#[derive(Clone, Debug)]
pub struct DeliveryRecord {
    /// Whose.
    pub organization: OrganizationId,
    /// The organization's name.
    pub organization_name: String,
    /// Its identifier.
    pub id: DeliveryId,
    /// Who gets it.
    pub to: To,
    /// What it is about.
    pub topic: String,
    /// Whether somebody only tries the channel.
    pub is_test: bool,
    /// How far it is.
    pub state: DeliveryState,
    /// What is sent, once it was first tried.
    pub message: Option<Message>,
    /// How many events it tells of.
    pub events: i32,
    /// Tries since it was made or asked for again.
    pub tries: i32,
    /// When it is to be sent.
    pub due_at: DateTime<Utc>,
    /// Until when whoever sends it is waited for.
    pub claimed_until: Option<DateTime<Utc>>,
}

/// A message, held until the transaction ends. `None` for one that is gone. Whose it is comes from its own row: the job
/// names the message alone.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn lock(db: &mut PgConnection, id: DeliveryId) -> StoreResult<Option<DeliveryRecord>> {
    let row = sqlx::query!(
        r#"SELECT d.organization_id, o.name, d.id, d.channel_id, d.user_id, d.topic, d.is_test, d.state,
               d.message AS "message: Json<Message>", d.events, d.tries, d.due_at, d.claimed_until
           FROM notification_deliveries d JOIN organizations o ON o.id = d.organization_id
           WHERE d.id = $1 FOR UPDATE OF d"#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let to = row.channel_id.map(|id| To::Channel(ChannelId(id))).or(row.user_id.map(|id| To::Person(UserId(id))));
    let to = to.ok_or_else(|| crate::StoreError::corrupt("a delivery without a receiver"))?;
    Ok(Some(DeliveryRecord {
        organization: OrganizationId(row.organization_id),
        organization_name: row.name,
        id: DeliveryId(row.id),
        to,
        topic: row.topic,
        is_test: row.is_test,
        state: word(&row.state)?,
        message: row.message.map(|message| message.0),
        events: row.events,
        tries: row.tries,
        due_at: row.due_at,
        claimed_until: row.claimed_until,
    }))
}

/// Claims a message for one try until `until`: it says from now on what `message` says. Answers the number of the try.
///
/// # Errors
/// The database failed.
pub async fn claim(
    db: &mut PgConnection,
    (organization, id): (OrganizationId, DeliveryId),
    message: &Message,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> StoreResult<i32> {
    sqlx::query!(
        "UPDATE notification_deliveries SET tries = tries + 1, message = $3, claimed_until = $4
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        Json(message) as _,
        until
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_scalar!(
        r#"INSERT INTO notification_attempts (organization_id, delivery_id, number, begun_at)
           SELECT $1::uuid, $2::uuid, coalesce(max(number), 0) + 1, $3::timestamptz FROM notification_attempts WHERE delivery_id = $2
           RETURNING number"#,
        organization.0,
        id.0,
        now
    )
    .fetch_one(db)
    .await?)
}

/// What came of a try.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// How far the message is by it.
    pub state: DeliveryState,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What happened, in words.
    pub words: &'a str,
    /// When it is tried again, where it is.
    pub due_at: Option<DateTime<Utc>>,
}

/// Records what came of try `number`. False when it was taken over by another one meanwhile, or is over: then nothing but the
/// try itself is noted.
///
/// # Errors
/// The database failed.
pub async fn record(
    db: &mut PgConnection,
    (organization, id): (OrganizationId, DeliveryId),
    number: i32,
    outcome: &Outcome<'_>,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    sqlx::query!(
        "UPDATE notification_attempts SET ended_at = $4, status = $5, outcome = $6
         WHERE organization_id = $1 AND delivery_id = $2 AND number = $3",
        organization.0,
        id.0,
        number,
        now,
        outcome.status.map(i32::from),
        outcome.words,
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "UPDATE notification_deliveries SET state = $4, claimed_until = NULL, due_at = coalesce($5, due_at),
             reason = CASE WHEN $4 = 'DELIVERED' THEN NULL ELSE $6 END,
             ended_at = CASE WHEN $4 IN ('DELIVERED', 'GIVEN_UP') THEN $7::timestamptz END
         WHERE organization_id = $1 AND id = $2 AND (state = 'PENDING' OR state = 'RETRYING' OR $4 = 'DELIVERED')
             AND $3 = (SELECT max(number) FROM notification_attempts WHERE delivery_id = $2)",
        organization.0,
        id.0,
        number,
        outcome.state.as_str(),
        outcome.due_at,
        outcome.words,
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a message up without a try.
///
/// # Errors
/// The database failed.
pub async fn give_up(
    db: &mut PgConnection,
    (organization, id): (OrganizationId, DeliveryId),
    reason: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE notification_deliveries SET state = 'GIVEN_UP', reason = $3, ended_at = $4, claimed_until = NULL
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        reason,
        now
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Sends a message that is over once more, from the start: the same message under the same identifier.
///
/// # Errors
/// The database failed.
pub async fn begin_again(
    db: &mut PgConnection,
    (organization, id): (OrganizationId, DeliveryId),
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE notification_deliveries SET state = 'PENDING', tries = 0, due_at = $3, claimed_until = NULL, reason = NULL,
             ended_at = NULL
         WHERE organization_id = $1 AND id = $2 AND ended_at IS NOT NULL",
        organization.0,
        id.0,
        now
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Whether an older message of the same topic is still on its way to the same receiver: one that opens and closes alerts must
/// not be told of the end before the beginning.
///
/// # Errors
/// The database failed.
pub async fn is_behind(db: &mut PgConnection, delivery: &DeliveryRecord) -> StoreResult<bool> {
    let older = sqlx::query_scalar!(
        "SELECT id FROM notification_deliveries
         WHERE organization_id = $1 AND coalesce(channel_id, user_id) = $2 AND topic = $3 AND id < $4 AND ended_at IS NULL LIMIT 1",
        delivery.organization.0,
        delivery.to.id(),
        delivery.topic,
        delivery.id.0
    );
    Ok(older.fetch_optional(db).await?.is_some())
}

/// Messages that should have been sent `late` ago and are not: their job was lost. With whether each goes by mail.
///
/// # Errors
/// The database failed.
pub async fn forgotten(
    db: &mut PgConnection,
    now: DateTime<Utc>,
    late: TimeDelta,
    most: i64,
) -> StoreResult<Vec<(DeliveryId, bool)>> {
    let before = now - late;
    let rows = sqlx::query!(
        r#"SELECT d.id, (d.user_id IS NOT NULL OR c.kind = 'EMAIL') AS "mail!" FROM notification_deliveries d
           LEFT JOIN notification_channels c ON c.organization_id = d.organization_id AND c.id = d.channel_id
           WHERE d.ended_at IS NULL AND d.due_at < $1 AND (d.claimed_until IS NULL OR d.claimed_until < $1)
           ORDER BY d.due_at LIMIT $2"#,
        before,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (DeliveryId(row.id), row.mail)).collect())
}
