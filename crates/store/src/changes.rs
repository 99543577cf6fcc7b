//! Changes and decisions. A change is never deleted while it is open; the database refuses it too.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, CheckId, DecisionId, EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::severity::Severity;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::decisions;
use crate::error::{StoreError, StoreResult, exactly_one, word};

/// A change as it is stored.
#[derive(Clone, Debug)]
pub struct ChangeRecord {
    /// Its identifier.
    pub id: ChangeId,
    /// The workflow that differs.
    pub workflow_id: Uuid,
    /// The workflow's name now.
    pub workflow: String,
    /// The workflow's id in n8n.
    pub live_id: Option<String>,
    /// The workflow's file.
    pub path: Option<String>,
    /// How the sides differ.
    pub change_type: ChangeType,
    /// Which side moved.
    pub origin: Origin,
    /// Where the change stands.
    pub state: ChangeState,
    /// How much it matters.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// The live side's bytes.
    pub live_snapshot: Option<Fingerprint>,
    /// The desired side's bytes.
    pub desired_snapshot: Option<Fingerprint>,
    /// The live side's prints.
    pub live_prints: Option<Value>,
    /// The desired side's prints.
    pub desired_prints: Option<Value>,
    /// The commit that the desired side was read from.
    pub git_commit: String,
    /// An edit is saved in n8n and not published.
    pub unpublished_draft: bool,
    /// Seen by the environment's first check.
    pub adoption: bool,
    /// When a check first saw it.
    pub first_seen_at: DateTime<Utc>,
    /// When a check last saw it.
    pub last_seen_at: DateTime<Utc>,
    /// When a check first no longer saw it.
    pub vanished_at: Option<DateTime<Utc>>,
    /// What became of it.
    pub vanished_cause: Option<VanishedCause>,
    /// What shows the cause.
    pub vanished_evidence: Option<String>,
    /// What a person decided.
    pub decision: Option<DecisionRecord>,
    /// The incident that it is part of.
    pub incident: Option<IncidentId>,
    /// The path that a person chose for it, as long as that is not carried out.
    pub chosen: Option<(DecisionId, DecisionKind)>,
}

/// A decision as it is stored.
#[derive(Clone, Debug)]
pub struct DecisionRecord {
    /// What was decided.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a check saw differ, to be stored as a new change.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// The workflow that differs.
    pub workflow_id: Uuid,
    /// How the sides differ.
    pub change_type: ChangeType,
    /// Which side moved.
    pub origin: Origin,
    /// How much it matters.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// Facts of the diff: what severity follows from, and the `fields` that recurrence is told by.
    pub facts: Value,
    /// The live side's bytes and prints.
    pub live: Option<(Fingerprint, Value)>,
    /// The desired side's bytes and prints.
    pub desired: Option<(Fingerprint, Value)>,
    /// The commit that the desired side was read from.
    pub git_commit: String,
    /// An edit is saved in n8n and not published.
    pub unpublished_draft: bool,
    /// Seen by the environment's first check.
    pub adoption: bool,
}

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
pub enum Which {
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
}

/// Changes of an environment: at most `limit`, the newest first.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    which: Which,
    limit: i64,
) -> StoreResult<Vec<ChangeRecord>> {
    let states: Option<Vec<String>> = match which {
        Which::Open => Some(ChangeState::ALL.iter().filter(|s| s.is_open()).map(|s| s.as_str().to_owned()).collect()),
        Which::In(state) => Some(vec![state.as_str().to_owned()]),
        Which::OfWorkflow(_) | Which::One(_) | Which::OfIncident(_) => None,
    };
    let workflow = if let Which::OfWorkflow(id) = which { Some(id) } else { None };
    let one = if let Which::One(id) = which { Some(id.0) } else { None };
    let incident = if let Which::OfIncident(id) = which { Some(id.0) } else { None };
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
             AND ($5::uuid IS NULL OR c.id = $5)
             AND ($7::uuid IS NULL OR c.incident_id = $7)
           ORDER BY c.first_seen_at DESC, c.id DESC LIMIT $6"#,
        organization.0,
        environment.0,
        states.as_deref(),
        workflow,
        one,
        limit,
        incident
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Stores a new change that a check saw. Where the newest check before it saw another difference of the same workflow,
/// that one becomes its history. One that has vanished meanwhile is no part of this drift and goes on waiting for a person.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    id: ChangeId,
    check: CheckId,
    change: &NewChange,
    now: DateTime<Utc>,
) -> StoreResult<Option<ChangeId>> {
    let superseded = sqlx::query_scalar!(
        "UPDATE changes SET state = 'SUPERSEDED', superseded_by = $4
         WHERE organization_id = $1 AND environment_id = $2 AND workflow_id = $3 AND state = 'OPEN'
         RETURNING id",
        organization.0,
        environment.0,
        change.workflow_id,
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO changes (organization_id, environment_id, id, workflow_id, change_type, origin, state, severity,
             summary, facts, live_snapshot, desired_snapshot, live_prints, desired_prints, git_commit, unpublished_draft,
             adoption, first_check_id, last_check_id, first_seen_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'OPEN', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $18)",
        organization.0,
        environment.0,
        id.0,
        change.workflow_id,
        change.change_type.as_str(),
        change.origin.as_str(),
        change.severity.as_str(),
        change.summary,
        change.facts,
        change.live.as_ref().map(|side| side.0.0.to_vec()),
        change.desired.as_ref().map(|side| side.0.0.to_vec()),
        change.live.as_ref().map(|side| &side.1),
        change.desired.as_ref().map(|side| &side.1),
        change.git_commit,
        change.unpublished_draft,
        change.adoption,
        check.0,
        now,
    )
    .execute(db)
    .await?;
    Ok(superseded.map(ChangeId))
}

