//! The outbox: what is to be told, written in the transaction of the event that it tells of.

use chrono::{DateTime, Utc};
use drift_domain::ids::{DeliveryId, EnvironmentId, EventId, IncidentId, NoticeId, OrganizationId, UserId};
use drift_domain::notification::{ChannelKind, NoticeKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreResult, word};
use crate::events::NewEvent;

/// The name under which handing out what is to be told is queued.
pub const SPREAD: &str = "spread_notices";

/// The payload of a [`SPREAD`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpreadJob {
    /// Whose.
    pub organization_id: OrganizationId,
}

/// Something that is to be told.
#[derive(Clone, Copy, Debug)]
pub struct NewNotice<'a> {
    /// The event that it tells of.
    pub event: &'a NewEvent<'a>,
    /// That event on the record.
    pub event_id: EventId,
    /// The incident, if it is about one.
    pub incident: Option<IncidentId>,
    /// What it is told as.
    pub kind: NoticeKind,
}

/// Puts a notice into the outbox, and asks for it to be handed out once the transaction commits. Nothing where nobody wants
/// to be told.
///
/// # Errors
/// The database failed.
pub async fn put(db: &mut PgConnection, new: &NewNotice<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    let done = sqlx::query!(
        "INSERT INTO notices (organization_id, id, event_id, kind, event, environment_id, incident_id, actor, data, at)
         SELECT $1::uuid, $2::uuid, $3::bigint, $4::text, $5::text, $6::uuid, $7::uuid, $8::uuid, $9::jsonb, $10::timestamptz
         WHERE EXISTS (SELECT FROM notification_channels WHERE organization_id = $1 AND state = 'ON' AND $4 = ANY (events))
             OR EXISTS (SELECT FROM notification_preferences WHERE organization_id = $1 AND kind = $4)
         ON CONFLICT DO NOTHING",
        new.event.organization_id.0,
        Uuid::now_v7(),
        new.event_id.0,
        new.kind.as_str(),
        new.event.kind,
        new.event.environment_id.map(|id| id.0),
        new.incident.map(|id| id.0),
        new.event.actor.map(|id| id.0),
        new.event.data,
        at,
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 { Ok(()) } else { enqueue(db, new.event.organization_id).await }
}

/// Asks for what is in an organization's outbox to be handed out.
///
/// # Errors
/// The database failed.
pub async fn enqueue(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT ask_for_job($1, json_build_object('organization_id', $2::uuid), NULL, $3, -6) AS "id!""#,
        SPREAD,
        organization.0,
        format!("spread:{organization}"),
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Lets one at a time hand out an organization's notices, until the transaction ends.
///
/// # Errors
/// The database failed.
pub async fn lock(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('notices:' || $1::uuid::text, 0))", organization.0)
        .execute(db)
        .await?;
    Ok(())
}

/// A notice, with what its words are made of.
#[derive(Clone, Debug)]
pub struct NoticeRecord {
    /// Its identifier.
    pub id: NoticeId,
    /// What it is told as.
    pub kind: NoticeKind,
    /// The event's dotted name.
    pub event: String,
    /// The environment, with its name.
    pub environment: Option<(EnvironmentId, String)>,
    /// The incident, with its number.
    pub incident: Option<(IncidentId, i64)>,
    /// Who did it, with the name; `None` for the product itself.
    pub actor: Option<(UserId, String)>,
    /// The event's particulars.
    pub data: Value,
    /// When it happened.
    pub at: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    kind: String,
    event: String,
    environment_id: Option<Uuid>,
    environment: Option<String>,
    incident_id: Option<Uuid>,
    number: Option<i64>,
    actor_id: Option<Uuid>,
    actor: Option<String>,
    data: Value,
    at: DateTime<Utc>,
}

fn record(row: Row) -> StoreResult<NoticeRecord> {
    Ok(NoticeRecord {
        id: NoticeId(row.id),
        kind: word(&row.kind)?,
        event: row.event,
        environment: row.environment_id.map(EnvironmentId).zip(row.environment),
        incident: row.incident_id.map(IncidentId).zip(row.number),
        actor: row.actor_id.map(UserId).zip(row.actor),
        data: row.data,
        at: row.at,
    })
}

/// Notices that were not handed out yet, oldest first.
///
/// # Errors
/// The database failed.
pub async fn waiting(db: &mut PgConnection, organization: OrganizationId, most: i64) -> StoreResult<Vec<NoticeRecord>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT n.id, n.kind, n.event, n.environment_id, e.name AS "environment?", n.incident_id, i.number AS "number?",
               n.actor AS actor_id, u.name AS "actor?", n.data, n.at
           FROM notices n
           LEFT JOIN environments e ON e.organization_id = n.organization_id AND e.id = n.environment_id
           LEFT JOIN drift_incidents i ON i.organization_id = n.organization_id AND i.id = n.incident_id
           LEFT JOIN users u ON u.id = n.actor
           WHERE n.organization_id = $1 AND n.spread_at IS NULL ORDER BY n.at, n.event_id LIMIT $2"#,
        organization.0,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(record).collect()
}

