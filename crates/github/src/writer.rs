//! What a promotion asks of GitHub, and what it is told.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::refusal::{Need, Refusal};
use crate::source::SourceOfTruth;
use crate::write::gates::DeploymentGates;

/// Writes to one repository, in steps that can each be repeated: a step that was carried out before, wholly or without its
/// answer having arrived, is found done and answers the same. No request is sent twice by itself; after
/// [`Refusal::Unclear`] the step is called again and asks first.
///
/// Writes go one after another, at GitHub's advice a second apart ([`Timeouts::write_pause`](crate::Timeouts::write_pause)).
/// Branches are names without `refs/heads/`, commits and trees full SHAs, paths from the root of the repository.
#[async_trait]
pub trait SourceWriter: Send + Sync {
    /// The commit that a branch points to; `None` where there is no such branch.
    async fn branch(&self, branch: &str) -> Result<Option<String>, Refusal>;

    /// The tree of a commit, which a new one is based on.
    async fn tree_of(&self, commit: &str) -> Result<String, Refusal>;

    /// Stores a content and tells its SHA, which follows from the content alone.
    async fn create_blob(&self, content: &[u8]) -> Result<String, Refusal>;

    /// A tree that is `base_tree` but for the changes. The same tree for the same input; `base_tree` itself where the
    /// changes change nothing, so that a caller stops before making a pull request.
    async fn create_tree(&self, base_tree: &str, changes: &[TreeChange]) -> Result<String, Refusal>;

    /// A commit, on no branch yet. The dates are given, so that the same input is the same SHA, however often.
    async fn create_commit(&self, commit: &NewCommit) -> Result<String, Refusal>;

    /// Makes a branch at a commit. One that stands there already is fine; one that stands elsewhere is
    /// [`Refusal::HeadMoved`] with where.
    async fn create_branch(&self, branch: &str, commit: &str) -> Result<BranchMade, Refusal>;

    /// Moves a branch from exactly one commit to another, forward or not, by GitHub's compare-and-swap (`updateRefs`). One
    /// that stands at `to` already is fine; elsewhere is [`Refusal::HeadMoved`].
    async fn move_branch(&self, branch: &str, from: &str, to: &str) -> Result<(), Refusal>;

    /// Removes a branch that stands at `expected`; elsewhere is [`Refusal::HeadMoved`], and it is left alone.
    async fn delete_branch(&self, branch: &str, expected: &str) -> Result<BranchGone, Refusal>;

    /// The pull request for this head commit, branch and base, in whatever state: the open one, else one that was merged or
    /// closed at this very commit, else a new one. A closed one is for the caller to judge: a person may have declined it.
    async fn open_pull(&self, new: &NewPull) -> Result<Pull, Refusal>;

    /// A pull request as it is now. [`Pull::mergeable`] is `None` while GitHub works it out: ask again.
    async fn pull(&self, number: u64) -> Result<Pull, Refusal>;

    /// Closes a pull request that was not merged, as when a promotion is given up. Closed or merged before is fine.
    async fn close_pull(&self, number: u64) -> Result<Pull, Refusal>;

    /// A pull request with its reviews, checks, and the rules of its base, as far as this token may read them.
    async fn standing(&self, number: u64) -> Result<Standing, Refusal>;

    /// Merges a pull request whose head is exactly [`MergeOrder::head`], in the way that this GitHub and this branch offer:
    /// asynchronously, synchronously, or through the merge queue. Merged before at that head is [`Merging::Merged`].
    async fn merge(&self, order: &MergeOrder) -> Result<Merging, Refusal>;

    /// What became of a merge that [`merge`](Self::merge) left pending or queued.
    async fn follow(&self, order: &MergeOrder, merging: &Merging) -> Result<Merging, Refusal>;

    /// How one commit or reference stands to another.
    async fn compare(&self, base: &str, head: &str) -> Result<Comparison, Refusal>;

    /// Whether `reference` contains the commit: it is that commit or a descendant.
    async fn contains(&self, reference: &str, commit: &str) -> Result<bool, Refusal> {
        let comparison = self.compare(commit, reference).await?;
        Ok(comparison.behind_by == 0)
    }

    /// Reports a commit status under a context of one's own; a later one replaces it.
    async fn set_status(&self, commit: &str, status: &NewStatus) -> Result<(), Refusal>;
}

/// Everything of a repository, for whoever holds one client as all of it.
pub trait ReadAndWrite: SourceOfTruth + SourceWriter + DeploymentGates {}

impl<T: SourceOfTruth + SourceWriter + DeploymentGates> ReadAndWrite for T {}

/// What becomes of one path in [`SourceWriter::create_tree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// From the root of the repository.
    pub path: String,
    /// What is to be there.
    pub content: TreeContent,
}

/// The content of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeContent {
    /// This text, as a plain file. Saves a request for its blob.
    Text(String),
    /// A content that was stored with [`SourceWriter::create_blob`], as a plain file.
    Blob(String),
    /// Nothing: the file is removed. GitHub refuses to remove what is not there.
    Removed,
}

/// Who made a commit, and when. Whole seconds: Git keeps no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A person's name, or the product's.
    pub name: String,
    /// An address; it need not be known to GitHub.
    pub email: String,
    /// When.
    pub date: DateTime<Utc>,
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommit {
    /// The whole message.
    pub message: String,
    /// What [`SourceWriter::create_tree`] told.
    pub tree: String,
    /// The commit that it follows.
    pub parent: String,
    /// Who thought of it.
    pub author: Identity,
    /// Who wrote it to Git.
    pub committer: Identity,
}

/// What [`SourceWriter::create_branch`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchMade {
    /// It is new.
    Created,
    /// It stood at that commit already.
    AlreadyThere,
}

