//! What the services ask of the desired side, and what they tell the client about it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drift_domain::failure::Failure;
use secrecy::SecretString;
use url::Url;

/// Reads the desired state of one repository. Every failure is of [`Side::Desired`](drift_domain::failure::Side).
///
/// A reference is a branch, a tag or a full commit SHA, as a person wrote it; a folder is a path from the root of the
/// repository, `""` for the root itself, with or without slashes at its ends.
#[async_trait]
pub trait SourceOfTruth: Send + Sync {
    /// The commit that `reference` points to. With `known`, the commit SHA seen last time, the request is conditional:
    /// an unchanged reference answers [`Resolved::Unchanged`] at the price of one 304, which GitHub does not count.
    async fn resolve(&self, reference: &str, known: Option<&str>) -> Result<Resolved, Failure>;

    /// The workflow files below `folder` at `commit` (a full SHA). With `known_tree`, the SHA of the folder's tree seen
    /// last time, an unchanged folder is [`Folder::Unchanged`] without being listed. A listing that GitHub cuts short is
    /// completed by walking the sub-folders; one that cannot be completed is a failure, never a shorter list.
    async fn folder(&self, commit: &str, folder: &str, known_tree: Option<&str>) -> Result<Folder, Failure>;

    /// The contents of blobs, in the order asked for, each checked against its SHA. A blob never changes: keep it for
    /// good. Blobs beyond [`MAX_BLOB_BYTES`](crate::MAX_BLOB_BYTES) fail; leave them out by [`TreeFile::size`].
    async fn blobs(&self, shas: &[String]) -> Result<Vec<(String, bytes::Bytes)>, Failure>;

    /// The newest commit reachable from `reference` that touched `path` (from the root of the repository): who brought a
    /// content into Git. `None` where no commit did.
    async fn last_commit(&self, reference: &str, path: &str) -> Result<Option<CommitInfo>, Failure>;

    /// For *Test connection*: the token works, the repository is visible, the reference and the folder exist. The
    /// failure says which of these does not hold.
    async fn probe(&self, reference: &str, folder: &str) -> Result<Probe, Failure>;
}

/// What [`SourceOfTruth::resolve`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The reference still points to the known commit.
    Unchanged,
    /// The reference points to this commit.
    Commit {
        /// The full SHA of the commit.
        sha: String,
    },
}

/// What [`SourceOfTruth::folder`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// The folder's tree is the known one.
    Unchanged,
    /// The whole listing of the folder and everything below it.
    Tree {
        /// The SHA of the folder's tree: the same SHA means the same content, in whatever commit.
        sha: String,
        /// The files that may be workflows (see [`is_workflow_file`](crate::is_workflow_file)), sorted by path.
        files: Vec<TreeFile>,
        /// What lies in the folder and was left out, so that it can be shown.
        skipped: Skipped,
    },
}

/// A file in a folder's listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Path from the root of the repository, as [`SourceOfTruth::last_commit`] takes it.
    pub path: String,
    /// The SHA of its content.
    pub blob_sha: String,
    /// Bytes.
    pub size: u64,
}

/// What a folder's listing left out, counted by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Files that are not `.json`.
    pub other_files: u64,
    /// Files that n8n's own source control and packages write beside workflows.
    pub companions: u64,
    /// Symbolic links: their content is a path, not a workflow.
    pub symlinks: u64,
    /// Submodules: their content lies in another repository.
    pub submodules: u64,
}

/// A commit, as far as it tells who brought a content into Git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The full SHA.
    pub sha: String,
    /// The author's name as the commit has it; the GitHub login where the commit has none.
    pub author: String,
    /// When it was committed, by the committer's clock.
    pub date: DateTime<Utc>,
    /// The first line of the message.
    pub message_subject: String,
    /// Its page on GitHub, for a person.
    pub url: String,
}

/// What *Test connection* saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `owner/name` as GitHub spells it.
    pub repository: String,
    /// GitHub's number for the repository, which stays through renames.
    pub repository_id: u64,
    /// The branch that a clone checks out.
    pub default_branch: String,
    /// Only members see it.
    pub private: bool,
    /// Whether this token may push, where GitHub says so (it does not for App installations).
    pub can_push: Option<bool>,
    /// The commit that the reference points to.
    pub commit: String,
    /// The SHA of the folder's tree.
    pub tree: String,
    /// Files that may be workflows.
    pub json_files: u64,
    /// What else lies in the folder.
    pub skipped: Skipped,
}

/// How to authenticate.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A personal access token, classic or fine-grained (Contents: read).
    Token(SecretString),
    /// A GitHub App's installation. Tokens are fetched with the key and renewed before they expire.
    App {
        /// The App's number, or its client id.
        app_id: String,
        /// The installation on the repository's owner.
        installation_id: u64,
        /// The App's RSA private key, PEM.
        private_key_pem: SecretString,
    },
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For one whole answer, its body included.
    pub request: Duration,
    /// Before the first repetition of a read that failed on GitHub's side or on the way; doubled for each further one.
    pub retry_pause: Duration,
    /// How often such a read is repeated.
    pub retries: u32,
    /// Between the end of one write and the beginning of the next (GitHub's advice: at least a second).
    pub write_pause: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(60),
            retry_pause: Duration::from_millis(300),
            retries: 2,
            write_pause: Duration::from_secs(1),
        }
    }
}

/// What the client needs to know of a repository.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.github.com`, or `https://host/api/v3` of an Enterprise Server.
    pub api_base: Url,
    /// The account or organization.
    pub owner: String,
    /// The repository's name.
    pub repository: String,
    /// How to authenticate.
    pub credentials: Credentials,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Allow a base address on a private network, and plain `http`. Link-local and metadata addresses stay refused.
    pub allow_private: bool,
}

impl Settings {
    /// Settings with the usual timeouts and no private addresses.
    pub fn new(
        api_base: Url,
        owner: impl Into<String>,
        repository: impl Into<String>,
        credentials: Credentials,
    ) -> Self {
        Self {
            api_base,
            owner: owner.into(),
            repository: repository.into(),
            credentials,
            timeouts: Timeouts::default(),
            allow_private: false,
        }
    }
}
