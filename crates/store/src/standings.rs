//! The changes of an incident: how they join it, how they stand, and what the newest look saw, which reconciling and closing
//! are proven by.

use chrono::{DateTime, Utc};
use drift_domain::change::{DecisionKind, VanishedCause};
use drift_domain::ids::{ChangeId, CheckId, EnvironmentId, IncidentId, OrganizationId};
use drift_domain::incident::{GoodLook, Standing};
use drift_domain::severity::Severity;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult, word};

/// A change that joined an incident.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The change.
    pub id: ChangeId,
    /// Its workflow's name.
    pub workflow: String,
    /// How much it matters.
    pub severity: Severity,
    /// It was first seen by the environment's first check.
    pub adoption: bool,
}

/// Open changes of an environment that belong to no incident yet.
///
/// # Errors
/// The database failed.
pub async fn unattached(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Vec<Joined>> {
    let rows = sqlx::query!(
        "SELECT c.id, w.name, c.severity, c.adoption
         FROM changes c JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
         WHERE c.organization_id = $1 AND c.environment_id = $2 AND c.state IN ('OPEN', 'VANISHED')
             AND c.incident_id IS NULL
         ORDER BY c.first_seen_at, c.id",
        organization.0,
        environment.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let severity = word(&row.severity)?;
            Ok(Joined { id: ChangeId(row.id), workflow: row.name, severity, adoption: row.adoption })
        })
        .collect()
}

/// Makes changes part of an incident. They stay so.
///
/// # Errors
/// The database failed, or a change belongs to an incident already.
pub async fn attach(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    changes: &[Joined],
) -> StoreResult<()> {
    let ids: Vec<Uuid> = changes.iter().map(|change| change.id.0).collect();
    let done = sqlx::query!(
        "UPDATE changes SET incident_id = $2 WHERE organization_id = $1 AND id = ANY($3) AND incident_id IS NULL",
        organization.0,
        incident.0,
        &ids
    )
    .execute(db)
    .await?;
    if done.rows_affected() == ids.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::WrongRows { rows: done.rows_affected() })
    }
}

/// How every change of an incident stands, by workflow.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn standings(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
) -> StoreResult<Vec<Standing>> {
    let rows = sqlx::query!(
        r#"SELECT w.name, c.state, c.vanished_at, d.kind AS "kind?", d.decided_at AS "decided_at?", a.status AS "artifact?",
               a.verified_by AS "verified_by?", a.finished_at AS "finished_at?"
           FROM changes c
           JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
           LEFT JOIN decisions d ON d.organization_id = c.organization_id
               AND d.id = COALESCE(c.decision_id, c.chosen_decision_id)
           -- The newest: one that failed may have been tried again.
           LEFT JOIN LATERAL (
               SELECT status, verified_by, finished_at FROM drift_reconciliation_artifacts
               WHERE organization_id = c.organization_id AND decision_id = d.id ORDER BY id DESC LIMIT 1) a ON true
           WHERE c.organization_id = $1 AND c.incident_id = $2 ORDER BY lower(w.name), c.first_seen_at"#,
        organization.0,
        id.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let decision = row.kind.as_deref().map(word::<DecisionKind>).transpose()?;
            let state = word(&row.state)?;
            // What was confirmed after it vanished was over when the check saw that; what was carried out, when that ended.
            let over = match (decision, row.finished_at) {
                (Some(_), Some(at)) => Some((row.verified_by.map(CheckId), at)),
                (Some(_), None) => row.vanished_at.map(|at| (None, at)),
                (None, _) => None,
            };
            Ok(Standing {
                workflow: row.name,
                state,
                decision,
                artifact: row.artifact.as_deref().map(word).transpose()?,
                over,
            })
        })
        .collect()
}

/// Changes of an incident that a check ending at `now` no longer saw and that wait for a person, with what became of them.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn vanished_at(
    db: &mut PgConnection,
    organization: OrganizationId,
    id: IncidentId,
    now: DateTime<Utc>,
) -> StoreResult<Vec<(ChangeId, String, VanishedCause)>> {
    let rows = sqlx::query!(
        r#"SELECT c.id, w.name, c.vanished_cause AS "cause!"
           FROM changes c JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
           WHERE c.organization_id = $1 AND c.incident_id = $2 AND c.state = 'VANISHED' AND c.vanished_at = $3
           ORDER BY lower(w.name), c.id"#,
        organization.0,
        id.0,
        now
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((ChangeId(row.id), row.name, word(&row.cause)?))).collect()
}

/// The newest check of an environment that ended, if it read both sides whole. A failed one proves nothing, and neither do
/// those before it.
///
/// # Errors
/// The database failed.
pub async fn newest_look(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
) -> StoreResult<Option<GoodLook>> {
    let row = sqlx::query!(
        r#"SELECT id, outcome, started_at, finished_at AS "finished_at!", differing
           FROM checks WHERE organization_id = $1 AND environment_id = $2 AND outcome <> 'RUNNING'
           ORDER BY id DESC LIMIT 1"#,
        organization.0,
        environment.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.outcome != "FAILED").and_then(|row| {
        Some(GoodLook {
            environment,
            check: CheckId(row.id),
            begun_at: row.started_at,
            ended_at: row.finished_at,
            differing: row.differing?.unsigned_abs(),
        })
    }))
}
