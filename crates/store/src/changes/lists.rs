//! Lists of changes: whole ones, pages, and counts.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, ChangeType, Origin};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, IncidentId, OrganizationId};
use drift_domain::severity::Severity;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ChangeRecord, DecisionRecord};
use crate::error::{StoreError, StoreResult, word};

struct Row {
    id: Uuid,
    workflow_id: Uuid,
    workflow: String,
    live_id: Option<String>,
    path: Option<String>,
    change_type: String,
    origin: String,
    state: String,
    severity: String,
    summary: String,
    live_snapshot: Option<Vec<u8>>,
    desired_snapshot: Option<Vec<u8>>,
    live_prints: Option<Value>,
    desired_prints: Option<Value>,
    git_commit: String,
    unpublished_draft: bool,
    adoption: bool,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    vanished_at: Option<DateTime<Utc>>,
    vanished_cause: Option<String>,
    vanished_evidence: Option<Value>,
    decision_kind: Option<String>,
    decision_reason: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    incident_id: Option<Uuid>,
    chosen_decision_id: Option<Uuid>,
    chosen_kind: Option<String>,
}

fn hash(bytes: Option<Vec<u8>>) -> StoreResult<Option<Fingerprint>> {
    bytes.map(|bytes| bytes.as_slice().try_into().map_err(StoreError::corrupt)).transpose()
}

impl TryFrom<Row> for ChangeRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let decision = match (row.decision_kind, row.decision_reason, row.decided_by, row.decided_at) {
            (Some(kind), Some(reason), Some(by), Some(at)) => {
                Some(DecisionRecord { kind: word(&kind)?, reason, by, at })
            }
            _ => None,
        };
        Ok(Self {
            id: ChangeId(row.id),
            workflow_id: row.workflow_id,
            workflow: row.workflow,
            live_id: row.live_id,
            path: row.path,
            change_type: word(&row.change_type)?,
            origin: word(&row.origin)?,
            state: word(&row.state)?,
            severity: word(&row.severity)?,
            summary: row.summary,
            live_snapshot: hash(row.live_snapshot)?,
            desired_snapshot: hash(row.desired_snapshot)?,
            live_prints: row.live_prints,
            desired_prints: row.desired_prints,
            git_commit: row.git_commit,
            unpublished_draft: row.unpublished_draft,
            adoption: row.adoption,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            vanished_at: row.vanished_at,
            vanished_cause: row.vanished_cause.as_deref().map(word).transpose()?,
            vanished_evidence: row.vanished_evidence.and_then(|v| v.as_str().map(str::to_owned)),
            decision,
            incident: row.incident_id.map(IncidentId),
            chosen: match (row.chosen_decision_id, row.chosen_kind) {
                (Some(id), Some(kind)) => Some((DecisionId(id), word(&kind)?)),
                _ => None,
            },
        })
    }
}

/// Which changes of an environment to read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The open ones, vanished ones included.
    Open,
    /// Those in one state, newest first.
    In(ChangeState),
    /// Every change of one workflow, newest first.
    OfWorkflow(Uuid),
    /// One.
    One(ChangeId),
    /// Every change of one incident, in whatever state.
    OfIncident(IncidentId),
    /// These, in whatever state.
    These(&'a [ChangeId]),
}

/// What a list of an environment's changes leaves in. What is `None` leaves everything in, but for the state.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Those in this state; without it, the open ones.
    pub state: Option<ChangeState>,
    /// Those of this type.
    pub change_type: Option<ChangeType>,
    /// Those of this origin.
    pub origin: Option<Origin>,
    /// Those of this severity.
    pub severity: Option<Severity>,
    /// Those of workflows whose name contains this, whatever the case.
    pub named: Option<String>,
}

impl Listed {
    /// Every open change.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }
}

/// Where a change stands in a list: the most severe first, of one severity the newest.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// How much it matters.
    pub severity: Severity,
    /// When a check first saw it.
    pub first_seen_at: DateTime<Utc>,
    /// Its identifier.
    pub id: ChangeId,
}

/// Changes of an environment behind a place, the most severe first: at most `limit`.
pub async fn page(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    listed: &Listed,
    after: Option<&Place>,
    limit: u32,
) -> StoreResult<Vec<ChangeRecord>> {
    select(
        db,
        organization,
        environment,
        (listed.state.map_or(Which::Open, Which::In), Some((listed, after))),
        i64::from(limit),
    )
    .await
}

/// Changes of an environment: at most `limit`, the newest first.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    which: Which<'_>,
    limit: i64,
) -> StoreResult<Vec<ChangeRecord>> {
    select(db, organization, environment, (which, None), limit).await
}

/// The words of the states that a change is in.
fn states(which: Which<'_>) -> Option<Vec<String>> {
    match which {
        Which::Open => Some(ChangeState::ALL.iter().filter(|s| s.is_open()).map(|s| s.as_str().to_owned()).collect()),
        Which::In(state) => Some(vec![state.as_str().to_owned()]),
        Which::OfWorkflow(_) | Which::One(_) | Which::OfIncident(_) | Which::These(_) => None,
    }
}

