//! What becomes of one part: the rule of every three-way merge, and a person's choice where it gives none.

use drift_domain::views::MergeSide::{self, Desired, Live};

use super::Choices;

/// What is known of a part: which sides left the base, and whether they agree with each other now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moves {
    pub(super) live: bool,
    pub(super) desired: bool,
    pub(super) alike: bool,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Neither side moved.
    Untouched,
    /// One side moved.
    From(MergeSide),
    /// Both moved to the same.
    Alike,
    /// Both moved, and what they did goes together: both added to a set, or both took from it.
    Together,
    /// A person has to pick.
    Conflict,
}

impl Moves {
    pub(super) const fn verdict(self) -> Verdict {
        match (self.live, self.desired, self.alike) {
            (false, false, true) => Verdict::Untouched,
            (true, false, _) => Verdict::From(Live),
            (false, true, _) => Verdict::From(Desired),
            (true, true, true) => Verdict::Alike,
            // Neither is known to have moved and yet they differ: what they had in common is not known.
            (true, true, false) | (false, false, false) => Verdict::Conflict,
        }
    }
}

/// What was decided of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// What a person picked, where that was asked for.
    pub(super) chosen: Option<MergeSide>,
}

impl Decided {
    /// `sides` can be picked.
    pub(super) fn new(verdict: Verdict, key: &str, choices: &Choices, sides: &[MergeSide]) -> Self {
        let chosen = || choices.get(key).copied().filter(|side| sides.contains(side));
        Self { verdict, chosen: if verdict == Verdict::Conflict { chosen() } else { None } }
    }

    /// Whether a person has to pick and did not yet.
    pub(super) fn is_open(self) -> bool {
        self.verdict == Verdict::Conflict && self.chosen.is_none()
    }

    /// The side that it is taken from; live's where both will do, none where it is open.
    pub(super) fn side(self) -> Option<MergeSide> {
        match (self.verdict, self.chosen) {
            (Verdict::Conflict, chosen) => chosen,
            (Verdict::From(side), _) => Some(side),
            (Verdict::Untouched | Verdict::Alike | Verdict::Together, _) => Some(Live),
        }
    }
}
