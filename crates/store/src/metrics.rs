//! What the metrics are made of. Steps are counted from the beginning of a range, the first of them 0; what was before it is
//! in step -1.

use chrono::{DateTime, Utc};
use drift_domain::change::Origin;
use drift_domain::ids::{ChangeId, EnvironmentId, OrganizationId};
use drift_domain::metrics::TimeKind;
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::severity::Severity;
use drift_domain::views::{RepeatCause, TimeMetric, UpgradeMetric};
use sqlx::PgConnection;

use crate::error::{StoreResult, word};

/// Repeat causes that are told.
const CAUSES: i64 = 20;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Whose.
    pub organization: OrganizationId,
    /// Only of this environment.
    pub environment: Option<EnvironmentId>,
    /// From this time on.
    pub from: DateTime<Utc>,
    /// Up to, and without, this time.
    pub until: DateTime<Utc>,
    /// Seconds of a step.
    pub step: i64,
}

/// An open incident.
#[derive(Clone, Debug)]
pub struct OpenIncident {
    /// The environment's name.
    pub environment: String,
    /// The owner's name.
    pub owner: Option<String>,
    /// When it was detected.
    pub detected_at: DateTime<Utc>,
    /// Its deadline.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The open incidents, whenever they were detected.
///
/// # Errors
/// The database failed.
pub async fn open_incidents(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<OpenIncident>> {
    Ok(sqlx::query_as!(
        OpenIncident,
        r#"SELECT e.name AS environment, u.name AS "owner?", i.detected_at, i.expires_at
           FROM drift_incidents i
           JOIN environments e ON e.organization_id = i.organization_id AND e.id = i.environment_id
           LEFT JOIN users u ON u.id = i.owner_user_id
           WHERE i.organization_id = $1 AND i.status <> 'CLOSED' AND ($2::uuid IS NULL OR i.environment_id = $2)"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
    )
    .fetch_all(db)
    .await?)
}

/// The times that were measured, one of each kind.
///
/// # Errors
/// The database failed.
pub async fn times(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<TimeMetric>> {
    let row = sqlx::query!(
        r#"WITH spans AS (
               SELECT 'DETECT' AS kind, first_seen_at - live_moved_at AS span FROM changes
               WHERE organization_id = $1 AND ($2::uuid IS NULL OR environment_id = $2)
                   AND first_seen_at >= $3 AND first_seen_at < $4 AND live_moved_at IS NOT NULL AND NOT adoption
               UNION ALL
               SELECT 'ACKNOWLEDGE', acknowledged_at - detected_at FROM drift_incidents
               WHERE organization_id = $1 AND ($2::uuid IS NULL OR environment_id = $2)
                   AND acknowledged_at >= $3 AND acknowledged_at < $4
               UNION ALL
               SELECT 'RESOLVE', closed_at - detected_at FROM drift_incidents
               WHERE organization_id = $1 AND ($2::uuid IS NULL OR environment_id = $2)
                   AND closed_at >= $3 AND closed_at < $4)
           SELECT kind AS "kind!", count(*) AS "count!",
               floor(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY span)))::bigint AS "median!",
               floor(extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (ORDER BY span)))::bigint AS "p90!"
           FROM spans GROUP BY kind"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
        scope.from,
        scope.until,
    )
    .fetch_all(db)
    .await?;
    let of = |kind: TimeKind| {
        let found = row.iter().find(|row| row.kind == kind.as_str());
        TimeMetric {
            kind,
            count: found.map_or(0, |row| row.count),
            median_seconds: found.map(|row| row.median),
            p90_seconds: found.map(|row| row.p90),
        }
    };
    Ok(TimeKind::ALL.iter().copied().map(of).collect())
}

/// The incidents of one step.
#[derive(Clone, Copy, Debug, Default)]
pub struct IncidentStep {
    /// Which.
    pub step: i32,
    /// Detected in it.
    pub opened: i64,
    /// Of those, the ones that repeat an earlier one.
    pub repeated: i64,
    /// Deadlines that ended in it and were kept.
    pub kept: i64,
    /// Of those, the ones that had been moved.
    pub kept_extended: i64,
    /// Deadlines that ended in it and were missed.
    pub missed: i64,
}

