//! GitHub's REST API, the part that reads, over real bare git repositories.
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
//! SHAs, trees, histories and references are git's own. Tokens see what they were granted, App installations exchange a
//! signed JWT for a token that lives an hour by the clock, each token has its hourly limit, and errors have GitHub's
//! statuses and bodies. Every repository is private. What GitHub's description declares beyond what is read here (a
//! commit's `stats` and `files`, most addresses of a repository) is left out.

mod access;
mod answers;
mod git;
mod people;
mod rest;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::DateTime;
use drift_domain::clock::Clock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::faults::{Faults, Seen};
use crate::server::Server;

pub use access::{AppKeys, Grant};
pub use git::Change;
pub use people::Repo;
pub use webhooks::{Deliveries, Delivery, Hook, sign};

use access::Access;
use git::Git;

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
    /// No key could be made.
    #[error("an RSA key could not be made")]
    Key,
    /// The client that delivers webhooks cannot be set up.
    #[error("webhooks cannot be delivered: {0}")]
    Http(reqwest::Error),
}

/// One repository, as it is at the moment.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) default_branch: String,
    pub(crate) git: Git,
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
}

impl Repository {
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
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn base(&self) -> String {
        self.base.get().cloned().unwrap_or_default()
    }

    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
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
        std::fs::write(self.list_file(), serde_json::to_vec_pretty(&list)?)?;
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
            let repository = Repository { id, owner, name, default_branch, git, writing: Arc::default() };
            repositories.all.insert(id, repository);
        }
        Ok(())
    }
}

/// How to start the stand-in.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to keep the repositories. They outlive the stand-in, and are found again on the next start. A folder of its
    /// own that is removed with it, if none is given.
    pub folder: Option<PathBuf>,
    /// The port; 0 for one that the system chooses.
    pub port: u16,
    /// The token that [`GithubSim::token`] tells, and that sees every repository.
    pub token: Option<String>,
}

/// The stand-in, serving until it is dropped.
pub struct GithubSim {
    hub: Arc<Hub>,
    faults: Faults,
    server: Server,
    token: String,
    // Removed last.
    _temporary: Option<tempfile::TempDir>,
}

impl GithubSim {
    /// Starts it on a port that the system chooses, without repositories. Its time is the clock's.
    ///
    /// # Errors
    /// What the disk or the port failed with.
    pub async fn start(clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::start_with(clock, Options::default()).await
    }

