//! Removing what is over and older than an organization's plan keeps, counting it beforehand, and what is on record of it.
//!
//! What goes is said once for each kind, by functions of the schema (`old_checks` and its siblings): counting and removing ask the
//! same.

use chrono::{DateTime, NaiveDate, Utc};
use drift_domain::ids::{EnvironmentId, IncidentId, OrganizationId, RetentionRunId};
use drift_domain::retention::{KeptWhy, RetentionKind};
use drift_domain::views::{Removed, RemovedIncident, RetentionRun};
use sqlx::PgConnection;

use crate::error::{StoreResult, word};

/// A span of time, from and to.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

/// The moments that ages are counted against.
#[derive(Clone, Copy, Debug)]
pub struct CutOffs {
    /// What the plan keeps begins here.
    pub history: DateTime<Utc>,
    /// Of checks that found the same again and began in this span, one an hour is kept.
    pub hourly: Span,
    /// Of those that began in this one, one a day.
    pub daily: Span,
    /// Plans that nobody carried out are kept since then.
    pub plans: DateTime<Utc>,
    /// Contents are kept since then, referred to or not.
    pub contents: DateTime<Utc>,
    /// The present moment, which what is left of removed incidents names.
    pub now: DateTime<Utc>,
}

impl CutOffs {
    /// What is older than this goes.
    #[must_use]
    pub const fn of(&self, kind: RetentionKind) -> DateTime<Utc> {
        match kind {
            RetentionKind::Contents => self.contents,
            RetentionKind::RepeatedChecks => self.hourly.1,
            _ => self.history,
        }
    }
}

/// Rows of one kind that are older than is kept, and share what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Why they stay; `None` for those that go.
    pub kept: Option<KeptWhy>,
    /// How many.
    pub count: u64,
    /// The moment that the age of the oldest is counted from.
    pub oldest: DateTime<Utc>,
}

macro_rules! tally {
    ($db:ident, $source:tt, $($arg:expr),+) => {
        sqlx::query!(
            r#"SELECT kept, count(*) AS "count!", min(at) AS "oldest!" FROM "# + $source + " AS old GROUP BY kept ORDER BY kept",
            $($arg),+
        )
        .fetch_all($db)
        .await?
        .into_iter()
        .map(|row| Ok(Tally {
            kept: row.kept.as_deref().map(word).transpose()?,
            count: row.count.unsigned_abs(),
            oldest: row.oldest,
        }))
        .collect()
    };
}

/// What is older than is kept, of one kind: what goes and what stays.
///
/// # Errors
/// The database failed.
pub async fn tally(
    db: &mut PgConnection,
    organization: OrganizationId,
    kind: RetentionKind,
    cut: &CutOffs,
) -> StoreResult<Vec<Tally>> {
    let id = organization.0;
    match kind {
        RetentionKind::Contents => tally!(db, "unused_snapshots($1, $2)", id, cut.contents),
        RetentionKind::Events => tally!(db, "old_events($1, $2)", id, cut.history),
        RetentionKind::RepeatedChecks => tally!(
            db,
            "(SELECT * FROM repeated_checks($1, $2, $3, 'hour') UNION ALL SELECT * FROM repeated_checks($1, $4, $5, 'day'))",
            id,
            cut.hourly.0,
            cut.hourly.1,
            cut.daily.0,
            cut.daily.1
        ),
        RetentionKind::Checks => tally!(db, "old_checks($1, $2)", id, cut.history),
        RetentionKind::Reconciliations => tally!(db, "old_reconciliations($1, $2, $3)", id, cut.plans, cut.history),
        RetentionKind::Changes => tally!(db, "old_changes($1, $2)", id, cut.history),
        RetentionKind::Incidents => tally!(db, "old_incidents($1, $2)", id, cut.history),
    }
}

