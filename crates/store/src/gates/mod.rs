//! The gate at GitHub: which GitHub environment's deployments go to an environment, what was asked and answered, and the
//! commit status that was reported last.

use chrono::{DateTime, Utc};
use drift_domain::ids::{EnvironmentId, GateRequestId, OrganizationId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::error::StoreResult;

mod requests;

pub use requests::{
    NewRequest, RequestRecord, ask, enqueue_forgotten, forget, is_known, put_back, request, requests, says, tried,
};

/// The name under which requests that wait for an answer are queued.
pub const ANSWER: &str = "answer_gate";
/// The name under which looks at GitHub are queued: for requests that were lost, and for a status that is not as it should be.
pub const LOOK: &str = "look_at_gate";

/// The payload of an [`ANSWER`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerJob {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The request.
    pub request_id: GateRequestId,
}

/// The payload of a [`LOOK`] job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookJob {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The environment.
    pub environment_id: EnvironmentId,
}

/// The gate of an environment at GitHub.
#[derive(Clone, Debug)]
pub struct GateRecord {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What GitHub calls the environment whose deployments go to it.
    pub github_environment: String,
    /// Moves with every edit.
    pub version: i64,
    /// What went wrong at the newest look.
    pub last_error: Option<String>,
    /// The commit status that was reported last.
    pub status: Option<StatusRecord>,
}

/// A commit status that was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRecord {
    /// Of which commit.
    pub commit: String,
    /// Whether the gate was open.
    pub allowed: bool,
    /// What was said.
    pub description: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The gate of an environment; `None` where nobody set one.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Option<GateRecord>> {
    let row = sqlx::query!(
        "SELECT github_environment, version, last_error, status_commit, status_state, status_description, status_at
         FROM github_gates WHERE organization_id = $1 AND environment_id = $2",
        organization.0,
        environment.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| GateRecord {
        environment_id: environment,
        github_environment: row.github_environment,
        version: row.version,
        last_error: row.last_error,
        status: match (row.status_commit, row.status_state, row.status_description, row.status_at) {
            (Some(commit), Some(state), Some(description), Some(at)) => {
                Some(StatusRecord { commit, allowed: state == "SUCCESS", description, at })
            }
            _ => None,
        },
    }))
}

/// Sets the gate of an environment, or ends it. What was reported under another name is not what is reported now.
///
/// # Errors
/// The database failed.
pub async fn set(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    name: Option<&str>,
) -> StoreResult<()> {
    match name {
        None => {
            sqlx::query!(
                "DELETE FROM github_gates WHERE organization_id = $1 AND environment_id = $2",
                organization.0,
                environment.0
            )
            .execute(db)
            .await?
        }
        Some(name) => {
            sqlx::query!(
                "INSERT INTO github_gates (organization_id, environment_id, github_environment) VALUES ($1, $2, $3)
             ON CONFLICT (environment_id) DO UPDATE SET github_environment = $3, version = github_gates.version + 1,
                 looked_at = NULL, last_error = NULL, status_commit = NULL, status_state = NULL,
                 status_description = NULL, status_at = NULL",
                organization.0,
                environment.0,
                name
            )
            .execute(db)
            .await?
        }
    };
    Ok(())
}

/// The environments of one repository whose deployments GitHub makes under this name, whatever its case.
///
/// # Errors
/// The database failed.
pub async fn mapped(
    db: &mut PgConnection,
    organization: OrganizationId,
    (api_base, owner, repository): (&str, &str, &str),
    name: &str,
) -> StoreResult<Vec<EnvironmentId>> {
    let ids = sqlx::query_scalar!(
        "SELECT e.id FROM environments e
         JOIN github_gates g ON g.organization_id = e.organization_id AND g.environment_id = e.id
         WHERE e.organization_id = $1 AND e.git_api_base = $2 AND lower(e.git_owner) = lower($3)
             AND lower(e.git_repository) = lower($4) AND lower(g.github_environment) = lower($5)
         ORDER BY e.id",
        organization.0,
        api_base,
        owner,
        repository,
        name
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(EnvironmentId).collect())
}

/// The environments of one repository that an App signs in for, those with a gate first.
///
/// # Errors
/// The database failed.
pub async fn with_app(
    db: &mut PgConnection,
    organization: OrganizationId,
    owner: &str,
    repository: &str,
) -> StoreResult<Vec<(EnvironmentId, String, Option<String>)>> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.git_api_base, g.github_environment AS "name?" FROM environments e
           LEFT JOIN github_gates g ON g.organization_id = e.organization_id AND g.environment_id = e.id
           WHERE e.organization_id = $1 AND lower(e.git_owner) = lower($2) AND lower(e.git_repository) = lower($3)
               AND e.git_app_id IS NOT NULL
           ORDER BY g.environment_id IS NULL, e.id"#,
        organization.0,
        owner,
        repository
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (EnvironmentId(row.id), row.git_api_base, row.name)).collect())
}

/// Takes the environments whose gate was looked at last before `before`, at most `most`, and has them looked at. Each is
/// taken once, however many replicas ask. Answers how many.
///
/// # Errors
/// The database failed.
pub async fn enqueue_looks(
    db: &mut PgConnection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    most: i64,
) -> StoreResult<u32> {
    let asked = sqlx::query_scalar!(
        r#"WITH due AS (
               SELECT environment_id FROM github_gates WHERE looked_at IS NULL OR looked_at <= $1
               ORDER BY looked_at NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED),
           taken AS (
               UPDATE github_gates g SET looked_at = $2 FROM due WHERE g.environment_id = due.environment_id
               RETURNING g.organization_id, g.environment_id)
           SELECT ask_for_job($4, json_build_object('organization_id', organization_id, 'environment_id', environment_id),
               NULL, $4 || ':' || environment_id, 5) AS "id!" FROM taken"#,
        before,
        now,
        most,
        LOOK
    )
    .fetch_all(db)
    .await?;
    Ok(u32::try_from(asked.len()).unwrap_or(u32::MAX))
}

/// Records how a look went.
///
/// # Errors
/// The database failed.
pub async fn looked(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    error: Option<&str>,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE github_gates SET last_error = $3 WHERE organization_id = $1 AND environment_id = $2
             AND last_error IS DISTINCT FROM $3",
        organization.0,
        environment.0,
        error
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records a commit status that was reported, unless the gate was set anew meanwhile.
///
/// # Errors
/// The database failed.
pub async fn reported(
    db: &mut PgConnection,
    organization: OrganizationId,
    gate: &GateRecord,
    status: &StatusRecord,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE github_gates SET status_commit = $4, status_state = $5, status_description = $6, status_at = $7, last_error = NULL
         WHERE organization_id = $1 AND environment_id = $2 AND version = $3",
        organization.0,
        gate.environment_id.0,
        gate.version,
        status.commit,
        if status.allowed { "SUCCESS" } else { "FAILURE" },
        status.description,
        status.at
    )
    .execute(db)
    .await?;
    Ok(())
}
