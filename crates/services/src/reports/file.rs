//! Taking the file of a report away, a part at a time.

use drift_domain::audit::{AuditAction, AuditTarget, Target};
use drift_domain::ids::{OrganizationId, ReportId};
use drift_domain::report::{ReportFormat, ReportState};
use drift_store::audit::{self, By, NewEntry};
use drift_store::reports::{self, ReportRecord};
use drift_store::{PgPool, StoreError};
use serde_json::json;

use super::{file_name, one};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// The file of a report, read as its reader takes it. It holds one part in memory, and no transaction.
#[derive(Debug)]
pub struct ReportFile {
    pool: PgPool,
    organization: OrganizationId,
    id: ReportId,
    /// What kind of file it is.
    pub format: ReportFormat,
    /// What it is called: ASCII letters, digits, hyphens and points.
    pub name: String,
    /// Its bytes.
    pub size: i64,
    next: i32,
    read: i64,
}

impl Services {
    /// Begins to take the file of a report away, and puts that on record.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that is not the organization's; [`ServiceError::Conflict`] for one without a file: not
    /// made yet, failed, or expired.
    pub async fn download_report(&self, permit: &Permit<cap::Reports>, id: ReportId) -> ServiceResult<ReportFile> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let report = one(&mut tx, organization, id).await?;
        let there = reports::ready(&mut tx, organization, id, now).await?;
        let Some(size) = report.size.filter(|_| there) else { return Err(ServiceError::Conflict(absent(&report))) };
        let target = Target { kind: AuditTarget::Report, id: Some(id.to_string()), name: Some(file_name(&report)) };
        let by = By::User(permit.caller().user_id);
        let entry = NewEntry {
            after: Some(json!({ "bytes": size, "sha256": report.sha256.as_ref().map(hex::encode) })),
            ..crate::audit::entry(organization, by, AuditAction::Exported, target)
        };
        audit::append(&mut tx, entry, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let pool = self.pool.clone();
        let (format, name) = (report.format, file_name(&report));
        Ok(ReportFile { pool, organization, id, format, name, size, next: 0, read: 0 })
    }
}

/// Why there is no file, and what to do.
fn absent(report: &ReportRecord) -> String {
    match report.state {
        ReportState::Queued | ReportState::Running => {
            "This report is still being made. Ask for its file when it is ready.".to_owned()
        }
        ReportState::Failed => {
            format!("This report could not be made. {}", report.error.as_deref().unwrap_or_default())
        }
        ReportState::Ready | ReportState::Expired => {
            "The file of this report was removed when its time was over. Ask for the same report again.".to_owned()
        }
    }
}

impl ReportFile {
    /// The next bytes; `None` behind the last.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer, or the report is removed meanwhile: what was read is not
    /// the whole file then.
    pub async fn next(&mut self) -> ServiceResult<Option<Vec<u8>>> {
        let mut tx = drift_store::tenant::begin(&self.pool, self.organization).await?;
        let part = reports::chunk(&mut tx, self.organization, self.id, self.next).await?;
        drop(tx);
        self.next += 1;
        match part {
            Some(part) => {
                self.read += part.len() as i64;
                Ok(Some(part))
            }
            None if self.read == self.size => Ok(None),
            None => Err(ServiceError::unavailable("the report was removed while its file was read")),
        }
    }
}
