//! Compliance reports as the screens and the API show them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::PersonView;
use crate::ids::{EnvironmentId, IncidentId, ReportId, ReportScheduleId, UserId};
use crate::report::{ReportFormat, ReportState};

/// What somebody asks a report of: a range of days, of all environments or of one; or one incident, which takes no days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportAsk {
    /// What kind of file.
    pub format: ReportFormat,
    /// The first day, in UTC.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// The last day, in UTC: it is part of the report.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// Only of this environment.
    #[serde(default)]
    pub environment: Option<EnvironmentId>,
    /// Only of this incident.
    #[serde(default)]
    pub incident: Option<IncidentId>,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportView {
    /// Its identifier.
    pub id: ReportId,
    /// What kind of file it is.
    pub format: ReportFormat,
    /// What the file is called.
    pub file_name: String,
    /// The first day, in UTC; of an incident's report, none.
    pub from: Option<NaiveDate>,
    /// The last day, which is part of it.
    pub to: Option<NaiveDate>,
    /// The environment that it is of, where it is of one.
    pub environment_id: Option<EnvironmentId>,
    /// That environment's name.
    pub environment: Option<String>,
    /// The incident that it is of, where it is of one.
    pub incident_id: Option<IncidentId>,
    /// That incident's number.
    pub incident: Option<i64>,
    /// How far it is.
    pub state: ReportState,
    /// Steps that are done.
    pub done: u32,
    /// Steps that there are, once that is known.
    pub total: Option<u32>,
    /// Who asked for it; `None` for a schedule.
    pub requested_by: Option<PersonView>,
    /// The schedule that asked for it.
    pub schedule_id: Option<ReportScheduleId>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// The moment that it shows everything as of.
    pub as_of: Option<DateTime<Utc>>,
    /// When it was made, or failed.
    pub finished_at: Option<DateTime<Utc>>,
    /// When its file is removed.
    pub expires_at: Option<DateTime<Utc>>,
    /// Bytes of the file.
    pub size: Option<i64>,
    /// SHA-256 of the file, in hex.
    pub sha256: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A report that is made every month, of the month before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportScheduleView {
    /// Its identifier.
    pub id: ReportScheduleId,
    /// What kind of file.
    pub format: ReportFormat,
    /// The environment that it is of, where it is of one.
    pub environment_id: Option<EnvironmentId>,
    /// That environment's name.
    pub environment: Option<String>,
    /// Members who are mailed a link.
    pub recipients: Vec<PersonView>,
    /// Who set it up.
    pub made_by: PersonView,
    /// When.
    pub made_at: DateTime<Utc>,
    /// The first day of the month that is reported on next.
    pub next_month: NaiveDate,
}

/// A report that is to be made every month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportScheduleAsk {
    /// What kind of file.
    pub format: ReportFormat,
    /// Only of this environment.
    #[serde(default)]
    pub environment: Option<EnvironmentId>,
    /// Members who are mailed a link.
    #[serde(default)]
    pub recipients: Vec<UserId>,
}

/// What the page of reports shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportsPage {
    /// The newest, of those behind where the page begins.
    pub reports: Vec<ReportView>,
    /// What to ask with for the next page; `None` on the last.
    pub next: Option<ReportId>,
    /// What is made every month.
    pub schedules: Vec<ReportScheduleView>,
    /// Environments to choose from.
    pub environments: Vec<(EnvironmentId, String)>,
    /// Members who may read reports.
    pub readers: Vec<PersonView>,
    /// The formats that the plan has.
    pub formats: Vec<ReportFormat>,
    /// The first day that the plan reports on; `None` for all.
    pub first_day: Option<NaiveDate>,
    /// Whether this installation sends mail.
    pub mails: bool,
    /// When this was so.
    pub now: DateTime<Utc>,
}
