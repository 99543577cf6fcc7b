//! An organization's plan: its tier, what that grants, and the limits, which an administrator may edit within bounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Capability, Grant, PlanTier};
use crate::incident::ExtensionBounds;
use crate::words::words;

words! {
    /// A number that a plan sets (product, table of limits).
    pub enum Limit {
        /// Days that an override lasts at most; 0 means that none is taken.
        OverrideDays = "OVERRIDE_DAYS",
        /// Environments with an open incident at once.
        OpenIncidents = "OPEN_INCIDENTS",
        /// Workflows of an incident, or of an environment's drift, that may be opened as a diff.
        DiffWorkflows = "DIFF_WORKFLOWS",
        /// Days that history is kept.
        HistoryDays = "HISTORY_DAYS",
        /// Hours that one extension gives an incident at most.
        ExtensionHours = "EXTENSION_HOURS",
        /// How often one incident is extended at most; 0 means never.
        Extensions = "EXTENSIONS",
    }
}

/// What a limit may be set to on a tier, and what it is until somebody does. `None` is "no limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bounds {
    /// Where nobody chose.
    pub standard: Option<u32>,
    /// The least.
    pub least: u32,
    /// The most; `None` allows "no limit".
    pub most: Option<u32>,
}

impl Bounds {
    /// Whether the limit may be set to this.
    #[must_use]
    pub const fn allow(self, value: Option<u32>) -> bool {
        match (value, self.most) {
            (None, most) => most.is_none(),
            (Some(value), None) => value >= self.least,
            (Some(value), Some(most)) => value >= self.least && value <= most,
        }
    }
}

const fn fixed(value: u32) -> Bounds {
    Bounds { standard: Some(value), least: value, most: Some(value) }
}

const fn between(least: u32, standard: u32, most: u32) -> Bounds {
    Bounds { standard: Some(standard), least, most: Some(most) }
}

const fn unlimited(least: u32) -> Bounds {
    Bounds { standard: None, least, most: None }
}

impl Limit {
    /// The bounds on a tier. Source: the product's table of limits for the standard values; the bounds keep a tier what
    /// its name promises and never reach what shows drift.
    #[must_use]
    pub const fn bounds(self, tier: PlanTier) -> Bounds {
        match (self, tier) {
            (Self::OverrideDays, PlanTier::Free | PlanTier::Pro) => between(1, 30, 30),
            (Self::OverrideDays, PlanTier::Agency) => between(0, 7, 7),
            (Self::OverrideDays, PlanTier::Enterprise) => between(0, 0, 7),
            (Self::OpenIncidents, PlanTier::Free) => fixed(0),
            (Self::OpenIncidents, PlanTier::Pro) => fixed(1),
            (Self::OpenIncidents, _) => unlimited(1),
            (Self::DiffWorkflows, PlanTier::Free) => fixed(0),
            (Self::DiffWorkflows, PlanTier::Pro) => between(1, 5, 5),
            (Self::DiffWorkflows, _) => unlimited(5),
            (Self::HistoryDays, PlanTier::Free) => between(7, 30, 30),
            (Self::HistoryDays, PlanTier::Pro) => between(30, 90, 90),
            (Self::HistoryDays, PlanTier::Agency) => between(90, 365, 365),
            (Self::HistoryDays, PlanTier::Enterprise) => between(365, 7 * 365, 10 * 365),
            // Where incidents have no deadlines, there is nothing to extend.
            (Self::ExtensionHours | Self::Extensions, PlanTier::Free | PlanTier::Pro) => fixed(0),
            (Self::ExtensionHours, PlanTier::Agency) => between(1, 24, 72),
            (Self::ExtensionHours, PlanTier::Enterprise) => between(1, 72, 168),
            (Self::Extensions, PlanTier::Agency) => between(0, 2, 5),
            (Self::Extensions, PlanTier::Enterprise) => between(0, 3, 10),
        }
    }

