//! Workflows of an environment: the link between its two sides, and the baseline.

use chrono::{DateTime, Utc};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::{ChangeId, CheckId, EnvironmentId, OrganizationId, UserId};
use drift_domain::views::AmbiguityView;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult, exactly_one};

/// A workflow that one of an environment's sides has or had.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowRecord {
    /// Its identifier here, the same through renames on either side.
    pub id: Uuid,
    /// Its name when last seen.
    pub name: String,
    /// Its id in n8n, if live ever had it.
    pub live_id: Option<String>,
    /// Its file, if Git ever had it.
    pub path: Option<String>,
    /// The prints of the last content on which both sides agreed.
    pub baseline: Option<Value>,
    /// When both sides last came to agree; with no baseline, on its absence.
    pub agreed_at: Option<DateTime<Utc>>,
}

/// Every workflow of an environment.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Vec<WorkflowRecord>> {
    Ok(sqlx::query_as!(
        WorkflowRecord,
        "SELECT id, name, live_id, path, baseline, agreed_at FROM workflows
         WHERE organization_id = $1 AND environment_id = $2 ORDER BY id",
        organization.0,
        environment.0
    )
    .fetch_all(db)
    .await?)
}

/// Stores a workflow seen for the first time. `agreed_at` says since when both sides are known to have agreed on its
/// absence, if an earlier check saw neither side have it.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    workflow: &WorkflowRecord,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO workflows (organization_id, environment_id, id, name, live_id, path, agreed_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        organization.0,
        environment.0,
        workflow.id,
        workflow.name,
        workflow.live_id,
        workflow.path,
        workflow.agreed_at,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes room: these workflows give up their sides, so that sides can be exchanged between records in one transaction.
pub async fn vacate(db: &mut PgConnection, organization: OrganizationId, workflows: &[Uuid]) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE workflows SET live_id = NULL, path = NULL WHERE organization_id = $1 AND id = ANY($2)",
        organization.0,
        workflows
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records what a workflow is called and where its sides are now.
pub async fn relocate(
    db: &mut PgConnection,
    organization: OrganizationId,
    workflow: Uuid,
    name: &str,
    live_id: Option<&str>,
    path: Option<&str>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE workflows SET name = $3, live_id = $4, path = $5 WHERE organization_id = $1 AND id = $2",
        organization.0,
        workflow,
        name,
        live_id,
        path
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Where the last content is kept on which both sides of a workflow agreed.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn baseline_snapshot(
    db: &mut PgConnection,
    organization: OrganizationId,
    workflow: Uuid,
) -> StoreResult<Option<Fingerprint>> {
    let hash = sqlx::query_scalar!(
        "SELECT baseline_snapshot FROM workflows WHERE organization_id = $1 AND id = $2",
        organization.0,
        workflow
    )
    .fetch_optional(db)
    .await?
    .flatten();
    hash.map(|bytes| bytes.as_slice().try_into().map_err(StoreError::corrupt)).transpose()
}

/// Records the id that a change's workflow has in n8n from now on. A record that was made for that id meanwhile gives it up.
///
/// # Errors
/// The database failed.
pub async fn now_lives_as(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    live_id: &str,
) -> StoreResult<()> {
    sqlx::query!(
        "WITH this AS (
             SELECT w.id, w.environment_id FROM workflows w
             JOIN changes c ON c.organization_id = w.organization_id AND c.workflow_id = w.id
             WHERE c.organization_id = $1 AND c.id = $2)
         UPDATE workflows w SET live_id = NULL FROM this
         WHERE w.organization_id = $1 AND w.environment_id = this.environment_id AND w.live_id = $3 AND w.id <> this.id",
        organization.0,
        change.0,
        live_id
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "UPDATE workflows w SET live_id = $3 FROM changes c
         WHERE c.organization_id = $1 AND c.id = $2 AND w.organization_id = $1 AND w.id = c.workflow_id",
        organization.0,
        change.0,
        live_id
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Records by whom two sides were linked.
pub async fn linked_by(
    db: &mut PgConnection,
    organization: OrganizationId,
    workflow: Uuid,
    person: UserId,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE workflows SET linked_by_person = $3 WHERE organization_id = $1 AND id = $2",
        organization.0,
        workflow,
        person.0
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// The content on which both sides agree.
#[derive(Clone, Debug)]
pub struct Agreement<'a> {
    /// Its prints; `None` where both agree on absence.
    pub prints: Option<&'a Value>,
    /// The desired side's bytes.
    pub snapshot: Option<Fingerprint>,
    /// The commit that declared it.
    pub commit: &'a str,
}

/// Moves the baseline: both sides agree on this now.
pub async fn set_baseline(
    db: &mut PgConnection,
    organization: OrganizationId,
    workflow: Uuid,
    on: &Agreement<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE workflows SET baseline = $3, baseline_snapshot = $4, baseline_commit = $5, agreed_at = $6
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        workflow,
        on.prints,
        on.snapshot.map(|hash| hash.0.to_vec()),
        on.commit,
        now
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Writes anew which workflows of an environment a person must link.
pub async fn set_ambiguities(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    check: CheckId,
    found: &[AmbiguityView],
) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM ambiguities WHERE organization_id = $1 AND environment_id = $2",
        organization.0,
        environment.0
    )
    .execute(&mut *db)
    .await?;
    for ambiguity in found {
        sqlx::query!(
            "INSERT INTO ambiguities (organization_id, environment_id, name, live_ids, paths, check_id)
             VALUES ($1, $2, $3, $4, $5, $6)",
            organization.0,
            environment.0,
            ambiguity.name,
            &ambiguity.live_ids,
            &ambiguity.paths,
            check.0
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Which workflows of an environment a person must link.
pub async fn ambiguities(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Vec<AmbiguityView>> {
    Ok(sqlx::query_as!(
        AmbiguityView,
        "SELECT name, live_ids, paths FROM ambiguities WHERE organization_id = $1 AND environment_id = $2 ORDER BY name",
        organization.0,
        environment.0
    )
    .fetch_all(db)
    .await?)
}
