//! Deployments, and the gate that an expired incident is.
//!
//! Only a standard deployment can be blocked, and that is a matter of types: [`Standard::at_gate`] is the one function that can
//! refuse a deployment over an incident, and a recovery or an emergency has no way to be asked there (standing rule:
//! enforcement never blocks recovery).
//!
//! ```compile_fail
//! use drift_domain::deployment::{Deployment, DeploymentKind, Obstacle};
//!
//! fn block(obstacle: Obstacle) {
//!     if let Ok(Deployment::Recovery(recovery)) = Deployment::new(DeploymentKind::Recovery, "the release broke refunds") {
//!         let _ = recovery.at_gate(Some(obstacle));
//!     }
//! }
//! ```

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::IncidentId;
use crate::severity::Severity;
use crate::words::words;

words! {
    /// What a deployment is for.
    pub enum DeploymentKind {
        /// What is new goes live. An expired incident blocks it.
        Standard = "STANDARD",
        /// Something broke, and what worked is brought back. Nothing blocks it; it takes a reason.
        Recovery = "RECOVERY",
        /// It cannot wait for an expired incident. Nothing blocks it; it takes a reason, and is part of an incident.
        Emergency = "EMERGENCY",
    }
}

words! {
    /// How the gate answers at GitHub.
    pub enum GateWay {
        /// A GitHub App's custom deployment protection rule: each run is answered before it deploys.
        ProtectionRule = "PROTECTION_RULE",
        /// A commit status of the followed ref's newest commit, for whoever signs in with a token.
        CommitStatus = "COMMIT_STATUS",
    }
}

words! {
    /// How a run stands that asked at the gate.
    pub enum GateState {
        /// It has not been answered.
        Pending = "PENDING",
        /// It may deploy.
        Approved = "APPROVED",
        /// It may not.
        Rejected = "REJECTED",
        /// It could not be answered, and was not approved: GitHub lets it wait, or it does not wait any more.
        Failed = "FAILED",
    }
}

impl DeploymentKind {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Recovery => "Recovery",
            Self::Emergency => "Emergency",
        }
    }
}

/// A deployment, by what it is for.
#[derive(Debug, PartialEq, Eq)]
pub enum Deployment {
    /// See [`DeploymentKind::Standard`].
    Standard(Standard),
    /// See [`DeploymentKind::Recovery`].
    Recovery(Recovery),
    /// See [`DeploymentKind::Emergency`].
    Emergency(Emergency),
}

/// A standard deployment: the only kind that is asked about at the gate.
#[derive(Debug, PartialEq, Eq)]
pub struct Standard(());

/// A recovery, which has its reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Recovery(());

/// An emergency, which has its reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Emergency(());

/// What goes past the gate without being asked says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Say why: a recovery or an emergency goes past what blocks deployments, and its reason is kept on record.")]
pub struct NoReason;

impl Deployment {
    /// A deployment of this kind.
    ///
    /// # Errors
    /// [`NoReason`] for a recovery or an emergency without one.
    pub fn new(kind: DeploymentKind, reason: &str) -> Result<Self, NoReason> {
        let has_reason = !reason.trim().is_empty();
        match kind {
            DeploymentKind::Standard => Ok(Self::Standard(Standard(()))),
            DeploymentKind::Recovery if has_reason => Ok(Self::Recovery(Recovery(()))),
            DeploymentKind::Emergency if has_reason => Ok(Self::Emergency(Emergency(()))),
            DeploymentKind::Recovery | DeploymentKind::Emergency => Err(NoReason),
        }
    }
}

/// An incident whose time is over: what stands in the way of a standard deployment into its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Obstacle {
    /// The incident.
    pub incident: IncidentId,
    /// Its number.
    pub number: i64,
    /// Since when its time is over.
    pub since: DateTime<Utc>,
    /// How much it matters.
    pub severity: Severity,
    /// Who owns it.
    pub owner: Option<String>,
    /// Its changes that still wait.
    pub open_changes: u32,
    /// How often it may still be extended, and by how many hours at most.
    pub extensions_left: u32,
    /// The most hours of one extension.
    pub extension_hours: u32,
}

/// Leave to begin a deployment. The gate gives it to a standard one, and any other has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted(DeploymentKind);

impl Admitted {
    /// The kind that was let through.
    #[must_use]
    pub const fn kind(&self) -> DeploymentKind {
        self.0
    }
}

/// A standard deployment that has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked(pub Obstacle);

