//! The git database, written to: blobs, trees, commits, references.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::answers::{self, Refusal};
use super::asked::{Answered, Asked, parse};
use super::events::Moved;
use super::git::is_sha;
use super::objects::{NewEntry, Who};
use super::webhooks::ZEROS;
use super::{Hub, Repository};

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{name}/git/blobs", post(create_blob))
        .route("/repos/{owner}/{name}/git/trees", post(create_tree))
        .route("/repos/{owner}/{name}/git/commits", post(create_commit))
        .route("/repos/{owner}/{name}/git/ref/{*reference}", get(read_ref))
        .route("/repos/{owner}/{name}/git/refs", post(create_ref))
        .route("/repos/{owner}/{name}/git/refs/{*reference}", patch(update_ref).delete(delete_ref))
}

fn writes(caller: &Caller) -> bool {
    caller.contents && caller.push
}

type Named = Path<(String, String)>;
type NamedRef = Path<(String, String, String)>;

async fn writable(asked: &Asked, owner: &str, name: &str) -> Result<Repository, Refusal> {
    let repository = asked.writable(owner, name, writes)?;
    if repository.git.is_empty().await? { Err(Refusal::empty()) } else { Ok(repository) }
}

#[derive(Deserialize)]
struct NewBlob {
    content: String,
    encoding: Option<String>,
}

async fn create_blob(asked: Asked, Path((owner, name)): Named, body: Bytes) -> Answered {
    let repository = writable(&asked, &owner, &name).await?;
    let blob: NewBlob = parse(&body)?;
    let content = match blob.encoding.as_deref() {
        Some("base64") => {
            let plain: String = blob.content.split_whitespace().collect();
            STANDARD.decode(plain).map_err(|_| Refusal::new(422, "Invalid base64 encoding"))?
        }
        _ => blob.content.into_bytes(),
    };
    let sha = repository.git.store("blob", &content).await?;
    let url = format!("{}/repos/{}/git/blobs/{sha}", asked.site.api, repository.full_name());
    Ok(asked.created(&json!({ "url": url, "sha": sha })))
}

#[derive(Deserialize)]
struct NewTree {
    base_tree: Option<String>,
    tree: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    #[serde(default, deserialize_with = "given")]
    sha: Option<Option<String>>,
    content: Option<String>,
}

/// Tells `null` from a field that is not there.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn create_tree(asked: Asked, Path((owner, name)): Named, body: Bytes) -> Answered {
    let repository = writable(&asked, &owner, &name).await?;
    let NewTree { base_tree, tree } = parse(&body)?;
    let git = &repository.git;
    let base = match &base_tree {
        Some(base) => {
            let tree = if is_sha(base) { git.tree_sha(base).await? } else { None };
            Some(tree.ok_or_else(|| Refusal::new(422, "base_tree is not a valid tree oid"))?)
        }
        None => None,
    };
    let mut entries = Vec::new();
    for entry in tree {
        let invalid = |words: &str| Err(Refusal::new(422, words));
        let path = entry.path;
        if path.is_empty()
            || path.starts_with('/')
            || path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git"))
        {
            return invalid("tree.path contains a malformed path component");
        }
        if !matches!(entry.mode.as_str(), "100644" | "100755" | "040000" | "160000" | "120000") {
            return invalid("tree.mode must be one of 100644, 100755, 040000, 160000, 120000");
        }
        let sha = match (entry.sha, entry.content) {
            (Some(Some(sha)), _) if entry.mode == "160000" || git.kind(&sha).await?.is_some() => Some(sha),
            (Some(Some(sha)), _) => return invalid(&format!("tree.sha {sha} is not a valid blob")),
            (_, Some(content)) => Some(git.store("blob", content.as_bytes()).await?),
            (Some(None), None) => {
                let is_there = match &base {
                    Some(base) => git.holds(base, &path).await?,
                    None => false,
                };
                if !is_there {
                    return invalid("GitRPC::BadObjectState");
                }
                None
            }
            (None, None) => return invalid("Must supply either tree.sha or tree.content."),
        };
        entries.push(NewEntry { path, mode: entry.mode, sha });
    }
    let sha = git.write_tree(base.as_deref(), &entries).await?;
    let listed = git.tree(&sha, false).await?;
    Ok(asked.created(&answers::tree(&asked.site, &repository, &sha, &listed, false)))
}

#[derive(Deserialize)]
struct NewCommit {
    message: String,
    tree: String,
    #[serde(default)]
    parents: Vec<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    email: Option<String>,
    date: Option<DateTime<FixedOffset>>,
}

