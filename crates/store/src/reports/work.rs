//! Making reports: who makes one, how far it is, and what came of it.
//!
//! A report is made by one run at a time. A run has a number of its own, and a lease that each step makes longer; when the lease is
//! over, another may begin anew. What an overtaken run still writes is refused by its number.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, ReportId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::StoreResult;

/// The name under which reports to be made are queued.
pub const MAKE: &str = "make_report";

/// After the schedule's checks: they show drift, and a report shows what was.
const PRIORITY: i32 = 10;

/// The payload of a [`MAKE`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeJob {
    /// Whose report.
    pub organization_id: OrganizationId,
    /// Which.
    pub report_id: ReportId,
}

/// Who makes a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose report.
    pub organization: OrganizationId,
    /// Which.
    pub report: ReportId,
    /// The number of this beginning.
    pub run: Uuid,
}

/// Asks for a report to be made now.
///
/// # Errors
/// The database failed.
pub async fn enqueue(db: &mut PgConnection, organization: OrganizationId, id: ReportId) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT ask_for_job($1, json_build_object('organization_id', $2::uuid, 'report_id', $3::uuid), NULL, $4, $5) AS "id!""#,
        MAKE,
        organization.0,
        id.0,
        format!("{MAKE}:{id}"),
        PRIORITY,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Asks for a report to be made in `seconds` from now.
///
/// # Errors
/// The database failed.
pub async fn put_back(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportId,
    seconds: f64,
) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT (graphile_worker.add_job($1, payload => json_build_object('organization_id', $2::uuid, 'report_id', $3::uuid),
               job_key => $4, priority => $5, run_at => now() + make_interval(secs => $6))).id AS "id!""#,
        MAKE,
        organization.0,
        id.0,
        format!("{MAKE}:{id}"),
        PRIORITY,
        seconds
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Reports that are to be made and that nothing is queued for any more, as after a job that failed for the last time: asks again.
///
/// # Errors
/// The database failed.
pub async fn enqueue_forgotten(db: &mut PgConnection, before: DateTime<Utc>, most: i64) -> StoreResult<u32> {
    let asked = sqlx::query_scalar!(
        r#"SELECT ask_for_job($2, json_build_object('organization_id', organization_id, 'report_id', id),
               NULL, $2 || ':' || id, $4) AS "id!"
           FROM (SELECT * FROM reports r WHERE state IN ('QUEUED', 'RUNNING') AND requested_at <= $1
                 AND (leased_until IS NULL OR leased_until <= $1)
                 AND NOT EXISTS (SELECT FROM graphile_worker.jobs WHERE key = $2 || ':' || r.id)
                 ORDER BY requested_at LIMIT $3) AS forgotten"#,
        before,
        MAKE,
        most,
        PRIORITY
    )
    .fetch_all(db)
    .await?;
    Ok(u32::try_from(asked.len()).unwrap_or(u32::MAX))
}

