//! Reading Git once for all environments of a repository.
//!
//! The environments of an organization that read one repository with one credential share what they read: the commit of a
//! ref, the tree of a folder, the contents of files. Of several that ask for the same at once, one asks GitHub. What one
//! organization read is never shown to another, whatever their credentials.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::ids::OrganizationId;
use drift_github::{Folder, ReadAndWrite, Resolved};
use drift_store::contents;
use drift_store::environments::EnvironmentRecord;
use serde::{Deserialize, Serialize};

use super::CheckError;
use crate::Services;

/// How old a commit that a scheduled check takes for the ref's newest may be. Less than the shortest interval, so that no
/// check of an environment sees less than the one before.
const SHARED_FOR: TimeDelta = TimeDelta::seconds(10);
/// Refs, folders and trees of one repository that are remembered at a time.
const KEPT: usize = 256;

/// A repository, as one organization reads it with one credential.
pub(crate) struct Repository {
    /// The client.
    pub(crate) github: Arc<dyn ReadAndWrite>,
    /// Counts the reads of refs.
    reads: AtomicU64,
    refs: Slots<String, Option<Head>>,
    /// Trees by commit and folder.
    folders: Slots<(String, String), Option<String>>,
    trees: Slots<String, ()>,
}

/// Places in which one works at a time and leaves what the others need.
struct Slots<K, V>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<V>>>>);

impl<K: Hash + Eq, V: Default> Slots<K, V> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn at(&self, key: K) -> Arc<tokio::sync::Mutex<V>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT && !slots.contains_key(&key) {
            // All but those at work: everything here can be read again.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(key).or_default().clone()
    }
}

/// What a read of a ref gave.
struct Head {
    number: u64,
    begun: DateTime<Utc>,
    read: Result<String, Failure>,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// Only reads after this one count.
    number: u64,
    /// Except, where nobody waits for the check, those that began after this.
    begun: Option<DateTime<Utc>>,
}

impl Repository {
    /// A repository that nobody read yet.
    pub(crate) fn new(github: Arc<dyn ReadAndWrite>) -> Self {
        Self { github, reads: AtomicU64::new(0), refs: Slots::new(), folders: Slots::new(), trees: Slots::new() }
    }

    /// For a check that begins now. One that `shares` takes a read that is a little older; any other sees nothing that was
    /// read before it began.
    pub(super) fn since(&self, now: DateTime<Utc>, shares: bool) -> Since {
        Since { number: self.reads.load(Ordering::SeqCst), begun: shares.then(|| now - SHARED_FOR) }
    }

    /// The place where the contents of a tree are fetched.
    pub(super) fn tree(&self, sha: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.trees.at(sha.to_owned())
    }

    /// The commit that the ref is at. A failure is shared, too: asking again at once would only make it worse.
    async fn head(
        &self,
        reference: &str,
        known: Option<&str>,
        since: Since,
        now: impl Fn() -> DateTime<Utc>,
    ) -> Result<String, Failure> {
        let slot = self.refs.at(reference.to_owned());
        let mut head = slot.lock().await;
        if let Some(head) = &*head
            && (head.number > since.number || since.begun.is_some_and(|begun| head.begun >= begun))
        {
            return head.read.clone();
        }
        let (number, begun) = (self.reads.fetch_add(1, Ordering::SeqCst) + 1, now());
        let known = head.as_ref().and_then(|head| head.read.as_deref().ok()).or(known).map(str::to_owned);
        let read = match (self.github.resolve(reference, known.as_deref()).await, known) {
            (Ok(Resolved::Commit { sha }), _) | (Ok(Resolved::Unchanged), Some(sha)) => Ok(sha),
            (Ok(Resolved::Unchanged), None) => {
                let message = "GitHub said that the ref is unchanged without having been told what it was.";
                Err(Failure::new(Side::Desired, FailureKind::BrokenAnswer, message))
            }
            (Err(failure), _) => Err(failure),
        };
        *head = Some(Head { number, begun, read: read.clone() });
        read
    }
}

/// A folder's listing, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Listing {
    pub(super) files: Vec<Listed>,
    /// What lies in the folder and is no workflow file, by rule: it is counted where a person can see it.
    pub(super) skipped: Vec<(String, u64)>,
}

/// A file in a kept listing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) sha: String,
    pub(super) size: u64,
}

