//! Deployments: what makes a reconciliation one, their history, and how the changes end that they wrote over.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::deployment::DeploymentKind;
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, IncidentId, OrganizationId, ReconciliationId, UserId};
use drift_domain::reconciliation::ReconciliationState;
use drift_domain::views::ForecastView;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::{StoreResult, exactly_one, word};

/// What makes a reconciliation a deployment.
#[derive(Clone, Debug)]
pub struct DeploymentRecord {
    /// What it is for.
    pub kind: DeploymentKind,
    /// The ref that it applies.
    pub git_ref: String,
    /// The commit that the ref was at.
    pub git_commit: String,
    /// Why.
    pub reason: String,
    /// What it writes over that people did in n8n.
    pub forecast: Vec<ForecastView>,
}

/// Stores what makes a planned reconciliation a deployment.
///
/// # Errors
/// A constraint when there is no such reconciliation, or a kind that takes a reason has none.
pub async fn plan(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    id: ReconciliationId,
    new: &DeploymentRecord,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO deployments (organization_id, environment_id, id, kind, git_ref, git_commit, reason, forecast)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        organization.0,
        environment.0,
        id.0,
        new.kind.as_str(),
        new.git_ref,
        new.git_commit,
        new.reason,
        Json(&new.forecast) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What makes a reconciliation a deployment, if it is one.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
) -> StoreResult<Option<DeploymentRecord>> {
    let row = sqlx::query!(
        r#"SELECT kind, git_ref, git_commit, reason, forecast AS "forecast: Json<Vec<ForecastView>>"
           FROM deployments WHERE organization_id = $1 AND id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let (git_ref, git_commit) = (row.git_ref, row.git_commit);
        Ok(DeploymentRecord {
            kind: word(&row.kind)?,
            git_ref,
            git_commit,
            reason: row.reason,
            forecast: row.forecast.0,
        })
    })
    .transpose()
}

/// A deployment in the history.
#[derive(Clone, Debug)]
pub struct Past {
    /// The reconciliation that it is.
    pub id: ReconciliationId,
    /// What it was for.
    pub kind: DeploymentKind,
    /// Where it stands.
    pub state: ReconciliationState,
    /// The ref.
    pub git_ref: String,
    /// The commit.
    pub git_commit: String,
    /// Why.
    pub reason: String,
    /// The incident that it is part of, and its number.
    pub incident: Option<(IncidentId, i64)>,
    /// Workflows that it is about.
    pub workflows: i64,
    /// Of those, the ones whose deployment failed.
    pub failed: i64,
    /// Who planned it.
    pub by: (UserId, String),
    /// When somebody said to carry it out.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The deployments of an environment that somebody said to carry out: at most `limit`, newest first.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn history(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    limit: i64,
) -> StoreResult<Vec<Past>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.kind, r.state, d.git_ref, d.git_commit, d.reason, i.id AS "incident_id?", i.number AS "number?",
               (SELECT count(*) FROM reconciliation_items t WHERE t.reconciliation_id = r.id) AS "workflows!",
               (SELECT count(*) FROM drift_reconciliation_artifacts a
                   WHERE a.reconciliation_id = r.id AND a.status = 'FAILED') AS "failed!",
               u.id AS by_id, u.name, r.begun_at, r.ended_at, r.error
           FROM deployments d
           JOIN reconciliations r ON r.organization_id = d.organization_id AND r.id = d.id
           JOIN users u ON u.id = r.planned_by
           LEFT JOIN drift_incidents i ON i.organization_id = r.organization_id AND i.id = r.incident_id
           WHERE d.organization_id = $1 AND d.environment_id = $2 AND r.state <> 'PLANNED'
           ORDER BY d.id DESC LIMIT $3"#,
        organization.0,
        environment.0,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Past {
                id: ReconciliationId(row.id),
                kind: word(&row.kind)?,
                state: word(&row.state)?,
                git_ref: row.git_ref,
                git_commit: row.git_commit,
                reason: row.reason,
                incident: row.incident_id.map(IncidentId).zip(row.number),
                workflows: row.workflows,
                failed: row.failed,
                by: (UserId(row.by_id), row.name),
                begun_at: row.begun_at,
                ended_at: row.ended_at,
                error: row.error,
            })
        })
        .collect()
}

/// Makes a planned reconciliation part of an incident: the one that is open when it begins.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when it is not planned any more.
pub async fn joins(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    incident: Option<IncidentId>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE reconciliations SET incident_id = $3 WHERE organization_id = $1 AND id = $2 AND state IN ('PLANNED', 'FAILED')",
        organization.0,
        id.0,
        incident.map(|id| id.0)
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Writes down by which decision a deployment takes the place of a change.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when the deployment is not about that change.
pub async fn decided(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ReconciliationId,
    change: ChangeId,
    decision: DecisionId,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE reconciliation_items SET decision_id = $4
         WHERE organization_id = $1 AND reconciliation_id = $2 AND change_id = $3",
        organization.0,
        id.0,
        change.0,
        decision.0
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// A change outside of incidents that a deployment wrote over.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The change.
    pub change: ChangeId,
    /// Its workflow's name.
    pub workflow: String,
    /// Where the change stands.
    pub state: ChangeState,
    /// The decision that names the deployment.
    pub decision: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
}

/// Changes of an environment that deployments outside of incidents wrote over, and that a check which began at `since` is to
/// look at: those that it no longer saw, and those that it saw again though they were written over before it began.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn to_settle(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    since: DateTime<Utc>,
) -> StoreResult<Vec<Deployed>> {
    let rows = sqlx::query!(
        "SELECT c.id, w.name, c.state, a.decision_id, a.type AS kind
         FROM changes c
         JOIN drift_reconciliation_artifacts a
             ON a.organization_id = c.organization_id AND a.change_id = c.id AND a.decision_id = c.chosen_decision_id
         JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
         WHERE c.organization_id = $1 AND c.environment_id = $2 AND c.state IN ('OPEN', 'VANISHED')
             AND a.incident_id IS NULL AND a.status = 'SUCCESS' AND NOT a.by_hand AND a.verified_by IS NULL
             AND (c.state = 'VANISHED' OR a.finished_at <= $3)
         ORDER BY lower(w.name), c.id",
        organization.0,
        environment.0,
        since
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Deployed {
                change: ChangeId(row.id),
                workflow: row.name,
                state: word(&row.state)?,
                decision: DecisionId(row.decision_id),
                kind: word(&row.kind)?,
            })
        })
        .collect()
}
