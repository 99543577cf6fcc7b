//! Reports for who runs the installation: written at once, to wherever they are wanted. No gate is asked, and nothing is kept.

use std::io::Write;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use drift_domain::audit::{AuditAction, AuditTarget, Target, mask_text};
use drift_domain::clock::Clock;
use drift_domain::ids::{EnvironmentId, IncidentId, OrganizationId, ReportId};
use drift_domain::report::{ReportFormat, ReportRange};
use drift_report::About;
use drift_store::audit::{self, By, NewEntry};
use drift_store::reports::Within;
use drift_store::{PgPool, StoreError, environments, incidents, people};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::make::life;
use super::write::{Broken, Scope, Sink, write};
use crate::audit::Archive;
use crate::error::{ServiceError, ServiceResult};

/// Reports by themselves: a subcommand has no more than the database.
pub struct Reporter {
    pool: PgPool,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}

/// What a report that is written at once is of.
#[derive(Clone, Copy, Debug)]
pub struct WriteNow {
    /// Whose.
    pub organization: OrganizationId,
    /// What kind of file.
    pub format: ReportFormat,
    /// The first and the last day, in UTC, where it is of days.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Only of this environment.
    pub environment: Option<EnvironmentId>,
    /// Of this incident, by its number; without days.
    pub incident: Option<i64>,
}

/// A report that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256, in hex.
    pub sha256: String,
    /// The moment that it shows everything as of.
    pub as_of: DateTime<Utc>,
}

impl Reporter {
    /// Reports over a migrated database.
    #[must_use]
    pub fn new(pool: PgPool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    /// Writes a report of one moment, and puts on record that it was taken away. `told` hears of each step that is done, of all.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] without such an organization, environment or incident; [`ServiceError::Invalid`] for what is no
    /// range; [`ServiceError::Conflict`] for what cannot be written so; [`ServiceError::Unavailable`] when the database or `out`
    /// fails: what was written is no whole file then.
    pub async fn write(
        &self,
        what: WriteNow,
        out: &mut (dyn Write + Send),
        told: &mut (dyn FnMut(u32, u32) + Send),
    ) -> ServiceResult<Written> {
        Archive::new(self.pool.clone(), Arc::clone(&self.clock)).seal_of(what.organization).await?;
        let mut snapshot = drift_store::tenant::snapshot(&self.pool, what.organization).await?;
        let named = people::organization(&mut snapshot, what.organization).await?;
        let organization = named.ok_or(ServiceError::NotFound("organization"))?.name;
        let as_of = self.clock.now();
        let within = self.within(&mut snapshot, &what).await?;
        let environment = match what.environment {
            Some(id) => {
                let found = environments::get(&mut snapshot, what.organization, id).await?;
                Some(mask_text(&found.ok_or(ServiceError::NotFound("environment"))?.connection.name))
            }
            None => None,
        };
        let about = About {
            id: ReportId(Uuid::now_v7()),
            organization_id: what.organization,
            organization: mask_text(&organization),
            from: what.days.map(|days| days.0),
            to: what.days.map(|days| days.1),
            environment,
            incident: what.incident,
            as_of,
            requested_by: None,
            requested_at: as_of,
        };
        let written = async {
            let proven = match within.span {
                Some(span) => span,
                None => life(&mut snapshot, what.organization, &within, as_of).await?,
            };
            let scope = Scope { organization: what.organization, within, proven };
            let mut sink = Direct { out, told, size: 0, hash: Sha256::new() };
            write(&mut snapshot, &scope, &about, what.format, &mut sink).await?;
            sink.out.flush().map_err(ServiceError::unavailable)?;
            Ok(Written { size: sink.size, sha256: hex::encode(sink.hash.finalize()), as_of })
        };
        let written = written.await.map_err(refused)?;
        drop(snapshot);
        self.put_on_record(&what, &about, &written).await?;
        Ok(written)
    }

    async fn within(&self, db: &mut drift_store::PgConnection, what: &WriteNow) -> ServiceResult<Within> {
        let (span, incident) = match (what.days, what.incident) {
            (Some((first, last)), None) => {
                let range = ReportRange::new(first, last);
                let range = range.ok_or_else(|| ServiceError::invalid("to", "The days end before they begin."))?;
                (Some((range.begins(), range.ends())), None)
            }
            (None, Some(number)) => (None, Some(numbered(db, what.organization, number).await?)),
            _ => return Err(ServiceError::invalid("from", "A report is of days, or of one incident.")),
        };
        Ok(Within { span, environment: what.environment, incident })
    }

    async fn put_on_record(&self, what: &WriteNow, about: &About, written: &Written) -> ServiceResult<()> {
        let name = format!("{}, {}", about.scope(), what.format.label());
        let target = Target { kind: AuditTarget::Report, id: Some(about.id.to_string()), name: Some(name) };
        let entry = NewEntry {
            after: Some(json!({ "bytes": written.size, "sha256": written.sha256 })),
            ..crate::audit::entry(what.organization, By::System, AuditAction::Exported, target)
        };
        let mut tx = drift_store::tenant::begin(&self.pool, what.organization).await?;
        audit::append(&mut tx, entry, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}

async fn numbered(
    db: &mut drift_store::PgConnection,
    organization: OrganizationId,
    number: i64,
) -> ServiceResult<IncidentId> {
    let which = incidents::Which { before: Some(number.saturating_add(1)), ..incidents::Which::default() };
    let found = incidents::list(db, organization, which, 1).await?;
    let found = found.first().filter(|incident| incident.number == number);
    Ok(found.ok_or(ServiceError::NotFound("incident"))?.id())
}

fn refused(broken: Broken) -> ServiceError {
    match broken {
        Broken::Failed(error) => error,
        Broken::Unwritable(error) => ServiceError::Conflict(error.to_string()),
        Broken::Unwanted => ServiceError::unavailable("nobody takes the report"),
    }
}

/// Writes a report's parts where they are wanted.
struct Direct<'a> {
    out: &'a mut (dyn Write + Send),
    told: &'a mut (dyn FnMut(u32, u32) + Send),
    size: u64,
    hash: Sha256,
}

impl Sink for Direct<'_> {
    async fn part(&mut self, bytes: Vec<u8>) -> ServiceResult<bool> {
        self.out.write_all(&bytes).map_err(ServiceError::unavailable)?;
        self.size += bytes.len() as u64;
        self.hash.update(&bytes);
        Ok(true)
    }

    async fn progress(&mut self, done: u32, total: u32) -> ServiceResult<bool> {
        (self.told)(done, total);
        Ok(true)
    }
}
