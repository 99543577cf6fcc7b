//! What stands between a pull request and its merge: reviews, checks, and the rules of the base.

use std::collections::BTreeMap;

use drift_domain::failure::FailureKind;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{Pages, pulls};
use crate::act::PULLS_READ;
use crate::client::Github;
use crate::failure::CONTENTS_READ;
use crate::path::encode;
use crate::refusal::Refusal;
use crate::writer::{Check, CheckState, Pull, Rules, Standing};

/// See [`SourceWriter::standing`](crate::SourceWriter::standing).
pub(super) async fn standing(github: &Github, number: u64) -> Result<Standing, Refusal> {
    let pull = pulls::read(github, number).await?;
    let mut rules = Rules::default();
    rulesets(github, &pull.base, &mut rules).await?;
    classic(github, &pull.base, &mut rules).await?;
    rules.checks.sort();
    rules.checks.dedup();
    let (approved_by, changes_requested_by) = reviews(github, &pull, &mut rules).await?;
    let mut checks = check_runs(github, &pull.head_commit, &mut rules).await?;
    checks.extend(statuses(github, &pull.head_commit, &mut rules).await?);
    for check in &mut checks {
        check.required = rules.checks.contains(&check.name);
    }
    let absent = rules.checks.iter().filter(|name| !checks.iter().any(|check| check.name == **name));
    let absent: Vec<Check> = absent
        .map(|name| Check { name: name.clone(), state: CheckState::Expected, required: true, url: None })
        .collect();
    checks.extend(absent);
    Ok(Standing { pull, approved_by, changes_requested_by, checks, rules })
}

/// A list that this token may not read leaves a gap with a name, not an error: the merge itself decides.
async fn readable(
    github: &Github,
    path: &str,
    what: &str,
    permission: &str,
    rules: &mut Rules,
) -> Result<Option<Pages>, Refusal> {
    match github.pages(path, permission).await {
        Ok(pages) if pages.status() == StatusCode::OK => Ok(Some(pages)),
        Ok(pages) if pages.status() == StatusCode::NOT_FOUND => {
            rules.unreadable.push(format!("{what} (permission \"{permission}\")"));
            Ok(None)
        }
        Ok(pages) => Err(github.wire.subject.unexpected(&pages.0[0]).into()),
        Err(Refusal::Permission { .. }) => {
            rules.unreadable.push(format!("{what} (permission \"{permission}\")"));
            Ok(None)
        }
        Err(refusal) => Err(refusal),
    }
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Value,
}

