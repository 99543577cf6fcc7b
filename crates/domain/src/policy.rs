//! Policies: what an organization allows whom on its incidents, beyond what the plan and the role do (seed, Phase 6). A policy
//! only takes away. What it can speak of is [`PolicyAction`], and nothing else: detection, the sight of drift, the proof at
//! the closing, rechecks, reverts being carried out and recoveries are not among it (standing rules 1, 4 and 6).

use serde::{Deserialize, Serialize};

use crate::role::Role;
use crate::words::words;

words! {
    /// What a policy can speak of.
    pub enum PolicyAction {
        /// Taking an incident on.
        Acknowledge = "ACKNOWLEDGE",
        /// Giving an incident more time.
        Extend = "EXTEND",
        /// Accepting a difference for a time.
        Override = "OVERRIDE",
        /// Choosing what becomes of a change.
        Decide = "DECIDE",
        /// Deploying past an incident as an emergency.
        DeployEmergency = "DEPLOY_EMERGENCY",
        /// Asking to close an incident.
        Close = "CLOSE",
    }
}

impl PolicyAction {
    /// Its name in the text of a policy.
    #[must_use]
    pub const fn in_text(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Extend => "extend",
            Self::Override => "override",
            Self::Decide => "decide",
            Self::DeployEmergency => "deployEmergency",
            Self::Close => "close",
        }
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledging an incident",
            Self::Extend => "Giving an incident more time",
            Self::Override => "Overriding drift for a time",
            Self::Decide => "Choosing a resolution path",
            Self::DeployEmergency => "Emergency deployments",
            Self::Close => "Closing an incident",
        }
    }
}

words! {
    /// A policy to begin with.
    pub enum PolicyTemplate {
        /// For what customers depend on.
        StrictProduction = "STRICT_PRODUCTION",
        /// For most.
        Standard = "STANDARD",
        /// For where people try things out.
        RelaxedDevelopment = "RELAXED_DEVELOPMENT",
    }
}

impl PolicyTemplate {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::StrictProduction => "Strict production",
            Self::Standard => "Standard",
            Self::RelaxedDevelopment => "Relaxed development",
        }
    }

    /// What it says.
    #[must_use]
    pub const fn rules(self) -> PolicyRules {
        match self {
            Self::StrictProduction => PolicyRules {
                acknowledge: Role::Operator,
                acknowledge_severe: Role::Operator,
                extend: Role::Approver,
                extend_expired: Role::Admin,
                extension_hours: 24,
                extensions: 1,
                r#override: Role::Admin,
                override_days: 2,
                decide: Role::Operator,
                decide_severe: Role::Approver,
                deploy_emergency: Role::Approver,
                close: Role::Operator,
                approvals: ApprovalRules { acknowledge: 1, close: 1, severe_only: true, ..ApprovalRules::NONE },
            },
            Self::Standard => PolicyRules {
                acknowledge: Role::Operator,
                acknowledge_severe: Role::Operator,
                extend: Role::Operator,
                extend_expired: Role::Approver,
                extension_hours: 48,
                extensions: 2,
                r#override: Role::Approver,
                override_days: 7,
                decide: Role::Operator,
                decide_severe: Role::Operator,
                deploy_emergency: Role::Operator,
                close: Role::Operator,
                approvals: ApprovalRules::NONE,
            },
            Self::RelaxedDevelopment => PolicyRules {
                acknowledge: Role::Operator,
                acknowledge_severe: Role::Operator,
                extend: Role::Operator,
                extend_expired: Role::Operator,
                extension_hours: PolicyRules::MOST_HOURS,
                extensions: PolicyRules::MOST_EXTENSIONS,
                r#override: Role::Operator,
                override_days: PolicyRules::MOST_DAYS,
                decide: Role::Operator,
                decide_severe: Role::Operator,
                deploy_emergency: Role::Operator,
                close: Role::Operator,
                approvals: ApprovalRules::NONE,
            },
        }
    }
}

