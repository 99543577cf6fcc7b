//! Changes: the workflows whose two sides differ, where they came from and how they end.
//!
//! The orphan rule (seed, guardrail 5): a change ends by a recorded decision or by being superseded; nothing else ends it.

use chrono::{DateTime, Utc};

use crate::words::words;

words! {
    /// How live and desired differ for one workflow.
    pub enum ChangeType {
        /// Only live has it.
        Added = "ADDED",
        /// Only Git has it.
        Removed = "REMOVED",
        /// Both have it, differently.
        Modified = "MODIFIED",
    }
}

words! {
    /// Which side moved since the baseline.
    pub enum Origin {
        /// Live moved: somebody changed what runs.
        Hotfix = "HOTFIX",
        /// Git moved: what was declared has not been deployed.
        Undeployed = "UNDEPLOYED",
        /// Both moved, to different contents.
        Collision = "COLLISION",
        /// There is no baseline yet to tell by.
        Unknown = "UNKNOWN",
    }
}

words! {
    /// Where a change stands. `Open` and `Vanished` are the open ones: they make the badge.
    pub enum ChangeState {
        /// The newest good check saw it.
        Open = "OPEN",
        /// A later check no longer sees it and nobody decided. It stays open until somebody does.
        Vanished = "VANISHED",
        /// The same workflow drifted further; the newer change carries this one as its history.
        Superseded = "SUPERSEDED",
        /// A person's decision is recorded and, where it needs carrying out, was carried out.
        Decided = "DECIDED",
    }
}

impl ChangeState {
    /// Whether a change in this state counts for the drift status of its environment.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Vanished)
    }
}

words! {
    /// What became of a change that nobody decided, as far as the product can see.
    pub enum VanishedCause {
        /// Git now holds what was live.
        GitCaughtUp = "GIT_CAUGHT_UP",
        /// Live went back to what Git declared.
        LiveWentBack = "LIVE_WENT_BACK",
        /// Both sides now agree on a third content.
        Overwritten = "OVERWRITTEN",
        /// The workflow is gone from both sides.
        Gone = "GONE",
        /// The environment was made to point elsewhere; what became of the change where it pointed is not known.
        Repointed = "REPOINTED",
    }
}

impl VanishedCause {
    /// What the product saw, given what the change's two sides were and what both sides agree on now.
    ///
    /// `None` stands for "has no such workflow".
    pub fn tell<P>(
        was_live: Option<&P>,
        was_desired: Option<&P>,
        now: Option<&P>,
        same: impl Fn(&P, &P) -> bool,
    ) -> Self {
        let equal = |a: Option<&P>, b: Option<&P>| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => same(a, b),
            _ => false,
        };
        // A format that leaves a field out agrees with both: then neither side can be said to have won.
        if equal(was_live, now) && equal(was_desired, now) {
            Self::Overwritten
        } else if equal(was_live, now) {
            Self::GitCaughtUp
        } else if equal(was_desired, now) {
            Self::LiveWentBack
        } else if now.is_none() {
            Self::Gone
        } else {
            Self::Overwritten
        }
    }

    /// The decision that fits what happened; a person confirms it or chooses another.
    #[must_use]
    pub const fn fitting_decision(self) -> DecisionKind {
        match self {
            Self::GitCaughtUp => DecisionKind::Promote,
            Self::LiveWentBack => DecisionKind::Revert,
            Self::Overwritten | Self::Gone | Self::Repointed => DecisionKind::Replace,
        }
    }

    /// Whether this decision can be recorded for what happened: the fitting one, that something else took its place, or an
    /// override, which claims nothing about what happened: the difference was known and is accepted (product, Changes are
    /// never lost: Free takes a recorded override). Whether the plan takes overrides at all is the service's to ask.
    #[must_use]
    pub fn accepts(self, decision: DecisionKind) -> bool {
        decision == self.fitting_decision() || matches!(decision, DecisionKind::Replace | DecisionKind::Override)
    }
}

words! {
    /// A person's recorded choice for a change (seed: resolution paths; product: lower plans).
    pub enum DecisionKind {
        /// The live content goes to Git.
        Promote = "PROMOTE",
        /// Git's content goes over the live one.
        Revert = "REVERT",
        /// A different fix supersedes both.
        Replace = "REPLACE",
        /// Known, accepted for a time, visible all the while. Not a resolution.
        Override = "OVERRIDE",
    }
}

words! {
    /// Where an override stands. Only a running one accepts its change; the change stays open and visible all the while.
    pub enum OverrideState {
        /// It accepts the difference until its end.
        Running = "RUNNING",
        /// Its time is over: the difference asks again.
        Lapsed = "LAPSED",
        /// Somebody ended it before its time: the difference asks again.
        Ended = "ENDED",
    }
}

impl OverrideState {
    /// Where an override stands at `now`: it ends at `expires_at`, or at `ended_at` if somebody ended it before.
    #[must_use]
    pub fn at(expires_at: DateTime<Utc>, ended_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        match ended_at {
            Some(_) => Self::Ended,
            None if expires_at <= now => Self::Lapsed,
            None => Self::Running,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vanished_change_is_explained_by_where_its_contents_went() {
        let tell = |live, desired, now| VanishedCause::tell(live, desired, now, |a: &i32, b| a == b);
        assert_eq!(tell(Some(&1), Some(&2), Some(&1)), VanishedCause::GitCaughtUp);
        assert_eq!(tell(Some(&1), Some(&2), Some(&2)), VanishedCause::LiveWentBack);
        assert_eq!(tell(Some(&1), Some(&2), Some(&3)), VanishedCause::Overwritten);
        assert_eq!(tell(Some(&1), Some(&2), None), VanishedCause::Gone);
        assert_eq!(tell(Some(&1), None, None), VanishedCause::LiveWentBack, "an added workflow was deleted in n8n");
        assert_eq!(tell(None, Some(&2), None), VanishedCause::GitCaughtUp, "Git dropped what live did not have");
        let all_alike = VanishedCause::tell(Some(&1), Some(&2), Some(&3), |_, _| true);
        assert_eq!(all_alike, VanishedCause::Overwritten, "what cannot be told is not claimed");
    }

    #[test]
    fn a_decision_must_be_one_that_can_be_true() {
        for cause in VanishedCause::ALL {
            assert!(cause.accepts(cause.fitting_decision()) && cause.accepts(DecisionKind::Replace));
            assert!(cause.accepts(DecisionKind::Override), "it claims nothing about what happened");
        }
        assert!(!VanishedCause::LiveWentBack.accepts(DecisionKind::Promote));
    }

    #[test]
    fn an_override_runs_until_its_end_and_no_longer() {
        let end = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(7);
        let second = chrono::TimeDelta::seconds(1);
        assert_eq!(OverrideState::at(end, None, end - second), OverrideState::Running);
        assert_eq!(OverrideState::at(end, None, end), OverrideState::Lapsed);
        assert_eq!(OverrideState::at(end, Some(end - second), end - second), OverrideState::Ended);
    }

    #[test]
    fn only_decided_and_superseded_changes_are_over() {
        let open: Vec<_> = ChangeState::ALL.iter().filter(|s| s.is_open()).collect();
        assert_eq!(open, [&ChangeState::Open, &ChangeState::Vanished]);
    }
}