/// Records that a check saw these changes again, as they were; with each, whether an unpublished draft waits.
pub async fn seen_again(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    seen: &[(ChangeId, bool)],
    check: CheckId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let ids: Vec<Uuid> = seen.iter().map(|(id, _)| id.0).collect();
    let drafts: Vec<bool> = seen.iter().map(|(_, draft)| *draft).collect();
    let done = sqlx::query!(
        "UPDATE changes SET last_check_id = $5, last_seen_at = $6, state = 'OPEN', unpublished_draft = seen.draft,
             vanished_at = NULL, vanished_cause = NULL, vanished_evidence = NULL
         FROM unnest($3::uuid[], $4::bool[]) AS seen (change_id, draft)
         WHERE organization_id = $1 AND environment_id = $2 AND id = seen.change_id AND state IN ('OPEN', 'VANISHED')",
        organization.0,
        environment.0,
        &ids,
        &drafts,
        check.0,
        now
    )
    .execute(db)
    .await?;
    if done.rows_affected() == ids.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::WrongRows { rows: done.rows_affected() })
    }
}

/// Records that a check no longer saw an open change, that nobody had decided. It stays open.
pub async fn vanish(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ChangeId,
    cause: VanishedCause,
    evidence: Option<&str>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE changes SET state = 'VANISHED', vanished_at = $3, vanished_cause = $4, vanished_evidence = $5
         WHERE organization_id = $1 AND id = $2 AND state = 'OPEN'",
        organization.0,
        id.0,
        now,
        cause.as_str(),
        evidence.map(|text| Value::String(text.to_owned())),
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// A change with its environment, if the organization has it.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn find(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ChangeId,
) -> StoreResult<Option<(EnvironmentId, ChangeRecord)>> {
    let environment = sqlx::query_scalar!(
        "SELECT environment_id FROM changes WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    );
    let Some(environment) = environment.fetch_optional(&mut *db).await?.map(EnvironmentId) else { return Ok(None) };
    let found = list(db, organization, environment, Which::One(id), 1).await?.pop();
    Ok(found.map(|change| (environment, change)))
}

/// Records a person's decision for a vanished change, and with it the change's end. Only a change that is still vanished
/// is decided.
///
/// # Errors
/// [`StoreError::WrongRows`] when the change is in another state by now.
pub async fn decide_vanished(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    change: ChangeId,
    decision: (DecisionId, DecisionKind, &str),
    by: UserId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let (id, kind, reason) = decision;
    let new = decisions::NewDecision { id, change, kind, reason, replacement: None, by };
    decisions::insert(db, organization, environment, None, &new, now).await?;
    let done = sqlx::query!(
        "UPDATE changes SET state = 'DECIDED', decision_id = $4, chosen_decision_id = NULL
         WHERE organization_id = $1 AND environment_id = $2 AND id = $3 AND state = 'VANISHED'",
        organization.0,
        environment.0,
        change.0,
        id.0
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Lets the open change of one workflow be carried by the open change of another, when the two turn out to be one: it
/// becomes part of that workflow's history.
pub async fn fold_into(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    into: ChangeId,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE changes SET state = 'SUPERSEDED', superseded_by = $3,
             workflow_id = (SELECT workflow_id FROM changes WHERE organization_id = $1 AND id = $3)
         WHERE organization_id = $1 AND id = $2 AND state = 'OPEN'",
        organization.0,
        change.0,
        into.0
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}
