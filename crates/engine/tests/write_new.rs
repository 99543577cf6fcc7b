//! Files that were not there: what they hold, how they look, and what they are called.

#[expect(dead_code, reason = "only the workflows are needed here")]
mod common;

use common::fixtures;
use drift_engine::write::{Named, Writing, file_name, path_template, secrets, write};
use drift_engine::{Limits, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

fn new(content: &Value, siblings: &[&[u8]]) -> String {
    // Whatever else is built along: a feature of serde_json keeps the order as written.
    let mut content = content.clone();
    content.sort_all_objects();
    let content = content.to_string();
    let writing = Writing { content: content.as_bytes(), existing: None, siblings, ids: &|_| None };
    let written = write(&writing, &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(written.changed);
    let [file, wanted] = [&written.bytes, content.as_bytes()].map(|bytes| parse(bytes, &Limits::default()).unwrap());
    assert!(file.prints().agree(&wanted.prints()));
    String::from_utf8(written.bytes).unwrap()
}

/// As n8n's API gives it.
fn live() -> Value {
    json!({
        "id": "wf1", "name": "Orders", "active": true, "description": "", "isArchived": false, "versionId": "v1",
        "activeVersionId": "v1", "createdAt": "2026-11-01T00:00:00.000Z", "updatedAt": "2026-11-01T00:00:00.000Z",
        "nodes": [{"id": "n1", "name": "Start", "type": "n8n-nodes-base.manualTrigger", "typeVersion": 1, "position": [0, 16],
            "parameters": {}, "credentials": {"key": {"id": "live-1", "name": "Key"}}}],
        "connections": {}, "settings": {"executionOrder": "v1", "binaryMode": "separate"}, "staticData": {"x": 1},
        "pinData": {"Start": [{"json": {}}]}, "meta": {"a": 1}, "tags": [{"id": "t1", "name": "shop"}], "nodeGroups": [],
        "shared": [], "activeVersion": {"versionId": "v1"}, "triggerCount": 1,
    })
}

#[test]
fn the_first_file_of_a_repository() {
    // Keys of objects are sorted here as the test's JSON has them; n8n's order is kept as it comes.
    let expected = r#"{
  "id": "wf1",
  "name": "Orders",
  "active": true,
  "nodes": [
    {
      "credentials": {
        "key": {
          "id": "live-1",
          "name": "Key"
        }
      },
      "id": "n1",
      "name": "Start",
      "parameters": {},
      "position": [
        0,
        16
      ],
      "type": "n8n-nodes-base.manualTrigger",
      "typeVersion": 1
    }
  ],
  "connections": {},
  "settings": {
    "executionOrder": "v1"
  },
  "tags": [
    {
      "name": "shop"
    }
  ]
}
"#;
    assert_eq!(new(&live(), &[]), expected);
}

#[test]
fn a_file_looks_like_its_siblings() {
    // Source control: no active, no tags, its own order of keys and of nodes' keys, tabs, no end of the last line.
    let sibling = "{\n\t\"name\": \"Other\",\n\t\"owner\": {},\n\t\"nodes\": [\n\t\t{\n\t\t\t\"parameters\": {},\n\t\t\t\"name\": \"A\",\n\t\t\t\"type\": \"t\",\n\t\t\t\"credentials\": { \"key\": { \"id\": \"repo-1\", \"name\": \"Key\" } },\n\t\t\t\"position\": [1, 2]\n\t\t}\n\t],\n\t\"connections\": {},\n\t\"settings\": {},\n\t\"versionId\": \"v\"\n}";
    let odd = "not a workflow";
    let file = new(&live(), &[sibling.as_bytes(), odd.as_bytes()]);
    let expected = "{\n\t\"id\": \"wf1\",\n\t\"name\": \"Orders\",\n\t\"nodes\": [\n\t\t{\n\t\t\t\"parameters\": {},\n\t\t\t\"name\": \"Start\",\n\t\t\t\"type\": \"n8n-nodes-base.manualTrigger\",\n\t\t\t\"typeVersion\": 1,\n\t\t\t\"credentials\": {\n\t\t\t\t\"key\": { \"id\": \"repo-1\", \"name\": \"Key\" }\n\t\t\t},\n\t\t\t\"position\": [0, 16]\n\t\t}\n\t],\n\t\"connections\": {},\n\t\"settings\": { \"executionOrder\": \"v1\" }\n}";
    assert_eq!(file, expected);
    let compact = json!({"id": "o", "name": "Other", "active": true, "nodes": [], "connections": {}, "tags": ["bare"]})
        .to_string();
    let file = new(&live(), &[compact.as_bytes(), compact.as_bytes(), sibling.as_bytes()]);
    assert!(!file.contains(['\n', '\t']) && file.contains(r#""tags":["shop"]"#), "{file}");
}

#[test]
fn the_repositorys_id_is_taken_where_it_has_one() {
    let content = live().to_string();
    let ids = |id: &str| (id == "wf1").then(|| "repo-wf".to_owned());
    let writing = Writing { content: content.as_bytes(), existing: None, siblings: &[], ids: &ids };
    let file = write(&writing, &Limits::default()).unwrap().bytes;
    assert_eq!(parse(&file, &Limits::default()).unwrap().id(), Some("repo-wf"));
}

/// Any workflow, beside any others.
#[test]
fn every_workflow_has_a_file() {
    let all: Vec<_> = fixtures().into_iter().map(|(_, workflow)| workflow).collect();
    let texts: Vec<_> = all.iter().map(|workflow| serde_json::to_string_pretty(workflow).unwrap()).collect();
    for (i, workflow) in all.iter().enumerate() {
        let siblings: Vec<_> = texts.iter().skip(i + 1).take(3).map(String::as_bytes).collect();
        let file = new(workflow, &siblings);
        for never in ["\"pinData\"", "\"staticData\"", "\"updatedAt\":", "\"versionId\":", "\"meta\":"] {
            assert!(!file.contains(&format!("\n  {never}")), "{never} in {file}");
        }
    }
}

/// Of workflows that people published, one holds something that nobody should: a signature that its service checks.
#[test]
fn ordinary_workflows_raise_no_alarm() {
    let alarms: Vec<_> = fixtures()
        .iter()
        .flat_map(|(name, workflow)| {
            let places = secrets(workflow.to_string().as_bytes(), None, &Limits::default()).unwrap();
            places.into_iter().map(move |place| format!("{name}: {place}"))
        })
        .collect();
    let header = "parameters › options › responseHeaders › entries › 0 › value";
    assert_eq!(alarms, [format!("0033.json: node \"Respond to Webhook\", {header}")]);
}

#[test]
fn a_name_becomes_a_path() {
    let path = |template: &str, name: &str| file_name(template, Some("aB1"), name);
    assert_eq!(path("{slug}.json", "Send mail, twice a day!"), "send-mail-twice-a-day.json");
    assert_eq!(path("workflows/{name}.json", "Send mail"), "workflows/Send mail.json");
    assert_eq!(path("w/{slug}-{id}/workflow.json", "Été à Köln"), "w/été-à-köln-aB1/workflow.json");
    assert_eq!(path("{name}.json", "a/b\\c:d"), "a-b-c-d.json");
    assert_eq!(path("{name}.json", "../../etc/passwd"), "-..-etc-passwd.json");
    assert_eq!(path("{name}.json", " .. "), "workflow.json");
    assert_eq!(path("{slug}.json", "🎉"), "workflow.json");
    assert_eq!(path("{name}.json", "con"), "con-.json");
    assert_eq!(path("{name}.json", "{id}"), "{id}.json", "a name is no template");
    assert_eq!(file_name("{id}.json", None, "My flow"), "my-flow.json");
    assert!(path("{name}.json", &"é".repeat(500)).len() < 200);
}

#[test]
fn a_template_is_what_most_files_follow() {
    let named = |path, id, name| Named { path, id: Some(id), name };
    let template = |files: &[Named<'_>]| path_template(files);
    assert_eq!(template(&[]), "{slug}.json");
    assert_eq!(template(&[named("f/ab12.json", "ab12", "One"), named("f/cd34.json", "cd34", "Two")]), "f/{id}.json");
    assert_eq!(template(&[named("My one.json", "a", "My one"), named("Two.json", "b", "Two")]), "{name}.json");
    assert_eq!(template(&[named("one.json", "a", "one"), named("My-two.json", "b", "My two")]), "{slug}.json");
    let packages = [named("w/one-a1/workflow.json", "a1", "One"), named("w/two-b2/workflow.json", "b2", "Two")];
    assert_eq!(template(&packages), "w/{slug}-{id}/workflow.json");
    // Named by hand: the folder that most are in.
    let by_hand = [named("x/mail.json", "a", "Send mail"), named("x/poll.json", "b", "Ask"), named("y.json", "c", "Z")];
    assert_eq!(template(&by_hand), "x/{slug}.json");
    // An id that happens to be part of a word is none.
    assert_eq!(template(&[named("f1/other.json", "1", "Else")]), "f1/{slug}.json");
}

proptest! {
    /// Whatever a workflow is called, its file stays in its folder and has a name.
    #[test]
    fn no_name_gets_out_of_its_folder(id in any::<Option<String>>(), name: String) {
        for template in ["w/{name}.json", "w/{id}.json", "w/{slug}.json"] {
            let path = file_name(template, id.as_deref(), &name);
            let inner = path.strip_prefix("w/").and_then(|path| path.strip_suffix(".json")).unwrap();
            prop_assert!(!inner.is_empty() && !inner.contains(['/', '\\', '\0']) && !inner.starts_with('.'), "{path}");
            prop_assert!(path.len() < 140);
        }
    }

    /// Files that follow a template give it.
    #[test]
    fn a_template_is_found_again(names in prop::collection::hash_set("[A-Z][a-z]{2,8}( [a-z]{2,8}){1,2}", 3..8), which in 0..4_usize) {
        let template = ["a/{slug}.json", "{name}.json", "b/{id}.json", "{slug}-{id}/workflow.json"][which];
        let ids: Vec<_> = (0..names.len()).map(|i| format!("Id{i}x9")).collect();
        let paths: Vec<_> = names.iter().zip(&ids).map(|(name, id)| file_name(template, Some(id), name)).collect();
        let named = |((name, id), path): ((&'_ String, &'_ String), &'_ String)| (name.clone(), id.clone(), path.clone());
        let all: Vec<_> = names.iter().zip(&ids).zip(&paths).map(named).collect();
        let files: Vec<_> = all.iter().map(|(name, id, path)| Named { path, id: Some(id), name }).collect();
        prop_assert_eq!(path_template(&files), template);
    }
}
