//! Deployments and the gate as the screens and the API show them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incidents::PersonView;
use crate::change::{ChangeType, DecisionKind, Origin};
use crate::deployment::{DeploymentKind, GateState, GateWay, Obstacle};
use crate::ids::{ChangeId, EnvironmentId, GateRequestId, IncidentId, ReconciliationId};
use crate::reconciliation::ReconciliationState;

/// What makes a plan a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentView {
    /// What it is for.
    pub kind: DeploymentKind,
    /// The ref that it applies.
    pub git_ref: String,
    /// The commit that the ref was at when it was planned.
    pub git_commit: String,
    /// Why; always there for a recovery and an emergency.
    pub reason: String,
    /// What it writes over that somebody did in n8n.
    pub forecast: Vec<ForecastView>,
    /// The same in one sentence, where there is any.
    pub overwrites: Option<String>,
    /// What blocks it now, where something does and it has not begun.
    pub blocked: Option<String>,
    /// Who can do what about that.
    pub unblocks: Vec<String>,
}

/// Something that people did in n8n and that a deployment writes over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForecastView {
    /// The change.
    pub change: ChangeId,
    /// The workflow's name.
    pub workflow: String,
    /// How the sides differ.
    pub change_type: ChangeType,
    /// Which side moved.
    pub origin: Origin,
    /// The nodes that live has otherwise than what both sides agreed on last, by name.
    pub nodes: Vec<String>,
    /// When a check first saw it.
    pub seen_at: DateTime<Utc>,
    /// The path that somebody had chosen for it, which the deployment takes the place of.
    pub chosen: Option<DecisionKind>,
}

/// A deployment in the history of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentRow {
    /// The run: a reconciliation with a purpose of its own.
    pub id: ReconciliationId,
    /// What it was for.
    pub kind: DeploymentKind,
    /// Where it stands.
    pub state: ReconciliationState,
    /// The ref.
    pub git_ref: String,
    /// The commit.
    pub git_commit: String,
    /// Why.
    pub reason: String,
    /// The incident that it is part of.
    pub incident_id: Option<IncidentId>,
    /// The incident's number.
    pub incident_number: Option<i64>,
    /// Workflows that it is about.
    pub workflows: u32,
    /// Workflows whose deployment failed.
    pub failed: u32,
    /// Who planned it.
    pub by: PersonView,
    /// When somebody said to carry it out; `None` while it is only planned.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The deployments of an environment: what could be deployed now, and what was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentList {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its name.
    pub environment: String,
    /// The ref that it follows, and that a deployment applies.
    pub git_ref: String,
    /// Workflows that differ, as the newest good check saw: what a deployment would write.
    pub workflows: Vec<(ChangeId, String, Origin)>,
    /// What the gate says to a standard deployment now.
    pub gate: GateView,
    /// Why the caller cannot deploy; `None` when the caller can.
    pub refused: Option<String>,
    /// What was deployed, newest first: at most a hundred.
    pub deployments: Vec<DeploymentRow>,
}

/// What the gate says to a standard deployment into an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateView {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its name.
    pub environment: String,
    /// Whether a standard deployment may go ahead.
    pub allowed: bool,
    /// Why not, a sentence each.
    pub reasons: Vec<String>,
    /// The incidents that block it.
    pub incidents: Vec<Obstacle>,
    /// Who can do what about it, a sentence each.
    pub unblocks: Vec<String>,
    /// What is worth knowing though it blocks nothing, a sentence each.
    pub warnings: Vec<String>,
    /// The commit that was asked about, if one was.
    pub sha: Option<String>,
    /// When this was answered.
    pub at: DateTime<Utc>,
}

/// The gate of an environment at GitHub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GithubGateView {
    /// What GitHub calls the environment whose deployments go to this one. Empty: nobody is answered there.
    pub github_environment: String,
    /// How it answers: it follows from how the environment signs in at GitHub.
    pub way: GateWay,
    /// The version; 0 where there is none. An edit names the one that was seen.
    pub version: i64,
    /// What went wrong at the newest look at GitHub.
    pub last_error: Option<String>,
    /// The commit status that was reported last.
    pub status: Option<GateStatusView>,
    /// The newest runs that asked, newest first.
    pub requests: Vec<GateRequestView>,
    /// What to ask with for the next page; `None` on the last.
    pub next: Option<GateRequestId>,
}

/// A commit status that was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateStatusView {
    /// The name that it is reported under.
    pub context: String,
    /// Of which commit.
    pub git_commit: String,
    /// Whether the gate was open.
    pub allowed: bool,
    /// What was said.
    pub description: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A run that asked at the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateRequestView {
    /// Its identifier.
    pub id: GateRequestId,
    /// GitHub's number of the run.
    pub run_id: u64,
    /// The commit that it deploys.
    pub git_commit: Option<String>,
    /// When it was heard of.
    pub received_at: DateTime<Utc>,
    /// How it stands.
    pub state: GateState,
    /// What was said.
    pub comment: Option<String>,
    /// What went wrong at the newest try.
    pub last_error: Option<String>,
    /// When it was over.
    pub answered_at: Option<DateTime<Utc>>,
}
