//! Overrides as the screens and the API show them: differences that are known, accepted for a time, and visible all the
//! while (product, Lower plans).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::OverrideState;

/// The newest override of a change. One that runs no longer is shown, too: the difference asks again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverrideView {
    /// Where it stands.
    pub state: OverrideState,
    /// Why the difference is accepted.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// When it ends, or ended, by itself.
    pub until: DateTime<Utc>,
    /// When somebody ended it before its time, and who.
    pub ended: Option<(DateTime<Utc>, String)>,
}

impl OverrideView {
    /// Whether it accepts the difference now.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.state, OverrideState::Running)
    }
}

/// The overrides of an environment, for all to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverrideCount {
    /// Open changes that a running override accepts. They count as affected workflows all the same.
    pub running: u32,
    /// When the first of them ends.
    pub next_end: Option<DateTime<Utc>>,
}

/// Whether the caller may override a change, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OverrideOffer {
    /// The most days that the plan takes; 0 where it takes none.
    pub longest_days: u32,
    /// Why the caller may not, if that is so: the plan, the role or the policy.
    pub refusal: Option<String>,
    /// Whether the caller may end one that runs. Policy does not stand against that.
    pub may_end: bool,
}

impl OverrideOffer {
    /// Whether a form for it is worth showing.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.refusal.is_none()
    }
}
