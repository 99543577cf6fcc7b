//! Legal holds: what is under one is not removed, whatever the plan keeps. A released hold stays as a row.

use chrono::{DateTime, Utc};
use drift_domain::ids::{HoldId, IncidentId, OrganizationId, UserId};
use drift_domain::views::{HeldIncident, HoldRelease, HoldView};
use sqlx::PgConnection;

use crate::error::StoreResult;

/// The constraint of a second hold on what one holds already.
pub const ONE_AT_A_TIME: &str = "holds_one_at_a_time";
/// The constraint of a hold on an incident that has just gone.
pub const ON_WHAT_IS_THERE: &str = "holds_are_on_what_is_there";

/// Places a hold on an incident, by its identifier and number, or on all of the organization.
///
/// # Errors
/// [`ONE_AT_A_TIME`], [`ON_WHAT_IS_THERE`], or the database failed.
pub async fn place(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: HoldId,
    incident: Option<&HeldIncident>,
    reason: &str,
    by: UserId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO holds (organization_id, id, incident_id, incident_number, reason, placed_by, placed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        organization.0,
        id.0,
        incident.map(|held| held.id.0),
        incident.map(|held| held.number),
        reason,
        by.0,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Releases a hold. Answers whether it held.
///
/// # Errors
/// The database failed.
pub async fn release(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: HoldId,
    reason: &str,
    by: UserId,
    at: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE holds SET released_by = $3, released_at = $4, release_reason = $5
         WHERE organization_id = $1 AND id = $2 AND released_at IS NULL",
        organization.0,
        id.0,
        by.0,
        at,
        reason
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// The number of an incident that is there.
///
/// # Errors
/// The database failed.
pub async fn incident(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
) -> StoreResult<Option<HeldIncident>> {
    let number = sqlx::query_scalar!(
        "SELECT number FROM drift_incidents WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    );
    Ok(number.fetch_optional(db).await?.map(|number| HeldIncident { id, number }))
}

/// Whether a hold is on all of the organization.
///
/// # Errors
/// The database failed.
pub async fn holds_all(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT is_held($1) AS "held!""#, organization.0).fetch_one(db).await?)
}

/// Which holds are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// All of the organization.
    All,
    /// This one.
    One(HoldId),
    /// Those that hold now what belongs to this incident: its own, and that of the organization.
    Of(IncidentId),
}

/// Holds, those that hold first, then the newest.
///
/// # Errors
/// The database failed.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    which: Which,
    most: i64,
) -> StoreResult<Vec<HoldView>> {
    let (one, of) = match which {
        Which::All => (None, None),
        Which::One(id) => (Some(id.0), None),
        Which::Of(incident) => (None, Some(incident.0)),
    };
    let rows = sqlx::query!(
        r#"SELECT h.id, h.incident_id, h.incident_number, h.reason, p.name AS by, h.placed_at,
               r.name AS "released_by?", h.released_at, h.release_reason
           FROM holds h JOIN users p ON p.id = h.placed_by LEFT JOIN users r ON r.id = h.released_by
           WHERE h.organization_id = $1 AND ($2::uuid IS NULL OR h.id = $2)
             AND ($3::uuid IS NULL OR h.released_at IS NULL AND (h.incident_id IS NULL OR h.incident_id = $3))
           ORDER BY h.released_at IS NOT NULL, h.placed_at DESC, h.id DESC LIMIT $4"#,
        organization.0,
        one,
        of,
        most
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| HoldView {
        id: HoldId(row.id),
        incident: row
            .incident_id
            .zip(row.incident_number)
            .map(|(id, number)| HeldIncident { id: IncidentId(id), number }),
        reason: row.reason,
        by: row.by,
        at: row.placed_at,
        released: row.released_by.zip(row.released_at).zip(row.release_reason).map(|((by, at), reason)| HoldRelease {
            by,
            at,
            reason,
        }),
    });
    Ok(read.collect())
}
