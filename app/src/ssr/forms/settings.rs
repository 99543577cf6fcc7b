//! The form of an organization's settings for its incidents.

use axum::Form;
use axum::response::Response;
use drift_domain::environment::EnvironmentClass;
use drift_domain::incident::TimePercent;
use drift_services::incidents::IncidentSettings;
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use crate::pages::incident_settings::ADDRESS;
use crate::ssr::visit::Member;

/// What the form sends: a box that is not ticked is not sent at all.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    automatic: String,
    #[serde(rename = "DEVELOPMENT")]
    development: String,
    #[serde(rename = "STAGING")]
    staging: String,
    #[serde(rename = "PRODUCTION")]
    production: String,
    ticket_pattern: String,
    ticket_address: String,
    time_percent_development: String,
    time_percent_staging: String,
    time_percent_production: String,
    deployments_unblocked: String,
    version: Option<i64>,
}

impl Default for Fields {
    fn default() -> Self {
        let none = String::new;
        Self {
            automatic: "plan".to_owned(),
            development: none(),
            staging: none(),
            production: none(),
            ticket_pattern: none(),
            ticket_address: none(),
            time_percent_development: none(),
            time_percent_staging: none(),
            time_percent_production: none(),
            deployments_unblocked: none(),
            version: None,
        }
    }
}

impl From<Fields> for IncidentSettings {
    fn from(fields: Fields) -> Self {
        let ticked = |class: &EnvironmentClass| {
            let box_of = match class {
                EnvironmentClass::Development => &fields.development,
                EnvironmentClass::Staging => &fields.staging,
                EnvironmentClass::Production => &fields.production,
            };
            !box_of.is_empty()
        };
        let chosen = EnvironmentClass::ALL.iter().copied().filter(ticked).collect();
        Self {
            automatic: (fields.automatic == "chosen").then_some(chosen),
            ticket_pattern: fields.ticket_pattern,
            ticket_address: fields.ticket_address,
            time_percent: TimePercent {
                development: percent(&fields.time_percent_development),
                staging: percent(&fields.time_percent_staging),
                production: percent(&fields.time_percent_production),
            },
            deployments_unblocked: !fields.deployments_unblocked.is_empty(),
            version: fields.version,
        }
    }
}

/// A percentage as somebody typed it: what is no number is none that is taken, and left out it is the default.
fn percent(text: &str) -> u16 {
    match text.trim() {
        "" => 100,
        text => text.parse().unwrap_or(0),
    }
}

/// Sets what the organization wants of its incidents.
pub(crate) async fn set_incidents(member: Member, Form(fields): Form<Fields>) -> Response {
    let set = IncidentSettings::from(fields);
    let kept = serde_json::to_value(&set).ok();
    let done: ServiceResult<i64> =
        async { member.services().set_incident_settings(&member.permit()?, set).await }.await;
    // What somebody else has set meanwhile is looked at first.
    let kept = if matches!(done, Err(ServiceError::Stale { .. })) { None } else { kept };
    member.after(done.map(drop), "Saved. It holds for what differs from now on.", ADDRESS, kept).await
}
