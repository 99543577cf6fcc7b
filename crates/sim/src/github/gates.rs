//! Runs of Actions that wait at an environment's custom deployment protection rule, and the answers to it.
//!
//! A run is as much of one as somebody sees who keeps such a gate. It is asked about anew in each attempt. GitHub's description
//! has no refusal of an answer; that a second one is 404 is not known from GitHub itself (`docs/github.md`).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::{Refusal, Site};
use super::asked::{Answered, Asked, Page, parse};
use super::shapes::{self, account, time};
use super::{Error, Hub, Repo, Repository, events};

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{name}/actions/runs", get(runs))
        .route("/repos/{owner}/{name}/actions/runs/{run}/pending_deployments", get(pending))
        .route("/repos/{owner}/{name}/actions/runs/{run}/deployment_protection_rule", post(review))
}

/// A run of a workflow that deploys to one environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    id: u64,
    attempt: u64,
    sha: String,
    branch: String,
    environment: String,
    /// The App's rule has not been answered in this attempt.
    waits: bool,
    /// People have to agree as well, so that the run waits on.
    waits_for_people: bool,
    started_at: DateTime<Utc>,
    answers: Vec<Verdict>,
    /// Reports without a state, of this attempt.
    reports: usize,
}

/// An answer to the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `approved` or `rejected`.
    pub state: String,
    /// What was said with it.
    pub comment: String,
}

impl Repo {
    /// A run arrives at an environment whose deployments the App has to agree to: GitHub asks it. Answers the run's number.
    ///
    /// # Errors
    /// The repository was deleted, or has no such branch.
    pub async fn ask_gate(&self, environment: &str, branch: &str) -> Result<u64, Error> {
        let repository = self.repository()?;
        let sha = repository.git.head(branch).await?.ok_or_else(|| Error::NoReference(branch.to_owned()))?;
        let started_at = self.hub.clock.now();
        let run = repository.change(|social| {
            let id = social.next_id();
            let run = Run {
                id,
                attempt: 1,
                sha,
                branch: branch.to_owned(),
                environment: environment.to_owned(),
                waits: true,
                waits_for_people: false,
                started_at,
                answers: Vec::new(),
                reports: 0,
            };
            social.runs.insert(id, run.clone());
            run
        })?;
        self.asked(&repository, &run).await?;
        Ok(run.id)
    }

    /// Somebody starts a run again: GitHub asks anew.
    ///
    /// # Errors
    /// The repository was deleted, or there is no such run.
    pub async fn rerun(&self, run: u64) -> Result<(), Error> {
        let repository = self.repository()?;
        let started_at = self.hub.clock.now();
        let run = repository.change(|social| {
            let run = social.runs.get_mut(&run).ok_or(Error::NoRun(run))?;
            (run.attempt, run.waits, run.reports, run.started_at) = (run.attempt + 1, true, 0, started_at);
            Ok::<_, Error>(run.clone())
        })??;
        self.asked(&repository, &run).await
    }

    /// The run waits for people as well, whatever the App says.
    ///
    /// # Errors
    /// As [`rerun`](Self::rerun).
    pub fn wait_for_people(&self, run: u64) -> Result<(), Error> {
        self.repository()?.change(|social| match social.runs.get_mut(&run) {
            Some(run) => {
                run.waits_for_people = true;
                Ok(())
            }
            None => Err(Error::NoRun(run)),
        })?
    }

    /// What the App answered, oldest first.
    ///
    /// # Errors
    /// As [`rerun`](Self::rerun).
    pub fn gate_answers(&self, run: u64) -> Result<Vec<Verdict>, Error> {
        let repository = self.repository()?;
        let social = repository.social();
        Ok(social.runs.get(&run).ok_or(Error::NoRun(run))?.answers.clone())
    }

    /// The newest status of a context of a commit, as its state and description.
    ///
    /// # Errors
    /// The repository was deleted.
    pub fn status(&self, sha: &str, context: &str) -> Result<Option<(String, String)>, Error> {
        let repository = self.repository()?;
        let social = repository.social();
        let newest = social.statuses_of(sha).into_iter().find(|status| status.context == context);
        Ok(newest.map(|status| (status.state.clone(), status.description.clone().unwrap_or_default())))
    }

    async fn asked(&self, repository: &Repository, run: &Run) -> Result<(), Error> {
        let event = requested(&self.hub, repository, run);
        self.hub.tell("deployment_protection_rule", &event).await;
        Ok(())
    }
}

