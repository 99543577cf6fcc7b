//! GitHub's REST API, and the GraphQL in use, over real bare git repositories.
//!
//! ```
//! # async fn example(clock: std::sync::Arc<dyn drift_domain::clock::Clock>) -> Result<(), drift_sim::github::Error> {
//! use drift_sim::github::GithubSim;
//! let github = GithubSim::start(clock).await?;
//! let flows = github.create("acme/flows").await?;
//! flows.commit("main", "Ada Lovelace", "Add the invoice flow", &[("n8n/invoice.json", Some(b"{}"))]).await?;
//! // Clients use github.url() and github.token().
//! # Ok(())
//! # }
//! ```
//!
//! SHAs, trees, histories, merges and their conflicts are git's own. Tokens see what they were granted, App installations
//! exchange a signed JWT for a token that lives an hour by the clock, each token has its hourly limit, and errors have
//! GitHub's statuses and bodies. Every repository is private.
//!
//! Every request and answer is checked against a slice of GitHub's own OpenAPI description, webhooks against its webhook
//! description, GraphQL against its schema (`fixtures/github`, made by `scripts/github-description`). A stand-in that a
//! test started and that sent or was sent something else fails the test when it is dropped. What a schema cannot say is
//! in `docs/github.md`, with what only GitHub itself can confirm.

mod access;
mod answers;
mod asked;
mod control;
mod description;
mod events;
mod gates;
mod git;
mod graphql;
mod merging;
mod objects;
mod people;
mod pulls;
mod rest;
mod rules;
mod shapes;
mod shortcuts;
mod stand_in;
mod state;
mod webhooks;
mod writes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use drift_domain::clock::Clock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use access::{AppKeys, Grant};
pub use gates::Verdict;
pub use git::Change;
pub use people::Repo;
pub use stand_in::{GithubSim, Options};
pub use state::{Protection, Ruleset};
pub use webhooks::{Deliveries, Delivery, Hook, sign};

use access::Access;
use git::Git;
use state::Social;

/// Why the stand-in cannot do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk, or a process that cannot be started (is git installed?).
    #[error("the GitHub stand-in cannot use the disk or start git: {0}")]
    Io(#[from] std::io::Error),
    /// git refused.
    #[error("git {command} failed: {stderr}")]
    Git {
        /// The command.
        command: String,
        /// What git said.
        stderr: String,
    },
    /// The folder's list of repositories is not one.
    #[error("the list of repositories of the GitHub stand-in cannot be read: {0}. Remove its folder to start anew")]
    List(#[from] serde_json::Error),
    /// A name that is not `owner/name`, or is taken.
    #[error("\"{0}\" is not a free name for a repository. Write it as owner/name")]
    Name(String),
    /// The repository was deleted.
    #[error("the repository was deleted")]
    NoRepository,
    /// Nothing is called so.
    #[error("the repository has no branch, tag or commit \"{0}\"")]
    NoReference(String),
    /// No delivery of that id.
    #[error("there is no delivery {0}")]
    NoDelivery(Uuid),
    /// No pull request of that number, or not in a state for this.
    #[error("there is no open pull request {0}")]
    NoPull(u64),
    /// No run of that number.
    #[error("there is no run {0}")]
    NoRun(u64),
    /// No key could be made.
    #[error("an RSA key could not be made")]
    Key,
    /// The client that delivers webhooks cannot be set up.
    #[error("webhooks cannot be delivered: {0}")]
    Http(reqwest::Error),
}

/// The file in a repository's folder with what is kept beside Git.
const SOCIAL: &str = "github.json";

/// One repository, as it is at the moment.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) default_branch: String,
    pub(crate) git: Git,
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
    social: Arc<Mutex<Social>>,
}

