//! Merging, in the way that the server and the branch offer.

use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::pulls;
use crate::act::{Act, CONTENTS, Graph, GraphError, PULLS_READ, full_stop, needs};
use crate::client::Github;
use crate::failure::clip;
use crate::path::encode;
use crate::refusal::{Need, Refusal};
use crate::wire::{Answer, JSON};
use crate::writer::{MergeOrder, Merging, Pull, PullState};

/// GitHub's answer about a merge in the background.
#[derive(Deserialize)]
struct Background {
    status: String,
    details: Details,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    message: String,
    uuid: Option<String>,
    sha: Option<String>,
    expected_head_sha: Option<String>,
}

#[derive(Deserialize)]
struct Merged {
    sha: String,
}

fn act(github: &Github, order: &MergeOrder) -> Act {
    github.act(format!("merge the pull request {} at {:.10}", order.number, order.head), CONTENTS)
}

fn body(order: &MergeOrder) -> Value {
    let mut body = json!({ "sha": order.head, "merge_method": order.method.word() });
    if let Some(title) = &order.title {
        body["commit_title"] = json!(title);
    }
    if let Some(message) = &order.message {
        body["commit_message"] = json!(message);
    }
    body
}

/// See [`SourceWriter::merge`](crate::SourceWriter::merge).
pub(super) async fn merge(github: &Github, order: &MergeOrder) -> Result<Merging, Refusal> {
    let pull = pulls::read(github, order.number).await?;
    if let Some(merged) = settled(github, order, &pull)? {
        return Ok(merged);
    }
    if !github.merges_at_once.load(Ordering::Relaxed)
        && let Some(merging) = in_background(github, order).await?
    {
        return Ok(merging);
    }
    at_once(github, order, &pull).await
}

/// What the pull request itself says: merged already, or not one that merges.
fn settled(github: &Github, order: &MergeOrder, pull: &Pull) -> Result<Option<Merging>, Refusal> {
    let repository = &github.wire.subject.repository;
    let number = order.number;
    if pull.head_commit != order.head {
        let message = format!(
            "The pull request {number} of {repository} now ends at {:.10}, not at {:.10} which was decided about: somebody \
             pushed to \"{}\". Look at what was pushed, then decide again",
            pull.head_commit, order.head, pull.head
        );
        return Err(Refusal::HeadMoved { message: full_stop(message), found: Some(pull.head_commit.clone()) });
    }
    match &pull.state {
        PullState::Merged { commit, .. } => Ok(Some(Merging::Merged { commit: commit.clone() })),
        PullState::Closed => {
            let message = format!(
                "The pull request {number} of {repository} was closed without being merged. Somebody may have declined it: \
                 ask, or decide again"
            );
            Err(Refusal::NotMergeable { message: full_stop(message) })
        }
        PullState::Open if pull.draft => {
            let message = format!(
                "The pull request {number} of {repository} is a draft, which GitHub does not merge. Mark it ready for review"
            );
            Err(Refusal::NotMergeable { message: full_stop(message) })
        }
        PullState::Open if pull.mergeable == Some(false) => Err(conflict(github, pull)),
        PullState::Open => Ok(None),
    }
}

fn conflict(github: &Github, pull: &Pull) -> Refusal {
    let message = format!(
        "The pull request {} of {} cannot be merged: \"{}\" changed in the same places since. Compare again, and decide \
         about the collision",
        pull.number, github.wire.subject.repository, pull.base
    );
    Refusal::Conflict { message: full_stop(message) }
}

/// `merge-async`, where the server has it; `None` where it has not (an Enterprise Server), which is remembered.
async fn in_background(github: &Github, order: &MergeOrder) -> Result<Option<Merging>, Refusal> {
    let act = act(github, order);
    let path = format!("{}/pulls/{}/merge-async", github.repository, order.number);
    let answer = github.wire.act(&act, Method::PUT, &path, Some(&body(order))).await?;
    match answer.status {
        // The pull request was there a moment ago: it is the address that is not.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            github.merges_at_once.store(true, Ordering::Relaxed);
            Ok(None)
        }
        StatusCode::OK | StatusCode::ACCEPTED | StatusCode::BAD_REQUEST => {
            background(github, order, &answer).await.map(Some)
        }
        StatusCode::CONFLICT => {
            // One is under way already. If it is for another head, it is not ours.
            let running: Background = github.wire.json(&answer)?;
            match (running.details.uuid, running.details.expected_head_sha) {
                (Some(uuid), expected) if expected.as_ref().is_none_or(|head| *head == order.head) => {
                    Ok(Some(Merging::Pending { uuid }))
                }
                (_, found) => Err(Refusal::HeadMoved {
                    message: format!(
                        "{} merges the pull request {} of {} at another head already. Wait for that, then decide again.",
                        github.wire.subject.server, order.number, github.wire.subject.repository
                    ),
                    found,
                }),
            }
        }
        _ => Err(github.wire.not_found_or_invalid(&act, &answer)),
    }
}

