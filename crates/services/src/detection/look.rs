//! A look at each side: everything it has, read whole, with nothing parsed that was read before.

use std::collections::HashMap;

use bytes::Bytes;
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::fingerprint::Fingerprint;
use drift_domain::ids::OrganizationId;
use drift_engine::RULES_VERSION;
use drift_n8n::{LiveEnvironment, RawWorkflow};
use drift_store::contents;
use drift_store::environments::EnvironmentRecord;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::Value;

use super::git::{Listed, Listing, Repository, Since};
use super::identity::{DesiredKey, LiveKey};
use super::reading::{Read, Reading, parts};
use super::{CheckError, rules_version};
use crate::Services;

/// GETs under way at once: n8n works on one thread, more gain nothing (observed).
const GETS: usize = 4;
/// The longest path that is kept, in bytes: an index of Postgres holds no more than about 2,700.
const LONGEST_PATH: usize = 2000;
/// Blobs fetched before they are kept, so that a first look at a large repository is not lost by an interruption.
const BLOBS: usize = 50;

/// One side, read whole.
#[derive(Debug)]
pub(crate) struct Looked<K> {
    /// The workflows that it has.
    pub items: Vec<Item<K>>,
    /// How many had to be parsed.
    pub parsed: usize,
    /// How many are archived, and so count as absent.
    pub archived: usize,
    /// Files that are JSON and no workflow.
    pub others: usize,
}

impl<K> Looked<K> {
    fn new(parsed: usize) -> Self {
        Self { items: Vec::new(), parsed, archived: 0, others: 0 }
    }
}

/// One workflow of a side.
#[derive(Debug)]
pub(crate) struct Item<K> {
    /// Who it is.
    pub key: K,
    /// What it is.
    pub read: Read,
    /// The hash of its bytes: for the desired side, where its content is kept.
    pub raw: Fingerprint,
}

/// The desired side, and where it was read.
#[derive(Debug)]
pub(crate) struct LookedAtGit {
    pub side: Looked<DesiredKey>,
    /// The files that they are in.
    pub files: Vec<Listed>,
    /// What lies in the folder and is no workflow file, by rule.
    pub skipped: Vec<(String, u64)>,
    pub commit: String,
    pub tree: String,
}

impl Services {
    /// Everything that runs in n8n.
    pub(super) async fn look_live(
        &self,
        organization: OrganizationId,
        n8n: &dyn LiveEnvironment,
    ) -> Result<Looked<LiveKey>, CheckError> {
        let listing = n8n.list().await?;
        let hashed: Vec<(Fingerprint, RawWorkflow)> =
            listing.workflows.into_iter().map(|w| (drift_engine::raw_fingerprint(&w.body), w)).collect();
        let raws: Vec<Fingerprint> = hashed.iter().map(|(raw, _)| *raw).collect();
        let mut known = self.known_readings(organization, &raws).await?;

        // Owned (a body is a shared slice): a future that borrows the items would not be `Send` for every lifetime.
        let unread: Vec<(Fingerprint, RawWorkflow)> =
            hashed.iter().filter(|(raw, _)| !known.contains_key(raw)).cloned().collect();
        let parsed = unread.len();
        let fresh: Vec<(Fingerprint, Option<Fresh>)> = futures::stream::iter(unread)
            .map(|(raw, workflow)| async move { Ok::<_, Failure>((raw, read_live(n8n, &workflow).await?)) })
            .buffered(GETS)
            .try_collect()
            .await?;
        let fresh: Vec<(Fingerprint, Fresh)> = fresh.into_iter().filter_map(|(raw, f)| Some((raw, f?))).collect();
        let (keep, moved): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|(_, fresh)| fresh.of_these_bytes);
        let keep: Vec<(Fingerprint, Reading)> = keep.into_iter().map(|(raw, fresh)| (raw, fresh.reading)).collect();
        self.keep_readings(organization, &keep).await?;
        known.extend(keep);
        known.extend(moved.into_iter().map(|(raw, fresh)| (raw, fresh.reading)));

