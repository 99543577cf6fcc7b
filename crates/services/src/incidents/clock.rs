//! The clock of incidents: tells when half and three quarters of an incident's time are over, and when all of it is.
//!
//! Every replica ticks. Whoever finds something due holds the environment's row, looks again, and tells: in one transaction
//! with moving the alarm on, so that each point is told once whoever else is at it. Nothing is remembered but in the database,
//! so a clock that did not run for a while tells what is due when it runs again.

use drift_domain::ids::{IncidentId, OrganizationId};
use drift_domain::incident::TimePoint;
use drift_store::events::NewEvent;
use drift_store::incidents::{IncidentRecord, Particulars};
use drift_store::{StoreError, deadlines, environments, incidents};
use serde_json::json;

use super::append;
use crate::Services;
use crate::error::ServiceResult;

/// Incidents that one tick tells of at most; the next one goes on.
const AT_ONCE: i64 = 500;

impl Services {
    /// Tells of every incident whose time has come to a point where something is said. Answers how many were told of.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer; what was not told is due at the next tick.
    pub async fn tell_deadlines(&self) -> ServiceResult<u32> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let due = deadlines::due(&mut db, self.clock.now(), AT_ONCE).await?;
        drop(db);
        let mut told = 0;
        for (organization, incident) in due {
            match self.tell_deadline(organization, incident).await {
                Ok(was_due) => told += u32::from(was_due),
                // The others are due, too.
                Err(error) => tracing::warn!(%error, incident.id = %incident, "a deadline could not be told"),
            }
        }
        Ok(told)
    }

    /// Tells what is due of one incident; false when somebody else has, or it has ended.
    async fn tell_deadline(&self, organization: OrganizationId, id: IncidentId) -> ServiceResult<bool> {
        let mut tx = self.tenant(organization).await?;
        let Some(environment) = incidents::environment_of(&mut tx, organization, id).await? else { return Ok(false) };
        environments::lock(&mut tx, organization, environment).await?;
        let Some(incident) = incidents::get(&mut tx, organization, id).await? else { return Ok(false) };
        let now = self.clock.now();
        let is_open = incident.status().is_open();
        let Some((point, after)) = incident.ttl.filter(|_| is_open).and_then(|ttl| ttl.alarm(now)) else {
            return Ok(false);
        };
        let (kind, reason) = match point {
            TimePoint::Expiry => ("incident.expired", raised_because(&incident)),
            TimePoint::Half | TimePoint::ThreeQuarters => ("incident.expiring", None),
        };
        let raised = Particulars {
            severity: incident.severity.raised(),
            severity_reason: reason.as_deref(),
            severity_by_clock: true,
            ttl: Some(after),
            ..Particulars::from(&incident)
        };
        let as_it_was = Particulars { ttl: Some(after), ..Particulars::from(&incident) };
        let set = if reason.is_some() { raised } else { as_it_was };
        incidents::describe(&mut tx, organization, id, &set).await?;
        let data = json!({
            "point": point, "expires_at": after.expires_at, "severity": set.severity, "before": incident.severity,
        });
        let deadline = data["expires_at"].as_str().unwrap_or_default();
        let is_news = !deadlines::is_told(&mut tx, organization, id, point, deadline).await?;
        if is_news {
            let event = NewEvent {
                organization_id: organization,
                environment_id: Some(environment),
                change_id: None,
                kind,
                actor: None,
                data,
            };
            append(&mut tx, id, &event, now).await?;
            self.announce(&mut tx, organization, environment, kind).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(is_news)
    }
}

/// Why the severity rises by one when the time is over; `None` where there is nothing above it.
fn raised_because(incident: &IncidentRecord) -> Option<String> {
    let expires_at = incident.ttl?.expires_at;
    (incident.severity.raised() != incident.severity)
        .then(|| format!("Raised by one: its time was over at {}.", expires_at.format("%Y-%m-%d %H:%M UTC")))
}
