//! A workflow as a file has it and as n8n gives it, and what a write changes in the file.

use drift_engine::Limits;
use drift_engine::write::{Existing, Writing, Written, write};
use serde_json::{Value, json};

/// Ids of other workflows are the same on both sides.
pub const SAME: &dyn Fn(&str) -> Option<String> = &|_| None;

/// The text of a value with its keys in order, whatever else is built along (a feature of serde_json keeps the order as written).
pub fn sorted(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// Writes content into a file of one workflow.
pub fn put(content: &Value, file: &[u8]) -> Written {
    let content = sorted(content);
    let existing = Some(Existing { bytes: file, position: 0 });
    write(&Writing { content: content.as_bytes(), existing, siblings: &[], ids: SAME }, &Limits::default()).unwrap()
}

/// The file once the content is in it.
pub fn written(content: &Value, file: &str) -> String {
    String::from_utf8(put(content, file.as_bytes()).bytes).unwrap()
}

/// A file as people keep it: its own order of keys, defaults written out, positions on one line.
pub const FILE: &str = r#"{
  "name": "Orders",
  "meta": { "instanceId": "of-another" },
  "nodes": [
    {
      "parameters": {},
      "id": "11111111-1111-4111-8111-111111111111",
      "name": "Start",
      "type": "n8n-nodes-base.manualTrigger",
      "typeVersion": 1.0,
      "position": [0, 0],
      "disabled": false
    },
    {
      "parameters": {
        "url": "https://example.invalid/\u00e9",
        "options": {}
      },
      "id": "22222222-2222-4222-8222-222222222222",
      "name": "Fetch",
      "type": "n8n-nodes-base.httpRequest",
      "typeVersion": 4.2,
      "position": [200, 0],
      "credentials": {
        "httpHeaderAuth": { "id": "repo-1", "name": "Shop key" }
      }
    }
  ],
  "connections": {
    "Start": {
      "main": [
        [
          { "node": "Fetch", "type": "main", "index": 0 }
        ]
      ]
    }
  },
  "pinData": { "Start": [{ "json": { "kept": true } }] },
  "active": false,
  "id": "wf1",
  "tags": ["shop"]
}
"#;

/// The same workflow as n8n's API gives it.
pub fn live() -> Value {
    json!({
        "id": "wf1", "name": "Orders", "active": false, "versionId": "v9", "updatedAt": "2026-11-01T00:00:00.000Z",
        "nodes": [
            {"id": "11111111-1111-4111-8111-111111111111", "name": "Start", "type": "n8n-nodes-base.manualTrigger",
             "typeVersion": 1, "position": [16, 16], "parameters": {}},
            {"id": "22222222-2222-4222-8222-222222222222", "name": "Fetch", "type": "n8n-nodes-base.httpRequest",
             "typeVersion": 4.2, "position": [208, 0], "parameters": {"url": "https://example.invalid/é"},
             "credentials": {"httpHeaderAuth": {"id": "live-1", "name": "Shop key"}}},
        ],
        "connections": {"Start": {"main": [[{"node": "Fetch", "type": "main", "index": 0}], []]}},
        "settings": {"callerPolicy": "workflowsFromSameOwner"}, "staticData": {"lastId": 7}, "pinData": {},
        "tags": [{"id": "t1", "name": "shop", "createdAt": "2026-01-01T00:00:00.000Z"}], "meta": null,
    })
}

/// The lines that one text has and the other has not: `-` of the file before, `+` of the file now.
pub fn changes(old: &str, new: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(old, new);
    let changed = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    changed.map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches('\n'))).collect()
}
