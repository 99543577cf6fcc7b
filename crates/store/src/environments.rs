//! Environments: connection, schedule, freshness and drift status.

use chrono::{DateTime, Utc};
use drift_domain::environment::{DriftStatus, EnvironmentClass};
use drift_domain::failure::Failure;
use drift_domain::ids::{EnvironmentId, OrganizationId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// An environment as it is stored. Secrets are sealed.
#[derive(Clone, Debug)]
pub struct EnvironmentRecord {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its identifier.
    pub id: EnvironmentId,
    /// How it is connected.
    pub connection: Connection,
    /// When its next check is due.
    pub next_check_at: DateTime<Utc>,
    /// Function of the open changes and the open incident.
    pub drift_status: DriftStatus,
    /// How many changes are open, vanished ones included.
    pub open_changes: u32,
    /// When a check last saw drift.
    pub last_drift_detected_at: Option<DateTime<Utc>>,
    /// When the newest good check ended.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// Why the newest check failed, if it did.
    pub failure: Option<Failure>,
    /// Since when checks have been failing.
    pub failing_since: Option<DateTime<Utc>>,
    /// The commit that the newest good check read.
    pub git_commit: Option<String>,
    /// The folder's tree at that commit.
    pub git_tree: Option<String>,
    /// When a person finished the adoption review.
    pub adopted_at: Option<DateTime<Utc>>,
    /// Moves with everything that a person does to the environment.
    pub revision: i64,
}

/// How an environment is connected. Secrets are sealed with the installation's key.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name, unique in the organization whatever the case.
    pub name: String,
    /// What it is for.
    pub class: EnvironmentClass,
    /// Address of the n8n instance.
    pub n8n_base_url: String,
    /// n8n's API key, sealed.
    pub n8n_api_key: Vec<u8>,
    /// GitHub's API.
    pub git_api_base: String,
    /// Owner of the repository.
    pub git_owner: String,
    /// Name of the repository.
    pub git_repository: String,
    /// Branch, tag or commit.
    pub git_ref: String,
    /// Folder, empty for the root.
    pub git_folder: String,
    /// Where files of new workflows go below the folder; `None`: as the other files are named.
    pub path_template: Option<String>,
    /// The App and its installation, where an App signs in.
    pub git_app: Option<(i64, i64)>,
    /// Personal access token or the App's private key, sealed.
    pub git_secret: Vec<u8>,
    /// Seconds between checks.
    pub interval_seconds: i32,
}

struct Row {
    organization_id: uuid::Uuid,
    id: uuid::Uuid,
    name: String,
    class: String,
    n8n_base_url: String,
    n8n_api_key: Vec<u8>,
    git_api_base: String,
    git_owner: String,
    git_repository: String,
    git_ref: String,
    git_folder: String,
    path_template: Option<String>,
    git_app_id: Option<i64>,
    git_installation_id: Option<i64>,
    git_secret: Vec<u8>,
    interval_seconds: i32,
    next_check_at: DateTime<Utc>,
    drift_status: String,
    open_changes: i32,
    last_drift_detected_at: Option<DateTime<Utc>>,
    last_checked_at: Option<DateTime<Utc>>,
    failure: Option<Json<Failure>>,
    failing_since: Option<DateTime<Utc>>,
    git_commit: Option<String>,
    git_tree: Option<String>,
    adopted_at: Option<DateTime<Utc>>,
    revision: i64,
}

impl TryFrom<Row> for EnvironmentRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            organization_id: OrganizationId(row.organization_id),
            id: EnvironmentId(row.id),
            connection: Connection {
                name: row.name,
                class: word(&row.class)?,
                n8n_base_url: row.n8n_base_url,
                n8n_api_key: row.n8n_api_key,
                git_api_base: row.git_api_base,
                git_owner: row.git_owner,
                git_repository: row.git_repository,
                git_ref: row.git_ref,
                git_folder: row.git_folder,
                path_template: row.path_template,
                git_app: row.git_app_id.zip(row.git_installation_id),
                git_secret: row.git_secret,
                interval_seconds: row.interval_seconds,
            },
            next_check_at: row.next_check_at,
            drift_status: word(&row.drift_status)?,
            open_changes: row.open_changes.unsigned_abs(),
            last_drift_detected_at: row.last_drift_detected_at,
            last_checked_at: row.last_checked_at,
            failure: row.failure.map(|failure| failure.0),
            failing_since: row.failing_since,
            git_commit: row.git_commit,
            git_tree: row.git_tree,
            adopted_at: row.adopted_at,
            revision: row.revision,
        })
    }
}

