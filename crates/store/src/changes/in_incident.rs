//! The changes of one incident, in parts: an incident may have hundreds, of which a screen shows a page.

use chrono::{DateTime, Utc};
use drift_domain::change::VanishedCause;
use drift_domain::ids::{ChangeId, IncidentId, OrganizationId};
use drift_domain::severity::Severity;
use sqlx::PgConnection;
use uuid::Uuid;

use super::lists::rising;
use crate::error::{StoreError, StoreResult, word};

/// Where a change stands in its incident: those that wait first, then those that are decided, then superseded ones; the most
/// severe first, of one severity the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InIncident {
    /// 0 for what waits, 1 for what is decided, 2 for what is superseded. A change only ever moves towards the end.
    pub part: i32,
    /// How much it matters.
    pub severity: Severity,
    /// When a check first saw it.
    pub first_seen_at: DateTime<Utc>,
    /// Its identifier.
    pub id: ChangeId,
}

/// The places of an incident's changes behind one of them, in order, at most `limit`; with how many changes there are, and how
/// many of them stand behind that place.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn of_incident(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    after: Option<&InIncident>,
    limit: u32,
) -> StoreResult<(Vec<InIncident>, u32, u32)> {
    let (part, severity) = (after.map(|place| place.part), after.map(|place| place.severity.as_str()));
    let (seen, id) = (after.map(|place| place.first_seen_at), after.map(|place| place.id.0));
    let rows = sqlx::query!(
        r#"WITH placed AS (
               SELECT id, severity, first_seen_at,
                   CASE state WHEN 'DECIDED' THEN 1 WHEN 'SUPERSEDED' THEN 2 ELSE 0 END AS part,
                   array_position($7::text[], severity) AS rank
               FROM changes WHERE organization_id = $1 AND incident_id = $2)
           SELECT id, severity, first_seen_at, part AS "part!" FROM placed
           WHERE $3::int IS NULL OR part > $3
               OR (part = $3 AND rank < array_position($7::text[], $4))
               OR (part = $3 AND rank = array_position($7::text[], $4) AND (first_seen_at, id) < ($5::timestamptz, $6::uuid))
           ORDER BY part, rank DESC, first_seen_at DESC, id DESC LIMIT $8"#,
        organization.0,
        incident.0,
        part,
        severity,
        seen,
        id,
        &rising() as _,
        i64::from(limit)
    )
    .fetch_all(&mut *db)
    .await?;
    let counted = sqlx::query!(
        r#"WITH placed AS (
               SELECT id, first_seen_at, CASE state WHEN 'DECIDED' THEN 1 WHEN 'SUPERSEDED' THEN 2 ELSE 0 END AS part,
                   array_position($7::text[], severity) AS rank
               FROM changes WHERE organization_id = $1 AND incident_id = $2)
           SELECT count(*) AS "all!", count(*) FILTER (WHERE $3::int IS NULL OR part > $3
               OR (part = $3 AND rank < array_position($7::text[], $4))
               OR (part = $3 AND rank = array_position($7::text[], $4) AND (first_seen_at, id) < ($5::timestamptz, $6::uuid))
           ) AS "behind!" FROM placed"#,
        organization.0,
        incident.0,
        part,
        severity,
        seen,
        id,
        &rising() as _
    )
    .fetch_one(db)
    .await?;
    let place = |id, severity: &str, first_seen_at, part| {
        Ok::<_, StoreError>(InIncident { part, severity: word(severity)?, first_seen_at, id: ChangeId(id) })
    };
    let places = rows.iter().map(|row| place(row.id, &row.severity, row.first_seen_at, row.part));
    Ok((places.collect::<StoreResult<_>>()?, number(counted.all), number(counted.behind)))
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The first changes of an incident by severity, superseded ones left out: those that a limited plan opens.
///
/// # Errors
/// The database failed.
pub async fn first_of_incident(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    limit: u32,
) -> StoreResult<Vec<ChangeId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM changes WHERE organization_id = $1 AND incident_id = $2 AND state <> 'SUPERSEDED'
         ORDER BY array_position($3::text[], severity) DESC, first_seen_at DESC, id DESC LIMIT $4",
        organization.0,
        incident.0,
        &rising() as _,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ChangeId).collect())
}

