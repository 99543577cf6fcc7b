//! From a commit to the files of a folder, by tree SHAs alone: each tree is immutable and named by its content.

use std::collections::HashSet;

use drift_domain::failure::{Failure, FailureKind};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde::Deserialize;

use crate::client::{CONCURRENCY, Github};
use crate::failure::failed;
use crate::path::{is_json, is_sha, is_workflow_file, segments};
use crate::source::{Folder, Skipped, TreeFile};
use crate::wire::JSON;

/// The most files of a folder that are listed: far beyond any n8n, and a bound on memory and requests.
const MAX_ENTRIES: usize = 500_000;

#[derive(Deserialize)]
struct Commit {
    tree: Named,
}

#[derive(Deserialize)]
struct Named {
    sha: String,
}

/// A tree as GitHub lists it. `truncated` says that the list ended early (100,000 entries, or 7 MB).
#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    sha: String,
    #[serde(default)]
    size: u64,
}

/// What an entry is, by Git's mode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Symlink,
    Submodule,
}

impl Entry {
    fn kind(&self) -> Kind {
        match self.mode.as_str() {
            "040000" | "40000" => Kind::Folder,
            "120000" => Kind::Symlink,
            "160000" => Kind::Submodule,
            _ => Kind::File,
        }
    }
}

/// See [`SourceOfTruth::folder`](crate::SourceOfTruth::folder). One request for the commit, one for each folder on the
/// way, and one for the listing if the folder's tree is not the known one.
pub(crate) async fn folder(
    github: &Github,
    commit: &str,
    folder: &str,
    known_tree: Option<&str>,
) -> Result<Folder, Failure> {
    let sha = descend(github, commit, folder).await?;
    if known_tree == Some(sha.as_str()) {
        return Ok(Folder::Unchanged);
    }
    let mut listing = Listing { root: segments(folder).join("/"), files: Vec::new(), skipped: Skipped::default() };
    walk(github, &sha, &mut listing).await?;
    let Listing { mut files, skipped, .. } = listing;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Folder::Tree { sha, files, skipped })
}

/// The SHA of the folder's tree.
async fn descend(github: &Github, commit: &str, folder: &str) -> Result<String, Failure> {
    let mut sha = root_tree(github, commit).await?;
    let names = segments(folder);
    for (depth, name) in names.iter().enumerate() {
        let tree = fetch(github, &sha, false).await?;
        let path = names[..=depth].join("/");
        let what = match tree.tree.iter().find(|entry| entry.path == *name).map(|entry| (entry.kind(), &entry.sha)) {
            Some((Kind::Folder, found)) => {
                sha.clone_from(found);
                continue;
            }
            Some((Kind::File, _)) => "is a file there, not a folder",
            Some((Kind::Symlink, _)) => "is a symbolic link there, which GitHub does not follow",
            Some((Kind::Submodule, _)) => "is a submodule there, whose files lie in another repository",
            None if tree.truncated => return Err(cut_short(github, &path)),
            None => "does not exist there (capital letters count)",
        };
        let message = format!(
            "The repository {} has no folder \"{}\" at commit {}: \"{path}\" {what}. Enter the folder that holds the workflows, \
             or leave it empty for the whole repository",
            github.wire.subject.repository,
            folder.trim(),
            short(commit),
        );
        return Err(failed(FailureKind::NotFound, message));
    }
    Ok(sha)
}

/// A tree listed through a commit's SHA does not tell its own; the commit does.
pub(crate) async fn root_tree(github: &Github, commit: &str) -> Result<String, Failure> {
    let subject = &github.wire.subject;
    if !is_sha(commit) {
        return Err(failed(FailureKind::Internal, format!("\"{commit}\" is not the full SHA of a commit")));
    }
    let answer = github.wire.get(&format!("{}/git/commits/{commit}", github.repository), JSON, None).await?;
    match answer.status {
        StatusCode::OK => github.wire.json::<Commit>(&answer).map(|commit| commit.tree.sha),
        StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
            let what = format!(
                "The repository {} no longer has the commit {}: its history was rewritten. The next check reads it anew",
                subject.repository,
                short(commit)
            );
            Err(github.missing(&answer, what).await)
        }
        StatusCode::CONFLICT => Err(subject.empty_repository()),
        _ => Err(subject.unexpected(&answer)),
    }
}