    /// A value as a person reads it.
    #[must_use]
    pub fn words(self, value: Option<u32>) -> String {
        match (self, value) {
            (_, None) => "no limit".to_owned(),
            (_, Some(0)) => "none".to_owned(),
            (Self::OverrideDays | Self::HistoryDays, Some(1)) => "1 day".to_owned(),
            (Self::OverrideDays | Self::HistoryDays, Some(days)) => format!("{days} days"),
            (Self::OpenIncidents, Some(1)) => "1 environment".to_owned(),
            (Self::OpenIncidents, Some(n)) => format!("{n} environments"),
            (Self::ExtensionHours, Some(1)) => "1 hour".to_owned(),
            (Self::ExtensionHours, Some(hours)) => format!("{hours} hours"),
            (Self::Extensions, Some(1)) => "once".to_owned(),
            (Self::Extensions, Some(times)) => format!("{times} times"),
            (Self::DiffWorkflows, Some(1)) => "1 workflow".to_owned(),
            (Self::DiffWorkflows, Some(n)) => format!("{n} workflows"),
        }
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::OverrideDays => "Longest override",
            Self::OpenIncidents => "Environments with an open incident at once",
            Self::DiffWorkflows => "Workflows opened as a diff",
            Self::HistoryDays => "History kept",
            Self::ExtensionHours => "Longest extension of an incident",
            Self::Extensions => "Extensions of one incident",
        }
    }

    /// What setting it does, for the person who is about to.
    #[must_use]
    pub const fn effect(self) -> &'static str {
        match self {
            Self::OverrideDays => {
                "How long a difference may be accepted before it asks again. Overrides that stand keep their end."
            }
            Self::OpenIncidents => "Further incidents are refused until one closes. Open ones are not touched.",
            Self::DiffWorkflows => "The most severe changes can be opened, the others show their summary.",
            Self::HistoryDays => {
                "What is over and older is removed at the next tidying. What is open or waits for a decision is kept whatever its age."
            }
            Self::ExtensionHours => {
                "How much time one extension gives. It counts for incidents that are opened from then on: each keeps its plan."
            }
            Self::Extensions => {
                "How often the time of one incident is extended. It counts for incidents that are opened from then on."
            }
        }
    }
}

words! {
    /// How much of an incident's lifecycle a plan has.
    pub enum Lifecycle {
        /// Without the step STABILIZED.
        Basic = "BASIC",
        /// Every step.
        Full = "FULL",
    }
}

/// How many workflows of one environment may be opened as a diff, and whether more than text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffLimit {
    /// No diffs.
    None,
    /// The diffs of this many workflows (the most severe first), as text only.
    Workflows(u32),
    /// All.
    All,
}

/// What holds for one organization: its tier, the grants, and its limits. An incident keeps the one that it was created
/// under (seed: `plan_snapshot`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plan {
    tier: PlanTier,
    grants: BTreeMap<Capability, Grant>,
    limits: BTreeMap<Limit, Option<u32>>,
}

impl Plan {
    /// A tier as the product is delivered.
    #[must_use]
    pub fn standard(tier: PlanTier) -> Self {
        Self::new(tier, [], [])
    }

    /// A tier with what the database says of it. What it leaves out is as delivered; what shows drift is granted whatever
    /// it says (standing rule 1), and a limit outside its bounds counts as the nearest bound.
    #[must_use]
    pub fn new(
        tier: PlanTier,
        grants: impl IntoIterator<Item = (Capability, Grant)>,
        limits: impl IntoIterator<Item = (Limit, Option<u32>)>,
    ) -> Self {
        let mut plan = Self {
            tier,
            grants: Capability::ALL.iter().map(|c| (*c, c.grant(tier))).collect(),
            limits: Limit::ALL.iter().map(|l| (*l, l.bounds(tier).standard)).collect(),
        };
        plan.grants.extend(grants.into_iter().filter(|(capability, _)| !capability.is_locked()));
        for (limit, value) in limits {
            let bounds = limit.bounds(tier);
            let value = match (value, bounds.most) {
                (None, most) => most,
                (Some(value), most) => Some(value.clamp(bounds.least, most.unwrap_or(u32::MAX))),
            };
            plan.limits.insert(limit, value);
        }
        plan
    }

    /// The tier.
    #[must_use]
    pub const fn tier(&self) -> PlanTier {
        self.tier
    }

    /// How far this grants a capability. One that a stored plan does not know yet is as its tier is delivered.
    #[must_use]
    pub fn grant(&self, capability: Capability) -> Grant {
        if capability.is_locked() {
            return Grant::Full;
        }
        self.grants.get(&capability).copied().unwrap_or_else(|| capability.grant(self.tier))
    }