/// Removes at most `most` of what goes, the oldest first, and answers how many went. In a transaction in which
/// [`wait_for_holds`] came first.
///
/// # Errors
/// The database failed.
pub async fn remove(
    db: &mut PgConnection,
    organization: OrganizationId,
    kind: RetentionKind,
    cut: &CutOffs,
    most: i64,
) -> StoreResult<u64> {
    let id = organization.0;
    let counted = match kind {
        RetentionKind::Contents => {
            sqlx::query_scalar!(r#"SELECT forget_snapshots($1, $2, $3) AS "gone!""#, id, cut.contents, most)
                .fetch_one(db)
                .await?
        }
        RetentionKind::Changes => {
            sqlx::query_scalar!(
                r#"SELECT count(*) FILTER (WHERE forget_finished($1, id)) AS "gone!" FROM (
                       SELECT id FROM old_changes($1, $2) WHERE kept IS NULL ORDER BY at LIMIT $3) AS old"#,
                id,
                cut.history,
                most
            )
            .fetch_one(db)
            .await?
        }
        RetentionKind::Incidents => {
            sqlx::query_scalar!(
                r#"SELECT count(*) FILTER (WHERE forget_incident($1, id, $4)) AS "gone!" FROM (
                       SELECT id FROM old_incidents($1, $2) WHERE kept IS NULL ORDER BY at LIMIT $3) AS old"#,
                id,
                cut.history,
                most,
                cut.now
            )
            .fetch_one(db)
            .await?
        }
        RetentionKind::Events
        | RetentionKind::Checks
        | RetentionKind::RepeatedChecks
        | RetentionKind::Reconciliations => {
            return delete(db, organization, kind, cut, most).await;
        }
    };
    Ok(counted.unsigned_abs())
}

/// What one statement removes by itself.
async fn delete(
    db: &mut PgConnection,
    organization: OrganizationId,
    kind: RetentionKind,
    cut: &CutOffs,
    most: i64,
) -> StoreResult<u64> {
    let id = organization.0;
    let done = match kind {
        RetentionKind::Events => {
            sqlx::query!(
                "DELETE FROM events WHERE organization_id = $1 AND id IN (
                     SELECT id FROM old_events($1, $2) WHERE kept IS NULL ORDER BY at LIMIT $3)",
                id,
                cut.history,
                most
            )
            .execute(db)
            .await?
        }
        RetentionKind::RepeatedChecks => {
            sqlx::query!(
                "DELETE FROM checks WHERE organization_id = $1 AND id IN (
                     SELECT id FROM (SELECT * FROM repeated_checks($1, $2, $3, 'hour')
                         UNION ALL SELECT * FROM repeated_checks($1, $4, $5, 'day')) AS old
                     WHERE kept IS NULL ORDER BY at LIMIT $6)",
                id,
                cut.hourly.0,
                cut.hourly.1,
                cut.daily.0,
                cut.daily.1,
                most
            )
            .execute(db)
            .await?
        }
        RetentionKind::Reconciliations => {
            sqlx::query!(
                "DELETE FROM reconciliations WHERE organization_id = $1 AND id IN (
                     SELECT id FROM old_reconciliations($1, $2, $3) WHERE kept IS NULL ORDER BY at LIMIT $4)",
                id,
                cut.plans,
                cut.history,
                most
            )
            .execute(db)
            .await?
        }
        _ => {
            sqlx::query!(
                "DELETE FROM checks WHERE organization_id = $1 AND id IN (
                     SELECT id FROM old_checks($1, $2) WHERE kept IS NULL ORDER BY at LIMIT $3)",
                id,
                cut.history,
                most
            )
            .execute(db)
            .await?
        }
    };
    Ok(done.rows_affected())
}

/// Waits for a hold that is being placed, and has the next one wait for this transaction. It is in nobody else's way.
///
/// # Errors
/// The database failed.
pub async fn wait_for_holds(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<()> {
    sqlx::query!("SELECT 1 AS one FROM organizations WHERE id = $1 FOR KEY SHARE", organization.0)
        .fetch_optional(db)
        .await?;
    Ok(())
}

/// The tidying that is under way.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Its identifier.
    pub id: RetentionRunId,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// Days of history that the plan keeps.
    pub history_days: i32,
}

