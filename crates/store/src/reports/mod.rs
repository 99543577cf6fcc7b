//! Compliance reports: what was asked for, how far it is, and the file.

mod chunks;
mod content;
mod schedules;
mod work;

use chrono::{DateTime, NaiveDate, Utc};
use drift_domain::ids::{EnvironmentId, IncidentId, OrganizationId, ReportId, ReportScheduleId, UserId};
use drift_domain::report::{ReportFormat, ReportState};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreResult, word};

pub use chunks::{CHUNK, append, chunk};
pub use content::{Decided, Within, decisions, incidents, last_before, timeline};
pub use schedules::{
    ScheduleRecord, due_schedules, insert_schedule, lock_schedule, move_on, remove_schedule, schedules,
};
pub use work::{
    MAKE, MakeJob, Run, as_of, begin, enqueue, enqueue_forgotten, expire, fail, finish, forget, progress, put_back,
    ready,
};

/// A report as it is stored, without its file.
#[derive(Clone, Debug)]
pub struct ReportRecord {
    /// Its identifier.
    pub id: ReportId,
    /// What kind of file it is.
    pub format: ReportFormat,
    /// The first and the last day, where it is of days.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// The environment that it is of, with its name.
    pub environment: Option<(EnvironmentId, String)>,
    /// The incident that it is of, with its number.
    pub incident: Option<(IncidentId, i64)>,
    /// Who asked for it, with the name.
    pub requested_by: Option<(UserId, String)>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// The schedule that asked for it.
    pub schedule: Option<ReportScheduleId>,
    /// How far it is.
    pub state: ReportState,
    /// How often it was begun.
    pub attempts: u32,
    /// Steps that are done.
    pub done: u32,
    /// Steps that there are.
    pub total: Option<u32>,
    /// The moment that it shows everything as of.
    pub as_of: Option<DateTime<Utc>>,
    /// When it was made, or failed.
    pub finished_at: Option<DateTime<Utc>>,
    /// When its file is removed.
    pub expires_at: Option<DateTime<Utc>>,
    /// Bytes of the file.
    pub size: Option<i64>,
    /// SHA-256 of the file.
    pub sha256: Option<Vec<u8>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A report to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewReport {
    /// Its identifier.
    pub id: ReportId,
    /// What kind of file.
    pub format: ReportFormat,
    /// The first and the last day, where it is of days.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// The environment that it is of.
    pub environment: Option<EnvironmentId>,
    /// The incident that it is of.
    pub incident: Option<IncidentId>,
    /// Who asks; `None` for a schedule.
    pub by: Option<UserId>,
    /// The schedule that asks, and for which month.
    pub scheduled: Option<(ReportScheduleId, NaiveDate)>,
}

/// Records that a report is asked for. False when its schedule has one of that month already.
///
/// # Errors
/// The environment, the incident or the schedule is not the organization's, or the database failed.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewReport,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO reports (organization_id, id, format, from_day, to_day, environment_id, incident_id, requested_by,
             requested_at, schedule_id, month, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'QUEUED')
         ON CONFLICT ON CONSTRAINT reports_once_a_month DO NOTHING",
        organization.0,
        new.id.0,
        new.format.as_str(),
        new.days.map(|days| days.0),
        new.days.map(|days| days.1),
        new.environment.map(|id| id.0),
        new.incident.map(|id| id.0),
        new.by.map(|id| id.0),
        now,
        new.scheduled.map(|(id, _)| id.0),
        new.scheduled.map(|(_, month)| month),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

struct Row {
    id: Uuid,
    format: String,
    from_day: Option<NaiveDate>,
    to_day: Option<NaiveDate>,
    environment_id: Option<Uuid>,
    environment: Option<String>,
    incident_id: Option<Uuid>,
    incident: Option<i64>,
    requested_by: Option<Uuid>,
    requester: Option<String>,
    requested_at: DateTime<Utc>,
    schedule_id: Option<Uuid>,
    state: String,
    attempts: i32,
    done: i32,
    total: Option<i32>,
    as_of: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    size: Option<i64>,
    sha256: Option<Vec<u8>>,
    error: Option<String>,
}

impl Row {
    fn read(self) -> StoreResult<ReportRecord> {
        Ok(ReportRecord {
            id: ReportId(self.id),
            format: word(&self.format)?,
            days: self.from_day.zip(self.to_day),
            environment: self.environment_id.map(EnvironmentId).zip(self.environment),
            incident: self.incident_id.map(IncidentId).zip(self.incident),
            requested_by: self.requested_by.map(UserId).zip(self.requester),
            requested_at: self.requested_at,
            schedule: self.schedule_id.map(ReportScheduleId),
            state: word(&self.state)?,
            attempts: self.attempts.unsigned_abs(),
            done: self.done.unsigned_abs(),
            total: self.total.map(i32::unsigned_abs),
            as_of: self.as_of,
            finished_at: self.finished_at,
            expires_at: self.expires_at,
            size: self.size,
            sha256: self.sha256,
            error: self.error,
        })
    }
}

/// Reports of an organization, the newest first: one, or those before `before`.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    only: Option<ReportId>,
    before: Option<ReportId>,
    limit: i64,
) -> StoreResult<Vec<ReportRecord>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT r.id, r.format, r.from_day, r.to_day, r.environment_id, e.name AS "environment?", r.incident_id,
               i.number AS "incident?", r.requested_by, u.name AS "requester?", r.requested_at, r.schedule_id, r.state,
               r.attempts, r.done, r.total, r.as_of, r.finished_at, r.expires_at, r.size, r.sha256, r.error
           FROM reports r
           LEFT JOIN environments e ON e.organization_id = r.organization_id AND e.id = r.environment_id
           LEFT JOIN drift_incidents i ON i.organization_id = r.organization_id AND i.id = r.incident_id
           LEFT JOIN users u ON u.id = r.requested_by
           WHERE r.organization_id = $1 AND ($2::uuid IS NULL OR r.id = $2) AND ($3::uuid IS NULL OR r.id < $3)
           ORDER BY r.id DESC LIMIT $4"#,
        organization.0,
        only.map(|id| id.0),
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// One report, if this organization has it.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportId,
) -> StoreResult<Option<ReportRecord>> {
    Ok(list(db, organization, Some(id), None, 1).await?.pop())
}

/// How many reports of an organization are still to be made. Keeps others who ask in the same organization waiting until this
/// transaction ends, so that a limit holds.
///
/// # Errors
/// The database failed.
pub async fn under_way(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<i64> {
    sqlx::query!("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE", organization.0)
        .fetch_optional(&mut *db)
        .await?;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "reports!" FROM reports WHERE organization_id = $1 AND state IN ('QUEUED', 'RUNNING')"#,
        organization.0
    )
    .fetch_one(db)
    .await?)
}

/// Removes a report with its file. Whoever makes it finds that out at the next step. False when there is none.
///
/// # Errors
/// The database failed.
pub async fn remove(db: &mut PgConnection, organization: OrganizationId, id: ReportId) -> StoreResult<bool> {
    let done = sqlx::query!("DELETE FROM reports WHERE organization_id = $1 AND id = $2", organization.0, id.0);
    Ok(done.execute(db).await?.rows_affected() == 1)
}
