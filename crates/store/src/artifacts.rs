//! Reconciliation artifacts: the execution of decisions, and what came of it.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, DecisionKind, VanishedCause};
use drift_domain::ids::{
    ArtifactId, ChangeId, CheckId, DecisionId, IncidentId, OrganizationId, ReconciliationId, UserId,
};
use drift_domain::incident::ArtifactState;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult, word};

/// An artifact as it is stored, with the decision that it carries out.
#[derive(Clone, Debug)]
pub struct ArtifactRecord {
    /// Its identifier.
    pub id: ArtifactId,
    /// The change that it is for.
    pub change: ChangeId,
    /// The decision.
    pub decision: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// How far it is.
    pub state: ArtifactState,
    /// Whether people carry it out by hand.
    pub by_hand: bool,
    /// The reconciliation that carries it out, where the product does.
    pub reconciliation: Option<ReconciliationId>,
    /// The check that saw it carried out.
    pub verified_by: Option<CheckId>,
    /// Why it was decided.
    pub reason: String,
    /// For REPLACE: the commit, or what else takes the place.
    pub replacement: Option<String>,
    /// Who decided.
    pub by: (UserId, String),
    /// When it was decided.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// What it left elsewhere.
    pub external_ref: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
}

/// An artifact to be begun.
#[derive(Clone, Copy, Debug)]
pub struct NewArtifact {
    /// Its identifier.
    pub id: ArtifactId,
    /// The incident that it is part of.
    pub incident: Option<IncidentId>,
    /// The change that it is for.
    pub change: ChangeId,
    /// The decision.
    pub decision: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// Whether people carry it out by hand.
    pub by_hand: bool,
}

/// Begins an artifact: PENDING.
///
/// # Errors
/// A constraint when another of the same change is pending.
pub async fn begin(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewArtifact,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO drift_reconciliation_artifacts (organization_id, id, incident_id, change_id, decision_id, type, status,
             by_hand, started_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'PENDING', $7, $8, $8)",
        organization.0,
        new.id.0,
        new.incident.map(|id| id.0),
        new.change.0,
        new.decision.0,
        new.kind.as_str(),
        new.by_hand,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How an artifact ends.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// This check saw it carried out.
    Verified(CheckId),
    /// The product carried it out and read it back; with what it left elsewhere. A check has yet to see it.
    CarriedOut(&'a Value),
    /// It was not carried out, or not as decided.
    Failed(&'a str),
}

/// Ends the pending artifact of a change, if there is one; answers it.
///
/// # Errors
/// The database failed.
pub async fn end(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    outcome: Outcome<'_>,
    now: DateTime<Utc>,
) -> StoreResult<Option<ArtifactId>> {
    let (status, verified_by, error, external) = match outcome {
        Outcome::Verified(check) => ("SUCCESS", Some(check.0), None, None),
        Outcome::CarriedOut(left) => ("SUCCESS", None, None, Some(left)),
        Outcome::Failed(why) => ("FAILED", None, Some(why), None),
    };
    let ended = sqlx::query_scalar!(
        "UPDATE drift_reconciliation_artifacts SET status = $3, verified_by = $4, error_message = $5,
             external_ref = COALESCE($7, external_ref), finished_at = greatest(started_at, $6)
         WHERE organization_id = $1 AND change_id = $2 AND status = 'PENDING' RETURNING id",
        organization.0,
        change.0,
        status,
        verified_by,
        error,
        now,
        external,
    );
    Ok(ended.fetch_optional(db).await?.map(ArtifactId))
}

/// Gives the execution of a change's decision to a reconciliation: the artifact that waits to be carried out by hand, or a new
/// one where an earlier failed. False when the decision is not the change's any more, or something else carries it out.
///
/// # Errors
/// The database failed.
pub async fn take(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    decision: DecisionId,
    reconciliation: ReconciliationId,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let taken = sqlx::query!(
        "UPDATE drift_reconciliation_artifacts SET by_hand = false, reconciliation_id = $4
         WHERE organization_id = $1 AND change_id = $2 AND decision_id = $3 AND status = 'PENDING'
             AND (by_hand OR reconciliation_id = $4)",
        organization.0,
        change.0,
        decision.0,
        reconciliation.0
    )
    .execute(&mut *db)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(true);
    }
    let made = sqlx::query!(
        "INSERT INTO drift_reconciliation_artifacts (organization_id, id, incident_id, change_id, decision_id, type, status,
             by_hand, reconciliation_id, started_at, created_at)
         SELECT c.organization_id, $5, c.incident_id, c.id, d.id, d.kind, 'PENDING', false, $4, $6, $6
         FROM changes c JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.chosen_decision_id
         WHERE c.organization_id = $1 AND c.id = $2 AND d.id = $3 AND c.state = 'OPEN'
             AND NOT EXISTS (SELECT FROM drift_reconciliation_artifacts a WHERE a.change_id = c.id AND a.status = 'PENDING')",
        organization.0,
        change.0,
        decision.0,
        reconciliation.0,
        uuid::Uuid::now_v7(),
        now
    );
    Ok(made.execute(db).await?.rows_affected() == 1)
}