/// Stores a new environment. Whoever does this asks for its first check; the schedule begins one interval later.
///
/// # Errors
/// Constraint `environments_name_is_unique` when the name is taken.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    c: &Connection,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO environments (organization_id, id, name, class, n8n_base_url, n8n_api_key, git_api_base, git_owner,
             git_repository, git_ref, git_folder, git_app_id, git_installation_id, git_secret, interval_seconds,
             next_check_at, created_at, updated_at, path_template)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
             $16::timestamptz + make_interval(secs => $15::integer), $16, $16, $17)",
        organization.0,
        id.0,
        c.name,
        c.class.as_str(),
        c.n8n_base_url,
        c.n8n_api_key,
        c.git_api_base,
        c.git_owner,
        c.git_repository,
        c.git_ref,
        c.git_folder,
        c.git_app.map(|app| app.0),
        c.git_app.map(|app| app.1),
        c.git_secret,
        c.interval_seconds,
        now,
        c.path_template,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Changes how an environment is connected. What was read from Git is forgotten, so that the next check looks anew. Where
/// it points elsewhere now, no check has looked there yet: it is unverified, and no baseline holds.
///
/// # Errors
/// Constraint `environments_name_is_unique` when the name is taken; [`StoreError::WrongRows`] when there is none such.
pub async fn update_connection(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    c: &Connection,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let elsewhere = sqlx::query!(
        "UPDATE environments SET last_checked_at = NULL, adopted_at = NULL, adopted_by = NULL
         WHERE organization_id = $1 AND id = $2
             AND (n8n_base_url, lower(git_api_base), lower(git_owner), lower(git_repository), git_ref, git_folder)
                 <> ($3, lower($4), lower($5), lower($6), $7, $8)",
        organization.0,
        id.0,
        c.n8n_base_url,
        c.git_api_base,
        c.git_owner,
        c.git_repository,
        c.git_ref,
        c.git_folder,
    )
    .execute(&mut *db)
    .await?;
    if elsewhere.rows_affected() > 0 {
        sqlx::query!(
            "UPDATE workflows SET baseline = NULL, baseline_snapshot = NULL, baseline_commit = NULL, agreed_at = NULL
             WHERE organization_id = $1 AND environment_id = $2",
            organization.0,
            id.0
        )
        .execute(&mut *db)
        .await?;
    }
    let done = sqlx::query!(
        "UPDATE environments SET name = $3, class = $4, n8n_base_url = $5, n8n_api_key = $6, git_api_base = $7,
             git_owner = $8, git_repository = $9, git_ref = $10, git_folder = $11, git_app_id = $12,
             git_installation_id = $13, git_secret = $14, interval_seconds = $15, git_commit = NULL, git_tree = NULL,
             revision = revision + 1, connection_version = connection_version + 1,
             next_check_at = $16::timestamptz + make_interval(secs => $15::integer), updated_at = $16,
             path_template = $17
         WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        c.name,
        c.class.as_str(),
        c.n8n_base_url,
        c.n8n_api_key,
        c.git_api_base,
        c.git_owner,
        c.git_repository,
        c.git_ref,
        c.git_folder,
        c.git_app.map(|app| app.0),
        c.git_app.map(|app| app.1),
        c.git_secret,
        c.interval_seconds,
        now,
        c.path_template,
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// The environment, if this organization has it.
pub async fn get(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
) -> StoreResult<Option<EnvironmentRecord>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT organization_id, id, name, class, n8n_base_url, n8n_api_key, git_api_base, git_owner, git_repository,
               git_ref, git_folder, path_template, git_app_id, git_installation_id, git_secret, interval_seconds,
               next_check_at, drift_status, open_changes, last_drift_detected_at, last_checked_at,
               failure AS "failure: Json<Failure>", failing_since, git_commit, git_tree, adopted_at, revision
           FROM environments WHERE organization_id = $1 AND id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// Whether this organization has such an environment.
pub async fn exists(db: &mut PgConnection, organization: OrganizationId, id: EnvironmentId) -> StoreResult<bool> {
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM environments WHERE organization_id = $1 AND id = $2) AS "there!""#,
        organization.0,
        id.0
    );
    Ok(there.fetch_one(db).await?)
}

/// Locks the environment until the transaction ends, so that its drift is recorded by one at a time. Answers its
/// revision, or `None` when this organization has none such.
pub async fn lock(db: &mut PgConnection, organization: OrganizationId, id: EnvironmentId) -> StoreResult<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "SELECT revision FROM environments WHERE organization_id = $1 AND id = $2 FOR UPDATE",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?)
}

