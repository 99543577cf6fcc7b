//! When an environment is looked at next, and how fresh what is known of it is. Written by checks alone.

use chrono::{DateTime, Utc};
use drift_domain::failure::Failure;
use drift_domain::ids::{EnvironmentId, OrganizationId};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::{StoreResult, exactly_one};

/// Locks an environment for a check that begins or ends, until the transaction is over. Answers whose it is: background
/// work is asked for an environment and not for an organization.
pub async fn lock(db: &mut PgConnection, id: EnvironmentId) -> StoreResult<Option<OrganizationId>> {
    let found = sqlx::query_scalar!("SELECT organization_id FROM environments WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(db)
        .await?;
    Ok(found.map(OrganizationId))
}

/// Records that a check read both sides whole. Where checks had failed before, the back-off is over: the next check is due
/// an interval from now, give or take a tenth.
pub async fn record_good(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    at: DateTime<Utc>,
    commit: &str,
    tree: &str,
    saw_drift: bool,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE environments SET last_checked_at = $3, failure = NULL, failing_since = NULL, failures_in_a_row = 0,
             queued_at = NULL, git_commit = $4, git_tree = $5,
             last_drift_detected_at = CASE WHEN $6 THEN $3 ELSE last_drift_detected_at END,
             next_check_at = CASE WHEN failures_in_a_row = 0 THEN next_check_at
                 ELSE least(next_check_at, $3 + make_interval(secs => interval_seconds * (0.9 + 0.2 * random()))) END
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        at,
        commit,
        tree,
        saw_drift
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Records that a check failed. Status, changes and `last_checked_at` stay (product, Detection 4). The next check comes an
/// interval later after the first failure, twice as late after each further one, and never later than `longest_pause`
/// seconds; up to a tenth earlier, so that environments that failed together do not come back together.
pub async fn record_failed(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    at: DateTime<Utc>,
    failure: &Failure,
    longest_pause: f64,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE environments SET failure = $4, failing_since = coalesce(failing_since, $3), queued_at = NULL,
             failures_in_a_row = failures_in_a_row + 1,
             next_check_at = $3 + make_interval(secs =>
                 least($5::double precision, interval_seconds * power(2, least(failures_in_a_row, 10))) * (0.9 + 0.1 * random()))
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        at,
        Json(failure) as _,
        longest_pause,
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Records that a check was cut short on our side: nobody knows what it would have seen. That says nothing about the
/// environment, so it is no reason to look at it less often.
pub async fn record_interrupted(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    at: DateTime<Utc>,
    failure: &Failure,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE environments SET failure = $4, failing_since = coalesce(failing_since, $3)
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        at,
        Json(failure) as _,
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}
