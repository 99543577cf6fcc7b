//! What each plan grants, and what an organization set for itself.

use chrono::{DateTime, Utc};
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::{Capability, Grant, Limit, Plan, PlanTier};
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, exactly_one, word};

/// The constraint that refuses a limit outside its bounds.
pub const WITHIN_BOUNDS: &str = "organization_limits_are_within_bounds";

/// The plan that holds for an organization now.
///
/// # Errors
/// The database failed, or holds a word that this version does not know as a grant.
pub async fn effective(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Option<Plan>> {
    let row = sqlx::query!(
        r#"SELECT o.plan,
               (SELECT jsonb_object_agg(capability, granted) FROM plan_capabilities c WHERE c.plan = o.plan) AS grants,
               (SELECT jsonb_object_agg(d.name, CASE WHEN l.name IS NULL THEN d.standard ELSE l.value END)
                FROM plan_limits d LEFT JOIN organization_limits l
                    ON l.organization_id = o.id AND l.plan = d.plan AND l.name = d.name
                WHERE d.plan = o.plan) AS limits
           FROM organizations o WHERE o.id = $1"#,
        organization.0,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| plan_of(word(&row.plan)?, row.grants.as_ref(), row.limits.as_ref())).transpose()
}

/// Every tier as it would hold for an organization: what it grants, and its limits with what the organization set for
/// itself. In the order of [`PlanTier::ALL`].
pub async fn tiers(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Vec<Plan>> {
    let rows = sqlx::query!(
        r#"SELECT p.plan AS "plan!",
               (SELECT jsonb_object_agg(capability, granted) FROM plan_capabilities c WHERE c.plan = p.plan) AS grants,
               (SELECT jsonb_object_agg(d.name, CASE WHEN l.name IS NULL THEN d.standard ELSE l.value END)
                FROM plan_limits d LEFT JOIN organization_limits l
                    ON l.organization_id = $1 AND l.plan = d.plan AND l.name = d.name
                WHERE d.plan = p.plan) AS limits
           FROM (SELECT DISTINCT plan FROM plan_capabilities) p"#,
        organization.0,
    )
    .fetch_all(db)
    .await?;
    let mut plans = rows
        .into_iter()
        .map(|row| plan_of(word(&row.plan)?, row.grants.as_ref(), row.limits.as_ref()))
        .collect::<StoreResult<Vec<_>>>()?;
    plans.sort_by_key(Plan::tier);
    Ok(plans)
}

/// Why limits are not the standard ones: tier, limit and reason of each that the organization set.
pub async fn limit_reasons(
    db: &mut PgConnection,
    organization: OrganizationId,
) -> StoreResult<Vec<(PlanTier, Limit, String)>> {
    let rows =
        sqlx::query!("SELECT plan, name, reason FROM organization_limits WHERE organization_id = $1", organization.0)
            .fetch_all(db)
            .await?;
    rows.into_iter().map(|row| Ok((word(&row.plan)?, word(&row.name)?, row.reason))).collect()
}

/// The tier of an organization and the version of its plan. `None` when there is no such organization.
pub async fn version(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Option<(PlanTier, i64)>> {
    let row = sqlx::query!("SELECT plan, plan_version FROM organizations WHERE id = $1", organization.0);
    row.fetch_optional(db).await?.map(|row| Ok((word(&row.plan)?, row.plan_version))).transpose()
}

/// The same, locked until the transaction ends: one edit of a plan at a time.
pub async fn lock(db: &mut PgConnection, organization: OrganizationId) -> StoreResult<Option<(PlanTier, i64)>> {
    let row =
        sqlx::query!("SELECT plan, plan_version FROM organizations WHERE id = $1 FOR NO KEY UPDATE", organization.0);
    row.fetch_optional(db).await?.map(|row| Ok((word(&row.plan)?, row.plan_version))).transpose()
}

/// Gives an organization a tier, and its plan a new version. Incidents keep the plan that they were created under.
///
/// # Errors
/// [`StoreError::WrongRows`] when there is no such organization.
pub async fn set_tier(db: &mut PgConnection, organization: OrganizationId, tier: PlanTier) -> StoreResult<()> {
    let done = sqlx::query!(
        "UPDATE organizations SET plan = $2, plan_version = plan_version + 1 WHERE id = $1",
        organization.0,
        tier.as_str(),
    );
    exactly_one(done.execute(db).await?.rows_affected())
}

/// Sets a limit of a tier for an organization, and gives its plan a new version. The standard value takes the
/// organization's own away.
///
/// # Errors
/// Constraint [`WITHIN_BOUNDS`] for a value outside the bounds; [`StoreError::WrongRows`] when there is no such organization.
pub async fn set_limit(
    db: &mut PgConnection,
    organization: OrganizationId,
    (tier, limit, value): (PlanTier, Limit, Option<u32>),
    reason: &str,
    by: UserId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    if value == limit.bounds(tier).standard {
        sqlx::query!(
            "DELETE FROM organization_limits WHERE organization_id = $1 AND plan = $2 AND name = $3",
            organization.0,
            tier.as_str(),
            limit.as_str(),
        )
        .execute(&mut *db)
        .await?;
    } else {
        sqlx::query!(
            "INSERT INTO organization_limits (organization_id, plan, name, value, reason, set_by, set_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (organization_id, plan, name) DO UPDATE
             SET value = excluded.value, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at",
            organization.0,
            tier.as_str(),
            limit.as_str(),
            value.map(|n| i32::try_from(n).unwrap_or(i32::MAX)),
            reason,
            by.0,
            at,
        )
        .execute(&mut *db)
        .await?;
    }
    let done = sqlx::query!("UPDATE organizations SET plan_version = plan_version + 1 WHERE id = $1", organization.0);
    exactly_one(done.execute(db).await?.rows_affected())
}

/// An edit of a plan as its event tells it.
#[derive(Clone, Debug)]
pub struct PlanEvent {
    /// The event's dotted name.
    pub kind: String,
    /// Its particulars.
    pub data: Value,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The newest edits of an organization's plan, newest first.
pub async fn history(db: &mut PgConnection, organization: OrganizationId, limit: i64) -> StoreResult<Vec<PlanEvent>> {
    let rows = sqlx::query!(
        r#"SELECT e.kind, e.data, coalesce(u.name, 'WorkflowOps') AS "by!", e.at
           FROM events e LEFT JOIN users u ON u.id = e.actor
           WHERE e.organization_id = $1 AND e.kind LIKE 'plan.%' ORDER BY e.id DESC LIMIT $2"#,
        organization.0,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| PlanEvent { kind: row.kind, data: row.data, by: row.by, at: row.at }).collect())
}

/// What is there that an edit of the plan may concern.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Open incidents, by the tier of the plan that each keeps.
    pub open_incidents: Vec<(PlanTier, u32)>,
    /// Workflows that differ now.
    pub open_changes: u32,
    /// Overrides that run.
    pub running_overrides: u32,
    /// When the last of those ends.
    pub last_override_end: Option<DateTime<Utc>>,
}

/// What is there that an edit of the plan may concern.
pub async fn standing(
    db: &mut PgConnection,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> StoreResult<Standing> {
    let incidents = sqlx::query!(
        r#"SELECT coalesce(plan_snapshot->>'tier', '') AS "tier!", count(*) AS "open!" FROM drift_incidents
           WHERE organization_id = $1 AND status <> 'CLOSED' GROUP BY 1"#,
        organization.0,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut open_incidents = incidents
        .into_iter()
        .map(|row| Ok((word(&row.tier)?, count(row.open))))
        .collect::<StoreResult<Vec<(PlanTier, u32)>>>()?;
    open_incidents.sort_unstable();
    let rest = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM changes WHERE organization_id = $1 AND state IN ('OPEN', 'VANISHED')) AS "changes!",
               count(d.id) AS "overrides!", max(d.expires_at) AS last_end
           FROM changes c JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.override_id
           WHERE c.organization_id = $1 AND c.state = 'OPEN' AND d.ended_at IS NULL AND d.expires_at > $2"#,
        organization.0,
        now,
    )
    .fetch_one(db)
    .await?;
    Ok(Standing {
        open_incidents,
        open_changes: count(rest.changes),
        running_overrides: count(rest.overrides),
        last_override_end: rest.last_end,
    })
}

fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn plan_of(tier: PlanTier, grants: Option<&Value>, limits: Option<&Value>) -> StoreResult<Plan> {
    let entries = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut granted: Vec<(Capability, Grant)> = Vec::new();
    // What another version of the product added is none of ours; what it left out is as we deliver it.
    for (capability, grant) in entries(grants) {
        if let Ok(capability) = capability.parse() {
            granted.push((capability, word(grant.as_str().unwrap_or_default())?));
        }
    }
    let mut set: Vec<(Limit, Option<u32>)> = Vec::new();
    for (limit, value) in entries(limits) {
        let Ok(limit) = limit.parse() else { continue };
        let value = match value {
            Value::Null => None,
            value => {
                let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
                Some(number.ok_or_else(|| StoreError::corrupt(format!("limit {limit} is {value}")))?)
            }
        };
        set.push((limit, value));
    }
    Ok(Plan::new(tier, granted, set))
}
