//! Deployments of others that wait for an answer: a GitHub App's custom deployment protection rule.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::client::Github;
use crate::refusal::Refusal;

/// What reads the runs that wait.
const ACTIONS_READ: &str = "Actions: read";
/// What answers them; only an App can have it for this.
const DEPLOYMENTS: &str = "Deployments: write";
/// Characters of a comment that GitHub takes.
const LONGEST: usize = 1_024;

/// Runs of a repository's workflows that wait at the App's rule.
#[async_trait]
pub trait DeploymentGates: Send + Sync {
    /// The runs that wait for something, newest first.
    async fn waiting_runs(&self) -> Result<Vec<WaitingRun>, Refusal>;

    /// The names of the environments that a run waits at. GitHub does not say for whom.
    async fn waits_at(&self, run: u64) -> Result<Vec<String>, Refusal>;

    /// Says whether a run may deploy to an environment. A comment that is longer than GitHub's 1,024 characters is cut. Where
    /// the run does not wait for it, [`Refusal::NotFound`] or [`Refusal::Validation`].
    async fn answer_gate(&self, run: u64, environment: &str, allowed: bool, comment: &str) -> Result<(), Refusal>;
}

/// A run that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRun {
    /// Its number, which stays when it is started again.
    pub id: u64,
    /// The commit that it is of.
    pub commit: String,
    /// When its present attempt began.
    pub started_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    head_sha: String,
    created_at: DateTime<Utc>,
    run_started_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Pending {
    environment: Environment,
}

#[derive(Deserialize)]
struct Environment {
    name: Option<String>,
}

#[async_trait]
impl DeploymentGates for Github {
    async fn waiting_runs(&self) -> Result<Vec<WaitingRun>, Refusal> {
        let what = || format!("{} has no runs of Actions: they are turned off there", self.wire.subject.repository);
        let runs: Runs = self.read("/actions/runs?status=waiting&per_page=100", ACTIONS_READ, what).await?;
        let run = |run: Run| WaitingRun {
            id: run.id,
            commit: run.head_sha,
            started_at: run.run_started_at.unwrap_or(run.created_at),
        };
        Ok(runs.workflow_runs.into_iter().map(run).collect())
    }

    async fn waits_at(&self, run: u64) -> Result<Vec<String>, Refusal> {
        let what = || format!("{} has no run {run}", self.wire.subject.repository);
        let path = format!("/actions/runs/{run}/pending_deployments");
        let pending: Vec<Pending> = self.read(&path, ACTIONS_READ, what).await?;
        Ok(pending.into_iter().filter_map(|pending| pending.environment.name).collect())
    }

    async fn answer_gate(&self, run: u64, environment: &str, allowed: bool, comment: &str) -> Result<(), Refusal> {
        let act = self.act(format!("answer run {run}, which waits at \"{environment}\","), DEPLOYMENTS);
        let state = if allowed { "approved" } else { "rejected" };
        let comment: String = comment.chars().take(LONGEST).collect();
        let body = json!({ "environment_name": environment, "state": state, "comment": comment });
        let path = format!("{}/actions/runs/{run}/deployment_protection_rule", self.repository);
        let answer = self.wire.act(&act, Method::POST, &path, Some(&body)).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            _ => Err(self.wire.not_found_or_invalid(&act, &answer)),
        }
    }
}
