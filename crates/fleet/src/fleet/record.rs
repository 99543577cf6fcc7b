//! What the replicas wrote down of the measured time.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use drift_store::PgPool;

/// A scheduled check that was due in the measured time.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Due {
    pub(super) due_at: DateTime<Utc>,
    /// When the look began that came to an end.
    pub(super) began_at: Option<DateTime<Utc>>,
    /// Looks that came to a good end. More than one would be a check recorded twice.
    pub(super) good: i64,
    /// Looks that were cut short.
    pub(super) cut: i64,
    /// Looks that failed for another reason.
    pub(super) failed: i64,
}

/// The checks of the measured time.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) due: Vec<Due>,
    pub(super) killed_at: DateTime<Utc>,
    /// For each environment, the longest time between two good looks, or since the last one, in seconds.
    pub(super) gaps: Vec<f64>,
    /// Seconds from the beginning of each good look to its end.
    pub(super) took: Vec<f64>,
    pub(super) checks: i64,
    pub(super) parsed: i64,
    pub(super) drifted: i64,
}

/// A check that was due this long before the end may still be at work.
const AT_WORK: TimeDelta = TimeDelta::seconds(8);

pub(super) async fn now(pool: &PgPool) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(pool).await?)
}

impl Record {
    pub(super) async fn read(pool: &PgPool, from: DateTime<Utc>, killed_at: DateTime<Utc>) -> Result<Self> {
        let to = now(pool).await?;
        let due = sqlx::query_as(
            "SELECT due_at, min(started_at) FILTER (WHERE outcome IN ('IN_SYNC', 'DRIFT')) AS began_at,
                 count(*) FILTER (WHERE outcome IN ('IN_SYNC', 'DRIFT')) AS good,
                 count(*) FILTER (WHERE failure ->> 'kind' = 'INTERNAL') AS cut,
                 count(*) FILTER (WHERE outcome = 'FAILED' AND failure ->> 'kind' <> 'INTERNAL') AS failed
             FROM checks WHERE due_at >= $1 AND due_at < $2 GROUP BY environment_id, due_at",
        )
        .bind(from)
        .bind(to - AT_WORK)
        .fetch_all(pool)
        .await?;
        let gaps = sqlx::query_scalar(
            "SELECT max(extract(epoch FROM next - started_at)::double precision) FROM (
                 SELECT environment_id, started_at,
                     coalesce(lead(started_at) OVER (PARTITION BY environment_id ORDER BY started_at), $2) AS next
                 FROM checks WHERE started_at >= $1 - interval '70 s' AND started_at < $2
                     AND outcome IN ('IN_SYNC', 'DRIFT')) AS looks
             WHERE next >= $1 GROUP BY environment_id",
        )
        .bind(from)
        .bind(to)
        .fetch_all(pool)
        .await?;
        let took = sqlx::query_scalar(
            "SELECT extract(epoch FROM finished_at - started_at)::double precision FROM checks
             WHERE started_at >= $1 AND outcome IN ('IN_SYNC', 'DRIFT')",
        )
        .bind(from)
        .fetch_all(pool)
        .await?;
        let (checks, parsed, drifted) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(parsed_workflows), 0)::bigint, count(*) FILTER (WHERE outcome = 'DRIFT')
             FROM checks WHERE finished_at >= $1 AND outcome IN ('IN_SYNC', 'DRIFT')",
        )
        .bind(from)
        .fetch_one(pool)
        .await?;
        Ok(Self { due, killed_at, gaps, took, checks, parsed, drifted })
    }

    /// Seconds by which the checks that were due in a part of the time began late.
    pub(super) fn lateness(&self, part: impl Fn(&Due) -> bool) -> Vec<f64> {
        let late = |due: &Due| Some(seconds(due.began_at? - due.due_at));
        self.due.iter().filter(|due| part(due)).filter_map(late).collect()
    }
}

/// A span in seconds.
pub(super) fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}
