//! Decisions: people's recorded choices for changes, and how a change ends by one.

use chrono::{DateTime, Utc};
use drift_domain::change::DecisionKind;
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, IncidentId, OrganizationId, UserId};
use sqlx::PgConnection;

use crate::error::{StoreResult, exactly_one, word};

/// A decision to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewDecision<'a> {
    /// Its identifier.
    pub id: DecisionId,
    /// The change that it is for.
    pub change: ChangeId,
    /// What is decided.
    pub kind: DecisionKind,
    /// Why.
    pub reason: &'a str,
    /// For REPLACE: the commit, or what else takes the place of both sides.
    pub replacement: Option<&'a str>,
    /// Who decides.
    pub by: UserId,
}

/// A decision, for whoever carries it out.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was decided.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// For REPLACE: the commit, or what else takes the place of both sides.
    pub replacement: Option<String>,
    /// Who decided: identifier, name, address.
    pub by: (UserId, String, String),
}

/// A decision, if the organization has it.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn get(db: &mut PgConnection, organization: OrganizationId, id: DecisionId) -> StoreResult<Option<Recorded>> {
    let row = sqlx::query!(
        "SELECT d.kind, d.reason, d.replacement, d.decided_by, u.name, u.email
         FROM decisions d JOIN users u ON u.id = d.decided_by WHERE d.organization_id = $1 AND d.id = $2",
        organization.0,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let by = (UserId(row.decided_by), row.name, row.email);
        Ok(Recorded { kind: word(&row.kind)?, reason: row.reason, replacement: row.replacement, by })
    })
    .transpose()
}

/// Records a decision. What becomes of the change by it is another statement's.
pub async fn insert(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    incident: Option<IncidentId>,
    new: &NewDecision<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO decisions (organization_id, environment_id, id, change_id, kind, reason, decided_by, decided_at,
             replacement, incident_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        organization.0,
        environment.0,
        new.id.0,
        new.change.0,
        new.kind.as_str(),
        new.reason,
        new.by.0,
        now,
        new.replacement,
        incident.map(|id| id.0),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Chooses the path of an open change, or of none (`None`). The change stays open until a check has seen it carried out.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when the change is not open (any more).
pub async fn choose(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    change: ChangeId,
    decision: Option<DecisionId>,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE changes SET chosen_decision_id = $4
         WHERE organization_id = $1 AND environment_id = $2 AND id = $3 AND state IN ('OPEN', 'VANISHED')",
        organization.0,
        environment.0,
        change.0,
        decision.map(|id| id.0)
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Ends a change by the decision that a check saw carried out, or that a person's confirmation is.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when the change is not open (any more).
pub async fn end_by(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    change: ChangeId,
    decision: DecisionId,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE changes SET state = 'DECIDED', decision_id = $4, chosen_decision_id = NULL
         WHERE organization_id = $1 AND environment_id = $2 AND id = $3 AND state IN ('OPEN', 'VANISHED')",
        organization.0,
        environment.0,
        change.0,
        decision.0
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Ends the changes of an environment that a check ending at `now` no longer saw and that a running override accepts, by that
/// override. Not those of an incident, which takes a resolution, nor where the environment was made to point elsewhere.
/// Answers each with who had overridden it.
///
/// # Errors
/// The database failed.
pub async fn end_by_overrides(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    now: DateTime<Utc>,
) -> StoreResult<Vec<(ChangeId, UserId)>> {
    let rows = sqlx::query!(
        "UPDATE changes c SET state = 'DECIDED', decision_id = d.id, chosen_decision_id = NULL
         FROM decisions d
         WHERE c.organization_id = $1 AND c.environment_id = $2 AND c.state = 'VANISHED' AND c.vanished_at = $3
             AND c.vanished_cause <> 'REPOINTED' AND c.incident_id IS NULL
             AND d.organization_id = $1 AND d.id = c.override_id AND d.ended_at IS NULL AND d.expires_at > $3
         RETURNING c.id, d.decided_by",
        organization.0,
        environment.0,
        now
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (ChangeId(row.id), UserId(row.decided_by))).collect())
}