impl Repository {
    /// What is kept beside Git. Not to be held while something of this repository is drawn.
    pub(crate) fn social(&self) -> MutexGuard<'_, Social> {
        lock(&self.social)
    }

    /// Changes what is kept beside Git, and keeps it on the disk.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Social) -> T) -> Result<T, Error> {
        let mut social = self.social();
        let told = change(&mut social);
        write_whole(&self.git.folder().join(SOCIAL), &serde_json::to_vec(&*social)?)?;
        Ok(told)
    }

    /// Keeps a pull request, on the disk as well; see [`Social::keep`].
    pub(crate) fn keep(&self, pull: state::Pull) -> Result<state::Pull, Error> {
        self.change(|social| social.keep(pull))
    }

    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// A repository in the list that outlives the process.
#[derive(Serialize, Deserialize)]
struct Listed {
    id: u64,
    full_name: String,
    default_branch: String,
}

#[derive(Serialize, Deserialize, Default)]
struct List {
    repositories: Vec<Listed>,
    /// Names that repositories had once, in small letters.
    former: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Repositories {
    all: BTreeMap<u64, Repository>,
    former: BTreeMap<String, u64>,
}

/// Everything behind the routes.
pub(crate) struct Hub {
    pub(crate) clock: Arc<dyn Clock>,
    folder: PathBuf,
    base: OnceLock<String>,
    repositories: Mutex<Repositories>,
    access: Mutex<Access>,
    hooks: Mutex<Vec<Hook>>,
    tree_limit: AtomicUsize,
    deliveries: AtomicU64,
    /// How many looks find out nothing yet about what GitHub works out in the background.
    lag: AtomicU64,
    /// Whether requests and answers are held against GitHub's description.
    checked: bool,
    violations: Mutex<Vec<String>>,
    flaws: Mutex<Vec<Flaw>>,
}

/// A way in which the stand-in can be made wrong on purpose, to show that the tests notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A merge takes the head's files whole: what the base got since is lost, and conflicts are merged.
    MergeDropsBase,
    /// The ETag of a reference never changes again.
    FrozenEtag,
    /// A listing of a tree leaves its last entry out.
    TreeSkipsEntries,
    /// A merge that is refused for rules, or for a head that moved, is 405 without the words that tell why.
    Wrong405,
    /// Webhooks carry no signature.
    UnsignedWebhook,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a file so that whoever reads it, even after the process died meanwhile, finds the old or the new one whole.
fn write_whole(path: &std::path::Path, content: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, content)?;
    std::fs::rename(beside, path)
}

