//! Reconciliations: what is planned, who said to carry it out, and how far each step is.

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, IncidentId, OrganizationId, ReconciliationId, UserId};
use drift_domain::reconciliation::{Purpose, ReconciliationState};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult, exactly_one, word};

mod planning;
mod steps;

pub use planning::{NewReconciliation, plan};
pub use steps::{NewStep, StepEnd, StepRecord, begin_step, end_step, steps};

/// A reconciliation as it is stored.
#[derive(Clone, Debug)]
pub struct ReconciliationRecord {
    /// Its identifier.
    pub id: ReconciliationId,
    /// Whose.
    pub organization: OrganizationId,
    /// The environment that it is about.
    pub environment: EnvironmentId,
    /// The incident that it is part of.
    pub incident: Option<IncidentId>,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: ReconciliationState,
    /// What its person was shown.
    pub plan: Value,
    /// Whether something stands in the way of carrying it out as planned.
    pub has_problems: bool,
    /// Who planned it.
    pub planned_by: (UserId, String),
    /// When.
    pub planned_at: DateTime<Utc>,
    /// Who said to carry it out.
    pub begun_by: Option<UserId>,
    /// When.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whose turn it is: see [`take_turn`].
    pub turn: i64,
    /// How often it was put off in a row.
    pub put_off: i32,
    /// Whether n8n holds a part of what is being written.
    pub writing: bool,
    /// What it waits for.
    pub waits_for: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// How many changes it is about.
    pub items: i64,
}

struct Row {
    id: Uuid,
    organization_id: Uuid,
    environment_id: Uuid,
    incident_id: Option<Uuid>,
    purpose: String,
    state: String,
    plan: Value,
    has_problems: bool,
    planned_by: Uuid,
    planner: String,
    planned_at: DateTime<Utc>,
    begun_by: Option<Uuid>,
    begun_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    turn: i64,
    put_off: i32,
    writing: bool,
    waits_for: Option<String>,
    error: Option<String>,
    items: i64,
}

/// Reconciliations as [`Row`]s: what follows the tables, and its parameters.
macro_rules! select {
    ($rest:tt, $($parameter:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT r.id, r.organization_id, r.environment_id, r.incident_id, r.purpose, r.state, r.plan, r.has_problems,
                   r.planned_by, u.name AS planner, r.planned_at, r.begun_by, r.begun_at, r.ended_at, r.turn, r.put_off,
                   r.writing, r.waits_for, r.error,
                   (SELECT count(*) FROM reconciliation_items i WHERE i.reconciliation_id = r.id) AS "items!"
               FROM reconciliations r JOIN users u ON u.id = r.planned_by "# + $rest,
            $($parameter),+
        )
    };
}

impl TryFrom<Row> for ReconciliationRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ReconciliationId(row.id),
            organization: OrganizationId(row.organization_id),
            environment: EnvironmentId(row.environment_id),
            incident: row.incident_id.map(IncidentId),
            purpose: word(&row.purpose)?,
            state: word(&row.state)?,
            plan: row.plan,
            has_problems: row.has_problems,
            planned_by: (UserId(row.planned_by), row.planner),
            planned_at: row.planned_at,
            begun_by: row.begun_by.map(UserId),
            begun_at: row.begun_at,
            ended_at: row.ended_at,
            turn: row.turn,
            put_off: row.put_off,
            writing: row.writing,
            waits_for: row.waits_for,
            error: row.error,
            items: row.items,
        })
    }
}

/// A reconciliation, if the organization has it.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
) -> StoreResult<Option<ReconciliationRecord>> {
    let row = select!("WHERE r.organization_id = $1 AND r.id = $2", organization.0, id.0);
    row.fetch_optional(db).await?.map(TryInto::try_into).transpose()
}