/// The incidents of each step that has any.
///
/// # Errors
/// The database failed.
pub async fn incidents(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<IncidentStep>> {
    Ok(sqlx::query_as!(
        IncidentStep,
        r#"WITH found AS (
               SELECT i.*, i.closed_at IS NOT NULL AND i.closed_at < i.expires_at AS kept,
                   CASE WHEN i.expires_at IS NOT NULL THEN LEAST(i.closed_at, i.expires_at) END AS ended_at
               FROM drift_incidents i WHERE i.organization_id = $1 AND ($2::uuid IS NULL OR i.environment_id = $2)),
           parts AS (
               SELECT detected_at AS at, 1 AS opened, CASE WHEN EXISTS (
                   SELECT FROM changes ours
                   JOIN changes theirs ON theirs.organization_id = $1 AND theirs.workflow_id = ours.workflow_id
                   JOIN drift_incidents before ON before.organization_id = $1 AND before.id = theirs.incident_id
                   WHERE ours.organization_id = $1 AND ours.incident_id = found.id
                       AND before.environment_id = found.environment_id AND before.number < found.number
                       AND fields_recur(ours.facts, theirs.facts)) THEN 1 END AS repeated,
                   NULL::int AS kept, NULL::int AS extended, NULL::int AS missed
               FROM found WHERE detected_at >= $3 AND detected_at < $4
               UNION ALL
               SELECT ended_at, NULL, NULL, CASE WHEN kept THEN 1 END, CASE WHEN kept AND extensions > 0 THEN 1 END,
                   CASE WHEN NOT kept THEN 1 END
               FROM found WHERE ended_at >= $3 AND ended_at < $4)
           SELECT floor(extract(epoch FROM at - $3) / $5::bigint)::int AS "step!", count(opened) AS "opened!",
               count(repeated) AS "repeated!", count(kept) AS "kept!", count(extended) AS "kept_extended!",
               count(missed) AS "missed!"
           FROM parts GROUP BY 1 ORDER BY 1"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
        scope.from,
        scope.until,
        scope.step,
    )
    .fetch_all(db)
    .await?)
}

/// The workflows that most often drifted in more than one incident, the last of them detected within the scope.
///
/// # Errors
/// The database failed.
pub async fn causes(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<RepeatCause>> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.name AS environment, w.name AS workflow, count(DISTINCT i.id) AS "incidents!"
           FROM drift_incidents i
           JOIN environments e ON e.organization_id = $1 AND e.id = i.environment_id
           JOIN changes ours ON ours.organization_id = $1 AND ours.incident_id = i.id
           JOIN workflows w ON w.organization_id = $1 AND w.id = ours.workflow_id
           WHERE i.organization_id = $1 AND ($2::uuid IS NULL OR i.environment_id = $2)
               AND i.detected_at >= $3 AND i.detected_at < $4
               AND EXISTS (
                   SELECT FROM changes theirs
                   JOIN drift_incidents before ON before.organization_id = $1 AND before.id = theirs.incident_id
                   WHERE theirs.organization_id = $1 AND theirs.workflow_id = ours.workflow_id
                       AND before.environment_id = i.environment_id AND before.number < i.number
                       AND fields_recur(ours.facts, theirs.facts))
           GROUP BY e.id, e.name, w.id, w.name ORDER BY 4 DESC, e.name, w.name LIMIT $5"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
        scope.from,
        scope.until,
        CAUSES,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RepeatCause {
            environment_id: EnvironmentId(row.id),
            environment: row.environment,
            workflow: row.workflow,
            incidents: row.incidents,
        })
        .collect())
}

/// Changes of one step and one origin.
#[derive(Clone, Copy, Debug)]
pub struct ChangeStep {
    /// Which; -1 for what was before.
    pub step: i32,
    /// The side that moved.
    pub origin: Origin,
    /// First seen in it.
    pub seen: i64,
    /// Taken on in it: by an acknowledged incident, an override, a decision, or a newer change that carries it on.
    pub taken_on: i64,
}

