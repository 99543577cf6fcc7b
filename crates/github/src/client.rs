//! [`Github`]: the questions of [`SourceOfTruth`], asked over the wire.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use drift_domain::clock::Clock;
use drift_domain::failure::{Failure, FailureKind};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde::Deserialize;

use crate::failure::failed;
use crate::path::{encode, is_name, is_sha, reference as checked};
use crate::source::{CommitInfo, Folder, Probe, Resolved, Settings, SourceOfTruth};
use crate::wire::{Answer, JSON, Wire};
use crate::{bulk, sha, tree};

/// Requests under way at once for one call. GitHub allows 100 for a whole account and asks for fewer.
pub(crate) const CONCURRENCY: usize = 8;

/// The media type under which a commit's answer is its SHA alone, and its ETag too.
const COMMIT_SHA: &str = "application/vnd.github.sha";

/// The media type under which a blob's answer is its bytes.
const RAW: &str = "application/vnd.github.raw+json";

/// The client for one repository on GitHub or an Enterprise Server.
pub struct Github {
    pub(crate) wire: Wire,
    /// `/repos/owner/name`.
    pub(crate) repository: String,
    /// The server was seen not to have `merge-async`.
    pub(crate) merges_at_once: AtomicBool,
    /// The server was seen not to have GraphQL for this token.
    pub(crate) reads_singly: AtomicBool,
}

impl fmt::Debug for Github {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Github").field("repository", &self.repository).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
pub(crate) struct Repository {
    id: u64,
    #[serde(default)]
    pub(crate) node_id: String,
    full_name: String,
    private: bool,
    default_branch: String,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    push: bool,
}

#[derive(Deserialize)]
struct ListedCommit {
    sha: String,
    html_url: String,
    commit: GitCommit,
    author: Option<Account>,
}

#[derive(Deserialize)]
struct GitCommit {
    message: String,
    author: Option<Signature>,
    committer: Option<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    name: Option<String>,
    date: Option<DateTime<Utc>>,
}

/// Null for a commit of somebody without an account, and `{}` at times.
#[derive(Deserialize)]
struct Account {
    login: Option<String>,
}

impl Github {
    /// A client for the repository of `settings`. Connects to nothing yet.
    ///
    /// Must be called inside a tokio runtime, which then carries the client's requests.
    ///
    /// # Errors
    /// Settings that can never work: a base address that is not called, a token that cannot be sent, a key that is none.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let (owner, name) = (settings.owner.trim(), settings.repository.trim());
        if !is_name(owner) || !is_name(name) {
            let message =
                format!("\"{owner}/{name}\" cannot be a repository. Write it as owner/name, as in its address");
            return Err(failed(FailureKind::NotFound, message));
        }
        Ok(Self {
            wire: Wire::new(settings, clock)?,
            repository: format!("/repos/{owner}/{name}"),
            merges_at_once: AtomicBool::new(false),
            reads_singly: AtomicBool::new(false),
        })
    }

    pub(crate) async fn repository(&self) -> Result<Repository, Failure> {
        let answer = self.wire.get(&self.repository, JSON, None).await?;
        match answer.status {
            StatusCode::OK => self.wire.json(&answer),
            StatusCode::NOT_FOUND if answer.message().is_some() => Err(self.wire.subject.no_repository()),
            _ => Err(self.wire.subject.unexpected(&answer)),
        }
    }

    /// What a 404 (or a 422 for a commit) means: GitHub says it alike for a repository that is not there, so the
    /// repository is asked for. If that is there, `what` is missing.
    pub(crate) async fn missing(&self, answer: &Answer, what: String) -> Failure {
        if answer.message().is_none() {
            return self.wire.subject.unexpected(answer);
        }
        match self.repository().await {
            Ok(_) => failed(FailureKind::NotFound, what),
            Err(failure) => failure,
        }
    }

    fn no_reference(&self, reference: &str) -> String {
        format!(
            "The repository {} has no branch, tag or commit \"{}\". Check its spelling, or push it",
            self.wire.subject.repository,
            reference.trim()
        )
    }

    pub(crate) fn reference<'r>(&self, reference: &'r str) -> Result<&'r str, Failure> {
        checked(reference)
            .map_err(|wrong| failed(FailureKind::NotFound, format!("{}: {wrong}", self.wire.subject.repository)))
    }

    async fn commit_of(&self, reference: &str) -> Result<String, Failure> {
        match self.resolve(reference, None).await? {
            Resolved::Commit { sha } => Ok(sha),
            Resolved::Unchanged => Err(self.wire.subject.broken("the status 304 to a request without a condition")),
        }
    }

    async fn blob(&self, sha: &str) -> Result<Bytes, Failure> {
        let subject = &self.wire.subject;
        if !is_sha(sha) {
            return Err(failed(FailureKind::Internal, format!("\"{sha}\" is not the SHA of a file")));
        }
        let answer = self.wire.get(&format!("{}/git/blobs/{sha}", self.repository), RAW, None).await?;
        match answer.status {
            StatusCode::OK if sha::is_blob(sha, &answer.body) => Ok(answer.body),
            StatusCode::OK => Err(subject.broken(&format!("another content than that of the file {sha}"))),
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
                let what = format!(
                    "The repository {} no longer has the file content {sha}: its history was rewritten. The next check reads \
                     it anew",
                    subject.repository
                );
                Err(self.missing(&answer, what).await)
            }
            _ => Err(subject.unexpected(&answer)),
        }
    }
}