/// Those of an incident that somebody said to carry out, newest first.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn of_incident(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Vec<ReconciliationRecord>> {
    let rows = select!(
        "WHERE r.organization_id = $1 AND r.incident_id = $2 AND r.state <> 'PLANNED' ORDER BY r.id DESC",
        organization.0,
        incident.0
    );
    rows.fetch_all(db).await?.into_iter().map(TryInto::try_into).collect()
}

/// What people were shown in the newest plan that carries a decision about a change out.
///
/// # Errors
/// The database failed.
pub async fn newest_plan_for(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
) -> StoreResult<Option<Value>> {
    let plan = sqlx::query_scalar!(
        "SELECT r.plan FROM reconciliations r JOIN reconciliation_items i ON i.reconciliation_id = r.id
         WHERE r.organization_id = $1 AND i.change_id = $2 AND r.purpose = 'DECISIONS' ORDER BY r.id DESC LIMIT 1",
        organization.0,
        change.0
    );
    Ok(plan.fetch_optional(db).await?)
}

/// Whose a reconciliation is: for a worker, which knows its identifier alone.
///
/// # Errors
/// The database failed.
pub async fn owner(db: &mut PgConnection, id: ReconciliationId) -> StoreResult<Option<OrganizationId>> {
    Ok(sqlx::query_scalar!("SELECT organization_id FROM reconciliations WHERE id = $1", id.0)
        .fetch_optional(db)
        .await?
        .map(OrganizationId))
}

/// The changes that a reconciliation is about, with the decisions that it carries out.
///
/// # Errors
/// The database failed.
pub async fn items(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
) -> StoreResult<Vec<(ChangeId, Option<DecisionId>)>> {
    let rows = sqlx::query!(
        "SELECT change_id, decision_id FROM reconciliation_items
         WHERE organization_id = $1 AND reconciliation_id = $2 ORDER BY change_id",
        organization.0,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (ChangeId(row.change_id), row.decision_id.map(DecisionId))).collect())
}

/// Somebody says to carry a plan out, or to try one again that failed.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is in another state by now.
pub async fn begin(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    from: ReconciliationState,
    by: UserId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE reconciliations SET state = 'PENDING', begun_by = $4, begun_at = $5, ended_at = NULL, error = NULL,
             put_off = 0
         WHERE organization_id = $1 AND id = $2 AND state = $3",
        organization.0,
        id.0,
        from.as_str(),
        by.0,
        now
    )
    .execute(&mut *db)
    .await?;
    exactly_one(done.rows_affected())?;
    // What failed may have been taken all the same: whoever goes on asks first.
    sqlx::query!(
        "UPDATE reconciliation_steps SET state = 'BEGUN', error = NULL, ended_at = NULL
         WHERE organization_id = $1 AND reconciliation_id = $2 AND state = 'FAILED'",
        organization.0,
        id.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes on a pending reconciliation: from here on, whoever had it before records nothing. `None` when it is not pending.
///
/// # Errors
/// The database failed.
pub async fn take_turn(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
) -> StoreResult<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "UPDATE reconciliations SET turn = turn + 1 WHERE organization_id = $1 AND id = $2 AND state = 'PENDING'
         RETURNING turn",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?)
}

/// Holds a reconciliation for the transaction, if it is pending and this is still whose turn it is.
///
/// # Errors
/// The database failed.
pub async fn hold(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    turn: i64,
) -> StoreResult<bool> {
    let held = sqlx::query_scalar!(
        r#"SELECT true AS "held!" FROM reconciliations
           WHERE organization_id = $1 AND id = $2 AND turn = $3 AND state = 'PENDING' FOR UPDATE"#,
        organization.0,
        id.0,
        turn
    );
    Ok(held.fetch_optional(db).await?.is_some())
}

