//! Policies, for screens and the API.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incidents::PersonView;
use crate::environment::EnvironmentClass;
use crate::ids::{EnvironmentId, IncidentId, PolicyId};
use crate::policy::{PolicyAction, PolicyRules};

/// What a policy is assigned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PolicyTarget {
    /// Every environment of a class that has none of its own.
    Class(EnvironmentClass),
    /// One environment.
    Environment(EnvironmentId),
}

/// A policy in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyRow {
    /// Its identifier.
    pub id: PolicyId,
    /// What it is called.
    pub name: String,
    /// The version that holds: the newest.
    pub version: u32,
    /// Who made that version.
    pub by: PersonView,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether that version was made with a form.
    pub form: bool,
    /// Where it holds.
    pub assigned: Vec<PolicyTarget>,
}

/// Which policy holds for an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyCoverage {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its name.
    pub environment: String,
    /// Its class.
    pub class: EnvironmentClass,
    /// The policy that holds; none: what plan and role allow is allowed.
    pub policy: Option<PolicyId>,
    /// Whether it is the environment's own, not its class's.
    pub own: bool,
}

/// An organization's policies, and where they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyList {
    /// The policies, by name.
    pub policies: Vec<PolicyRow>,
    /// Every environment, by name.
    pub coverage: Vec<PolicyCoverage>,
}

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyVersion {
    /// Its number, from 1.
    pub version: u32,
    /// What it says.
    pub text: String,
    /// The form that it was made with, if it was.
    pub rules: Option<PolicyRules>,
    /// Who made it.
    pub by: PersonView,
    /// When.
    pub at: DateTime<Utc>,
}

/// A policy with all its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyPage {
    /// Its identifier.
    pub id: PolicyId,
    /// What it is called.
    pub name: String,
    /// Since when it is out of use, if it is.
    pub retired_at: Option<DateTime<Utc>>,
    /// Where it holds.
    pub assigned: Vec<PolicyTarget>,
    /// Its versions, the newest first, which is the one that holds.
    pub versions: Vec<PolicyVersion>,
}

/// Something that was done and that a draft would have refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyDifference {
    /// What was done.
    pub action: PolicyAction,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, with the role that they have now.
    pub by: String,
    /// Where.
    pub environment: String,
    /// The incident and its number, if it was about one.
    pub incident: Option<(IncidentId, i64)>,
    /// The rules that would have refused it, by their titles.
    pub refused_by: Vec<String>,
    /// Whether the approval of others would have satisfied them.
    pub approvable: bool,
}

/// What a draft would have said to what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicySimulation {
    /// Days that were looked at.
    pub days: u32,
    /// What was done in them that policies speak of: counted, up to a bound.
    pub looked_at: u32,
    /// Whether there was more than that.
    pub more: bool,
    /// Of that, what was left out since whoever did it is no member any more.
    pub without_role: u32,
    /// What would have been refused, the newest first.
    pub refused: Vec<PolicyDifference>,
}
