//! Mail that is to be sent: a job each, enqueued in the service's own transaction, so a rolled-back one sends nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::StoreResult;

/// The name under which mail is queued.
pub const MAIL: &str = "mail";

/// The payload of a [`MAIL`] job. It holds links that sign people in, so it is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailJob {
    /// What to send, sealed ([`crate::secretbox::Purpose::Mail`]), in hexadecimal digits.
    pub sealed: String,
    /// When it is of no use any more and is not sent.
    pub not_after: DateTime<Utc>,
}

/// Asks for a mail to be sent. Mails go out one at a time, so that a slow mail server takes one of the workers at most.
///
/// # Errors
/// The database failed.
pub async fn enqueue(db: &mut PgConnection, job: &MailJob, key: Uuid) -> StoreResult<()> {
    sqlx::query!(r#"SELECT ask_for_mail($1::json, $2) AS "id!""#, Json(job) as _, format!("mail:{key}"))
        .fetch_one(db)
        .await?;
    Ok(())
}
