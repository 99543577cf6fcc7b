//! Channels that an organization is told things through. Addresses and secrets are sealed.

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChannelId, OrganizationId, UserId};
use drift_domain::notification::{ChannelKind, ChannelState, NoticeKind};
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// A channel as it is stored. Address and secret are sealed.
#[derive(Clone, Debug)]
pub struct ChannelRecord {
    /// Its identifier.
    pub id: ChannelId,
    /// What it speaks.
    pub kind: ChannelKind,
    /// What people call it.
    pub name: String,
    /// Where it leads, sealed.
    pub address: Vec<u8>,
    /// What it is signed with, or a routing key; sealed.
    pub secret: Option<Vec<u8>>,
    /// As much of the address as is no secret.
    pub target: String,
    /// What is told through it.
    pub events: Vec<NoticeKind>,
    /// Whether it is used.
    pub state: ChannelState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When a message was last taken.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// Why the newest message was not taken.
    pub trouble: Option<String>,
}

struct Row {
    id: uuid::Uuid,
    kind: String,
    name: String,
    address: Vec<u8>,
    secret: Option<Vec<u8>>,
    target: String,
    events: Vec<String>,
    state: String,
    created_at: DateTime<Utc>,
    last_delivered_at: Option<DateTime<Utc>>,
    trouble: Option<String>,
}

impl TryFrom<Row> for ChannelRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: ChannelId(row.id),
            kind: word(&row.kind)?,
            name: row.name,
            address: row.address,
            secret: row.secret,
            target: row.target,
            // One that this version does not know is of another.
            events: row.events.iter().filter_map(|kind| kind.parse().ok()).collect(),
            state: word(&row.state)?,
            created_at: row.created_at,
            last_delivered_at: row.last_delivered_at,
            trouble: row.trouble,
        })
    }
}

fn words(kinds: &[NoticeKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
}

/// Stores a new channel, made by `by`.
///
/// # Errors
/// The name is taken (`notification_channels_names`), or the database failed.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &ChannelRecord,
    by: UserId,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO notification_channels (organization_id, id, kind, name, address, secret, target, events, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        organization.0,
        new.id.0,
        new.kind.as_str(),
        new.name,
        new.address,
        new.secret.as_deref(),
        new.target,
        &words(&new.events),
        by.0,
        new.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The organization's channels by name, without those that were removed.
///
/// # Errors
/// The database failed.
pub async fn list(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<ChannelRecord>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, kind, name, address, secret, target, events, state, created_at, last_delivered_at, trouble
         FROM notification_channels WHERE organization_id = $1 AND removed_at IS NULL ORDER BY lower(name)",
        organization.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A channel that was not removed; its row is held until the transaction ends.
///
/// # Errors
/// The database failed.
pub async fn lock(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ChannelId,
) -> StoreResult<Option<ChannelRecord>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, kind, name, address, secret, target, events, state, created_at, last_delivered_at, trouble
         FROM notification_channels WHERE organization_id = $1 AND id = $2 AND removed_at IS NULL FOR UPDATE",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// Writes a channel as it is now: everything but its kind and when it was made.
///
/// # Errors
/// The name is taken, the channel is gone, or the database failed.
pub async fn update(db: &mut PgConnection, organization: OrganizationId, set: &ChannelRecord) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE notification_channels SET name = $3, address = $4, secret = $5, target = $6, events = $7, state = $8, trouble = $9
         WHERE organization_id = $1 AND id = $2 AND removed_at IS NULL",
        organization.0,
        set.id.0,
        set.name,
        set.address,
        set.secret.as_deref(),
        set.target,
        &words(&set.events),
        set.state.as_str(),
        set.trouble.as_deref(),
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Removes a channel: what it was reached and signed with is gone at once, its deliveries stay in the log.
///
/// # Errors
/// The channel is gone, or the database failed.
pub async fn remove(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ChannelId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE notification_channels SET removed_at = $3, state = 'OFF', address = '', secret = ''
         WHERE organization_id = $1 AND id = $2 AND removed_at IS NULL",
        organization.0,
        id.0,
        at
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Notes what came of the newest message: taken at `at`, or why not. `gone` switches the channel off.
///
/// # Errors
/// The database failed.
pub async fn note(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ChannelId,
    at: DateTime<Utc>,
    trouble: Option<&str>,
    gone: bool,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE notification_channels SET trouble = $4,
             last_delivered_at = CASE WHEN $4::text IS NULL THEN $3 ELSE last_delivered_at END,
             state = CASE WHEN $5 THEN 'GONE' ELSE state END
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        at,
        trouble,
        gone
    )
    .execute(db)
    .await?;
    Ok(())
}