/// What [`SourceWriter::delete_branch`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchGone {
    /// It was there and was removed.
    Deleted,
    /// It was gone already, for example because the repository removes branches that were merged.
    AlreadyGone,
}

/// A pull request to be found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPull {
    /// The branch with the commit.
    pub head: String,
    /// The commit at its end.
    pub head_commit: String,
    /// The branch to merge into.
    pub base: String,
    /// Its title; only for a new one.
    pub title: String,
    /// Its text, Markdown; only for a new one.
    pub body: String,
}

/// The state of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullState {
    /// Neither merged nor closed.
    Open,
    /// Closed without being merged.
    Closed,
    /// Merged.
    Merged {
        /// The commit by which the base contains it.
        commit: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number in the repository.
    pub number: u64,
    /// Its page, for a person.
    pub url: String,
    /// GitHub's name for it in GraphQL.
    pub node_id: String,
    /// Open, closed or merged.
    pub state: PullState,
    /// Not ready to be merged by its author's word.
    pub draft: bool,
    /// The branch that is merged.
    pub head: String,
    /// The commit at its end.
    pub head_commit: String,
    /// The branch that is merged into.
    pub base: String,
    /// Whether Git can merge it without a conflict; `None` while GitHub works it out, and in a listing.
    pub mergeable: Option<bool>,
    /// GitHub's one word for what stands in the way: `clean`, `dirty`, `blocked`, `behind`, `unstable`, `draft`, `unknown`.
    pub mergeable_state: String,
}

/// How far a check or status is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckState {
    /// Required, and nothing was reported under this name yet.
    Expected,
    /// Under way.
    Pending,
    /// Success, or neutral or skipped, which GitHub counts as success.
    Passed,
    /// Anything else.
    Failed,
}

/// A check run or commit status of a pull request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The check's name or the status's context.
    pub name: String,
    /// How far it is.
    pub state: CheckState,
    /// Whether the base demands it.
    pub required: bool,
    /// Its page, where it has one.
    pub url: Option<String>,
}

/// What the base branch demands: the rules of rulesets and classic protection together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether changes must come by a pull request at all.
    pub pull_request: bool,
    /// Approving reviews.
    pub approvals: u64,
    /// Names of checks and statuses.
    pub checks: Vec<String>,
    /// The head must contain the newest commit of the base.
    pub up_to_date: bool,
    /// Everything goes through the merge queue.
    pub queue: bool,
    /// No merge commits: squash or rebase.
    pub linear_history: bool,
    /// Other rules by GitHub's names, for a person to read.
    pub others: Vec<String>,
    /// What this token may not read, and which permission would: the rules may then demand more than is listed.
    pub unreadable: Vec<String>,
}

/// Everything about a pull request that decides whether it can be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The pull request.
    pub pull: Pull,
    /// Who approved its present head, by their last word.
    pub approved_by: Vec<String>,
    /// Who asks for changes, by their last word.
    pub changes_requested_by: Vec<String>,
    /// Checks and statuses, with those that are required and absent.
    pub checks: Vec<Check>,
    /// What the base demands.
    pub rules: Rules,
}

impl Standing {
    /// What is still missing, as far as it can be read. Empty does not promise that GitHub merges.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        if (self.approved_by.len() as u64) < self.rules.approvals || !self.changes_requested_by.is_empty() {
            needs.push(Need::Reviews);
        }
        if self.checks.iter().any(|check| check.required && check.state != CheckState::Passed) {
            needs.push(Need::Checks);
        }
        if self.rules.up_to_date && self.pull.mergeable_state == "behind" {
            needs.push(Need::UpToDate);
        }
        needs
    }

    /// Required checks that failed: waiting alone will not help.
    #[must_use]
    pub fn failed_checks(&self) -> Vec<&str> {
        let failed = |check: &&Check| check.required && check.state == CheckState::Failed;
        self.checks.iter().filter(failed).map(|check| check.name.as_str()).collect()
    }
}

/// How the commits get into the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeMethod {
    /// A merge commit.
    #[default]
    Merge,
    /// One new commit.
    Squash,
    /// The commits anew on top of the base.
    Rebase,
}

impl MergeMethod {
    /// GitHub's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// A merge that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeOrder {
    /// The pull request.
    pub number: u64,
    /// The head that was decided about; another one is not merged.
    pub head: String,
    /// How.
    pub method: MergeMethod,
    /// First line of the merge's or squash's commit; GitHub's own where it is `None`.
    pub title: Option<String>,
    /// The rest of that commit's message.
    pub message: Option<String>,
}

/// How far a merge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merging {
    /// Done: the base contains it by this commit.
    Merged {
        /// The SHA; `None` where GitHub no longer tells.
        commit: Option<String>,
    },
    /// GitHub merges in the background.
    Pending {
        /// Its number for that, kept for a day after its last news.
        uuid: String,
    },
    /// In the merge queue.
    Queued,
}

/// How a head stands to a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Commits of the head that the base lacks.
    pub ahead_by: u64,
    /// Commits of the base that the head lacks.
    pub behind_by: u64,
    /// Their newest common commit.
    pub merge_base: String,
}

/// The states of a commit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusState {
    /// Under way.
    Pending,
    /// Good.
    Success,
    /// Not good.
    Failure,
    /// It could not be found out.
    Error,
}

impl StatusState {
    /// GitHub's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

/// A commit status to be reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStatus {
    /// The name under which it replaces an earlier one. GitHub takes at most 1,000 statuses of a commit and context.
    pub context: String,
    /// The state.
    pub state: StatusState,
    /// One line; what is longer than GitHub's 140 characters is cut.
    pub description: String,
    /// Where a person reads more.
    pub target_url: Option<String>,
}
