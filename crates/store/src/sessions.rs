//! Signed-in browsers.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, SessionId, UserId};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use sqlx::PgConnection;

use crate::error::{StoreResult, exactly_one, word};

/// The constraint that refuses a session in an organization that its person is no member of.
pub const MEMBERS_ONLY: &str = "sessions_organization_id_user_id_fkey";

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Its identifier.
    pub id: SessionId,
    /// BLAKE3 of the token that the browser holds.
    pub token_hash: [u8; 32],
    /// Who signed in.
    pub user_id: UserId,
    /// The organization that the person looks at, as a member.
    pub organization_id: OrganizationId,
    /// What the browser calls itself.
    pub user_agent: &'a str,
    /// When it ends, however much it is used.
    pub expires_at: DateTime<Utc>,
}

/// A session that goes on, with who it is and what they are in the organization now.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// Who.
    pub user_id: UserId,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The organization that the person looks at.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// Its plan now.
    pub plan: PlanTier,
    /// The person's role in it now.
    pub role: Role,
    /// When it was last noted that the session is used.
    pub last_seen_at: DateTime<Utc>,
}

/// Stores a session.
///
/// # Errors
/// The person is no member of the organization, or the database failed.
pub async fn insert(db: &mut PgConnection, new: &NewSession<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO sessions (id, token_hash, user_id, organization_id, user_agent, created_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        new.id.0,
        new.token_hash.as_slice(),
        new.user_id.0,
        new.organization_id.0,
        new.user_agent,
        at,
        new.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The session of a token, if it has not ended by `now` and was used after `idle_since`.
///
/// # Errors
/// The database failed.
pub async fn find(
    db: &mut PgConnection,
    token_hash: [u8; 32],
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> StoreResult<Option<Session>> {
    let row = sqlx::query!(
        "SELECT s.id, s.user_id, u.name, u.email, s.organization_id, o.name AS organization_name, o.plan, m.role,
                s.last_seen_at
         FROM sessions s
         JOIN users u ON u.id = s.user_id
         JOIN organizations o ON o.id = s.organization_id
         JOIN memberships m ON m.organization_id = s.organization_id AND m.user_id = s.user_id
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3",
        token_hash.as_slice(),
        now,
        idle_since,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Session {
            id: SessionId(row.id),
            user_id: UserId(row.user_id),
            name: row.name,
            email: row.email,
            organization_id: OrganizationId(row.organization_id),
            organization_name: row.organization_name,
            plan: word(&row.plan)?,
            role: word(&row.role)?,
            last_seen_at: row.last_seen_at,
        })
    })
    .transpose()
}

/// Notes that a session is used. One that ended meanwhile is no fault.
///
/// # Errors
/// The database failed.
pub async fn touch(db: &mut PgConnection, id: SessionId, now: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!("UPDATE sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1", id.0, now)
        .execute(db)
        .await?;
    Ok(())
}

/// Turns a session to another organization.
///
/// # Errors
/// [`MEMBERS_ONLY`] when the person is no member there; [`crate::StoreError::WrongRows`] when the
/// session has ended; or the database failed.
pub async fn switch_organization(
    db: &mut PgConnection,
    id: SessionId,
    user: UserId,
    organization: OrganizationId,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE sessions SET organization_id = $3 WHERE id = $1 AND user_id = $2",
        id.0,
        user.0,
        organization.0
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Leaves what the next page is to tell the person; it takes the place of one that was not told yet.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when the session has ended, or the database failed.
pub async fn put_notice(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: SessionId,
    notice: &serde_json::Value,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE sessions SET notice = $3 WHERE id = $1 AND organization_id = $2",
        id.0,
        organization.0,
        notice
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Takes what was left for this page: whoever takes it is the only one who gets it.
///
/// # Errors
/// The database failed.
pub async fn take_notice(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: SessionId,
) -> StoreResult<Option<serde_json::Value>> {
    let row = sqlx::query!(
        r#"WITH told AS (
               SELECT id, notice FROM sessions
               WHERE id = $1 AND organization_id = $2 AND notice IS NOT NULL FOR UPDATE
           )
           UPDATE sessions SET notice = NULL FROM told WHERE sessions.id = told.id RETURNING told.notice AS "notice!""#,
        id.0,
        organization.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.notice))
}

/// A person's session, as the person sees it.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// Its identifier.
    pub id: SessionId,
    /// The name of the organization that it looks at.
    pub organization_name: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last noted that it is used.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends, however much it is used.
    pub expires_at: DateTime<Utc>,
}

/// A person's sessions that go on, wherever they look, the one used last first.
///
/// # Errors
/// The database failed.
pub async fn of_person(
    db: &mut PgConnection,
    user: UserId,
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> StoreResult<Vec<OwnSession>> {
    let rows = sqlx::query!(
        "SELECT s.id, o.name, s.user_agent, s.created_at, s.last_seen_at, s.expires_at
         FROM sessions s JOIN organizations o ON o.id = s.organization_id
         WHERE s.user_id = $1 AND s.expires_at > $2 AND s.last_seen_at > $3
         ORDER BY s.last_seen_at DESC, s.id",
        user.0,
        now,
        idle_since
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OwnSession {
            id: SessionId(row.id),
            organization_name: row.name,
            user_agent: row.user_agent,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        })
        .collect())
}

/// Ends one session of a person; answers whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete_of_person(db: &mut PgConnection, user: UserId, id: SessionId) -> StoreResult<bool> {
    let done = sqlx::query!("DELETE FROM sessions WHERE id = $1 AND user_id = $2", id.0, user.0).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every session of a person, but for `except`, and says how many.
///
/// # Errors
/// The database failed.
pub async fn delete_all_of_person(db: &mut PgConnection, user: UserId, except: Option<SessionId>) -> StoreResult<u64> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2",
        user.0,
        except.map(|id| id.0)
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Ends a session. One that ended before is no fault.
///
/// # Errors
/// The database failed.
pub async fn delete(db: &mut PgConnection, id: SessionId) -> StoreResult<()> {
    sqlx::query!("DELETE FROM sessions WHERE id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Removes sessions that have ended by `now` or were not used since `idle_since`, and says how many.
///
/// # Errors
/// The database failed.
pub async fn delete_ended(db: &mut PgConnection, now: DateTime<Utc>, idle_since: DateTime<Utc>) -> StoreResult<u64> {
    let done = sqlx::query!("DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2", now, idle_since)
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}
