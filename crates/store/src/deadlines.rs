//! What the clock of incidents asks for, and whether it has told something already.

use chrono::{DateTime, Utc};
use drift_domain::ids::{IncidentId, OrganizationId};
use drift_domain::incident::TimePoint;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// The open incidents whose clock has something to say, the longest due first: at most `limit`, of every organization.
///
/// # Errors
/// The database failed.
pub async fn due(
    db: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> StoreResult<Vec<(OrganizationId, IncidentId)>> {
    let rows = sqlx::query!(
        "SELECT organization_id, id FROM drift_incidents WHERE alarm_at <= $1 AND status <> 'CLOSED'
         ORDER BY alarm_at LIMIT $2",
        now,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (OrganizationId(row.organization_id), IncidentId(row.id))).collect())
}

/// Whether this point of this deadline was told already: a deadline can come back, where a severity goes up and down again.
///
/// # Errors
/// The database failed.
pub async fn is_told(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    point: TimePoint,
    expires_at: &str,
) -> StoreResult<bool> {
    let told = sqlx::query_scalar!(
        r#"SELECT true AS "told!" FROM events
           WHERE organization_id = $1 AND incident_id = $2 AND kind IN ('incident.expiring', 'incident.expired')
             AND data ->> 'point' = $3 AND data ->> 'expires_at' = $4 LIMIT 1"#,
        organization.0,
        incident.0,
        point.as_str(),
        expires_at
    );
    Ok(told.fetch_optional(db).await?.is_some())
}
