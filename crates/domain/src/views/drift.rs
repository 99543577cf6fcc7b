//! The drift workspace: changes, what became of them, checks, and what a person must do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DiffView, EnvironmentPage, GraphView, OverrideOffer, OverrideView, UpgradeOffer};
use crate::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use crate::check::{CheckOutcome, CheckTrigger};
use crate::failure::Failure;
use crate::ids::{ChangeId, CheckId};
use crate::plan::PlanTier;
use crate::severity::Severity;

/// Which changes a person wants to see. Every field is in the address of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ChangeFilter {
    /// Only this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_type: Option<ChangeType>,
    /// Only this origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Only this severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Only this state; without it, the open ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ChangeState>,
    /// Only workflows whose name contains this, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Where the page begins: what the page before answered as `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many changes a page has, [`ChangeFilter::PAGE`] unless told, at most [`ChangeFilter::LARGEST_PAGE`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ChangeFilter {
    /// Changes on a page: what a person looks through at once, and quickly drawn.
    pub const PAGE: u32 = 50;
    /// Changes that a page has at most.
    pub const LARGEST_PAGE: u32 = 200;

    /// The same filter from its first page on.
    #[must_use]
    pub fn from_start(&self) -> Self {
        Self { after: None, ..self.clone() }
    }

    /// Whether it leaves any change out. Where a page begins and ends leaves none out.
    #[must_use]
    pub fn leaves_out(&self) -> bool {
        Self { after: None, limit: None, ..self.clone() } != Self::default()
    }

    /// How many changes its pages have.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        self.limit.unwrap_or(Self::PAGE).clamp(1, Self::LARGEST_PAGE)
    }
}

/// The drift workspace of one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Workspace {
    /// The environment.
    pub environment: EnvironmentPage,
    /// A page of the changes that the filter lets through, most severe first.
    pub changes: Vec<ChangeRow>,
    /// How many the filter lets through.
    pub matching_changes: u32,
    /// How many of these come before this page.
    pub earlier_changes: u32,
    /// Where the next page begins ([`ChangeFilter::after`]); none on the last one.
    pub next: Option<String>,
    /// Open changes without the filter.
    pub open_changes: u32,
    /// How many open changes vanished and wait for a person.
    pub vanished_changes: u32,
    /// What the caller asked for.
    pub filter: ChangeFilter,
    /// What may be opened.
    pub diff_access: DiffAccess,
    /// Workflows that a person must link.
    pub ambiguities: Vec<AmbiguityView>,
    /// What the newest good check ignored, and why.
    pub ignored: Vec<IgnoredView>,
    /// The newest checks, newest first.
    pub checks: Vec<CheckRow>,
    /// The adoption review, while it is open.
    pub adoption: Option<AdoptionView>,
    /// Whether the caller may record what became of a vanished change.
    pub can_confirm: bool,
    /// How to put things right by hand, where the plan has no incidents (seed, Manual Remediation).
    pub by_hand: bool,
    /// Whether the caller may override a change.
    pub overriding: OverrideOffer,
    /// What the next plan adds, where this one has no incidents.
    pub upgrade: Option<UpgradeOffer>,
}

/// A page of changes, most severe first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeList {
    /// The changes.
    pub items: Vec<ChangeRow>,
    /// How many changes there are on all pages.
    pub matching: u32,
    /// What to ask with for the next page; `None` on the last.
    pub next: Option<String>,
}

/// What the plan lets a person open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "access", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DiffAccess {
    /// No diff; this plan is the first that has them.
    None {
        /// The first plan with diffs.
        needs: PlanTier,
    },
    /// The diffs of the first so many workflows of the unfiltered list, as text.
    Limited {
        /// How many.
        workflows: u32,
        /// The first plan without the limit.
        needs: PlanTier,
    },
    /// Everything.
    All,
}

