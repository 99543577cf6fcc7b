//! Plans as the screens and the API show them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::UpgradeRequestId;
use crate::plan::{Bounds, Capability, Grant, Limit, PlanTier};
use crate::role::Role;

/// The settings of an organization's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanPage {
    /// The tier that the organization has.
    pub tier: PlanTier,
    /// Moves with every edit; an edit names the one that its person saw.
    pub version: i64,
    /// The table of capabilities, in the seed's order.
    pub capabilities: Vec<CapabilityRow>,
    /// The limits, with what the organization set for itself.
    pub limits: Vec<LimitRow>,
    /// Who changed what, newest first.
    pub history: Vec<PlanChange>,
    /// Requests for a higher plan: open ones first, then the newest.
    pub requests: Vec<UpgradeRequestView>,
    /// Open incidents, by the plan that each keeps: what a change of tier does not touch.
    pub open_incidents: Vec<(PlanTier, u32)>,
    /// Whether the caller may change anything here.
    pub can_manage: bool,
}

/// One row of the table of capabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityRow {
    /// The capability.
    pub capability: Capability,
    /// What each tier grants, in the order of [`PlanTier::ALL`].
    pub grants: Vec<Grant>,
    /// The least role that may use it.
    pub least_role: Role,
    /// Nobody can take it away (standing rule 1).
    pub locked: bool,
}

/// One limit, for each tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitRow {
    /// The limit.
    pub limit: Limit,
    /// Its value on each tier, in the order of [`PlanTier::ALL`].
    pub cells: Vec<LimitCell>,
}

/// A limit on one tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitCell {
    /// The value that holds for this organization; `None` is "no limit".
    pub value: Option<u32>,
    /// What it may be.
    pub bounds: Bounds,
    /// Why it is not the standard one, if it is not.
    pub reason: Option<String>,
}

/// An edit of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanChange {
    /// A sentence for a person.
    pub text: String,
    /// Why, in the words of whoever did it.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A request for a higher plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpgradeRequestView {
    /// Its identifier.
    pub id: UpgradeRequestId,
    /// The plan asked for.
    pub plan: PlanTier,
    /// The plan that the organization had then.
    pub plan_then: PlanTier,
    /// What the person could not do, if that is why they ask.
    pub capability: Option<Capability>,
    /// What the person wrote.
    pub note: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was granted; `None` while it is open.
    pub granted: Option<bool>,
    /// Who answered, what and when.
    pub answer: Option<(String, String, DateTime<Utc>)>,
}

/// What the next plan would add, where a person meets the end of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpgradeOffer {
    /// The plan.
    pub plan: PlanTier,
    /// What it adds to the organization's present one.
    pub adds: Vec<Capability>,
    /// The caller's open request, if there is one.
    pub requested: Option<UpgradeRequestView>,
    /// Whether the caller can change the plan at once.
    pub can_manage: bool,
}