async fn background(github: &Github, order: &MergeOrder, answer: &Answer) -> Result<Merging, Refusal> {
    let Background { status, details } = github.wire.json(answer)?;
    match (status.as_str(), details.uuid, details.sha) {
        ("merged", _, sha) => Ok(Merging::Merged { commit: sha }),
        ("pending", Some(uuid), _) => Ok(Merging::Pending { uuid }),
        ("enqueued", ..) => Ok(Merging::Queued),
        ("failed", ..) => told(github, order, &details.message).await,
        (other, ..) => Err(github.wire.subject.broken(&format!("the merge status \"{other}\"")).into()),
    }
}

/// The synchronous merge, for servers without the other.
async fn at_once(github: &Github, order: &MergeOrder, pull: &Pull) -> Result<Merging, Refusal> {
    let act = act(github, order);
    let path = format!("{}/pulls/{}/merge", github.repository, order.number);
    let answer = github.wire.act(&act, Method::PUT, &path, Some(&body(order))).await?;
    match answer.status {
        StatusCode::OK => {
            let Merged { sha } = github.wire.json(&answer)?;
            Ok(Merging::Merged { commit: Some(sha) })
        }
        StatusCode::CONFLICT => {
            let now = pulls::read(github, order.number).await?;
            match settled(github, order, &now)? {
                Some(merged) => Ok(merged),
                None => told(github, order, &answer.words()).await,
            }
        }
        StatusCode::METHOD_NOT_ALLOWED if needs(&answer.words()) == [Need::Queue] => enqueue(github, order, pull).await,
        StatusCode::METHOD_NOT_ALLOWED => told(github, order, &answer.words()).await,
        _ => Err(github.wire.not_found_or_invalid(&act, &answer)),
    }
}

/// A merge that GitHub did not do: its words, and the pull request as it is now, tell why. Where somebody else's order was
/// quicker, it is merged all the same.
async fn told(github: &Github, order: &MergeOrder, words: &str) -> Result<Merging, Refusal> {
    let lower = words.to_lowercase();
    let repository = &github.wire.subject.repository;
    if lower.contains("base branch was modified") {
        let message = format!(
            "The base of the pull request {} of {repository} moved while it was merged. It is tried again",
            order.number
        );
        return Err(Refusal::BaseMoved { message: full_stop(message) });
    }
    let pull = known(github, order.number).await?;
    if let Some(merged) = settled(github, order, &pull)? {
        return Ok(merged);
    }
    if needs(words) != [Need::OtherRule] || lower.contains("rule") || pull.mergeable_state == "blocked" {
        return Err(github.wire.protected(&act(github, order), words));
    }
    if lower.contains("conflict") {
        return Err(conflict(github, &pull));
    }
    let message = format!(
        "{} does not merge the pull request {} of {repository}: {}. Look at it there",
        github.wire.subject.server,
        order.number,
        words.trim_end_matches('.')
    );
    Err(Refusal::NotMergeable { message: full_stop(message) })
}

/// How often a pull request is read again while GitHub works out whether it merges.
const LOOKS: u32 = 5;

/// The pull request once it is known whether it merges, or as far as it is known after a few looks.
async fn known(github: &Github, number: u64) -> Result<Pull, Refusal> {
    let mut pull = pulls::read(github, number).await?;
    for look in 0..LOOKS {
        if pull.state != PullState::Open || pull.mergeable.is_some() {
            break;
        }
        tokio::time::sleep(github.wire.timeouts.retry_pause * 2_u32.pow(look)).await;
        pull = pulls::read(github, number).await?;
    }
    Ok(pull)
}

const ENQUEUE: &str = "mutation Enqueue($pull: ID!, $head: GitObjectID!) { \
     enqueuePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $head}) { mergeQueueEntry { state position } } }";