impl Hub {
    pub(crate) fn base(&self) -> String {
        self.base.get().cloned().unwrap_or_default()
    }

    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
    }

    pub(crate) fn lag(&self) -> u64 {
        self.lag.load(Ordering::SeqCst)
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        lock(&self.flaws).contains(&flaw)
    }

    pub(crate) fn violated(&self, what: String) {
        tracing::error!(what, "the GitHub stand-in or its caller went beside GitHub's description");
        lock(&self.violations).push(what);
    }

    pub(crate) fn hooks(&self) -> Vec<Hook> {
        lock(&self.hooks).clone()
    }

    pub(crate) fn tree_limit(&self) -> usize {
        self.tree_limit.load(Ordering::SeqCst)
    }

    pub(crate) fn delivery_id(&self) -> Uuid {
        let number = self.deliveries.fetch_add(1, Ordering::SeqCst);
        let micros = u128::from(self.clock.now().timestamp_micros().unsigned_abs());
        // Different after every start, so that a receiver that remembers ids does not take a new one for an old one.
        uuid::Builder::from_random_bytes(((micros << 64) | u128::from(number)).to_be_bytes()).into_uuid()
    }

    pub(crate) fn by_id(&self, id: u64) -> Option<Repository> {
        lock(&self.repositories).all.get(&id).cloned()
    }

    /// A repository by its name, and whether that is its present one. Names are told apart without regard to case.
    pub(crate) fn find(&self, owner: &str, name: &str) -> Option<(Repository, bool)> {
        let wanted = format!("{owner}/{name}").to_lowercase();
        let repositories = lock(&self.repositories);
        if let Some(repository) = repositories.all.values().find(|r| r.full_name().to_lowercase() == wanted) {
            return Some((repository.clone(), true));
        }
        let id = repositories.former.get(&wanted)?;
        repositories.all.get(id).map(|repository| (repository.clone(), false))
    }

    fn free_name<'n>(&self, full_name: &'n str) -> Result<(&'n str, &'n str), Error> {
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let parts = full_name.split_once('/').filter(|(owner, name)| plain(owner) && plain(name));
        let (owner, name) = parts.ok_or_else(|| Error::Name(full_name.to_owned()))?;
        match self.find(owner, name) {
            Some((_, true)) => Err(Error::Name(full_name.to_owned())),
            _ => Ok((owner, name)),
        }
    }

    async fn create(&self, full_name: &str, default_branch: &str) -> Result<u64, Error> {
        let (owner, name) = self.free_name(full_name)?;
        let id = lock(&self.repositories).all.keys().max().map_or(700_000_001, |id| id + 1);
        let git = Git::init(self.folder.join(format!("{id}.git")), default_branch).await?;
        let repository = Repository {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            default_branch: default_branch.to_owned(),
            git,
            writing: Arc::default(),
            social: Arc::default(),
        };
        {
            let mut repositories = lock(&self.repositories);
            repositories.former.remove(&full_name.to_lowercase());
            repositories.all.insert(id, repository);
        }
        self.save()?;
        Ok(id)
    }

    pub(crate) fn rename(&self, id: u64, full_name: &str) -> Result<(), Error> {
        let (owner, name) = self.free_name(full_name)?;
        {
            let mut repositories = lock(&self.repositories);
            let repository = repositories.all.get_mut(&id).ok_or(Error::NoRepository)?;
            let former = repository.full_name().to_lowercase();
            owner.clone_into(&mut repository.owner);
            name.clone_into(&mut repository.name);
            repositories.former.remove(&full_name.to_lowercase());
            repositories.former.insert(former, id);
        }
        self.save()
    }

    pub(crate) fn delete(&self, id: u64) -> Result<(), Error> {
        let gone = lock(&self.repositories).all.remove(&id).ok_or(Error::NoRepository)?;
        std::fs::remove_dir_all(gone.git.folder())?;
        self.save()
    }

    fn list_file(&self) -> PathBuf {
        self.folder.join("repositories.json")
    }

    fn save(&self) -> Result<(), Error> {
        let repositories = lock(&self.repositories);
        let listed =
            |r: &Repository| Listed { id: r.id, full_name: r.full_name(), default_branch: r.default_branch.clone() };
        let list =
            List { repositories: repositories.all.values().map(listed).collect(), former: repositories.former.clone() };
        write_whole(&self.list_file(), &serde_json::to_vec_pretty(&list)?)?;
        Ok(())
    }

    fn load(&self) -> Result<(), Error> {
        let list: List = match std::fs::read(self.list_file()) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut repositories = lock(&self.repositories);
        repositories.former = list.former;
        for Listed { id, full_name, default_branch } in list.repositories {
            let (owner, name) = full_name.split_once('/').ok_or_else(|| Error::Name(full_name.clone()))?;
            let git = Git::open(self.folder.join(format!("{id}.git")));
            let (owner, name) = (owner.to_owned(), name.to_owned());
            let social = match std::fs::read(git.folder().join(SOCIAL)) {
                Ok(bytes) => serde_json::from_slice(&bytes)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Social::default(),
                Err(error) => return Err(error.into()),
            };
            let social = Arc::new(Mutex::new(social));
            let repository = Repository { id, owner, name, default_branch, git, writing: Arc::default(), social };
            repositories.all.insert(id, repository);
        }
        Ok(())
    }
}
