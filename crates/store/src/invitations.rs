//! Invitations into an organization: an address, a role, and a link that ends.

use chrono::{DateTime, Utc};
use drift_domain::ids::{InvitationId, OrganizationId, UserId};
use drift_domain::role::Role;
use sqlx::PgConnection;

use crate::error::{StoreResult, exactly_one, word};

/// The index that refuses a second open invitation of one address into one organization.
pub const ONE_OPEN: &str = "invitations_one_open";

/// BLAKE3 of the tokens of an invitation's links.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// Of the link that whoever invites sees.
    pub shown: [u8; 32],
    /// Of the link that is mailed, if mail is sent.
    pub mailed: Option<[u8; 32]>,
}

impl Links {
    fn mailed(&self) -> Option<&[u8]> {
        self.mailed.as_ref().map(<[u8; 32]>::as_slice)
    }
}

/// An invitation to be stored.
#[derive(Clone, Debug)]
pub struct NewInvitation<'a> {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its identifier.
    pub id: InvitationId,
    /// Who is invited, in lower case.
    pub email: &'a str,
    /// As what.
    pub role: Role,
    /// BLAKE3 of the tokens of its links.
    pub links: Links,
    /// Who invites.
    pub invited_by: UserId,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// An open invitation.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The organization's name.
    pub organization_name: String,
    /// Its identifier.
    pub id: InvitationId,
    /// Who is invited, in lower case.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Who invited, while that person is known.
    pub invited_by: Option<UserId>,
    /// That person's name.
    pub invited_by_name: Option<String>,
    /// When the link was sent last.
    pub sent_at: DateTime<Utc>,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// Stores an invitation.
///
/// # Errors
/// [`ONE_OPEN`], or the database failed.
pub async fn insert(db: &mut PgConnection, new: &NewInvitation<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO invitations
             (organization_id, id, email, role, token_hash, mailed_token_hash, invited_by, created_at, sent_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)",
        new.organization_id.0,
        new.id.0,
        new.email,
        new.role.as_str(),
        new.links.shown.as_slice(),
        new.links.mailed(),
        new.invited_by.0,
        at,
        new.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The open invitations of an organization, those whose link has ended included, the newest first.
///
/// # Errors
/// The database failed.
pub async fn open(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<Invitation>> {
    let rows = sqlx::query!(
        r#"SELECT i.id, o.name AS organization_name, i.email, i.role, i.invited_by, u.name AS "invited_by_name?",
                  i.sent_at, i.expires_at
           FROM invitations i JOIN organizations o ON o.id = i.organization_id LEFT JOIN users u ON u.id = i.invited_by
           WHERE i.organization_id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL
           ORDER BY i.id DESC"#,
        organization.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Invitation {
                organization_id: organization,
                organization_name: row.organization_name,
                id: InvitationId(row.id),
                email: row.email,
                role: word(&row.role)?,
                invited_by: row.invited_by.map(UserId),
                invited_by_name: row.invited_by_name,
                sent_at: row.sent_at,
                expires_at: row.expires_at,
            })
        })
        .collect()
}

/// The open invitation of a link, while the link has not ended, and whether it is the link that was mailed. The link names the organization by being its own: there
/// is none to name yet.
///
/// # Errors
/// The database failed.
pub async fn by_token(
    db: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> StoreResult<Option<(Invitation, bool)>> {
    let row = sqlx::query!(
        r#"SELECT i.mailed_token_hash IS NOT DISTINCT FROM $1 AS "mailed!", i.organization_id, i.id, o.name AS organization_name, i.email, i.role, i.invited_by,
                  u.name AS "invited_by_name?", i.sent_at, i.expires_at
           FROM invitations i JOIN organizations o ON o.id = i.organization_id LEFT JOIN users u ON u.id = i.invited_by
           WHERE (i.token_hash = $1 OR i.mailed_token_hash = $1) AND i.expires_at > $2 AND i.accepted_at IS NULL AND i.revoked_at IS NULL"#,
        token_hash,
        now
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let invitation = Invitation {
            organization_id: OrganizationId(row.organization_id),
            organization_name: row.organization_name,
            id: InvitationId(row.id),
            email: row.email,
            role: word(&row.role)?,
            invited_by: row.invited_by.map(UserId),
            invited_by_name: row.invited_by_name,
            sent_at: row.sent_at,
            expires_at: row.expires_at,
        };
        Ok((invitation, row.mailed))
    })
    .transpose()
}

/// Gives an open invitation other links; the older ones end.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when it is not open any more, or the database failed.
pub async fn renew(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: InvitationId,
    links: Links,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE invitations SET token_hash = $3, mailed_token_hash = $4, sent_at = $5, expires_at = $6
         WHERE organization_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        organization.0,
        id.0,
        links.shown.as_slice(),
        links.mailed(),
        now,
        expires_at
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Takes an open invitation back.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when it is not open any more, or the database failed.
pub async fn revoke(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: InvitationId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE invitations SET revoked_at = $3
         WHERE organization_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        organization.0,
        id.0,
        now
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Notes that an open invitation was accepted. Of two who accept at once, one does.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when it is not open any more, or the database failed.
pub async fn accept(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: InvitationId,
    by: UserId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE invitations SET accepted_at = $4, accepted_by = $3
         WHERE organization_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $4",
        organization.0,
        id.0,
        by.0,
        now
    )
    .execute(db)
    .await?;
    exactly_one(done.rows_affected())
}

/// Takes back what waits for an address in an organization: the person is a member by another way now.
///
/// # Errors
/// The database failed.
pub async fn revoke_for(
    db: &mut PgConnection,
    organization: OrganizationId,
    email: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE invitations SET revoked_at = $3
         WHERE organization_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        organization.0,
        email,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
