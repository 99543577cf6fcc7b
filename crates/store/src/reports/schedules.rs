//! What is made every month.

use chrono::{DateTime, NaiveDate, Utc};
use drift_domain::ids::{EnvironmentId, OrganizationId, ReportScheduleId, UserId};
use drift_domain::report::ReportFormat;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreResult, exactly_one, word};

/// A schedule as it is stored.
#[derive(Clone, Debug)]
pub struct ScheduleRecord {
    /// Its identifier.
    pub id: ReportScheduleId,
    /// What kind of file.
    pub format: ReportFormat,
    /// The environment that it is of, with its name.
    pub environment: Option<(EnvironmentId, String)>,
    /// Members who are mailed a link.
    pub recipients: Vec<UserId>,
    /// Who set it up.
    pub made_by: (UserId, String),
    /// When.
    pub made_at: DateTime<Utc>,
    /// The first day of the month that is reported on next.
    pub next_month: NaiveDate,
}

/// Records a schedule.
///
/// # Errors
/// The environment or a recipient is not the organization's, or the database failed.
pub async fn insert_schedule(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportScheduleId,
    (format, environment, recipients): (ReportFormat, Option<EnvironmentId>, &[UserId]),
    by: UserId,
    (now, next_month): (DateTime<Utc>, NaiveDate),
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO report_schedules (organization_id, id, format, environment_id, made_by, made_at, next_month)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        organization.0,
        id.0,
        format.as_str(),
        environment.map(|id| id.0),
        by.0,
        now,
        next_month
    )
    .execute(&mut *db)
    .await?;
    let users: Vec<Uuid> = recipients.iter().map(|user| user.0).collect();
    sqlx::query!(
        "INSERT INTO report_recipients (organization_id, schedule_id, user_id)
         SELECT $1, $2, id FROM unnest($3::uuid[]) AS id",
        organization.0,
        id.0,
        &users
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The schedules of an organization, or one of them, the newest first.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn schedules(
    db: &mut PgConnection,
    organization: OrganizationId,
    only: Option<ReportScheduleId>,
) -> StoreResult<Vec<ScheduleRecord>> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.format, s.environment_id, e.name AS "environment?", s.made_by, u.name, s.made_at, s.next_month,
               ARRAY(SELECT r.user_id FROM report_recipients r
                     WHERE r.organization_id = s.organization_id AND r.schedule_id = s.id ORDER BY r.user_id) AS "recipients!"
           FROM report_schedules s
           LEFT JOIN environments e ON e.organization_id = s.organization_id AND e.id = s.environment_id
           JOIN users u ON u.id = s.made_by
           WHERE s.organization_id = $1 AND ($2::uuid IS NULL OR s.id = $2) ORDER BY s.id DESC"#,
        organization.0,
        only.map(|id| id.0)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ScheduleRecord {
                id: ReportScheduleId(row.id),
                format: word(&row.format)?,
                environment: row.environment_id.map(EnvironmentId).zip(row.environment),
                recipients: row.recipients.into_iter().map(UserId).collect(),
                made_by: (UserId(row.made_by), row.name),
                made_at: row.made_at,
                next_month: row.next_month,
            })
        })
        .collect()
}

/// Removes a schedule; its reports stay. False when there is none.
///
/// # Errors
/// The database failed.
pub async fn remove_schedule(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportScheduleId,
) -> StoreResult<bool> {
    let done =
        sqlx::query!("DELETE FROM report_schedules WHERE organization_id = $1 AND id = $2", organization.0, id.0);
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Schedules, of every organization, whose next month is over: it is before `month`, the first day of the one that goes on.
///
/// # Errors
/// The database failed.
pub async fn due_schedules(
    db: &mut PgConnection,
    month: NaiveDate,
    most: i64,
) -> StoreResult<Vec<(OrganizationId, ReportScheduleId)>> {
    let rows = sqlx::query!(
        "SELECT organization_id, id FROM report_schedules WHERE next_month < $1 ORDER BY next_month, id LIMIT $2",
        month,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (OrganizationId(row.organization_id), ReportScheduleId(row.id))).collect())
}

/// Takes a schedule for this transaction, if it is still due and nobody else has it.
///
/// # Errors
/// The database failed.
pub async fn lock_schedule(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportScheduleId,
    month: NaiveDate,
) -> StoreResult<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM report_schedules WHERE organization_id = $1 AND id = $2 AND next_month < $3 FOR UPDATE SKIP LOCKED",
        organization.0,
        id.0,
        month
    );
    Ok(found.fetch_optional(db).await?.is_some())
}

/// Sets which month a schedule reports on next.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when it is gone.
pub async fn move_on(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReportScheduleId,
    next_month: NaiveDate,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE report_schedules SET next_month = $3 WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        next_month
    );
    exactly_one(done.execute(db).await?.rows_affected())
}
