//! Drift incidents: their words, their lifecycle as types, the proofs that it takes, tickets and mentions.

use crate::words::words;

mod lifecycle;
pub mod mentions;
mod proofs;
pub mod ticket;
mod ttl;

pub use lifecycle::{AnyIncident, Facts, Incident, Inconsistent, NewDrift, Refusal, Step, Times, step};
pub use proofs::{GoodLook, InSync, Settled, Standing, StillDifferent, Unsettled};
pub use ttl::{ExtensionBounds, ExtensionRefused, TimePercent, TimePoint, Ttl};

words! {
    /// Where an incident stands (seed: `Detected → Acknowledged → Stabilized → Reconciled → Closed`).
    pub enum IncidentStatus {
        /// Opened, nobody has taken it on.
        Detected = "DETECTED",
        /// Somebody has taken it on, with a reason.
        Acknowledged = "ACKNOWLEDGED",
        /// Somebody says that production is stable. The basic lifecycle skips this.
        Stabilized = "STABILIZED",
        /// Every change is decided and carried out, and a check found no difference.
        Reconciled = "RECONCILED",
        /// Proven equal by a check of the closing's own. Final.
        Closed = "CLOSED",
    }
}

impl IncidentStatus {
    /// Whether an incident in this status is open: it makes the badge of its environment.
    #[must_use]
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Closed)
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Detected => "Detected",
            Self::Acknowledged => "Acknowledged",
            Self::Stabilized => "Stabilized",
            Self::Reconciled => "Reconciled",
            Self::Closed => "Closed",
        }
    }
}

words! {
    /// How far the execution of a decision is (seed: artifact status).
    pub enum ArtifactState {
        /// Not carried out yet, or not verified yet.
        Pending = "PENDING",
        /// Carried out, and a check has seen it.
        Success = "SUCCESS",
        /// Not carried out, or not as decided.
        Failed = "FAILED",
    }
}

words! {
    /// How far a closing is.
    pub enum ClosingState {
        /// Its check has not ended yet.
        Checking = "CHECKING",
        /// Its check found live equal to desired, and the incident closed.
        Closed = "CLOSED",
        /// It was refused; the incident is where it was.
        Refused = "REFUSED",
    }
}

words! {
    /// What people do to an incident.
    pub enum IncidentAction {
        /// Taking it on, with a reason.
        Acknowledge = "ACKNOWLEDGE",
        /// Saying that production is stable.
        Stabilize = "STABILIZE",
        /// Stating that every change is carried out.
        Reconcile = "RECONCILE",
        /// Closing it, by proof.
        Close = "CLOSE",
        /// Choosing a path for a change.
        Decide = "DECIDE",
        /// Naming another owner.
        Assign = "ASSIGN",
        /// Naming a ticket.
        SetTicket = "SET_TICKET",
        /// Adjusting the severity.
        SetSeverity = "SET_SEVERITY",
        /// Giving it more time, with a reason.
        Extend = "EXTEND",
        /// Commenting.
        Comment = "COMMENT",
        /// Asking for a check of its environment.
        Recheck = "RECHECK",
    }
}

#[cfg(test)]
mod tests;
