//! Bare git repositories, driven through git's own commands: the SHAs are real, and so is everything that follows from
//! them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Error;
use super::shortcuts::{self, Answers, Pointed};

/// One bare repository on disk.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    folder: PathBuf,
    answers: Arc<Answers>,
}

/// A commit as git tells it.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) sha: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
}

/// Who, and when.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) date: String,
}

/// An entry of a tree.
#[derive(Clone, Debug)]
pub(crate) struct TreeEntry {
    pub(crate) mode: String,
    pub(crate) kind: String,
    pub(crate) sha: String,
    pub(crate) size: Option<u64>,
    pub(crate) path: String,
}

/// What a commit does to one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes a file, whether it was there or not.
    Write(Vec<u8>),
    /// Removes a file, or a folder with everything below.
    Remove,
    /// Makes a symbolic link to this target.
    Symlink(String),
    /// Makes a submodule at this commit of another repository.
    Submodule(String),
}

/// How the fields of a commit are printed, and how many they are.
const COMMIT_FORMAT: &str = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B";
const COMMIT_FIELDS: usize = 10;

impl Git {
    /// Makes an empty bare repository in `folder`.
    pub(crate) async fn init(folder: PathBuf, default_branch: &str) -> Result<Self, Error> {
        tokio::fs::create_dir_all(&folder).await?;
        let git = Self::open(folder);
        git.run(&["init", "--quiet", "--bare", &format!("--initial-branch={default_branch}")], None).await?;
        Ok(git)
    }

    /// The repository that is in `folder` already.
    pub(crate) fn open(folder: PathBuf) -> Self {
        Self { folder, answers: Arc::default() }
    }

    /// Runs git on this repository alone: no configuration of the machine or the person reaches it.
    pub(crate) async fn output(
        &self,
        arguments: &[&str],
        stdin: Option<&[u8]>,
    ) -> Result<(bool, Vec<u8>, String), Error> {
        self.output_with(arguments, stdin, None).await
    }

