//! Reading the log: by what somebody looks for, and in the order of its chain.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use drift_domain::audit::{AuditAction, Digest, Seal};
use drift_domain::ids::{AuditEntryId, EnvironmentId, OrganizationId, UserId};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult};

/// What somebody looks for. What is left out is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Done by this person.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// About this, by identifier or by name.
    pub target: Option<String>,
    /// About this environment.
    pub environment: Option<EnvironmentId>,
    /// With this in a name, an address, a reason or the particulars, in any case.
    pub text: Option<String>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
}

/// The place of an entry in the list, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When it was.
    pub at: DateTime<Utc>,
    /// Which it is.
    pub id: AuditEntryId,
}

struct Row {
    organization_id: Uuid,
    id: Uuid,
    at: DateTime<Utc>,
    actor_kind: String,
    actor_id: Option<Uuid>,
    actor_name: String,
    token_id: Option<Uuid>,
    via: String,
    address: Option<String>,
    user_agent: Option<String>,
    action: String,
    target_kind: String,
    target_id: Option<String>,
    target_name: Option<String>,
    environment_id: Option<Uuid>,
    reason: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Row {
    /// The entry as it is hashed. Not by way of [`drift_domain::audit::Entry`]: a word that no version knows is something for
    /// verifying to find, not to stumble over.
    fn json(self) -> Value {
        json!({
            "id": self.id,
            "organization_id": self.organization_id,
            "at": self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            "actor": { "kind": self.actor_kind, "id": self.actor_id, "name": self.actor_name, "token": self.token_id },
            "origin": { "via": self.via, "address": self.address, "user_agent": self.user_agent },
            "action": self.action,
            "target": { "kind": self.target_kind, "id": self.target_id, "name": self.target_name },
            "environment_id": self.environment_id,
            "reason": self.reason,
            "before": self.before,
            "after": self.after,
        })
    }
}

/// Entries that fit, the newest first, behind a place.
///
/// # Errors
/// The database failed.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> StoreResult<Vec<Value>> {
    let text = filter
        .text
        .as_ref()
        .map(|text| format!("%{}%", text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")));
    let rows = sqlx::query_as!(
        Row,
        "SELECT organization_id, id, at, actor_kind, actor_id, actor_name, token_id, via, address, user_agent, action,
             target_kind, target_id, target_name, environment_id, reason, before, after
         FROM audit_entries
         WHERE organization_id = $1
           AND ($2::uuid IS NULL OR actor_id = $2)
           AND ($3::text IS NULL OR action = $3)
           AND ($4::text IS NULL OR target_id = $4 OR lower(target_name) = lower($4))
           AND ($5::uuid IS NULL OR environment_id = $5)
           AND ($6::text IS NULL OR concat_ws(' ', actor_name, target_name, address, reason, before, after) ILIKE $6)
           AND ($7::timestamptz IS NULL OR at >= $7)
           AND ($8::timestamptz IS NULL OR at < $8)
           AND ($9::timestamptz IS NULL OR (at, id) < ($9, $10::uuid))
         ORDER BY at DESC, id DESC LIMIT $11",
        organization.0,
        filter.actor.map(|id| id.0),
        filter.action.map(AuditAction::as_str),
        filter.target,
        filter.environment.map(|id| id.0),
        text,
        filter.from,
        filter.until,
        after.map(|position| position.at),
        after.map(|position| position.id.0),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::json).collect())
}

/// The entries of these seals, as far as they are there.
///
/// # Errors
/// The database failed.
pub async fn entries_of(
    db: &mut PgConnection,
    organization: OrganizationId,
    seals: &[Seal],
) -> StoreResult<HashMap<AuditEntryId, Value>> {
    let ids: Vec<Uuid> = seals.iter().map(|seal| seal.entry_id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT organization_id, id, at, actor_kind, actor_id, actor_name, token_id, via, address, user_agent, action,
             target_kind, target_id, target_name, environment_id, reason, before, after
         FROM audit_entries WHERE organization_id = $1 AND id = ANY ($2)",
        organization.0,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (AuditEntryId(row.id), row.json())).collect())
}

/// The seals behind a place, in order.
///
/// # Errors
/// The database failed, or holds a hash that is none.
pub async fn seals_after(
    db: &mut PgConnection,
    organization: OrganizationId,
    sequence: i64,
    limit: i64,
) -> StoreResult<Vec<Seal>> {
    let rows = sqlx::query!(
        "SELECT sequence, entry_id, entry_hash, previous_hash, hash FROM audit_seals
         WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        organization.0,
        sequence,
        limit
    )
    .fetch_all(db)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(Seal {
            sequence: row.sequence,
            entry_id: AuditEntryId(row.entry_id),
            entry_hash: digest(&row.entry_hash)?,
            previous_hash: digest(&row.previous_hash)?,
            hash: digest(&row.hash)?,
        })
    });
    read.collect()
}

fn digest(bytes: &[u8]) -> StoreResult<Digest> {
    Digest::from_slice(bytes).ok_or_else(|| StoreError::corrupt("a seal's hash"))
}

/// The last seal's place and hash.
///
/// # Errors
/// As [`seals_after`].
pub async fn head(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Option<(i64, Digest)>> {
    let row = sqlx::query!(
        "SELECT sequence, hash FROM audit_seals WHERE organization_id = $1 ORDER BY sequence DESC LIMIT 1",
        organization.0
    );
    row.fetch_optional(db).await?.map(|row| Ok((row.sequence, digest(&row.hash)?))).transpose()
}

/// The hash of one seal.
///
/// # Errors
/// As [`seals_after`].
pub async fn seal_at(
    db: &mut PgConnection,
    organization: OrganizationId,
    sequence: i64,
) -> StoreResult<Option<Digest>> {
    let hash = sqlx::query_scalar!(
        "SELECT hash FROM audit_seals WHERE organization_id = $1 AND sequence = $2",
        organization.0,
        sequence
    );
    hash.fetch_optional(db).await?.map(|hash| digest(&hash)).transpose()
}

/// The first place that seals an entry of this time or a later one.
///
/// # Errors
/// The database failed.
pub async fn first_since(
    db: &mut PgConnection,
    organization: OrganizationId,
    from: DateTime<Utc>,
) -> StoreResult<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "SELECT min(s.sequence) FROM audit_entries e
         JOIN audit_seals s ON s.organization_id = e.organization_id AND s.entry_id = e.id
         WHERE e.organization_id = $1 AND e.at >= $2",
        organization.0,
        from
    )
    .fetch_one(db)
    .await?)
}

/// An entry of before a time that has no seal, if there is one. It does not ask the work list, which can be tampered with.
///
/// # Errors
/// The database failed.
pub async fn unsealed_before(
    db: &mut PgConnection,
    organization: OrganizationId,
    before: DateTime<Utc>,
) -> StoreResult<Option<AuditEntryId>> {
    let id = sqlx::query_scalar!(
        "SELECT e.id FROM audit_entries e WHERE e.organization_id = $1 AND e.at < $2 AND NOT EXISTS (
             SELECT FROM audit_seals s WHERE s.organization_id = $1 AND s.entry_id = e.id)
         ORDER BY e.at, e.id LIMIT 1",
        organization.0,
        before
    );
    Ok(id.fetch_optional(db).await?.map(AuditEntryId))
}
