//! Who is signed in, and where.

use serde::{Deserialize, Serialize};

use crate::ids::OrganizationId;
use crate::plan::PlanTier;
use crate::role::Role;

/// Who is signed in, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The organization looked at.
    pub organization: OrganizationView,
    /// Every organization that the person is a member of.
    pub organizations: Vec<OrganizationView>,
}

/// An organization, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizationView {
    /// Its identifier.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: PlanTier,
    /// The member's role in it.
    pub role: Role,
}
