//! Policies, their versions, and where they hold.

use chrono::{DateTime, Utc};
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::{EnvironmentId, OrganizationId, PolicyId, UserId};
use drift_domain::policy::PolicyRules;
use drift_domain::views::{PersonView, PolicyTarget, PolicyVersion};
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// A policy.
#[derive(Clone, Debug)]
pub struct PolicyRecord {
    /// Its identifier.
    pub id: PolicyId,
    /// What it is called.
    pub name: String,
    /// The number of its newest version.
    pub version: u32,
    /// Since when it is out of use.
    pub retired_at: Option<DateTime<Utc>>,
}

/// A version to be added.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    /// Its number.
    pub version: u32,
    /// What it says.
    pub text: &'a str,
    /// The form that it was made with.
    pub rules: Option<PolicyRules>,
    /// Who makes it.
    pub by: UserId,
}

fn number(of: i32) -> u32 {
    u32::try_from(of).unwrap_or(0)
}

fn count(of: u32) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// The policies in use, by name.
///
/// # Errors
/// The database failed.
pub async fn list(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<PolicyRecord>> {
    let rows = sqlx::query!(
        "SELECT id, name, version, retired_at FROM policies WHERE organization_id = $1 AND retired_at IS NULL
         ORDER BY lower(name)",
        organization.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| PolicyRecord {
            id: PolicyId(r.id),
            name: r.name,
            version: number(r.version),
            retired_at: r.retired_at,
        })
        .collect())
}

/// One policy, which is held until the transaction ends.
///
/// # Errors
/// The database failed.
pub async fn lock(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: PolicyId,
) -> StoreResult<Option<PolicyRecord>> {
    let row = sqlx::query!(
        "SELECT name, version, retired_at FROM policies WHERE organization_id = $1 AND id = $2 FOR UPDATE",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|r| PolicyRecord { id, name: r.name, version: number(r.version), retired_at: r.retired_at }))
}

/// The versions of a policy, the newest first, at most `most` of them.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn versions(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: PolicyId,
    most: i64,
) -> StoreResult<Vec<PolicyVersion>> {
    let rows = sqlx::query!(
        r#"SELECT v.version, v.text, v.rules, v.created_by, v.created_at, u.name AS "by!"
           FROM policy_versions v JOIN users u ON u.id = v.created_by
           WHERE v.organization_id = $1 AND v.policy_id = $2 ORDER BY v.version DESC LIMIT $3"#,
        organization.0,
        id.0,
        most
    )
    .fetch_all(db)
    .await?;
    let version = |r: _| {
        let Row { version, text, rules, by, at } = r;
        let rules = rules.map(serde_json::from_value).transpose().map_err(StoreError::corrupt)?;
        Ok(PolicyVersion { version: number(version), text, rules, by, at })
    };
    rows.into_iter()
        .map(|r| Row {
            version: r.version,
            text: r.text,
            rules: r.rules,
            by: PersonView { id: UserId(r.created_by), name: r.by },
            at: r.created_at,
        })
        .map(version)
        .collect()
}

/// Every version of every policy, out of use or not, by name and version: for whoever writes them all down.
///
/// # Errors
/// The database failed.
pub async fn every_version(
    db: &mut PgConnection,
    organization: OrganizationId,
) -> StoreResult<Vec<(PolicyRecord, PolicyVersion)>> {
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.version AS newest, p.retired_at, v.version, v.text, v.created_by, v.created_at, u.name AS "by!"
           FROM policies p
           JOIN policy_versions v ON v.organization_id = p.organization_id AND v.policy_id = p.id
           JOIN users u ON u.id = v.created_by
           WHERE p.organization_id = $1 ORDER BY lower(p.name), p.id, v.version"#,
        organization.0
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|r| {
        let policy =
            PolicyRecord { id: PolicyId(r.id), name: r.name, version: number(r.newest), retired_at: r.retired_at };
        let by = PersonView { id: UserId(r.created_by), name: r.by };
        (policy, PolicyVersion { version: number(r.version), text: r.text, rules: None, by, at: r.created_at })
    });
    Ok(read.collect())
}

struct Row {
    version: i32,
    text: String,
    rules: Option<serde_json::Value>,
    by: PersonView,
    at: DateTime<Utc>,
}

