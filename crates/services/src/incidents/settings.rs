//! What an organization sets for its incidents: which environments open one by themselves, and how its tickets look.

use drift_domain::environment::EnvironmentClass;
use drift_domain::incident::TimePercent;
use drift_domain::incident::ticket::Pattern;
use drift_domain::plan::PlanTier;
use drift_store::events::NewEvent;
use drift_store::incident_settings::Settings;
use drift_store::{StoreError, events, incident_settings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// What an organization sets for its incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IncidentSettings {
    /// Classes of environments whose new drift opens an incident by itself. `None`: production, on plans with the whole of
    /// incident management.
    pub automatic: Option<Vec<EnvironmentClass>>,
    /// How a ticket's key looks, with `{n}` for its number: `OPS-{n}`. Empty for none.
    pub ticket_pattern: String,
    /// Where such a key leads, with `{n}` in it as well. Empty for none.
    pub ticket_address: String,
    /// Percent of a severity's time that incidents have, by the class of their environment: from 25 to 400. It counts for
    /// incidents that are acknowledged from then on.
    pub time_percent: TimePercent,
    /// Expired incidents block no deployments. For plans that decide by policy (Enterprise); until it is set, they do.
    pub deployments_unblocked: bool,
    /// The version that this is, or that an edit was made of: it moves with every edit, and an edit of an older one is
    /// refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// What an edit is put on record as.
const EDITED: &str = "incident_settings.set";

impl Services {
    /// What the organization has set.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn incident_settings(&self, permit: &Permit<cap::Configure>) -> ServiceResult<IncidentSettings> {
        let mut db = self.tenant(permit.organization()).await?;
        let Settings { automatic, ticket, time_percent, deployments_unblocked } =
            incident_settings::get(&mut db, permit.organization()).await?;
        let (ticket_pattern, ticket_address) = ticket.unwrap_or_default();
        let version = Some(incident_settings::version(&mut db, permit.organization(), false).await?);
        Ok(IncidentSettings { automatic, ticket_pattern, ticket_address, time_percent, deployments_unblocked, version })
    }

    /// Sets it. Answers the version since then.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a pattern that leads nowhere, or a time out of bounds; [`ServiceError::PolicyRefused`] for
    /// letting expired incidents block nothing where the plan does not leave that to policy; [`ServiceError::Stale`] when `set`
    /// names a version and somebody has set something since.
    pub async fn set_incident_settings(
        &self,
        permit: &Permit<cap::Configure>,
        set: IncidentSettings,
    ) -> ServiceResult<i64> {
        let ticket = match (set.ticket_pattern.trim(), set.ticket_address.trim()) {
            ("", "") => None,
            (key, address) => {
                let pattern = Pattern::new(key, address)
                    .map_err(|error| ServiceError::invalid("ticket_pattern", error.to_string()))?;
                Some((pattern.key().to_owned(), pattern.address().to_owned()))
            }
        };
        if !set.time_percent.is_within_bounds() {
            let (least, most) = (TimePercent::LEAST, TimePercent::MOST);
            let message = format!("The time of a class is from {least} to {most} percent of the default.");
            return Err(ServiceError::invalid("time_percent", message));
        }
        let deployments_unblocked = set.deployments_unblocked;
        if deployments_unblocked && permit.plan().tier() != PlanTier::Enterprise {
            let message =
                "That expired incidents block standard deployments is part of this plan. On Enterprise it is a policy.";
            return Err(ServiceError::policy("deployment-blocking", message));
        }
        let organization = permit.organization();
        let settings =
            Settings { automatic: set.automatic, ticket, time_percent: set.time_percent, deployments_unblocked };
        let mut tx = self.tenant(organization).await?;
        let version = incident_settings::version(&mut tx, organization, true).await?;
        if let Some(seen) = set.version.filter(|seen| *seen != version) {
            let editors = events::editors_since(&mut tx, organization, None, EDITED, seen).await?;
            let tell = |name: &String| format!("{name} changed the settings of incidents.");
            return Err(ServiceError::Stale { meanwhile: editors.iter().map(tell).collect() });
        }
        let before = incident_settings::get(&mut tx, organization).await?;
        incident_settings::set(&mut tx, organization, &settings).await?;
        let event = NewEvent {
            organization_id: organization,
            environment_id: None,
            change_id: None,
            kind: EDITED,
            actor: Some(permit.caller().user_id),
            data: json!({
                "automatic": settings.automatic, "ticket": settings.ticket, "time_percent": settings.time_percent,
                "deployments_unblocked": settings.deployments_unblocked, "version": version + 1,
                "before": {
                    "automatic": before.automatic, "ticket": before.ticket, "time_percent": before.time_percent,
                    "deployments_unblocked": before.deployments_unblocked,
                },
            }),
        };
        events::append(&mut tx, &event, self.clock.now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(version + 1)
    }
}

/// The organization's tickets. A stored pattern that this version does not take leads nowhere.
pub(super) fn pattern(settings: &Settings) -> Option<Pattern> {
    settings.ticket.as_ref().and_then(|(key, address)| Pattern::new(key, address).ok())
}
