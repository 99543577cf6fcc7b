//! The kinds of events that a person wants by mail, in one organization.

use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::notification::NoticeKind;
use sqlx::PgConnection;

use crate::error::StoreResult;

/// What a person wants. A kind that this version does not know is left out.
///
/// # Errors
/// The database failed.
pub async fn get(db: &mut PgConnection, organization: OrganizationId, user: UserId) -> StoreResult<Vec<NoticeKind>> {
    let kinds = sqlx::query_scalar!(
        "SELECT kind FROM notification_preferences WHERE organization_id = $1 AND user_id = $2 ORDER BY kind",
        organization.0,
        user.0
    )
    .fetch_all(db)
    .await?;
    Ok(kinds.iter().filter_map(|kind| kind.parse().ok()).collect())
}

/// Sets what a person wants.
///
/// # Errors
/// The person is no member, or the database failed.
pub async fn set(
    db: &mut PgConnection,
    organization: OrganizationId,
    user: UserId,
    kinds: &[NoticeKind],
) -> StoreResult<()> {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    sqlx::query!(
        "DELETE FROM notification_preferences WHERE organization_id = $1 AND user_id = $2 AND kind <> ALL ($3)",
        organization.0,
        user.0,
        &kinds
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO notification_preferences (organization_id, user_id, kind) SELECT $1::uuid, $2::uuid, unnest($3::text[])
         ON CONFLICT DO NOTHING",
        organization.0,
        user.0,
        &kinds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The mail address of a member; `None` for somebody who is none.
///
/// # Errors
/// The database failed.
pub async fn address(db: &mut PgConnection, organization: OrganizationId, user: UserId) -> StoreResult<Option<String>> {
    let address = sqlx::query_scalar!(
        "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 AND m.user_id = $2",
        organization.0,
        user.0
    );
    Ok(address.fetch_optional(db).await?)
}
