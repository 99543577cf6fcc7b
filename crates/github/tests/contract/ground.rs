//! What every check stands on: a repository, somebody who works on it, and the client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use drift_github::{
    BranchMade, Folder, Github, Identity, MergeMethod, MergeOrder, Merging, NewCommit, NewPull, Pull, Refusal,
    Settings, Skipped, SourceOfTruth, SourceWriter, TreeChange, TreeContent, TreeFile,
};
use drift_sim::github::{Change, Repo};
use uuid::Uuid;

use crate::common::{TestClock, World};

/// What people do to a repository.
#[async_trait]
pub trait People: Send + Sync {
    /// Adds a commit to a branch, which is made with it, without a parent, if it is new. Tells its SHA.
    async fn commit(&self, branch: &str, author: &str, message: &str, changes: &[(&str, Change)]) -> String;
    /// Makes a branch (`heads/…`) or tag (`tags/…`).
    async fn point(&self, reference: &str, at: &str);
    /// Removes what [`commit`](Self::commit) and [`point`](Self::point) made: `heads/…` or `tags/…`.
    async fn remove(&self, reference: &str);
}

#[async_trait]
impl People for Repo {
    async fn commit(&self, branch: &str, author: &str, message: &str, changes: &[(&str, Change)]) -> String {
        self.commit_changes(branch, author, message, changes).await.unwrap()
    }

    async fn point(&self, reference: &str, at: &str) {
        match reference.strip_prefix("heads/") {
            Some(branch) => drop(self.create_branch(branch, at).await.unwrap()),
            None => self.tag(reference.strip_prefix("tags/").unwrap(), at).await.unwrap(),
        }
    }

    async fn remove(&self, reference: &str) {
        if let Some(branch) = reference.strip_prefix("heads/") {
            self.delete_branch(branch).await.unwrap();
        }
    }
}

/// A repository, somebody who works on it, and the client under test.
pub struct Ground {
    pub client: Github,
    pub people: Box<dyn People>,
    pub full_name: String,
    /// The stand-in, where that is what is worked on: what takes a second account or the repository's administration is
    /// checked there alone.
    world: Option<Arc<World>>,
    /// Between two looks at what GitHub works out in the background.
    pause: Duration,
}

impl Ground {
    /// GitHub itself.
    pub fn real(settings: &Settings, people: Box<dyn People>) -> Self {
        let full_name = format!("{}/{}", settings.owner, settings.repository);
        let client = Github::new(settings, TestClock::new()).unwrap();
        Self { client, people, full_name, world: None, pause: Duration::from_secs(2) }
    }

    /// The stand-in, asked as github.com or as an Enterprise Server.
    pub fn stand_in(world: Arc<World>, enterprise: bool) -> Self {
        let mut settings = world.settings();
        if enterprise {
            settings.api_base = world.github.enterprise_url().parse().unwrap();
        }
        let client = world.client_of(&settings);
        let people = Box::new(world.repo.clone());
        Self { client, people, full_name: "acme/flows".to_owned(), world: Some(world), pause: Duration::ZERO }
    }

    /// The stand-in, or the words that this check does not run on GitHub itself.
    pub fn world(&self, check: &str) -> Option<&Arc<World>> {
        if self.world.is_none() {
            eprintln!("skipped: {check} on GitHub itself (takes a second account or the repository's administration)");
        }
        self.world.as_ref()
    }

    /// A branch name that nobody has.
    pub fn branch(&self) -> String {
        format!("contract-{}", Uuid::new_v4().simple())
    }

    pub async fn write(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let changes: Vec<_> = files.iter().map(|(path, text)| (*path, write(text))).collect();
        self.people.commit(branch, "Ada Lovelace <ada@example.com>", "Change the flows", &changes).await
    }

    pub async fn tree(&self, commit: &str, folder: &str) -> (String, Vec<TreeFile>, Skipped) {
        match self.client.folder(commit, folder, None).await.unwrap() {
            Folder::Tree { sha, files, skipped } => (sha, files, skipped),
            Folder::Unchanged => panic!("unchanged at a first look"),
        }
    }

