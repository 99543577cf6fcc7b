//! Sign-ins that failed, until it is looked up whose they are.

use chrono::{DateTime, Utc};
use drift_domain::audit::Origin;
use sqlx::PgConnection;
use uuid::Uuid;

use super::origin;
use crate::error::{StoreResult, word};

/// A sign-in that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The address that was given, in its canonical form.
    pub email: String,
    /// From where.
    pub origin: Origin,
    /// When.
    pub at: DateTime<Utc>,
}

/// Remembers a failure, whoever's it is: the work is the same for an address that nobody has.
///
/// # Errors
/// The database failed.
pub async fn remember(db: &mut PgConnection, email: &str, at: DateTime<Utc>) -> StoreResult<()> {
    let (origin, _) = origin::current(None);
    sqlx::query!(
        "INSERT INTO audit_failed_sign_ins (id, email, via, address, user_agent, at) VALUES ($1, $2, $3, $4, $5, $6)",
        Uuid::now_v7(),
        email,
        origin.via.as_str(),
        origin.address,
        origin.user_agent,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes failures out, the oldest first. Another replica takes others.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn take(db: &mut PgConnection, most: i64) -> StoreResult<Vec<Failure>> {
    let rows = sqlx::query!(
        "DELETE FROM audit_failed_sign_ins WHERE id IN (
             SELECT id FROM audit_failed_sign_ins ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING email, via, address, user_agent, at",
        most
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| {
        let origin = Origin { via: word(&row.via)?, address: row.address, user_agent: row.user_agent };
        Ok(Failure { email: row.email, origin, at: row.at })
    });
    read.collect()
}
