//! Requests for approval, the approvals themselves, and who approves for whom.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use drift_domain::approval::{ApprovalState, ProposedAct};
use drift_domain::ids::{ApprovalId, DelegationId, EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::role::Role;
use drift_domain::views::{DelegationView, PersonView};
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// A request for approval.
#[derive(Clone, Debug)]
pub struct ApprovalRecord {
    /// Its identifier.
    pub id: ApprovalId,
    /// The environment, with its name.
    pub environment: (EnvironmentId, String),
    /// The incident and its number, if it is about one.
    pub incident: Option<(IncidentId, i64)>,
    /// What is to be done.
    pub act: ProposedAct,
    /// The rules that ask, by their titles.
    pub rules: Vec<String>,
    /// How many approvals it takes.
    pub needed: u32,
    /// The least role of those who approve.
    pub approvers: Role,
    /// Who asks.
    pub by: PersonView,
    /// The role that it was asked with.
    pub requested_as: Role,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Until when it can be approved.
    pub expires_at: DateTime<Utc>,
    /// How far it is.
    pub state: ApprovalState,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who rejected or withdrew it.
    pub ended_by: Option<PersonView>,
    /// Why it was rejected, or could not be carried out.
    pub reason: Option<String>,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct NewApproval<'a> {
    /// Its identifier.
    pub id: ApprovalId,
    /// The environment.
    pub environment: EnvironmentId,
    /// What is to be done.
    pub act: &'a ProposedAct,
    /// The rules that ask, by their titles.
    pub rules: &'a [String],
    /// How many approvals it takes.
    pub needed: u32,
    /// The least role of those who approve.
    pub approvers: Role,
    /// Who asks.
    pub by: UserId,
    /// With which role.
    pub requested_as: Role,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// An approval that was given.
#[derive(Clone, Debug)]
pub struct VoiceRecord {
    /// Who gave it.
    pub by: PersonView,
    /// Whose voice it is.
    pub of: PersonView,
    /// The role that the latter has now; none: no member any more.
    pub role: Option<Role>,
    /// Whether the former is a member still.
    pub is_member: bool,
    /// What was said to it.
    pub note: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Records a request. The one that was made before, if the same person asks for the same and it is open.
///
/// # Errors
/// The environment or the incident is not the organization's, or the database failed.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewApproval<'_>,
    at: DateTime<Utc>,
) -> StoreResult<Option<ApprovalId>> {
    let act = serde_json::to_value(new.act).map_err(StoreError::corrupt)?;
    let done = sqlx::query!(
        "INSERT INTO approval_requests (organization_id, id, environment_id, incident_id, act, rules, needed, approvers,
             requested_by, requested_as, requested_at, expires_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'PENDING')
         ON CONFLICT (organization_id, requested_by, md5(act::text)) WHERE state IN ('PENDING', 'APPROVED') DO NOTHING",
        organization.0,
        new.id.0,
        new.environment.0,
        new.act.incident().map(|id| id.0),
        act,
        new.rules,
        i32::try_from(new.needed).unwrap_or(i32::MAX),
        new.approvers.as_str(),
        new.by.0,
        new.requested_as.as_str(),
        at,
        new.expires_at
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(None);
    }
    let before = sqlx::query_scalar!(
        "SELECT id FROM approval_requests WHERE organization_id = $1 AND requested_by = $2 AND act = $3
             AND state IN ('PENDING', 'APPROVED')",
        organization.0,
        new.by.0,
        act
    )
    .fetch_one(db)
    .await?;
    Ok(Some(ApprovalId(before)))
}

/// Which requests are read.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// One.
    One(ApprovalId),
    /// Those that are open, the oldest first.
    Open,
    /// Those that have ended, the newest first.
    Ended,
    /// Those of an incident, the oldest first.
    OfIncident(IncidentId),
}