impl Services {
    /// The commit, the folder's tree and its files: one conditional request when nothing moved, for all environments that
    /// read the ref.
    pub(super) async fn listing(
        &self,
        environment: &EnvironmentRecord,
        repository: &Repository,
        since: Since,
    ) -> Result<(String, String, Listing), CheckError> {
        let (c, organization) = (&environment.connection, environment.organization_id);
        let commit = repository.head(&c.git_ref, environment.git_commit.as_deref(), since, || self.clock.now()).await?;
        let known = match environment.git_tree.as_deref() {
            None => None,
            Some(tree) => self.kept_listing(organization, tree, &c.git_folder).await?.map(|kept| (tree, kept)),
        };
        if let Some((tree, _)) = known
            && environment.git_commit.as_deref() == Some(commit.as_str())
        {
            return Ok((commit, tree.to_owned(), known.map(|known| known.1).unwrap_or_default()));
        }
        // Of the environments that read the same folder, one asks for it and the others find it kept.
        let slot = repository.folders.at((commit.clone(), c.git_folder.clone()));
        let mut place = slot.lock().await;
        if let Some(tree) = &*place
            && let Some(kept) = self.kept_listing(organization, tree, &c.git_folder).await?
        {
            return Ok((commit, tree.clone(), kept));
        }
        let known_tree = known.as_ref().map(|known| known.0);
        let (tree, listing) = match (repository.github.folder(&commit, &c.git_folder, known_tree).await?, known) {
            (Folder::Unchanged, Some((tree, kept))) => (tree.to_owned(), kept),
            (Folder::Unchanged, None) => {
                let message = "GitHub said that the folder is unchanged without having been told what it was.";
                return Err(Failure::new(Side::Desired, FailureKind::BrokenAnswer, message).into());
            }
            (Folder::Tree { sha, files, skipped }, _) => {
                let listing = Listing {
                    files: files.into_iter().map(|f| Listed { path: f.path, sha: f.blob_sha, size: f.size }).collect(),
                    skipped: rules(skipped),
                };
                self.keep_listing(organization, &sha, &c.git_folder, &listing).await?;
                (sha, listing)
            }
        };
        *place = Some(tree.clone());
        Ok((commit, tree, listing))
    }

    async fn keep_listing(
        &self,
        organization: OrganizationId,
        tree: &str,
        folder: &str,
        listing: &Listing,
    ) -> Result<(), CheckError> {
        let kept = Listing { files: below(&listing.files, folder), skipped: listing.skipped.clone() };
        let value = serde_json::to_value(kept).map_err(CheckError::internal)?;
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        let today = self.clock.now().date_naive();
        Ok(contents::keep_git_tree(&mut db, organization, tree, &value, today).await?)
    }

    async fn kept_listing(
        &self,
        organization: OrganizationId,
        tree: &str,
        folder: &str,
    ) -> Result<Option<Listing>, CheckError> {
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        let today = self.clock.now().date_naive();
        let kept = contents::git_tree(&mut db, organization, tree, today).await?;
        // A listing of another version that cannot be read is fetched again.
        let kept: Option<Listing> = kept.and_then(|listing| serde_json::from_value(listing).ok());
        let folder = prefix(folder);
        Ok(kept.map(|Listing { files, skipped }| {
            let files = files.into_iter().map(|f| Listed { path: format!("{folder}{}", f.path), ..f }).collect();
            Listing { files, skipped }
        }))
    }
}

/// What a folder's listing left out, by rule.
fn rules(skipped: drift_github::Skipped) -> Vec<(String, u64)> {
    [
        ("other-file", skipped.other_files),
        ("companion-file", skipped.companions),
        ("symbolic-link", skipped.symlinks),
        ("submodule", skipped.submodules),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(rule, count)| (rule.to_owned(), count))
    .collect()
}

/// What every path below a folder begins with.
fn prefix(folder: &str) -> String {
    let folder = folder.trim_matches('/');
    if folder.is_empty() { String::new() } else { format!("{folder}/") }
}

/// A listing with its paths from the folder on, as it is kept: folders of the same content share one tree, whatever they
/// are called and wherever they lie.
fn below(files: &[Listed], folder: &str) -> Vec<Listed> {
    let prefix = prefix(folder);
    let path = |f: &Listed| f.path.strip_prefix(&prefix).unwrap_or(&f.path).to_owned();
    files.iter().map(|f| Listed { path: path(f), sha: f.sha.clone(), size: f.size }).collect()
}
