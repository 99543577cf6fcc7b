//! What a client needs to know, checked before anything is called.

use std::time::Duration;

use drift_domain::address;
use drift_domain::failure::{Failure, FailureKind, Side};
use secrecy::SecretString;
use url::Url;

/// Base URL, key and limits of a client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where n8n answers, without `/api/v1`; a path in front of it (`https://host/n8n`) is kept.
    pub base_url: Url,
    /// An API key with `workflow:list` and `workflow:read`.
    pub api_key: SecretString,
    /// Whether loopback and private addresses may be called. Link-local and metadata addresses never are.
    pub allow_private: bool,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long one request may take, its answer's body included.
    pub request_timeout: Duration,
    /// Workflows per page, 1 to 250. 50 was the fastest and blocks n8n's one thread least (observed: 1,006 workflows of
    /// five nodes in 0.6 s).
    pub page_size: u16,
    /// How many requests this client has open at once. n8n works on one thread: more gain nothing (observed).
    pub max_concurrency: usize,
    /// How often one request is made at most, when it fails in a way that may pass.
    pub max_tries: u32,
    /// How often a listing is taken at most, when workflows come and go meanwhile.
    pub max_listings: u32,
    /// The wait before the second try; it doubles each time, and a random part of it is waited.
    pub backoff: Duration,
    /// The longest wait that a `Retry-After` may ask for and still be sat out; beyond it the failure is handed on.
    pub max_wait: Duration,
    /// The largest answer that is read, in bytes once decompressed.
    pub max_body: usize,
}

impl Settings {
    /// Settings with the usual limits.
    #[must_use]
    pub fn new(base_url: Url, api_key: SecretString, allow_private: bool) -> Self {
        Self {
            base_url,
            api_key,
            allow_private,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            page_size: 50,
            max_concurrency: 2,
            max_tries: 3,
            max_listings: 4,
            backoff: Duration::from_millis(250),
            max_wait: Duration::from_secs(5),
            max_body: 64 * 1024 * 1024,
        }
    }

    /// Reads a base URL that a person typed or pasted: checks it against the address rule, and drops an ending
    /// `/api/v1`, which n8n's own documentation shows.
    ///
    /// # Errors
    /// [`FailureKind::RefusedAddress`], naming what is wrong.
    pub fn read_base_url(text: &str, allow_private: bool) -> Result<Url, Failure> {
        let mut url = address::base_url(text, allow_private).map_err(|e| refused(&e))?;
        if let Some(path) = url.path().strip_suffix("/api/v1").map(str::to_owned) {
            url.set_path(&path);
        }
        Ok(url)
    }

    /// Checks what the types leave open and brings `page_size` and the like into their ranges.
    pub(crate) fn checked(mut self) -> Result<Self, Failure> {
        self.base_url = Self::read_base_url(self.base_url.as_str(), self.allow_private)?;
        self.page_size = self.page_size.clamp(1, 250);
        self.max_concurrency = self.max_concurrency.max(1);
        self.max_tries = self.max_tries.max(1);
        self.max_listings = self.max_listings.max(1);
        Ok(self)
    }
}

pub(crate) fn refused(why: &address::BadAddress) -> Failure {
    Failure::new(Side::Live, FailureKind::RefusedAddress, format!("The address of n8n was not accepted: {why}."))
}
