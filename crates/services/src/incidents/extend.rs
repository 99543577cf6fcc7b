//! The time of an incident: where it begins, and giving it more.

use drift_domain::ids::IncidentId;
use drift_domain::incident::{ExtensionRefused, TimePoint, Ttl};
use drift_domain::views::TimeView;
use drift_policy::Ask;
use drift_store::incidents::{IncidentRecord, Particulars};
use drift_store::{environments, incident_settings, incidents};
use serde_json::json;

use super::Act;
use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

impl Services {
    /// Gives an incident more time, with a reason: `hours` from its end on, or from now where it is over, which also ends what
    /// its expiry blocks. What the expiry raised the severity to stays. Answers the new version.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; [`ServiceError::Invalid`] without a reason, or for more hours than one extension gives;
    /// [`ServiceError::Conflict`] for an incident without a deadline, or one that was extended as often as may be.
    pub async fn extend(
        &self,
        permit: &Permit<cap::Extend>,
        id: IncidentId,
        seen: i64,
        hours: u32,
        reason: String,
    ) -> ServiceResult<i64> {
        let reason = read_reason(&reason)?;
        let mut act = self.act(permit, id, Some(seen)).await?;
        act.open()?;
        let ttl = act.incident.ttl.ok_or_else(|| ServiceError::Conflict(NO_DEADLINE.to_owned()))?;
        let extensions = ttl.extensions;
        act.ask_policy(|incident| Ask::Extend { incident, hours, extensions }).await?;
        let bounds = act.incident.plan.extension_bounds();
        let longer = ttl.extended(hours, bounds, act.now).map_err(|refused| match refused {
            ExtensionRefused::UsedUp(_) => ServiceError::Conflict(refused.to_string()),
            ExtensionRefused::OutOfBounds(_) => ServiceError::invalid("hours", refused.to_string()),
        })?;
        let set = Particulars { ttl: Some(longer), ..Particulars::from(&act.incident) };
        incidents::describe(&mut act.tx, act.organization, id, &set).await?;
        let data = json!({
            "note": reason, "hours": hours, "expires_at": longer.expires_at, "before": ttl.expires_at,
            "was_over": ttl.is_over(act.now), "extensions": longer.extensions,
        });
        act.tell("incident.extended", None, data).await?;
        self.acted(act, "incident.extended").await
    }
}

impl Act {
    /// The time of the incident that is being acknowledged: none where its plan has no deadlines.
    pub(super) async fn begin_time(&mut self) -> ServiceResult<Option<Ttl>> {
        if !self.incident.plan.has_deadlines() {
            return Ok(None);
        }
        let environment = environments::get(&mut self.tx, self.organization, self.environment).await?;
        let environment = environment.ok_or(ServiceError::NotFound("environment"))?;
        let settings = incident_settings::get(&mut self.tx, self.organization).await?;
        let percent = settings.time_percent.of(environment.connection.class);
        Ok(Some(Ttl::begin(self.incident.severity, percent, self.now)))
    }
}

/// Why an incident that nobody has acknowledged is not extended.
const NO_DEADLINE: &str = "This incident has no deadline yet: its time begins when somebody acknowledges it.";

/// Why an incident cannot be extended now.
pub(super) fn refused(incident: &IncidentRecord) -> Option<String> {
    let bounds = incident.plan.extension_bounds();
    match incident.ttl {
        None => Some(NO_DEADLINE.to_owned()),
        Some(ttl) if ttl.extensions >= bounds.times => Some(ExtensionRefused::UsedUp(ttl.extensions).to_string()),
        Some(_) => None,
    }
}

/// The time of an incident for a screen.
pub(super) fn view(incident: &IncidentRecord) -> Option<TimeView> {
    let (ttl, bounds) = (incident.ttl?, incident.plan.extension_bounds());
    Some(TimeView {
        from: ttl.from,
        warns_at: [ttl.at(TimePoint::Half), ttl.at(TimePoint::ThreeQuarters)],
        expires_at: ttl.expires_at,
        expired_at: ttl.expired_at,
        extensions: ttl.extensions,
        extensions_left: bounds.times.saturating_sub(ttl.extensions),
        longest_extension_hours: bounds.hours,
    })
}
