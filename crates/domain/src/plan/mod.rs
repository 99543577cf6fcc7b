//! Plans and capabilities: the seed's table, once.
//!
//! Standing rule 1 is a compile-time fact here: the constant at the foot does not evaluate unless detection and visibility
//! are [`Grant::Full`] on every plan.

use crate::role::Role;
use crate::words::words;

mod effect;
mod limits;

pub use effect::Difference;
pub use limits::{Bounds, DiffLimit, Lifecycle, Limit, Plan};

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
        /// Accepting a difference for a time, on the record.
        Override = "OVERRIDE",
        /// Reading drift incidents and their workspace.
        Incidents = "INCIDENTS",
        /// Creating an incident and commenting on one.
        ManageIncidents = "MANAGE_INCIDENTS",
        /// What exactly differs in one workflow.
        Diff = "DIFF",
        /// Moving an incident through its lifecycle: acknowledging, reconciling, closing.
        Lifecycle = "LIFECYCLE",
        /// Saying that production is stable, the step that the basic lifecycle skips.
        Stabilize = "STABILIZE",
        /// An incident's owner and reason.
        Ownership = "OWNERSHIP",
        /// An incident's ticket link.
        TicketLink = "TICKET_LINK",
        /// Adjusting the severity of an incident, with a reason.
        AdjustSeverity = "ADJUST_SEVERITY",
        /// Giving an incident more time, with a reason.
        Extend = "EXTEND",
        /// Choosing a resolution path for a change.
        Decide = "DECIDE",
        /// Having the product carry decisions out, and put stored contents back.
        Execute = "EXECUTE",
        /// Deploying what Git declares to an environment.
        Deploy = "DEPLOY",
        /// Asking for a check now.
        Recheck = "RECHECK",
        /// Recording a decision for a change that vanished.
        ConfirmVanished = "CONFIRM_VANISHED",
        /// Connecting and configuring environments, linking workflows, finishing the adoption review.
        Configure = "CONFIGURE",
        /// Asking for a higher plan.
        RequestUpgrade = "REQUEST_UPGRADE",
        /// Choosing the plan and editing its limits.
        ManagePlan = "MANAGE_PLAN",
        /// Inviting members, changing their roles, removing them.
        Members = "MEMBERS",
        /// One's own sessions, password and API tokens.
        Account = "ACCOUNT",
        /// The channels that an organization is told things through, and the log of what was sent.
        Notifications = "NOTIFICATIONS",
        /// Figures of drift and of how it is dealt with, as far back as the history goes.
        Metrics = "METRICS",
        /// Reading and exporting the audit log, which is written on every plan.
        Audit = "AUDIT",
        /// Asking for approvals, and giving them, where a policy takes them.
        Approvals = "APPROVALS",
        /// Writing policies, and saying where they hold.
        Policies = "POLICIES",
        /// Compliance reports: having them made, taking them away, having one made every month.
        Reports = "REPORTS",
        /// Seeing what retention removes and keeps, and releasing what is under a legal hold.
        Retention = "RETENTION",
        /// Placing legal holds, which keep what the plan would let go.
        Holds = "HOLDS",
    }
}

words! {
    /// How far a plan grants a capability.
    pub enum Grant {
        /// Not at all.
        None = "NONE",
        /// Within limits: a [`Limit`], or the basic form of the thing.
        Limited = "LIMITED",
        /// Without limit.
        Full = "FULL",
    }
}

use Grant::{Full, Limited, None};

impl Capability {
    /// The row of this capability: grants of Free, Pro, Agency and Enterprise, and the least role that may use it.
    /// Source: the seed's table of tier capabilities, and the roles of the product. The database is seeded from this
    /// table, and a test holds the two against each other.
    const fn row(self) -> ([Grant; 4], Role) {
        match self {
            Self::Detection | Self::Visibility | Self::Summary => ([Full, Full, Full, Full], Role::Viewer),
            // On Enterprise an override is a matter of policy; the limit of days is 0 until somebody decides otherwise.
            Self::Override => ([Full, Full, Limited, Limited], Role::Operator),
            Self::Diff => ([None, Limited, Full, Full], Role::Viewer),
            Self::Incidents => ([None, Limited, Full, Full], Role::Viewer),
            Self::ManageIncidents | Self::Lifecycle | Self::Ownership | Self::Decide => {
                ([None, Limited, Full, Full], Role::Operator)
            }
            // Product, table of limits: reconciliation executed by the product, TTL and SLA.
            Self::Stabilize | Self::TicketLink | Self::AdjustSeverity | Self::Extend | Self::Execute | Self::Deploy => {
                ([None, None, Full, Full], Role::Operator)
            }
            Self::Recheck | Self::ConfirmVanished => ([Full, Full, Full, Full], Role::Operator),
            // Limited by the history that the plan keeps, and to what the plan has at all.
            Self::Metrics => ([Limited, Limited, Full, Full], Role::Viewer),
            // It holds network addresses, so not everybody who sees drift reads it. Limited to its last 90 days.
            Self::Audit => ([None, None, Limited, Full], Role::Admin),
            // Only a policy asks for them: whoever it asks can answer, whatever the plan is now.
            Self::Approvals => ([Full, Full, Full, Full], Role::Operator),
            Self::Policies => ([None, None, None, Full], Role::Admin),
            // Product, table of limits: compliance export. Limited to CSV of the last 90 days; as the log that it proves itself by.
            Self::Reports => ([None, None, Limited, Full], Role::Admin),
            // What goes, and when, is said to everybody whose data it is; so a hold can be released after a downgrade, too.
            Self::Retention => ([Full, Full, Full, Full], Role::Admin),
            // The seed's row of compliance and long retention.
            Self::Holds => ([None, None, None, Full], Role::Admin),
            Self::RequestUpgrade | Self::Account => ([Full, Full, Full, Full], Role::Viewer),
            Self::Configure | Self::ManagePlan | Self::Members | Self::Notifications => {
                ([Full, Full, Full, Full], Role::Admin)
            }
        }
    }

