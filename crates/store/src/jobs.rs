//! The job queue's port: enqueueing happens in the service's own transaction, so a rolled-back one leaves no job.
//!
//! The queue is `graphile_worker`, on the same database. A job is known by its key: asking twice folds into one.
//!
//! Its named queues are not used. Taking one job locks the row of every queue that is free: with a queue for each of a
//! thousand environments that is a thousand row locks and 54 kB of write-ahead log a job, and workers that ask at the same
//! time find nothing (measured on version 0.14). That checks of one environment run one at a time is held by their own
//! records: see [`crate::checks::begin`].

use chrono::{DateTime, Utc};
use drift_domain::check::CheckTrigger;
use drift_domain::ids::{EnvironmentId, OrganizationId, ReconciliationId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::StoreResult;

/// The name under which checks are queued.
pub const CHECK: &str = "check";

/// A check that somebody or something asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckJob {
    /// The environment to check.
    pub environment_id: EnvironmentId,
    /// What asked for it.
    pub trigger: CheckTrigger,
    /// Who asked for it, if a person did.
    pub requested_by: Option<UserId>,
}

/// The payload of a [`CHECK`] job: the check, and by whom its share of the work is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedCheck {
    /// What is to be checked.
    #[serde(flatten)]
    pub job: CheckJob,
    /// Whose environment it is.
    pub organization_id: OrganizationId,
    /// Host and port of its n8n, in small letters.
    pub host: String,
    /// When the schedule had it due.
    #[serde(default)]
    pub due_at: Option<DateTime<Utc>>,
}

/// The least urgent number is worked off last (graphile_worker: lower runs first).
const fn priority(trigger: CheckTrigger) -> i32 {
    match trigger {
        CheckTrigger::Recheck | CheckTrigger::Closing => -20,
        CheckTrigger::Connected | CheckTrigger::GitPush | CheckTrigger::Reconciled => -10,
        CheckTrigger::Schedule => 0,
    }
}

/// Whether a check that was asked for waits apart from a scheduled one: of the checks of one environment, one of each may
/// wait at once. Asking again folds into the one that waits, and the schedule never takes an asked-for one's place. Nor
/// does anything take that of a closing's, which decides more than a check.
fn key(job: &CheckJob) -> String {
    let kind = match job.trigger {
        CheckTrigger::Schedule => "scheduled",
        CheckTrigger::Closing => "closing",
        CheckTrigger::Recheck | CheckTrigger::GitPush | CheckTrigger::Connected | CheckTrigger::Reconciled => "asked",
    };
    format!("check:{}:{kind}", job.environment_id)
}

/// Asks for a check now, in a tenant's transaction or in one of the product's own. An environment that is gone is not asked
/// about.
pub async fn enqueue_check(db: &mut PgConnection, job: &CheckJob) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT ask_for_job($2, json_build_object('environment_id', id, 'trigger', $3::text, 'requested_by', $4::uuid,
               'organization_id', organization_id, 'host', n8n_host, 'due_at', NULL), NULL, $5, $6) AS "id!"
           FROM environments WHERE id = $1"#,
        job.environment_id.0,
        CHECK,
        job.trigger.as_str(),
        job.requested_by.map(|user| user.0),
        key(job),
        priority(job.trigger),
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// Puts a check that could not begin yet back into the queue, for `seconds` from now. One that was asked for meanwhile
/// keeps its earlier place.
pub async fn put_back(db: &mut PgConnection, check: &QueuedCheck, seconds: f64) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT (graphile_worker.add_job($1, payload => $2::json, job_key => $3, priority => $4,
               run_at => now() + make_interval(secs => $5), job_key_mode => 'preserve_run_at')).id AS "id!""#,
        CHECK,
        Json(check) as _,
        key(&check.job),
        priority(check.job.trigger),
        seconds,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// The name under which reconciliations are queued.
pub const RECONCILE: &str = "reconcile";

/// The payload of a [`RECONCILE`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileJob {
    /// What is to be taken on.
    pub reconciliation_id: ReconciliationId,
}

/// After a person's checks and before the schedule's: somebody waits for it.
const RECONCILE_PRIORITY: i32 = -15;