/// Begins a report, also one whose maker was silent until its lease was over: what that one wrote is thrown away. False when
/// somebody is at work, or it is over.
///
/// # Errors
/// The database failed.
pub async fn begin(
    db: &mut PgConnection,
    run: &Run,
    now: DateTime<Utc>,
    leased_until: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE reports SET state = 'RUNNING', run = $3, leased_until = $5, attempts = attempts + 1, done = 0, total = NULL,
             as_of = NULL
         WHERE organization_id = $1 AND id = $2 AND (state = 'QUEUED' OR (state = 'RUNNING' AND leased_until <= $4))",
        run.organization.0,
        run.report.0,
        run.run,
        now,
        leased_until
    );
    if done.execute(&mut *db).await?.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query!(
        "DELETE FROM report_chunks WHERE organization_id = $1 AND report_id = $2",
        run.organization.0,
        run.report.0
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Records how far a run is, and makes its lease longer. False when it is not the one that makes the report any more.
///
/// # Errors
/// The database failed.
pub async fn progress(
    db: &mut PgConnection,
    run: &Run,
    (done, total): (u32, u32),
    leased_until: DateTime<Utc>,
) -> StoreResult<bool> {
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let updated = sqlx::query!(
        "UPDATE reports SET done = $4, total = $5, leased_until = $6
         WHERE organization_id = $1 AND id = $2 AND run = $3 AND state = 'RUNNING'",
        run.organization.0,
        run.report.0,
        run.run,
        count(done),
        count(total),
        leased_until
    );
    Ok(updated.execute(db).await?.rows_affected() == 1)
}

/// Records the moment that everything is shown as of.
///
/// # Errors
/// The database failed.
pub async fn as_of(db: &mut PgConnection, run: &Run, at: DateTime<Utc>) -> StoreResult<bool> {
    let updated = sqlx::query!(
        "UPDATE reports SET as_of = $4 WHERE organization_id = $1 AND id = $2 AND run = $3 AND state = 'RUNNING'",
        run.organization.0,
        run.report.0,
        run.run,
        at
    );
    Ok(updated.execute(db).await?.rows_affected() == 1)
}

/// Ends a run whose file is whole. False when it is not the one that makes the report any more.
///
/// # Errors
/// The database failed.
pub async fn finish(
    db: &mut PgConnection,
    run: &Run,
    (size, sha256): (i64, [u8; 32]),
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE reports SET state = 'READY', done = COALESCE(total, done), size = $4, sha256 = $5, finished_at = $6,
             expires_at = $7, leased_until = NULL
         WHERE organization_id = $1 AND id = $2 AND run = $3 AND state = 'RUNNING'",
        run.organization.0,
        run.report.0,
        run.run,
        size,
        sha256.as_slice(),
        now,
        expires_at
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Ends a report that cannot be made, and says why; what was written of it is removed. A run's own number, where one gives up.
/// False when it is over, or another run makes it.
///
/// # Errors
/// The database failed.
pub async fn fail(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportId,
    run: Option<Uuid>,
    why: &str,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE reports SET state = 'FAILED', error = $4, finished_at = $5, leased_until = NULL
         WHERE organization_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING') AND ($3::uuid IS NULL OR run = $3)",
        organization.0,
        id.0,
        run,
        why,
        now
    );
    if done.execute(&mut *db).await?.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query!("DELETE FROM report_chunks WHERE organization_id = $1 AND report_id = $2", organization.0, id.0)
        .execute(db)
        .await?;
    Ok(true)
}

/// Whether a report's file is there and may be read.
///
/// # Errors
/// The database failed.
pub async fn ready(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportId,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM reports WHERE organization_id = $1 AND id = $2 AND state = 'READY'
               AND expires_at > $3) AS "ready!""#,
        organization.0,
        id.0,
        now
    )
    .fetch_one(db)
    .await?)
}

/// Removes the files whose time is over. What was reported on stays listed. Answers how many.
///
/// # Errors
/// The database failed.
pub async fn expire(db: &mut PgConnection, organization: OrganizationId, now: DateTime<Utc>) -> StoreResult<u64> {
    let done = sqlx::query!(
        "WITH over AS (
             UPDATE reports SET state = 'EXPIRED' WHERE organization_id = $1 AND state = 'READY' AND expires_at <= $2
             RETURNING id
         ), removed AS (
             DELETE FROM report_chunks c USING over WHERE c.organization_id = $1 AND c.report_id = over.id
         )
         SELECT id FROM over",
        organization.0,
        now
    )
    .fetch_all(db)
    .await?;
    Ok(done.len() as u64)
}

/// Forgets reports that were over before `before`.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, organization: OrganizationId, before: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM reports WHERE organization_id = $1 AND state IN ('EXPIRED', 'FAILED') AND finished_at < $2",
        organization.0,
        before
    )
    .execute(db)
    .await?;
    Ok(())
}
