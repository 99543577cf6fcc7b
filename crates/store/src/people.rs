//! Organizations, people, and who belongs where.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use sqlx::PgConnection;

use crate::error::{StoreResult, exactly_one, word};

/// The constraint that keeps the last owner of an organization.
pub const KEEPS_AN_OWNER: &str = "organizations_keep_an_owner";
/// The constraint that refuses a second user with one e-mail address.
pub const EMAIL_IS_UNIQUE: &str = "users_email_is_unique";
/// The constraint that refuses an address that the database does not hold to be in lower case.
pub const EMAIL_IS_LOWER_CASE: &str = "users_email_is_lower_case";

/// A tenant.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its identifier.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: PlanTier,
    /// What GitHub's deliveries for it are signed with, sealed.
    pub webhook_secret: Vec<u8>,
}

/// A person.
#[derive(Clone)]
pub struct User {
    /// Its identifier.
    pub id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The password's hash as a PHC string. `None` for who signs in through an identity provider alone.
    pub password_hash: Option<String>,
    /// When it was shown that the address is the person's own.
    pub email_verified_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A person's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// Its plan.
    pub plan: PlanTier,
    /// What the person may do there.
    pub role: Role,
}

/// Keeps every other first-run set-up waiting until this transaction ends.
///
/// # Errors
/// The database failed.
pub async fn lock_set_up(db: &mut PgConnection) -> StoreResult<()> {
    // Conflicts with itself and with writing, not with reading: pages go on.
    sqlx::query!("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(db).await?;
    Ok(())
}

/// Whether there is any user at all: until there is one, whoever comes first may set the installation up.
///
/// # Errors
/// The database failed.
pub async fn any_user(db: &mut PgConnection) -> StoreResult<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "any!""#).fetch_one(db).await?)
}

