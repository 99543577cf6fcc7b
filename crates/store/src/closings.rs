//! Closings that were asked for, and the receipts of those that came about.

use chrono::{DateTime, Utc};
use drift_domain::check::CheckTrigger;
use drift_domain::ids::{CheckId, ClosingId, EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::incident::ClosingState;
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// A closing as it is stored.
#[derive(Clone, Debug)]
pub struct ClosingRecord {
    /// Its identifier.
    pub id: ClosingId,
    /// Who asked.
    pub by: (UserId, String),
    /// When.
    pub at: DateTime<Utc>,
    /// How far it is.
    pub state: ClosingState,
    /// Why it was refused.
    pub refusal: Option<String>,
}

/// Records that somebody asks to close an incident.
///
/// # Errors
/// A constraint when another closing of it is going on.
pub async fn begin(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    incident: IncidentId,
    id: ClosingId,
    by: UserId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO incident_closings (organization_id, environment_id, incident_id, id, requested_by, requested_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, 'CHECKING')",
        organization.0,
        environment.0,
        incident.0,
        id.0,
        by.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The newest closing of an incident, if somebody ever asked.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn newest(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Option<ClosingRecord>> {
    let row = sqlx::query!(
        "SELECT c.id, c.requested_by, u.name, c.requested_at, c.state, c.refusal
         FROM incident_closings c JOIN users u ON u.id = c.requested_by
         WHERE c.organization_id = $1 AND c.incident_id = $2 ORDER BY c.id DESC LIMIT 1",
        organization.0,
        incident.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(ClosingRecord {
            id: ClosingId(row.id),
            by: (UserId(row.requested_by), row.name),
            at: row.requested_at,
            state: word(&row.state)?,
            refusal: row.refusal,
        })
    })
    .transpose()
}

/// What made a check run and when it began, if it is known.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn check(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: CheckId,
) -> StoreResult<Option<(CheckTrigger, DateTime<Utc>)>> {
    let row = sqlx::query!(
        "SELECT trigger, started_at FROM checks WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((word(&row.trigger)?, row.started_at))).transpose()
}

/// Ends a closing: closed, or refused and why.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is ended already.
pub async fn end(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ClosingId,
    check: Option<CheckId>,
    refusal: Option<&str>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let state = if refusal.is_some() { ClosingState::Refused } else { ClosingState::Closed };
    let done = sqlx::query!(
        "UPDATE incident_closings SET state = $3, check_id = $4, refusal = $5, ended_at = greatest(requested_at, $6)
         WHERE organization_id = $1 AND id = $2 AND state = 'CHECKING'",
        organization.0,
        id.0,
        state.as_str(),
        check.map(|id| id.0),
        refusal,
        now
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// A closure receipt as it is stored.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The check that proved it.
    pub check: CheckId,
    /// What is proven.
    pub document: Value,
    /// BLAKE3 of the document in canonical form.
    pub digest: [u8; 32],
    /// Over the digest, by the installation's key.
    pub signature: [u8; 64],
    /// The public half of that key.
    pub public_key: [u8; 32],
}

/// Keeps the receipt of a closing. It is never altered again; the schema refuses it.
///
/// # Errors
/// A constraint when the incident has one.
pub async fn keep_receipt(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    incident: IncidentId,
    receipt: &Receipt,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO closure_receipts (organization_id, environment_id, incident_id, check_id, document, digest, signature,
             public_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        organization.0,
        environment.0,
        incident.0,
        receipt.check.0,
        receipt.document,
        receipt.digest.as_slice(),
        receipt.signature.as_slice(),
        receipt.public_key.as_slice(),
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The receipt of an incident, once it is closed.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn receipt(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Option<Receipt>> {
    let row = sqlx::query!(
        "SELECT check_id, document, digest, signature, public_key FROM closure_receipts
         WHERE organization_id = $1 AND incident_id = $2",
        organization.0,
        incident.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Receipt {
            check: CheckId(row.check_id),
            document: row.document,
            digest: fixed(&row.digest)?,
            signature: fixed(&row.signature)?,
            public_key: fixed(&row.public_key)?,
        })
    })
    .transpose()
}

fn fixed<const N: usize>(bytes: &[u8]) -> StoreResult<[u8; N]> {
    bytes.try_into().map_err(StoreError::corrupt)
}
