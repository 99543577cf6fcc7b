//! Environments: the list, the page, and how one is connected.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::OverrideCount;
use crate::environment::{Badge, DriftStatus, EnvironmentClass, Freshness};
use crate::failure::Failure;
use crate::ids::EnvironmentId;
use crate::words::words;

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
    /// Workflows with an open change, overridden ones included.
    pub affected_workflows: u32,
    /// Which of those somebody accepts for a time.
    pub overrides: OverrideCount,
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
    /// Where files of new workflows go below the folder: `{slug}`, `{name}` and `{id}` stand for something of the workflow,
    /// for example `team/{slug}.json`. Empty: as most of the other files are named.
    pub path_template: String,
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
    /// The version of the connection that this was made of, for one that exists: it moves with every edit, and an edit of an
    /// older one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
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
            path_template: String::new(),
            git_credentials: GitCredentials::Token,
            git_token: String::new(),
            git_app_id: String::new(),
            git_installation_id: String::new(),
            git_private_key: String::new(),
            interval_seconds: crate::environment::DEFAULT_INTERVAL_SECONDS.to_string(),
            version: None,
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
