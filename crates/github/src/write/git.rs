//! Git's objects and branches.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::act::{Act, CONTENTS, Graph};
use crate::client::Github;
use crate::path::{encode, is_sha};
use crate::refusal::Refusal;
use crate::sha;
use crate::wire::JSON;
use crate::writer::{BranchGone, BranchMade, Identity, NewCommit, TreeChange, TreeContent};

#[derive(Deserialize)]
struct Made {
    sha: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "ref")]
    name: String,
    object: Made,
}

/// The name as GitHub takes it, or why it is none.
fn checked<'n>(github: &Github, branch: &'n str) -> Result<&'n str, Refusal> {
    let name = github.reference(branch)?;
    Ok(name.strip_prefix("heads/").unwrap_or(name))
}

pub(super) async fn branch(github: &Github, branch: &str) -> Result<Option<String>, Refusal> {
    let name = checked(github, branch)?;
    let path = format!("{}/git/ref/{}", github.repository, encode(&format!("heads/{name}")));
    let answer = github.wire.get(&path, JSON, None).await?;
    match answer.status {
        StatusCode::OK => {
            let found: Reference = github.wire.json(&answer)?;
            // A server that matched a prefix would name another branch.
            Ok((found.name == format!("refs/heads/{name}")).then_some(found.object.sha))
        }
        StatusCode::NOT_FOUND if answer.message().is_some() => {
            github.repository().await?;
            Ok(None)
        }
        // An empty repository has no branch.
        StatusCode::CONFLICT => Ok(None),
        _ => Err(github.wire.subject.unexpected(&answer).into()),
    }
}

async fn make(github: &Github, act: &Act, path: &str, body: &Value) -> Result<String, Refusal> {
    let answer = github.wire.act(act, Method::POST, &format!("{}{path}", github.repository), Some(body)).await?;
    if answer.status != StatusCode::CREATED {
        return Err(github.wire.not_found_or_invalid(act, &answer));
    }
    let made: Made = github.wire.json(&answer)?;
    match is_sha(&made.sha) {
        true => Ok(made.sha),
        false => Err(github.wire.subject.broken("something that is not a SHA").into()),
    }
}

pub(super) async fn create_blob(github: &Github, content: &[u8]) -> Result<String, Refusal> {
    let act = github.act("store a file's content", CONTENTS);
    let body = json!({ "content": STANDARD.encode(content), "encoding": "base64" });
    let made = make(github, &act, "/git/blobs", &body).await?;
    match sha::is_blob(&made, content) {
        true => Ok(made),
        false => Err(github.wire.subject.broken("the SHA of another content than was sent").into()),
    }
}

pub(super) async fn create_tree(github: &Github, base_tree: &str, changes: &[TreeChange]) -> Result<String, Refusal> {
    let act = github.act("write a tree of files", CONTENTS);
    let entry = |change: &TreeChange| {
        let mut entry = json!({ "path": change.path, "mode": "100644", "type": "blob" });
        match &change.content {
            TreeContent::Text(text) => entry["content"] = json!(text),
            TreeContent::Blob(sha) => entry["sha"] = json!(sha),
            // Explicitly null: without the field GitHub would not know what is meant.
            TreeContent::Removed => entry["sha"] = Value::Null,
        }
        entry
    };
    if changes.is_empty() {
        return Ok(base_tree.to_owned());
    }
    let body = json!({ "base_tree": base_tree, "tree": changes.iter().map(entry).collect::<Vec<_>>() });
    make(github, &act, "/git/trees", &body).await
}

fn identity(identity: &Identity) -> Value {
    let date = identity.date.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({ "name": identity.name, "email": identity.email, "date": date })
}

pub(super) async fn create_commit(github: &Github, commit: &NewCommit) -> Result<String, Refusal> {
    let act = github.act("make a commit", CONTENTS);
    let body = json!({
        "message": commit.message,
        "tree": commit.tree,
        "parents": [commit.parent],
        "author": identity(&commit.author),
        "committer": identity(&commit.committer),
    });
    make(github, &act, "/git/commits", &body).await
}

