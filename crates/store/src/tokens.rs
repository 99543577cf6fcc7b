//! API tokens: a person's own, in one organization, with a role, an end, and when it was used last.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, TokenId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use sqlx::PgConnection;

use crate::error::{StoreResult, word};

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// The organization that it works in.
    pub organization_id: OrganizationId,
    /// Its identifier.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the person calls it.
    pub name: &'a str,
    /// The most that it may do.
    pub role: Role,
    /// BLAKE3 of the token.
    pub token_hash: [u8; 32],
    /// Its last characters.
    pub ending: &'a str,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A person's token, as the person sees it.
#[derive(Clone, Debug)]
pub struct OwnToken {
    /// Its identifier.
    pub id: TokenId,
    /// What the person calls it.
    pub name: String,
    /// The most that it may do.
    pub role: Role,
    /// Its last characters.
    pub ending: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was last noted that it is used.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Whom a token stands for, and what they are in the organization now.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The token.
    pub id: TokenId,
    /// Who.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The organization that the token works in.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// Its plan now.
    pub plan: PlanTier,
    /// The most that the token may do.
    pub token_role: Role,
    /// The person's role now.
    pub role: Role,
    /// When it was last noted that it is used.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Stores a token.
///
/// # Errors
/// The person is no member of the organization, or the database failed.
pub async fn insert(db: &mut PgConnection, new: &NewToken<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO api_tokens (organization_id, id, user_id, name, role, token_hash, ending, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        new.organization_id.0,
        new.id.0,
        new.user_id.0,
        new.name,
        new.role.as_str(),
        new.token_hash.as_slice(),
        new.ending,
        at,
        new.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A person's tokens in an organization, the newest first; those that have ended stay until they are removed.
///
/// # Errors
/// The database failed.
pub async fn of_person(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
) -> StoreResult<Vec<OwnToken>> {
    let rows = sqlx::query!(
        "SELECT id, name, role, ending, created_at, expires_at, last_used_at FROM api_tokens
         WHERE organization_id = $1 AND user_id = $2 ORDER BY id DESC",
        organization.0,
        user.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OwnToken {
                id: TokenId(row.id),
                name: row.name,
                role: word(&row.role)?,
                ending: row.ending,
                created_at: row.created_at,
                expires_at: row.expires_at,
                last_used_at: row.last_used_at,
            })
        })
        .collect()
}

/// Whom a token stands for, while it has not ended. The token names the organization: it works in its own alone.
///
/// # Errors
/// The database failed.
pub async fn bearer(db: &mut PgConnection, token_hash: [u8; 32], now: DateTime<Utc>) -> StoreResult<Option<Bearer>> {
    let row = sqlx::query!(
        "SELECT t.id, t.user_id, u.name, u.email, t.organization_id, o.name AS organization_name, o.plan,
                t.role AS token_role, m.role, t.last_used_at
         FROM api_tokens t
         JOIN users u ON u.id = t.user_id
         JOIN organizations o ON o.id = t.organization_id
         JOIN memberships m ON m.organization_id = t.organization_id AND m.user_id = t.user_id
         WHERE t.token_hash = $1 AND t.expires_at > $2",
        token_hash.as_slice(),
        now
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Bearer {
            id: TokenId(row.id),
            user_id: UserId(row.user_id),
            name: row.name,
            email: row.email,
            organization_id: OrganizationId(row.organization_id),
            organization_name: row.organization_name,
            plan: word(&row.plan)?,
            token_role: word(&row.token_role)?,
            role: word(&row.role)?,
            last_used_at: row.last_used_at,
        })
    })
    .transpose()
}

/// Notes that a token is used. One that ended meanwhile is no fault.
///
/// # Errors
/// The database failed.
pub async fn touch(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: TokenId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE api_tokens SET last_used_at = greatest(last_used_at, $3) WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a token of a person; answers its name if there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    id: TokenId,
) -> StoreResult<Option<String>> {
    Ok(sqlx::query_scalar!(
        "DELETE FROM api_tokens WHERE organization_id = $1 AND user_id = $2 AND id = $3 RETURNING name",
        organization.0,
        user.0,
        id.0
    )
    .fetch_optional(db)
    .await?)
}

/// Removes an organization's tokens that ended before `before`, and says how many.
///
/// # Errors
/// The database failed.
pub async fn forget(db: &mut PgConnection, organization: OrganizationId, before: DateTime<Utc>) -> StoreResult<u64> {
    let done =
        sqlx::query!("DELETE FROM api_tokens WHERE organization_id = $1 AND expires_at < $2", organization.0, before)
            .execute(db)
            .await?;
    Ok(done.rows_affected())
}