/// Puts on record what a batch removed, in its transaction.
///
/// # Errors
/// The database failed.
pub async fn record(
    db: &mut PgConnection,
    organization: OrganizationId,
    run: &Run,
    kind: RetentionKind,
    removed: u64,
    cut_off: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO retention_runs (organization_id, id, began_at, history_days) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING",
        organization.0,
        run.id.0,
        run.began_at,
        run.history_days
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO retention_removals AS r (organization_id, run_id, kind, removed, cut_off) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (run_id, kind) DO UPDATE SET removed = r.removed + excluded.removed",
        organization.0,
        run.id.0,
        kind.as_str(),
        removed.cast_signed(),
        cut_off
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What tidyings removed that no entry of the audit log tells of yet, marked as told on this day. Nothing if one was told on this
/// day already.
///
/// # Errors
/// The database failed.
pub async fn take_untold(
    db: &mut PgConnection,
    organization: OrganizationId,
    day: NaiveDate,
) -> StoreResult<Vec<Removed>> {
    // One at a time: two processes tell it once.
    sqlx::query!("SELECT 1 AS one FROM organizations WHERE id = $1 FOR NO KEY UPDATE", organization.0)
        .fetch_optional(&mut *db)
        .await?;
    let runs = sqlx::query_scalar!(
        "UPDATE retention_runs SET told_on = $2 WHERE organization_id = $1 AND told_on IS NULL
             AND NOT EXISTS (SELECT FROM retention_runs WHERE organization_id = $1 AND told_on = $2) RETURNING id",
        organization.0,
        day
    )
    .fetch_all(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT kind, sum(removed)::bigint AS "removed!", max(cut_off) AS "cut_off!" FROM retention_removals
           WHERE organization_id = $1 AND run_id = ANY ($2) GROUP BY kind ORDER BY kind"#,
        organization.0,
        &runs
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Removed { kind: word(&row.kind)?, count: row.removed.unsigned_abs(), cut_off: row.cut_off }))
        .collect()
}

/// Forgets the record of tidyings that began before `before` and that the audit log tells of.
///
/// # Errors
/// The database failed.
pub async fn forget_runs(
    db: &mut PgConnection,
    organization: OrganizationId,
    before: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM retention_runs WHERE organization_id = $1 AND began_at < $2 AND told_on IS NOT NULL",
        organization.0,
        before
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The newest tidyings that removed something, the newest first.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn runs(db: &mut PgConnection, organization: OrganizationId, most: i64) -> StoreResult<Vec<RetentionRun>> {
    let rows = sqlx::query!(
        "SELECT r.id, r.began_at, r.history_days, m.kind, m.removed, m.cut_off FROM (
             SELECT * FROM retention_runs WHERE organization_id = $1 ORDER BY began_at DESC, id DESC LIMIT $2) AS r
         JOIN retention_removals m ON m.organization_id = r.organization_id AND m.run_id = r.id
         ORDER BY r.began_at DESC, r.id DESC, m.kind",
        organization.0,
        most
    )
    .fetch_all(db)
    .await?;
    let mut runs: Vec<RetentionRun> = Vec::new();
    for row in rows {
        let removed = Removed { kind: word(&row.kind)?, count: row.removed.unsigned_abs(), cut_off: row.cut_off };
        match runs.last_mut().filter(|run| run.id.0 == row.id) {
            Some(run) => run.removed.push(removed),
            None => runs.push(RetentionRun {
                id: RetentionRunId(row.id),
                at: row.began_at,
                history_days: row.history_days.unsigned_abs(),
                removed: vec![removed],
            }),
        }
    }
    Ok(runs)
}

/// What is left of the incidents that were removed, the newest first: of all, or of one.
///
/// # Errors
/// The database failed.
pub async fn removed_incidents(
    db: &mut PgConnection,
    organization: OrganizationId,
    only: Option<IncidentId>,
    most: i64,
) -> StoreResult<Vec<RemovedIncident>> {
    let rows = sqlx::query!(
        r#"SELECT r.id, r.number, r.environment_id, e.name AS "environment?", r.detected_at, r.closed_at,
               encode(r.receipt_digest, 'hex') AS "receipt_digest!", r.removed_at
           FROM removed_incidents r
           LEFT JOIN environments e ON e.organization_id = r.organization_id AND e.id = r.environment_id
           WHERE r.organization_id = $1 AND ($2::uuid IS NULL OR r.id = $2)
           ORDER BY r.removed_at DESC, r.number DESC LIMIT $3"#,
        organization.0,
        only.map(|id| id.0),
        most
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| RemovedIncident {
        id: IncidentId(row.id),
        number: row.number,
        environment_id: EnvironmentId(row.environment_id),
        environment: row.environment,
        detected_at: row.detected_at,
        closed_at: row.closed_at,
        receipt_digest: row.receipt_digest,
        removed_at: row.removed_at,
    });
    Ok(read.collect())
}