/// Gives what a reconciliation was to carry out back to people: it waits to be carried out by hand again, or anew.
///
/// # Errors
/// The database failed.
pub async fn give_back(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    reconciliation: ReconciliationId,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE drift_reconciliation_artifacts SET by_hand = true, reconciliation_id = NULL
         WHERE organization_id = $1 AND change_id = $2 AND reconciliation_id = $3 AND status = 'PENDING'",
        organization.0,
        change.0,
        reconciliation.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a decision about a change was carried out by the product.
///
/// # Errors
/// The database failed.
pub async fn done_by(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    decision: DecisionId,
) -> StoreResult<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT true AS "found!" FROM drift_reconciliation_artifacts
           WHERE organization_id = $1 AND change_id = $2 AND decision_id = $3 AND status = 'SUCCESS' LIMIT 1"#,
        organization.0,
        change.0,
        decision.0
    );
    Ok(found.fetch_optional(db).await?.is_some())
}

/// A change of an incident whose path is chosen and that the newest record no longer shows as it was then.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The change.
    pub change: ChangeId,
    /// Its workflow's name.
    pub workflow: String,
    /// Where the change stands.
    pub state: ChangeState,
    /// What became of it, where it vanished.
    pub cause: Option<VanishedCause>,
    /// The decision.
    pub decision: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// How far its execution is.
    pub artifact: ArtifactState,
    /// Whether people carry it out by hand.
    pub by_hand: bool,
}

/// Changes of an incident whose chosen path is to be looked at by a check that began at `since`: those that are carried out by
/// hand and are not open as they were (vanished, or superseded), and those that the product carried out before the check,
/// however they are now.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn moved_on(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    since: DateTime<Utc>,
) -> StoreResult<Vec<Chosen>> {
    let rows = sqlx::query!(
        "SELECT c.id, w.name, c.state, c.vanished_cause, a.decision_id, a.type AS kind, a.status, a.by_hand
         FROM drift_reconciliation_artifacts a
         JOIN changes c ON c.organization_id = a.organization_id AND c.id = a.change_id
         JOIN workflows w ON w.organization_id = c.organization_id AND w.id = c.workflow_id
         WHERE a.organization_id = $1 AND a.incident_id = $2 AND (
             -- Of a replacement, the product only waits for its commit: what it becomes is seen as by hand.
             a.status = 'PENDING' AND (a.by_hand OR a.type = 'REPLACE') AND c.state <> 'OPEN'
             OR a.status = 'SUCCESS' AND NOT a.by_hand AND a.verified_by IS NULL AND c.chosen_decision_id = a.decision_id
                 AND (c.state = 'VANISHED' OR c.state = 'OPEN' AND a.finished_at <= $3))
         ORDER BY lower(w.name), c.id",
        organization.0,
        incident.0,
        since
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Chosen {
                change: ChangeId(row.id),
                workflow: row.name,
                state: word(&row.state)?,
                cause: row.vanished_cause.as_deref().map(word).transpose()?,
                decision: DecisionId(row.decision_id),
                kind: word(&row.kind)?,
                artifact: word(&row.status)?,
                by_hand: row.by_hand,
            })
        })
        .collect()
}