/// How a pending reconciliation goes on.
#[derive(Clone, Copy, Debug)]
pub enum Turn<'a> {
    /// n8n holds a part of what is being written, from now on.
    Writing,
    /// It waits for something that is not in its hands, in words.
    Waits(&'a str),
    /// A side did not answer, in words; it is tried again.
    PutOff(&'a str),
    /// Every step is taken.
    Done,
    /// A step could not be taken.
    Failed(&'a str),
    /// Somebody took it back before it wrote.
    Cancelled,
}

/// Records how a pending reconciliation goes on.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is not pending any more.
pub async fn go_on(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    turn: Turn<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let (state, writing, waits_for, error, put_off) = match turn {
        Turn::Writing => (ReconciliationState::Pending, Some(true), None, None, false),
        Turn::Waits(what) => (ReconciliationState::Pending, None, Some(what), None, false),
        Turn::PutOff(what) => (ReconciliationState::Pending, None, Some(what), None, true),
        Turn::Done => (ReconciliationState::Done, Some(false), None, None, false),
        Turn::Failed(why) => (ReconciliationState::Failed, Some(false), None, Some(why), false),
        Turn::Cancelled => (ReconciliationState::Cancelled, Some(false), None, None, false),
    };
    let ended = (state != ReconciliationState::Pending).then_some(now);
    let done = sqlx::query!(
        "UPDATE reconciliations SET state = $3, writing = COALESCE($4, writing), waits_for = $5, error = $6,
             put_off = CASE WHEN $7 THEN put_off + 1 ELSE 0 END, ended_at = $8
         WHERE organization_id = $1 AND id = $2 AND state = 'PENDING'",
        organization.0,
        id.0,
        state.as_str(),
        writing,
        waits_for,
        error,
        put_off,
        ended
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// The changes of an environment of which n8n holds a part of what is being written: checks leave them as they are.
///
/// # Errors
/// The database failed.
pub async fn being_written(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Vec<ChangeId>> {
    let ids = sqlx::query_scalar!(
        "SELECT i.change_id FROM reconciliations r JOIN reconciliation_items i ON i.reconciliation_id = r.id
         WHERE r.organization_id = $1 AND r.environment_id = $2 AND r.state = 'PENDING' AND r.writing",
        organization.0,
        environment.0
    );
    Ok(ids.fetch_all(db).await?.into_iter().map(ChangeId).collect())
}

/// The pending reconciliation of a change, if there is one.
///
/// # Errors
/// The database failed.
pub async fn pending_of(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
) -> StoreResult<Option<ReconciliationId>> {
    Ok(sqlx::query_scalar!(
        "SELECT r.id FROM reconciliations r JOIN reconciliation_items i ON i.reconciliation_id = r.id
         WHERE r.organization_id = $1 AND i.change_id = $2 AND r.state = 'PENDING' LIMIT 1",
        organization.0,
        change.0
    )
    .fetch_optional(db)
    .await?
    .map(ReconciliationId))
}

/// Pending reconciliations that write to this repository: for a webhook that says that something moved there.
///
/// # Errors
/// The database failed.
pub async fn pending_in_repository(
    db: &mut PgConnection,
    organization: OrganizationId,
    owner: &str,
    repository: &str,
) -> StoreResult<Vec<ReconciliationId>> {
    let ids = sqlx::query_scalar!(
        "SELECT r.id FROM reconciliations r
         JOIN environments e ON e.organization_id = r.organization_id AND e.id = r.environment_id
         WHERE r.organization_id = $1 AND lower(e.git_owner) = lower($2) AND lower(e.git_repository) = lower($3)
             AND r.state = 'PENDING'",
        organization.0,
        owner,
        repository
    );
    Ok(ids.fetch_all(db).await?.into_iter().map(ReconciliationId).collect())
}

/// Every pending reconciliation, for the schedule to see that none is forgotten.
///
/// # Errors
/// The database failed.
pub async fn all_pending(db: &mut PgConnection) -> StoreResult<Vec<ReconciliationId>> {
    let ids = sqlx::query_scalar!("SELECT id FROM reconciliations WHERE state = 'PENDING' ORDER BY id");
    Ok(ids.fetch_all(db).await?.into_iter().map(ReconciliationId).collect())
}
