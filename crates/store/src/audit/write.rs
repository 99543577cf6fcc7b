//! Adding entries.

use chrono::{DateTime, Utc};
use drift_domain::audit::{self, ActorKind, AuditAction, AuditTarget, Target};
use drift_domain::ids::{AuditEntryId, EnvironmentId, IncidentId, OrganizationId, UserId};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::origin;
use crate::error::{StoreError, StoreResult};
use crate::events::NewEvent;

/// Who did it.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// A person.
    User(UserId),
    /// Somebody who did not prove who they are: what they gave as their name.
    Unknown(&'a str),
    /// The product itself.
    System,
}

/// An entry to be added. Secrets in it are hidden by what they are called and look like; whoever adds one leaves them out all
/// the same.
#[derive(Clone, Debug)]
pub struct NewEntry<'a> {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Who did it.
    pub by: By<'a>,
    /// What was done.
    pub action: AuditAction,
    /// To what.
    pub target: Target,
    /// The environment that it is about, if one.
    pub environment_id: Option<EnvironmentId>,
    /// Why, as the person said.
    pub reason: Option<String>,
    /// What was.
    pub before: Option<Value>,
    /// What is since, and further particulars.
    pub after: Option<Value>,
}

/// What the names of an entry are read by.
struct Names {
    user: Option<String>,
    environment: Option<String>,
    incident: Option<i64>,
}

/// Adds an entry, in the transaction of what it tells. Where the request came from is the task's ([`origin`]).
///
/// # Errors
/// The organization does not exist, or the database failed.
pub async fn append(db: &mut PgConnection, new: NewEntry<'_>, at: DateTime<Utc>) -> StoreResult<()> {
    let names = names(db, &new, None).await?;
    write(db, new, names, None, at).await
}

/// Adds the entry of an event, if it leaves one.
pub(crate) async fn of_event(
    db: &mut PgConnection,
    event: &NewEvent<'_>,
    incident: Option<IncidentId>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let Some(action) = AuditAction::of_event(event.kind) else { return Ok(()) };
    let mut data = event.data.as_object().cloned().unwrap_or_default();
    let token = text(&data, "by_token").and_then(|id| id.parse().ok());
    data.remove("by_token");
    let reason = data.get("reason").and_then(Value::as_str).map(str::to_owned);
    if reason.is_some() {
        data.remove("reason");
    }
    let before = data.remove("before").or_else(|| data.remove("from")).filter(|value| !value.is_null());
    let new = NewEntry {
        organization_id: event.organization_id,
        by: event.actor.map_or(By::System, By::User),
        action,
        target: target(event, incident, &data),
        environment_id: event.environment_id,
        reason,
        before,
        after: (!data.is_empty()).then_some(Value::Object(data)),
    };
    let names = names(db, &new, incident).await?;
    write(db, new, names, token, at).await
}

