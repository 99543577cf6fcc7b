//! Writing to a bare repository, object by object, as GitHub's git database and its merges do: the SHAs are git's own.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use super::Error;
use super::git::{Commit, Git};

/// An entry of a tree to be written: without a SHA the path is removed.
pub(crate) struct NewEntry {
    pub(crate) path: String,
    pub(crate) mode: String,
    pub(crate) sha: Option<String>,
}

/// Who and when, with the offset that was written.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) date: DateTime<FixedOffset>,
}

impl Who {
    pub(crate) fn at(name: &str, email: &str, now: DateTime<Utc>) -> Self {
        Self { name: name.to_owned(), email: email.to_owned(), date: now.fixed_offset() }
    }

    fn line(&self) -> String {
        let plain = |text: &str| text.replace(['<', '>', '\n', '\0'], "");
        let offset = self.date.format("%z");
        format!("{} <{}> {} {offset}", plain(&self.name), plain(&self.email), self.date.timestamp())
    }
}

/// What git says to a merge.
pub(crate) enum MergedTree {
    Tree(String),
    Conflict,
}

/// How commits get into a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Merge,
    Squash,
    Rebase,
}

static INDEXES: AtomicU64 = AtomicU64::new(0);

fn line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).lines().next().unwrap_or_default().trim().to_owned()
}

impl Git {
    /// Stores an object and tells its SHA.
    pub(crate) async fn store(&self, kind: &str, content: &[u8]) -> Result<String, Error> {
        Ok(line(&self.run(&["hash-object", "-w", "-t", kind, "--stdin"], Some(content)).await?))
    }

    /// What kind of object a SHA names, `None` where there is none.
    pub(crate) async fn kind(&self, sha: &str) -> Result<Option<String>, Error> {
        let (found, kind, _) = self.output(&["cat-file", "-t", sha], None).await?;
        Ok(found.then(|| line(&kind)))
    }

    /// Whether there is something at this path of a tree.
    pub(crate) async fn holds(&self, tree: &str, path: &str) -> Result<bool, Error> {
        Ok(self.verify(&format!("{tree}:{path}")).await?.is_some())
    }

    /// A tree that is the base but for the entries.
    pub(crate) async fn write_tree(&self, base: Option<&str>, entries: &[NewEntry]) -> Result<String, Error> {
        let index = self.folder().join(format!("index-{}", INDEXES.fetch_add(1, Ordering::Relaxed)));
        let written = self.write_tree_with(base, entries, &index).await;
        // Left behind it would be a stray file, no more.
        let _ = tokio::fs::remove_file(&index).await;
        written
    }

    async fn write_tree_with(
        &self,
        base: Option<&str>,
        entries: &[NewEntry],
        index: &std::path::Path,
    ) -> Result<String, Error> {
        let checked = |(done, stdout, stderr): (bool, Vec<u8>, String)| match done {
            true => Ok(stdout),
            false => Err(Error::Git { command: "write-tree".to_owned(), stderr }),
        };
        let start = base.map_or(vec!["read-tree", "--empty"], |base| vec!["read-tree", base]);
        checked(self.output_with(&start, None, Some(index)).await?)?;
        let mut lines = Vec::new();
        for entry in entries.iter().filter(|entry| entry.mode != "040000") {
            let (mode, sha) = match &entry.sha {
                Some(sha) => (entry.mode.as_str(), sha.as_str()),
                None => ("0", super::webhooks::ZEROS),
            };
            lines.extend_from_slice(format!("{mode} {sha}\t{}\0", entry.path).as_bytes());
        }
        let update = ["update-index", "-z", "--replace", "--index-info"];
        checked(self.output_with(&update, Some(&lines), Some(index)).await?)?;
        for entry in entries.iter().filter(|entry| entry.mode == "040000") {
            let prefix = format!("--prefix={}/", entry.path);
            let sha = entry.sha.as_deref().unwrap_or_default();
            checked(self.output_with(&["read-tree", &prefix, sha], None, Some(index)).await?)?;
        }
        Ok(line(&checked(self.output_with(&["write-tree"], None, Some(index)).await?)?))
    }

    /// Stores a commit exactly as given: the same input is the same SHA.
    pub(crate) async fn write_commit(
        &self,
        tree: &str,
        parents: &[&str],
        author: &Who,
        committer: &Who,
        message: &str,
    ) -> Result<String, Error> {
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        text.push_str(&format!("author {}\ncommitter {}\n\n{message}", author.line(), committer.line()));
        self.store("commit", text.as_bytes()).await
    }

