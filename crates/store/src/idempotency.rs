//! Requests that a program may send again, and what they were answered.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, UserId};
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// What is known of a key.
#[derive(Clone, Debug)]
pub enum Known {
    /// Nothing: it is the caller's now.
    Claimed,
    /// It was used for this request, by its hash; with the answer, unless that is still being worked on.
    Used {
        /// The hash of the request that used it.
        request: Vec<u8>,
        /// What was answered.
        answer: Option<Value>,
    },
}

/// Claims a key, or tells what it was used for. A claim of before `lost` that was never answered counts for nothing.
///
/// # Errors
/// The database failed.
pub async fn claim(
    db: &mut PgConnection,
    (organization, user): (OrganizationId, UserId),
    key: &str,
    request: &[u8; 32],
    lost: DateTime<Utc>,
    now: DateTime<Utc>,
) -> StoreResult<Known> {
    let done = sqlx::query!(
        "INSERT INTO idempotency_keys AS k (organization_id, user_id, key, request, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization_id, user_id, key) DO UPDATE SET request = $4, created_at = $5
             WHERE k.answer IS NULL AND k.created_at < $6",
        organization.0,
        user.0,
        key,
        request.as_slice(),
        now,
        lost
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Known::Claimed);
    }
    let row = sqlx::query!(
        "SELECT request, answer FROM idempotency_keys WHERE organization_id = $1 AND user_id = $2 AND key = $3",
        organization.0,
        user.0,
        key
    )
    .fetch_one(db)
    .await?;
    Ok(Known::Used { request: row.request, answer: row.answer })
}

/// Remembers what was answered.
///
/// # Errors
/// The database failed.
pub async fn answer(
    db: &mut PgConnection,
    (organization, user): (OrganizationId, UserId),
    key: &str,
    answer: &Value,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE idempotency_keys SET answer = $4 WHERE organization_id = $1 AND user_id = $2 AND key = $3",
        organization.0,
        user.0,
        key,
        answer
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a key back: what it was claimed for was refused, so it may be tried again.
///
/// # Errors
/// The database failed.
pub async fn give_back(
    db: &mut PgConnection,
    (organization, user): (OrganizationId, UserId),
    key: &str,
) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM idempotency_keys WHERE organization_id = $1 AND user_id = $2 AND key = $3 AND answer IS NULL",
        organization.0,
        user.0,
        key
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the keys of an organization that are older than `before`.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, organization: OrganizationId, before: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!("DELETE FROM idempotency_keys WHERE organization_id = $1 AND created_at < $2", organization.0, before)
        .execute(db)
        .await?;
    Ok(())
}