/// The delivery that asks.
fn requested(hub: &Hub, of: &Repository, run: &Run) -> Value {
    let site = hub.site();
    let api = format!("{}/repos/{}", site.api, of.full_name());
    // A deployment is made for each attempt.
    let id = run.id * 100 + run.attempt;
    let at = time(run.started_at);
    let deployment = json!({
        "id": id, "node_id": format!("DE_{id}"), "sha": run.sha, "ref": run.branch, "task": "deploy", "payload": {},
        "environment": run.environment, "original_environment": run.environment, "description": null,
        "creator": account(&site, "ada-lovelace", "User"), "created_at": at, "updated_at": at,
        "url": format!("{api}/deployments/{id}"), "statuses_url": format!("{api}/deployments/{id}/statuses"),
        "repository_url": api,
    });
    let payload = json!({
        "action": "requested", "environment": run.environment, "event": "push", "deployment": deployment,
        "deployment_callback_url": format!("{api}/actions/runs/{}/deployment_protection_rule", run.id),
        "pull_requests": [],
    });
    events::about(&site, of, "ada-lovelace", payload, json!({}))
}

#[derive(Deserialize)]
struct Which {
    status: Option<String>,
}

async fn runs(
    asked: Asked,
    Path((owner, name)): Path<(String, String)>,
    Query(which): Query<Which>,
    Query(page): Query<Page>,
) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let wanted = |run: &&Run| which.status.as_deref().is_none_or(|status| status == run.status());
    let found: Vec<Run> = repository.social().runs.values().rev().filter(wanted).cloned().collect();
    let more = found.len() > page.skip() + page.size();
    let shown = found.iter().skip(page.skip()).take(page.size());
    let shown: Vec<Value> = shown.map(|run| run.shape(&asked.site, &repository)).collect();
    Ok(asked.page(&json!({ "total_count": found.len(), "workflow_runs": shown }), &page, more))
}

impl Run {
    fn is_pending(&self) -> bool {
        self.waits || self.waits_for_people
    }

    fn status(&self) -> &'static str {
        if self.is_pending() { "waiting" } else { "completed" }
    }

    fn shape(&self, site: &Site, of: &Repository) -> Value {
        let api = format!("{}/repos/{}", site.api, of.full_name());
        let url = format!("{api}/actions/runs/{}", self.id);
        let at = time(self.started_at);
        let mut value = json!({
            "id": self.id, "name": "deploy", "node_id": format!("WFR_{}", self.id), "head_branch": self.branch,
            "head_sha": self.sha, "path": ".github/workflows/deploy.yml", "run_number": self.id, "event": "push",
            "run_attempt": self.attempt, "display_title": "Deploy", "status": self.status(), "conclusion": null,
            "workflow_id": 7, "url": url, "html_url": format!("{}/{}/actions/runs/{}", site.web, of.full_name(), self.id),
            "pull_requests": [], "created_at": at, "updated_at": at, "run_started_at": at, "head_commit": null,
            "repository": shapes::repository(site, of, None), "head_repository": shapes::repository(site, of, None),
        });
        for (name, suffix) in [
            ("jobs_url", "/jobs"),
            ("logs_url", "/logs"),
            ("artifacts_url", "/artifacts"),
            ("cancel_url", "/cancel"),
            ("rerun_url", "/rerun"),
        ] {
            value[name] = json!(format!("{url}{suffix}"));
        }
        value["check_suite_url"] = json!(format!("{api}/check-suites/1"));
        value["workflow_url"] = json!(format!("{api}/actions/workflows/7"));
        value
    }
}

type OfRun = Path<(String, String, u64)>;

async fn pending(asked: Asked, Path((owner, name, run)): OfRun) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let run = repository.social().runs.get(&run).cloned().ok_or_else(Refusal::not_found)?;
    let environment = json!({ "id": 1, "node_id": "EN_1", "name": run.environment });
    let waiting = json!({
        "environment": environment, "wait_timer": 0, "wait_timer_started_at": null, "current_user_can_approve": false,
        "reviewers": [],
    });
    Ok(asked.json(&if run.is_pending() { json!([waiting]) } else { json!([]) }))
}

#[derive(Deserialize)]
struct Review {
    environment_name: String,
    state: Option<String>,
    #[serde(default)]
    comment: String,
}

/// Reports without a state that one attempt takes.
const MOST_REPORTS: usize = 10;
/// Characters of a comment.
const LONGEST: usize = 1_024;

async fn review(asked: Asked, Path((owner, name, run)): OfRun, body: Bytes) -> Answered {
    // Only an App may, whatever a token was granted.
    let repository = asked.writable(&owner, &name, |caller| caller.installation)?;
    let new: Review = parse(&body)?;
    if new.comment.chars().count() > LONGEST {
        return Err(Refusal::new(422, "Comment is too long (maximum is 1024 characters)"));
    }
    repository.change(|social| {
        let run = social.runs.get_mut(&run).ok_or_else(Refusal::not_found)?;
        if !run.waits || !run.environment.eq_ignore_ascii_case(&new.environment_name) {
            return Err(Refusal::not_found());
        }
        match new.state {
            Some(state) => {
                run.waits = false;
                run.answers.push(Verdict { state, comment: new.comment });
            }
            None if run.reports >= MOST_REPORTS => return Err(Refusal::new(422, "Too many status reports")),
            None => run.reports += 1,
        }
        Ok(())
    })??;
    Ok(StatusCode::NO_CONTENT.into_response())
}
