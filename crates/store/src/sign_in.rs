//! Failed sign-ins, counted by subject in windows of one minute. A subject is the keyed hash of an e-mail address or of a
//! network address ([`crate::secretbox::SecretBox::subject`]).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::error::StoreResult;

/// Failures of one subject in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When the minute began.
    pub start: DateTime<Utc>,
    /// How many.
    pub failures: u32,
}

/// Lets one attempt of this subject at a time be counted, until the transaction ends: many at once are many all the same.
///
/// # Errors
/// The database failed.
pub async fn lock(db: &mut PgConnection, subject: [u8; 32]) -> StoreResult<()> {
    let [a, b, c, d, e, f, g, h, ..] = subject;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", i64::from_le_bytes([a, b, c, d, e, f, g, h])).execute(db).await?;
    Ok(())
}

/// The windows of a subject that began at `since` or later, oldest first.
///
/// # Errors
/// The database failed.
pub async fn windows(db: &mut PgConnection, subject: [u8; 32], since: DateTime<Utc>) -> StoreResult<Vec<Window>> {
    let rows = sqlx::query!(
        "SELECT window_start, failures FROM sign_in_failures WHERE subject = $1 AND window_start >= $2
         ORDER BY window_start",
        subject.as_slice(),
        since
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| Window { start: row.window_start, failures: row.failures.unsigned_abs() }).collect())
}

/// Counts one failure into the window that began at `window`.
///
/// # Errors
/// The database failed.
pub async fn count(db: &mut PgConnection, subject: [u8; 32], window: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO sign_in_failures (subject, window_start, failures) VALUES ($1, $2, 1)
         ON CONFLICT (subject, window_start) DO UPDATE SET failures = sign_in_failures.failures + 1",
        subject.as_slice(),
        window
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes one failure back out of the window that began at `window`: the attempt succeeded.
///
/// # Errors
/// The database failed.
pub async fn uncount(db: &mut PgConnection, subject: [u8; 32], window: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE sign_in_failures SET failures = failures - 1 WHERE subject = $1 AND window_start = $2 AND failures > 0",
        subject.as_slice(),
        window
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets every failure of a subject.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, subject: [u8; 32]) -> StoreResult<()> {
    sqlx::query!("DELETE FROM sign_in_failures WHERE subject = $1", subject.as_slice()).execute(db).await?;
    Ok(())
}

/// Removes windows that began before `before`, and says how many.
///
/// # Errors
/// The database failed.
pub async fn delete_before(db: &mut PgConnection, before: DateTime<Utc>) -> StoreResult<u64> {
    let done = sqlx::query!("DELETE FROM sign_in_failures WHERE window_start < $1", before).execute(db).await?;
    Ok(done.rows_affected())
}
