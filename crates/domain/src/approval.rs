//! Approvals: what a policy lets somebody do once others have agreed to it.

use serde::{Deserialize, Serialize};

use crate::change::DecisionKind;
use crate::ids::{ChangeId, EnvironmentId, IncidentId, UserId};
use crate::policy::PolicyAction;
use crate::words::words;

words! {
    /// How far a request for approval is.
    pub enum ApprovalState {
        /// It waits for somebody to approve.
        Pending = "PENDING",
        /// Enough have approved; it is about to be carried out.
        Approved = "APPROVED",
        /// It was carried out.
        Done = "DONE",
        /// It was approved and could not be carried out: things are not as they were.
        Failed = "FAILED",
        /// Somebody who could have approved it did not want it.
        Rejected = "REJECTED",
        /// Whoever asked takes it back.
        Withdrawn = "WITHDRAWN",
        /// Nobody approved it in time.
        Expired = "EXPIRED",
    }
}

impl ApprovalState {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Waiting for approval",
            Self::Approved => "Approved",
            Self::Done => "Carried out",
            Self::Failed => "Could not be carried out",
            Self::Rejected => "Rejected",
            Self::Withdrawn => "Withdrawn",
            Self::Expired => "Expired",
        }
    }

    /// Whether something still comes of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

/// Something that a policy may ask approvals for, with all that it takes to do it. What names a version is done to that version
/// or not at all: who approves agrees to what both saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "action", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProposedAct {
    /// Take an incident on.
    Acknowledge {
        /// The incident.
        incident: IncidentId,
        /// The version that was seen.
        version: i64,
        /// Why.
        reason: String,
        /// Who is to own it; nobody: who asks.
        #[serde(default)]
        owner: Option<UserId>,
    },
    /// Give an incident more time.
    Extend {
        /// The incident.
        incident: IncidentId,
        /// The version that was seen.
        version: i64,
        /// Hours.
        hours: u32,
        /// Why.
        reason: String,
    },
    /// Choose what becomes of changes.
    Decide {
        /// The incident.
        incident: IncidentId,
        /// The version that was seen.
        version: i64,
        /// For which changes; none named: for every one that waits.
        #[serde(default)]
        changes: Option<Vec<ChangeId>>,
        /// The path.
        kind: DecisionKind,
        /// Why.
        reason: String,
        /// For REPLACE: the commit, or what else takes the place of both sides.
        #[serde(default)]
        replacement: Option<String>,
    },
    /// Ask to close an incident.
    Close {
        /// The incident.
        incident: IncidentId,
        /// The version that was seen.
        version: i64,
    },
    /// Accept a difference for a time.
    Override {
        /// The environment.
        environment: EnvironmentId,
        /// The change.
        change: ChangeId,
        /// Why.
        reason: String,
        /// Days.
        days: u32,
    },
}

impl ProposedAct {
    /// What a policy calls it.
    #[must_use]
    pub const fn action(&self) -> PolicyAction {
        match self {
            Self::Acknowledge { .. } => PolicyAction::Acknowledge,
            Self::Extend { .. } => PolicyAction::Extend,
            Self::Decide { .. } => PolicyAction::Decide,
            Self::Close { .. } => PolicyAction::Close,
            Self::Override { .. } => PolicyAction::Override,
        }
    }

    /// The incident that it is about, if it is about one.
    #[must_use]
    pub const fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Acknowledge { incident, .. }
            | Self::Extend { incident, .. }
            | Self::Decide { incident, .. }
            | Self::Close { incident, .. } => Some(*incident),
            Self::Override { .. } => None,
        }
    }

    /// What it would do, in words that follow “somebody asks to”.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Acknowledge { .. } => "acknowledge the incident".to_owned(),
            Self::Extend { hours, .. } => format!("give the incident {hours} hours more"),
            Self::Decide { kind, changes, .. } => match changes.as_ref().map(Vec::len) {
                None => format!("choose {kind} for every change that waits"),
                Some(1) => format!("choose {kind} for a change"),
                Some(n) => format!("choose {kind} for {n} changes"),
            },
            Self::Close { .. } => "close the incident".to_owned(),
            Self::Override { days, .. } => format!("override a difference for {days} days"),
        }
    }

    /// Why, as whoever asks says.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Acknowledge { reason, .. }
            | Self::Extend { reason, .. }
            | Self::Decide { reason, .. }
            | Self::Override { reason, .. } => Some(reason),
            Self::Close { .. } => None,
        }
    }
}
