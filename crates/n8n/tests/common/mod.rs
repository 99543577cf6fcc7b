//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use drift_domain::clock::Clock;
use drift_n8n::{Client, Settings};
use drift_sim::n8n::N8nSim;
use secrecy::SecretString;
use serde_json::{Value, json};

/// A clock that stands still.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 123_456_789).unwrap_or_default()
    }
}

pub fn settings(url: &str, key: &str) -> Settings {
    let mut settings = Settings::new(url.parse().unwrap(), SecretString::from(key.to_owned()), true);
    settings.backoff = Duration::from_millis(1);
    settings
}

pub fn client(url: &str, key: &str) -> Client {
    Client::new(settings(url, key)).unwrap()
}

pub fn client_of(sim: &N8nSim) -> Client {
    client(&sim.url(), &sim.api_key())
}

/// A workflow with a schedule, a webhook and an ordinary node.
pub fn workflow(name: &str) -> Value {
    json!({
        "name": name,
        "nodes": [
            { "parameters": { "rule": { "interval": [{ "field": "hours" }] } }, "id": "11111111-1111-4111-8111-111111111111",
              "name": "Schedule", "type": "n8n-nodes-base.scheduleTrigger", "typeVersion": 1.2, "position": [0, 0] },
            { "parameters": { "jsCode": "return []" }, "id": "22222222-2222-4222-8222-222222222222",
              "name": "Code", "type": "n8n-nodes-base.code", "typeVersion": 2, "position": [220.5, 0] },
        ],
        "connections": { "Schedule": { "main": [[{ "node": "Code", "type": "main", "index": 0 }]] } },
        "settings": { "executionOrder": "v1" },
    })
}

/// The same with a webhook on this path.
pub fn hook(name: &str, path: &str) -> Value {
    let mut body = workflow(name);
    body["nodes"].as_array_mut().unwrap().push(json!({
        "parameters": { "httpMethod": "POST", "path": path, "options": {} }, "id": "33333333-3333-4333-8333-333333333333",
        "name": "Hook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 200], "webhookId": path,
    }));
    body
}

/// The same with a node that uses a credential of this kind.
pub fn using(kind: &str, credential: &Value) -> Value {
    let mut body = workflow("credentials");
    body["nodes"].as_array_mut().unwrap().push(json!({
        "parameters": {
            "url": "https://example.invalid", "authentication": "genericCredentialType", "genericAuthType": kind, "options": {},
        },
        "id": "44444444-4444-4444-8444-444444444444", "name": "HTTP", "type": "n8n-nodes-base.httpRequest",
        "typeVersion": 4.2, "position": [440, 0], "credentials": { kind: credential },
    }));
    body
}
