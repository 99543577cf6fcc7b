//! The file of a report, in parts.

use drift_domain::ids::{OrganizationId, ReportId};
use sqlx::PgConnection;

use super::Run;
use crate::error::StoreResult;

/// Bytes of a part at most.
pub const CHUNK: usize = 256 * 1024;

/// Adds the next part. False, and nothing is added, where the report was removed or somebody else makes it by now.
///
/// # Errors
/// The part is larger than [`CHUNK`], or the database failed.
pub async fn append(db: &mut PgConnection, run: &Run, number: i32, bytes: &[u8]) -> StoreResult<bool> {
    let done = sqlx::query!(
        "WITH mine AS (
             SELECT organization_id, id FROM reports
             WHERE organization_id = $1 AND id = $2 AND run = $3 AND state = 'RUNNING' FOR SHARE
         )
         INSERT INTO report_chunks (organization_id, report_id, number, bytes) SELECT organization_id, id, $4, $5 FROM mine",
        run.organization.0,
        run.report.0,
        run.run,
        number,
        bytes
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// One part; `None` behind the last, or where the file is gone.
///
/// # Errors
/// The database failed.
pub async fn chunk(
    db: &mut PgConnection,
    organization: OrganizationId,
    report: ReportId,
    number: i32,
) -> StoreResult<Option<Vec<u8>>> {
    let bytes = sqlx::query_scalar!(
        "SELECT bytes FROM report_chunks WHERE organization_id = $1 AND report_id = $2 AND number = $3",
        organization.0,
        report.0,
        number
    );
    Ok(bytes.fetch_optional(db).await?)
}
