//! The audit log as screens and API show it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::audit::Entry;
use crate::ids::{EnvironmentId, UserId};

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// Entries, the newest first.
    pub entries: Vec<Entry>,
    /// What to ask with for the next page; `null` on the last.
    pub next: Option<String>,
    /// How far the log is sealed.
    pub seals: AuditSeals,
    /// Since when the plan shows the log; `null` from its beginning.
    pub shown_since: Option<DateTime<Utc>>,
    /// The environments to choose from.
    pub environments: Vec<(EnvironmentId, String)>,
    /// The people to choose from: the members now.
    pub people: Vec<(UserId, String)>,
    /// The server's clock.
    pub now: DateTime<Utc>,
}

/// How far the log is sealed, and whether its newest part is as it was sealed. The whole is verified by `workflowops audit
/// verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditSeals {
    /// The last seal's place; 0 while there is none.
    pub sequence: i64,
    /// Its hash: who notes it with its place elsewhere can tell later whether the log was written anew.
    pub hash: Option<String>,
    /// How many of the newest seals were looked at, with their entries.
    pub looked_at: i64,
    /// What is wrong with them, if anything is.
    pub fault: Option<String>,
}
