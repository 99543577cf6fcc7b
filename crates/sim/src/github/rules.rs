//! Statuses and checks of commits, the rules of branches, and how commits stand to each other.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::answers::{self, Refusal};
use super::asked::{Answered, Asked, Page, parse};
use super::git::is_sha;
use super::state::{Protection, Status};
use super::{Hub, Repository, events, shapes};

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{name}/statuses/{sha}", post(report))
        .route("/repos/{owner}/{name}/rules/branches/{*branch}", get(rules))
        .route("/repos/{owner}/{name}/compare/{*basehead}", get(compare))
}

#[derive(Deserialize)]
struct NewStatus {
    state: String,
    context: Option<String>,
    description: Option<String>,
    target_url: Option<String>,
}

/// GitHub takes so many statuses of one commit and context.
const MOST_STATUSES: usize = 1_000;

async fn report(asked: Asked, Path((owner, name, sha)): Path<(String, String, String)>, body: Bytes) -> Answered {
    let repository = asked.writable(&owner, &name, |caller: &Caller| caller.statuses)?;
    let new: NewStatus = parse(&body)?;
    if !is_sha(&sha) || repository.git.kind(&sha).await?.as_deref() != Some("commit") {
        return Err(Refusal::new(422, format!("No commit found for SHA: {sha}")));
    }
    if !matches!(new.state.as_str(), "error" | "failure" | "pending" | "success") {
        return Err(Refusal::invalid("Status", Some("state"), "custom", Some("state is not included in the list")));
    }
    if new.description.as_ref().is_some_and(|text| text.chars().count() > 140) {
        let words = "description is too long (maximum is 140 characters)";
        return Err(Refusal::invalid("Status", Some("description"), "custom", Some(words)));
    }
    let context = new.context.unwrap_or_else(|| "default".to_owned());
    let (creator, at) = (asked.login().to_owned(), asked.hub.clock.now());
    let status = repository.change(|social| {
        if social.statuses.iter().filter(|s| s.sha == sha && s.context == context).count() >= MOST_STATUSES {
            let words = "This SHA and context has reached the maximum number of statuses.";
            return Err(Refusal::invalid("Status", None, "custom", Some(words)));
        }
        let (description, target_url) = (new.description, new.target_url);
        let id = social.next_id();
        let status = Status { id, sha, context, state: new.state, description, target_url, creator, at };
        social.statuses.push(status.clone());
        Ok(status)
    })??;
    asked.hub.tell("status", &events::status(&asked.hub, &repository, &status).await?).await;
    Ok(asked.created(&shapes::status(&asked.site, &repository, &status)))
}

/// The combined status of a commit.
pub(crate) async fn combined(asked: &Asked, of: &Repository, reference: &str, page: &Page) -> Answered {
    let sha = of.git.commit_sha(reference).await?.ok_or_else(Refusal::not_found)?;
    let statuses: Vec<Status> = of.social().statuses_of(&sha).into_iter().cloned().collect();
    let has = |words: &[&str]| statuses.iter().any(|status| words.contains(&status.state.as_str()));
    let state = match () {
        () if has(&["failure", "error"]) => "failure",
        () if statuses.is_empty() || has(&["pending"]) => "pending",
        () => "success",
    };
    let api = format!("{}/repos/{}", asked.site.api, of.full_name());
    let more = statuses.len() > page.skip() + page.size();
    let shown = statuses.iter().skip(page.skip()).take(page.size());
    let body = json!({
        "state": state, "sha": sha, "total_count": statuses.len(), "commit_url": format!("{api}/commits/{sha}"),
        "url": format!("{api}/commits/{sha}/status"), "repository": shapes::repository(&asked.site, of, None),
        "statuses": shown.map(|status| shapes::simple_status(&asked.site, of, status)).collect::<Vec<_>>(),
    });
    Ok(asked.page(&body, page, more))
}

/// The newest check runs of a commit.
pub(crate) async fn check_runs(asked: &Asked, of: &Repository, reference: &str, page: &Page) -> Answered {
    if !asked.caller.checks {
        return Err(Refusal::no_permission(&asked.caller));
    }
    let sha = of.git.commit_sha(reference).await?.ok_or_else(Refusal::not_found)?;
    let runs: Vec<_> = of.social().checks_of(&sha).into_iter().cloned().collect();
    let more = runs.len() > page.skip() + page.size();
    let shown = runs.iter().skip(page.skip()).take(page.size());
    let body: Vec<Value> = shown.map(|run| shapes::check_run(&asked.site, of, run)).collect();
    Ok(asked.page(&json!({ "total_count": runs.len(), "check_runs": body }), page, more))
}

async fn rules(
    asked: Asked,
    Path((owner, name, branch)): Path<(String, String, String)>,
    Query(page): Query<Page>,
) -> Answered {
    let repository = asked.find(&owner, &name)?;
    let ruleset = repository.social().rulesets.get(&branch).cloned();
    let info = |kind: &str, parameters: Option<Value>| {
        let mut rule = json!({
            "type": kind, "ruleset_source_type": "Repository", "ruleset_source": repository.full_name(), "ruleset_id": 42,
        });
        if let Some(parameters) = parameters {
            rule["parameters"] = parameters;
        }
        rule
    };
    let mut all = Vec::new();
    if let Some(ruleset) = ruleset {
        let Protection { approvals, dismiss_stale, checks, up_to_date, linear_history } = ruleset.rules;
        if let Some(approvals) = approvals {
            let parameters = json!({
                "allowed_merge_methods": ["merge", "squash", "rebase"], "dismiss_stale_reviews_on_push": dismiss_stale,
                "require_code_owner_review": false, "require_last_push_approval": false,
                "required_approving_review_count": approvals, "required_review_thread_resolution": false,
            });
            all.push(info("pull_request", Some(parameters)));
        }
        if !checks.is_empty() {
            let checks: Vec<Value> = checks.iter().map(|name| json!({ "context": name })).collect();
            let parameters = json!({
                "required_status_checks": checks, "strict_required_status_checks_policy": up_to_date,
                "do_not_enforce_on_create": false,
            });
            all.push(info("required_status_checks", Some(parameters)));
        }
        if ruleset.queue {
            let parameters = json!({
                "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5,
                "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
                "min_entries_to_merge_wait_minutes": 5,
            });
            all.push(info("merge_queue", Some(parameters)));
        }
        if linear_history {
            all.push(info("required_linear_history", None));
        }
    }
    let more = all.len() > page.skip() + page.size();
    let shown: Vec<Value> = all.into_iter().skip(page.skip()).take(page.size()).collect();
    Ok(asked.page(&json!(shown), &page, more))
}