/// Requests of an organization, at most `most` of them.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    which: Which,
    most: i64,
) -> StoreResult<Vec<ApprovalRecord>> {
    let (one, incident, open) = match which {
        Which::One(id) => (Some(id.0), None, None),
        Which::Open => (None, None, Some(true)),
        Which::Ended => (None, None, Some(false)),
        Which::OfIncident(id) => (None, Some(id.0), None),
    };
    let rows = sqlx::query!(
        r#"SELECT r.id, r.environment_id, e.name AS environment, r.incident_id, i.number AS "number?", r.act, r.rules, r.needed,
               r.approvers, r.requested_by, u.name AS "by!", r.requested_as, r.requested_at, r.expires_at, r.state,
               r.ended_at, r.ended_by, x.name AS "ended_by_name?", r.reason
           FROM approval_requests r
           JOIN environments e ON e.organization_id = r.organization_id AND e.id = r.environment_id
           JOIN users u ON u.id = r.requested_by
           LEFT JOIN users x ON x.id = r.ended_by
           LEFT JOIN drift_incidents i ON i.organization_id = r.organization_id AND i.id = r.incident_id
           WHERE r.organization_id = $1 AND ($2::uuid IS NULL OR r.id = $2) AND ($3::uuid IS NULL OR r.incident_id = $3)
               AND ($4::boolean IS NULL OR (r.ended_at IS NULL) = $4)
           ORDER BY CASE WHEN $4 IS FALSE THEN r.ended_at END DESC, r.requested_at, r.id LIMIT $5"#,
        organization.0,
        one,
        incident,
        open,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|r| {
            let ended_by = r.ended_by.zip(r.ended_by_name).map(|(id, name)| PersonView { id: UserId(id), name });
            Ok(ApprovalRecord {
                id: ApprovalId(r.id),
                environment: (EnvironmentId(r.environment_id), r.environment),
                incident: r.incident_id.map(IncidentId).zip(r.number),
                act: serde_json::from_value(r.act).map_err(StoreError::corrupt)?,
                rules: r.rules,
                needed: u32::try_from(r.needed).unwrap_or(u32::MAX),
                approvers: word(&r.approvers)?,
                by: PersonView { id: UserId(r.requested_by), name: r.by },
                requested_as: word(&r.requested_as)?,
                at: r.requested_at,
                expires_at: r.expires_at,
                state: word(&r.state)?,
                ended_at: r.ended_at,
                ended_by,
                reason: r.reason,
            })
        })
        .collect()
}

/// One request, which is held until the transaction ends.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn lock(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ApprovalId,
) -> StoreResult<Option<ApprovalRecord>> {
    sqlx::query!(
        "SELECT id FROM approval_requests WHERE organization_id = $1 AND id = $2 FOR UPDATE",
        organization.0,
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    Ok(list(db, organization, Which::One(id), 1).await?.pop())
}

/// How a request ends.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its last state; or APPROVED, which ends nothing yet.
    pub state: ApprovalState,
    /// Who rejected or withdrew it.
    pub by: Option<UserId>,
    /// Why it was rejected, or could not be carried out.
    pub reason: Option<&'a str>,
}

/// Moves a request on from a state. False when it is not in that state any more: somebody else was first.
///
/// # Errors
/// The database failed.
pub async fn step(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: ApprovalId,
    from: ApprovalState,
    to: End<'_>,
    at: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE approval_requests SET state = $4, ended_at = $5, ended_by = $6, reason = $7
         WHERE organization_id = $1 AND id = $2 AND state = $3",
        organization.0,
        id.0,
        from.as_str(),
        to.state.as_str(),
        (!to.state.is_open()).then_some(at),
        to.by.map(|by| by.0),
        to.reason
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Adds an approval.
///
/// # Errors
/// [`StoreError::Constraint`] `approvals_pkey` or `approvals_one_a_voice` where the person or the voice has approved already,
/// `approvals_are_of_others` for one's own request; or the database failed.
pub async fn approve(
    db: &mut PgConnection,
    organization: OrganizationId,
    request: &ApprovalRecord,
    by: UserId,
    voice_of: UserId,
    note: Option<&str>,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO approvals (organization_id, request_id, requested_by, user_id, voice_of, note, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        organization.0,
        request.id.0,
        request.by.id.0,
        by.0,
        voice_of.0,
        note,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The approvals of requests, the first one first.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn voices(
    db: &mut PgConnection,
    organization: OrganizationId,
    requests: &[ApprovalId],
) -> StoreResult<HashMap<ApprovalId, Vec<VoiceRecord>>> {
    let ids: Vec<_> = requests.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.request_id, a.user_id, u.name AS "by!", a.voice_of, v.name AS "of!", m.role AS "role?",
               EXISTS (SELECT FROM memberships WHERE organization_id = $1 AND user_id = a.user_id) AS "is_member!",
               a.note, a.at
           FROM approvals a JOIN users u ON u.id = a.user_id JOIN users v ON v.id = a.voice_of
           LEFT JOIN memberships m ON m.organization_id = a.organization_id AND m.user_id = a.voice_of
           WHERE a.organization_id = $1 AND a.request_id = ANY ($2) ORDER BY a.at, a.user_id"#,
        organization.0,
        &ids
    )
    .fetch_all(db)
    .await?;
    let mut of: HashMap<ApprovalId, Vec<VoiceRecord>> = HashMap::new();
    for r in rows {
        of.entry(ApprovalId(r.request_id)).or_default().push(VoiceRecord {
            by: PersonView { id: UserId(r.user_id), name: r.by },
            of: PersonView { id: UserId(r.voice_of), name: r.of },
            role: r.role.as_deref().map(word).transpose()?,
            is_member: r.is_member,
            note: r.note,
            at: r.at,
        });
    }
    Ok(of)
}

/// Requests that nobody approved in time, of every organization.
///
/// # Errors
/// The database failed.
pub async fn expired(
    db: &mut PgConnection,
    now: DateTime<Utc>,
    most: i64,
) -> StoreResult<Vec<(OrganizationId, ApprovalId)>> {
    let rows = sqlx::query!(
        "SELECT organization_id, id FROM approval_requests WHERE state = 'PENDING' AND expires_at <= $1
         ORDER BY expires_at LIMIT $2",
        now,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (OrganizationId(row.organization_id), ApprovalId(row.id))).collect())
}

/// Requests that are approved and wait to be carried out, of every organization.
///
/// # Errors
/// The database failed.
pub async fn approved(db: &mut PgConnection, most: i64) -> StoreResult<Vec<(OrganizationId, ApprovalId)>> {
    let rows = sqlx::query!(
        "SELECT organization_id, id FROM approval_requests WHERE state = 'APPROVED' ORDER BY requested_at LIMIT $1",
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (OrganizationId(row.organization_id), ApprovalId(row.id))).collect())
}

