//! Webhook deliveries that were taken: GitHub may send one again.

use chrono::{DateTime, Utc};
use drift_domain::ids::OrganizationId;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// Remembers a delivery; `false` when it was taken before.
pub async fn remember(
    db: &mut PgConnection,
    organization: OrganizationId,
    delivery: &str,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO webhook_deliveries (organization_id, delivery, received_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
        organization.0,
        delivery,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets deliveries received before `before`.
pub async fn forget(db: &mut PgConnection, organization: OrganizationId, before: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM webhook_deliveries WHERE organization_id = $1 AND received_at < $2",
        organization.0,
        before
    )
    .execute(db)
    .await?;
    Ok(())
}
