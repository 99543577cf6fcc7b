//! Checks: one row a run of detection.

use chrono::{DateTime, Utc};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::failure::Failure;
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{CheckId, EnvironmentId, OrganizationId, UserId};
use drift_domain::views::{CheckRow, IgnoredView};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::{StoreResult, exactly_one, word};

/// What a good check found, for its own record.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The commit that was read.
    pub commit: String,
    /// The folder's tree at that commit.
    pub tree: String,
    /// Workflows on the live side.
    pub live_workflows: usize,
    /// Workflows that Git declares.
    pub desired_workflows: usize,
    /// Workflows whose bytes were new.
    pub parsed_workflows: usize,
    /// Workflows that differ.
    pub differing: usize,
    /// Fingerprint of the live side.
    pub live_fingerprint: Fingerprint,
    /// Fingerprint of the desired side.
    pub desired_fingerprint: Fingerprint,
    /// What was ignored, by rule.
    pub ignored: Vec<IgnoredView>,
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// A check that begins.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// Whose.
    pub organization: OrganizationId,
    /// Of what.
    pub environment: EnvironmentId,
    /// Its identifier; later checks have larger ones.
    pub id: CheckId,
    /// What made it run.
    pub trigger: CheckTrigger,
    /// Who asked for it, if a person did.
    pub requested_by: Option<UserId>,
    /// The job that runs it, if one does.
    pub job: Option<i64>,
    /// When the schedule had it due, if the schedule asked.
    pub due_at: Option<DateTime<Utc>>,
}

/// Whether a check could begin.
#[derive(Clone, Debug)]
pub enum Begin {
    /// It has.
    Begun {
        /// Why the one before it never ended, if that is so: the process that ran it died.
        interrupted: Option<Failure>,
    },
    /// Another check of the environment is running.
    Busy,
}

/// Records that a check begins, unless another of the same environment is running, and closes the record of one whose
/// process died before it could. The caller holds the environment's row ([`crate::schedule::lock`]).
///
/// A check that reads RUNNING is running while a worker holds its job: a dead worker's jobs are taken from it within
/// seconds. One without a job is closed by the next.
pub async fn begin(db: &mut PgConnection, check: &Begun, rules_version: i32, now: DateTime<Utc>) -> StoreResult<Begin> {
    let Begun { organization, environment, id, trigger, requested_by, job, due_at } = *check;
    let running = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM graphile_worker.jobs WHERE jobs.id = checks.job_id AND locked_at IS NOT NULL
               AND jobs.id IS DISTINCT FROM $3) AS "alive!"
           FROM checks WHERE organization_id = $1 AND environment_id = $2 AND outcome = 'RUNNING'"#,
        organization.0,
        environment.0,
        job,
    )
    .fetch_all(&mut *db)
    .await?;
    if running.contains(&true) {
        return Ok(Begin::Busy);
    }
    let interrupted = if running.is_empty() { None } else { Some(close(db, check, now).await?) };
    sqlx::query!(
        "INSERT INTO checks (organization_id, environment_id, id, trigger, requested_by, outcome, started_at,
             rules_version, job_id, due_at)
         VALUES ($1, $2, $3, $4, $5, 'RUNNING', $6, $7, $8, $9)",
        organization.0,
        environment.0,
        id.0,
        trigger.as_str(),
        requested_by.map(|user| user.0),
        now,
        rules_version,
        job,
        due_at,
    )
    .execute(db)
    .await?;
    Ok(Begin::Begun { interrupted })
}

/// Closes the records of checks that never ended.
async fn close(db: &mut PgConnection, next: &Begun, now: DateTime<Utc>) -> StoreResult<Failure> {
    let interrupted = Failure::new(
        drift_domain::failure::Side::Live,
        drift_domain::failure::FailureKind::Internal,
        "The check was interrupted before it ended, for example by a restart. The next one began after it.",
    );
    sqlx::query!(
        "UPDATE checks SET outcome = 'FAILED', finished_at = greatest(started_at, $3), failure = $4
         WHERE organization_id = $1 AND environment_id = $2 AND outcome = 'RUNNING'",
        next.organization.0,
        next.environment.0,
        now,
        Json(&interrupted) as _,
    )
    .execute(db)
    .await?;
    Ok(interrupted)
}

