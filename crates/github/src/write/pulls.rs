//! Pull requests, and statuses of commits.

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::act::{PULLS, PULLS_READ, full_stop};
use crate::client::Github;
use crate::path::{encode, is_sha};
use crate::refusal::Refusal;
use crate::writer::{NewPull, NewStatus, Pull, PullState};

/// A pull request as GitHub writes it, in a list or by itself.
#[derive(Deserialize)]
struct Wire {
    number: u64,
    node_id: String,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    merged_at: Option<DateTime<Utc>>,
    merge_commit_sha: Option<String>,
    head: End,
    base: End,
    #[serde(default)]
    mergeable: Option<bool>,
    #[serde(default)]
    mergeable_state: Option<String>,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
}

impl From<Wire> for Pull {
    fn from(wire: Wire) -> Self {
        let state = match (wire.merged_at, wire.state.as_str()) {
            // Before the merge this is a commit that GitHub made to try it; only afterwards is it the merge.
            (Some(at), _) => PullState::Merged { commit: wire.merge_commit_sha, at },
            (None, "open") => PullState::Open,
            (None, _) => PullState::Closed,
        };
        Self {
            number: wire.number,
            url: wire.html_url,
            node_id: wire.node_id,
            state,
            draft: wire.draft,
            head: wire.head.name,
            head_commit: wire.head.sha,
            base: wire.base.name,
            mergeable: wire.mergeable,
            mergeable_state: wire.mergeable_state.unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// How often a new pull request is tried again where GitHub does not see the new branch's commits yet.
const TRIES: u32 = 4;

/// See [`SourceWriter::open_pull`](crate::SourceWriter::open_pull).
pub(super) async fn open(github: &Github, new: &NewPull) -> Result<Pull, Refusal> {
    let NewPull { head, base, title, body, .. } = new;
    let act = github.act(format!("open a pull request of \"{head}\" into \"{base}\""), PULLS);
    let request = json!({ "title": title, "head": head, "base": base, "body": body });
    let path = format!("{}/pulls", github.repository);
    let mut tried = 0;
    loop {
        if let Some(found) = find(github, new).await? {
            return Ok(found);
        }
        let answer = github.wire.act(&act, Method::POST, &path, Some(&request)).await?;
        let words = answer.words();
        tried += 1;
        match answer.status {
            StatusCode::CREATED => return Ok(github.wire.json::<Wire>(&answer)?.into()),
            // Somebody, or an earlier try whose answer was lost, was first.
            StatusCode::UNPROCESSABLE_ENTITY if words.contains("already exists") && tried < TRIES => {}
            StatusCode::UNPROCESSABLE_ENTITY if words.contains("No commits between") => {
                // Also said for a moment after the branch was made: it is not seen everywhere at once.
                if tried == TRIES {
                    let message = format!(
                        "There is nothing to merge from \"{head}\" into \"{base}\" in {}: Git holds this content already. \
                         Check the environment anew",
                        github.wire.subject.repository
                    );
                    return Err(Refusal::NothingToMerge { message: full_stop(message) });
                }
            }
            _ => return Err(github.wire.not_found_or_invalid(&act, &answer)),
        }
        tokio::time::sleep(github.wire.timeouts.retry_pause * 2_u32.pow(tried)).await;
    }
}

/// The open pull request of these branches, else the newest one that ended at this very commit.
async fn find(github: &Github, new: &NewPull) -> Result<Option<Pull>, Refusal> {
    let (owner, _) = github.wire.subject.repository.split_once('/').unwrap_or_default();
    let head = encode(&format!("{owner}:{}", new.head));
    let query = format!("/pulls?head={head}&base={}&state=all&per_page=100", encode(&new.base));
    let pages = github.pages(&query, PULLS_READ).await?;
    if pages.status() != StatusCode::OK {
        let act = github.act("look for a pull request", PULLS_READ);
        return Err(github.wire.not_found_or_invalid(&act, &pages.0[0]));
    }
    let all: Vec<Wire> = pages.lists(github)?;
    // A server that does not know the filter would answer with everybody's.
    let ours = |pull: &Pull| pull.head == new.head && pull.base == new.base;
    let mut all: Vec<Pull> = all.into_iter().map(Pull::from).filter(ours).collect();
    all.sort_by_key(|pull| std::cmp::Reverse(pull.number));
    if let Some(at) = all.iter().position(|pull| pull.state == PullState::Open) {
        return Ok(Some(all.swap_remove(at)));
    }
    Ok(all.into_iter().find(|pull| pull.head_commit == new.head_commit))
}

pub(super) async fn read(github: &Github, number: u64) -> Result<Pull, Refusal> {
    let repository = &github.wire.subject.repository;
    let what = || format!("{repository} has no pull request {number}. It may belong to another repository");
    Ok(github.read::<Wire>(&format!("/pulls/{number}"), PULLS_READ, what).await?.into())
}

pub(super) async fn close(github: &Github, number: u64) -> Result<Pull, Refusal> {
    let pull = read(github, number).await?;
    if pull.state != PullState::Open {
        return Ok(pull);
    }
    let act = github.act(format!("close the pull request {number}"), PULLS);
    let path = format!("{}/pulls/{number}", github.repository);
    let answer = github.wire.act(&act, Method::PATCH, &path, Some(&json!({ "state": "closed" }))).await?;
    match answer.status {
        StatusCode::OK => Ok(github.wire.json::<Wire>(&answer)?.into()),
        _ => Err(github.wire.not_found_or_invalid(&act, &answer)),
    }
}

pub(super) async fn set_status(github: &Github, commit: &str, status: &NewStatus) -> Result<(), Refusal> {
    let act = github
        .act(format!("report the status \"{}\" of the commit {commit:.10}", status.context), "Commit statuses: write");
    if !is_sha(commit) {
        return Err(github.wire.invalid(&act, "this is not the full SHA of a commit"));
    }
    let description: String = status.description.chars().take(140).collect();
    let mut body = json!({ "state": status.state.word(), "context": status.context, "description": description });
    if let Some(url) = &status.target_url {
        body["target_url"] = json!(url);
    }
    let path = format!("{}/statuses/{commit}", github.repository);
    let answer = github.wire.act(&act, Method::POST, &path, Some(&body)).await?;
    match answer.status {
        StatusCode::CREATED => Ok(()),
        _ => Err(github.wire.not_found_or_invalid(&act, &answer)),
    }
}
