//! What the tests of this crate share: a clock that is turned by hand, and a client for the stand-in.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::failure::{Failure, Side};
use drift_github::{Credentials, Github, Settings, Timeouts};
use drift_sim::github::{GithubSim, Repo};
use secrecy::SecretString;

/// A clock that stands still until it is turned.
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-11-02T09:30:00Z".parse().unwrap())))
    }

    pub fn turn(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A stand-in with the repository `acme/flows`, which is empty.
pub struct World {
    pub clock: Arc<TestClock>,
    pub github: GithubSim,
    pub repo: Repo,
}

impl World {
    pub async fn new() -> Self {
        let clock = TestClock::new();
        let github = GithubSim::start(clock.clone()).await.unwrap();
        let repo = github.create("acme/flows").await.unwrap();
        Self { clock, github, repo }
    }

    /// The same with one commit on `main`, which has `n8n/invoice.json` and `README.md`.
    pub async fn with_a_file() -> Self {
        let world = Self::new().await;
        let files: [(&str, Option<&[u8]>); 2] = [("n8n/invoice.json", Some(b"{}")), ("README.md", Some(b"# flows\n"))];
        world.repo.commit("main", "Ada Lovelace", "Add the invoice flow", &files).await.unwrap();
        world.github.forget_requests();
        world
    }

    pub fn settings(&self) -> Settings {
        self.settings_with(Credentials::Token(SecretString::from(self.github.token())))
    }

    pub fn settings_with(&self, credentials: Credentials) -> Settings {
        Settings {
            timeouts: quick(),
            allow_private: true,
            ..Settings::new(self.github.url().parse().unwrap(), "acme", "flows", credentials)
        }
    }

    pub fn client(&self) -> Github {
        self.client_of(&self.settings())
    }

    pub fn client_of(&self, settings: &Settings) -> Github {
        Github::new(settings, self.clock.clone()).unwrap()
    }

    pub fn client_with_token(&self, token: &str) -> Github {
        self.client_of(&self.settings_with(Credentials::Token(SecretString::from(token.to_owned()))))
    }

    /// The statuses and targets that were asked for so far.
    pub fn asked(&self) -> Vec<(u16, String)> {
        self.github.requests().into_iter().map(|seen| (seen.status, seen.target)).collect()
    }
}

/// No pause between repetitions, nor between writes.
pub fn quick() -> Timeouts {
    Timeouts { retry_pause: Duration::ZERO, write_pause: Duration::ZERO, ..Timeouts::default() }
}

/// The failure's kind and message, once it is sure that it holds no token.
pub fn said<T: std::fmt::Debug>(result: Result<T, Failure>) -> (drift_domain::failure::FailureKind, String) {
    let failure = result.unwrap_err();
    assert_eq!(failure.side, Side::Desired);
    assert!(!failure.message.contains("ghp_") && !failure.message.contains("ghs_"), "{failure}");
    assert!(failure.message.ends_with('.'), "{failure}");
    (failure.kind, failure.message)
}
