//! Plans and capabilities: the seed's table, once.
//!
//! Standing rule 1 is a compile-time fact here: the constant at the foot does not evaluate unless detection and visibility
//! are [`Grant::Full`] on every plan.

use crate::role::Role;
use crate::words::words;

words! {
    /// A plan tier, from least to most.
    pub enum PlanTier {
        /// Drift is seen.
        Free = "FREE",
        /// Drift is managed, one environment at a time.
        Pro = "PRO",
        /// Drift is managed for many, with deadlines.
        Agency = "AGENCY",
        /// Drift is governed by policy.
        Enterprise = "ENTERPRISE",
    }
}

impl PlanTier {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Pro => "Pro",
            Self::Agency => "Agency",
            Self::Enterprise => "Enterprise",
        }
    }
}

words! {
    /// Something that a plan grants and a role may use.
    pub enum Capability {
        /// Detection runs.
        Detection = "DETECTION",
        /// Badge, banner and list of environments.
        Visibility = "VISIBILITY",
        /// The drift workspace: counts, affected workflows, what was ignored, checks.
        Summary = "SUMMARY",
        /// What exactly differs in one workflow.
        Diff = "DIFF",
        /// Asking for a check now.
        Recheck = "RECHECK",
        /// Recording a decision for a change that vanished.
        ConfirmVanished = "CONFIRM_VANISHED",
        /// Connecting and configuring environments, linking workflows, finishing the adoption review.
        Configure = "CONFIGURE",
        /// Creating and working in drift incidents.
        Incidents = "INCIDENTS",
    }
}

/// How far a plan grants a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Not at all.
    None,
    /// Within limits that the capability itself knows ([`PlanTier::diff_limit`]).
    Limited,
    /// Without limit.
    Full,
}

use Grant::{Full, Limited, None};

impl Capability {
    /// The row of this capability: grants of Free, Pro, Agency and Enterprise, and the least role that may use it.
    /// Source: the seed's table of tier capabilities, and the roles of the product.
    const fn row(self) -> ([Grant; 4], Role) {
        match self {
            Self::Detection | Self::Visibility | Self::Summary => ([Full, Full, Full, Full], Role::Viewer),
            Self::Diff => ([None, Limited, Full, Full], Role::Viewer),
            Self::Recheck | Self::ConfirmVanished => ([Full, Full, Full, Full], Role::Operator),
            Self::Configure => ([Full, Full, Full, Full], Role::Admin),
            Self::Incidents => ([None, Limited, Full, Full], Role::Operator),
        }
    }

    /// How far `plan` grants this.
    #[must_use]
    pub const fn grant(self, plan: PlanTier) -> Grant {
        self.row().0[plan as usize]
    }

    /// The least role that may use this.
    #[must_use]
    pub const fn least_role(self) -> Role {
        self.row().1
    }

    /// The first plan that grants this at all.
    #[must_use]
    pub fn first_plan(self) -> Option<PlanTier> {
        PlanTier::ALL.iter().copied().find(|plan| self.grant(*plan) != Grant::None)
    }

    /// What a person reads, as the object of "… needs the Pro plan".
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Detection => "Drift detection",
            Self::Visibility => "Seeing drift",
            Self::Summary => "The drift summary",
            Self::Diff => "Seeing what differs inside a workflow",
            Self::Recheck => "Checking again on demand",
            Self::ConfirmVanished => "Recording what became of a change",
            Self::Configure => "Configuring environments",
            Self::Incidents => "Managing drift incidents",
        }
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

impl PlanTier {
    /// The limit of [`Capability::Diff`] on this plan (product, table of limits).
    #[must_use]
    pub const fn diff_limit(self) -> DiffLimit {
        match Capability::Diff.grant(self) {
            Grant::None => DiffLimit::None,
            Grant::Limited => DiffLimit::Workflows(5),
            Grant::Full => DiffLimit::All,
        }
    }

    /// Days that history is kept (product, table of limits).
    #[must_use]
    pub const fn history_days(self) -> i64 {
        match self {
            Self::Free => 30,
            Self::Pro => 90,
            Self::Agency => 365,
            Self::Enterprise => 7 * 365,
        }
    }
}

/// Standing rule 1: detection and the banner cannot be turned off, on any plan, by any edit of the table above.
const _: () = {
    let mut plan = 0;
    while plan < PlanTier::ALL.len() {
        let tier = PlanTier::ALL[plan];
        assert!(matches!(Capability::Detection.grant(tier), Full));
        assert!(matches!(Capability::Visibility.grant(tier), Full));
        assert!(matches!(Capability::Summary.grant(tier), Full));
        plan += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_plan_never_means_less() {
        let rank = |grant| match grant {
            None => 0,
            Limited => 1,
            Full => 2,
        };
        for capability in Capability::ALL {
            let grants: Vec<_> = PlanTier::ALL.iter().map(|plan| rank(capability.grant(*plan))).collect();
            assert!(grants.is_sorted(), "{capability}: {grants:?}");
        }
    }

    #[test]
    fn the_refusal_can_name_the_plan_that_has_it() {
        assert_eq!(Capability::Diff.first_plan(), Some(PlanTier::Pro));
        assert_eq!(Capability::Summary.first_plan(), Some(PlanTier::Free));
    }
}