/// A policy as a form asks for it: the least role for each thing, and how much of it. What the plan bounds more tightly stays
/// bounded so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyRules {
    /// Least role that acknowledges an incident of severity MEDIUM or LOW.
    pub acknowledge: Role,
    /// Least role that acknowledges one of HIGH or CRITICAL.
    pub acknowledge_severe: Role,
    /// Least role that gives an incident more time.
    pub extend: Role,
    /// Least role that does so after its deadline.
    pub extend_expired: Role,
    /// Hours that one extension gives at most.
    pub extension_hours: u32,
    /// How often one incident is extended at most; 0 means never.
    pub extensions: u32,
    /// Least role that overrides.
    pub r#override: Role,
    /// Days that an override lasts at most; 0 means that none is taken.
    pub override_days: u32,
    /// Least role that chooses a path for changes of an incident of severity MEDIUM or LOW.
    pub decide: Role,
    /// Least role that does so for one of HIGH or CRITICAL.
    pub decide_severe: Role,
    /// Least role that deploys as an emergency.
    pub deploy_emergency: Role,
    /// Least role that asks to close an incident.
    pub close: Role,
    /// What takes the approval of others.
    #[serde(default)]
    pub approvals: ApprovalRules,
}

/// What takes how many approvals of other members: 0 means none. Emergency deployments wait for nobody (standing rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ApprovalRules {
    /// For acknowledging an incident.
    pub acknowledge: u32,
    /// For giving an incident more time.
    pub extend: u32,
    /// For overriding drift, of whatever severity.
    pub r#override: u32,
    /// For choosing a path for changes.
    pub decide: u32,
    /// For closing an incident.
    pub close: u32,
    /// Whether only what is done to incidents of HIGH and CRITICAL takes them.
    pub severe_only: bool,
    /// Least role of those who approve.
    pub approvers: Role,
}

impl ApprovalRules {
    /// Nothing takes an approval.
    pub const NONE: Self = Self {
        acknowledge: 0,
        extend: 0,
        r#override: 0,
        decide: 0,
        close: 0,
        severe_only: false,
        approvers: Role::Approver,
    };
    /// The most approvals that one thing can take.
    pub const MOST: u32 = 5;

    /// How many each action takes.
    #[must_use]
    pub const fn each(&self) -> [(PolicyAction, u32); 5] {
        [
            (PolicyAction::Acknowledge, self.acknowledge),
            (PolicyAction::Extend, self.extend),
            (PolicyAction::Override, self.r#override),
            (PolicyAction::Decide, self.decide),
            (PolicyAction::Close, self.close),
        ]
    }
}

impl Default for ApprovalRules {
    fn default() -> Self {
        Self::NONE
    }
}

impl PolicyRules {
    /// The most hours of an extension that a form takes.
    pub const MOST_HOURS: u32 = 168;
    /// The most extensions that a form takes.
    pub const MOST_EXTENSIONS: u32 = 10;
    /// The most days of an override that a form takes.
    pub const MOST_DAYS: u32 = 30;

    /// Which number is out of bounds, and what would be right.
    #[must_use]
    pub fn out_of_bounds(&self) -> Option<(&'static str, String)> {
        [
            ("extension_hours", self.extension_hours, 1, Self::MOST_HOURS, "Hours of an extension"),
            ("extensions", self.extensions, 0, Self::MOST_EXTENSIONS, "Extensions of one incident"),
            ("override_days", self.override_days, 0, Self::MOST_DAYS, "Days of an override"),
        ]
        .into_iter()
        .find(|(_, value, least, most, _)| !(least..=most).contains(&value))
        .map(|(field, _, least, most, what)| (field, format!("{what} are from {least} to {most}.")))
        .or_else(|| {
            let too_many = self.approvals.each().iter().any(|(_, needed)| *needed > ApprovalRules::MOST);
            too_many.then(|| ("approvals", format!("Approvals are from 0 to {}.", ApprovalRules::MOST)))
        })
        .or_else(|| {
            let low = self.approvals.approvers < Role::Operator;
            low.then(|| {
                ("approvers", "Those who approve are at least operators: who only looks on decides nothing.".to_owned())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_within_the_bounds_of_the_form() {
        for template in PolicyTemplate::ALL {
            assert_eq!(template.rules().out_of_bounds(), None, "{template}");
        }
        let rules = PolicyRules { override_days: 31, ..PolicyTemplate::Standard.rules() };
        assert_eq!(rules.out_of_bounds().unwrap().0, "override_days");
    }
}
