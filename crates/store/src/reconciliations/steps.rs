//! The steps of a reconciliation: what each is to do, and how far it is.

use chrono::{DateTime, Utc};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, OrganizationId, ReconciliationId};
use drift_domain::reconciliation::{StepKind, StepState};
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// A step to be planned.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// What is done.
    pub kind: StepKind,
    /// The change that it is about; `None` where it is about all.
    pub change: Option<ChangeId>,
    /// What to do.
    pub request: Value,
    /// What is written.
    pub content: Option<Fingerprint>,
    /// What it is written over.
    pub overwrites: Option<Fingerprint>,
}

/// A step as it is stored.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Its place, from 0.
    pub position: i32,
    /// What is done.
    pub kind: StepKind,
    /// The change that it is about.
    pub change: Option<ChangeId>,
    /// That change's workflow.
    pub workflow: Option<String>,
    /// How far it is.
    pub state: StepState,
    /// What to do.
    pub request: Value,
    /// What is written.
    pub content: Option<Fingerprint>,
    /// What it is written over.
    pub overwrites: Option<Fingerprint>,
    /// What was learnt while doing it.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was begun.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The steps of a reconciliation, in order.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn steps(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
) -> StoreResult<Vec<StepRecord>> {
    let rows = sqlx::query!(
        r#"SELECT s.position, s.kind, s.change_id, w.name AS "workflow?", s.state, s.request, s.content, s.overwrites,
               s.result, s.error, s.begun_at, s.ended_at
           FROM reconciliation_steps s
           LEFT JOIN changes c ON c.organization_id = s.organization_id AND c.id = s.change_id
           LEFT JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
           WHERE s.organization_id = $1 AND s.reconciliation_id = $2 ORDER BY s.position"#,
        organization.0,
        id.0
    )
    .fetch_all(db)
    .await?;
    let print = |bytes: Option<Vec<u8>>| {
        bytes.map(|bytes| bytes.as_slice().try_into().map_err(StoreError::corrupt)).transpose()
    };
    rows.into_iter()
        .map(|row| {
            Ok(StepRecord {
                position: row.position,
                kind: word(&row.kind)?,
                change: row.change_id.map(ChangeId),
                workflow: row.workflow,
                state: word(&row.state)?,
                request: row.request,
                content: print(row.content)?,
                overwrites: print(row.overwrites)?,
                result: row.result,
                error: row.error,
                begun_at: row.begun_at,
                ended_at: row.ended_at,
            })
        })
        .collect()
}

/// Records that a step is begun, with what whoever goes on must know.
///
/// # Errors
/// [`StoreError::WrongRows`] when the step is taken already.
pub async fn begin_step(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    position: i32,
    learnt: Option<&Value>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE reconciliation_steps SET state = 'BEGUN', begun_at = COALESCE(begun_at, $4),
             result = COALESCE($5, result)
         WHERE organization_id = $1 AND reconciliation_id = $2 AND position = $3 AND state IN ('WAITING', 'BEGUN')",
        organization.0,
        id.0,
        position,
        now,
        learnt
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// How a step ends.
#[derive(Clone, Copy, Debug)]
pub enum StepEnd<'a> {
    /// Taken; with what it left.
    Done(&'a Value),
    /// Not taken, and why.
    Failed(&'a str),
}

/// Ends a step that was begun.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is not under way.
pub async fn end_step(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    position: i32,
    end: StepEnd<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let (state, result, error) = match end {
        StepEnd::Done(result) => (StepState::Done, Some(result), None),
        StepEnd::Failed(why) => (StepState::Failed, None, Some(why)),
    };
    let done = sqlx::query!(
        "UPDATE reconciliation_steps SET state = $4, result = COALESCE($5, result), error = $6, ended_at = $7
         WHERE organization_id = $1 AND reconciliation_id = $2 AND position = $3 AND state = 'BEGUN'",
        organization.0,
        id.0,
        position,
        state.as_str(),
        result,
        error,
        now
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}
