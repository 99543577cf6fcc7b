//! Links that set a new password, once.

use chrono::{DateTime, Utc};
use drift_domain::ids::UserId;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// Stores a person's link; an older one of the same person ends.
///
/// # Errors
/// The database failed.
pub async fn put(
    db: &mut PgConnection,
    token_hash: [u8; 32],
    user: UserId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET token_hash = EXCLUDED.token_hash, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at",
        token_hash.as_slice(),
        user.0,
        now,
        expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whose a link is, while it has not ended.
///
/// # Errors
/// The database failed.
pub async fn whose(db: &mut PgConnection, token_hash: [u8; 32], now: DateTime<Utc>) -> StoreResult<Option<UserId>> {
    let user = sqlx::query_scalar!(
        "SELECT user_id FROM password_resets WHERE token_hash = $1 AND expires_at > $2",
        token_hash.as_slice(),
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(user.map(UserId))
}

/// Takes a link: whoever takes it is the only one who gets it. `None` when there is none, or it has ended.
///
/// # Errors
/// The database failed.
pub async fn take(db: &mut PgConnection, token_hash: [u8; 32], now: DateTime<Utc>) -> StoreResult<Option<UserId>> {
    let user = sqlx::query_scalar!(
        "DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > $2 RETURNING user_id",
        token_hash.as_slice(),
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(user.map(UserId))
}

/// Ends a person's link: the password was changed by other means.
///
/// # Errors
/// The database failed.
pub async fn forget_of(db: &mut PgConnection, user: UserId) -> StoreResult<()> {
    sqlx::query!("DELETE FROM password_resets WHERE user_id = $1", user.0).execute(db).await?;
    Ok(())
}

/// Removes links that have ended by `now`.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, now: DateTime<Utc>) -> StoreResult<u64> {
    let done = sqlx::query!("DELETE FROM password_resets WHERE expires_at <= $1", now).execute(db).await?;
    Ok(done.rows_affected())
}
