//! The job queue's port: enqueueing happens in the service's own transaction, so a rolled-back one leaves no job.
//!
//! The queue is `graphile_worker`, on the same database. A job is known by its key: asking twice folds into one. Jobs of
//! one environment run one at a time, in a queue of their own.

use drift_domain::check::CheckTrigger;
use drift_domain::ids::{EnvironmentId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::StoreResult;

/// The name under which checks are queued.
pub const CHECK: &str = "check";

/// The payload of a [`CHECK`] job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckJob {
    /// The environment to check.
    pub environment_id: EnvironmentId,
    /// What asked for it.
    pub trigger: CheckTrigger,
    /// Who asked for it, if a person did.
    pub requested_by: Option<UserId>,
}

/// The least urgent number is worked off last (graphile_worker: lower runs first).
const fn priority(trigger: CheckTrigger) -> i32 {
    match trigger {
        CheckTrigger::Recheck => -20,
        CheckTrigger::Connected | CheckTrigger::GitPush => -10,
        CheckTrigger::Schedule => 0,
    }
}

/// Asks for a check. Of the checks of one environment, one that is scheduled and one that was asked for may wait at once:
/// asking again folds into the one that waits, and the schedule never takes an asked-for one's place.
pub async fn enqueue_check(db: &mut PgConnection, job: &CheckJob) -> StoreResult<()> {
    let queue = format!("environment:{}", job.environment_id);
    let kind = if job.trigger == CheckTrigger::Schedule { "scheduled" } else { "asked" };
    let key = format!("check:{}:{kind}", job.environment_id);
    sqlx::query!(
        r#"SELECT id AS "id!" FROM graphile_worker.add_job($1, payload => $2::json, queue_name => $3, job_key => $4,
             priority => $5)"#,
        CHECK,
        Json(job) as _,
        queue,
        key,
        priority(job.trigger),
    )
    .fetch_one(db)
    .await?;
    Ok(())
}