    /// How far `tier` grants this as the product is delivered; what holds for an organization is its [`Plan`].
    #[must_use]
    pub const fn grant(self, tier: PlanTier) -> Grant {
        self.row().0[tier as usize]
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

    /// The first plan that grants this without limit.
    #[must_use]
    pub fn first_full_plan(self) -> Option<PlanTier> {
        PlanTier::ALL.iter().copied().find(|plan| self.grant(*plan) == Grant::Full)
    }

    /// Whether this is part of seeing drift, which no plan, role, setting or call takes away (standing rule 1).
    #[must_use]
    pub const fn is_locked(self) -> bool {
        matches!(self, Self::Detection | Self::Visibility | Self::Summary)
    }

    /// What a person reads, as the object of "… needs the Pro plan".
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Detection => "Drift detection",
            Self::Visibility => "Seeing drift",
            Self::Summary => "The drift summary",
            Self::Override => "Overriding drift for a time",
            Self::Incidents => "Reading drift incidents",
            Self::ManageIncidents => "Managing drift incidents",
            Self::Diff => "Seeing what differs inside a workflow",
            Self::Lifecycle => "Moving an incident through its lifecycle",
            Self::Stabilize => "Marking an incident as stabilized",
            Self::Ownership => "An incident's owner and reason",
            Self::TicketLink => "An incident's ticket link",
            Self::AdjustSeverity => "Adjusting an incident's severity",
            Self::Extend => "Giving an incident more time",
            Self::Decide => "Choosing a resolution path",
            Self::Execute => "Having decisions carried out",
            Self::Deploy => "Deploying to environments",
            Self::Recheck => "Checking again on demand",
            Self::ConfirmVanished => "Recording what became of a change",
            Self::Configure => "Configuring environments",
            Self::RequestUpgrade => "Asking for a higher plan",
            Self::ManagePlan => "Choosing the plan",
            Self::Members => "Managing members",
            Self::Account => "Your own account",
            Self::Notifications => "Notification channels",
            Self::Metrics => "Metrics",
            Self::Audit => "The audit log",
            Self::Approvals => "Approvals",
            Self::Policies => "Policies",
            Self::Reports => "Compliance reports",
            Self::Retention => "Retention",
            Self::Holds => "Placing legal holds",
        }
    }
}

/// Standing rule 1: detection and the banner cannot be turned off, on any plan, by any edit of the table above.
const _: () = {
    let mut plan = 0;
    while plan < PlanTier::ALL.len() {
        let tier = PlanTier::ALL[plan];
        let mut capability = 0;
        while capability < Capability::ALL.len() {
            let word = Capability::ALL[capability];
            assert!(!word.is_locked() || matches!(word.grant(tier), Full));
            capability += 1;
        }
        assert!(
            Capability::Detection.is_locked() && Capability::Visibility.is_locked() && Capability::Summary.is_locked()
        );
        plan += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_plan_never_means_less_but_for_overrides() {
        for capability in Capability::ALL.iter().filter(|c| **c != Capability::Override) {
            let grants: Vec<_> = PlanTier::ALL.iter().map(|plan| capability.grant(*plan)).collect();
            assert!(grants.is_sorted(), "{capability}: {grants:?}");
        }
    }

    #[test]
    fn the_refusal_can_name_the_plan_that_has_it() {
        assert_eq!(Capability::Diff.first_plan(), Some(PlanTier::Pro));
        assert_eq!(Capability::Diff.first_full_plan(), Some(PlanTier::Agency));
        assert_eq!(Capability::Summary.first_plan(), Some(PlanTier::Free));
    }
}