fn text(data: &Map<String, Value>, name: &str) -> Option<String> {
    data.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// What an event is about, by its name and its particulars.
fn target(event: &NewEvent<'_>, incident: Option<IncidentId>, data: &Map<String, Value>) -> Target {
    if let Some(id) = incident {
        return Target { kind: AuditTarget::Incident, id: Some(id.to_string()), name: None };
    }
    if let Some(id) = event.change_id {
        return Target { kind: AuditTarget::Change, id: Some(id.to_string()), name: text(data, "workflow") };
    }
    let (kind, id, name) = match event.kind.split('.').next().unwrap_or_default() {
        "token" => (AuditTarget::Token, "token", "name"),
        "channel" => (AuditTarget::Channel, "channel", "name"),
        "member" => (AuditTarget::User, "user", "name"),
        "identity" => (AuditTarget::User, "user", "provider"),
        "invitation" => (AuditTarget::Invitation, "invitation", "email"),
        "session" => (AuditTarget::Session, "session", ""),
        "notification" => (AuditTarget::Delivery, "delivery", ""),
        "report" if data.contains_key("schedule") => (AuditTarget::ReportSchedule, "schedule", "name"),
        "report" => (AuditTarget::Report, "report", "name"),
        "upgrade" => (AuditTarget::UpgradeRequest, "request", "plan"),
        "hold" => (AuditTarget::Hold, "hold", "about"),
        _ => match event.environment_id {
            Some(id) => return Target { kind: AuditTarget::Environment, id: Some(id.to_string()), name: None },
            None => (AuditTarget::Organization, "", ""),
        },
    };
    Target { kind, id: text(data, id), name: text(data, name) }
}

async fn names(db: &mut PgConnection, new: &NewEntry<'_>, incident: Option<IncidentId>) -> StoreResult<Names> {
    let user = match new.by {
        By::User(id) => Some(id.0),
        By::Unknown(_) | By::System => None,
    };
    if user.is_none() && new.environment_id.is_none() && incident.is_none() {
        return Ok(Names { user: None, environment: None, incident: None });
    }
    let row = sqlx::query!(
        r#"SELECT (SELECT name FROM users WHERE id = $2) AS "user",
               (SELECT name FROM environments WHERE organization_id = $1 AND id = $3) AS environment,
               (SELECT number FROM drift_incidents WHERE organization_id = $1 AND id = $4) AS incident"#,
        new.organization_id.0,
        user,
        new.environment_id.map(|id| id.0),
        incident.map(|id| id.0),
    )
    .fetch_one(db)
    .await?;
    Ok(Names { user: row.user, environment: row.environment, incident: row.incident })
}

async fn write(
    db: &mut PgConnection,
    new: NewEntry<'_>,
    names: Names,
    token: Option<Uuid>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let user = match new.by {
        By::User(id) => Some(id),
        By::Unknown(_) | By::System => None,
    };
    let (origin, by_token) = origin::current(user);
    let token = by_token.map(|id| id.0).or(token).filter(|_| user.is_some());
    let (kind, name) = match new.by {
        By::User(_) if token.is_some() => (ActorKind::Token, names.user.unwrap_or_default()),
        By::User(_) => (ActorKind::User, names.user.unwrap_or_default()),
        By::Unknown(name) => (ActorKind::Unknown, name.to_owned()),
        By::System => (ActorKind::System, "WorkflowOps".to_owned()),
    };
    let mut target = new.target;
    match target.kind {
        AuditTarget::Incident => target.name = names.incident.map(|number| format!("INC-{number}")).or(target.name),
        AuditTarget::Environment => target.name = names.environment.or(target.name),
        _ => {}
    }
    let entry = audit::Entry {
        id: AuditEntryId(Uuid::now_v7()),
        organization_id: new.organization_id,
        at: audit::micros(at),
        actor: audit::Actor { kind, id: user.map(|id| id.0), name: audit::mask_text(&name), token },
        origin,
        action: new.action,
        target: Target { name: target.name.as_deref().map(audit::mask_text), ..target },
        environment_id: new.environment_id,
        reason: new.reason.as_deref().map(audit::mask_text),
        before: new.before.as_ref().map(audit::mask),
        after: new.after.as_ref().map(audit::mask),
    };
    insert(db, &entry).await
}

async fn insert(db: &mut PgConnection, entry: &audit::Entry) -> StoreResult<()> {
    let hash = entry.to_json().and_then(|json| audit::entry_hash(&json)).map_err(StoreError::corrupt)?;
    sqlx::query!(
        "INSERT INTO audit_entries (organization_id, id, at, actor_kind, actor_id, actor_name, token_id, via, address,
             user_agent, action, target_kind, target_id, target_name, environment_id, reason, before, after, entry_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        entry.organization_id.0,
        entry.id.0,
        entry.at,
        entry.actor.kind.as_str(),
        entry.actor.id,
        entry.actor.name,
        entry.actor.token,
        entry.origin.via.as_str(),
        entry.origin.address,
        entry.origin.user_agent,
        entry.action.as_str(),
        entry.target.kind.as_str(),
        entry.target.id,
        entry.target.name,
        entry.environment_id.map(|id| id.0),
        entry.reason,
        entry.before,
        entry.after,
        hash.0.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(())
}