    /// The same with an index of its own where one is given.
    pub(crate) async fn output_with(
        &self,
        arguments: &[&str],
        stdin: Option<&[u8]>,
        index: Option<&Path>,
    ) -> Result<(bool, Vec<u8>, String), Error> {
        if let Some(answer) = self.answers.known(arguments) {
            return Ok((true, answer, String::new()));
        }
        let mut command = Command::new("git");
        for inherited in
            ["GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_CONFIG_COUNT"]
        {
            command.env_remove(inherited);
        }
        command
            .args(["-c", "gc.auto=0", "-c", "safe.directory=*", "-c", "core.quotePath=false"])
            .args(arguments)
            .env("GIT_DIR", &self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("HOME", &self.folder)
            .env("XDG_CONFIG_HOME", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        let mut child = command.spawn()?;
        let mut pipe = child.stdin.take();
        let input = stdin.unwrap_or_default().to_vec();
        let feed = async move {
            if let Some(pipe) = &mut pipe {
                // git may have ended before it read everything; its exit status says what is wrong.
                let _ = pipe.write_all(&input).await;
            }
            drop(pipe);
        };
        // To its end, though whoever asked hangs up meanwhile: a git that is killed leaves the lock of its reference behind,
        // and everything about that reference fails from then on.
        let ending = tokio::spawn(async move { tokio::join!(feed, child.wait_with_output()).1 });
        let output = ending.await.map_err(std::io::Error::other)??;
        if output.status.success() {
            self.answers.keep(arguments, &output.stdout);
        }
        Ok((output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    pub(crate) async fn run(&self, arguments: &[&str], stdin: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        match self.output(arguments, stdin).await? {
            (true, stdout, _) => Ok(stdout),
            (false, _, stderr) => {
                Err(Error::Git { command: arguments.first().copied().unwrap_or_default().to_owned(), stderr })
            }
        }
    }

    /// The SHA that an expression stands for, `None` where it stands for nothing.
    pub(crate) async fn verify(&self, expression: &str) -> Result<Option<String>, Error> {
        let (name, peel) = expression.split_at(expression.find('^').unwrap_or(expression.len()));
        let by_sha = match shortcuts::reference(&self.folder, name) {
            Pointed::To(sha) if peel.is_empty() => return Ok(Some(sha)),
            Pointed::To(sha) => format!("{sha}{peel}"),
            Pointed::Nowhere => return Ok(None),
            Pointed::Unclear => expression.to_owned(),
        };
        let (found, stdout, _) =
            self.output(&["rev-parse", "--verify", "--quiet", "--end-of-options", &by_sha], None).await?;
        Ok(found.then(|| String::from_utf8_lossy(&stdout).trim().to_owned()))
    }

    /// The commit of a branch, tag, `heads/…`, `tags/…`, full or shortened SHA, in GitHub's order.
    pub(crate) async fn commit_sha(&self, reference: &str) -> Result<Option<String>, Error> {
        // These would be read as git's own expressions; no reference holds them.
        if reference.contains(['~', '^', ':', '?', '*', '[', '\\', ' ']) || reference.contains("..") {
            return Ok(None);
        }
        let hexadecimal = reference.len() >= 7 && reference.bytes().all(|b| b.is_ascii_hexdigit());
        let sha = hexadecimal.then(|| reference.to_owned());
        let places = ["refs/heads/", "refs/tags/", "refs/"].map(|place| format!("{place}{reference}"));
        for name in places.into_iter().chain(reference.starts_with("refs/").then(|| reference.to_owned())).chain(sha) {
            if let Some(sha) = self.verify(&format!("{name}^{{commit}}")).await? {
                return Ok(Some(sha));
            }
        }
        Ok(None)
    }

    /// The head of a branch.
    pub(crate) async fn head(&self, branch: &str) -> Result<Option<String>, Error> {
        self.verify(&format!("refs/heads/{branch}")).await
    }

    /// Whether there is no commit on any branch.
    pub(crate) async fn is_empty(&self) -> Result<bool, Error> {
        Ok(!shortcuts::has_branch(&self.folder) && self.branches().await?.is_empty())
    }

    /// The branches with their heads, by name.
    pub(crate) async fn branches(&self) -> Result<Vec<(String, String)>, Error> {
        let lines =
            self.run(&["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"], None).await?;
        let lines = String::from_utf8_lossy(&lines).into_owned();
        Ok(lines.lines().filter_map(|line| line.split_once(' ')).map(|(sha, name)| (name.into(), sha.into())).collect())
    }

    /// The tree of a commit, tree or reference.
    pub(crate) async fn tree_sha(&self, name: &str) -> Result<Option<String>, Error> {
        if is_sha(name) {
            return self.verify(&format!("{name}^{{tree}}")).await;
        }
        match self.commit_sha(name).await? {
            Some(commit) => self.verify(&format!("{commit}^{{tree}}")).await,
            None => Ok(None),
        }
    }

    /// The entries of a tree; recursive with those of every tree below, each before its own.
    pub(crate) async fn tree(&self, tree: &str, recursive: bool) -> Result<Vec<TreeEntry>, Error> {
        let mut arguments = vec!["ls-tree", "-l", "-z"];
        if recursive {
            arguments.extend(["-r", "-t"]);
        }
        arguments.push(tree);
        let listing = self.run(&arguments, None).await?;
        Ok(listing.split(|b| *b == 0).filter_map(|line| tree_entry(&String::from_utf8_lossy(line))).collect())
    }

    /// The content of a blob, `None` where there is no blob of that SHA.
    pub(crate) async fn blob(&self, sha: &str) -> Result<Option<Bytes>, Error> {
        let (found, content, _) = self.output(&["cat-file", "blob", sha], None).await?;
        Ok(found.then(|| content.into()))
    }

    /// The content of a file at a commit.
    pub(crate) async fn file(&self, commit: &str, path: &str) -> Result<Option<Bytes>, Error> {
        let (found, content, _) = self.output(&["cat-file", "blob", &format!("{commit}:{path}")], None).await?;
        Ok(found.then(|| content.into()))
    }

    /// Commits reachable from one, newest first, of those that touched `path` where one is given.
    pub(crate) async fn log(
        &self,
        from: &str,
        path: Option<&str>,
        skip: usize,
        count: usize,
    ) -> Result<Vec<Commit>, Error> {
        let (skip, count) = (format!("--skip={skip}"), format!("--max-count={count}"));
        let mut arguments = vec!["log", "-z", COMMIT_FORMAT, &skip, &count, from, "--"];
        arguments.extend(path);
        Ok(commits(&self.run(&arguments, None).await?))
    }

    /// The commits of a range, newest first.
    pub(crate) async fn log_range(&self, range: &str) -> Result<Vec<Commit>, Error> {
        Ok(commits(&self.run(&["log", "-z", "--topo-order", COMMIT_FORMAT, range, "--"], None).await?))
    }

    /// The paths that a commit added, removed and modified against its first parent.
    pub(crate) async fn touched(&self, sha: &str) -> Result<[Vec<String>; 3], Error> {
        let arguments =
            ["diff-tree", "--root", "-r", "-z", "--no-commit-id", "--no-renames", "--name-status", "-m", sha];
        let listing = self.run(&arguments, None).await?;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let [mut added, mut removed, mut modified] = [const { Vec::new() }; 3];
        let fields: Vec<&str> = listing.split('\0').collect();
        for pair in fields.chunks_exact(2) {
            let place = match pair[0] {
                "A" => &mut added,
                "D" => &mut removed,
                _ => &mut modified,
            };
            place.push(pair[1].to_owned());
        }
        Ok([added, removed, modified])
    }

    /// Adds a commit to a branch, which is made if it is new, and tells its SHA.
    pub(crate) async fn commit(
        &self,
        branch: &str,
        (name, email): (&str, &str),
        now: DateTime<Utc>,
        message: &str,
        changes: &[(&str, Change)],
    ) -> Result<String, Error> {
        let parent = self.head(branch).await?;
        let signature = format!("{name} <{email}> {} +0000", now.timestamp());
        let mut stream = Vec::new();
        let mut line = |text: &str| stream.extend_from_slice(text.as_bytes());
        line(&format!("commit refs/heads/{branch}\nmark :1\nauthor {signature}\ncommitter {signature}\n"));
        line(&format!("data {}\n{message}\n", message.len()));
        if let Some(parent) = parent {
            line(&format!("from {parent}\n"));
        }
        for (path, change) in changes {
            stream.extend(instruction(path, change));
        }
        stream.extend_from_slice(b"\nget-mark :1\ndone\n");
        let mark = self.run(&["fast-import", "--quiet", "--done", "--date-format=raw"], Some(&stream)).await?;
        Ok(String::from_utf8_lossy(&mark).trim().to_owned())
    }

    /// Points a reference to a commit, whatever it pointed to before.
    pub(crate) async fn set(&self, reference: &str, sha: &str) -> Result<(), Error> {
        self.run(&["update-ref", reference, sha], None).await.map(drop)
    }

    /// Removes a reference.
    pub(crate) async fn remove(&self, reference: &str) -> Result<(), Error> {
        self.run(&["update-ref", "-d", reference], None).await.map(drop)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// One line (and content) of git-fast-import's language.
fn instruction(path: &str, change: &Change) -> Vec<u8> {
    let path = quoted(path);
    let inline = |mode: &str, content: &[u8]| {
        let mut text = format!("M {mode} inline {path}\ndata {}\n", content.len()).into_bytes();
        text.extend_from_slice(content);
        text.push(b'\n');
        text
    };
    match change {
        Change::Write(content) => inline("100644", content),
        Change::Symlink(target) => inline("120000", target.as_bytes()),
        Change::Submodule(sha) => format!("M 160000 {sha} {path}\n").into_bytes(),
        Change::Remove => format!("D {path}\n").into_bytes(),
    }
}

fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn tree_entry(line: &str) -> Option<TreeEntry> {
    let (about, path) = line.split_once('\t')?;
    let mut fields = about.split_ascii_whitespace().map(str::to_owned);
    let (mode, kind, sha) = (fields.next()?, fields.next()?, fields.next()?);
    Some(TreeEntry { mode, kind, sha, size: fields.next().and_then(|size| size.parse().ok()), path: path.to_owned() })
}

fn commits(output: &[u8]) -> Vec<Commit> {
    let fields: Vec<String> = output.split(|b| *b == 0).map(|f| String::from_utf8_lossy(f).into_owned()).collect();
    fields.chunks_exact(COMMIT_FIELDS).map(commit).collect()
}

fn commit(fields: &[String]) -> Commit {
    let signature = |at: usize| Signature {
        name: fields[at].clone(),
        email: fields[at + 1].clone(),
        // GitHub writes UTC as Z.
        date: fields[at + 2].replace("+00:00", "Z"),
    };
    Commit {
        sha: fields[0].clone(),
        tree: fields[1].clone(),
        parents: fields[2].split_ascii_whitespace().map(str::to_owned).collect(),
        author: signature(3),
        committer: signature(6),
        message: fields[9].trim_end_matches('\n').to_owned(),
    }
}

/// A full SHA-1.
pub(crate) fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
