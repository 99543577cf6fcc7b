//! The runs at GitHub that asked, and what they were told.

use chrono::{DateTime, Utc};
use drift_domain::deployment::GateState;
use drift_domain::ids::{EnvironmentId, GateRequestId, OrganizationId};
use sqlx::PgConnection;

use super::ANSWER;
use crate::error::{StoreResult, word};

/// A run that waits, or waited.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// Its identifier.
    pub id: GateRequestId,
    /// The environment whose connection answers.
    pub environment_id: EnvironmentId,
    /// What GitHub calls the environment that it waits at.
    pub github_environment: String,
    /// The number of the run.
    pub run_id: u64,
    /// The commit that it deploys.
    pub git_commit: Option<String>,
    /// When it was heard of.
    pub received_at: DateTime<Utc>,
    /// How it stands.
    pub state: GateState,
    /// What was sent last, with [`comment`](Self::comment); whether it arrived may not be known.
    pub said: Option<GateState>,
    /// The words that were sent last.
    pub comment: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// What went wrong at the newest try.
    pub last_error: Option<String>,
    /// When it was over.
    pub answered_at: Option<DateTime<Utc>>,
}

/// A run that asks.
#[derive(Clone, Debug)]
pub struct NewRequest<'a> {
    /// The environment whose connection answers.
    pub environment_id: EnvironmentId,
    /// What GitHub calls the environment that it waits at.
    pub github_environment: &'a str,
    /// The number of the run.
    pub run_id: u64,
    /// GitHub's number of the deployment, where a delivery says it.
    pub deployment_id: Option<u64>,
    /// The commit that it deploys.
    pub git_commit: Option<&'a str>,
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Records that a run asks, and has it answered, unless it is known: the same deployment, or one that waits. Tells whether
/// it is new.
///
/// # Errors
/// The database failed.
pub async fn ask(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: GateRequestId,
    new: &NewRequest<'_>,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "INSERT INTO gate_requests (organization_id, id, environment_id, github_environment, run_id, deployment_id,
             git_commit, received_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'PENDING') ON CONFLICT DO NOTHING",
        organization.0,
        id.0,
        new.environment_id.0,
        new.github_environment,
        number(new.run_id),
        new.deployment_id.map(number),
        new.git_commit,
        now
    )
    .execute(&mut *db)
    .await?;
    let is_new = done.rows_affected() == 1;
    if is_new {
        enqueue_answer(db, organization, id).await?;
    }
    Ok(is_new)
}

/// Asks for a request to be answered now.
async fn enqueue_answer(db: &mut PgConnection, organization: OrganizationId, id: GateRequestId) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT ask_for_job($1, json_build_object('organization_id', $2::uuid, 'request_id', $3::uuid), NULL, $4, -18) AS "id!""#,
        ANSWER,
        organization.0,
        id.0,
        format!("{ANSWER}:{id}"),
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Asks for a request to be answered in `seconds` from now.
///
/// # Errors
/// The database failed.
pub async fn put_back(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: GateRequestId,
    seconds: f64,
) -> StoreResult<()> {
    sqlx::query!(
        r#"SELECT (graphile_worker.add_job($1, payload => json_build_object('organization_id', $2::uuid, 'request_id', $3::uuid),
               job_key => $4, priority => -18, run_at => now() + make_interval(secs => $5))).id AS "id!""#,
        ANSWER,
        organization.0,
        id.0,
        format!("{ANSWER}:{id}"),
        seconds
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Requests that wait and that nothing is queued for any more, as after a job that failed for the last time: asks again.
///
/// # Errors
/// The database failed.
pub async fn enqueue_forgotten(db: &mut PgConnection, before: DateTime<Utc>, most: i64) -> StoreResult<u32> {
    let asked = sqlx::query_scalar!(
        r#"SELECT ask_for_job($2, json_build_object('organization_id', organization_id, 'request_id', id),
               NULL, $2 || ':' || id, -18) AS "id!"
           FROM (SELECT * FROM gate_requests r WHERE state = 'PENDING' AND received_at <= $1
                 AND NOT EXISTS (SELECT FROM graphile_worker.jobs WHERE key = $2 || ':' || r.id)
                 ORDER BY received_at LIMIT $3) AS forgotten"#,
        before,
        ANSWER,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(u32::try_from(asked.len()).unwrap_or(u32::MAX))
}

