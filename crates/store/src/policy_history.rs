//! What was done that policies speak of, with what was so at the moment: for asking a draft about it.

use chrono::{DateTime, Utc};
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::{IncidentId, OrganizationId};
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use serde_json::Value;
use sqlx::PgConnection;

use crate::error::{StoreResult, word};

/// Something that was done.
#[derive(Clone, Debug)]
pub struct PastAct {
    /// What: an event's kind.
    pub kind: String,
    /// Its particulars.
    pub data: Value,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Their role now; none where they are no member any more.
    pub role: Option<Role>,
    /// Where.
    pub environment: String,
    /// The class that the environment has now.
    pub class: EnvironmentClass,
    /// About which incident, with its number.
    pub incident: Option<(IncidentId, i64)>,
    /// How much the incident mattered then.
    pub severity: Option<Severity>,
    /// Whether its deadline was over then.
    pub expired: bool,
    /// Whether whoever did it owned it then.
    pub owner: bool,
}

/// What people did since `since` that policies speak of, the newest first, at most `most`.
///
/// # Errors
/// The database failed, or holds what this version cannot read.
pub async fn acts(
    db: &mut PgConnection,
    organization: OrganizationId,
    since: DateTime<Utc>,
    most: i64,
) -> StoreResult<Vec<PastAct>> {
    let rows = sqlx::query!(
        r#"SELECT e.kind, e.data, e.at, u.name AS "by!", m.role AS "role?", n.name AS environment, n.class,
               i.id AS "incident?", i.number AS "number?",
               coalesce((SELECT s.data ->> 'before' FROM events s
                         WHERE s.organization_id = $1 AND s.incident_id = e.incident_id AND s.id > e.id
                             AND s.kind IN ('incident.severity_set', 'incident.severity_raised', 'incident.expired')
                         ORDER BY s.id LIMIT 1), i.severity) AS severity,
               coalesce((SELECT s.kind = 'incident.expired' FROM events s
                         WHERE s.organization_id = $1 AND s.incident_id = e.incident_id AND s.id < e.id
                             AND s.kind IN ('incident.expired', 'incident.extended')
                         ORDER BY s.id DESC LIMIT 1), false) AS "expired!",
               coalesce((SELECT s.data -> 'owner' ->> 'id' FROM events s
                         WHERE s.organization_id = $1 AND s.incident_id = e.incident_id AND s.id < e.id
                             AND s.kind IN ('incident.acknowledged', 'incident.assigned')
                         ORDER BY s.id DESC LIMIT 1) = e.actor::text, false) AS "owner!"
           FROM events e
           JOIN users u ON u.id = e.actor
           JOIN environments n ON n.organization_id = e.organization_id AND n.id = e.environment_id
           LEFT JOIN memberships m ON m.organization_id = e.organization_id AND m.user_id = e.actor
           LEFT JOIN drift_incidents i ON i.organization_id = e.organization_id AND i.id = e.incident_id
           WHERE e.organization_id = $1 AND e.at >= $2
               AND e.kind IN ('incident.acknowledged', 'incident.extended', 'incident.decided', 'incident.closing_asked',
                              'incident.deploying', 'override.begun')
           ORDER BY e.id DESC LIMIT $3"#,
        organization.0,
        since,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(PastAct {
                kind: r.kind,
                data: r.data,
                at: r.at,
                by: r.by,
                role: r.role.as_deref().map(word).transpose()?,
                environment: r.environment,
                class: word(&r.class)?,
                incident: r.incident.map(IncidentId).zip(r.number),
                severity: r.severity.as_deref().map(word).transpose()?,
                expired: r.expired,
                owner: r.owner,
            })
        })
        .collect()
}
