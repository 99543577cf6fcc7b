//! What happens, as it happens.

use serde::{Deserialize, Serialize};

use crate::ids::{EnvironmentId, OrganizationId};

/// Something happened that a page may want to show: what the event stream carries. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveEvent {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Where.
    pub environment_id: EnvironmentId,
    /// What: `check.started`, `check.finished`, `change.decided`, `environment.updated`.
    pub kind: String,
}
