//! Drift incidents: one row each, with the plan that it keeps. Whoever writes here holds the environment's row
//! ([`crate::environments::lock`]), so that detection and people take turns.

use chrono::{DateTime, Utc};
use drift_domain::ids::{EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::incident::{AnyIncident, Facts, IncidentStatus, Times, Ttl};
use drift_domain::plan::Plan;
use drift_domain::severity::Severity;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// An incident as it is stored.
#[derive(Clone, Debug)]
pub struct IncidentRecord {
    /// Where it stands, and since when.
    pub standing: AnyIncident,
    /// Its number in the organization.
    pub number: i64,
    /// Moves with everything that happens to it.
    pub version: i64,
    /// The name of its environment.
    pub environment: String,
    /// The plan that it was opened under and keeps.
    pub plan: Plan,
    /// How much it matters: computed, unless somebody adjusted it.
    pub severity: Severity,
    /// The severity that follows from the changes.
    pub computed_severity: Severity,
    /// Why the two differ.
    pub severity_reason: Option<String>,
    /// Whether the clock raised it, and no person set it since.
    pub severity_by_clock: bool,
    /// Who owns it.
    pub owner: Option<(UserId, String)>,
    /// Why it was acknowledged.
    pub reason: Option<String>,
    /// The ticket, as it was typed.
    pub ticket: Option<String>,
    /// Its time, where it has a deadline.
    pub ttl: Option<Ttl>,
    /// Who opened it; `None` for a policy.
    pub created_by: Option<UserId>,
    /// Its changes that still wait.
    pub open_changes: u32,
    /// All its changes but superseded ones.
    pub changes: u32,
}

impl IncidentRecord {
    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> IncidentId {
        self.standing.facts().id
    }

    /// Its environment.
    #[must_use]
    pub const fn environment_id(&self) -> EnvironmentId {
        self.standing.facts().environment
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> IncidentStatus {
        self.standing.status()
    }

    /// When it reached each status.
    #[must_use]
    pub const fn times(&self) -> &Times {
        &self.standing.facts().times
    }
}

struct Row {
    id: Uuid,
    environment_id: Uuid,
    environment: String,
    number: i64,
    version: i64,
    status: String,
    lifecycle: String,
    detected_at: DateTime<Utc>,
    acknowledged_at: Option<DateTime<Utc>>,
    stabilized_at: Option<DateTime<Utc>>,
    reconciled_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    plan: Json<Plan>,
    severity: String,
    computed_severity: String,
    severity_reason: Option<String>,
    severity_by_clock: bool,
    owner_user_id: Option<Uuid>,
    owner: Option<String>,
    reason: Option<String>,
    ticket_ref: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    ttl_percent: i16,
    ttl_from: Option<DateTime<Utc>>,
    alarm_at: Option<DateTime<Utc>>,
    expired_at: Option<DateTime<Utc>>,
    extensions: i32,
    created_by: Option<Uuid>,
    open_changes: i64,
    changes: i64,
}

impl Row {
    /// The incident's time. Of one that closed before there were clocks, it began with the acknowledgement.
    fn ttl(&self) -> Option<Ttl> {
        Some(Ttl {
            percent: u16::try_from(self.ttl_percent).unwrap_or(100),
            from: self.ttl_from.or(self.acknowledged_at)?,
            expires_at: self.expires_at?,
            alarm_at: self.alarm_at,
            expired_at: self.expired_at,
            extensions: u32::try_from(self.extensions).unwrap_or(u32::MAX),
        })
    }
}

impl TryFrom<Row> for IncidentRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> StoreResult<Self> {
        let ttl = row.ttl();
        let facts = Facts {
            id: IncidentId(row.id),
            environment: EnvironmentId(row.environment_id),
            lifecycle: word(&row.lifecycle)?,
            times: Times {
                detected_at: row.detected_at,
                acknowledged_at: row.acknowledged_at,
                stabilized_at: row.stabilized_at,
                reconciled_at: row.reconciled_at,
                closed_at: row.closed_at,
            },
        };
        let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Self {
            standing: AnyIncident::load(word(&row.status)?, facts).map_err(StoreError::corrupt)?,
            number: row.number,
            version: row.version,
            environment: row.environment,
            plan: row.plan.0,
            severity: word(&row.severity)?,
            computed_severity: word(&row.computed_severity)?,
            severity_reason: row.severity_reason,
            severity_by_clock: row.severity_by_clock,
            owner: row.owner_user_id.map(UserId).zip(row.owner),
            reason: row.reason,
            ticket: row.ticket_ref,
            ttl,
            created_by: row.created_by.map(UserId),
            open_changes: count(row.open_changes),
            changes: count(row.changes),
        })
    }
}

/// Which incidents of an organization to read. Everything that is set must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    /// Only these.
    pub ids: Option<&'a [Uuid]>,
    /// Only those in this status.
    pub status: Option<IncidentStatus>,
    /// Only open ones.
    pub open: bool,
    /// Only those of this severity.
    pub severity: Option<Severity>,
    /// Only those of this environment.
    pub environment: Option<EnvironmentId>,
    /// Only those that this person owns.
    pub owner: Option<UserId>,
    /// Only those without an owner.
    pub unowned: bool,
    /// Only those with a smaller number.
    pub before: Option<i64>,
}