    /// Starts it as the options say.
    ///
    /// # Errors
    /// What the disk or the port failed with, or a folder whose list of repositories is broken.
    pub async fn start_with(clock: Arc<dyn Clock>, options: Options) -> Result<Self, Error> {
        let (folder, temporary) = match options.folder {
            Some(folder) => {
                std::fs::create_dir_all(&folder)?;
                (std::path::absolute(folder)?, None)
            }
            None => {
                let temporary = tempfile::Builder::new().prefix("workflowops-github-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let hub = Arc::new(Hub {
            clock,
            folder,
            base: OnceLock::new(),
            repositories: Mutex::default(),
            access: Mutex::default(),
            hooks: Mutex::default(),
            // GitHub's limit for a recursive listing.
            tree_limit: AtomicUsize::new(100_000),
            deliveries: AtomicU64::new(1),
        });
        hub.load()?;
        let now = hub.clock.now();
        let token = options.token.unwrap_or_else(|| hub.access().new_token("ghp", now));
        hub.access().add_token(token.clone(), &Grant::default(), None, now);
        let faults = Faults::default();
        let server = Server::start_on(faults.around(rest::router(&hub)), options.port).await?;
        // Set once, before anybody knows the address.
        let _ = hub.base.set(server.url());
        Ok(Self { hub, faults, server, token, _temporary: temporary })
    }

    /// The API's base address, as `https://api.github.com` is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The same API where an Enterprise Server has it.
    #[must_use]
    pub fn enterprise_url(&self) -> String {
        format!("{}/api/v3", self.server.url())
    }

    /// A token that sees every repository.
    #[must_use]
    pub fn token(&self) -> String {
        self.token.clone()
    }

    /// What goes wrong, and the journal of requests.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes an empty repository, `owner/name`, whose default branch is `main`.
    ///
    /// # Errors
    /// The name is taken or is none, or what git failed with.
    pub async fn create(&self, full_name: &str) -> Result<Repo, Error> {
        let id = self.hub.create(full_name, "main").await?;
        Ok(Repo { hub: self.hub.clone(), id })
    }

    /// The repository that is called `owner/name` now.
    #[must_use]
    pub fn repo(&self, full_name: &str) -> Option<Repo> {
        let (owner, name) = full_name.split_once('/')?;
        let (repository, current) = self.hub.find(owner, name)?;
        current.then(|| Repo { hub: self.hub.clone(), id: repository.id })
    }

    fn ids(&self, names: Option<&[String]>) -> Result<Option<BTreeSet<u64>>, Error> {
        let id = |name: &String| self.repo(name).map(|repo| repo.id).ok_or_else(|| Error::Name(name.clone()));
        names.map(|names| names.iter().map(id).collect()).transpose()
    }

    /// A new token that may do this much.
    ///
    /// # Errors
    /// One of its repositories does not exist.
    pub fn grant(&self, grant: &Grant) -> Result<String, Error> {
        let ids = self.ids(grant.repositories.as_deref())?;
        let now = self.hub.clock.now();
        let mut access = self.hub.access();
        let token = access.new_token("ghp", now);
        access.add_token(token.clone(), grant, ids, now);
        Ok(token)
    }

    /// The token stops working.
    pub fn revoke(&self, token: &str) {
        self.hub.access().revoke(token);
    }

    /// Registers an App and installs it on these repositories; on all with `None`.
    ///
    /// # Errors
    /// One of the repositories does not exist.
    pub fn install_app(&self, repositories: Option<&[&str]>) -> Result<AppKeys, Error> {
        let names: Option<Vec<String>> = repositories.map(|all| all.iter().map(|name| (*name).to_owned()).collect());
        let ids = self.ids(names.as_deref())?;
        self.hub.access().add_app(ids)
    }

    /// Suspends an installation, or lifts that. Its tokens stop working.
    pub fn suspend(&self, installation: u64, suspended: bool) {
        self.hub.access().suspend(installation, suspended);
    }

    /// The installation's tokens stop working before their hour is over.
    pub fn revoke_installation_tokens(&self, installation: u64) {
        self.hub.access().revoke_installation(installation);
    }

    /// Requests that a token may make in an hour (GitHub: 5,000).
    pub fn set_hourly_limit(&self, requests: u64) {
        self.hub.access().hourly_limit = requests;
    }

    /// As if a token had made all requests of its hour.
    pub fn exhaust(&self, token: &str) {
        let now = self.hub.clock.now();
        self.hub.access().exhaust(token, now);
    }

    /// Refuses everybody with the secondary limit, asking to wait so many seconds; `None` ends that.
    pub fn set_secondary_limit(&self, retry_after: Option<u64>) {
        self.hub.access().secondary = retry_after;
    }

    /// Cuts listings of trees short after so many entries (GitHub: 100,000).
    pub fn truncate_trees_at(&self, entries: usize) {
        self.hub.tree_limit.store(entries, Ordering::SeqCst);
    }

    /// Adds a webhook for pushes to any repository.
    ///
    /// # Errors
    /// No client can be set up.
    pub fn hook(&self, url: &str, secret: &str) -> Result<Hook, Error> {
        let hook = Hook::new(url, secret)?;
        lock(&self.hub.hooks).push(hook.clone());
        Ok(hook)
    }

    /// What was asked so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.faults.seen()
    }

    /// Forgets what was asked so far.
    pub fn forget_requests(&self) {
        self.faults.forget();
    }

    /// How many requests were answered 304 so far.
    #[must_use]
    pub fn not_modified(&self) -> usize {
        self.requests().iter().filter(|seen| seen.status == 304).count()
    }

    /// How many requests of a token count against its hour so far, and when that ends.
    #[must_use]
    pub fn spent(&self, token: &str) -> (u64, Option<DateTime<chrono::Utc>>) {
        let spent = self.hub.access().spent(token, self.hub.clock.now());
        (spent.used, DateTime::from_timestamp(spent.reset, 0))
    }

    /// Stops it: connections are refused until [`restart`](Self::restart).
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Starts it again on its port, with everything it had.
    ///
    /// # Errors
    /// Another process took the port meanwhile.
    pub async fn restart(&self) -> Result<(), Error> {
        Ok(self.server.restart().await?)
    }
}