/// The newest notices of a delivery, oldest first.
///
/// # Errors
/// The database failed.
pub async fn of_delivery(
    db: &mut PgConnection,
    organization: OrganizationId,
    delivery: DeliveryId,
    most: i64,
) -> StoreResult<Vec<NoticeRecord>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT n.id, n.kind, n.event, n.environment_id, e.name AS "environment?", n.incident_id, i.number AS "number?",
               n.actor AS actor_id, u.name AS "actor?", n.data, n.at
           FROM notification_delivery_notices d
           JOIN notices n ON n.organization_id = d.organization_id AND n.id = d.notice_id
           LEFT JOIN environments e ON e.organization_id = n.organization_id AND e.id = n.environment_id
           LEFT JOIN drift_incidents i ON i.organization_id = n.organization_id AND i.id = n.incident_id
           LEFT JOIN users u ON u.id = n.actor
           WHERE d.organization_id = $1 AND d.delivery_id = $2 ORDER BY n.at DESC, n.event_id DESC LIMIT $3"#,
        organization.0,
        delivery.0,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().rev().map(record).collect()
}

/// Marks notices as handed out.
///
/// # Errors
/// The database failed.
pub async fn spread(
    db: &mut PgConnection,
    organization: OrganizationId,
    ids: &[NoticeId],
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "UPDATE notices SET spread_at = $3 WHERE organization_id = $1 AND id = ANY ($2)",
        organization.0,
        &ids,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who wants to be told something.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The channel, or the person.
    pub id: Uuid,
    /// What the channel speaks; `None` for a person, who gets mail.
    pub channel: Option<ChannelKind>,
    /// What is wanted.
    pub kinds: Vec<String>,
}

/// The channels that are on, and the people who want mail.
///
/// # Errors
/// The database failed.
pub async fn receivers(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<Receiver>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", kind, events AS "kinds!" FROM notification_channels
               WHERE organization_id = $1 AND state = 'ON'
           UNION ALL
           SELECT user_id, NULL, array_agg(kind) FROM notification_preferences WHERE organization_id = $1 GROUP BY user_id"#,
        organization.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let channel = row.kind.as_deref().map(word).transpose()?;
            Ok(Receiver { id: row.id, channel, kinds: row.kinds })
        })
        .collect()
}

/// Organizations with notices that should have been handed out before `before`: their job was lost.
///
/// # Errors
/// The database failed.
pub async fn forgotten(db: &mut PgConnection, before: DateTime<Utc>) -> StoreResult<Vec<OrganizationId>> {
    let rows =
        sqlx::query_scalar!("SELECT DISTINCT organization_id FROM notices WHERE spread_at IS NULL AND at < $1", before)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(OrganizationId).collect())
}

/// Forgets what was handed out before `before`, with the log of it.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, organization: OrganizationId, before: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM notification_deliveries WHERE organization_id = $1 AND ended_at < $2",
        organization.0,
        before
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM notices n WHERE organization_id = $1 AND spread_at < $2
             AND NOT EXISTS (SELECT FROM notification_delivery_notices d WHERE d.notice_id = n.id)",
        organization.0,
        before
    )
    .execute(db)
    .await?;
    Ok(())
}
