//! The organization as a whole, for who governs it: what holds where, what is accepted meanwhile, and what was let pass.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::environments::EnvironmentRow;
use super::incidents::IncidentRow;
use crate::ids::PolicyId;

/// Differences of an environment that people accept for a time and nobody has resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverrideDebt {
    /// Changes that a running override accepts.
    pub running: u32,
    /// How often they were accepted, all of them together: more than there are, where overrides were renewed.
    pub times: u32,
    /// Days that they have been accepted for, all of them together, each from its first override on.
    pub days: u32,
    /// When the first of them was accepted first.
    pub since: Option<DateTime<Utc>>,
}

/// What was let pass on the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exceptions {
    /// Overrides that were begun.
    pub overrides: u32,
    /// Incidents that were given more time.
    pub extensions: u32,
    /// Emergency deployments.
    pub emergencies: u32,
    /// What an owner did without the approvals that it takes, since too few were left to give them.
    pub waived: u32,
}

impl Exceptions {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.overrides + self.extensions + self.emergencies + self.waived
    }
}

/// An environment, for who governs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverviewRow {
    /// The environment.
    pub environment: EnvironmentRow,
    /// The policy that holds, with its name; none: what plan and role allow is allowed.
    pub policy: Option<(PolicyId, String)>,
    /// Whether it is the environment's own, not its class's.
    pub own: bool,
    /// Its open incident.
    pub incident: Option<IncidentRow>,
    /// What is accepted for a time.
    pub debt: OverrideDebt,
    /// What was let pass in the days of the page.
    pub exceptions: Exceptions,
}

/// The organization as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// Every environment, by name.
    pub rows: Vec<OverviewRow>,
    /// Days that exceptions are counted over.
    pub days: u32,
    /// When this was so.
    pub now: DateTime<Utc>,
}
