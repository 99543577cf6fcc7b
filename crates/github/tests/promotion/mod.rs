//! A promotion half-way, for the tests of what can go wrong with its next step.

#![allow(dead_code, reason = "each test binary uses its part")]

use drift_github::{
    Github, Identity, MergeMethod, MergeOrder, Merging, NewCommit, NewPull, Pull, Refusal, Settings, SourceWriter,
    TreeChange, TreeContent,
};
use drift_sim::faults::{Fault, Rule};

use crate::common::World;

/// The branch of the promotion; its name needs encoding.
pub const BRANCH: &str = "workflowops/fix#12";

/// A stand-in with a commit on `main`, and the client that promotes.
pub struct Promotion {
    pub world: World,
    pub client: Github,
    /// The commit that `main` points to.
    pub base: String,
}

impl Promotion {
    pub async fn begin() -> Self {
        let world = World::with_a_file().await;
        let client = world.client();
        Self { base: world.repo.resolve("main").await.unwrap().unwrap(), world, client }
    }

    pub async fn on_enterprise() -> Self {
        let on = Self::begin().await;
        let api_base = on.world.github.enterprise_url().parse().unwrap();
        let client = on.world.client_of(&Settings { api_base, ..on.world.settings() });
        Self { client, ..on }
    }

    /// The promotion's commit, on no branch yet.
    pub async fn committed(&self) -> String {
        let identity = |name: &str| Identity {
            name: name.to_owned(),
            email: "somebody@example.com".to_owned(),
            date: "2026-11-02T09:30:00Z".parse().unwrap(),
        };
        let content = TreeContent::Text("{ \"promoted\": true }".to_owned());
        let change = TreeChange { path: "n8n/invoice.json".to_owned(), content };
        let tree = self.client.tree_of(&self.base).await.unwrap();
        let tree = self.client.create_tree(&tree, &[change]).await.unwrap();
        let (message, parent) = ("Promote the invoice flow".to_owned(), self.base.clone());
        let commit = NewCommit { message, tree, parent, author: identity("Ada"), committer: identity("WorkflowOps") };
        self.client.create_commit(&commit).await.unwrap()
    }

    pub fn proposal(&self, commit: &str) -> NewPull {
        NewPull {
            head: BRANCH.to_owned(),
            head_commit: commit.to_owned(),
            base: "main".to_owned(),
            title: "Promote the invoice flow".to_owned(),
            body: String::new(),
        }
    }

    /// The promotion's commit and its pull request.
    pub async fn proposed(&self) -> (String, Pull) {
        let commit = self.committed().await;
        self.client.create_branch(BRANCH, &commit).await.unwrap();
        let pull = self.client.open_pull(&self.proposal(&commit)).await.unwrap();
        (commit, pull)
    }

    pub fn order(&self, pull: &Pull) -> MergeOrder {
        let head = pull.head_commit.clone();
        MergeOrder { number: pull.number, head, method: MergeMethod::Merge, title: None, message: None }
    }

    /// Merges to the end.
    pub async fn merged(&self, pull: &Pull) -> String {
        let order = self.order(pull);
        let mut merging = self.client.merge(&order).await.unwrap();
        for _ in 0..20 {
            if let Merging::Merged { commit } = merging {
                return commit.unwrap();
            }
            merging = self.client.follow(&order, &merging).await.unwrap();
        }
        panic!("the merge did not end");
    }

    /// The next request of this kind is struck.
    pub fn strike(&self, fault: &Fault, method: &str, path: &str) {
        self.world.github.faults().clear();
        self.world.github.faults().add(Rule::new(fault.clone()).on(method, path).times(1));
    }

    /// A step of which nothing is known.
    pub fn unclear<T: std::fmt::Debug>(&self, result: Result<T, Refusal>) {
        let refusal = result.unwrap_err();
        assert!(matches!(refusal, Refusal::Unclear { .. }) && refusal.is_passing(), "{refusal:?}");
        told(&refusal);
    }
}

/// The message, once it is sure that it holds no token, names the repository and says something.
pub fn told(refusal: &Refusal) -> String {
    let message = refusal.to_string();
    assert!(!message.contains("ghp_") && !message.contains("ghs_"), "{message}");
    assert!(message.ends_with('.') && message.contains("acme/flows"), "{message}");
    message
}