/// The version of an environment's connection, which moves with every edit of it; `None` when this organization has none
/// such. `lock` holds the environment until the transaction ends, for an edit.
pub async fn connection_version(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    lock: bool,
) -> StoreResult<Option<i64>> {
    if lock {
        self::lock(db, organization, id).await?;
    }
    Ok(sqlx::query_scalar!(
        "SELECT connection_version FROM environments WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?)
}

/// Moves the revision: a check that looked before this does not record after it.
pub async fn bump(db: &mut PgConnection, organization: OrganizationId, id: EnvironmentId) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE environments SET revision = revision + 1 WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// The environments of an organization by name, those after `after` (a name in lower case and an id).
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    after: Option<(&str, EnvironmentId)>,
    limit: i64,
) -> StoreResult<Vec<EnvironmentRecord>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT organization_id, id, name, class, n8n_base_url, n8n_api_key, git_api_base, git_owner, git_repository,
               git_ref, git_folder, path_template, git_app_id, git_installation_id, git_secret, interval_seconds,
               next_check_at, drift_status, open_changes, last_drift_detected_at, last_checked_at,
               failure AS "failure: Json<Failure>", failing_since, git_commit, git_tree, adopted_at, revision
           FROM environments
           WHERE organization_id = $1 AND ($2::text IS NULL OR (lower(name), id) > ($2, $3))
           ORDER BY lower(name), id LIMIT $4"#,
        organization.0,
        after.map(|a| a.0),
        after.map(|a| a.1.0),
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What a badge is made of, for every environment of an organization.
#[derive(Clone, Debug)]
pub struct BadgeFacts {
    /// The status.
    pub drift_status: DriftStatus,
    /// When the newest good check ended.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// Whether the newest check failed.
    pub failing: bool,
    /// Seconds between checks.
    pub interval_seconds: i32,
}

/// The facts behind every badge of an organization.
pub async fn badge_facts(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<BadgeFacts>> {
    let rows = sqlx::query!(
        r#"SELECT drift_status, last_checked_at, failure IS NOT NULL AS "failing!", interval_seconds
           FROM environments WHERE organization_id = $1"#,
        organization.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(BadgeFacts {
                drift_status: word(&row.drift_status)?,
                last_checked_at: row.last_checked_at,
                failing: row.failing,
                interval_seconds: row.interval_seconds,
            })
        })
        .collect()
}

/// Environments of an organization that read this repository (the case of owner and name does not matter to GitHub).
pub async fn by_repository(
    db: &mut PgConnection,
    organization: OrganizationId,
    owner: &str,
    repository: &str,
) -> StoreResult<Vec<(EnvironmentId, String)>> {
    let rows = sqlx::query!(
        "SELECT id, git_ref FROM environments
         WHERE organization_id = $1 AND lower(git_owner) = lower($2) AND lower(git_repository) = lower($3)",
        organization.0,
        owner,
        repository
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (EnvironmentId(row.id), row.git_ref)).collect())
}

/// Makes status and count follow from the open changes and the open incident, as they are in this transaction.
///
/// Nothing else writes them: the status is a function of these facts (product, Detection 3).
pub async fn recount(db: &mut PgConnection, organization: OrganizationId, id: EnvironmentId) -> StoreResult<()> {
    let facts = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM changes WHERE organization_id = $1 AND environment_id = $2
                       AND state IN ('OPEN', 'VANISHED')) AS "open_changes!",
                  EXISTS (SELECT FROM drift_incidents WHERE organization_id = $1 AND environment_id = $2
                       AND status <> 'CLOSED') AS "open_incident!""#,
        organization.0,
        id.0
    )
    .fetch_one(&mut *db)
    .await?;
    let open = facts.open_changes.unsigned_abs();
    let done = sqlx::query!(
        "UPDATE environments SET open_changes = $3, drift_status = $4 WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        i32::try_from(open).unwrap_or(i32::MAX),
        DriftStatus::of(open, facts.open_incident).as_str(),
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Records that a person finished the adoption review. `false` when somebody had already.
pub async fn record_adoption(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: EnvironmentId,
    by: UserId,
    at: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE environments SET adopted_at = $4, adopted_by = $3
         WHERE organization_id = $1 AND id = $2 AND adopted_at IS NULL",
        organization.0,
        id.0,
        by.0,
        at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