/// The changes of each step and origin that has any.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn changes(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<ChangeStep>> {
    let rows = sqlx::query!(
        r#"WITH found AS (
               SELECT c.origin, c.first_seen_at, LEAST(
                   (SELECT min(d.decided_at) FROM decisions d WHERE d.organization_id = $1 AND d.change_id = c.id),
                   (SELECT i.acknowledged_at FROM drift_incidents i WHERE i.organization_id = $1 AND i.id = c.incident_id),
                   (SELECT n.first_seen_at FROM changes n WHERE n.organization_id = $1 AND n.id = c.superseded_by)) AS taken_on_at
               FROM changes c
               WHERE c.organization_id = $1 AND ($2::uuid IS NULL OR c.environment_id = $2) AND c.first_seen_at < $4),
           parts AS (
               SELECT first_seen_at AS at, origin, 1 AS seen, NULL::int AS taken_on FROM found
               UNION ALL
               SELECT GREATEST(taken_on_at, first_seen_at), origin, NULL, 1 FROM found
               WHERE GREATEST(taken_on_at, first_seen_at) < $4 AND taken_on_at IS NOT NULL)
           SELECT GREATEST(-1, floor(extract(epoch FROM at - $3) / $5::bigint))::int AS "step!", origin AS "origin!",
               count(seen) AS "seen!", count(taken_on) AS "taken_on!"
           FROM parts GROUP BY 1, 2 ORDER BY 1, 2"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
        scope.from,
        scope.until,
        scope.step,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ChangeStep { step: row.step, origin: word(&row.origin)?, seen: row.seen, taken_on: row.taken_on })
        })
        .collect()
}

/// A time through which a change was overridden.
#[derive(Clone, Copy, Debug)]
pub struct OverrideSpan {
    /// The change.
    pub change: ChangeId,
    /// When the change was overridden first: a renewed override is as old as the first.
    pub since: DateTime<Utc>,
    /// When this one began.
    pub from: DateTime<Utc>,
    /// When it ended, or ends: by its time, by a person, or because the difference was gone or went on differently.
    pub until: DateTime<Utc>,
    /// How much the change matters.
    pub severity: Severity,
    /// Fields that differ; `None` for a whole workflow.
    pub fields: Option<i64>,
}

/// The overrides that ran at some time of the scope.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn overrides(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<OverrideSpan>> {
    let rows = sqlx::query!(
        r#"SELECT * FROM (
               SELECT c.id, c.severity, d.decided_at,
                   min(d.decided_at) OVER (PARTITION BY c.id) AS "since!",
                   LEAST(d.expires_at, d.ended_at,
                       CASE WHEN c.state IN ('DECIDED', 'VANISHED') THEN coalesce(c.vanished_at, c.last_seen_at) END,
                       (SELECT n.first_seen_at FROM changes n WHERE n.organization_id = $1 AND n.id = c.superseded_by)
                   ) AS "until!",
                   CASE WHEN NOT coalesce(c.facts -> 'fields' ? '*', true)
                       THEN jsonb_array_length(c.facts -> 'fields')::bigint END AS fields
               FROM decisions d JOIN changes c ON c.organization_id = $1 AND c.id = d.change_id
               WHERE d.organization_id = $1 AND ($2::uuid IS NULL OR d.environment_id = $2)
                   AND d.kind = 'OVERRIDE' AND d.expires_at IS NOT NULL) AS spans
           WHERE decided_at < $4 AND "until!" > $3"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
        scope.from,
        scope.until,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OverrideSpan {
                change: ChangeId(row.id),
                since: row.since,
                from: row.decided_at,
                until: row.until,
                severity: word(&row.severity)?,
                fields: row.fields,
            })
        })
        .collect()
}

/// Requests for a higher plan, by what was asked for and why.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn upgrades(db: &mut PgConnection, scope: Scope) -> StoreResult<Vec<UpgradeMetric>> {
    let rows = sqlx::query!(
        r#"SELECT plan_then, plan, capability, count(*) AS "asked!",
               count(*) FILTER (WHERE state = 'GRANTED') AS "granted!",
               count(*) FILTER (WHERE state = 'DECLINED') AS "declined!"
           FROM upgrade_requests
           WHERE organization_id = $1 AND ($2::uuid IS NULL OR environment_id = $2)
               AND requested_at >= $3 AND requested_at < $4
           GROUP BY plan_then, plan, capability ORDER BY 4 DESC, 1, 2, 3 NULLS FIRST"#,
        scope.organization.0,
        scope.environment.map(|id| id.0),
        scope.from,
        scope.until,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(UpgradeMetric {
                from: word::<PlanTier>(&row.plan_then)?,
                to: word::<PlanTier>(&row.plan)?,
                capability: row.capability.as_deref().map(word::<Capability>).transpose()?,
                asked: row.asked,
                granted: row.granted,
                declined: row.declined,
            })
        })
        .collect()
}
