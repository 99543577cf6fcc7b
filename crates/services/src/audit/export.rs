//! The whole log as JSON Lines that verify by themselves, a part at a time.

use chrono::{DateTime, Utc};
use drift_domain::audit::{AuditAction, AuditTarget, Digest, End, FORMAT, Header, Line, Target};
use drift_domain::ids::OrganizationId;
use drift_store::audit::{self, By, NewEntry};
use drift_store::{PgPool, StoreError, people};
use serde::Serialize;
use serde_json::{Value, json};

use super::seal::Archive;
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Seals that are read together: with their entries, what an export holds in memory.
const PAGE: i64 = 500;

/// An export at work. It reads as its reader takes it, and holds no transaction meanwhile.
#[derive(Debug)]
pub struct AuditExport {
    pool: PgPool,
    organization: OrganizationId,
    header: Option<Header>,
    sequence: i64,
    hash: Digest,
    through: i64,
    ended: bool,
}

impl Services {
    /// Begins an export of the log behind a seal, as far back as the plan shows it, and puts that on record. The entry that says
    /// so is in it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] without such a seal.
    pub async fn export_audit(&self, permit: &Permit<cap::Audit>, after: i64) -> ServiceResult<AuditExport> {
        let since = super::log::shown_since(permit, self.clock.now());
        self.archive().begin_export(permit.organization(), By::User(permit.caller().user_id), after, since).await
    }
}

impl Archive {
    /// Begins an export of an organization's log behind a seal; 0 for all of it. It is put on record.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] without such an organization or seal.
    pub async fn export(&self, organization: OrganizationId, after: i64) -> ServiceResult<AuditExport> {
        self.begin_export(organization, By::System, after, None).await
    }

    async fn begin_export(
        &self,
        organization: OrganizationId,
        by: By<'_>,
        after: i64,
        since: Option<DateTime<Utc>>,
    ) -> ServiceResult<AuditExport> {
        let now = self.clock.now();
        let mut tx = drift_store::tenant::begin(&self.pool, organization).await?;
        let found = people::organization(&mut tx, organization).await?;
        let name = found.ok_or(ServiceError::NotFound("organization"))?.name;
        audit::append(&mut tx, exported(organization, by, "audit.jsonl", json!({ "after": after })), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.file_failed_sign_ins().await?;
        self.seal_of(organization).await?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let first = match since {
            Some(since) => audit::first_since(&mut db, organization, since).await?.unwrap_or(1),
            None => 1,
        };
        let after = after.max(first - 1);
        let hash = match after {
            0 => Digest::NONE,
            after => audit::seal_at(&mut db, organization, after).await?.ok_or(ServiceError::NotFound("seal"))?,
        };
        let through = audit::head(&mut db, organization).await?.map_or(0, |(sequence, _)| sequence);
        let header = Header {
            format: FORMAT.to_owned(),
            organization_id: organization,
            organization: name,
            exported_at: now,
            after_sequence: after,
            after_hash: hash,
        };
        let pool = self.pool.clone();
        Ok(AuditExport { pool, organization, header: Some(header), sequence: after, hash, through, ended: false })
    }
}

/// The entry that something was exported.
pub(super) fn exported<'a>(organization: OrganizationId, by: By<'a>, what: &str, particulars: Value) -> NewEntry<'a> {
    let target = Target { kind: AuditTarget::Export, id: None, name: Some(what.to_owned()) };
    NewEntry { after: Some(particulars), ..super::entry(organization, by, AuditAction::Exported, target) }
}

impl AuditExport {
    /// Whose log it is.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The next lines, each with its line feed; `None` behind the last.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer: the file has no last line then, which verifying says.
    pub async fn next(&mut self) -> ServiceResult<Option<String>> {
        if let Some(header) = self.header.take() {
            let mut text = String::new();
            line(&mut text, &header)?;
            return Ok(Some(text));
        }
        if self.ended {
            return Ok(None);
        }
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let most = PAGE.min(self.through - self.sequence);
        let seals = audit::seals_after(&mut db, self.organization, self.sequence, most).await?;
        let mut entries = audit::entries_of(&mut db, self.organization, &seals).await?;
        drop(db);
        let mut text = String::new();
        for seal in seals {
            (self.sequence, self.hash) = (seal.sequence, seal.hash);
            let entry = entries.remove(&seal.entry_id).unwrap_or_default();
            line(&mut text, &Line { entry, seal })?;
        }
        if text.is_empty() || self.sequence >= self.through {
            self.ended = true;
            line(&mut text, &json!({ "end": End { last_sequence: self.sequence, last_hash: self.hash } }))?;
        }
        Ok(Some(text))
    }
}

fn line(text: &mut String, what: &impl Serialize) -> ServiceResult<()> {
    text.push_str(&serde_json::to_string(what).map_err(ServiceError::unavailable)?);
    text.push('\n');
    Ok(())
}