/// Stores a new organization.
///
/// # Errors
/// A constraint of the schema (a blank name), or the database failed.
pub async fn insert_organization(db: &mut PgConnection, new: &Organization, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO organizations (id, name, plan, webhook_secret, created_at) VALUES ($1, $2, $3, $4, $5)",
        new.id.0,
        new.name,
        new.plan.as_str(),
        new.webhook_secret,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One organization.
///
/// # Errors
/// The database failed.
pub async fn organization(db: &mut PgConnection, id: OrganizationId) -> StoreResult<Option<Organization>> {
    let row = sqlx::query!("SELECT name, plan, webhook_secret FROM organizations WHERE id = $1", id.0)
        .fetch_optional(db)
        .await?;
    row.map(|row| Ok(Organization { id, name: row.name, plan: word(&row.plan)?, webhook_secret: row.webhook_secret }))
        .transpose()
}

/// Stores a new user.
///
/// # Errors
/// [`EMAIL_IS_UNIQUE`] when somebody has the address already, or the database failed.
pub async fn insert_user(db: &mut PgConnection, new: &User, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO users (id, email, name, password_hash, email_verified_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        new.id.0,
        new.email,
        new.name,
        new.password_hash,
        new.email_verified_at,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The user with this address, which is in lower case.
///
/// # Errors
/// The database failed.
pub async fn user_by_email(db: &mut PgConnection, email: &str) -> StoreResult<Option<User>> {
    let id = sqlx::query_scalar!("SELECT id FROM users WHERE email = $1", email).fetch_optional(&mut *db).await?;
    match id {
        Some(id) => user(db, UserId(id)).await,
        None => Ok(None),
    }
}

/// The user with this identifier.
///
/// # Errors
/// The database failed.
pub async fn user(db: &mut PgConnection, id: UserId) -> StoreResult<Option<User>> {
    let row = sqlx::query!("SELECT email, name, password_hash, email_verified_at FROM users WHERE id = $1", id.0)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| User {
        id,
        email: row.email,
        name: row.name,
        password_hash: row.password_hash,
        email_verified_at: row.email_verified_at,
    }))
}

/// Notes that a person's address was shown to be their own. One that was before stays as it is.
///
/// # Errors
/// The database failed.
pub async fn verify_email(db: &mut PgConnection, id: UserId, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!("UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL", id.0, at)
        .execute(db)
        .await?;
    Ok(())
}

/// Replaces a person's password, if it is still the one of `before` (or none, where there was none): of two changes that
/// began with the same password one counts. Answers whether it did.
///
/// # Errors
/// The database failed.
pub async fn replace_password(
    db: &mut PgConnection,
    id: UserId,
    before: Option<&str>,
    password_hash: &str,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2",
        id.0,
        before,
        password_hash
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes a person a member, or changes the role of one who is.
///
/// # Errors
/// The organization or the person does not exist, or the database failed.
pub async fn put_membership(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    role: Role,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO memberships (organization_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, user_id) DO UPDATE SET role = EXCLUDED.role",
        organization.0,
        user.0,
        role.as_str(),
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A member of an organization.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// When the person joined.
    pub joined_at: DateTime<Utc>,
    /// When a session or a token of the person was last used in this organization.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// Keeps every other change of this organization's members waiting until this transaction ends: rules that look at more
/// than one member hold until what follows from them is written.
///
/// # Errors
/// The database failed.
pub async fn lock_members(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<()> {
    sqlx::query!("SELECT id FROM organizations WHERE id = $1 FOR UPDATE", organization.0).fetch_optional(db).await?;
    Ok(())
}

/// The members of an organization, the most powerful first, then by name.
///
/// # Errors
/// The database failed.
pub async fn members(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<Member>> {
    let rows = sqlx::query!(
        r#"SELECT u.id, u.name, u.email, m.role, m.created_at,
                  greatest(
                      (SELECT max(s.last_seen_at) FROM sessions s
                       WHERE s.organization_id = m.organization_id AND s.user_id = m.user_id),
                      (SELECT max(t.last_used_at) FROM api_tokens t
                       WHERE t.organization_id = m.organization_id AND t.user_id = m.user_id)
                  ) AS last_seen_at
           FROM memberships m JOIN users u ON u.id = m.user_id
           WHERE m.organization_id = $1
           ORDER BY array_position(ARRAY['OWNER', 'ADMIN', 'APPROVER', 'OPERATOR', 'VIEWER'], m.role), lower(u.name), u.id"#,
        organization.0,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                user_id: UserId(row.id),
                name: row.name,
                email: row.email,
                role: word(&row.role)?,
                joined_at: row.created_at,
                last_seen_at: row.last_seen_at,
            })
        })
        .collect()
}

/// A member's name and role.
///
/// # Errors
/// The database failed.
pub async fn member(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
) -> StoreResult<Option<(String, Role)>> {
    let row = sqlx::query!(
        "SELECT u.name, m.role FROM memberships m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 AND m.user_id = $2",
        organization.0,
        user.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((row.name, word(&row.role)?))).transpose()
}

/// Ends a membership, and with it the person's sessions and tokens in that organization.
///
/// # Errors
/// [`KEEPS_AN_OWNER`], [`crate::StoreError::WrongRows`] when there is no such member, or the database failed.
pub async fn delete_membership(db: &mut PgConnection, organization: OrganizationId, user: UserId) -> StoreResult<()> {
    let done =
        sqlx::query!("DELETE FROM memberships WHERE organization_id = $1 AND user_id = $2", organization.0, user.0)
            .execute(db)
            .await?;
    exactly_one(done.rows_affected())
}

/// Changes what a member may do.
///
/// # Errors
/// [`KEEPS_AN_OWNER`], [`crate::StoreError::WrongRows`] when there is no such member, or the database failed.
pub async fn set_role(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    role: Role,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE memberships SET role = $3 WHERE organization_id = $1 AND user_id = $2",
        organization.0,
        user.0,
        role.as_str()
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Where a person belongs, by the organizations' names.
///
/// # Errors
/// The database failed.
pub async fn memberships(db: &mut PgConnection, user: UserId) -> StoreResult<Vec<Membership>> {
    let rows = sqlx::query!(
        "SELECT o.id, o.name, o.plan, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id
         WHERE m.user_id = $1 ORDER BY lower(o.name), o.id",
        user.0,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Membership {
                organization_id: OrganizationId(row.id),
                organization_name: row.name,
                plan: word(&row.plan)?,
                role: word(&row.role)?,
            })
        })
        .collect()
}

/// Every organization: for background work that goes over all of them.
///
/// # Errors
/// The database failed.
pub async fn organizations(db: &mut PgConnection) -> StoreResult<Vec<OrganizationId>> {
    Ok(sqlx::query_scalar!("SELECT id FROM organizations ORDER BY id")
        .fetch_all(db)
        .await?
        .into_iter()
        .map(OrganizationId)
        .collect())
}
