//! Changes and decisions. A change is never deleted while it is open; the database refuses it too.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, CheckId, DecisionId, EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::severity::Severity;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

mod in_incident;
mod lists;

pub use in_incident::{
    InIncident, Neighbours, Undecided, first_of_incident, neighbours, of_incident, ready, undecided,
};
pub use lists::{Listed, OpenCounts, Place, Which, list, matching, open_counts, page};

use crate::decisions;
use crate::error::{StoreError, StoreResult, exactly_one};

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
    /// When n8n says that the live side moved, where it is that side which moved.
    pub live_moved_at: Option<DateTime<Utc>>,
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
    let superseded = sqlx::query!(
        "UPDATE changes SET state = 'SUPERSEDED', superseded_by = $4
         WHERE organization_id = $1 AND environment_id = $2 AND workflow_id = $3 AND state = 'OPEN'
         RETURNING id, live_snapshot",
        organization.0,
        environment.0,
        change.workflow_id,
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let live = change.live.as_ref().map(|side| side.0.0.to_vec());
    // What was live before has not moved now: Git has, or how the two are compared.
    let moved = superseded.as_ref().is_none_or(|before| before.live_snapshot != live);
    sqlx::query!(
        "INSERT INTO changes (organization_id, environment_id, id, workflow_id, change_type, origin, state, severity,
             summary, facts, live_snapshot, desired_snapshot, live_prints, desired_prints, git_commit, unpublished_draft,
             adoption, first_check_id, last_check_id, first_seen_at, last_seen_at, live_moved_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'OPEN', $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18, $18, $19)",
        organization.0,
        environment.0,
        id.0,
        change.workflow_id,
        change.change_type.as_str(),
        change.origin.as_str(),
        change.severity.as_str(),
        change.summary,
        change.facts,
        live,
        change.desired.as_ref().map(|side| side.0.0.to_vec()),
        change.live.as_ref().map(|side| &side.1),
        change.desired.as_ref().map(|side| &side.1),
        change.git_commit,
        change.unpublished_draft,
        change.adoption,
        check.0,
        now,
        change.live_moved_at.filter(|at| moved && *at <= now),
    )
    .execute(db)
    .await?;
    Ok(superseded.map(|before| ChangeId(before.id)))
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