/// Whether a run asked at this name since its present attempt began.
///
/// # Errors
/// The database failed.
pub async fn is_known(
    db: &mut PgConnection,
    organization: OrganizationId,
    run_id: u64,
    name: &str,
    since: DateTime<Utc>,
) -> StoreResult<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM gate_requests WHERE organization_id = $1 AND run_id = $2
               AND lower(github_environment) = lower($3) AND (state = 'PENDING' OR received_at >= $4)) AS "known!""#,
        organization.0,
        number(run_id),
        name,
        since
    )
    .fetch_one(db)
    .await?)
}

struct Row {
    id: uuid::Uuid,
    environment_id: uuid::Uuid,
    github_environment: String,
    run_id: i64,
    git_commit: Option<String>,
    received_at: DateTime<Utc>,
    state: String,
    said: Option<String>,
    comment: Option<String>,
    attempts: i32,
    last_error: Option<String>,
    answered_at: Option<DateTime<Utc>>,
}

impl Row {
    fn read(self) -> StoreResult<RequestRecord> {
        Ok(RequestRecord {
            id: GateRequestId(self.id),
            environment_id: EnvironmentId(self.environment_id),
            github_environment: self.github_environment,
            run_id: self.run_id.unsigned_abs(),
            git_commit: self.git_commit,
            received_at: self.received_at,
            state: word(&self.state)?,
            said: self.said.as_deref().map(word).transpose()?,
            comment: self.comment,
            attempts: self.attempts.unsigned_abs(),
            last_error: self.last_error,
            answered_at: self.answered_at,
        })
    }
}

/// A request.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn request(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: GateRequestId,
) -> StoreResult<Option<RequestRecord>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, environment_id, github_environment, run_id, git_commit, received_at, state, said, comment, attempts,
             last_error, answered_at
         FROM gate_requests WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::read).transpose()
}

/// The newest requests at this name in the environment's repository, of those before `before`.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn requests(
    db: &mut PgConnection,
    organization: OrganizationId,
    environments: &[EnvironmentId],
    name: &str,
    before: Option<GateRequestId>,
    limit: i64,
) -> StoreResult<Vec<RequestRecord>> {
    let ids: Vec<_> = environments.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, environment_id, github_environment, run_id, git_commit, received_at, state, said, comment, attempts,
             last_error, answered_at
         FROM gate_requests WHERE organization_id = $1 AND environment_id = ANY($2)
             AND lower(github_environment) = lower($3) AND ($4::uuid IS NULL OR id < $4)
         ORDER BY id DESC LIMIT $5",
        organization.0,
        &ids,
        name,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Records what is sent now, before it is: the number of tries and, with it, the answer. What is over stays as it is.
///
/// # Errors
/// The database failed.
pub async fn says(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: GateRequestId,
    said: GateState,
    comment: &str,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE gate_requests SET said = $3, comment = $4, attempts = attempts + 1
         WHERE organization_id = $1 AND id = $2 AND state = 'PENDING'",
        organization.0,
        id.0,
        said.as_str(),
        comment
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Records what came of a try: how the request stands, what was said, and what went wrong. What is over stays as it is.
///
/// # Errors
/// The database failed.
pub async fn tried(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: GateRequestId,
    (state, said, comment): (GateState, Option<GateState>, Option<&str>),
    error: Option<&str>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let over = (state != GateState::Pending).then_some(now);
    sqlx::query!(
        "UPDATE gate_requests SET state = $3, said = $4, comment = $5, last_error = $6, answered_at = $7
         WHERE organization_id = $1 AND id = $2 AND state = 'PENDING'",
        organization.0,
        id.0,
        state.as_str(),
        said.map(GateState::as_str),
        comment,
        error,
        over
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets requests that were over before `before`.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, organization: OrganizationId, before: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!("DELETE FROM gate_requests WHERE organization_id = $1 AND answered_at < $2", organization.0, before)
        .execute(db)
        .await?;
    Ok(())
}