        let mut side = Looked::new(parsed);
        for (raw, workflow) in hashed {
            match known.get(&raw) {
                Some(Reading::Workflow(read)) if read.archived || workflow.archived => side.archived += 1,
                Some(Reading::Workflow(read)) => {
                    let key = LiveKey { id: workflow.id, name: read.name.clone() };
                    side.items.push(Item { key, read: read.clone(), raw });
                }
                Some(Reading::Broken { message }) => return Err(broken_live(&workflow.id, message).into()),
                Some(Reading::Other) => return Err(broken_live(&workflow.id, "it has no nodes").into()),
                // Deleted between the list and the look at it: it is not there any more.
                None => {}
            }
        }
        Ok(side)
    }

    /// Everything that Git declares.
    pub(super) async fn look_desired(
        &self,
        environment: &EnvironmentRecord,
        repository: &Repository,
        since: Since,
    ) -> Result<LookedAtGit, CheckError> {
        let organization = environment.organization_id;
        let (commit, tree, Listing { files, skipped }) = self.listing(environment, repository, since).await?;
        let snapshots = self.blobs(organization, repository, &tree, &files).await?;

        let raws: Vec<Fingerprint> = files.iter().flat_map(|f| &snapshots[&f.sha]).copied().collect();
        let mut known = self.known_readings(organization, &raws).await?;
        let unread: Vec<Fingerprint> = raws.iter().filter(|raw| !known.contains_key(raw)).copied().collect();
        let mut fresh = Vec::with_capacity(unread.len());
        for raw in unread {
            if fresh.iter().all(|(done, _)| *done != raw) {
                fresh.push((raw, parse(self.snapshot(organization, raw).await?.into()).await?));
            }
        }
        self.keep_readings(organization, &fresh).await?;
        let mut side = Looked::new(fresh.len());
        known.extend(fresh);

        for file in &files {
            let parts = &snapshots[&file.sha];
            let ids = ids_of(parts, &known);
            for (position, raw) in parts.iter().enumerate() {
                match &known[raw] {
                    Reading::Workflow(read) if read.archived => side.archived += 1,
                    Reading::Workflow(read) => {
                        let path = if parts.len() == 1 {
                            file.path.clone()
                        } else {
                            part_path(&file.path, read, position, &ids)
                        };
                        let key = DesiredKey { path, id: read.id.clone(), name: read.name.clone() };
                        side.items.push(Item { key, read: read.clone(), raw: *raw });
                    }
                    Reading::Other => side.others += 1,
                    Reading::Broken { message } => return Err(broken_file(&file.path, message).into()),
                }
            }
        }
        Ok(LookedAtGit { side, files, skipped, commit, tree })
    }

    /// The snapshots of every file; blobs not seen before are fetched and kept for good.
    async fn blobs(
        &self,
        organization: OrganizationId,
        repository: &Repository,
        tree: &str,
        files: &[Listed],
    ) -> Result<HashMap<String, Vec<Fingerprint>>, CheckError> {
        if let Some(large) = files.iter().find(|f| f.size > drift_github::MAX_BLOB_BYTES) {
            let message = format!("the file has {} bytes, more than can be read", large.size);
            return Err(broken_file(&large.path, &message).into());
        }
        if let Some(long) = files.iter().find(|f| f.path.len() > LONGEST_PATH) {
            let message = format!("its path has {} bytes, more than the {LONGEST_PATH} that are kept", long.path.len());
            return Err(broken_file(&long.path, &message).into());
        }
        let shas: Vec<String> = files.iter().map(|f| f.sha.clone()).collect();
        let mut known = self.kept_blobs(organization, &shas).await?;
        if shas.iter().all(|sha| known.contains_key(sha)) {
            return Ok(known);
        }
        // Of the checks that miss the same contents, one fetches them and the others find them kept.
        let place = repository.tree(tree);
        let _fetching = place.lock().await;
        known.extend(self.kept_blobs(organization, &shas).await?);
        let mut missing: Vec<String> = shas.into_iter().filter(|sha| !known.contains_key(sha)).collect();
        missing.sort_unstable();
        missing.dedup();
        for chunk in missing.chunks(BLOBS) {
            let fetched = repository.github.blobs(chunk).await?;
            let now = self.clock.now();
            let mut tx = self.pool.begin().await.map_err(drift_store::StoreError::from)?;
            for (sha, bytes) in fetched {
                let parts = match parts(&bytes) {
                    none if none.is_empty() => vec![(drift_engine::raw_fingerprint(&bytes), bytes.as_ref())],
                    some => some,
                };
                contents::keep_git_blob(&mut tx, organization, &sha, &parts, now).await?;
                known.insert(sha, parts.iter().map(|part| part.0).collect());
            }
            tx.commit().await.map_err(drift_store::StoreError::from)?;
        }
        match files.iter().find(|f| !known.contains_key(&f.sha)) {
            None => Ok(known),
            Some(file) => {
                let message = format!("GitHub answered without the content of {}.", file.path);
                Err(Failure::new(Side::Desired, FailureKind::BrokenAnswer, message).into())
            }
        }
    }

    async fn kept_blobs(
        &self,
        organization: OrganizationId,
        shas: &[String],
    ) -> Result<HashMap<String, Vec<Fingerprint>>, CheckError> {
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        Ok(contents::git_blobs(&mut db, organization, shas).await?)
    }

    /// Content that is known to be kept.
    pub(super) async fn snapshot(
        &self,
        organization: OrganizationId,
        hash: Fingerprint,
    ) -> Result<Vec<u8>, CheckError> {
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        contents::snapshot(&mut db, organization, hash)
            .await?
            .ok_or_else(|| CheckError::internal(format!("the snapshot {hash} is not kept any more")))
    }

    async fn known_readings(
        &self,
        organization: OrganizationId,
        raws: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Reading>, CheckError> {
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        let today = self.clock.now().date_naive();
        let known = contents::readings(&mut db, organization, raws, rules_version(), today).await?;
        // A reading of another shape (an older build with the same rules) is made again.
        Ok(known.into_iter().filter_map(|(raw, value)| Some((raw, serde_json::from_value(value).ok()?))).collect())
    }

    async fn keep_readings(
        &self,
        organization: OrganizationId,
        fresh: &[(Fingerprint, Reading)],
    ) -> Result<(), CheckError> {
        if fresh.is_empty() {
            return Ok(());
        }
        let mut values: HashMap<Fingerprint, Value> = HashMap::with_capacity(fresh.len());
        for (raw, reading) in fresh {
            values.insert(*raw, serde_json::to_value(reading).map_err(CheckError::internal)?);
        }
        let values: Vec<(Fingerprint, Value)> = values.into_iter().collect();
        let mut db = self.pool.acquire().await.map_err(drift_store::StoreError::from)?;
        let today = self.clock.now().date_naive();
        contents::keep_readings(&mut db, organization, &values, rules_version(), today).await?;
        Ok(())
    }
}

