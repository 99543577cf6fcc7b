//! Organizations, people, and who belongs where.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use sqlx::PgConnection;

use crate::error::{StoreResult, word};

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
    /// The password's hash as a PHC string.
    pub password_hash: String,
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
        "INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
        new.id.0,
        new.email,
        new.name,
        new.password_hash,
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
    let row = sqlx::query!("SELECT id, email, name, password_hash FROM users WHERE email = $1", email)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| User { id: UserId(row.id), email: row.email, name: row.name, password_hash: row.password_hash }))
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

/// Every organization and its plan: for background work that goes over all of them.
pub async fn plans(db: &mut PgConnection) -> StoreResult<Vec<(OrganizationId, PlanTier)>> {
    let rows = sqlx::query!("SELECT id, plan FROM organizations ORDER BY id").fetch_all(db).await?;
    rows.into_iter().map(|row| Ok((OrganizationId(row.id), word(&row.plan)?))).collect()
}