/// What everybody who reads a branch sees of its protection.
pub(crate) fn summary(of: &Repository, branch: &str) -> (bool, Value) {
    let social = of.social();
    let classic = social.protections.get(branch).cloned();
    let protected = classic.is_some() || social.rulesets.contains_key(branch);
    let contexts = classic.as_ref().map(|classic| classic.checks.clone()).unwrap_or_default();
    let checks: Vec<Value> = contexts.iter().map(|name| json!({ "context": name, "app_id": null })).collect();
    let level = if contexts.is_empty() { "off" } else { "non_admins" };
    let required = json!({ "enforcement_level": level, "contexts": contexts, "checks": checks });
    (protected, json!({ "enabled": classic.is_some(), "required_status_checks": required }))
}

/// Classic protection, for those who administer the repository.
pub(crate) async fn protection(asked: &Asked, of: &Repository, branch: &str) -> Answered {
    if !asked.caller.administration {
        return Err(match asked.caller.installation {
            true => Refusal::no_permission(&asked.caller),
            false => Refusal::not_found(),
        });
    }
    let classic = of.social().protections.get(branch).cloned();
    let Some(Protection { approvals, dismiss_stale, checks, up_to_date, linear_history }) = classic else {
        return Err(Refusal::new(404, "Branch not protected"));
    };
    let url = format!("{}/repos/{}/branches/{branch}/protection", asked.site.api, of.full_name());
    let on = |enabled: bool| json!({ "enabled": enabled });
    let mut body = json!({
        "url": url, "required_linear_history": on(linear_history), "allow_force_pushes": on(false),
        "allow_deletions": on(false), "required_conversation_resolution": on(false), "block_creations": on(false),
        "lock_branch": on(false), "allow_fork_syncing": on(false),
        "required_signatures": { "url": format!("{url}/required_signatures"), "enabled": false },
        "enforce_admins": { "url": format!("{url}/enforce_admins"), "enabled": true },
    });
    if let Some(approvals) = approvals {
        body["required_pull_request_reviews"] = json!({
            "url": format!("{url}/required_pull_request_reviews"), "dismiss_stale_reviews": dismiss_stale,
            "require_code_owner_reviews": false, "require_last_push_approval": false,
            "required_approving_review_count": approvals,
        });
    }
    if !checks.is_empty() {
        let listed: Vec<Value> = checks.iter().map(|name| json!({ "context": name, "app_id": null })).collect();
        body["required_status_checks"] = json!({
            "url": format!("{url}/required_status_checks"), "strict": up_to_date, "contexts": checks, "checks": listed,
            "contexts_url": format!("{url}/required_status_checks/contexts"),
        });
    }
    Ok(asked.json(&body))
}

async fn compare(
    asked: Asked,
    Path((owner, name, basehead)): Path<(String, String, String)>,
    Query(page): Query<Page>,
) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    let (base, head) = basehead.split_once("...").ok_or_else(Refusal::not_found)?;
    let git = &repository.git;
    let base = git.commit_sha(base).await?.ok_or_else(Refusal::not_found)?;
    let head = git.commit_sha(head).await?.ok_or_else(Refusal::not_found)?;
    let Some(merge_base) = git.merge_base(&base, &head).await? else {
        return Err(Refusal::new(404, "No common ancestor between these commits."));
    };
    let (behind, ahead) = git.distance(&base, &head).await?;
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let whole = async |sha: &str| -> Result<Value, Refusal> {
        let commit = git.log(sha, None, 0, 1).await?.pop().ok_or_else(Refusal::not_found)?;
        Ok(answers::commit(&asked.site, &repository, &commit))
    };
    let commits = git.between(&base, &head).await?;
    let more = commits.len() > page.skip() + page.size();
    let shown = commits.iter().skip(page.skip()).take(page.size());
    let (api, web) = (
        format!("{}/repos/{}", asked.site.api, repository.full_name()),
        format!("{}/{}", asked.site.web, repository.full_name()),
    );
    let between = format!("compare/{base}...{head}");
    let body = json!({
        "url": format!("{api}/{between}"), "html_url": format!("{web}/{between}"), "permalink_url": format!("{web}/{between}"),
        "diff_url": format!("{web}/{between}.diff"), "patch_url": format!("{web}/{between}.patch"),
        "base_commit": whole(&base).await?, "merge_base_commit": whole(&merge_base).await?, "status": status,
        "ahead_by": ahead, "behind_by": behind, "total_commits": ahead, "files": [],
        "commits": shown.map(|commit| answers::commit(&asked.site, &repository, commit)).collect::<Vec<_>>(),
    });
    Ok(asked.page(&body, &page, more))
}