/// Incidents of an organization: at most `limit`, the newest first.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn list(
    db: &mut PgConnection,
    organization: OrganizationId,
    which: Which<'_>,
    limit: i64,
) -> StoreResult<Vec<IncidentRecord>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.environment_id, e.name AS environment, i.number, i.version, i.status, i.lifecycle, i.detected_at,
               i.acknowledged_at, i.stabilized_at, i.reconciled_at, i.closed_at, i.plan_snapshot AS "plan: Json<Plan>",
               i.severity, i.computed_severity, i.severity_reason, i.severity_by_clock, i.owner_user_id, u.name AS "owner?",
               i.reason, i.ticket_ref, i.expires_at, i.ttl_percent, i.ttl_from, i.alarm_at, i.expired_at, i.extensions,
               i.created_by, counted.open_changes AS "open_changes!",
               counted.changes AS "changes!"
           FROM drift_incidents i
           JOIN environments e ON e.organization_id = i.organization_id AND e.id = i.environment_id
           LEFT JOIN users u ON u.id = i.owner_user_id
           CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE c.state IN ('OPEN', 'VANISHED')) AS open_changes,
                   count(*) FILTER (WHERE c.state <> 'SUPERSEDED') AS changes
               FROM changes c WHERE c.organization_id = i.organization_id AND c.incident_id = i.id
           ) counted
           WHERE i.organization_id = $1
             AND ($2::uuid[] IS NULL OR i.id = ANY($2))
             AND ($3::text IS NULL OR i.status = $3)
             AND (NOT $4::boolean OR i.status <> 'CLOSED')
             AND ($5::text IS NULL OR i.severity = $5)
             AND ($6::uuid IS NULL OR i.environment_id = $6)
             AND ($7::uuid IS NULL OR i.owner_user_id = $7)
             AND (NOT $8::boolean OR i.owner_user_id IS NULL)
             AND ($9::bigint IS NULL OR i.number < $9)
           ORDER BY i.number DESC LIMIT $10"#,
        organization.0,
        which.ids,
        which.status.map(IncidentStatus::as_str),
        which.open,
        which.severity.map(Severity::as_str),
        which.environment.map(|id| id.0),
        which.owner.map(|id| id.0),
        which.unowned,
        which.before,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One incident, if this organization has it.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
) -> StoreResult<Option<IncidentRecord>> {
    let which = Which { ids: Some(&[id.0]), ..Which::default() };
    Ok(list(db, organization, which, 1).await?.pop())
}

/// The environment of an incident, if this organization has it: what to lock first.
///
/// # Errors
/// The database failed.
pub async fn environment_of(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
) -> StoreResult<Option<EnvironmentId>> {
    let found = sqlx::query_scalar!(
        "SELECT environment_id FROM drift_incidents WHERE organization_id = $1 AND id = $2",
        organization.0,
        id.0
    );
    Ok(found.fetch_optional(db).await?.map(EnvironmentId))
}

/// The open incident of an environment, if there is one.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn open_of(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Option<IncidentRecord>> {
    let which = Which { environment: Some(environment), open: true, ..Which::default() };
    Ok(list(db, organization, which, 1).await?.pop())
}

/// How many incidents of an organization are open, and the number of the next one. Keeps others who open one in the same
/// organization waiting until this transaction ends, so that a limit holds and no number is given twice.
///
/// # Errors
/// The database failed.
pub async fn next(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<(u32, i64)> {
    let number = sqlx::query_scalar!(
        "UPDATE organizations SET incidents_opened = incidents_opened + 1 WHERE id = $1 RETURNING incidents_opened",
        organization.0
    )
    .fetch_one(&mut *db)
    .await?;
    let open = sqlx::query_scalar!(
        r#"SELECT count(*) AS "open!" FROM drift_incidents WHERE organization_id = $1 AND status <> 'CLOSED'"#,
        organization.0
    )
    .fetch_one(db)
    .await?;
    Ok((u32::try_from(open).unwrap_or(u32::MAX), number))
}

/// An incident to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewIncident<'a> {
    /// Its identifier.
    pub id: IncidentId,
    /// Its number in the organization.
    pub number: i64,
    /// Its environment.
    pub environment: EnvironmentId,
    /// The plan that it keeps.
    pub plan: &'a Plan,
    /// How much it matters.
    pub severity: Severity,
    /// Who opens it; `None` for a policy.
    pub created_by: Option<UserId>,
}