impl Standard {
    /// Asks whether this may begin now, given the incident that is in the way, if one is.
    ///
    /// # Errors
    /// [`Blocked`], by that incident.
    pub fn at_gate(self, obstacle: Option<Obstacle>) -> Result<Admitted, Blocked> {
        match obstacle {
            Some(obstacle) => Err(Blocked(obstacle)),
            None => Ok(Admitted(DeploymentKind::Standard)),
        }
    }
}

impl From<Recovery> for Admitted {
    fn from(Recovery(()): Recovery) -> Self {
        Self(DeploymentKind::Recovery)
    }
}

impl From<Emergency> for Admitted {
    fn from(Emergency(()): Emergency) -> Self {
        Self(DeploymentKind::Emergency)
    }
}

impl Blocked {
    /// Which incident, since when, and whose it is.
    #[must_use]
    pub fn reason(&self) -> String {
        let Obstacle { number, since, severity, owner, .. } = &self.0;
        let owner = owner.as_ref().map_or_else(|| "nobody owns it".to_owned(), |name| format!("{name} owns it"));
        format!(
            "INC-{number} ({}, {owner}) has been expired since {} and blocks standard deployments into this environment.",
            severity.label().to_lowercase(),
            since.format("%Y-%m-%d %H:%M UTC"),
        )
    }

    /// Who can do what about it now, a sentence each.
    #[must_use]
    pub fn ways_out(&self) -> Vec<String> {
        let Obstacle { number, open_changes, extensions_left, extension_hours, .. } = &self.0;
        let mut ways = Vec::new();
        if *extensions_left > 0 {
            ways.push(format!(
                "An operator, or a higher role, extends INC-{number} with a reason: by {extension_hours} h at most, {extensions_left} more {}.",
                if *extensions_left == 1 { "time" } else { "times" },
            ));
        }
        ways.push(match open_changes {
            0 => format!("An operator closes INC-{number}: every change of it is over."),
            1 => format!("An operator decides the change of INC-{number} that is open, has it carried out and closes it."),
            many => format!("An operator decides the {many} changes of INC-{number} that are open, has them carried out and closes it."),
        });
        ways.push(
            "What cannot wait is deployed as a recovery or an emergency, with a reason: nothing blocks those, and both are on record."
                .to_owned(),
        );
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle() -> Obstacle {
        Obstacle {
            incident: IncidentId(uuid::Uuid::nil()),
            number: 12,
            since: DateTime::UNIX_EPOCH,
            severity: Severity::Critical,
            owner: Some("Ada".to_owned()),
            open_changes: 2,
            extensions_left: 1,
            extension_hours: 24,
        }
    }

    #[test]
    fn an_expired_incident_blocks_what_is_standard_and_nothing_else() {
        for kind in DeploymentKind::ALL {
            let admitted = match Deployment::new(*kind, "refunds fail").unwrap() {
                Deployment::Standard(standard) => standard.at_gate(Some(obstacle())).map_err(|_| "blocked"),
                Deployment::Recovery(recovery) => Ok(recovery.into()),
                Deployment::Emergency(emergency) => Ok(emergency.into()),
            };
            let expected = if *kind == DeploymentKind::Standard { Err("blocked") } else { Ok(*kind) };
            assert_eq!(admitted.map(|admitted: Admitted| admitted.kind()), expected);
        }
        let Ok(Deployment::Standard(standard)) = Deployment::new(DeploymentKind::Standard, "") else { panic!() };
        assert_eq!(standard.at_gate(None).unwrap().kind(), DeploymentKind::Standard);
    }

    #[test]
    fn what_goes_past_the_gate_says_why() {
        for kind in [DeploymentKind::Recovery, DeploymentKind::Emergency] {
            assert_eq!(Deployment::new(kind, " \n"), Err(NoReason));
        }
    }

    #[test]
    fn a_refusal_says_which_since_when_whose_and_what_helps() {
        let blocked = Blocked(obstacle());
        assert_eq!(
            blocked.reason(),
            "INC-12 (critical, Ada owns it) has been expired since 1970-01-01 00:00 UTC and blocks standard deployments into \
             this environment."
        );
        let ways = blocked.ways_out();
        assert!(ways[0].contains("extends INC-12") && ways[0].contains("by 24 h at most, 1 more time."), "{ways:?}");
        assert!(ways[1].contains("decides the 2 changes") && ways[2].contains("recovery or an emergency"), "{ways:?}");
        let used_up = Blocked(Obstacle { extensions_left: 0, open_changes: 0, owner: None, ..obstacle() });
        assert!(used_up.reason().contains("nobody owns it") && used_up.ways_out()[0].contains("closes INC-12"));
    }
}