/// Asks for a reconciliation to be taken on now, in a tenant's transaction or in one of the product's own. One that waits for
/// later is brought forward.
pub async fn enqueue_reconciliation(db: &mut PgConnection, id: ReconciliationId) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT ask_for_job($1, json_build_object('reconciliation_id', $2::uuid), NULL, $3, $4) AS "id!""#,
        RECONCILE,
        id.0,
        format!("reconcile:{id}"),
        RECONCILE_PRIORITY,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Asks for a reconciliation to be taken on in `seconds` from now. One that was asked for meanwhile keeps its earlier place.
pub async fn put_back_reconciliation(db: &mut PgConnection, id: ReconciliationId, seconds: f64) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT (graphile_worker.add_job($1, payload => json_build_object('reconciliation_id', $2::uuid), job_key => $3,
               priority => $4, run_at => now() + make_interval(secs => $5), job_key_mode => 'preserve_run_at')).id AS "id!""#,
        RECONCILE,
        id.0,
        format!("reconcile:{id}"),
        RECONCILE_PRIORITY,
        seconds,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// How the schedule shares the work out.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// The most scheduled checks of one organization that wait or run at once, in all replicas together.
    pub per_organization: i64,
    /// The most that are asked for by one call: bounds the transaction, not the number checked.
    pub at_once: i64,
    /// Seconds after which a check that was asked for and never ended counts as lost.
    pub lost_after: f64,
    /// The longest time between two checks of an environment that fails, in seconds.
    pub longest_pause: f64,
}

/// Asks for the checks that are due, and sets when each environment is due next: its interval, give or take a tenth, so
/// that environments connected together do not stay together. Of those that are due, an environment's place in its own
/// organization decides who goes first, so a large organization does not delay a small one. An environment whose check
/// has not ended is left until it has. Answers how many were asked for.
///
/// One that is due further off than it can be was timed by a clock that was wrong, and is due, too.
/// Any number of replicas may call this at once: each environment is taken by one.
pub async fn enqueue_due(db: &mut PgConnection, now: DateTime<Utc>, shares: Shares) -> StoreResult<u32> {
    let asked = sqlx::query_scalar!(
        r#"WITH busy AS (
               SELECT organization_id, count(*) AS checks FROM environments
               WHERE queued_at > $1::timestamptz - make_interval(secs => $4) GROUP BY organization_id
           ), due AS (
               SELECT id, organization_id, next_check_at,
                   row_number() OVER (PARTITION BY organization_id ORDER BY next_check_at) AS place
               FROM environments
               WHERE (next_check_at <= $1 OR next_check_at > $1 + make_interval(secs => CASE
                         WHEN failures_in_a_row > 0 THEN greatest(interval_seconds, $5::double precision) ELSE interval_seconds END * 1.5))
                   AND (queued_at IS NULL OR queued_at <= $1 - make_interval(secs => $4::double precision))
           ), chosen AS (
               SELECT due.id FROM due LEFT JOIN busy USING (organization_id)
               WHERE due.place + coalesce(busy.checks, 0) <= $2 ORDER BY due.place, due.next_check_at LIMIT $3
           ), taken AS (
               SELECT id, least(next_check_at, $1) AS due_at FROM environments
               WHERE id IN (SELECT id FROM chosen)
                   AND (queued_at IS NULL OR queued_at <= $1 - make_interval(secs => $4::double precision))
               FOR UPDATE SKIP LOCKED
           ), set AS (
               UPDATE environments e SET queued_at = $1,
                   next_check_at = $1 + make_interval(secs => interval_seconds * (0.9 + 0.2 * random()))
               FROM taken WHERE e.id = taken.id
               RETURNING e.id, e.organization_id, e.n8n_host, taken.due_at
           )
           SELECT count(*) AS "asked!" FROM graphile_worker.add_jobs((
               SELECT coalesce(array_agg(($6::text,
                   json_build_object('environment_id', id, 'trigger', $7::text, 'requested_by', NULL,
                       'organization_id', organization_id, 'host', n8n_host, 'due_at', due_at),
                   NULL, NULL, NULL, 'check:' || id || ':scheduled', $8::integer::smallint, NULL
               )::graphile_worker.job_spec), '{}') FROM set))"#,
        now,
        shares.per_organization,
        shares.at_once,
        shares.lost_after,
        shares.longest_pause,
        CHECK,
        CheckTrigger::Schedule.as_str(),
        priority(CheckTrigger::Schedule),
    )
    .fetch_one(db)
    .await?;
    Ok(u32::try_from(asked).unwrap_or(u32::MAX))
}
