//! Sealing the log, and looking whether it is as it was sealed.

use std::sync::Arc;

use drift_domain::audit::{Anchor, Chain, Digest, Fault, UNSEALED_FOR, Verified};
use drift_domain::clock::Clock;
use drift_domain::ids::OrganizationId;
use drift_store::{PgConnection, PgPool, StoreError, audit};

use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// Entries that one transaction seals at most: others wait for its lock.
const AT_ONCE: i64 = 1000;
/// Seals that are looked at together: with their entries, what verifying holds in memory.
const PAGE: i64 = 1000;

/// The log of an installation's organizations, for who runs it: it asks no gate. People go through [`Services`].
#[derive(Clone)]
pub struct Archive {
    pub(super) pool: PgPool,
    pub(super) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}

impl Services {
    /// The log of every organization, for who runs the installation.
    #[must_use]
    pub fn archive(&self) -> Archive {
        Archive::new(self.pool.clone(), Arc::clone(&self.clock))
    }
}

impl Archive {
    /// The log in a migrated database.
    #[must_use]
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    /// Seals every organization's entries that have no seal, and says how many.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer; what was not sealed is so next time.
    pub async fn seal(&self) -> ServiceResult<i64> {
        self.file_failed_sign_ins().await?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let waiting = audit::waiting(&mut db).await?;
        drop(db);
        let mut sealed = 0;
        for organization in waiting {
            sealed += self.seal_of(organization).await?;
        }
        Ok(sealed)
    }

    /// Seals one organization's entries that have no seal, and says how many.
    ///
    /// # Errors
    /// As [`Archive::seal`].
    pub async fn seal_of(&self, organization: OrganizationId) -> ServiceResult<i64> {
        let mut sealed = 0;
        loop {
            let mut tx = drift_store::tenant::begin(&self.pool, organization).await?;
            let now = audit::seal(&mut tx, organization, AT_ONCE).await?;
            tx.commit().await.map_err(StoreError::from)?;
            sealed += now;
            if now < AT_ONCE {
                return Ok(sealed);
            }
        }
    }

    /// Walks an organization's whole log and answers the first fault, or where the sound log ends.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] without such an organization, [`ServiceError::Unavailable`] when the database does not
    /// answer: then nothing is known of the log.
    pub async fn verify(
        &self,
        organization: OrganizationId,
        anchor: Option<Anchor>,
    ) -> ServiceResult<Result<Verified, Fault>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        if drift_store::people::organization(&mut db, organization).await?.is_none() {
            return Err(ServiceError::NotFound("organization"));
        }
        drop(db);
        self.file_failed_sign_ins().await?;
        self.seal_of(organization).await?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let mut chain = Chain::new(organization, anchor);
        if let Err(fault) = walk(&mut db, &mut chain, organization).await? {
            return Ok(Err(fault));
        }
        if let Err(fault) = chain.end() {
            return Ok(Err(fault));
        }
        let due = self.clock.now() - UNSEALED_FOR;
        if let Some(entry) = audit::unsealed_before(&mut db, organization, due).await? {
            return Ok(Err(Fault::Unsealed { entry }));
        }
        let (sequence, hash) = (chain.sequence(), chain.head());
        Ok(Ok(Verified { organization_id: organization, after_sequence: 0, sequence, hash }))
    }

    /// The organizations of this installation, with their names.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn organizations(&self) -> ServiceResult<Vec<(OrganizationId, String)>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let mut named = Vec::new();
        for id in drift_store::people::organizations(&mut db).await? {
            if let Some(organization) = drift_store::people::organization(&mut db, id).await? {
                named.push((id, organization.name));
            }
        }
        Ok(named)
    }
}

/// Looks at the newest seals alone, and answers what was looked at: for a page, which cannot wait for the whole.
pub(super) async fn newest(
    db: &mut PgConnection,
    organization: OrganizationId,
    most: i64,
) -> ServiceResult<Result<Verified, Fault>> {
    let head = audit::head(db, organization).await?.map_or(0, |(sequence, _)| sequence);
    let after = (head - most).max(0);
    let hash = if after == 0 { Some(Digest::NONE) } else { audit::seal_at(db, organization, after).await? };
    let Some(hash) = hash else { return Ok(Err(Fault::Gap { expected: after, found: after + 1 })) };
    let mut chain = Chain::after(organization, after, hash, None);
    let walked = walk(db, &mut chain, organization).await?;
    let (sequence, hash) = (chain.sequence(), chain.head());
    Ok(walked.map(|()| Verified { organization_id: organization, after_sequence: after, sequence, hash }))
}

async fn walk(
    db: &mut PgConnection,
    chain: &mut Chain,
    organization: OrganizationId,
) -> ServiceResult<Result<(), Fault>> {
    loop {
        let seals = audit::seals_after(db, organization, chain.sequence(), PAGE).await?;
        if seals.is_empty() {
            return Ok(Ok(()));
        }
        let entries = audit::entries_of(db, organization, &seals).await?;
        for seal in &seals {
            if let Err(fault) = chain.take(seal, entries.get(&seal.entry_id)) {
                return Ok(Err(fault));
            }
        }
    }
}
