//! What is asked of a policy.

use drift_domain::change::DecisionKind;
use drift_domain::environment::EnvironmentClass;
use drift_domain::policy::PolicyAction;
use drift_domain::role::Role;
use drift_domain::severity::Severity;

/// Who asks, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The person's role now.
    pub role: Role,
    /// The class of the environment.
    pub class: EnvironmentClass,
}

/// What a policy may know of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentFacts {
    /// How much it matters.
    pub severity: Severity,
    /// Whether its deadline is over.
    pub expired: bool,
    /// Whether whoever asks owns it.
    pub owner: bool,
}

/// What somebody would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Take an incident on.
    Acknowledge(IncidentFacts),
    /// Give an incident more time.
    Extend {
        /// The incident.
        incident: IncidentFacts,
        /// Hours that are asked for.
        hours: u32,
        /// How often it was extended before.
        extensions: u32,
    },
    /// Accept a difference for a time.
    Override {
        /// Days that are asked for.
        days: u32,
    },
    /// Choose what becomes of a change.
    Decide {
        /// The incident.
        incident: IncidentFacts,
        /// The path.
        path: DecisionKind,
    },
    /// Deploy as an emergency.
    DeployEmergency {
        /// Whether an expired incident blocks standard deployments.
        blocked: bool,
    },
    /// Ask to close an incident.
    Close(IncidentFacts),
}

impl Ask {
    /// Which action it is.
    #[must_use]
    pub const fn action(self) -> PolicyAction {
        match self {
            Self::Acknowledge(_) => PolicyAction::Acknowledge,
            Self::Extend { .. } => PolicyAction::Extend,
            Self::Override { .. } => PolicyAction::Override,
            Self::Decide { .. } => PolicyAction::Decide,
            Self::DeployEmergency { .. } => PolicyAction::DeployEmergency,
            Self::Close(_) => PolicyAction::Close,
        }
    }
}