/// Records that a check saw what the product had carried out.
///
/// # Errors
/// The database failed.
pub async fn seen_by(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    decision: DecisionId,
    check: CheckId,
) -> StoreResult<()> {
    sqlx::query!(
        "UPDATE drift_reconciliation_artifacts SET verified_by = $4
         WHERE organization_id = $1 AND change_id = $2 AND decision_id = $3 AND status = 'SUCCESS' AND verified_by IS NULL",
        organization.0,
        change.0,
        decision.0,
        check.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Artifacts of an incident, the newest first: every one, or those of some changes.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn of_incident(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
    changes: Option<&[ChangeId]>,
) -> StoreResult<Vec<ArtifactRecord>> {
    let changes: Option<Vec<Uuid>> = changes.map(|changes| changes.iter().map(|id| id.0).collect());
    let rows = sqlx::query!(
        r#"SELECT a.id, a.change_id, a.decision_id, a.type AS kind, a.status, a.by_hand, a.reconciliation_id, a.verified_by,
               d.reason, d.replacement, d.decided_by, u.name, a.started_at, a.finished_at, a.external_ref, a.error_message
           FROM drift_reconciliation_artifacts a
           JOIN decisions d ON d.organization_id = a.organization_id AND d.id = a.decision_id
           JOIN users u ON u.id = d.decided_by
           WHERE a.organization_id = $1 AND a.incident_id = $2 AND ($3::uuid[] IS NULL OR a.change_id = ANY($3))
           ORDER BY a.id DESC"#,
        organization.0,
        incident.0,
        changes.as_deref()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok::<_, StoreError>(ArtifactRecord {
                id: ArtifactId(row.id),
                change: ChangeId(row.change_id),
                decision: DecisionId(row.decision_id),
                kind: word(&row.kind)?,
                state: word(&row.status)?,
                by_hand: row.by_hand,
                reconciliation: row.reconciliation_id.map(ReconciliationId),
                verified_by: row.verified_by.map(CheckId),
                reason: row.reason,
                replacement: row.replacement,
                by: (UserId(row.decided_by), row.name),
                started_at: row.started_at,
                finished_at: row.finished_at,
                external_ref: row.external_ref,
                error: row.error_message,
            })
        })
        .collect()
}

/// A decision that ended a change of an incident, for the receipt.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The change.
    pub change: ChangeId,
    /// The decision.
    pub decision: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub by: (UserId, String),
    /// When.
    pub at: DateTime<Utc>,
}

/// The decisions that ended the changes of an incident.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn endings(
    db: &mut PgConnection,
    organization: OrganizationId,
    incident: IncidentId,
) -> StoreResult<Vec<Ended>> {
    let rows = sqlx::query!(
        "SELECT c.id AS change, d.id, d.kind, d.reason, d.decided_by, u.name, d.decided_at
         FROM changes c JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.decision_id
         JOIN users u ON u.id = d.decided_by
         WHERE c.organization_id = $1 AND c.incident_id = $2 ORDER BY d.id",
        organization.0,
        incident.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Ended {
                change: ChangeId(row.change),
                decision: DecisionId(row.id),
                kind: word(&row.kind)?,
                reason: row.reason,
                by: (UserId(row.decided_by), row.name),
                at: row.decided_at,
            })
        })
        .collect()
}
