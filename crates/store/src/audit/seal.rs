//! Giving entries their order: one sealer of an organization at a time.

use drift_domain::audit::{Digest, Seal};
use drift_domain::ids::{AuditEntryId, OrganizationId};
use sqlx::PgConnection;

use super::read::head;
use crate::error::{StoreError, StoreResult};

/// The organizations that have entries without a seal.
///
/// # Errors
/// The database failed.
pub async fn waiting(db: &mut PgConnection) -> StoreResult<Vec<OrganizationId>> {
    let ids = sqlx::query_scalar!("SELECT DISTINCT organization_id FROM audit_unsealed").fetch_all(db).await?;
    Ok(ids.into_iter().map(OrganizationId).collect())
}

/// Seals entries that have no seal, the oldest first, at most `most`, and says how many. Whoever else seals this
/// organization's waits until the transaction is over.
///
/// # Errors
/// The database failed, or holds a hash that is none.
pub async fn seal(db: &mut PgConnection, organization: OrganizationId, most: i64) -> StoreResult<i64> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('audit ' || $1::uuid::text, 0))", organization.0)
        .execute(&mut *db)
        .await?;
    let waiting = sqlx::query!(
        "SELECT e.id, e.entry_hash FROM audit_unsealed w
         JOIN audit_entries e ON e.organization_id = w.organization_id AND e.id = w.entry_id
         WHERE w.organization_id = $1 ORDER BY e.at, e.id LIMIT $2",
        organization.0,
        most
    )
    .fetch_all(&mut *db)
    .await?;
    let (mut sequence, mut previous) = head(db, organization).await?.unwrap_or((0, Digest::NONE));
    let mut seals = Vec::with_capacity(waiting.len());
    for row in waiting {
        let hash = Digest::from_slice(&row.entry_hash).ok_or_else(|| StoreError::corrupt("an entry's hash"))?;
        sequence += 1;
        let seal = Seal::new(organization, sequence, AuditEntryId(row.id), hash, previous);
        previous = seal.hash;
        seals.push(seal);
    }
    insert(db, organization, &seals).await?;
    Ok(i64::try_from(seals.len()).unwrap_or(most))
}

async fn insert(db: &mut PgConnection, organization: OrganizationId, seals: &[Seal]) -> StoreResult<()> {
    let bytes = |of: fn(&Seal) -> Digest| seals.iter().map(|seal| of(seal).0.to_vec()).collect::<Vec<_>>();
    let sequences: Vec<i64> = seals.iter().map(|seal| seal.sequence).collect();
    let ids: Vec<_> = seals.iter().map(|seal| seal.entry_id.0).collect();
    sqlx::query!(
        "INSERT INTO audit_seals (organization_id, sequence, entry_id, entry_hash, previous_hash, hash)
         SELECT $1, * FROM unnest($2::bigint[], $3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[])",
        organization.0,
        &sequences,
        &ids,
        &bytes(|seal| seal.entry_hash),
        &bytes(|seal| seal.previous_hash),
        &bytes(|seal| seal.hash),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM audit_unsealed WHERE organization_id = $1 AND entry_id = ANY ($2)", organization.0, &ids)
        .execute(db)
        .await?;
    Ok(())
}
