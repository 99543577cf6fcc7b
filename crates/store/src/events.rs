//! Events: who did what, when and why. They are only ever added; the schema refuses to alter one.

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChangeId, EnvironmentId, OrganizationId, UserId};
use sqlx::PgConnection;

use crate::error::StoreResult;

/// An event to be added.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The environment that it is about, if one.
    pub environment_id: Option<EnvironmentId>,
    /// The change that it is about, if one.
    pub change_id: Option<ChangeId>,
    /// What happened, as a dotted name: `change.vanished`.
    pub kind: &'a str,
    /// Who did it; `None` for the product itself.
    pub actor: Option<UserId>,
    /// Particulars. No secret.
    pub data: serde_json::Value,
}

/// Adds an event, in the transaction of what it tells.
///
/// # Errors
/// The organization or the actor does not exist, or the database failed.
pub async fn append(db: &mut PgConnection, event: &NewEvent<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO events (organization_id, environment_id, change_id, kind, actor, at, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        event.organization_id.0,
        event.environment_id.map(|id| id.0),
        event.change_id.map(|id| id.0),
        event.kind,
        event.actor.map(|id| id.0),
        at,
        event.data,
    )
    .execute(db)
    .await?;
    Ok(())
}