/// Records how a check that read both sides whole ended. A check that is not running any more is not ended twice.
pub async fn end_good(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: CheckId,
    found: &Findings,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let outcome = if found.differing == 0 { CheckOutcome::InSync } else { CheckOutcome::Drift };
    let done = sqlx::query!(
        "UPDATE checks SET outcome = $3, finished_at = $4, git_commit = $5, git_tree = $6, live_workflows = $7,
             desired_workflows = $8, parsed_workflows = $9, differing = $10, live_fingerprint = $11,
             desired_fingerprint = $12, ignored = $13
         WHERE organization_id = $1 AND id = $2 AND outcome = 'RUNNING'",
        organization.0,
        id.0,
        outcome.as_str(),
        now,
        found.commit,
        found.tree,
        count(found.live_workflows),
        count(found.desired_workflows),
        count(found.parsed_workflows),
        count(found.differing),
        found.live_fingerprint.0.as_slice(),
        found.desired_fingerprint.0.as_slice(),
        Json(&found.ignored) as _,
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Records why a check failed.
pub async fn end_failed(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: CheckId,
    failure: &Failure,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE checks SET outcome = 'FAILED', finished_at = $3, failure = $4
         WHERE organization_id = $1 AND id = $2 AND outcome = 'RUNNING'",
        organization.0,
        id.0,
        now,
        Json(failure) as _,
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// The newest checks of an environment, those before `before`.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    before: Option<CheckId>,
    limit: i64,
) -> StoreResult<Vec<CheckRow>> {
    let rows = sqlx::query!(
        r#"SELECT id, trigger, outcome, started_at, finished_at, git_commit, live_workflows, desired_workflows,
               parsed_workflows, differing, failure AS "failure: Json<Failure>"
           FROM checks WHERE organization_id = $1 AND environment_id = $2 AND ($3::uuid IS NULL OR id < $3)
           ORDER BY id DESC LIMIT $4"#,
        organization.0,
        environment.0,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db)
    .await?;
    let unsigned = |n: Option<i32>| n.map(i32::unsigned_abs);
    rows.into_iter()
        .map(|row| {
            Ok(CheckRow {
                id: CheckId(row.id),
                trigger: word(&row.trigger)?,
                outcome: word(&row.outcome)?,
                started_at: row.started_at,
                finished_at: row.finished_at,
                git_commit: row.git_commit,
                live_workflows: unsigned(row.live_workflows),
                desired_workflows: unsigned(row.desired_workflows),
                parsed_workflows: unsigned(row.parsed_workflows),
                differing: unsigned(row.differing),
                failure: row.failure.map(|failure| failure.0),
            })
        })
        .collect()
}

/// The newest good check of an environment: its counts and what it ignored.
#[derive(Clone, Debug)]
pub struct NewestGood {
    /// Workflows on the live side.
    pub live_workflows: u32,
    /// Workflows that Git declares.
    pub desired_workflows: u32,
    /// Workflows that differed.
    pub differing: u32,
    /// What was ignored, by rule.
    pub ignored: Vec<IgnoredView>,
}

/// The newest good check of an environment, if there is one.
pub async fn newest_good(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Option<NewestGood>> {
    let row = sqlx::query!(
        r#"SELECT live_workflows AS "live_workflows!", desired_workflows AS "desired_workflows!",
               differing AS "differing!", ignored AS "ignored: Json<Vec<IgnoredView>>"
           FROM checks WHERE organization_id = $1 AND environment_id = $2 AND outcome IN ('IN_SYNC', 'DRIFT')
           ORDER BY id DESC LIMIT 1"#,
        organization.0,
        environment.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| NewestGood {
        live_workflows: row.live_workflows.unsigned_abs(),
        desired_workflows: row.desired_workflows.unsigned_abs(),
        differing: row.differing.unsigned_abs(),
        ignored: row.ignored.0,
    }))
}

/// Whether a check of this environment is running, as far as the record tells.
pub async fn is_running(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM checks WHERE organization_id = $1 AND environment_id = $2
               AND outcome = 'RUNNING') AS "running!""#,
        organization.0,
        environment.0
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}
