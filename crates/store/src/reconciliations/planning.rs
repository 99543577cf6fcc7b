//! A plan as it is stored: whole, before anything of it is carried out.

use chrono::{DateTime, Utc};
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, IncidentId, OrganizationId, ReconciliationId, UserId};
use drift_domain::reconciliation::Purpose;
use serde_json::Value;
use sqlx::PgConnection;

use super::NewStep;
use crate::error::StoreResult;

/// A reconciliation to be planned.
#[derive(Clone, Debug)]
pub struct NewReconciliation<'a> {
    /// Its identifier.
    pub id: ReconciliationId,
    /// The environment.
    pub environment: EnvironmentId,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// What it is for.
    pub purpose: Purpose,
    /// What its person is shown.
    pub plan: &'a Value,
    /// Whether something stands in the way of it.
    pub has_problems: bool,
    /// Who plans.
    pub by: UserId,
    /// The changes that it is about, with the decisions that are carried out.
    pub items: &'a [(ChangeId, Option<DecisionId>)],
    /// Its steps in order. Their contents are kept already.
    pub steps: &'a [NewStep],
}

/// Stores a plan.
///
/// # Errors
/// A constraint when a change, a decision or a content does not exist.
pub async fn plan(
    db: &mut PgConnection,
    organization: OrganizationId,
    new: &NewReconciliation<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    sqlx::query!(
        "INSERT INTO reconciliations (organization_id, environment_id, id, incident_id, purpose, state, plan, has_problems,
             planned_by, planned_at)
         VALUES ($1, $2, $3, $4, $5, 'PLANNED', $6, $7, $8, $9)",
        organization.0,
        new.environment.0,
        new.id.0,
        new.incident.map(|id| id.0),
        new.purpose.as_str(),
        new.plan,
        new.has_problems,
        new.by.0,
        now,
    )
    .execute(&mut *db)
    .await?;
    for (change, decision) in new.items {
        sqlx::query!(
            "INSERT INTO reconciliation_items (organization_id, reconciliation_id, change_id, decision_id)
             VALUES ($1, $2, $3, $4)",
            organization.0,
            new.id.0,
            change.0,
            decision.map(|id| id.0),
        )
        .execute(&mut *db)
        .await?;
    }
    for (position, step) in (0i32..).zip(new.steps) {
        sqlx::query!(
            "INSERT INTO reconciliation_steps (organization_id, reconciliation_id, position, kind, change_id, request,
                 content, overwrites)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            organization.0,
            new.id.0,
            position,
            step.kind.as_str(),
            step.change.map(|id| id.0),
            step.request,
            step.content.as_ref().map(|print| print.0.as_slice()),
            step.overwrites.as_ref().map(|print| print.0.as_slice()),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
