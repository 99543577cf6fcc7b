//! The JSON of accounts, repositories, pull requests, reviews, checks and statuses, with every field that GitHub's
//! description demands.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Repository;
use super::access::Caller;
use super::answers::Site;
use super::state::{CheckRun, Pull, Review, Status};

pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A number that stays the same for a name.
fn number(name: &str) -> u64 {
    name.bytes().fold(1_000, |sum, byte| (sum * 31 + u64::from(byte)) % 90_000_000)
}

/// The addresses that an object has, each a suffix of its own.
fn addresses(value: &mut Value, base: &str, suffixes: &[(&str, &str)]) {
    for (name, suffix) in suffixes {
        value[*name] = json!(format!("{base}{suffix}"));
    }
}

/// Adds the fields of one object to another: one macro's text can be too long for the compiler.
fn extend(value: &mut Value, more: Value) {
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
}

pub(crate) fn account(site: &Site, login: &str, kind: &str) -> Value {
    let id = number(login);
    let mut value = json!({
        "login": login, "id": id, "node_id": format!("U_{id}"), "gravatar_id": "", "type": kind, "user_view_type": "public",
        "site_admin": false, "html_url": format!("{}/{login}", site.web),
        "avatar_url": format!("{}/avatars/{id}", site.web),
    });
    let suffixes = [
        ("url", ""),
        ("followers_url", "/followers"),
        ("following_url", "/following{/other_user}"),
        ("gists_url", "/gists{/gist_id}"),
        ("starred_url", "/starred{/owner}{/repo}"),
        ("subscriptions_url", "/subscriptions"),
        ("organizations_url", "/orgs"),
        ("repos_url", "/repos"),
        ("events_url", "/events{/privacy}"),
        ("received_events_url", "/received_events"),
    ];
    addresses(&mut value, &format!("{}/users/{login}", site.api), &suffixes);
    value
}

const REPOSITORY: [(&str, &str); 37] = [
    ("url", ""),
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

pub(crate) fn repository(site: &Site, repository: &Repository, caller: Option<&Caller>) -> Value {
    let Repository { id, owner, name, default_branch, .. } = repository;
    let full_name = repository.full_name();
    let archived = repository.social().archived;
    // Repositories are made at no time that anything depends on.
    let born = "2026-01-01T00:00:00Z";
    let mut value = json!({
        "id": id, "node_id": format!("R_{id}"), "name": name, "full_name": full_name, "private": true,
        "visibility": "private", "owner": account(site, owner, "Organization"), "description": null, "fork": false,
        "archived": archived, "disabled": false, "default_branch": default_branch, "homepage": null, "language": null,
    });
    let more = json!({
        "license": null, "mirror_url": null, "topics": [], "is_template": false, "web_commit_signoff_required": false,
        "has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false, "has_discussions": false,
        "has_downloads": true, "allow_forking": false, "size": 1, "forks": 0, "forks_count": 0, "open_issues": 0,
        "open_issues_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "network_count": 0,
        "subscribers_count": 0, "created_at": born, "updated_at": born, "pushed_at": born,
        "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true,
    });
    extend(&mut value, more);
    addresses(&mut value, &format!("{}/repos/{full_name}", site.api), &REPOSITORY);
    let page = format!("{}/{full_name}", site.web);
    addresses(&mut value, &page, &[("html_url", ""), ("clone_url", ".git"), ("git_url", ".git"), ("svn_url", "")]);
    value["ssh_url"] = json!(format!("git@{}:{full_name}.git", site.web.rsplit('/').next().unwrap_or_default()));
    if let Some(caller) = caller {
        let push = caller.push && !archived;
        value["permissions"] =
            json!({ "admin": caller.administration, "maintain": false, "push": push, "triage": push, "pull": true });
    }
    value
}

/// What is worked out of a pull request when it is asked for by itself.
pub(crate) struct Whole {
    pub(crate) mergeable: Option<bool>,
    pub(crate) mergeable_state: String,
    /// The commit of a trial merge, before the merge.
    pub(crate) trial: Option<String>,
    pub(crate) commits: u64,
    pub(crate) changed: (u64, u64, u64),
}

pub(crate) fn pull(site: &Site, of: &Repository, pull: &Pull, whole: Option<&Whole>) -> Value {
    let full_name = of.full_name();
    let (api, web) = (format!("{}/repos/{full_name}", site.api), format!("{}/{full_name}", site.web));
    let n = pull.number;
    let (url, page) = (format!("{api}/pulls/{n}"), format!("{web}/pull/{n}"));
    let issue = format!("{api}/issues/{n}");
    let repository = repository(site, of, None);
    let end = |name: &str, sha: &str| {
        json!({
            "label": format!("{}:{name}", of.owner), "ref": name, "sha": sha, "user": account(site, &of.owner, "Organization"),
            "repo": repository,
        })
    };
    let trial = whole.and_then(|whole| whole.trial.clone());
    let merge_commit = pull.merged.as_ref().map(|merged| merged.commit.clone()).or(trial);
    let mut value = json!({
        "id": of.id * 1_000 + n, "node_id": format!("PR_{}_{n}", of.id), "number": n, "url": url, "html_url": page,
        "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "issue_url": issue,
        "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"), "comments_url": format!("{issue}/comments"),
        "statuses_url": format!("{api}/statuses/{}", pull.head_sha),
        "state": if pull.open { "open" } else { "closed" }, "locked": false, "title": pull.title, "body": pull.body,
        "user": account(site, &pull.user, "User"), "labels": [], "milestone": null, "active_lock_reason": null,
    });
    let more = json!({
        "created_at": time(pull.created_at), "updated_at": time(pull.updated_at),
        "closed_at": pull.closed_at.map(time), "merged_at": pull.merged.as_ref().map(|merged| time(merged.at)),
        "merge_commit_sha": merge_commit, "assignee": null, "assignees": [], "requested_reviewers": [],
        "requested_teams": [], "draft": pull.draft, "author_association": "CONTRIBUTOR", "auto_merge": null,
        "head": end(&pull.head, &pull.head_sha), "base": end(&pull.base, &pull.base_sha),
        "_links": {
            "self": { "href": url }, "html": { "href": page }, "issue": { "href": issue },
            "comments": { "href": format!("{issue}/comments") }, "review_comments": { "href": format!("{url}/comments") },
            "review_comment": { "href": format!("{api}/pulls/comments{{/number}}") },
            "commits": { "href": format!("{url}/commits") }, "statuses": { "href": format!("{api}/statuses/{}", pull.head_sha) },
        },
    });
    extend(&mut value, more);
    if let Some(whole) = whole {
        extend(&mut value, alone(site, pull, whole));
    }
    value
}