/// Adds a policy with its first version.
///
/// # Errors
/// [`StoreError::Constraint`] `policies_name_is_free` where another has the name; or the database failed.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: PolicyId,
    name: &str,
    first: &NewVersion<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO policies (organization_id, id, name, version) VALUES ($1, $2, $3, $4)",
        organization.0,
        id.0,
        name,
        count(first.version)
    )
    .execute(&mut *db)
    .await?;
    add_version(db, organization, id, first, at).await
}

/// Adds a version, which holds from then on, and gives the policy its name.
///
/// # Errors
/// As [`insert`].
pub async fn edit(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: PolicyId,
    name: &str,
    new: &NewVersion<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    add_version(db, organization, id, new, at).await?;
    let done = sqlx::query!(
        "UPDATE policies SET name = $3, version = $4 WHERE organization_id = $1 AND id = $2 AND retired_at IS NULL",
        organization.0,
        id.0,
        name,
        count(new.version)
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

async fn add_version(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: PolicyId,
    new: &NewVersion<'_>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let rules = new.rules.map(serde_json::to_value).transpose().map_err(StoreError::corrupt)?;
    sqlx::query!(
        "INSERT INTO policy_versions (organization_id, policy_id, version, text, rules, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        organization.0,
        id.0,
        count(new.version),
        new.text,
        rules,
        new.by.0,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a policy out of use.
///
/// # Errors
/// It is out of use already, or the database failed.
pub async fn retire(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: PolicyId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE policies SET retired_at = $3 WHERE organization_id = $1 AND id = $2 AND retired_at IS NULL",
        organization.0,
        id.0,
        at
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Where policies hold.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn assignments(
    db: &mut PgConnection,
    organization: OrganizationId,
) -> StoreResult<Vec<(PolicyTarget, PolicyId)>> {
    let rows = sqlx::query!(
        "SELECT class, environment_id, policy_id FROM policy_assignments WHERE organization_id = $1
         ORDER BY class, environment_id",
        organization.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|r| {
            let target = match (r.class, r.environment_id) {
                (Some(class), _) => PolicyTarget::Class(word(&class)?),
                (None, Some(id)) => PolicyTarget::Environment(EnvironmentId(id)),
                (None, None) => return Err(StoreError::corrupt("an assignment to nothing")),
            };
            Ok((target, PolicyId(r.policy_id)))
        })
        .collect()
}

/// Lets a policy hold somewhere, or none. Answers which did before.
///
/// # Errors
/// The policy or the environment is not the organization's, or the database failed.
pub async fn assign(
    db: &mut PgConnection,
    organization: OrganizationId,
    target: PolicyTarget,
    policy: Option<PolicyId>,
) -> StoreResult<Option<PolicyId>> {
    let (class, environment) = match target {
        PolicyTarget::Class(class) => (Some(class.as_str()), None),
        PolicyTarget::Environment(id) => (None, Some(id.0)),
    };
    let before = sqlx::query_scalar!(
        "DELETE FROM policy_assignments WHERE organization_id = $1
             AND class IS NOT DISTINCT FROM $2 AND environment_id IS NOT DISTINCT FROM $3
         RETURNING policy_id",
        organization.0,
        class,
        environment
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(policy) = policy {
        sqlx::query!(
            "INSERT INTO policy_assignments (organization_id, class, environment_id, policy_id) VALUES ($1, $2, $3, $4)",
            organization.0,
            class,
            environment,
            policy.0
        )
        .execute(db)
        .await?;
    }
    Ok(before.map(PolicyId))
}

/// What holds for an environment.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The class of the environment.
    pub class: EnvironmentClass,
    /// The policy's name.
    pub name: String,
    /// What its newest version says.
    pub text: String,
}

/// The policy that holds for an environment: its own before that of its class.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn holding(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Option<Holding>> {
    let row = sqlx::query!(
        "SELECT e.class, p.name, v.text
         FROM environments e
         JOIN policy_assignments a ON a.organization_id = e.organization_id
             AND (a.environment_id = e.id OR a.class = e.class)
         JOIN policies p ON p.organization_id = a.organization_id AND p.id = a.policy_id
         JOIN policy_versions v ON v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.version
         WHERE e.organization_id = $1 AND e.id = $2
         ORDER BY a.environment_id NULLS LAST LIMIT 1",
        organization.0,
        environment.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|r| Ok(Holding { class: word(&r.class)?, name: r.name, text: r.text })).transpose()
}
