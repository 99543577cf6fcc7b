//! What is counted of an organization as a whole.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use drift_domain::ids::{EnvironmentId, OrganizationId};
use drift_domain::views::{Exceptions, OverrideDebt};
use sqlx::PgConnection;

use crate::error::StoreResult;

fn count(of: i64) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// What is accepted for a time, by environment.
///
/// # Errors
/// The database failed.
pub async fn debts(
    db: &mut PgConnection,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> StoreResult<HashMap<EnvironmentId, OverrideDebt>> {
    let rows = sqlx::query!(
        r#"SELECT c.environment_id, count(*) AS "running!", sum(o.times)::bigint AS "times!", min(o.first) AS since,
               floor(sum(extract(epoch FROM $2 - o.first)) / 86400)::bigint AS "days!"
           FROM changes c
           JOIN decisions d ON d.organization_id = c.organization_id AND d.environment_id = c.environment_id
               AND d.id = c.override_id AND d.ended_at IS NULL AND d.expires_at > $2
           CROSS JOIN LATERAL (
               SELECT count(*) AS times, min(x.decided_at) AS first FROM decisions x
               WHERE x.organization_id = c.organization_id AND x.environment_id = c.environment_id
                   AND x.change_id = c.id AND x.kind = 'OVERRIDE') o
           WHERE c.organization_id = $1 AND c.state = 'OPEN'
           GROUP BY c.environment_id"#,
        organization.0,
        now
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let debt =
                OverrideDebt { running: count(r.running), times: count(r.times), days: count(r.days), since: r.since };
            (EnvironmentId(r.environment_id), debt)
        })
        .collect())
}

/// What was let pass since a moment, by environment.
///
/// # Errors
/// The database failed.
pub async fn exceptions(
    db: &mut PgConnection,
    organization: OrganizationId,
    since: DateTime<Utc>,
) -> StoreResult<HashMap<EnvironmentId, Exceptions>> {
    let rows = sqlx::query!(
        r#"SELECT environment_id AS "environment_id!",
               count(*) FILTER (WHERE kind = 'override.begun') AS "overrides!",
               count(*) FILTER (WHERE kind = 'incident.extended') AS "extensions!",
               count(*) FILTER (WHERE kind = 'incident.deploying') AS "emergencies!",
               count(*) FILTER (WHERE kind = 'approval.waived') AS "waived!"
           FROM events
           WHERE organization_id = $1 AND at >= $2 AND environment_id IS NOT NULL
               AND (kind IN ('override.begun', 'incident.extended', 'approval.waived')
                   OR kind = 'incident.deploying' AND data ->> 'kind' = 'EMERGENCY')
           GROUP BY environment_id"#,
        organization.0,
        since
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let exceptions = Exceptions {
                overrides: count(r.overrides),
                extensions: count(r.extensions),
                emergencies: count(r.emergencies),
                waived: count(r.waived),
            };
            (EnvironmentId(r.environment_id), exceptions)
        })
        .collect())
}