async fn enqueue(github: &Github, order: &MergeOrder, pull: &Pull) -> Result<Merging, Refusal> {
    let act = github.act(format!("put the pull request {} into the merge queue", order.number), CONTENTS);
    let variables = json!({ "pull": pull.node_id, "head": order.head });
    let graph: Graph<Value> = github.wire.graphql(&act, ENQUEUE, &variables).await?;
    let Some(error) = graph.errors().first() else { return Ok(Merging::Queued) };
    // In the queue already, by an earlier try: the queue says so better than words.
    if is_queued(github, order).await? {
        return Ok(Merging::Queued);
    }
    match error.kind.as_str() {
        "FORBIDDEN" | "INSUFFICIENT_SCOPES" => Err(refused(github, &act, error)),
        _ => told(github, order, &error.message).await,
    }
}

/// GraphQL's way of saying 403.
pub(super) fn refused(github: &Github, act: &Act, error: &GraphError) -> Refusal {
    let message = format!(
        "{} refused to {} ({}): give the token the permission \"{}\"",
        github.wire.subject.server,
        act.what,
        clip(&error.message),
        act.permission
    );
    Refusal::Permission { message: full_stop(message) }
}

const QUEUED: &str = "query Queued($owner: String!, $name: String!, $number: Int!) { \
     repository(owner: $owner, name: $name) { pullRequest(number: $number) { mergeQueueEntry { state position } } } }";

#[derive(Deserialize)]
struct Queued {
    repository: Option<QueuedIn>,
}

#[derive(Deserialize)]
struct QueuedIn {
    #[serde(rename = "pullRequest")]
    pull: Option<QueuedPull>,
}

#[derive(Deserialize)]
struct QueuedPull {
    #[serde(rename = "mergeQueueEntry")]
    entry: Option<Value>,
}

async fn is_queued(github: &Github, order: &MergeOrder) -> Result<bool, Refusal> {
    let act = github.act(format!("look for the pull request {} in the merge queue", order.number), PULLS_READ);
    let (owner, name) = github.wire.subject.repository.split_once('/').unwrap_or_default();
    let variables = json!({ "owner": owner, "name": name, "number": order.number });
    let graph: Graph<Queued> = github.wire.graphql(&act, QUEUED, &variables).await?;
    // An error is no answer: it must not read as "not in the queue".
    if let Some(error) = graph.errors().first() {
        return Err(match error.kind.as_str() {
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => refused(github, &act, error),
            _ => github.wire.subject.broken(&format!("the error \"{}\"", clip(&error.message))).into(),
        });
    }
    let entry = graph.data.and_then(|data| data.repository?.pull?.entry);
    Ok(entry.is_some())
}

/// See [`SourceWriter::follow`](crate::SourceWriter::follow).
pub(super) async fn follow(github: &Github, order: &MergeOrder, merging: &Merging) -> Result<Merging, Refusal> {
    match merging {
        Merging::Merged { .. } => Ok(merging.clone()),
        Merging::Pending { uuid } => {
            let path = format!("{}/pulls/{}/merge-async/{}", github.repository, order.number, encode(uuid));
            let answer = github.wire.get_with(&path, JSON, None, PULLS_READ).await?;
            if answer.status == StatusCode::OK {
                return background(github, order, &answer).await;
            }
            // Forgotten after a day: the pull request remembers.
            let pull = pulls::read(github, order.number).await?;
            settled(github, order, &pull)?.ok_or_else(|| Refusal::NotMergeable {
                message: format!(
                    "{} no longer knows the merge of the pull request {} of {}, which is still open. Merge it anew.",
                    github.wire.subject.server, order.number, github.wire.subject.repository
                ),
            })
        }
        Merging::Queued => {
            let pull = pulls::read(github, order.number).await?;
            match settled(github, order, &pull)? {
                Some(merged) => Ok(merged),
                None if is_queued(github, order).await? => Ok(Merging::Queued),
                None => queue_left(github, order).await,
            }
        }
    }
}

/// Neither merged nor queued: read again, since it may have been merged between the two looks.
async fn queue_left(github: &Github, order: &MergeOrder) -> Result<Merging, Refusal> {
    let pull = pulls::read(github, order.number).await?;
    settled(github, order, &pull)?.ok_or_else(|| Refusal::Protected {
        message: format!(
            "The merge queue of {} let the pull request {} go: its checks failed there, it conflicts with what is before it, \
             or somebody took it out. Look at its page, then merge it anew.",
            github.wire.subject.repository, order.number
        ),
        needs: vec![Need::Queue],
    })
}
