//! What a stand-in holds, and how its ids and times are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use drift_domain::clock::Clock;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Flaw, Mode, N8nVersion, Options, Scope};

/// What the stand-in refuses to do, as n8n refuses it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stand-in for n8n refuses ({status}): {message}")]
pub struct Refusal {
    /// The status that its API answers.
    pub status: u16,
    /// n8n's words.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }
}

pub(super) struct State {
    pub(super) version: N8nVersion,
    pub(super) api_key: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) mode: Mode,
    /// By id, which is the order of the list.
    pub(super) workflows: BTreeMap<String, Workflow>,
    /// In the order they were made.
    pub(super) tags: Vec<Tag>,
    /// In the order they were made.
    pub(super) credentials: Vec<Credential>,
    /// Types of nodes that are not installed.
    pub(super) uninstalled: BTreeSet<String>,
    /// How many requests pass between an answer that something was published or taken out of service, and its being so.
    pub(super) lag: u32,
    /// What it does wrong on purpose.
    pub(super) flaw: Option<Flaw>,
    pub(super) project: String,
    pub(super) user: String,
    pub(super) started: DateTime<Utc>,
    clock: Arc<dyn Clock>,
    last: DateTime<Utc>,
    seed: String,
    made: u64,
    published: u64,
}

pub(super) struct Tag {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
}

/// A credential, without its secrets: they are never answered.
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) created: DateTime<Utc>,
}

/// The part of a workflow that has versions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) nodes: Value,
    pub(super) connections: Value,
    pub(super) groups: Value,
}

#[derive(Clone)]
pub(super) struct Workflow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) content: Content,
    pub(super) settings: Map<String, Value>,
    pub(super) static_data: Value,
    pub(super) pin_data: Value,
    pub(super) meta: Value,
    pub(super) archived: bool,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) version_id: String,
    pub(super) counter: u64,
    pub(super) triggers: u64,
    /// Ids of tags.
    pub(super) tags: Vec<String>,
    pub(super) published: Option<Published>,
    /// Versions that were current once, to publish again.
    pub(super) history: Vec<Version>,
    /// How many requests pass until what was last published or taken out of service is so.
    pub(super) pending: u32,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) content: Content,
    pub(super) at: DateTime<Utc>,
}

#[derive(Clone)]
pub(super) struct Published {
    pub(super) version: Version,
    pub(super) name: Value,
    pub(super) description: Value,
    /// What GET shows as `workflowPublishHistory`.
    pub(super) events: Vec<Value>,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        let now = options.clock.now().trunc_subsecs(3);
        let mut state = Self {
            version: options.version,
            api_key: String::new(),
            scopes: vec![Scope::List, Scope::Read, Scope::Write],
            mode: Mode::Ready,
            workflows: BTreeMap::new(),
            tags: Vec::new(),
            credentials: Vec::new(),
            uninstalled: BTreeSet::new(),
            lag: 1,
            flaw: None,
            project: String::new(),
            user: String::new(),
            started: now,
            clock: options.clock,
            last: now,
            seed: options.seed,
            made: 0,
            published: 0,
        };
        let key = state.uuid();
        state.api_key = options.api_key.unwrap_or_else(|| format!("n8n_api_{}", key.replace('-', "")));
        state.project = state.id();
        state.user = state.uuid();
        state
    }

    pub(super) fn get(&self, id: &str) -> Result<&Workflow, Refusal> {
        self.workflows.get(id).ok_or_else(Refusal::not_found)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Result<&mut Workflow, Refusal> {
        self.workflows.get_mut(id).ok_or_else(Refusal::not_found)
    }

    /// The time now in milliseconds, after every time that was given before.
    pub(super) fn now(&mut self) -> DateTime<Utc> {
        let next = self.last + TimeDelta::milliseconds(1);
        self.last = self.clock.now().trunc_subsecs(3).max(next);
        self.last
    }

    /// The time a change is given: one that moves, unless this stand-in is broken so that it does not.
    pub(super) fn touch(&mut self, id: &str) -> DateTime<Utc> {
        let now = self.now();
        match (self.flaw, self.workflows.get(id)) {
            (Some(Flaw::TimeStandsStill), Some(workflow)) => workflow.updated,
            _ => now,
        }
    }

    fn digest(&mut self) -> [u8; 32] {
        self.made += 1;
        Sha256::digest(format!("{}/{}", self.seed, self.made)).into()
    }

    /// An id as n8n makes them for workflows, tags and projects: 16 letters and digits.
    pub(super) fn id(&mut self) -> String {
        const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        self.digest()[..16].iter().map(|&byte| char::from(LETTERS[usize::from(byte) % 62])).collect()
    }

    /// An id as n8n makes them for nodes, versions and users.
    pub(super) fn uuid(&mut self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.digest()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    pub(super) fn publish_event(&mut self, workflow: &str, version: &str, event: &str) -> Value {
        self.published += 1;
        let at = self.now();
        json!({
            "id": self.published, "workflowId": workflow, "versionId": version, "event": event, "userId": self.user,
            "createdAt": time(at),
        })
    }

    /// The tag of this name, made when there is none.
    pub(super) fn tag(&mut self, name: &str) -> String {
        if let Some(tag) = self.tags.iter().find(|tag| tag.name == name) {
            return tag.id.clone();
        }
        let (id, now) = (self.id(), self.now());
        self.tags.push(Tag { id: id.clone(), name: name.to_owned(), created: now, updated: now });
        id
    }
}

/// A time as n8n writes it.
pub(super) fn time(at: DateTime<Utc>) -> Value {
    Value::String(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
