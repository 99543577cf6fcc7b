//! What the screens and the API show: plain data, made by the services, drawn by the app, sent by REST.
//!
//! A view holds no secret and needs no second question: what a person may do is in it, decided by the server.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use crate::check::{CheckOutcome, CheckTrigger};
use crate::environment::{Badge, DriftStatus, EnvironmentClass, Freshness};
use crate::failure::Failure;
use crate::ids::{ChangeId, CheckId, EnvironmentId, OrganizationId};
use crate::plan::PlanTier;
use crate::role::Role;
use crate::severity::Severity;
use crate::words::words;

/// Who is signed in, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The organization looked at.
    pub organization: OrganizationView,
    /// Every organization that the person is a member of.
    pub organizations: Vec<OrganizationView>,
}

/// An organization, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizationView {
    /// Its identifier.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: PlanTier,
    /// The member's role in it.
    pub role: Role,
}

/// One environment in a list: its badge and nothing deeper (standing rule 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentRow {
    /// Its identifier.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub class: EnvironmentClass,
    /// The one badge.
    pub badge: Badge,
    /// The status behind the badge.
    pub status: DriftStatus,
    /// How far the status can be trusted.
    pub freshness: Freshness,
    /// Workflows with an open change.
    pub affected_workflows: u32,
    /// When a check last saw drift.
    pub last_drift_detected_at: Option<DateTime<Utc>>,
    /// Whether a person has finished the adoption review.
    pub adopted: bool,
}

/// A page of the environment list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentList {
    /// The environments of this page, by name.
    pub environments: Vec<EnvironmentRow>,
    /// How many the organization has, by badge, in the order of [`Badge::ALL`].
    pub by_badge: Vec<(Badge, u32)>,
    /// Where the next page starts, if there is one: pass it as `after`.
    pub next: Option<String>,
    /// Whether the caller may connect another.
    pub can_configure: bool,
    /// The clock of the server when this was read, for ages.
    pub now: DateTime<Utc>,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentPage {
    /// What the list shows of it.
    pub row: EnvironmentRow,
    /// Address of the n8n instance.
    pub n8n_base_url: String,
    /// `owner/name` of the repository.
    pub repository: String,
    /// The ref that declares the desired state.
    pub git_ref: String,
    /// The folder that holds the workflow files; empty for the root.
    pub git_folder: String,
    /// The commit that the newest good check read.
    pub git_commit: Option<String>,
    /// Seconds between checks.
    pub interval_seconds: u32,
    /// Workflows on the live side at the newest good check.
    pub live_workflows: Option<u32>,
    /// Workflows that Git declared at the newest good check.
    pub desired_workflows: Option<u32>,
    /// Why the newest check failed, if it did.
    pub failure: Option<Failure>,
    /// Since when checks have been failing.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether a check is running right now.
    pub checking: bool,
    /// Whether the caller may change the connection.
    pub can_configure: bool,
    /// Whether the caller may ask for a check.
    pub can_recheck: bool,
    /// The clock of the server when this was read, for ages.
    pub now: DateTime<Utc>,
}

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
}

/// The drift workspace of one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Workspace {
    /// The environment.
    pub environment: EnvironmentPage,
    /// The changes that the filter lets through, most severe first.
    pub changes: Vec<ChangeRow>,
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
    /// Older changes of the same workflow, newest first: what this one superseded among them.
    pub history: Vec<ChangeRow>,
    /// The commit that the desired side was read from.
    pub git_commit: String,
    /// The workflow in n8n's editor.
    pub live_url: Option<String>,
    /// Whether the caller may record what became of it.
    pub can_confirm: bool,
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

words! {
    /// What kind of difference an entry of a diff is.
    pub enum DiffKind {
        /// A node that only live has.
        NodeAdded = "node_added",
        /// A node that only Git has.
        NodeRemoved = "node_removed",
        /// A node that differs.
        NodeModified = "node_modified",
        /// A node with another name.
        NodeRenamed = "node_renamed",
        /// A connection that only live has.
        ConnectionAdded = "connection_added",
        /// A connection that only Git has.
        ConnectionRemoved = "connection_removed",
        /// Something of the workflow itself: name, settings, tags, active.
        WorkflowModified = "workflow_modified",
    }
}