async fn create_commit(asked: Asked, Path((owner, name)): Named, body: Bytes) -> Answered {
    let repository = writable(&asked, &owner, &name).await?;
    let commit: NewCommit = parse(&body)?;
    let git = &repository.git;
    if !is_sha(&commit.tree) || git.kind(&commit.tree).await?.as_deref() != Some("tree") {
        return Err(Refusal::new(422, "Tree SHA does not exist"));
    }
    for parent in &commit.parents {
        if !is_sha(parent) || git.kind(parent).await?.as_deref() != Some("commit") {
            return Err(Refusal::new(422, "Parent SHA does not exist or is not a commit object"));
        }
    }
    let login = asked.login();
    let usual = Who::at(login, &format!("{login}@users.noreply.github.com"), asked.hub.clock.now());
    let who = |person: Option<Person>, otherwise: &Who| match person {
        None => otherwise.clone(),
        Some(person) => Who {
            name: person.name.unwrap_or_else(|| otherwise.name.clone()),
            email: person.email.unwrap_or_else(|| otherwise.email.clone()),
            date: person.date.unwrap_or(otherwise.date),
        },
    };
    let author = who(commit.author, &usual);
    let committer = who(commit.committer, &author);
    let parents: Vec<&str> = commit.parents.iter().map(String::as_str).collect();
    let sha = git.write_commit(&commit.tree, &parents, &author, &committer, &commit.message).await?;
    let made = git.log(&sha, None, 0, 1).await?.pop().ok_or_else(Refusal::not_found)?;
    Ok(asked.created(&answers::git_commit(&asked.site, &repository, &made)))
}

fn shape(asked: &Asked, of: &Repository, reference: &str, sha: &str) -> Value {
    let api = format!("{}/repos/{}/git", asked.site.api, of.full_name());
    json!({
        "ref": reference, "node_id": format!("REF_{}_{reference}", of.id), "url": format!("{api}/{reference}"),
        "object": { "type": "commit", "sha": sha, "url": format!("{api}/commits/{sha}") },
    })
}

async fn read_ref(asked: Asked, Path((owner, name, reference)): NamedRef) -> Answered {
    let repository = asked.contents(&owner, &name)?;
    if repository.git.is_empty().await? {
        return Err(Refusal::empty());
    }
    let reference = format!("refs/{reference}");
    let sha = repository.git.verify(&format!("{reference}^{{commit}}")).await?.ok_or_else(Refusal::not_found)?;
    Ok(asked.json(&shape(&asked, &repository, &reference, &sha)))
}

#[derive(Deserialize)]
struct NewRef {
    r#ref: String,
    sha: String,
}

/// A branch that takes changes by pull request only.
fn closed(of: &Repository, reference: &str) -> Option<Refusal> {
    let branch = reference.strip_prefix("refs/heads/")?;
    let words = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n";
    of.social().closed_to_pushes(branch).then(|| Refusal::new(422, words))
}

async fn create_ref(asked: Asked, Path((owner, name)): Named, body: Bytes) -> Answered {
    let repository = writable(&asked, &owner, &name).await?;
    let NewRef { r#ref: reference, sha } = parse(&body)?;
    let git = &repository.git;
    let (is_ref, _, _) = git.output(&["check-ref-format", &reference], None).await?;
    if !is_ref || !reference.starts_with("refs/") || reference.matches('/').count() < 2 {
        return Err(Refusal::new(422, format!("{reference} is not a valid ref name.")));
    }
    if !is_sha(&sha) || git.kind(&sha).await?.is_none() {
        return Err(Refusal::new(422, "Object does not exist"));
    }
    if git.verify(&reference).await?.is_some() {
        return Err(Refusal::new(422, "Reference already exists"));
    }
    if !git.swap(&reference, ZEROS, &sha).await? {
        return Err(Refusal::new(422, "Reference cannot be created"));
    }
    tell(&asked, &repository, &reference, None, Some(sha.clone()), false).await?;
    Ok(asked.created(&shape(&asked, &repository, &reference, &sha)))
}

async fn tell(
    asked: &Asked,
    of: &Repository,
    reference: &str,
    before: Option<String>,
    after: Option<String>,
    forced: bool,
) -> Result<(), Refusal> {
    if let Some(branch) = reference.strip_prefix("refs/heads/") {
        let moved = Moved::new(branch, before, after).forced(forced);
        asked.hub.pushed(of, moved, (asked.login(), "bot@example.com")).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Update {
    sha: String,
    #[serde(default)]
    force: bool,
}

async fn update_ref(asked: Asked, Path((owner, name, reference)): NamedRef, body: Bytes) -> Answered {
    let repository = writable(&asked, &owner, &name).await?;
    let Update { sha, force } = parse(&body)?;
    let (git, reference) = (&repository.git, format!("refs/{reference}"));
    let before = git.verify(&reference).await?.ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    if let Some(refusal) = closed(&repository, &reference) {
        return Err(refusal);
    }
    if !is_sha(&sha) || git.kind(&sha).await?.is_none() {
        return Err(Refusal::new(422, "Object does not exist"));
    }
    let is_forward = git.is_ancestor(&before, &sha).await?;
    if !force && !is_forward {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    if !git.swap(&reference, &before, &sha).await? {
        return Err(Refusal::new(422, "Reference update failed"));
    }
    tell(&asked, &repository, &reference, Some(before), Some(sha.clone()), !is_forward).await?;
    Ok(asked.json(&shape(&asked, &repository, &reference, &sha)))
}

async fn delete_ref(asked: Asked, Path((owner, name, reference)): NamedRef) -> Answered {
    let repository = writable(&asked, &owner, &name).await?;
    let (git, reference) = (&repository.git, format!("refs/{reference}"));
    let before = git.verify(&reference).await?.ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    if let Some(refusal) = closed(&repository, &reference) {
        return Err(refusal);
    }
    git.remove(&reference).await?;
    tell(&asked, &repository, &reference, Some(before), None, false).await?;
    Ok::<Response, _>(StatusCode::NO_CONTENT.into_response())
}