#[async_trait]
impl SourceOfTruth for Github {
    async fn resolve(&self, reference: &str, known: Option<&str>) -> Result<Resolved, Failure> {
        let subject = &self.wire.subject;
        let name = self.reference(reference)?;
        let known = known.filter(|sha| is_sha(sha));
        let path = format!("{}/commits/{}", self.repository, encode(name));
        let answer = self.wire.get(&path, COMMIT_SHA, known).await?;
        match answer.status {
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(Resolved::Unchanged),
            StatusCode::OK => match std::str::from_utf8(&answer.body).map(str::trim) {
                Ok(sha) if known == Some(sha) => Ok(Resolved::Unchanged),
                Ok(sha) if is_sha(sha) => Ok(Resolved::Commit { sha: sha.to_owned() }),
                _ => Err(subject.broken("something that is not the SHA of a commit")),
            },
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(self.missing(&answer, self.no_reference(reference)).await)
            }
            StatusCode::CONFLICT => Err(subject.empty_repository()),
            _ => Err(subject.unexpected(&answer)),
        }
    }

    async fn folder(&self, commit: &str, folder: &str, known_tree: Option<&str>) -> Result<Folder, Failure> {
        tree::folder(self, commit, folder, known_tree).await
    }

    async fn blobs(&self, shas: &[String]) -> Result<Vec<(String, Bytes)>, Failure> {
        let texts = &bulk::texts(self, shas).await?;
        stream::iter(shas.iter().cloned())
            .map(|sha| async move {
                let bytes = match texts.get(&sha) {
                    Some(text) => text.clone(),
                    None => self.blob(&sha).await?,
                };
                Ok((sha, bytes))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }

    async fn last_commit(&self, reference: &str, path: &str) -> Result<Option<CommitInfo>, Failure> {
        let subject = &self.wire.subject;
        let name = self.reference(reference)?;
        // This listing takes a plain branch or tag; where both have the name, the branch.
        let name = name.strip_prefix("heads/").or_else(|| name.strip_prefix("tags/")).unwrap_or(name);
        let path = encode(path.trim_matches('/'));
        let query = format!("{}/commits?sha={}&path={path}&per_page=1", self.repository, encode(name));
        let answer = self.wire.get(&query, JSON, None).await?;
        match answer.status {
            StatusCode::OK => {
                let commits: Vec<ListedCommit> = self.wire.json(&answer)?;
                commits.into_iter().next().map(|commit| self.commit_info(commit)).transpose()
            }
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(self.missing(&answer, self.no_reference(reference)).await)
            }
            StatusCode::CONFLICT => Err(subject.empty_repository()),
            _ => Err(subject.unexpected(&answer)),
        }
    }

    async fn probe(&self, reference: &str, folder: &str) -> Result<Probe, Failure> {
        let repository = self.repository().await?;
        let commit = self.commit_of(reference).await?;
        let Folder::Tree { sha, files, skipped } = self.folder(&commit, folder, None).await? else {
            return Err(self.wire.subject.broken("an unchanged folder to a first look"));
        };
        Ok(Probe {
            repository: repository.full_name,
            repository_id: repository.id,
            default_branch: repository.default_branch,
            private: repository.private,
            // For an App's installation the field says nothing about what the App may do.
            can_push: repository.permissions.filter(|_| !self.wire.subject.app).map(|permissions| permissions.push),
            commit,
            tree: sha,
            json_files: files.len() as u64,
            skipped,
        })
    }
}

impl Github {
    fn commit_info(&self, listed: ListedCommit) -> Result<CommitInfo, Failure> {
        let ListedCommit { sha, html_url, commit, author } = listed;
        let date = [&commit.committer, &commit.author].into_iter().flatten().find_map(|signature| signature.date);
        let date = date.ok_or_else(|| self.wire.subject.broken("a commit without a date"))?;
        let name = commit.author.and_then(|signature| signature.name).filter(|name| !name.trim().is_empty());
        Ok(CommitInfo {
            sha,
            author: name.or_else(|| author.and_then(|account| account.login)).unwrap_or_else(|| "unknown".to_owned()),
            date,
            message_subject: commit.message.lines().next().unwrap_or_default().to_owned(),
            url: html_url,
        })
    }
}