/// A diff for a screen. Texts are redacted already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffView {
    /// What differs.
    pub entries: Vec<DiffEntry>,
    /// What differs and does not matter: positions, sticky notes.
    pub cosmetic: Vec<DiffEntry>,
    /// What was not compared, by rule.
    pub ignored: Vec<IgnoredView>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffEntry {
    /// What kind.
    pub kind: DiffKind,
    /// The node, by the desired side's name (the live one's where only live has it).
    pub node: Option<String>,
    /// The node's type, for example `n8n-nodes-base.httpRequest`.
    pub node_type: Option<String>,
    /// Where in the node or workflow, for example `parameters`, `jsCode`.
    pub path: Vec<String>,
    /// Git's side, pretty-printed; `None` where Git has nothing there.
    pub desired: Option<String>,
    /// n8n's side, pretty-printed; `None` where n8n has nothing there.
    pub live: Option<String>,
    /// Line by line, for long texts.
    pub lines: Vec<DiffLine>,
    /// Whether a secret was taken out of the texts.
    pub redacted: bool,
}

words! {
    /// What a line of a text is in a diff from desired to live.
    pub enum LineKind {
        /// On both sides.
        Same = "same",
        /// Only in Git.
        Removed = "removed",
        /// Only in n8n.
        Added = "added",
        /// Lines left out here, being the same on both sides.
        Gap = "gap",
    }
}

/// One line of a line diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffLine {
    /// What it is.
    pub kind: LineKind,
    /// Its number on the desired side, from 1.
    pub desired: Option<u32>,
    /// Its number on the live side, from 1.
    pub live: Option<u32>,
    /// The line, without its end.
    pub text: String,
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

words! {
    /// How the product signs in at GitHub.
    pub enum GitCredentials {
        /// A personal access token.
        Token = "TOKEN",
        /// A GitHub App's installation.
        App = "APP",
    }
}

/// An environment's connection as a form sends it. Secrets are empty when they are to stay as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EnvironmentDraft {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub class: EnvironmentClass,
    /// Address of the n8n instance.
    pub n8n_base_url: String,
    /// API key of n8n; empty to keep the stored one.
    pub n8n_api_key: String,
    /// GitHub's API: `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server.
    pub git_api_base: String,
    /// `owner/name`.
    pub repository: String,
    /// Branch, tag or commit.
    pub git_ref: String,
    /// Folder; empty for the root.
    pub git_folder: String,
    /// How to sign in at GitHub.
    pub git_credentials: GitCredentials,
    /// Personal access token; empty to keep the stored one.
    pub git_token: String,
    /// The App's id.
    pub git_app_id: String,
    /// The installation's id.
    pub git_installation_id: String,
    /// The App's private key in PEM; empty to keep the stored one.
    pub git_private_key: String,
    /// Seconds between checks.
    pub interval_seconds: String,
}

impl Default for EnvironmentDraft {
    fn default() -> Self {
        Self {
            name: String::new(),
            class: EnvironmentClass::Production,
            n8n_base_url: String::new(),
            n8n_api_key: String::new(),
            git_api_base: "https://api.github.com".to_owned(),
            repository: String::new(),
            git_ref: "main".to_owned(),
            git_folder: String::new(),
            git_credentials: GitCredentials::Token,
            git_token: String::new(),
            git_app_id: String::new(),
            git_installation_id: String::new(),
            git_private_key: String::new(),
            interval_seconds: crate::environment::DEFAULT_INTERVAL_SECONDS.to_string(),
        }
    }
}

impl EnvironmentDraft {
    /// The draft without its secrets: what may be shown again or kept for a form that has to be filled in once more.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        self.n8n_api_key.clear();
        self.git_token.clear();
        self.git_private_key.clear();
        self
    }
}

impl std::fmt::Debug for EnvironmentDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentDraft")
            .field("name", &self.name)
            .field("n8n_base_url", &self.n8n_base_url)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

/// What *Test connection* found on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionReport {
    /// n8n.
    pub live: SideReport,
    /// GitHub.
    pub desired: SideReport,
}

/// What *Test connection* found on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SideReport {
    /// It works; sentences about what was found, for example how many workflows.
    Works(Vec<String>),
    /// It does not; exactly what is wrong.
    Fails(Failure),
}

/// Something happened that a page may want to show: what the event stream carries. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveEvent {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Where.
    pub environment_id: EnvironmentId,
    /// What: `check.started`, `check.finished`, `change.decided`, `environment.updated`.
    pub kind: String,
}
