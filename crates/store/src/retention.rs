//! Removing what is over and older than an organization's plan keeps.

use chrono::{DateTime, Utc};
use drift_domain::ids::OrganizationId;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// Forgets changes that were decided before `before` and last seen before it, with those that they superseded, at most
/// `most` of them. One that is open, that vanished and waits for a person, that an open change carries as its history, or
/// that belongs to an incident stays whatever its age (the orphan rule). Answers how many went.
pub async fn forget_changes(
    db: &mut PgConnection,
    organization: OrganizationId,
    before: DateTime<Utc>,
    most: i64,
) -> StoreResult<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) FILTER (WHERE forget_finished(organization_id, id)) AS "gone!" FROM (
               SELECT c.organization_id, c.id FROM changes c
               JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.decision_id
               WHERE c.organization_id = $1 AND c.state = 'DECIDED' AND c.last_seen_at < $2 AND d.decided_at < $2
                   AND to_jsonb(c) ->> 'incident_id' IS NULL
               ORDER BY d.decided_at LIMIT $3) AS finished"#,
        organization.0,
        before,
        most
    )
    .fetch_one(db)
    .await?)
}

/// Forgets events that happened before `before`, at most `most` of them. What tells of a change or an incident stays as
/// long as that does. Answers how many went.
pub async fn forget_events(
    db: &mut PgConnection,
    organization: OrganizationId,
    before: DateTime<Utc>,
    most: i64,
) -> StoreResult<u64> {
    let done = sqlx::query!(
        "DELETE FROM events WHERE id IN (
             SELECT id FROM events e WHERE organization_id = $1 AND at < $2
                 AND to_jsonb(e) ->> 'incident_id' IS NULL
                 AND NOT EXISTS (SELECT FROM changes WHERE organization_id = $1 AND id = e.change_id)
             ORDER BY id LIMIT $3)",
        organization.0,
        before,
        most
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
