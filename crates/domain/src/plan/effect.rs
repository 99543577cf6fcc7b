//! What changes between two plans, capability by capability and limit by limit.

use super::{Capability, Limit, Plan};
use crate::views::{CapabilityChange, LimitChange};

/// The difference between two plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What the second grants further than the first.
    pub gained: Vec<CapabilityChange>,
    /// What the second grants less far.
    pub lost: Vec<CapabilityChange>,
    /// Limits that are not the same.
    pub limits: Vec<LimitChange>,
}

impl Plan {
    /// What changes when this plan gives way to another.
    #[must_use]
    pub fn difference(&self, to: &Self) -> Difference {
        let changes = Capability::ALL.iter().map(|capability| CapabilityChange {
            capability: *capability,
            from: self.grant(*capability),
            to: to.grant(*capability),
        });
        let (gained, rest): (Vec<_>, Vec<_>) = changes.filter(|c| c.from != c.to).partition(|c| c.from < c.to);
        let limits = Limit::ALL.iter().map(|limit| LimitChange {
            limit: *limit,
            from: self.limit(*limit),
            to: to.limit(*limit),
        });
        Difference { gained, lost: rest, limits: limits.filter(|l| l.from != l.to).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlanTier;

    #[test]
    fn going_up_and_coming_down_are_mirrored() {
        let (free, agency) = (Plan::standard(PlanTier::Free), Plan::standard(PlanTier::Agency));
        let (up, down) = (free.difference(&agency), agency.difference(&free));
        let names = |changes: &[CapabilityChange]| changes.iter().map(|c| c.capability).collect::<Vec<_>>();
        assert_eq!(names(&up.gained), names(&down.lost));
        assert_eq!(names(&up.lost), [Capability::Override], "overrides get shorter as plans get larger");
        assert!(names(&up.gained).contains(&Capability::Stabilize));
        assert!(!names(&down.lost).iter().any(|c| c.is_locked()), "no downgrade takes the sight of drift away");
        assert_eq!(free.difference(&free), Difference::default());
    }
}