/// Opens an incident, and makes it the last one of its environment.
///
/// # Errors
/// A constraint named `drift_incidents_one_open` when the environment has an open one already.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewIncident<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO drift_incidents (organization_id, environment_id, id, number, status, lifecycle, detected_at,
             plan_snapshot, severity, computed_severity, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 'DETECTED', $5, $6, $7, $8, $8, $9, $6, $6)",
        organization.0,
        new.environment.0,
        new.id.0,
        new.number,
        new.plan.lifecycle().as_str(),
        now,
        Json(new.plan) as _,
        new.severity.as_str(),
        new.created_by.map(|user| user.0),
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "UPDATE environments SET last_drift_incident_id = $3 WHERE organization_id = $1 AND id = $2",
        organization.0,
        new.environment.0,
        new.id.0
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Moves the version on, and answers it.
///
/// # Errors
/// [`StoreError::WrongRows`] when there is no such incident.
pub async fn touch(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
    now: DateTime<Utc>,
) -> StoreResult<i64> {
    let version = sqlx::query_scalar!(
        "UPDATE drift_incidents SET version = version + 1, updated_at = $3 WHERE organization_id = $1 AND id = $2
         RETURNING version",
        organization.0,
        id.0,
        now
    );
    version.fetch_optional(db).await?.ok_or(StoreError::WrongRows { rows: 0 })
}

/// Writes a step down that the domain took. The row must still be where it was taken from.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is not; a constraint when the schema refuses the step.
pub async fn step(
    db: &mut PgConnection,
    organization: OrganizationId,
    from: IncidentStatus,
    to: &AnyIncident,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let Facts { id, times, .. } = to.facts();
    let done = sqlx::query!(
        "UPDATE drift_incidents SET status = $4, acknowledged_at = $5, stabilized_at = $6, reconciled_at = $7,
             closed_at = $8, updated_at = $9
         WHERE organization_id = $1 AND id = $2 AND status = $3",
        organization.0,
        id.0,
        from.as_str(),
        to.status().as_str(),
        times.acknowledged_at,
        times.stabilized_at,
        times.reconciled_at,
        times.closed_at,
        now,
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// What people set on an open incident.
#[derive(Clone, Copy, Debug)]
pub struct Particulars<'a> {
    /// Why it was acknowledged.
    pub reason: Option<&'a str>,
    /// Who owns it.
    pub owner: Option<UserId>,
    /// The ticket.
    pub ticket: Option<&'a str>,
    /// How much it matters.
    pub severity: Severity,
    /// The severity that follows from the changes.
    pub computed_severity: Severity,
    /// Why the two differ.
    pub severity_reason: Option<&'a str>,
    /// Whether the clock raised it, and no person set it.
    pub severity_by_clock: bool,
    /// Its time.
    pub ttl: Option<Ttl>,
}

impl<'a> From<&'a IncidentRecord> for Particulars<'a> {
    fn from(record: &'a IncidentRecord) -> Self {
        Self {
            reason: record.reason.as_deref(),
            owner: record.owner.as_ref().map(|owner| owner.0),
            ticket: record.ticket.as_deref(),
            severity: record.severity,
            computed_severity: record.computed_severity,
            severity_reason: record.severity_reason.as_deref(),
            severity_by_clock: record.severity_by_clock,
            ttl: record.ttl,
        }
    }
}

/// Writes the particulars of an open incident.
///
/// # Errors
/// [`StoreError::WrongRows`] when it is closed by now.
pub async fn describe(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
    set: &Particulars<'_>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE drift_incidents SET reason = $3, owner_user_id = $4, ticket_ref = $5, severity = $6,
             computed_severity = $7, severity_reason = $8, severity_by_clock = $9, expires_at = $10, ttl_percent = $11,
             ttl_from = $12, alarm_at = $13, expired_at = $14, extensions = $15
         WHERE organization_id = $1 AND id = $2 AND status <> 'CLOSED'",
        organization.0,
        id.0,
        set.reason,
        set.owner.map(|user| user.0),
        set.ticket,
        set.severity.as_str(),
        set.computed_severity.as_str(),
        set.severity_reason,
        set.severity_by_clock,
        set.ttl.map(|ttl| ttl.expires_at),
        set.ttl.map_or(100, |ttl| i16::try_from(ttl.percent).unwrap_or(100)),
        set.ttl.map(|ttl| ttl.from),
        set.ttl.and_then(|ttl| ttl.alarm_at),
        set.ttl.and_then(|ttl| ttl.expired_at),
        set.ttl.map_or(0, |ttl| i32::try_from(ttl.extensions).unwrap_or(i32::MAX)),
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Earlier incidents of the same environment in which a field of this one drifted: the same one of the same workflow. A whole
/// workflow (`*`, or what was recorded without its fields) is each of its fields.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn ancestors(
    db: &mut PgConnection,
    organization: OrganizationId,
    of: &IncidentRecord,
    limit: i64,
) -> StoreResult<Vec<IncidentRecord>> {
    let ids = sqlx::query_scalar!(
        "SELECT i.id FROM drift_incidents i
         WHERE i.organization_id = $1 AND i.environment_id = $2 AND i.number < $3 AND EXISTS (
             SELECT FROM changes theirs JOIN changes ours ON ours.workflow_id = theirs.workflow_id
             WHERE theirs.incident_id = i.id AND ours.incident_id = $4 AND fields_recur(ours.facts, theirs.facts))
         ORDER BY i.number DESC LIMIT $5",
        organization.0,
        of.environment_id().0,
        of.number,
        of.id().0,
        limit
    )
    .fetch_all(&mut *db)
    .await?;
    list(db, organization, Which { ids: Some(&ids), ..Which::default() }, limit).await
}
