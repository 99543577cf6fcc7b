//! [`GithubSim`]: starting it, and what is set and told from outside.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use chrono::DateTime;
use drift_domain::clock::Clock;

use super::{AppKeys, Error, Flaw, Grant, Hook, Hub, Repo, description, lock, rest};
use crate::faults::{Faults, Seen};
use crate::server::Server;

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
    /// Starts it for a test, on a port that the system chooses, without repositories. Its time is the clock's.
    ///
    /// Requests and answers are held against GitHub's description: dropping it panics if one went beside it, see
    /// [`violations`](Self::violations).
    ///
    /// # Errors
    /// What the disk or the port failed with.
    pub async fn start(clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::start_checked(clock, Options::default()).await
    }

    /// Starts it for a test as the options say, checked as [`start`](Self::start) does.
    ///
    /// # Errors
    /// As [`start_with`](Self::start_with).
    pub async fn start_checked(clock: Arc<dyn Clock>, options: Options) -> Result<Self, Error> {
        Self::begin(clock, options, true).await
    }

    /// Starts it as the options say, to be used by people: nothing is checked.
    ///
    /// # Errors
    /// What the disk or the port failed with, or a folder whose list of repositories is broken.
    pub async fn start_with(clock: Arc<dyn Clock>, options: Options) -> Result<Self, Error> {
        Self::begin(clock, options, false).await
    }

    async fn begin(clock: Arc<dyn Clock>, options: Options, checked: bool) -> Result<Self, Error> {
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
            lag: AtomicU64::new(1),
            checked,
            violations: Mutex::default(),
            flaws: Mutex::default(),
        });
        hub.load()?;
        let now = hub.clock.now();
        let token = options.token.unwrap_or_else(|| hub.access().new_token("ghp", now));
        hub.access().add_token(token.clone(), &Grant::default(), None, now);
        let faults = Faults::default();
        let server =
            Server::start_on(faults.around(description::around(&hub, rest::router(&hub))), options.port).await?;
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

    /// As if a token had made all requests to GraphQL of its hour, which are counted by themselves.
    pub fn exhaust_graphql(&self, token: &str) {
        let now = self.hub.clock.now();
        self.hub.access().exhaust(&super::access::graphql(token), now);
    }

    /// Refuses everybody with the secondary limit, asking to wait so many seconds; `None` ends that.
    pub fn set_secondary_limit(&self, retry_after: Option<u64>) {
        self.hub.access().secondary = retry_after;
    }

    /// Cuts listings of trees short after so many entries (GitHub: 100,000).
    pub fn truncate_trees_at(&self, entries: usize) {
        self.hub.tree_limit.store(entries, Ordering::SeqCst);
    }

    /// How many looks find out nothing yet (one, unless set): whether a pull request merges is `null` so often after a branch
    /// moved, and a merge in the background or in the queue waits for so many looks.
    pub fn set_lag(&self, looks: u64) {
        self.hub.lag.store(looks, Ordering::SeqCst);
    }

    /// Makes it wrong on purpose, to show that tests notice.
    pub fn break_on_purpose(&self, flaw: Flaw) {
        lock(&self.hub.flaws).push(flaw);
    }

    /// Where requests and answers went beside GitHub's description so far; they are forgotten by this.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.hub.violations))
    }

    /// Adds a webhook for every event of any repository.
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

impl Drop for GithubSim {
    fn drop(&mut self) {
        let violations = self.violations();
        if !violations.is_empty() && !std::thread::panicking() {
            let all = violations.join("\n");
            panic!("went beside GitHub's description (see crates/sim/src/github/description.rs):\n{all}");
        }
    }
}
