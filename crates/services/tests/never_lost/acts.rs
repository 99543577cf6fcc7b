//! What can happen, and how often.

use drift_domain::change::DecisionKind;
use drift_domain::plan::PlanTier;
use proptest::prelude::*;

use crate::world::{TURNS, WORKFLOWS};

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// Somebody edits a workflow in n8n.
    EditInN8n { workflow: usize, value: u8 },
    /// Somebody edits its file in Git.
    EditInGit { workflow: usize, value: u8 },
    /// Somebody brings by hand what Git has into n8n.
    Deploy { workflow: usize },
    /// Somebody commits by hand what n8n has.
    Commit { workflow: usize },
    /// Somebody deletes a workflow in n8n, or imports it again.
    DeleteOrImport { workflow: usize },
    /// The schedule looks.
    Check,
    /// Somebody opens an incident.
    Open,
    /// Somebody leads the incident one step on.
    Lead,
    /// Somebody chooses a path for a change.
    Decide { change: usize, kind: DecisionKind },
    /// Somebody confirms what became of a change that vanished.
    Confirm { change: usize },
    /// Somebody accepts a difference for a time.
    Override { change: usize, days: u32 },
    /// Somebody has the decisions carried out; something strikes one of the writes; the process may die at it.
    CarryOut { strike: Option<Strike>, turns: usize },
    /// Whoever goes on, goes on.
    GoOn { turns: usize },
    /// Somebody takes it back.
    Cancel,
    /// Somebody tries again what failed.
    TryAgain,
    /// Somebody puts one side of a change back.
    Restore { change: usize, live: bool, git: bool },
    /// Somebody closes the incident.
    Close,
    /// The plan changes.
    Plan(PlanTier),
    /// Time passes, and what is over is tidied away.
    Tidy { days: i64 },
    /// n8n goes down, or comes back.
    N8nDownOrUp,
    /// GitHub answers nothing but errors until the next act of this kind.
    GithubDownOrUp,
}

/// What becomes of the `at`th writing request.
#[derive(Clone, Debug)]
pub struct Strike {
    /// Which.
    pub at: u32,
    /// What.
    pub how: How,
}

#[derive(Clone, Copy, Debug)]
pub enum How {
    DieBefore,
    DieAfter,
    Reset,
    ResetAfter,
    Status(u16),
    StatusAfter(u16),
    Cut,
    Slow,
}

impl Act {
    /// Any act.
    pub fn any() -> impl Strategy<Value = Self> {
        let workflow = || 0..WORKFLOWS;
        let change = || 0..4_usize;
        let paths = prop_oneof![
            3 => Just(DecisionKind::Promote), 3 => Just(DecisionKind::Revert), 1 => Just(DecisionKind::Replace)
        ];
        let how = prop_oneof![
            Just(How::DieBefore),
            Just(How::DieAfter),
            Just(How::Reset),
            Just(How::ResetAfter),
            prop_oneof![Just(401), Just(403), Just(404), Just(409), Just(422), Just(429), Just(500)]
                .prop_map(How::Status),
            Just(How::StatusAfter(500)),
            Just(How::Cut),
            Just(How::Slow),
        ];
        let strike = proptest::option::of((0..8_u32, how).prop_map(|(at, how)| Strike { at, how }));
        prop_oneof![
            8 => (workflow(), 0..4_u8).prop_map(|(workflow, value)| Self::EditInN8n { workflow, value }),
            4 => (workflow(), 0..4_u8).prop_map(|(workflow, value)| Self::EditInGit { workflow, value }),
            2 => workflow().prop_map(|workflow| Self::Deploy { workflow }),
            2 => workflow().prop_map(|workflow| Self::Commit { workflow }),
            2 => workflow().prop_map(|workflow| Self::DeleteOrImport { workflow }),
            8 => Just(Self::Check),
            5 => Just(Self::Open),
            5 => Just(Self::Lead),
            12 => (change(), paths).prop_map(|(change, kind)| Self::Decide { change, kind }),
            3 => change().prop_map(|change| Self::Confirm { change }),
            1 => (change(), 1..7_u32).prop_map(|(change, days)| Self::Override { change, days }),
            12 => (strike, 1..TURNS).prop_map(|(strike, turns)| Self::CarryOut { strike, turns }),
            5 => (1..TURNS).prop_map(|turns| Self::GoOn { turns }),
            1 => Just(Self::Cancel),
            2 => Just(Self::TryAgain),
            2 => (change(), any::<bool>(), any::<bool>()).prop_map(|(change, live, git)| Self::Restore { change, live, git }),
            7 => Just(Self::Close),
            1 => prop_oneof![Just(PlanTier::Free), Just(PlanTier::Pro), Just(PlanTier::Agency)].prop_map(Self::Plan),
            1 => (1..900_i64).prop_map(|days| Self::Tidy { days }),
            1 => Just(Self::N8nDownOrUp),
            1 => Just(Self::GithubDownOrUp),
        ]
    }
}
