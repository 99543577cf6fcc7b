//! Who an identity provider's subjects are here, and sign-ins that are on their way there and back.

use chrono::{DateTime, Utc};
use drift_domain::ids::UserId;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// A sign-in on its way.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The provider, by its key.
    pub provider: String,
    /// Where to go afterwards: a path of this site.
    pub next: String,
    /// The hash of the token of the invitation that is accepted on the way back.
    pub invitation: Option<Vec<u8>>,
}

/// Notes that a browser went to a provider.
///
/// # Errors
/// The database failed.
pub async fn begin(
    db: &mut PgConnection,
    cookie_hash: [u8; 32],
    attempt: &Attempt,
    expires_at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO oidc_attempts (cookie_hash, provider, next, invitation, expires_at) VALUES ($1, $2, $3, $4, $5)",
        cookie_hash.as_slice(),
        attempt.provider,
        attempt.next,
        attempt.invitation,
        expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the note of a browser that came back: it is there once. `None` when there is none, or it has ended.
///
/// # Errors
/// The database failed.
pub async fn finish(db: &mut PgConnection, cookie_hash: [u8; 32], now: DateTime<Utc>) -> StoreResult<Option<Attempt>> {
    let row = sqlx::query!(
        "DELETE FROM oidc_attempts WHERE cookie_hash = $1 RETURNING provider, next, invitation, expires_at",
        cookie_hash.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.expires_at > now).map(|row| Attempt {
        provider: row.provider,
        next: row.next,
        invitation: row.invitation,
    }))
}

/// Removes notes that have ended by `now`.
///
/// # Errors
/// The database failed.
pub async fn forget_attempts(db: &mut PgConnection, now: DateTime<Utc>) -> StoreResult<u64> {
    let done = sqlx::query!("DELETE FROM oidc_attempts WHERE expires_at <= $1", now).execute(db).await?;
    Ok(done.rows_affected())
}

/// Who a subject is, if it was linked; notes that it signs in.
///
/// # Errors
/// The database failed.
pub async fn known(
    db: &mut PgConnection,
    issuer: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> StoreResult<Option<UserId>> {
    let user = sqlx::query_scalar!(
        "UPDATE identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2 RETURNING user_id",
        issuer,
        subject,
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(user.map(UserId))
}

/// Links a subject to a person.
///
/// # Errors
/// The subject is linked already, or the database failed.
pub async fn link(
    db: &mut PgConnection,
    issuer: &str,
    subject: &str,
    user: UserId,
    email: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO identities (issuer, subject, user_id, email, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        issuer,
        subject,
        user.0,
        email,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
