//! The rules of writing a file, one by one, to the byte.

#[path = "common/orders.rs"]
mod orders;

use drift_engine::Limits;
use drift_engine::write::{Existing, Writing, write};
use orders::{FILE, SAME, changes, live, put, written};
use serde_json::{Value, json};

fn changed(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut content = live();
    edit(&mut content);
    changes(FILE, &written(&content, FILE))
}

#[test]
fn what_agrees_stays_to_the_byte() {
    let same = put(&live(), FILE.as_bytes());
    assert!(!same.changed);
    assert_eq!(same.bytes, FILE.as_bytes());
}

#[test]
fn one_field_is_one_line() {
    let url = changed(|w| w["nodes"][1]["parameters"]["url"] = json!("https://example.invalid/ü"));
    assert_eq!(
        url,
        [
            r#"-        "url": "https://example.invalid/\u00e9","#,
            r#"+        "url": "https://example.invalid/\u00fc","#
        ]
    );
    assert_eq!(
        changed(|w| w["nodes"][1]["disabled"] = json!(true)),
        ["-      }", "+      },", r#"+      "disabled": true"#]
    );
    assert_eq!(
        changed(|w| w["nodes"][0]["disabled"] = json!(true)),
        [r#"-      "disabled": false"#, r#"+      "disabled": true"#]
    );
    assert_eq!(changed(|w| w["active"] = json!(true)), [r#"-  "active": false,"#, r#"+  "active": true,"#]);
    let option = changed(|w| w["nodes"][1]["parameters"]["options"] = json!({"timeout": 5}));
    assert_eq!(option, [r#"-        "options": {}"#, r#"+        "options": { "timeout": 5 }"#]);
}

#[test]
fn what_the_file_lacks_is_put_in_where_it_belongs() {
    let settings = changed(|w| w["settings"] = json!({"executionOrder": "v1", "binaryMode": "separate"}));
    assert_eq!(settings, [r#"+  "settings": { "executionOrder": "v1" },"#]);
    // The file carries no description and no archive: they are unknown, not different.
    assert_eq!(changed(|w| w["description"] = json!("what it does")), [] as [&str; 0]);
    assert_eq!(
        changed(|w| w["tags"] = json!([{"id": "t2", "name": "new"}, {"id": "t1", "name": "shop"}])),
        [r#"-  "tags": ["shop"]"#, r#"+  "tags": ["shop", "new"]"#]
    );
}

#[test]
fn a_renamed_node_stays_and_its_connections_follow() {
    let renamed = changed(|w| {
        w["nodes"][1]["name"] = json!("Fetch orders");
        w["connections"]["Start"]["main"][0][0]["node"] = json!("Fetch orders");
        w["connections"]["Fetch orders"] = json!({"main": [[{"node": "Start", "type": "main", "index": 0}]]});
    });
    // The test's JSON is sorted, so the new source comes first.
    assert_eq!(
        renamed,
        [
            r#"-      "name": "Fetch","#,
            r#"+      "name": "Fetch orders","#,
            r#"+    "Fetch orders": {"#,
            r#"+      "main": ["#,
            "+        [",
            r#"+          { "index": 0, "node": "Start", "type": "main" }"#,
            "+        ]",
            "+      ]",
            "+    },",
            r#"-          { "node": "Fetch", "type": "main", "index": 0 }"#,
            r#"+          { "node": "Fetch orders", "type": "main", "index": 0 }"#,
        ]
    );
    let source = changed(|w| {
        w["nodes"][0]["name"] = json!("Begin");
        w["connections"] = json!({"Begin": w["connections"]["Start"].clone()});
    });
    assert_eq!(
        source,
        [r#"-      "name": "Start","#, r#"+      "name": "Begin","#, r#"-    "Start": {"#, r#"+    "Begin": {"#,]
    );
}

#[test]
fn another_end_of_a_connection_is_its_own_line() {
    let ends = changed(|w| {
        let end = &mut w["connections"]["Start"]["main"][0][0];
        (end["index"], end["type"]) = (json!(1), json!("ai_tool"));
    });
    assert_eq!(
        ends,
        [
            r#"-          { "node": "Fetch", "type": "main", "index": 0 }"#,
            r#"+          { "node": "Fetch", "type": "ai_tool", "index": 1 }"#
        ]
    );
    let two = changed(|w| {
        let more = json!({"node": "Start", "type": "main", "index": 0});
        w["connections"]["Start"]["main"][1].as_array_mut().unwrap().push(more);
    });
    assert_eq!(two.len(), 3, "{two:?}");
    // The source goes with its only connection.
    let none = changed(|w| w["connections"] = json!({}));
    assert_eq!(
        (none.first().unwrap().as_str(), none.last().unwrap().as_str()),
        ("-  \"connections\": {", "+  \"connections\": {},")
    );
}

#[test]
fn a_new_node_comes_behind_the_one_before_it_and_one_that_is_gone_goes() {
    let added = changed(|w| {
        let new = json!({"name": "Wait", "type": "n8n-nodes-base.wait", "id": "33333333-3333-4333-8333-333333333333",
            "typeVersion": 1, "position": [100, 0], "parameters": {"amount": 1}});
        w["nodes"].as_array_mut().unwrap().insert(1, new);
    });
    assert_eq!(
        added,
        [
            r#"+      "parameters": { "amount": 1 },"#,
            r#"+      "id": "33333333-3333-4333-8333-333333333333","#,
            r#"+      "name": "Wait","#,
            r#"+      "type": "n8n-nodes-base.wait","#,
            r#"+      "typeVersion": 1,"#,
            r#"+      "position": [100, 0]"#,
            "+    },",
            "+    {",
        ]
    );
    let mut without = live();
    without["nodes"].as_array_mut().unwrap().remove(0);
    without["connections"] = json!({});
    let file = written(&without, FILE);
    assert!(
        file.contains("\"nodes\": [\n    {\n      \"parameters\": {\n") && file.contains("\"connections\": {},\n"),
        "{file}"
    );
}

#[test]
fn credentials_keep_the_ids_of_the_repository() {
    let other = |id: &str, name: &str| json!({"httpHeaderAuth": {"id": id, "name": name}});
    let swapped = changed(|w| w["nodes"][1]["credentials"] = other("live-2", "Other key"));
    assert_eq!(
        swapped,
        [
            r#"-        "httpHeaderAuth": { "id": "repo-1", "name": "Shop key" }"#,
            r#"+        "httpHeaderAuth": { "id": "live-2", "name": "Other key" }"#,
        ]
    );
    // Known from elsewhere in the file, and from a sibling.
    let second = |w: &mut Value, name: &str| {
        w["nodes"][0]["credentials"] = other("live-1", name);
        w["nodes"][1].as_object_mut().unwrap().remove("credentials");
    };
    let moved = changed(|w| second(w, "Shop key"));
    assert!(
        moved.iter().any(|line| line.contains(r#""httpHeaderAuth": { "id": "repo-1", "name": "Shop key" }"#)),
        "{moved:?}"
    );
    let mut content = live();
    second(&mut content, "Other key");
    let sibling = FILE.replace("Shop key", "Other key").replace("repo-1", "repo-2");
    let content = content.to_string();
    let writing = Writing {
        content: content.as_bytes(),
        existing: Some(Existing { bytes: FILE.as_bytes(), position: 0 }),
        siblings: &[b"{", sibling.as_bytes()],
        ids: SAME,
    };
    let file = String::from_utf8(write(&writing, &Limits::default()).unwrap().bytes).unwrap();
    assert!(file.contains(r#""httpHeaderAuth": { "id": "repo-2", "name": "Other key" }"#), "{file}");
}

#[test]
fn cosmetics_and_sticky_notes_come_only_with_drift() {
    let note = json!({"id": "n", "name": "Note", "type": "n8n-nodes-base.stickyNote", "position": [9, 9],
        "typeVersion": 1, "parameters": {"content": "Why"}});
    let noted = |w: &mut Value| w["nodes"].as_array_mut().unwrap().push(note.clone());
    assert_eq!(changed(noted), [] as [&str; 0]);
    let both = changed(|w| {
        noted(w);
        w["nodes"][0]["notes"] = json!("here it begins");
    });
    assert!(both.iter().any(|line| line.contains("Why")), "{both:?}");
    assert!(!both.iter().any(|line| line.contains("16")), "positions stay: {both:?}");
}

#[test]
fn data_of_running_workflows_and_bookkeeping_are_never_written() {
    let mut content = live();
    content["nodes"][1]["parameters"]["url"] = json!("https://example.invalid/other");
    let file = written(&content, FILE);
    for never in ["lastId", "updatedAt", "v9", "live-1", "t1"] {
        assert!(!file.contains(never), "{never} in {file}");
    }
    assert!(file.contains(r#""pinData": { "Start": [{ "json": { "kept": true } }] }"#));
    assert!(file.contains(r#""meta": { "instanceId": "of-another" }"#));
}

/// A file that fits on one line, with a parameter that is spelt so.
fn one_line(parameter: &str) -> String {
    format!(
        r#"{{ "name": "One", "nodes": [{{ "name": "N", "type": "t", "parameters": {parameter} }}], "connections": {{}} }}"#
    )
}

#[test]
fn what_is_new_is_spelt_as_the_rest() {
    let put = |file: &str, parameters: Value| {
        let content =
            json!({"name": "One", "nodes": [{"name": "N", "type": "t", "parameters": parameters}], "connections": {}});
        written(&content, &one_line(file))
    };
    // As Go, as PHP, as Python escape, and as n8n does, which is not at all.
    let new = json!({"a": "x", "b": "<é/>"});
    assert_eq!(put(r#"{"a": "\u003cb"}"#, new.clone()), one_line(r#"{"a": "x", "b": "\u003cé/\u003e"}"#));
    assert_eq!(put(r#"{"a": "c\/d"}"#, new.clone()), one_line(r#"{"a": "x", "b": "<é\/>"}"#));
    assert_eq!(put(r#"{"a": "\u00fc"}"#, new.clone()), one_line(r#"{"a": "x", "b": "<\u00e9/>"}"#));
    assert_eq!(put(r#"{"a": "\u00fc <ü/>"}"#, new), one_line(r#"{"a": "x", "b": "<é/>"}"#));
    // The spaces within brackets stay with them, whichever element goes or comes.
    assert_eq!(put(r#"{"a": [1, 2, 3]}"#, json!({"a": [2, 3]})), one_line(r#"{"a": [2, 3]}"#));
    assert_eq!(put(r#"{"a": [2, 3]}"#, json!({"a": [1, 2, 3]})), one_line(r#"{"a": [1, 2, 3]}"#));
    assert_eq!(put(r#"{"a": [ 1, 3 ]}"#, json!({"a": [1, 2, 3, 4]})), one_line(r#"{"a": [ 1, 2, 3, 4 ]}"#));
    assert_eq!(put(r#"{"b": 1, "a": 2}"#, json!({"a": 2})), one_line(r#"{"a": 2}"#));
    assert_eq!(put(r#"{"b": [ 1 ], "a": 2}"#, json!({"a": 2, "b": []})), one_line(r#"{"b": [], "a": 2}"#));
}
