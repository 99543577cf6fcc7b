//! What a few letters find.

use serde::{Deserialize, Serialize};

use super::{EnvironmentRow, IncidentRow};

/// What was found in the caller's organization, at most a handful of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// Environments by name; those that begin with what was typed come first.
    pub environments: Vec<EnvironmentRow>,
    /// Incidents by number or by their environment's name, the newest first.
    pub incidents: Vec<IncidentRow>,
}