    /// The texts of the workflow files of a branch, by path.
    pub async fn texts(&self, branch: &str) -> BTreeMap<String, String> {
        let commit = self.client.branch(branch).await.unwrap().expect("the branch");
        let (_, files, _) = self.tree(&commit, "").await;
        let shas: Vec<String> = files.iter().map(|file| file.blob_sha.clone()).collect();
        let texts = self.client.blobs(&shas).await.unwrap();
        let text = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        files.into_iter().zip(texts).map(|(file, (_, bytes))| (file.path, text(bytes))).collect()
    }

    /// A commit on top of a branch's, made through the client, with a branch of its own and a pull request.
    pub async fn propose(&self, base: &str, changes: &[(&str, TreeContent)]) -> Pull {
        let (branch, parent) = (self.branch(), self.client.branch(base).await.unwrap().expect("the base"));
        let commit = self.commit_on(&parent, changes).await.unwrap();
        assert_eq!(self.client.create_branch(&branch, &commit).await, Ok(BranchMade::Created));
        self.client.open_pull(&self.proposal(base, &branch, &commit)).await.unwrap()
    }

    pub fn proposal(&self, base: &str, branch: &str, commit: &str) -> NewPull {
        NewPull {
            head: branch.to_owned(),
            head_commit: commit.to_owned(),
            base: base.to_owned(),
            title: "Promote the invoice flow".to_owned(),
            body: "Decided by Ada, since it is right.".to_owned(),
        }
    }

    pub async fn commit_on(&self, parent: &str, changes: &[(&str, TreeContent)]) -> Result<String, Refusal> {
        let change =
            |(path, content): &(&str, TreeContent)| TreeChange { path: (*path).to_owned(), content: content.clone() };
        let changes: Vec<TreeChange> = changes.iter().map(change).collect();
        let tree = self.client.create_tree(&self.client.tree_of(parent).await?, &changes).await?;
        let identity = |name: &str| Identity {
            name: name.to_owned(),
            email: format!("{}@example.com", name.to_lowercase()),
            date: "2026-11-02T09:30:00Z".parse().unwrap(),
        };
        let commit = NewCommit {
            message: "Promote the invoice flow\n\nIncident 12, decided by Ada.".to_owned(),
            tree,
            parent: parent.to_owned(),
            author: identity("Ada"),
            committer: identity("WorkflowOps"),
        };
        self.client.create_commit(&commit).await
    }

    pub fn order(&self, pull: &Pull) -> MergeOrder {
        MergeOrder {
            number: pull.number,
            head: pull.head_commit.clone(),
            method: MergeMethod::Merge,
            title: None,
            message: None,
        }
    }

    /// Merges, follows while it is under way, and tries again where GitHub says that this helps.
    pub async fn merge(&self, order: &MergeOrder) -> Result<Option<String>, Refusal> {
        let mut merging = None;
        for _ in 0..60 {
            let step = match &merging {
                None => self.client.merge(order).await,
                Some(merging) => self.client.follow(order, merging).await,
            };
            match step {
                Ok(Merging::Merged { commit }) => return Ok(commit),
                Ok(under_way) => merging = Some(under_way),
                Err(Refusal::BaseMoved { .. }) => merging = None,
                Err(refusal) => return Err(refusal),
            }
            tokio::time::sleep(self.pause).await;
        }
        panic!("the merge did not end");
    }

    /// The pull request once GitHub knows whether it merges.
    pub async fn worked_out(&self, number: u64) -> Pull {
        for _ in 0..60 {
            let pull = self.client.pull(number).await.unwrap();
            if pull.mergeable.is_some() {
                return pull;
            }
            tokio::time::sleep(self.pause).await;
        }
        panic!("GitHub does not work out whether the pull request merges");
    }

    pub async fn clear(&self, branches: &[&str]) {
        for branch in branches {
            if self.client.branch(branch).await.unwrap().is_some() {
                self.people.remove(&format!("heads/{branch}")).await;
            }
        }
    }
}

pub fn write(text: &str) -> Change {
    Change::Write(text.as_bytes().to_vec())
}

pub fn text(text: &str) -> TreeContent {
    TreeContent::Text(text.to_owned())
}

/// The message of a refusal, once it is sure that it holds no token and says what to do.
pub fn words(refusal: &Refusal) -> String {
    let message = refusal.to_string();
    assert!(!message.contains("ghp_") && !message.contains("ghs_") && !message.contains("github_pat_"), "{message}");
    assert!(message.ends_with('.') && message.contains(['/', '"']), "{message}");
    message
}
