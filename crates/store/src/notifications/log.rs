//! The log of deliveries, as an administrator reads it.

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChannelId, DeliveryId, OrganizationId};
use drift_domain::notification::{DeliveryState, Message};
use drift_domain::views::AttemptView;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::{StoreResult, word};

/// A message, as the log shows it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its identifier.
    pub id: DeliveryId,
    /// The channel; none for a person's mail.
    pub channel: Option<ChannelId>,
    /// The channel's name, or the person's.
    pub receiver: String,
    /// What is sent, once it was tried.
    pub message: Option<Message>,
    /// How many events it tells of.
    pub events: i32,
    /// Whether somebody only tries the channel.
    pub is_test: bool,
    /// How far it is.
    pub state: DeliveryState,
    /// Why it was not taken.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The newest messages of an organization, or of one of its channels, newest first.
///
/// # Errors
/// The database failed.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    channel: Option<ChannelId>,
    most: i64,
) -> StoreResult<Vec<Logged>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.channel_id, coalesce(c.name, u.name, '') AS "receiver!", d.message AS "message: Json<Message>",
               d.events, d.is_test, d.state, d.reason, d.created_at, d.due_at, d.ended_at
           FROM notification_deliveries d
           LEFT JOIN notification_channels c ON c.organization_id = d.organization_id AND c.id = d.channel_id
           LEFT JOIN users u ON u.id = d.user_id
           WHERE d.organization_id = $1 AND ($2::uuid IS NULL OR d.channel_id = $2)
           ORDER BY d.created_at DESC, d.id DESC LIMIT $3"#,
        organization.0,
        channel.map(|id| id.0),
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Logged {
                id: DeliveryId(row.id),
                channel: row.channel_id.map(ChannelId),
                receiver: row.receiver,
                message: row.message.map(|message| message.0),
                events: row.events,
                is_test: row.is_test,
                state: word(&row.state)?,
                reason: row.reason,
                created_at: row.created_at,
                due_at: row.due_at,
                ended_at: row.ended_at,
            })
        })
        .collect()
}

/// The tries of some messages, oldest first.
///
/// # Errors
/// The database failed.
pub async fn attempts(
    db: &mut PgConnection,
    organization: OrganizationId,
    of: &[DeliveryId],
) -> StoreResult<Vec<(DeliveryId, AttemptView)>> {
    let of: Vec<Uuid> = of.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT delivery_id, begun_at, status, outcome FROM notification_attempts
         WHERE organization_id = $1 AND delivery_id = ANY ($2) ORDER BY delivery_id, number",
        organization.0,
        &of
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| {
        let attempt = AttemptView {
            at: row.begun_at,
            outcome: row.outcome.unwrap_or_else(|| "Cut short, or going on: what came of it is not known.".to_owned()),
            status: row.status.and_then(|status| u16::try_from(status).ok()),
        };
        (DeliveryId(row.delivery_id), attempt)
    });
    Ok(read.collect())
}