async fn fetch(github: &Github, sha: &str, recursive: bool) -> Result<Tree, Failure> {
    let subject = &github.wire.subject;
    if !is_sha(sha) {
        return Err(subject.broken("a tree whose SHA is none"));
    }
    let query = if recursive { "?recursive=1" } else { "" };
    let answer = github.wire.get(&format!("{}/git/trees/{sha}{query}", github.repository), JSON, None).await?;
    match answer.status {
        StatusCode::OK => github.wire.json(&answer),
        StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
            let what = format!(
                "The repository {} no longer has the folder content {}: its history was rewritten. The next check reads it \
                 anew",
                subject.repository,
                short(sha)
            );
            Err(github.missing(&answer, what).await)
        }
        _ => Err(subject.unexpected(&answer)),
    }
}

struct Listing {
    /// The folder from the root of the repository.
    root: String,
    files: Vec<TreeFile>,
    skipped: Skipped,
}

impl Listing {
    /// Takes one entry, `path` being relative to the folder.
    fn take(&mut self, path: String, entry: &Entry) {
        match entry.kind() {
            Kind::Folder => {}
            Kind::Symlink => self.skipped.symlinks += 1,
            Kind::Submodule => self.skipped.submodules += 1,
            Kind::File if is_workflow_file(&path) => {
                let path = join(&self.root, &path);
                self.files.push(TreeFile { path, blob_sha: entry.sha.clone(), size: entry.size });
            }
            Kind::File if is_json(&path) => self.skipped.companions += 1,
            Kind::File => self.skipped.other_files += 1,
        }
    }

    fn len(&self) -> u64 {
        let Skipped { other_files, companions, symlinks, submodules } = self.skipped;
        self.files.len() as u64 + other_files + companions + symlinks + submodules
    }
}

fn join(folder: &str, name: &str) -> String {
    [folder, name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// A folder as it stands in a sentence.
fn place(folder: &str) -> String {
    if folder.is_empty() { "The root".to_owned() } else { format!("The folder \"{folder}\"") }
}

/// Lists everything below the tree. A tree whose recursive listing is cut short is listed by itself, and its sub-folders
/// in the same way: level by level, until each listing is whole.
async fn walk(github: &Github, sha: &str, listing: &mut Listing) -> Result<(), Failure> {
    let mut level = vec![(String::new(), sha.to_owned())];
    while !level.is_empty() {
        let mut deeper = Vec::new();
        let mut trees = stream::iter(level)
            .map(|(prefix, sha)| async move { Ok::<_, Failure>((whole(github, &sha).await?, prefix)) })
            .buffered(CONCURRENCY);
        while let Some((whole, prefix)) = trees.try_next().await? {
            let (tree, recursive) = match whole {
                Whole::Recursive(tree) => (tree, true),
                Whole::Level(tree) => (tree, false),
                Whole::Neither => return Err(cut_short(github, &join(&listing.root, &prefix))),
            };
            for entry in tree.tree {
                let path = join(&prefix, &entry.path);
                if !recursive && entry.kind() == Kind::Folder {
                    deeper.push((path, entry.sha));
                } else {
                    listing.take(path, &entry);
                }
            }
            if listing.len() > MAX_ENTRIES as u64 {
                return Err(too_many(github, &listing.root));
            }
        }
        drop(trees);
        level = deeper;
    }
    debug_assert_eq!(listing.files.iter().map(|f| &f.path).collect::<HashSet<_>>().len(), listing.files.len());
    Ok(())
}

enum Whole {
    Recursive(Tree),
    Level(Tree),
    Neither,
}

async fn whole(github: &Github, sha: &str) -> Result<Whole, Failure> {
    let tree = fetch(github, sha, true).await?;
    if !tree.truncated {
        return Ok(Whole::Recursive(tree));
    }
    let tree = fetch(github, sha, false).await?;
    Ok(if tree.truncated { Whole::Neither } else { Whole::Level(tree) })
}

fn cut_short(github: &Github, folder: &str) -> Failure {
    let message = format!(
        "{} of {} holds more files than GitHub lists at once, and they are not in sub-folders. Choose a \
         folder that holds the workflows alone",
        place(folder),
        github.wire.subject.repository
    );
    failed(FailureKind::PartialListing, message)
}

fn too_many(github: &Github, folder: &str) -> Failure {
    let message = format!(
        "{} of {} holds more than {MAX_ENTRIES} files, the most that are listed. Choose a folder that \
         holds the workflows alone",
        place(folder),
        github.wire.subject.repository
    );
    failed(FailureKind::PartialListing, message)
}

fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}