/// One change in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeRow {
    /// Its identifier.
    pub id: ChangeId,
    /// The workflow's name: the live one where there is one.
    pub workflow: String,
    /// The workflow's id in n8n, where live has it.
    pub live_id: Option<String>,
    /// The workflow's file, where Git has it.
    pub path: Option<String>,
    /// How the sides differ.
    pub change_type: ChangeType,
    /// Which side moved.
    pub origin: Origin,
    /// Where the change stands.
    pub state: ChangeState,
    /// How much it matters.
    pub severity: Severity,
    /// One line: what differs.
    pub summary: String,
    /// When a check first saw it.
    pub first_seen_at: DateTime<Utc>,
    /// When a check last saw it.
    pub last_seen_at: DateTime<Utc>,
    /// An edit was saved in n8n and is not published: the next drift.
    pub unpublished_draft: bool,
    /// What became of it, if a later check no longer saw it.
    pub vanished: Option<VanishedView>,
    /// What a person decided, if somebody did.
    pub decision: Option<DecisionView>,
    /// The newest override of an open change, if there was one. It does not end the change.
    pub overridden: Option<OverrideView>,
    /// Whether the plan lets the caller open its diff.
    pub openable: bool,
}

/// What became of a change that nobody decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VanishedView {
    /// When a check first no longer saw it.
    pub at: DateTime<Utc>,
    /// What happened, as far as the product can see.
    pub cause: VanishedCause,
    /// The decision that fits.
    pub fitting: DecisionKind,
    /// Every decision that can be recorded for it, under the plan.
    pub choices: Vec<DecisionKind>,
    /// What shows it: for example the commit and its author.
    pub evidence: Option<String>,
}

/// A recorded decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionView {
    /// What was decided.
    pub kind: DecisionKind,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// One change, opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePage {
    /// What the list shows of it.
    pub row: ChangeRow,
    /// The diff, or why it is not shown.
    pub diff: DiffOrRefusal,
    /// The workflow as a graph with the same differences. `None` where the plan shows diffs as text only, or none at all.
    pub graph: Option<GraphView>,
    /// Older changes of the same workflow, newest first: what this one superseded among them.
    pub history: Vec<ChangeRow>,
    /// The commit that the desired side was read from.
    pub git_commit: String,
    /// The workflow in n8n's editor.
    pub live_url: Option<String>,
    /// Whether the caller may record what became of it.
    pub can_confirm: bool,
    /// Whether the caller may override it.
    pub overriding: OverrideOffer,
}

/// A diff, or the reason why this caller does not get it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DiffOrRefusal {
    /// The diff, both sides redacted together.
    Diff(DiffView),
    /// The plan does not have it.
    Refused {
        /// A sentence for a person.
        message: String,
        /// The first plan that has it.
        needs: PlanTier,
    },
}

/// A rule by which something was left out of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IgnoredView {
    /// The rule's name.
    pub rule: String,
    /// How often it applied.
    pub count: u64,
}

/// One check in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckRow {
    /// Its identifier.
    pub id: CheckId,
    /// What made it run.
    pub trigger: CheckTrigger,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The commit that it read.
    pub git_commit: Option<String>,
    /// Workflows on the live side.
    pub live_workflows: Option<u32>,
    /// Workflows that Git declares.
    pub desired_workflows: Option<u32>,
    /// Workflows that had to be parsed because their bytes were new.
    pub parsed_workflows: Option<u32>,
    /// Workflows that differed.
    pub differing: Option<u32>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// Workflows of one name that nobody may guess about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AmbiguityView {
    /// The name that they share.
    pub name: String,
    /// Their ids in n8n.
    pub live_ids: Vec<String>,
    /// Their files in Git.
    pub paths: Vec<String>,
}

/// The review that follows an environment's first check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdoptionView {
    /// Workflows that agree on both sides.
    pub agreeing: u32,
    /// Open changes of the first check, by type in the order of [`ChangeType::ALL`].
    pub by_type: Vec<(ChangeType, u32)>,
    /// Whether the caller may finish it.
    pub can_finish: bool,
}