/// Members besides one who have a role or a higher one.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn others(
    db: &mut PgConnection,
    organization: OrganizationId,
    besides: UserId,
    least: Role,
) -> StoreResult<Vec<(PersonView, Role)>> {
    let roles: Vec<String> = Role::ALL.iter().filter(|role| **role >= least).map(ToString::to_string).collect();
    let rows = sqlx::query!(
        "SELECT u.id, u.name, m.role FROM memberships m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 AND m.user_id <> $2 AND m.role = ANY ($3) ORDER BY lower(u.name), u.id",
        organization.0,
        besides.0,
        &roles
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((PersonView { id: UserId(row.id), name: row.name }, word(&row.role)?))).collect()
}

/// A delegation, with the role that whoever is away has now.
#[derive(Clone, Debug)]
pub struct DelegationRecord {
    /// What is shown of it.
    pub view: DelegationView,
    /// The role of who is away.
    pub role: Role,
}

/// Delegations that have not ended, by who is away.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn delegations(
    db: &mut PgConnection,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> StoreResult<Vec<DelegationRecord>> {
    let rows = sqlx::query!(
        r#"SELECT d.id, d.from_user, f.name AS "from!", d.to_user, t.name AS "to!", d.begins_at, d.ends_at, m.role
           FROM approval_delegations d
           JOIN users f ON f.id = d.from_user JOIN users t ON t.id = d.to_user
           JOIN memberships m ON m.organization_id = d.organization_id AND m.user_id = d.from_user
           WHERE d.organization_id = $1 AND d.ends_at > $2 ORDER BY lower(f.name), d.id"#,
        organization.0,
        now
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|r| {
            let view = DelegationView {
                id: DelegationId(r.id),
                from: PersonView { id: UserId(r.from_user), name: r.from },
                to: PersonView { id: UserId(r.to_user), name: r.to },
                begins_at: r.begins_at,
                ends_at: r.ends_at,
            };
            Ok(DelegationRecord { view, role: word(&r.role)? })
        })
        .collect()
}

/// A delegation to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewDelegation {
    /// Its identifier.
    pub id: DelegationId,
    /// Who is away.
    pub from: UserId,
    /// Who approves meanwhile.
    pub to: UserId,
    /// From when.
    pub begins_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
}

/// Lets somebody approve for somebody: instead of whoever did before.
///
/// # Errors
/// Either is no member, or the database failed.
pub async fn delegate(db: &mut PgConnection, organization: OrganizationId, new: &NewDelegation) -> StoreResult<()> {
    sqlx::query!(
        "DELETE FROM approval_delegations WHERE organization_id = $1 AND from_user = $2",
        organization.0,
        new.from.0
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "INSERT INTO approval_delegations (organization_id, id, from_user, to_user, begins_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        organization.0,
        new.id.0,
        new.from.0,
        new.to.0,
        new.begins_at,
        new.ends_at
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Ends a member's delegation. False when there is none.
///
/// # Errors
/// The database failed.
pub async fn end_delegation(db: &mut PgConnection, organization: OrganizationId, from: UserId) -> StoreResult<bool> {
    let done = sqlx::query!(
        "DELETE FROM approval_delegations WHERE organization_id = $1 AND from_user = $2",
        organization.0,
        from.0
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}
