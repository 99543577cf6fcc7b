//! Plans as the screens and the API show them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{EnvironmentId, UpgradeRequestId};
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
    /// Requests for a higher plan: open ones first, then the newest. Everybody's for who may answer them, else one's own.
    pub requests: Vec<UpgradeRequestView>,
    /// Open incidents, by the plan that each keeps: what a change of tier does not touch.
    pub open_incidents: Vec<(PlanTier, u32)>,
    /// What the next plan adds, and the caller's own newest request. `None` on the highest plan.
    pub upgrade: Option<UpgradeOffer>,
    /// The clock of the server when this was read, for ages.
    pub now: DateTime<Utc>,
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

/// What an administrator would change about the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "edit", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanEdit {
    /// Another tier.
    Tier {
        /// The tier.
        plan: PlanTier,
    },
    /// A limit of a tier, for this organization.
    Limit {
        /// The tier whose limit it is.
        plan: PlanTier,
        /// The limit.
        limit: Limit,
        /// Its new value; `None` is "no limit".
        value: Option<u32>,
    },
}

/// What an edit of the plan would do: shown before it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanEffect {
    /// The edit.
    pub edit: PlanEdit,
    /// The version of the plan that this was worked out for.
    pub version: i64,
    /// The tier that the organization has now.
    pub tier: PlanTier,
    /// What becomes possible, or more so.
    pub gained: Vec<CapabilityChange>,
    /// What is possible no longer, or less so.
    pub lost: Vec<CapabilityChange>,
    /// Limits that change.
    pub limits: Vec<LimitChange>,
    /// What that means for what is there now, and what it does not touch: sentences for a person.
    pub consequences: Vec<String>,
}

/// How far a capability is granted, before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CapabilityChange {
    /// The capability.
    pub capability: Capability,
    /// How far it is granted now.
    pub from: Grant,
    /// How far it would be.
    pub to: Grant,
}

/// A limit, before and after. `None` is "no limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitChange {
    /// The limit.
    pub limit: Limit,
    /// What it is now.
    pub from: Option<u32>,
    /// What it would be.
    pub to: Option<u32>,
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
    /// The environment where the person met the end of the plan, by its name.
    pub environment: Option<String>,
    /// The answer; `None` while it is open.
    pub answer: Option<UpgradeAnswer>,
}

/// The answer to a request for a higher plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpgradeAnswer {
    /// Whether it was granted.
    pub granted: bool,
    /// What whoever answered wrote.
    pub words: String,
    /// Who answered.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Asking for a higher plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct UpgradeAsk {
    /// The plan; without it, the first that has the capability, or the next one.
    pub plan: Option<PlanTier>,
    /// What the person could not do, if that is why they ask.
    pub capability: Option<Capability>,
    /// The environment where they could not.
    pub environment: Option<EnvironmentId>,
    /// What the person wants to say about it.
    pub note: String,
}

/// What the next plan would add, where a person meets the end of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpgradeOffer {
    /// The plan.
    pub plan: PlanTier,
    /// What it adds to the organization's present one.
    pub adds: Vec<Capability>,
    /// The caller's newest request, open or answered, if there is one.
    pub requested: Option<UpgradeRequestView>,
    /// Whether the caller can change the plan at once.
    pub can_manage: bool,
}
