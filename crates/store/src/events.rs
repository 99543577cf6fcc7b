//! Events: who did what, when and why. They are only ever added; the schema refuses to alter one.
//!
//! What is told of an event ([`NoticeKind::of_event`]) is put into the outbox here, in the same transaction: whoever adds an
//! event cannot forget it. What it leaves in the audit log ([`drift_domain::audit::AuditAction::of_event`]) is written here for
//! the same reason.

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChangeId, EnvironmentId, EventId, IncidentId, OrganizationId, UserId};
use drift_domain::notification::NoticeKind;
use sqlx::PgConnection;

use crate::audit;
use crate::error::StoreResult;
use crate::notifications::outbox::{self, NewNotice};

/// An event to be added.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The environment that it is about, if one.
    pub environment_id: Option<EnvironmentId>,
    /// The change that it is about, if one.
    pub change_id: Option<ChangeId>,
    /// What happened, as a dotted name: `change.vanished`.
    pub kind: &'a str,
    /// Who did it; `None` for the product itself.
    pub actor: Option<UserId>,
    /// Particulars. No secret.
    pub data: serde_json::Value,
}

/// Adds an event, in the transaction of what it tells.
///
/// # Errors
/// The organization or the actor does not exist, or the database failed.
pub async fn append(db: &mut PgConnection, event: &NewEvent<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    let id = sqlx::query_scalar!(
        "INSERT INTO events (organization_id, environment_id, change_id, kind, actor, at, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        event.organization_id.0,
        event.environment_id.map(|id| id.0),
        event.change_id.map(|id| id.0),
        event.kind,
        event.actor.map(|id| id.0),
        at,
        event.data,
    )
    .fetch_one(&mut *db)
    .await?;
    audit::of_event(db, event, None, at).await?;
    tell(db, EventId(id), None, event, at).await
}

/// Has an event told to whoever wants it, once the transaction commits.
async fn tell(
    db: &mut PgConnection,
    id: EventId,
    incident: Option<IncidentId>,
    event: &NewEvent<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let Some(kind) = NoticeKind::of_event(event.kind) else { return Ok(()) };
    outbox::put(db, &NewNotice { event, event_id: id, incident, kind }, at).await
}

/// Adds an event to an incident's timeline, in the transaction of what it tells. `version` is the incident's since then.
///
/// # Errors
/// The actor does not exist, or the database failed.
pub async fn append_to_incident(
    db: &mut PgConnection,
    incident: IncidentId,
    version: i64,
    event: &NewEvent<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let id = sqlx::query_scalar!(
        "INSERT INTO events (organization_id, environment_id, change_id, kind, actor, at, data, incident_id, incident_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        event.organization_id.0,
        event.environment_id.map(|id| id.0),
        event.change_id.map(|id| id.0),
        event.kind,
        event.actor.map(|id| id.0),
        at,
        event.data,
        incident.0,
        version,
    )
    .fetch_one(&mut *db)
    .await?;
    audit::of_event(db, event, Some(incident), at).await?;
    tell(db, EventId(id), Some(incident), event, at).await
}

/// An event of an incident's timeline.
#[derive(Clone, Debug)]
pub struct TimelineRecord {
    /// Its identifier.
    pub id: EventId,
    /// What happened, as a dotted name.
    pub kind: String,
    /// Who did it, with the name; `None` for the product itself.
    pub by: Option<(UserId, String)>,
    /// When.
    pub at: DateTime<Utc>,
    /// Particulars.
    pub data: serde_json::Value,
}

/// The newest events of an incident that made a version of it after `since`, of those before `before`, oldest first.
///
/// # Errors
/// The database failed.
pub async fn timeline(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    since: i64,
    before: Option<EventId>,
    limit: i64,
) -> StoreResult<Vec<TimelineRecord>> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.kind, e.actor, u.name AS "name?", e.at, e.data
           FROM events e LEFT JOIN users u ON u.id = e.actor
           WHERE e.organization_id = $1 AND e.incident_id = $2 AND e.incident_version > $3
             AND ($5::bigint IS NULL OR e.id < $5)
           ORDER BY e.id DESC LIMIT $4"#,
        organization.0,
        incident.0,
        since,
        limit,
        before.map(|id| id.0)
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().rev().map(|row| TimelineRecord {
        id: EventId(row.id),
        kind: row.kind,
        by: row.actor.map(UserId).zip(row.name),
        at: row.at,
        data: row.data,
    });
    Ok(read.collect())
}

/// Who did something of this kind that made a version after `since`, oldest first: by the `version` in the particulars. Of an
/// environment, or of the organization as a whole.
///
/// # Errors
/// The database failed.
pub async fn editors_since(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: Option<EnvironmentId>,
    kind: &str,
    since: i64,
) -> StoreResult<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT u.name FROM events e JOIN users u ON u.id = e.actor
           WHERE e.organization_id = $1 AND e.environment_id IS NOT DISTINCT FROM $2 AND e.kind = $3
             AND (e.data->>'version')::bigint > $4
           ORDER BY e.id LIMIT 20"#,
        organization.0,
        environment.map(|id| id.0),
        kind,
        since
    );
    Ok(rows.fetch_all(db).await?)
}
