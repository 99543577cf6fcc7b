//! Overrides: decisions that accept an open change for a time. The change stays open; the newest of its overrides is named by
//! the change itself.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use drift_domain::change::{DecisionKind, OverrideState};
use drift_domain::ids::{ChangeId, DecisionId, EnvironmentId, OrganizationId, UserId};
use drift_domain::views::{OverrideCount, OverrideView};
use sqlx::PgConnection;

use crate::error::{StoreResult, exactly_one};

/// An override to be made.
#[derive(Clone, Debug)]
pub struct NewOverride<'a> {
    /// The identifier of the decision that it is.
    pub id: DecisionId,
    /// The change that it accepts.
    pub change: ChangeId,
    /// Why.
    pub reason: &'a str,
    /// Who decides.
    pub by: UserId,
    /// When it ends by itself.
    pub until: DateTime<Utc>,
}

/// Overrides an open change. One that runs already is ended by the same person: the newest holds.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when the change is not open (any more).
pub async fn begin(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    new: &NewOverride<'_>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    end(db, organization, environment, new.change, new.by, now).await?;
    sqlx::query!(
        "INSERT INTO decisions (organization_id, environment_id, id, change_id, kind, reason, decided_by, decided_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        organization.0,
        environment.0,
        new.id.0,
        new.change.0,
        DecisionKind::Override.as_str(),
        new.reason,
        new.by.0,
        now,
        new.until,
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "UPDATE changes SET override_id = $4
         WHERE organization_id = $1 AND environment_id = $2 AND id = $3 AND state = 'OPEN'",
        organization.0,
        environment.0,
        new.change.0,
        new.id.0,
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Ends the running override of a change before its time. `false` when none runs.
pub async fn end(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    change: ChangeId,
    by: UserId,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let done = sqlx::query!(
        "UPDATE decisions d SET ended_at = $5, ended_by = $4
         FROM changes c
         WHERE d.organization_id = $1 AND d.environment_id = $2 AND c.organization_id = $1 AND c.id = $3
             AND c.override_id = d.id AND d.ended_at IS NULL AND d.expires_at > $5",
        organization.0,
        environment.0,
        change.0,
        by.0,
        now,
    );
    Ok(done.execute(db).await?.rows_affected() > 0)
}

/// The newest override of each open change of an environment that has one, where it stands at `now`.
pub async fn newest(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    now: DateTime<Utc>,
) -> StoreResult<HashMap<ChangeId, OverrideView>> {
    let rows = sqlx::query!(
        r#"SELECT c.id, d.reason, u.name AS by, d.decided_at, d.expires_at AS "expires_at!", d.ended_at, e.name AS "ended_by?"
           FROM changes c
           JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.override_id
           JOIN users u ON u.id = d.decided_by
           LEFT JOIN users e ON e.id = d.ended_by
           WHERE c.organization_id = $1 AND c.environment_id = $2 AND c.override_id IS NOT NULL AND c.state = 'OPEN'"#,
        organization.0,
        environment.0,
    )
    .fetch_all(db)
    .await?;
    let view = |until, ended_at: Option<DateTime<Utc>>, ended_by, reason, by, at| OverrideView {
        state: OverrideState::at(until, ended_at, now),
        reason,
        by,
        at,
        until,
        ended: ended_at.zip(ended_by),
    };
    Ok(rows
        .into_iter()
        .map(|r| (ChangeId(r.id), view(r.expires_at, r.ended_at, r.ended_by, r.reason, r.by, r.decided_at)))
        .collect())
}

/// The decision of the override that accepts an open change at `now`, if one does.
pub async fn running(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    now: DateTime<Utc>,
) -> StoreResult<Option<DecisionId>> {
    let id = sqlx::query_scalar!(
        "SELECT d.id FROM changes c JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.override_id
         WHERE c.organization_id = $1 AND c.id = $2 AND c.state = 'OPEN' AND d.ended_at IS NULL AND d.expires_at > $3",
        organization.0,
        change.0,
        now,
    );
    Ok(id.fetch_optional(db).await?.map(DecisionId))
}

/// Records that a check no longer saw a change whose override ran: it is over, by that decision.
///
/// # Errors
/// [`crate::StoreError::WrongRows`] when the change is not open, or overridden by another decision.
pub async fn decide_by(
    db: &mut PgConnection,
    organization: OrganizationId,
    change: ChangeId,
    by: DecisionId,
) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE changes SET state = 'DECIDED', decision_id = $3
         WHERE organization_id = $1 AND id = $2 AND state = 'OPEN' AND override_id = $3",
        organization.0,
        change.0,
        by.0,
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// How many open changes of each environment a running override accepts at `now`, and when the first of them ends.
pub async fn counts(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: Option<EnvironmentId>,
    now: DateTime<Utc>,
) -> StoreResult<HashMap<EnvironmentId, OverrideCount>> {
    let rows = sqlx::query!(
        r#"SELECT c.environment_id, count(*) AS "running!", min(d.expires_at) AS next_end
           FROM changes c JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.override_id
           WHERE c.organization_id = $1 AND ($2::uuid IS NULL OR c.environment_id = $2)
               AND c.override_id IS NOT NULL AND c.state = 'OPEN' AND d.ended_at IS NULL AND d.expires_at > $3
           GROUP BY c.environment_id"#,
        organization.0,
        environment.map(|id| id.0),
        now,
    )
    .fetch_all(db)
    .await?;
    let number = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(rows
        .into_iter()
        .map(|row| {
            let count = OverrideCount { running: number(row.running), next_end: row.next_end };
            (EnvironmentId(row.environment_id), count)
        })
        .collect())
}