    /// A limit; `None` is "no limit".
    #[must_use]
    pub fn limit(&self, limit: Limit) -> Option<u32> {
        self.limits.get(&limit).copied().unwrap_or_else(|| limit.bounds(self.tier).standard)
    }

    /// The limit of [`Capability::Diff`].
    #[must_use]
    pub fn diff_limit(&self) -> DiffLimit {
        match (self.grant(Capability::Diff), self.limit(Limit::DiffWorkflows)) {
            (Grant::None, _) | (_, Some(0)) => DiffLimit::None,
            (_, Some(workflows)) => DiffLimit::Workflows(workflows),
            (_, None) => DiffLimit::All,
        }
    }

    /// How much of the lifecycle an incident has under this plan.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        if self.grant(Capability::Stabilize) == Grant::None { Lifecycle::Basic } else { Lifecycle::Full }
    }

    /// The most days that an override lasts; 0 where the plan takes none.
    #[must_use]
    pub fn override_days(&self) -> u32 {
        if self.grant(Capability::Override) == Grant::None {
            return 0;
        }
        // Every tier bounds it.
        self.limit(Limit::OverrideDays).unwrap_or(0)
    }

    /// What people may extend an incident's time by.
    #[must_use]
    pub fn extension_bounds(&self) -> ExtensionBounds {
        // Every tier bounds both.
        let limit = |limit| self.limit(limit).unwrap_or(0);
        ExtensionBounds { hours: limit(Limit::ExtensionHours), times: limit(Limit::Extensions) }
    }

    /// Whether incidents have a deadline once they are acknowledged.
    #[must_use]
    pub fn has_deadlines(&self) -> bool {
        self.lifecycle() == Lifecycle::Full && self.grant(Capability::Lifecycle) != Grant::None
    }

    /// Days that history is kept.
    #[must_use]
    pub fn history_days(&self) -> i64 {
        self.limit(Limit::HistoryDays).map_or(i64::from(u16::MAX), i64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edit_of_the_database_takes_sight_away() {
        let blind = Capability::ALL.iter().map(|c| (*c, Grant::None));
        let plan = Plan::new(PlanTier::Free, blind, []);
        for capability in Capability::ALL {
            let expected = if capability.is_locked() { Grant::Full } else { Grant::None };
            assert_eq!(plan.grant(*capability), expected, "{capability}");
        }
        let stored = r#"{"tier":"FREE","grants":{"DETECTION":"NONE"},"limits":{}}"#;
        let plan: Plan = serde_json::from_str(stored).unwrap();
        assert_eq!(plan.grant(Capability::Detection), Grant::Full);
        assert_eq!(plan.limit(Limit::HistoryDays), Some(30), "what a stored plan leaves out is as delivered");
    }

    #[test]
    fn standard_limits_lie_within_their_bounds_and_others_are_drawn_to_them() {
        for tier in PlanTier::ALL {
            for limit in Limit::ALL {
                let bounds = limit.bounds(*tier);
                assert!(bounds.allow(bounds.standard), "{tier} {limit}: {bounds:?}");
            }
        }
        let plan = Plan::new(PlanTier::Pro, [], [(Limit::OpenIncidents, None), (Limit::OverrideDays, Some(400))]);
        assert_eq!(plan.limit(Limit::OpenIncidents), Some(1));
        assert_eq!(plan.limit(Limit::OverrideDays), Some(30));
    }

    #[test]
    fn a_plan_survives_being_stored() {
        for tier in PlanTier::ALL {
            let plan = Plan::standard(*tier);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }

    #[test]
    fn the_lifecycle_follows_the_plan() {
        assert_eq!(Plan::standard(PlanTier::Pro).lifecycle(), Lifecycle::Basic);
        assert_eq!(Plan::standard(PlanTier::Agency).lifecycle(), Lifecycle::Full);
        assert_eq!(Plan::standard(PlanTier::Pro).diff_limit(), DiffLimit::Workflows(5));
        assert_eq!(Plan::standard(PlanTier::Enterprise).diff_limit(), DiffLimit::All);
    }
}
