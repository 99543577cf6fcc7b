//! Reconciliations as the screens and the API show them: what would be written where, and what came of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incidents::PersonView;
use super::{DeploymentView, DiffLine, DiffView, MergeConflict, MergePart, MergeSide};
use crate::change::{ChangeType, DecisionKind};
use crate::ids::{ChangeId, EnvironmentId, IncidentId, ReconciliationId};
use crate::reconciliation::{Purpose, ReconciliationState, StepKind, StepState, Target};

/// A reconciliation in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReconciliationRow {
    /// Its identifier.
    pub id: ReconciliationId,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: ReconciliationState,
    /// How many workflows it is about.
    pub workflows: u32,
    /// Who planned it.
    pub planned_by: PersonView,
    /// When.
    pub planned_at: DateTime<Utc>,
    /// When somebody said to carry it out.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it waits for, in a sentence: reviews, checks, a server that does not answer.
    pub waits_for: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A reconciliation, opened: its plan, and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReconciliationPage {
    /// What lists show of it.
    pub row: ReconciliationRow,
    /// The incident that it is part of.
    pub incident_id: Option<IncidentId>,
    /// The incident's number.
    pub incident_number: Option<i64>,
    /// The incident's version now: an action names it.
    pub incident_version: Option<i64>,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The environment's name.
    pub environment: String,
    /// What makes it a deployment, where it is one.
    pub deployment: Option<DeploymentView>,
    /// What is written to Git, where anything is.
    pub git: Option<GitPlanView>,
    /// What becomes of each workflow.
    pub items: Vec<ItemView>,
    /// Its steps in order, once somebody said to carry it out.
    pub steps: Vec<ReconciliationStepView>,
    /// Why it cannot be carried out as it is planned, a sentence each. Empty when it can.
    pub problems: Vec<String>,
    /// Why this caller may not carry it out now; `None` when it may be carried out.
    pub carry_out_refused: Option<String>,
    /// Why this caller may not have it planned anew; `None` when a new plan can be made, of what is there then.
    pub plan_refused: Option<String>,
    /// Why it cannot be cancelled; `None` when it can.
    pub cancel_refused: Option<String>,
    /// Why it cannot be tried again; `None` when it can.
    pub retry_refused: Option<String>,
}

/// What is written to Git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GitPlanView {
    /// `owner/name`.
    pub repository: String,
    /// The branch that it goes to.
    pub branch: String,
    /// The commit that the plan was made on.
    pub base: String,
    /// The whole commit message.
    pub message: String,
}

/// What becomes of one workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemView {
    /// The change.
    pub change: ChangeId,
    /// The workflow's name.
    pub workflow: String,
    /// How the sides differ.
    pub change_type: ChangeType,
    /// The decision that is carried out; `None` for a restore.
    pub decision: Option<DecisionKind>,
    /// What is written, in order.
    pub writes: Vec<WriteView>,
    /// What a person should know before, a sentence each.
    pub notes: Vec<String>,
    /// Why it cannot be carried out, a sentence each.
    pub problems: Vec<String>,
    /// Places where both sides left the baseline, differently: a person picks one side for each.
    pub conflicts: Vec<MergeConflict>,
    /// What a merge takes from where.
    pub parts: Vec<MergePart>,
    /// What was picked for it, by the key of the conflict. Where there are conflicts still, it was picked in an earlier plan:
    /// it is offered again, and not taken.
    #[serde(default)]
    pub picks: BTreeMap<String, MergeSide>,
    /// What came of it; `None` until somebody says to carry the plan out.
    #[serde(default)]
    pub result: Option<ItemResult>,
}

/// What came of one workflow of a reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemResult {
    /// How far it is: the others' failures are not its own.
    pub state: ReconciliationState,
    /// Why it failed.
    pub error: Option<String>,
}

/// One thing that is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WriteView {
    /// Where.
    pub target: Target,
    /// What, in a sentence that names the file or the workflow.
    pub what: String,
    /// The lines of the file that change, from what Git has to what it will have, secrets made unreadable. Empty where the
    /// write is not a file.
    pub lines: Vec<DiffLine>,
    /// What differs between what is there and what will be, by meaning; of a workflow in n8n.
    pub diff: Option<DiffView>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReconciliationStepView {
    /// What is done.
    pub kind: StepKind,
    /// The workflow that it is about; `None` where it is about all.
    pub workflow: Option<String>,
    /// How far it is.
    pub state: StepState,
    /// When it was begun last.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What came of it, in a sentence.
    pub said: Option<String>,
    /// An address that shows it. Folded away on the screen (seed: no pull requests in the UI).
    pub address: Option<String>,
}