/// The changes of an incident that wait for somebody to choose their path.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// How many there are.
    pub count: u32,
    /// What became of those among them that vanished, each cause once.
    pub vanished: Vec<VanishedCause>,
}

/// Counts the changes of an incident whose path nobody has chosen: those that a decision about all of them is for.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn undecided(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Undecided> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "count!",
               coalesce(array_agg(DISTINCT vanished_cause) FILTER (WHERE state = 'VANISHED' AND vanished_cause IS NOT NULL),
                   '{}') AS "vanished!"
           FROM changes WHERE organization_id = $1 AND incident_id = $2 AND state IN ('OPEN', 'VANISHED')
               AND chosen_decision_id IS NULL"#,
        organization.0,
        incident.0
    )
    .fetch_one(db)
    .await?;
    let vanished = row.vanished.iter().map(|cause| word(cause)).collect::<StoreResult<_>>()?;
    Ok(Undecided { count: number(row.count), vanished })
}

/// The open changes of an incident whose chosen path can be carried out now: it is not done, and nothing carries it out.
///
/// # Errors
/// The database failed.
pub async fn ready(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Vec<ChangeId>> {
    let ids = sqlx::query_scalar!(
        "SELECT c.id FROM changes c
         WHERE c.organization_id = $1 AND c.incident_id = $2 AND c.state = 'OPEN' AND c.chosen_decision_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM drift_reconciliation_artifacts a
                 WHERE a.organization_id = c.organization_id AND a.change_id = c.id
                     AND a.decision_id = c.chosen_decision_id AND a.status = 'SUCCESS')
             AND NOT EXISTS (SELECT 1 FROM reconciliations r JOIN reconciliation_items i ON i.reconciliation_id = r.id
                 WHERE r.organization_id = c.organization_id AND i.change_id = c.id AND r.state = 'PENDING')
         ORDER BY c.first_seen_at DESC, c.id DESC",
        organization.0,
        incident.0
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ChangeId).collect())
}

/// What stands around a change in its incident.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours {
    /// The one before it.
    pub previous: Option<ChangeId>,
    /// The one after it.
    pub next: Option<ChangeId>,
    /// Its number, from 1.
    pub at: u32,
    /// How many there are.
    pub of: u32,
}

/// What stands around a change in its incident, among all changes or among `only` some. `None` where it is none of them.
///
/// # Errors
/// The database failed.
pub async fn neighbours(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    change: ChangeId,
    only: Option<&[ChangeId]>,
) -> StoreResult<Option<Neighbours>> {
    let only: Option<Vec<Uuid>> = only.map(|only| only.iter().map(|id| id.0).collect());
    let row = sqlx::query!(
        r#"WITH placed AS (
               SELECT id, lag(id) OVER w AS previous, lead(id) OVER w AS next, row_number() OVER w AS at,
                   count(*) OVER () AS of
               FROM changes WHERE organization_id = $1 AND incident_id = $2 AND ($4::uuid[] IS NULL OR id = ANY($4))
               WINDOW w AS (ORDER BY CASE state WHEN 'DECIDED' THEN 1 WHEN 'SUPERSEDED' THEN 2 ELSE 0 END,
                   array_position($5::text[], severity) DESC, first_seen_at DESC, id DESC))
           SELECT previous, next, at AS "at!", of AS "of!" FROM placed WHERE id = $3"#,
        organization.0,
        incident.0,
        change.0,
        only.as_deref(),
        &rising() as _
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Neighbours {
        previous: row.previous.map(ChangeId),
        next: row.next.map(ChangeId),
        at: number(row.at),
        of: number(row.of),
    }))
}