async fn rulesets(github: &Github, base: &str, rules: &mut Rules) -> Result<(), Refusal> {
    let path = format!("/rules/branches/{}?per_page=100", encode(base));
    let Some(pages) = readable(github, &path, "the rulesets of the branch", "Metadata: read", rules).await? else {
        return Ok(());
    };
    for rule in pages.lists::<Rule>(github)? {
        let parameter = |name: &str| rule.parameters.get(name).cloned().unwrap_or_default();
        match rule.kind.as_str() {
            "pull_request" => {
                rules.pull_request = true;
                let approvals = parameter("required_approving_review_count").as_u64().unwrap_or(0);
                rules.approvals = rules.approvals.max(approvals);
            }
            "required_status_checks" => {
                rules.up_to_date |= parameter("strict_required_status_checks_policy").as_bool().unwrap_or(false);
                let checks = parameter("required_status_checks");
                let names = checks.as_array().into_iter().flatten();
                rules.checks.extend(names.filter_map(|check| check["context"].as_str().map(str::to_owned)));
            }
            "merge_queue" => rules.queue = true,
            "required_linear_history" => rules.linear_history = true,
            // These say nothing about merging a pull request.
            "creation" | "deletion" | "non_fast_forward" => {}
            other => rules.others.push(other.to_owned()),
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Protection {
    required_status_checks: Option<RequiredChecks>,
    required_pull_request_reviews: Option<RequiredReviews>,
    required_linear_history: Option<Enabled>,
    required_signatures: Option<Enabled>,
}

#[derive(Deserialize)]
struct RequiredChecks {
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    contexts: Vec<String>,
}

#[derive(Deserialize)]
struct RequiredReviews {
    #[serde(default)]
    required_approving_review_count: u64,
}

#[derive(Deserialize)]
struct Enabled {
    enabled: bool,
}

/// A branch with the part of its protection that everybody who reads it may see.
#[derive(Deserialize)]
struct ProtectedBranch {
    protected: bool,
    #[serde(default)]
    protection: Option<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    required_status_checks: Option<RequiredChecks>,
}

/// Classic protection: whole for administrators, otherwise the required checks that the branch itself shows.
async fn classic(github: &Github, base: &str, rules: &mut Rules) -> Result<(), Refusal> {
    let path = format!("/branches/{}", encode(base));
    let repository = &github.wire.subject.repository;
    let what = || format!("{repository} has no branch \"{base}\" any more. Make it, or choose another");
    let branch: ProtectedBranch = github.read(&path, CONTENTS_READ, what).await?;
    if !branch.protected {
        return Ok(());
    }
    let summary = branch.protection.and_then(|summary| summary.required_status_checks);
    rules.checks.extend(summary.into_iter().flat_map(|checks| checks.contexts));
    let whole = github.wire.get(&format!("{}{path}/protection", github.repository), crate::wire::JSON, None).await;
    let whole = match whole {
        Ok(answer) if answer.status == StatusCode::OK => github.wire.json::<Protection>(&answer)?,
        // Protected by rulesets alone: those are read already.
        Ok(answer) if answer.message().is_some_and(|words| words.contains("not protected")) => return Ok(()),
        Ok(answer) if answer.status == StatusCode::NOT_FOUND => return hidden(rules),
        Ok(answer) => return Err(github.wire.subject.unexpected(&answer).into()),
        Err(failure) if failure.kind == FailureKind::Forbidden => return hidden(rules),
        Err(failure) => return Err(failure.into()),
    };
    if let Some(reviews) = whole.required_pull_request_reviews {
        rules.pull_request = true;
        rules.approvals = rules.approvals.max(reviews.required_approving_review_count);
    }
    if let Some(checks) = whole.required_status_checks {
        rules.up_to_date |= checks.strict;
        rules.checks.extend(checks.contexts);
    }
    rules.linear_history |= whole.required_linear_history.is_some_and(|rule| rule.enabled);
    if whole.required_signatures.is_some_and(|rule| rule.enabled) {
        rules.others.push("required_signatures".to_owned());
    }
    Ok(())
}

fn hidden(rules: &mut Rules) -> Result<(), Refusal> {
    rules.unreadable.push("the classic protection of the branch (permission \"Administration: read\")".to_owned());
    Ok(())
}

#[derive(Deserialize)]
struct Review {
    user: Option<Login>,
    state: String,
    commit_id: Option<String>,
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

/// Who approves and who asks for changes, each by their last word. Comments are no word; a dismissed review is taken back.
async fn reviews(github: &Github, pull: &Pull, rules: &mut Rules) -> Result<(Vec<String>, Vec<String>), Refusal> {
    let path = format!("/pulls/{}/reviews?per_page=100", pull.number);
    let Some(pages) = readable(github, &path, "the reviews", PULLS_READ, rules).await? else {
        return Ok((Vec::new(), Vec::new()));
    };
    let mut last: BTreeMap<String, (bool, Option<String>)> = BTreeMap::new();
    for review in pages.lists::<Review>(github)? {
        let Some(Login { login }) = review.user else { continue };
        match review.state.as_str() {
            "APPROVED" => drop(last.insert(login, (true, review.commit_id))),
            "CHANGES_REQUESTED" => drop(last.insert(login, (false, review.commit_id))),
            "DISMISSED" => drop(last.remove(&login)),
            _ => {}
        }
    }
    let (approved, refused): (Vec<_>, Vec<_>) = last.into_iter().partition(|(_, (approves, _))| *approves);
    let logins = |reviews: Vec<(String, _)>| reviews.into_iter().map(|(login, _)| login).collect();
    Ok((logins(approved), logins(refused)))
}

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
}

async fn check_runs(github: &Github, head: &str, rules: &mut Rules) -> Result<Vec<Check>, Refusal> {
    let path = format!("/commits/{head}/check-runs?per_page=100&filter=latest");
    let Some(pages) = readable(github, &path, "the check runs", "Checks: read", rules).await? else {
        return Ok(Vec::new());
    };
    let mut checks = Vec::new();
    for page in &pages.0 {
        for run in github.wire.json::<CheckRuns>(page)?.check_runs {
            let state = match (run.status.as_str(), run.conclusion.as_deref()) {
                ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Passed,
                ("completed", _) => CheckState::Failed,
                _ => CheckState::Pending,
            };
            checks.push(Check { name: run.name, state, required: false, url: run.html_url });
        }
    }
    Ok(checks)
}

#[derive(Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
    target_url: Option<String>,
}

async fn statuses(github: &Github, head: &str, rules: &mut Rules) -> Result<Vec<Check>, Refusal> {
    let path = format!("/commits/{head}/status?per_page=100");
    let Some(pages) = readable(github, &path, "the commit statuses", "Commit statuses: read", rules).await? else {
        return Ok(Vec::new());
    };
    let mut checks = Vec::new();
    for page in &pages.0 {
        for status in github.wire.json::<Combined>(page)?.statuses {
            let state = match status.state.as_str() {
                "success" => CheckState::Passed,
                "pending" => CheckState::Pending,
                _ => CheckState::Failed,
            };
            checks.push(Check { name: status.context, state, required: false, url: status.target_url });
        }
    }
    Ok(checks)
}
