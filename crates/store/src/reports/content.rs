//! What stands in a report, read a part at a time.

use chrono::{DateTime, Utc};
use drift_domain::change::DecisionKind;
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, EventId, IncidentId, OrganizationId, UserId};
use sqlx::PgConnection;

use crate::error::{StoreResult, word};
use crate::events::TimelineRecord;
use crate::incidents::{self as stored, IncidentRecord, Which};

/// Which incidents a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// That were there at a moment from the first of these on, and before the second.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Of this environment.
    pub environment: Option<EnvironmentId>,
    /// This one.
    pub incident: Option<IncidentId>,
}

/// Incidents that a report is of, behind a number, in the order of their numbers; and how many there are behind it in all.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn incidents(
    db: &mut PgConnection,
    organization: OrganizationId,
    within: &Within,
    after: i64,
    limit: i64,
) -> StoreResult<(Vec<IncidentRecord>, i64)> {
    let rows = sqlx::query!(
        r#"SELECT id, count(*) OVER () AS "behind!" FROM drift_incidents
           WHERE organization_id = $1 AND number > $2
             AND ($3::timestamptz IS NULL OR closed_at IS NULL OR closed_at >= $3)
             AND ($4::timestamptz IS NULL OR detected_at < $4)
             AND ($5::uuid IS NULL OR environment_id = $5) AND ($6::uuid IS NULL OR id = $6)
           ORDER BY number LIMIT $7"#,
        organization.0,
        after,
        within.span.map(|span| span.0),
        within.span.map(|span| span.1),
        within.environment.map(|id| id.0),
        within.incident.map(|id| id.0),
        limit
    )
    .fetch_all(&mut *db)
    .await?;
    let behind = rows.first().map_or(0, |row| row.behind);
    let ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    let mut found = stored::list(db, organization, Which { ids: Some(&ids), ..Which::default() }, limit).await?;
    found.reverse();
    Ok((found, behind))
}

/// Events of an incident behind one, in their order.
///
/// # Errors
/// The database failed.
pub async fn timeline(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    after: EventId,
    limit: i64,
) -> StoreResult<Vec<TimelineRecord>> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.kind, e.actor, u.name AS "name?", e.at, e.data
           FROM events e LEFT JOIN users u ON u.id = e.actor
           WHERE e.organization_id = $1 AND e.incident_id = $2 AND e.id > $3 ORDER BY e.id LIMIT $4"#,
        organization.0,
        incident.0,
        after.0,
        limit
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| TimelineRecord {
        id: EventId(row.id),
        kind: row.kind,
        by: row.actor.map(UserId).zip(row.name),
        at: row.at,
        data: row.data,
    });
    Ok(read.collect())
}

/// A decision about a change of an incident, whether it still holds or not.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Its identifier.
    pub id: DecisionId,
    /// The change.
    pub change: ChangeId,
    /// The workflow's name now.
    pub workflow: String,
    /// What was decided.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// For REPLACE: the commit, or what else takes the place of both sides.
    pub replacement: Option<String>,
    /// Who decided.
    pub by: (UserId, String),
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the change ended by it.
    pub ended: bool,
}

/// Every decision about a change of an incident, in their order.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn decisions(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Vec<Decided>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.change_id, w.name AS workflow, d.kind, d.reason, d.replacement, d.decided_by, u.name, d.decided_at,
               COALESCE(c.decision_id = d.id, false) AS "ended!"
           FROM changes c
           JOIN decisions d ON d.organization_id = c.organization_id AND d.change_id = c.id
           JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
           JOIN users u ON u.id = d.decided_by
           WHERE c.organization_id = $1 AND c.incident_id = $2 ORDER BY d.id"#,
        organization.0,
        incident.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Decided {
                id: DecisionId(row.id),
                change: ChangeId(row.change_id),
                workflow: row.workflow,
                kind: word(&row.kind)?,
                reason: row.reason,
                replacement: row.replacement,
                by: (UserId(row.decided_by), row.name),
                at: row.decided_at,
                ended: row.ended,
            })
        })
        .collect()
}

/// The last place of the audit log's chain that seals an entry of before a time.
///
/// # Errors
/// The database failed.
pub async fn last_before(
    db: &mut PgConnection,
    organization: OrganizationId,
    until: DateTime<Utc>,
) -> StoreResult<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "SELECT max(s.sequence) FROM audit_entries e
         JOIN audit_seals s ON s.organization_id = e.organization_id AND s.entry_id = e.id
         WHERE e.organization_id = $1 AND e.at < $2",
        organization.0,
        until
    )
    .fetch_one(db)
    .await?)
}