/// With a list's filter the most severe first, else the newest.
async fn select(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    (which, sorted): (Which<'_>, Option<(&Listed, Option<&Place>)>),
    limit: i64,
) -> StoreResult<Vec<ChangeRecord>> {
    let (filter, after) = (sorted.map(|(listed, _)| listed), sorted.and_then(|(_, after)| after));
    let workflow = if let Which::OfWorkflow(id) = which { Some(id) } else { None };
    let these: Option<Vec<Uuid>> = match which {
        Which::One(id) => Some(vec![id.0]),
        Which::These(ids) => Some(ids.iter().map(|id| id.0).collect()),
        Which::Open | Which::In(_) | Which::OfWorkflow(_) | Which::OfIncident(_) => None,
    };
    let incident = if let Which::OfIncident(id) = which { Some(id.0) } else { None };
    let states = states(which);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.workflow_id, w.name AS workflow, w.live_id, w.path, c.change_type, c.origin, c.state,
               c.severity, c.summary, c.live_snapshot, c.desired_snapshot, c.live_prints, c.desired_prints,
               c.git_commit, c.unpublished_draft, c.adoption, c.first_seen_at, c.last_seen_at, c.vanished_at,
               c.vanished_cause, c.vanished_evidence, d.kind AS "decision_kind?", d.reason AS "decision_reason?",
               u.name AS "decided_by?", d.decided_at AS "decided_at?", c.incident_id, c.chosen_decision_id,
               chosen.kind AS "chosen_kind?"
           FROM changes c
           JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
           LEFT JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.decision_id
           LEFT JOIN users u ON u.id = d.decided_by
           LEFT JOIN decisions chosen ON chosen.organization_id = c.organization_id AND chosen.id = c.chosen_decision_id
           WHERE c.organization_id = $1 AND c.environment_id = $2
             AND ($3::text[] IS NULL OR c.state = ANY($3))
             AND ($4::uuid IS NULL OR c.workflow_id = $4)
             AND ($5::uuid[] IS NULL OR c.id = ANY($5))
             AND ($7::uuid IS NULL OR c.incident_id = $7)
             AND ($8::text IS NULL OR c.change_type = $8) AND ($9::text IS NULL OR c.origin = $9)
             AND ($10::text IS NULL OR c.severity = $10)
             AND ($11::text IS NULL OR strpos(lower(w.name), lower($11)) > 0)
             AND ($12::text IS NULL
                  OR (array_position($15::text[], c.severity), c.first_seen_at, c.id)
                     < (array_position($15::text[], $12), $13::timestamptz, $14::uuid))
           ORDER BY CASE WHEN $16 THEN array_position($15::text[], c.severity) END DESC, c.first_seen_at DESC, c.id DESC
           LIMIT $6"#,
        organization.0,
        environment.0,
        states.as_deref(),
        workflow,
        these.as_deref(),
        limit,
        incident,
        filter.and_then(|f| f.change_type).map(ChangeType::as_str),
        filter.and_then(|f| f.origin).map(Origin::as_str),
        filter.and_then(|f| f.severity).map(Severity::as_str),
        filter.and_then(|f| f.named.as_deref()),
        after.map(|place| place.severity.as_str()),
        after.map(|place| place.first_seen_at),
        after.map(|place| place.id.0),
        &rising() as _,
        sorted.is_some(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The words of severity, from the least up.
pub(super) fn rising() -> Vec<String> {
    Severity::ALL.iter().map(|severity| severity.as_str().to_owned()).collect()
}

/// How many changes a list leaves in, and how many of these stand behind a place.
pub async fn matching(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    listed: &Listed,
    after: Option<&Place>,
) -> StoreResult<(u32, u32)> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "matching!", count(*) FILTER (WHERE $8::text IS NULL
               OR (array_position($11::text[], c.severity), c.first_seen_at, c.id)
                  < (array_position($11::text[], $8), $9::timestamptz, $10::uuid)) AS "behind!"
           FROM changes c JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
           WHERE c.organization_id = $1 AND c.environment_id = $2 AND c.state = ANY($3)
             AND ($4::text IS NULL OR c.change_type = $4) AND ($5::text IS NULL OR c.origin = $5)
             AND ($6::text IS NULL OR c.severity = $6) AND ($7::text IS NULL OR strpos(lower(w.name), lower($7)) > 0)"#,
        organization.0,
        environment.0,
        &states(listed.state.map_or(Which::Open, Which::In)).unwrap_or_default(),
        listed.change_type.map(ChangeType::as_str),
        listed.origin.map(Origin::as_str),
        listed.severity.map(Severity::as_str),
        listed.named.as_deref(),
        after.map(|place| place.severity.as_str()),
        after.map(|place| place.first_seen_at),
        after.map(|place| place.id.0),
        &rising() as _,
    )
    .fetch_one(db)
    .await?;
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok((number(row.matching), number(row.behind)))
}

/// Open changes of an environment, counted.
#[derive(Clone, Debug)]
pub struct OpenCounts {
    /// Those that vanished and wait for a person.
    pub vanished: u32,
    /// Those of workflows that n8n has.
    pub live: u32,
    /// Those that the first check saw, by type.
    pub adopted: Vec<(ChangeType, u32)>,
}

/// Counts the open changes of an environment.
pub async fn open_counts(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<OpenCounts> {
    let rows = sqlx::query!(
        r#"SELECT change_type, count(*) AS "all!", count(*) FILTER (WHERE adoption) AS "adopted!",
               count(*) FILTER (WHERE state = $4) AS "vanished!"
           FROM changes WHERE organization_id = $1 AND environment_id = $2 AND state = ANY($3) GROUP BY change_type"#,
        organization.0,
        environment.0,
        &states(Which::Open).unwrap_or_default(),
        ChangeState::Vanished.as_str(),
    )
    .fetch_all(db)
    .await?;
    let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let mut counts =
        OpenCounts { vanished: 0, live: 0, adopted: ChangeType::ALL.iter().map(|kind| (*kind, 0)).collect() };
    for row in rows {
        let kind: ChangeType = word(&row.change_type)?;
        counts.vanished += number(row.vanished);
        if kind != ChangeType::Removed {
            counts.live += number(row.all);
        }
        if let Some((_, adopted)) = counts.adopted.iter_mut().find(|(other, _)| *other == kind) {
            *adopted = number(row.adopted);
        }
    }
    Ok(counts)
}
