//! What each step is told when it is planned, and what it leaves when it is taken: the shapes of `request` and `result`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use drift_domain::fingerprint::Fingerprint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What `GIT_BLOB` is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Blob {
    /// The file, from the root of the repository.
    pub path: String,
}

/// What `GIT_COMMIT` is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Commit {
    /// The branch that it goes to in the end.
    pub target: String,
    /// The branch of its own.
    pub branch: String,
    /// The folder that the environment reads.
    pub folder: String,
    /// What becomes of which file.
    pub files: Vec<FileChange>,
    /// The workflows whose live content goes to Git, as they were when that was planned.
    pub live: Vec<Expected>,
    /// The whole message.
    pub message: String,
    /// Who decided.
    pub author: (String, String),
    /// The date of the commit: the plan's, so that it is the same commit however often it is made.
    pub date: DateTime<Utc>,
}

/// What becomes of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FileChange {
    /// From the root of the repository.
    pub path: String,
    /// The blob that is there, by its SHA; `None`: nothing is.
    pub before: Option<String>,
    /// The step that stores what will be there; `None`: the file is removed.
    pub step: Option<i32>,
}

/// A workflow as it was when something was planned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Expected {
    /// n8n's id.
    pub id: String,
    /// What it was: see [`standing`]; `None`: there was none, or it was archived.
    pub standing: Option<Fingerprint>,
}

/// What `GIT_PULL` is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pull {
    pub title: String,
    pub body: String,
}

/// What `GIT_CONTAINS` is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Contains {
    /// The commit that takes the place of both sides.
    pub commit: String,
    /// The ref that the environment follows.
    pub reference: String,
}

/// What a step in n8n is told.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OnWorkflow {
    /// n8n's id; `None`: the workflow that an earlier step of the same change creates.
    pub id: Option<String>,
    /// What the workflow must be for the first step to touch it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<Expected>,
    /// For `N8N_WRITE`: what the workflow's content must be just before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Fingerprint>,
    /// For `N8N_PUBLISH`: whether it should be in service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// For `N8N_TAGS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// For `N8N_VERIFY`: what Git's ids of workflows are here.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub ids: HashMap<String, String>,
}

/// What the steps in Git leave for those after them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct GitLeft {
    /// What is said of it.
    #[serde(default)]
    pub said: String,
    /// The blob of `GIT_BLOB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// The commit that the new one follows: chosen once, before anything is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Git has all of it already: nothing is to be proposed or merged.
    #[serde(default)]
    pub nothing: bool,
    /// The pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A merge that GitHub carries out in the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The merge waits in GitHub's queue.
    #[serde(default)]
    pub queued: bool,
    /// The ways to merge that the repository refused.
    #[serde(default)]
    pub refused_methods: u8,
}

/// What the steps in n8n leave for those after them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct N8nLeft {
    /// What is said of it.
    #[serde(default)]
    pub said: String,
    /// The id of the workflow that was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Reads a stored request or result.
pub(super) fn read<T: DeserializeOwned>(stored: &Value) -> Result<T, drift_store::StoreError> {
    serde_json::from_value(stored.clone()).map_err(drift_store::StoreError::corrupt)
}

/// Writes one down.
pub(super) fn write(step: &impl Serialize) -> Value {
    serde_json::to_value(step).unwrap_or_default()
}

/// What a workflow is, of an answer of n8n: everything that a person may have looked at, nothing that moves by itself.
/// `None` for a workflow that is archived, which counts as absent.
pub(super) fn standing(answer: &[u8]) -> Option<Fingerprint> {
    let workflow: Value = serde_json::from_slice(answer).ok()?;
    if workflow["isArchived"] == true {
        return None;
    }
    let mut tags: Vec<&str> =
        workflow["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
    tags.sort_unstable();
    let published = &workflow["activeVersion"];
    Some(print(&json!({
        "content": content(&workflow), "active": workflow["active"], "tags": tags,
        "published": [published["nodes"], published["connections"]],
    })))
}

/// What a workflow's content is, whatever its tags and whether it is in service.
pub(super) fn content_of(answer: &[u8]) -> Option<Fingerprint> {
    serde_json::from_slice(answer).ok().map(|workflow| print(&content(&workflow)))
}

fn content(workflow: &Value) -> Value {
    json!({
        "name": workflow["name"], "description": workflow["description"], "nodes": workflow["nodes"],
        "connections": workflow["connections"], "settings": workflow["settings"],
    })
}

fn print(value: &Value) -> Fingerprint {
    // A value has no keys that are not text, and no numbers that JSON has not: this does not fail.
    drift_engine::raw_fingerprint(&serde_json_canonicalizer::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &Value) -> Option<Fingerprint> {
        standing(value.to_string().as_bytes())
    }

    #[test]
    fn a_workflow_stands_as_it_did_until_somebody_touches_it() {
        let before = json!({
            "id": "1", "name": "w", "active": true, "nodes": [{ "name": "a" }], "connections": {}, "settings": {},
            "tags": [{ "id": "7", "name": "b" }, { "id": "8", "name": "a" }], "updatedAt": "then", "staticData": null,
            "activeVersion": { "nodes": [{ "name": "a" }], "connections": {} },
        });
        let mut runs = before.clone();
        runs["staticData"] = json!({ "lastId": 4 });
        runs["updatedAt"] = json!("now");
        runs["tags"].as_array_mut().unwrap().reverse();
        assert_eq!(of(&before), of(&runs), "running moves nothing");
        for (key, value) in [
            ("name", json!("other")),
            ("active", json!(false)),
            ("nodes", json!([])),
            ("settings", json!({ "timezone": "UTC" })),
            ("tags", json!([])),
            ("description", json!("what for")),
            ("activeVersion", json!({ "nodes": [], "connections": {} })),
        ] {
            let mut touched = before.clone();
            touched[key] = value;
            assert_ne!(of(&before), of(&touched), "{key}");
        }
        let mut archived = before.clone();
        archived["isArchived"] = json!(true);
        assert_eq!(of(&archived), None);
    }
}
