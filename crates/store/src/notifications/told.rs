//! What was told last of an environment: each turn of it is told once. Whoever asks holds the environment's row.

use chrono::{DateTime, Utc};
use drift_domain::ids::{EnvironmentId, OrganizationId};
use sqlx::PgConnection;

use crate::error::StoreResult;

/// What was told last of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// That it drifts.
    pub drifting: bool,
    /// That what is known of it is not verified.
    pub unverified: bool,
}

/// What was told last; `None` for an environment that is gone.
///
/// # Errors
/// The database failed.
pub async fn get(db: &mut PgConnection, organization: OrganizationId, id: EnvironmentId) -> StoreResult<Option<Told>> {
    let told = sqlx::query_as!(
        Told,
        "SELECT told_drifting AS drifting, told_unverified AS unverified FROM environments
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    );
    Ok(told.fetch_optional(db).await?)
}

/// Remembers what is told now.
///
/// # Errors
/// The database failed.
pub async fn set(db: &mut PgConnection, organization: OrganizationId, id: EnvironmentId, now: Told) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE environments SET told_drifting = $3, told_unverified = $4 WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        now.drifting,
        now.unverified
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Environments whose newest good check is older than `intervals` of their own, and of which that was not told yet: at most
/// `most`. Nobody's failure tells of these, since no check came to an end.
///
/// # Errors
/// The database failed.
pub async fn stale(
    db: &mut PgConnection,
    now: DateTime<Utc>,
    intervals: i32,
    most: i64,
) -> StoreResult<Vec<(OrganizationId, EnvironmentId)>> {
    let rows = sqlx::query!(
        "SELECT organization_id, id FROM environments
         WHERE NOT told_unverified
             AND coalesce(last_checked_at, created_at) < $1::timestamptz - make_interval(secs => interval_seconds * $2::double precision)
         LIMIT $3",
        now,
        f64::from(intervals),
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (OrganizationId(row.organization_id), EnvironmentId(row.id))).collect())
}