fn moved(github: &Github, branch: &str, found: Option<String>, expected: &str) -> Refusal {
    let repository = &github.wire.subject.repository;
    let there = found.as_deref().map_or("is gone".to_owned(), |sha| format!("stands at {sha:.10}"));
    let message = format!(
        "The branch \"{branch}\" of {repository} {there}, where {expected:.10} was expected: somebody else wrote to it. \
         Look at what is there, then decide again"
    );
    Refusal::HeadMoved { message: crate::act::full_stop(message), found }
}

pub(super) async fn create_branch(github: &Github, name: &str, commit: &str) -> Result<BranchMade, Refusal> {
    let name = checked(github, name)?;
    let act = github.act(format!("make the branch \"{name}\" at {commit:.10}"), CONTENTS);
    let body = json!({ "ref": format!("refs/heads/{name}"), "sha": commit });
    let path = format!("{}/git/refs", github.repository);
    let answer = github.wire.act(&act, Method::POST, &path, Some(&body)).await?;
    match answer.status {
        StatusCode::CREATED => Ok(BranchMade::Created),
        // Whatever the words are, what is there decides: the name is taken, or the commit unknown.
        StatusCode::UNPROCESSABLE_ENTITY => match branch(github, name).await? {
            Some(there) if there == commit => Ok(BranchMade::AlreadyThere),
            Some(there) => Err(moved(github, name, Some(there), commit)),
            None => Err(github.wire.not_found_or_invalid(&act, &answer)),
        },
        StatusCode::CONFLICT => Err(github.wire.subject.empty_repository().into()),
        _ => Err(github.wire.not_found_or_invalid(&act, &answer)),
    }
}

const UPDATE_REFS: &str = "mutation MoveBranch($repository: ID!, $name: GitRefname!, $from: GitObjectID!, $to: GitObjectID!) { \
     updateRefs(input: {repositoryId: $repository, refUpdates: [{name: $name, beforeOid: $from, afterOid: $to, force: true}]}) \
     { clientMutationId } }";

pub(super) async fn move_branch(github: &Github, name: &str, from: &str, to: &str) -> Result<(), Refusal> {
    let name = checked(github, name)?;
    let act = github.act(format!("move the branch \"{name}\" from {from:.10} to {to:.10}"), CONTENTS);
    match branch(github, name).await? {
        Some(there) if there == to => return Ok(()),
        Some(there) if there == from => {}
        found => return Err(moved(github, name, found, from)),
    }
    let repository = github.repository().await?.node_id;
    let variables = json!({ "repository": repository, "name": format!("refs/heads/{name}"), "from": from, "to": to });
    let graph: Graph<Value> = github.wire.graphql(&act, UPDATE_REFS, &variables).await?;
    let Some(error) = graph.errors().first() else { return Ok(()) };
    // What is there decides, whatever the words are: it may have moved since it was read.
    match branch(github, name).await? {
        Some(there) if there == to => Ok(()),
        Some(there) if there == from => match error.kind.as_str() {
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => Err(super::merge::refused(github, &act, error)),
            _ => Err(github.wire.invalid(&act, &error.message)),
        },
        found => Err(moved(github, name, found, from)),
    }
}

pub(super) async fn delete_branch(github: &Github, name: &str, expected: &str) -> Result<BranchGone, Refusal> {
    let name = checked(github, name)?;
    match branch(github, name).await? {
        None => return Ok(BranchGone::AlreadyGone),
        Some(there) if there == expected => {}
        found => return Err(moved(github, name, found, expected)),
    }
    let act = github.act(format!("remove the branch \"{name}\""), CONTENTS);
    let path = format!("{}/git/refs/{}", github.repository, encode(&format!("heads/{name}")));
    let answer = github.wire.act(&act, Method::DELETE, &path, None).await?;
    match answer.status {
        StatusCode::NO_CONTENT => Ok(BranchGone::Deleted),
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_FOUND => match branch(github, name).await? {
            None => Ok(BranchGone::AlreadyGone),
            Some(_) => Err(github.wire.not_found_or_invalid(&act, &answer)),
        },
        _ => Err(github.wire.not_found_or_invalid(&act, &answer)),
    }
}