    /// Moves a reference from one commit to another; forty zeros stand for its absence. `false` if it stands elsewhere.
    pub(crate) async fn swap(&self, reference: &str, from: &str, to: &str) -> Result<bool, Error> {
        let moved = match to == super::webhooks::ZEROS {
            true => self.output(&["update-ref", "-d", reference, from], None).await?,
            false => self.output(&["update-ref", reference, to, from], None).await?,
        };
        Ok(moved.0)
    }

    pub(crate) async fn is_ancestor(&self, ancestor: &str, of: &str) -> Result<bool, Error> {
        Ok(self.output(&["merge-base", "--is-ancestor", ancestor, of], None).await?.0)
    }

    pub(crate) async fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        let (found, base, _) = self.output(&["merge-base", one, other], None).await?;
        Ok(found.then(|| line(&base)))
    }

    /// How many commits each of the two has that the other lacks.
    pub(crate) async fn distance(&self, one: &str, other: &str) -> Result<(u64, u64), Error> {
        let range = format!("{one}...{other}");
        let counts = line(&self.run(&["rev-list", "--left-right", "--count", &range], None).await?);
        let mut counts = counts.split_whitespace().map(|count| count.parse().unwrap_or(0));
        Ok((counts.next().unwrap_or(0), counts.next().unwrap_or(0)))
    }

    /// The commits of `head` that `base` lacks, oldest first.
    pub(crate) async fn between(&self, base: &str, head: &str) -> Result<Vec<Commit>, Error> {
        let mut log = self.log_range(&format!("{base}..{head}")).await?;
        log.reverse();
        Ok(log)
    }

    /// How many files and lines differ from the merge base: files, additions, deletions.
    pub(crate) async fn diff_counts(&self, base: &str, head: &str) -> Result<(u64, u64, u64), Error> {
        let listing = self.run(&["diff", "--numstat", &format!("{base}...{head}")], None).await?;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let mut counts = (0, 0, 0);
        for line in listing.lines() {
            let mut numbers = line.split('\t').map(|number| number.parse::<u64>().unwrap_or(0));
            counts.0 += 1;
            counts.1 += numbers.next().unwrap_or(0);
            counts.2 += numbers.next().unwrap_or(0);
        }
        Ok(counts)
    }

    /// Merges two commits' trees as git does, with their own merge base or a given one.
    pub(crate) async fn merge_trees(&self, base: Option<&str>, ours: &str, theirs: &str) -> Result<MergedTree, Error> {
        let given = base.map(|base| format!("--merge-base={base}"));
        let mut arguments = vec!["merge-tree", "--write-tree", "--no-messages"];
        arguments.extend(given.as_deref());
        arguments.extend([ours, theirs]);
        let (clean, stdout, stderr) = self.output(&arguments, None).await?;
        match (clean, stderr.is_empty()) {
            (true, _) => Ok(MergedTree::Tree(line(&stdout))),
            (false, true) => Ok(MergedTree::Conflict),
            (false, false) => Err(Error::Git { command: "merge-tree".to_owned(), stderr }),
        }
    }

    /// The commit by which `base` would contain `head`; `None` for a conflict.
    pub(crate) async fn merge(
        &self,
        method: Method,
        (base, head): (&str, &str),
        who: &Who,
        message: &str,
    ) -> Result<Option<String>, Error> {
        // GitHub itself commits what it merges.
        let github = Who { name: "GitHub".to_owned(), email: "noreply@github.com".to_owned(), date: who.date };
        if method == Method::Rebase {
            return self.rebase(base, head, &github).await;
        }
        let MergedTree::Tree(tree) = self.merge_trees(None, base, head).await? else { return Ok(None) };
        let parents: &[&str] = if method == Method::Merge { &[base, head] } else { &[base] };
        self.write_commit(&tree, parents, who, &github, message).await.map(Some)
    }

    async fn rebase(&self, base: &str, head: &str, committer: &Who) -> Result<Option<String>, Error> {
        let mut onto = base.to_owned();
        for commit in self.between(base, head).await? {
            let Some(parent) = commit.parents.first() else { return Ok(None) };
            let MergedTree::Tree(tree) = self.merge_trees(Some(parent), &onto, &commit.sha).await? else {
                return Ok(None);
            };
            let date = DateTime::parse_from_rfc3339(&commit.author.date).unwrap_or(committer.date + TimeDelta::zero());
            let author = Who { name: commit.author.name, email: commit.author.email, date };
            onto = self.write_commit(&tree, &[&onto], &author, committer, &commit.message).await?;
        }
        Ok(Some(onto))
    }
}
