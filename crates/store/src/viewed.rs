//! What a person has viewed of an incident. A tick is for a content: where a change has another by now, it is none.

use chrono::{DateTime, Utc};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, IncidentId, OrganizationId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult};

/// A change as it is now, and whether a person has viewed it like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewed {
    /// What it holds: both sides, and what became of it.
    pub content: Fingerprint,
    /// Whether the person has viewed that.
    pub viewed: bool,
}

/// What a person has viewed of these changes.
///
/// # Errors
/// The database failed.
pub async fn of_changes(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    changes: &[ChangeId],
) -> StoreResult<Vec<(ChangeId, Viewed)>> {
    let ids: Vec<Uuid> = changes.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT c.id, change_content(c) AS "content!", v.content IS NOT DISTINCT FROM change_content(c) AS "viewed!"
           FROM changes c
           LEFT JOIN viewed_changes v ON v.organization_id = c.organization_id AND v.change_id = c.id AND v.user_id = $2
           WHERE c.organization_id = $1 AND c.id = ANY ($3)"#,
        organization.0,
        user.0,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let content = row.content.as_slice().try_into().map_err(StoreError::corrupt)?;
            Ok((ChangeId(row.id), Viewed { content, viewed: row.viewed }))
        })
        .collect()
}

/// How many of an incident's changes a person has viewed as they are now; superseded ones are part of those that carry them.
///
/// # Errors
/// The database failed.
pub async fn count(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    incident: IncidentId,
) -> StoreResult<u32> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM changes c
           JOIN viewed_changes v ON v.organization_id = c.organization_id AND v.change_id = c.id AND v.user_id = $2
           WHERE c.organization_id = $1 AND c.incident_id = $3 AND c.state <> 'SUPERSEDED' AND v.content = change_content(c)"#,
        organization.0,
        user.0,
        incident.0
    )
    .fetch_one(db)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Ticks a change of an incident for a person, who saw it with this content. Whether that is what it holds: if it is not, nothing
/// is ticked.
///
/// # Errors
/// The database failed.
pub async fn tick(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    (incident, change): (IncidentId, ChangeId),
    content: Fingerprint,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO viewed_changes (organization_id, user_id, change_id, content, viewed_at)
         SELECT c.organization_id, $2, c.id, $5, $6 FROM changes c
         WHERE c.organization_id = $1 AND c.incident_id = $3 AND c.id = $4 AND change_content(c) = $5
             AND c.state <> 'SUPERSEDED'
         ON CONFLICT (organization_id, user_id, change_id) DO UPDATE
             SET content = excluded.content, viewed_at = excluded.viewed_at",
        organization.0,
        user.0,
        incident.0,
        change.0,
        content.0.as_slice(),
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a person's tick away.
///
/// # Errors
/// The database failed.
pub async fn untick(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    change: ChangeId,
) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM viewed_changes WHERE organization_id = $1 AND user_id = $2 AND change_id = $3",
        organization.0,
        user.0,
        change.0
    )
    .execute(db)
    .await?;
    Ok(())
}
