//! Clients for the two sides, made of an environment's stored connection.
//!
//! Clients are kept between checks: they hold connections open, and GitHub Apps' installation tokens until they expire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drift_domain::clock::Clock;
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::ids::OrganizationId;
use drift_github::ReadAndWrite;
use drift_n8n::LiveEnvironment;
use drift_store::environments::Connection;
use drift_store::secretbox::{Purpose, SecretBox};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::detection::Repository;

/// How long requests to n8n and GitHub wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pauses {
    /// As the two ask for: a second between two writes to GitHub, and longer and longer before what failed is asked again.
    #[default]
    Usual,
    /// Not at all: for a stand-in, which nothing is too much for. Whoever asks for a pause is not waited for: that fails.
    None,
}

/// Makes clients and keeps them.
pub struct Connector {
    secrets: Arc<SecretBox>,
    clock: Arc<dyn Clock>,
    allow_private: bool,
    pauses: Pauses,
    live: Mutex<HashMap<blake3::Hash, Arc<dyn LiveEnvironment>>>,
    desired: Mutex<HashMap<blake3::Hash, Arc<Repository>>>,
}

/// Kept clients beyond this many are forgotten, all at once: a client is cheap to make again.
const KEPT: usize = 4096;

/// How an environment is reached, secrets opened: what a client is made of.
pub struct Reach<'a> {
    /// Whose. What one organization's clients read and remember is not for another's.
    pub organization: OrganizationId,
    /// Address of n8n.
    pub n8n_base_url: &'a str,
    /// Key of n8n.
    pub n8n_api_key: SecretString,
    /// GitHub's API.
    pub git_api_base: &'a str,
    /// Owner and name of the repository.
    pub repository: (&'a str, &'a str),
    /// App and installation, where an App signs in.
    pub git_app: Option<(i64, i64)>,
    /// Token, or the App's private key.
    pub git_secret: SecretString,
}

impl Connector {
    /// A connector. `allow_private`: whether addresses in private networks may be called.
    #[must_use]
    pub fn new(secrets: Arc<SecretBox>, clock: Arc<dyn Clock>, allow_private: bool, pauses: Pauses) -> Self {
        Self { secrets, clock, allow_private, pauses, live: Mutex::default(), desired: Mutex::default() }
    }

    /// The same by another clock. It keeps clients of its own.
    #[must_use]
    pub fn as_of(&self, clock: Arc<dyn Clock>) -> Self {
        Self::new(Arc::clone(&self.secrets), clock, self.allow_private, self.pauses)
    }

    /// Whether addresses in private networks may be called.
    #[must_use]
    pub const fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// Opens the secrets of a stored connection.
    ///
    /// # Errors
    /// [`FailureKind::SecretUnreadable`] when they were sealed with another key.
    pub fn reach<'a>(&self, organization: OrganizationId, c: &'a Connection) -> Result<Reach<'a>, Failure> {
        let open = |side, purpose, sealed: &[u8]| {
            self.secrets.open(organization, purpose, sealed).map_err(|_| {
                Failure::new(
                    side,
                    FailureKind::SecretUnreadable,
                    "The stored secret cannot be read with the key that this installation was started with. Start it \
                     with the right key, or enter the secret again in the environment's settings.",
                )
            })
        };
        Ok(Reach {
            organization,
            n8n_base_url: &c.n8n_base_url,
            n8n_api_key: open(Side::Live, Purpose::N8nApiKey, &c.n8n_api_key)?,
            git_api_base: &c.git_api_base,
            repository: (&c.git_owner, &c.git_repository),
            git_app: c.git_app,
            git_secret: open(Side::Desired, Purpose::GitSecret, &c.git_secret)?,
        })
    }

    /// The client for the live side.
    ///
    /// # Errors
    /// What is wrong with the address or the key, before any call.
    pub fn live(&self, reach: &Reach<'_>) -> Result<Arc<dyn LiveEnvironment>, Failure> {
        let key = hash(&[reach.n8n_base_url, reach.n8n_api_key.expose_secret()]);
        kept(&self.live, key, || {
            let base_url = drift_n8n::Settings::read_base_url(reach.n8n_base_url, self.allow_private)?;
            let mut settings = drift_n8n::Settings::new(base_url, reach.n8n_api_key.clone(), self.allow_private);
            if self.pauses == Pauses::None {
                (settings.backoff, settings.max_wait) = (Duration::ZERO, Duration::ZERO);
            }
            Ok(Arc::new(drift_n8n::Client::new(settings)?))
        })
    }

    /// The client for the desired side.
    ///
    /// # Errors
    /// What is wrong with the address or the credentials, before any call.
    pub fn desired(&self, reach: &Reach<'_>) -> Result<Arc<dyn ReadAndWrite>, Failure> {
        Ok(Arc::clone(&self.repository(reach)?.github))
    }

    /// The repository of the desired side, with what its environments share.
    ///
    /// # Errors
    /// As [`desired`](Self::desired).
    pub fn repository(&self, reach: &Reach<'_>) -> Result<Arc<Repository>, Failure> {
        let app = reach.git_app.map(|(app, installation)| format!("{app}/{installation}")).unwrap_or_default();
        let (owner, repository) = reach.repository;
        let organization = reach.organization.to_string();
        let secret = reach.git_secret.expose_secret();
        let key = hash(&[&organization, reach.git_api_base, owner, repository, &app, secret]);
        kept(&self.desired, key, || {
            let api_base = Url::parse(reach.git_api_base).map_err(|cause| {
                let message = format!("The address of GitHub's API ({}) is not a URL: {cause}.", reach.git_api_base);
                Failure::new(Side::Desired, FailureKind::RefusedAddress, message)
            })?;
            let credentials = match reach.git_app {
                None => drift_github::Credentials::Token(reach.git_secret.clone()),
                Some((app, installation)) => drift_github::Credentials::App {
                    app_id: app.to_string(),
                    installation_id: installation.unsigned_abs(),
                    private_key_pem: reach.git_secret.clone(),
                },
            };
            let mut settings = drift_github::Settings::new(api_base, owner, repository, credentials);
            settings.allow_private = self.allow_private;
            if self.pauses == Pauses::None {
                (settings.timeouts.write_pause, settings.timeouts.retry_pause) = (Duration::ZERO, Duration::ZERO);
            }
            let github = drift_github::Github::new(&settings, Arc::clone(&self.clock))?;
            Ok(Arc::new(Repository::new(Arc::new(github))))
        })
    }
}

/// A key that two connections share only when every part is the same; a hash, so that no secret is kept twice.
fn hash(parts: &[&str]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()
}

fn kept<T: ?Sized>(
    kept: &Mutex<HashMap<blake3::Hash, Arc<T>>>,
    key: blake3::Hash,
    make: impl FnOnce() -> Result<Arc<T>, Failure>,
) -> Result<Arc<T>, Failure> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = kept.get(&key) {
        return Ok(Arc::clone(client));
    }
    if kept.len() >= KEPT {
        kept.clear();
    }
    let client = make()?;
    kept.insert(key, Arc::clone(&client));
    Ok(client)
}