/// Reads one workflow of the list. The list leaves the description out, so a workflow whose bytes are new is asked for
/// by itself (observed: a description that is edited moves `updatedAt`, so the bytes in the list are new then).
async fn read_live(n8n: &dyn LiveEnvironment, workflow: &RawWorkflow) -> Result<Option<Fresh>, Failure> {
    let listed = parse(workflow.body.clone()).await.map_err(CheckError::into_failure)?;
    match listed {
        Reading::Workflow(ref read) if !read.described => {
            let Some(whole) = n8n.get(&workflow.id).await? else { return Ok(None) };
            let of_these_bytes = Stamp::of(&whole) == Stamp::of(&workflow.body);
            let reading = parse(whole).await.map_err(CheckError::into_failure)?;
            Ok(Some(Fresh { reading, of_these_bytes }))
        }
        reading => Ok(Some(Fresh { reading, of_these_bytes: true })),
    }
}

/// What was read of a workflow just now.
struct Fresh {
    reading: Reading,
    /// Whether it is a reading of the listed bytes: not if the workflow moved between the list and the look at it. Then
    /// it is true, and not kept under the hash of those bytes.
    of_these_bytes: bool,
}

/// What moves with every edit, in n8n's list as in its single answer.
#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stamp {
    updated_at: Value,
    version_id: Value,
    active: Value,
}

impl Default for Stamp {
    fn default() -> Self {
        Self { updated_at: Value::Null, version_id: Value::Null, active: Value::Null }
    }
}

impl Stamp {
    fn of(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Parses beside the event loop: the largest workflows take tens of milliseconds.
async fn parse(bytes: Bytes) -> Result<Reading, CheckError> {
    tokio::task::spawn_blocking(move || Reading::of(&bytes)).await.map_err(CheckError::internal)
}

/// Where one of several workflows in a file is: by its id, or by its place where it has none or shares it.
fn part_path(file: &str, read: &Read, position: usize, ids: &HashMap<&str, usize>) -> String {
    match read.id.as_deref() {
        Some(id) if ids.get(id) == Some(&1) => format!("{file}#{id}"),
        _ => format!("{file}#[{position}]"),
    }
}

/// How many workflows of one file have each id.
fn ids_of<'a>(parts: &[Fingerprint], known: &'a HashMap<Fingerprint, Reading>) -> HashMap<&'a str, usize> {
    let mut ids = HashMap::new();
    for raw in parts {
        if let Some(Reading::Workflow(Read { id: Some(id), .. })) = known.get(raw) {
            *ids.entry(id.as_str()).or_default() += 1;
        }
    }
    ids
}

fn broken_live(id: &str, why: &str) -> Failure {
    let message = format!(
        "The workflow {id} in n8n cannot be compared: {why}. Mend or remove it in n8n, then recheck; nothing was concluded \
         from this look."
    );
    Failure::new(Side::Live, FailureKind::BrokenContent, message)
}

fn broken_file(path: &str, why: &str) -> Failure {
    let message = format!(
        "The file {path} cannot be read as a workflow: {why}. Mend or move it in Git, then recheck; nothing was concluded \
         from this look."
    );
    Failure::new(Side::Desired, FailureKind::BrokenContent, message)
}

/// The engine's version of the rules, as the database keeps it.
pub(super) const fn version() -> u32 {
    RULES_VERSION
}
