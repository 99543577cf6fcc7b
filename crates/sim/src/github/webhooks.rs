//! Webhooks: what GitHub tells others about a push, signed, and how that goes wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::answers::{self, Site};
use super::git::{Commit, Signature};
use super::{Error, Hub, Repository, shapes};

/// What becomes of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deliveries {
    /// Each arrives once.
    #[default]
    Once,
    /// Each arrives twice under one id, as after a redelivery.
    Twice,
    /// None arrives, though each is listed and can be redelivered.
    Lost,
    /// None is sent until somebody asks with [`Hook::redeliver`].
    OnRequest,
}

/// One delivery, as the hook's page lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `X-GitHub-Delivery`: a redelivery keeps it.
    pub id: Uuid,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The signed bytes.
    pub payload: Bytes,
    /// The statuses answered so far; 0 for no answer within ten seconds.
    pub answers: Vec<u16>,
}

struct State {
    mode: Deliveries,
    log: Vec<Delivery>,
}

/// A webhook of every repository of the stand-in, for every event that it has. A clone is the same hook.
#[derive(Clone)]
pub struct Hook {
    url: String,
    secret: String,
    state: Arc<Mutex<State>>,
    client: reqwest::Client,
}

impl Hook {
    pub(crate) fn new(url: &str, secret: &str) -> Result<Self, Error> {
        // GitHub gives a receiver ten seconds, and follows no redirect.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .user_agent("GitHub-Hookshot/0000000")
            .build()
            .map_err(Error::Http)?;
        let state = Arc::new(Mutex::new(State { mode: Deliveries::Once, log: Vec::new() }));
        Ok(Self { url: url.to_owned(), secret: secret.to_owned(), state, client })
    }

    /// From now on, deliveries go this way.
    pub fn deliver(&self, mode: Deliveries) {
        self.lock().mode = mode;
    }

    /// The deliveries so far, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.lock().log.clone()
    }

    /// Sends a delivery again, under the same id.
    ///
    /// # Errors
    /// No delivery of that id.
    pub async fn redeliver(&self, id: Uuid) -> Result<(), Error> {
        let delivery = self.lock().log.iter().find(|delivery| delivery.id == id).cloned();
        self.send(&delivery.ok_or(Error::NoDelivery(id))?, true).await;
        Ok(())
    }

    /// Sends everything that was held back, in the order in which it happened or the other way round.
    pub async fn release(&self, newest_first: bool) {
        let mut held: Vec<Delivery> = self.lock().log.iter().filter(|d| d.answers.is_empty()).cloned().collect();
        if newest_first {
            held.reverse();
        }
        for delivery in held {
            self.send(&delivery, true).await;
        }
    }

    pub(crate) async fn emit(&self, id: Uuid, event: &str, payload: &Value, signed: bool) {
        let payload = Bytes::from(payload.to_string());
        let delivery = Delivery { id, event: event.to_owned(), payload, answers: Vec::new() };
        let mode = {
            let mut state = self.lock();
            state.log.push(delivery.clone());
            state.mode
        };
        let times = match mode {
            Deliveries::Once => 1,
            Deliveries::Twice => 2,
            Deliveries::Lost | Deliveries::OnRequest => 0,
        };
        for _ in 0..times {
            self.send(&delivery, signed).await;
        }
    }

    async fn send(&self, delivery: &Delivery, signed: bool) {
        let mut request = self
            .client
            .post(&self.url)
            .header("Accept", "*/*")
            .header("Content-Type", "application/json")
            .header("X-GitHub-Delivery", delivery.id.to_string())
            .header("X-GitHub-Event", &delivery.event)
            .header("X-GitHub-Hook-ID", "1")
            .header("X-GitHub-Hook-Installation-Target-ID", "1")
            .header("X-GitHub-Hook-Installation-Target-Type", "repository")
            .body(delivery.payload.clone());
        if signed {
            request = request.header("X-Hub-Signature-256", sign(&self.secret, &delivery.payload));
        }
        let status = match request.send().await {
            Ok(response) => response.status().as_u16(),
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "a webhook delivery of the GitHub stand-in got no answer");
                0
            }
        };
        if let Some(delivery) = self.lock().log.iter_mut().find(|known| known.id == delivery.id) {
            delivery.answers.push(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `X-Hub-Signature-256` of a payload.
#[must_use]
pub fn sign(secret: &str, payload: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(payload);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// What changed on a branch.
pub(crate) struct Push<'p> {
    pub(crate) repository: &'p Repository,
    pub(crate) reference: String,
    /// Forty zeros for a new branch.
    pub(crate) before: String,
    /// Forty zeros for a removed one.
    pub(crate) after: String,
    pub(crate) forced: bool,
    pub(crate) pusher: (&'p str, &'p str),
}

/// The SHA that stands for nothing.
pub(crate) const ZEROS: &str = "0000000000000000000000000000000000000000";

impl Push<'_> {
    /// The payload, with at most 20 commits as GitHub's.
    pub(crate) async fn payload(&self, hub: &Hub) -> Result<Value, Error> {
        let web = hub.base();
        let site = Site { api: web.clone(), web: web.clone() };
        let full_name = self.repository.full_name();
        let (name, email) = self.pusher;
        let mut commits = Vec::new();
        if self.after != ZEROS {
            let mut log = self.repository.git.log(&self.after, None, 0, 20).await?;
            let known = log.iter().position(|commit| commit.sha == self.before);
            log.truncate(known.unwrap_or(1));
            log.reverse();
            for commit in &log {
                let touched = self.repository.git.touched(&commit.sha).await?;
                commits.push(listed(commit, &touched, &format!("{web}/{full_name}/commit/{}", commit.sha)));
            }
        }
        let login = answers::login(name);
        Ok(json!({
            "ref": self.reference,
            "before": self.before,
            "after": self.after,
            "created": self.before == ZEROS,
            "deleted": self.after == ZEROS,
            "forced": self.forced,
            "base_ref": null,
            "compare": format!("{web}/{full_name}/compare/{:.12}...{:.12}", self.before, self.after),
            "head_commit": commits.last(),
            "commits": commits,
            "repository": shapes::repository(&site, self.repository, None),
            "pusher": { "name": login, "email": email },
            "sender": shapes::account(&site, &login, "User"),
        }))
    }
}

fn listed(commit: &Commit, [added, removed, modified]: &[Vec<String>; 3], url: &str) -> Value {
    let person = |signature: &Signature| json!({ "name": signature.name, "email": signature.email, "username": answers::login(&signature.name) });
    json!({
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": true,
        "message": commit.message,
        "timestamp": commit.committer.date,
        "url": url,
        "author": person(&commit.author),
        "committer": person(&commit.committer),
        "added": added,
        "removed": removed,
        "modified": modified,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn signed_as_in_githubs_documentation() {
        // The example of "Validating webhook deliveries": secret, payload and signature as printed there.
        let signature = super::sign("It's a Secret to Everybody", b"Hello, World!");
        assert_eq!(signature, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    }
}