/// The fields that a pull request has by itself and not in a list.
fn alone(site: &Site, pull: &Pull, whole: &Whole) -> Value {
    let (changed_files, additions, deletions) = whole.changed;
    json!({
        "merged": pull.merged.is_some(), "mergeable": whole.mergeable, "rebaseable": whole.mergeable,
        "mergeable_state": whole.mergeable_state, "merged_by": pull.merged.as_ref().map(|by| account(site, &by.by, "User")),
        "comments": 0, "review_comments": 0, "maintainer_can_modify": false, "commits": whole.commits,
        "additions": additions, "deletions": deletions, "changed_files": changed_files,
    })
}

pub(crate) fn review(site: &Site, of: &Repository, pull: &Pull, review: &Review) -> Value {
    let full_name = of.full_name();
    let url = format!("{}/repos/{full_name}/pulls/{}", site.api, pull.number);
    let page = format!("{}/{full_name}/pull/{}#pullrequestreview-{}", site.web, pull.number, review.id);
    json!({
        "id": review.id, "node_id": format!("PRR_{}", review.id), "user": account(site, &review.user, "User"), "body": "",
        "state": review.state, "html_url": page, "pull_request_url": url, "author_association": "MEMBER",
        "_links": { "html": { "href": page }, "pull_request": { "href": url } },
        "submitted_at": time(review.at), "commit_id": review.commit,
    })
}

pub(crate) fn status(site: &Site, of: &Repository, status: &Status) -> Value {
    let mut value = simple_status(site, of, status);
    value["creator"] = account(site, &status.creator, "User");
    value
}

/// A status as the combined one of a commit lists it.
pub(crate) fn simple_status(site: &Site, of: &Repository, status: &Status) -> Value {
    json!({
        "url": format!("{}/repos/{}/statuses/{}", site.api, of.full_name(), status.sha),
        "avatar_url": format!("{}/avatars/{}", site.web, status.creator), "id": status.id,
        "node_id": format!("SC_{}", status.id), "state": status.state, "description": status.description,
        "target_url": status.target_url, "context": status.context,
        "created_at": time(status.at), "updated_at": time(status.at),
    })
}

fn app(site: &Site, of: &Repository) -> Value {
    let (slug, id) = ("continuous-integration", 15_368);
    json!({
        "id": id, "slug": slug, "node_id": format!("A_{id}"), "client_id": "Iv1.0000000000000000",
        "owner": account(site, &of.owner, "Organization"), "name": "Continuous Integration", "description": null,
        "external_url": format!("{}/apps/{slug}", site.web), "html_url": format!("{}/apps/{slug}", site.web),
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "permissions": { "checks": "write", "metadata": "read" }, "events": [],
    })
}

pub(crate) fn check_run(site: &Site, of: &Repository, run: &CheckRun) -> Value {
    let full_name = of.full_name();
    let (api, page) = (format!("{}/repos/{full_name}", site.api), format!("{}/{full_name}/runs/{}", site.web, run.id));
    let done = run.conclusion.is_some();
    json!({
        "id": run.id, "node_id": format!("CR_{}", run.id), "head_sha": run.sha, "name": run.name, "external_id": "",
        "url": format!("{api}/check-runs/{}", run.id), "html_url": page, "details_url": page,
        "status": if done { "completed" } else { "in_progress" }, "conclusion": run.conclusion,
        "started_at": time(run.at), "completed_at": done.then(|| time(run.at)), "pull_requests": [],
        "check_suite": { "id": run.id + 1 }, "app": app(site, of),
        "output": {
            "title": null, "summary": null, "text": null, "annotations_count": 0,
            "annotations_url": format!("{api}/check-runs/{}/annotations", run.id),
        },
    })
}

/// The check suite of a run, as the webhook shows it.
pub(crate) fn check_suite(site: &Site, of: &Repository, run: &CheckRun) -> Value {
    json!({
        "id": run.id + 1, "node_id": format!("CS_{}", run.id + 1), "head_branch": null, "head_sha": run.sha,
        "status": if run.conclusion.is_some() { "completed" } else { "in_progress" }, "conclusion": run.conclusion,
        "url": format!("{}/repos/{}/check-suites/{}", site.api, of.full_name(), run.id + 1), "before": null, "after": null,
        "pull_requests": [], "app": app(site, of), "created_at": time(run.at), "updated_at": time(run.at),
    })
}
