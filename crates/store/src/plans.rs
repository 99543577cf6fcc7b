//! What each plan grants, and what an organization set for itself.

use drift_domain::ids::OrganizationId;
use drift_domain::plan::{Capability, Grant, Limit, Plan, PlanTier};
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::{StoreError, StoreResult, word};

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
