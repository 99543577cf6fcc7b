//! What reconciling and closing take: proof that live equals desired, and that every change is over by decision.

use chrono::{DateTime, Utc};

use super::ArtifactState;
use crate::change::{ChangeState, DecisionKind};
use crate::ids::{CheckId, EnvironmentId, IncidentId};

/// What a check found that read both sides whole. A failed check is none of these (standing rule 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodLook {
    /// What was looked at.
    pub environment: EnvironmentId,
    /// The check.
    pub check: CheckId,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// Workflows that differed.
    pub differing: u32,
}

/// Proof that live equals desired in one environment, by one whole look. Nothing else makes it.
///
/// ```compile_fail
/// use drift_domain::incident::InSync;
///
/// fn forge(look: drift_domain::incident::GoodLook) -> InSync {
///     InSync(look)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InSync(GoodLook);

/// A whole look found differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} still", match .0 { 1 => "1 workflow differs".to_owned(), n => format!("{n} workflows differ") })]
pub struct StillDifferent(pub u32);

impl InSync {
    /// Takes a look as proof, if it found no difference.
    ///
    /// # Errors
    /// [`StillDifferent`]
    pub const fn of(look: GoodLook) -> Result<Self, StillDifferent> {
        if look.differing == 0 { Ok(Self(look)) } else { Err(StillDifferent(look.differing)) }
    }

    /// What was looked at.
    #[must_use]
    pub const fn environment(&self) -> EnvironmentId {
        self.0.environment
    }

    /// The check that looked.
    #[must_use]
    pub const fn check(&self) -> CheckId {
        self.0.check
    }

    /// When that check began.
    #[must_use]
    pub const fn begun_at(&self) -> DateTime<Utc> {
        self.0.begun_at
    }
}

/// How one change of an incident stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The workflow's name, for sentences.
    pub workflow: String,
    /// Where the change stands.
    pub state: ChangeState,
    /// What ended it, or the path that was chosen for it.
    pub decision: Option<DecisionKind>,
    /// How far the execution of that is. `None` for one that was confirmed after it vanished.
    pub artifact: Option<ArtifactState>,
    /// The check that saw it over, and when that check ended; for what the product carried out, when that ended.
    pub over: Option<(Option<CheckId>, DateTime<Utc>)>,
}

/// Why a change is not over by decision. Each is a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    /// It differs, and nobody chose a path.
    #[error("“{0}” still differs, and no path is chosen for it.")]
    Undecided(String),
    /// It differs, and a path is chosen.
    #[error("“{0}” still differs: {1} is chosen, and no check has seen it carried out.")]
    Pending(String, DecisionKind),
    /// It is not seen any more, and nobody said what became of it.
    #[error("“{0}” no longer differs, and nobody has confirmed what became of it.")]
    Unconfirmed(String),
    /// It was decided in a way that resolves nothing.
    #[error("“{0}” was overridden, and an override is no resolution.")]
    NoResolution(String),
    /// No change of it was decided at all.
    #[error("No change of this incident has a resolution path (PROMOTE, REVERT or REPLACE).")]
    NothingDecided,
}

/// Proof that every change of one incident is over by a decision that was carried out (seed, guardrails 4 and 5). Nothing
/// else makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    incident: IncidentId,
    over: Vec<(Option<CheckId>, DateTime<Utc>)>,
}

impl Settled {
    /// Looks at every change of an incident. Superseded ones are carried by newer ones.
    ///
    /// # Errors
    /// Every change that is not over, and why.
    pub fn of(incident: IncidentId, changes: &[Standing]) -> Result<Self, Vec<Unsettled>> {
        let mut unsettled: Vec<_> = changes.iter().filter_map(unsettled).collect();
        if !changes.iter().any(|change| change.state == ChangeState::Decided) && unsettled.is_empty() {
            unsettled.push(Unsettled::NothingDecided);
        }
        if unsettled.is_empty() {
            Ok(Self { incident, over: changes.iter().filter_map(|change| change.over).collect() })
        } else {
            Err(unsettled)
        }
    }

    /// The incident.
    #[must_use]
    pub const fn incident(&self) -> IncidentId {
        self.incident
    }

    /// Whether a look came after the last change was carried out: it began after that, or it is the very check that saw
    /// the change over, or a later one.
    #[must_use]
    pub fn is_seen_by(&self, look: &InSync) -> bool {
        self.over.iter().all(|(check, at)| match check {
            // Later checks have larger identifiers.
            Some(check) => look.check() >= *check,
            None => look.begun_at() >= *at || look.0.ended_at == *at,
        })
    }
}

fn unsettled(change: &Standing) -> Option<Unsettled> {
    let name = || change.workflow.clone();
    match (change.state, change.decision, change.artifact) {
        (ChangeState::Superseded, _, _) => None,
        (ChangeState::Decided, Some(DecisionKind::Override), _) => Some(Unsettled::NoResolution(name())),
        (ChangeState::Decided, Some(_), None | Some(ArtifactState::Success)) => None,
        (ChangeState::Vanished, _, _) => Some(Unsettled::Unconfirmed(name())),
        (_, Some(kind), _) => Some(Unsettled::Pending(name(), kind)),
        (_, None, _) => Some(Unsettled::Undecided(name())),
    }
}
