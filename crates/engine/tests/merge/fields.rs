//! The rules for what is of the workflow itself, and for secrets.

use drift_domain::views::MergeSide;
use drift_engine::{Choices, Merge, Workflow};
use serde_json::{Value, json};

use crate::held::{agree, choose, merged, read, try_merge};

/// As n8n's API has it, with some fields.
fn api(fields: Value) -> Workflow {
    let mut whole = json!({
        "id": "w", "name": "One", "active": true, "isArchived": false, "description": "what", "tags": [{"name": "a"}],
        "settings": {"executionOrder": "v1"}, "connections": {},
        "nodes": [{"id": "1", "name": "A", "type": "t", "parameters": {}}, {"id": "2", "name": "B", "type": "t", "parameters": {}}],
    });
    whole.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
    read(&whole.to_string())
}

fn keys(merge: &Merge) -> Vec<&str> {
    merge.conflicts.iter().map(|c| c.key.as_str()).collect()
}

fn json_of(workflow: &Workflow) -> Value {
    serde_json::from_slice(&workflow.canonical_json()).unwrap()
}

#[test]
fn each_field_is_taken_from_who_moved_it_and_asked_where_both_did() {
    for (key, one, other) in [
        ("name", json!("Two"), json!("Three")),
        ("description", json!("this"), json!("that")),
        ("tags", json!([{"name": "a"}, {"name": "b"}]), json!([{"name": "c"}])),
        ("nodeGroups", json!([{"name": "g", "nodeIds": ["1"]}]), json!([{"name": "h", "nodeIds": ["2"]}])),
    ] {
        let (base, live, desired) = (api(json!({})), api(json!({ key: one })), api(json!({ key: other })));
        assert!(agree(&merged(Some(&base), &live, &base), &live));
        assert!(agree(&merged(Some(&base), &base, &desired), &desired));
        assert!(agree(&merged(Some(&base), &live, &live), &live));
        let merge = try_merge(Some(&base), &live, &desired, &Choices::new());
        // Groups are not known to be none where a format does not name them.
        assert_eq!(
            (keys(&merge), merge.conflicts[0].sides.len()),
            (vec![key], if key == "nodeGroups" { 2 } else { 3 })
        );
        for (side, whole) in [(MergeSide::Live, &live), (MergeSide::Desired, &desired)] {
            let merge = try_merge(Some(&base), &live, &desired, &choose(side, [key]));
            assert!(agree(&merge.merged.unwrap(), whole));
        }
    }
    let (base, off) = (api(json!({})), api(json!({"active": false, "isArchived": true})));
    assert!(agree(&merged(Some(&base), &base, &off), &off));
    assert!(agree(&merged(Some(&base), &off, &base), &off));
}

#[test]
fn what_a_format_does_not_carry_is_not_touched_by_it() {
    let base = api(json!({}));
    let live = api(json!({"active": false, "tags": [], "description": "new"}));
    // Source control: neither active nor tags.
    let mut git = json_of(&api(json!({"name": "Two", "owner": {}})));
    git.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "active" | "tags" | "description"));
    let git = read(&git.to_string());
    for (live, desired) in [(&live, &git), (&git, &live)] {
        let merged = merged(Some(&base), live, desired);
        assert_eq!((merged.name(), merged.active(), merged.description()), ("Two", Some(false), Some("new")));
        assert_eq!(merged.tags(), Some(&[][..]));
    }
    // Where the base does not say, what differs is asked, and the base is no answer.
    let merge = try_merge(Some(&git), &live, &api(json!({"name": "Two"})), &choose(MergeSide::Base, ["tags"]));
    let asked: Vec<_> = merge.conflicts.iter().map(|c| (c.key.as_str(), c.sides.len(), c.base.is_none())).collect();
    assert_eq!(asked, [("active", 2, true), ("description", 2, true), ("tags", 2, true)]);
}

#[test]
fn files_kept_by_hand_say_inactive_by_leaving_it_out() {
    let file = |active: Value| {
        let mut file = json!({"name": "One", "nodes": [], "connections": {}});
        file.as_object_mut().unwrap().extend(active.as_object().cloned().unwrap());
        read(&file.to_string())
    };
    let (active, left_out) = (file(json!({"active": true})), file(json!({})));
    assert_eq!(merged(Some(&active), &left_out, &active).active(), None);
    assert_eq!(merged(Some(&left_out), &left_out, &active).active(), Some(true));
}

#[test]
fn settings_are_merged_key_by_key() {
    let with = |settings: Value| api(json!({ "settings": settings }));
    let base = with(json!({"executionOrder": "v1", "timezone": "UTC", "callerIds": "a,b", "gone": 1}));
    let live = with(
        json!({"executionOrder": "v1", "timezone": "Europe/Lisbon", "callerIds": "b, a", "binaryMode": "separate"}),
    );
    let desired =
        with(json!({"executionOrder": "v1", "timezone": "UTC", "callerIds": "a,b", "executionTimeout": 60, "gone": 2}));
    let settings = json_of(&merged(Some(&base), &live, &desired))["settings"].clone();
    assert_eq!(
        settings,
        json!({"executionOrder": "v1", "timezone": "Europe/Lisbon", "callerIds": "b, a",
        "binaryMode": "separate", "executionTimeout": 60, "gone": 2})
    );
    // Left out is set to its default.
    let unset = with(json!({"executionOrder": "v1"}));
    assert_eq!(json_of(&merged(Some(&base), &unset, &base))["settings"], json!({"executionOrder": "v1", "gone": 1}));
    let merge = try_merge(Some(&base), &unset, &live, &Choices::new());
    assert_eq!(keys(&merge), ["setting:timezone"]);
    let shown = |lines: &Option<Vec<String>>| lines.as_ref().map(|l| l.join("\n"));
    assert_eq!(shown(&merge.conflicts[0].live).as_deref(), Some("\"DEFAULT\""));
    assert_eq!(shown(&merge.conflicts[0].base).as_deref(), Some("\"UTC\""));
    let picked = try_merge(Some(&base), &unset, &live, &choose(MergeSide::Live, ["setting:timezone"])).merged.unwrap();
    assert_eq!(json_of(&picked)["settings"]["timezone"], Value::Null);
}

#[test]
fn groups_hold_the_nodes_of_the_result() {
    let grouped = |ids: Value, name: &str, node_ids: [&str; 2]| {
        let [a, b] = node_ids;
        api(json!({"nodeGroups": [{"id": "g", "name": name, "nodeIds": ids}], "nodes": [
            {"id": a, "name": "A", "type": "t.a", "parameters": {}}, {"id": b, "name": "B", "type": "t.b", "parameters": {}}]}))
    };
    let (base, live) = (grouped(json!(["1", "2"]), "old", ["1", "2"]), grouped(json!(["x", "y"]), "old", ["x", "y"]));
    let desired = grouped(json!(["1", "2"]), "new", ["1", "2"]);
    let both = json_of(&merged(Some(&base), &live, &desired));
    assert_eq!(
        (&both["nodeGroups"][0]["name"], &both["nodeGroups"][0]["nodeIds"]),
        (&json!("new"), &json!(["x", "y"]))
    );
    let mut removed = json_of(&base);
    removed["nodes"].as_array_mut().unwrap().remove(1);
    let removed = read(&removed.to_string());
    assert_eq!(keys(&try_merge(Some(&base), &removed, &desired, &Choices::new())), ["nodeGroups"]);
    let merge = try_merge(Some(&base), &removed, &desired, &choose(MergeSide::Desired, ["nodeGroups"]));
    let picked = json_of(&merge.merged.unwrap());
    assert_eq!((&picked["nodeGroups"][0]["name"], &picked["nodeGroups"][0]["nodeIds"]), (&json!("new"), &json!(["1"])));
}

#[test]
fn no_secret_is_told() {
    // Put together so that no scanner of repositories takes them for real ones.
    let [token, password, header, name] = [
        format!("ghp_{}", "a1B2".repeat(9)),
        "hunter2-and-more".to_owned(),
        "zz-top-0815".to_owned(),
        format!("sk-{}", "q7W3".repeat(6)),
    ];
    let side = |n: usize| {
        let headers = json!([{"name": "X-Api-Key", "value": format!("{header}{n}")}]);
        let called = format!("Call {name}");
        read(&json!({
            "id": "w", "name": format!("One {token}{n}"), "active": true, "description": format!("password = '{password}{n}'"),
            "settings": {"timezone": format!("Bearer {token}{n}"), "apiKey": format!("{password}{n}")},
            "nodes": [
                {"name": called, "type": "t.a", "parameters": {"url": format!("https://u:{password}{n}@h/"), "headers": headers}},
                {"name": "B", "type": "t.b", "parameters": {"password": format!("{password}{n}"), "same": format!("Bearer {token}")}},
                {"name": "C", "type": "t.c", "parameters": {"x": format!("={{{{ $('{called}').x }}}}")}},
            ],
            "connections": {called: {"main": [[{"node": if n == 0 { "B" } else { "C" }, "type": "main", "index": n}]]}},
        }).to_string())
    };
    let [base, live, desired] = [0, 1, 2].map(side);
    for base in [None, Some(&base)] {
        let merge = try_merge(base, &live, &desired, &Choices::new());
        let told = serde_json::to_string(&(&merge.conflicts, &merge.parts)).unwrap();
        for secret in [&token, &password, &header, &name] {
            assert!(!told.contains(secret.as_str()), "{secret}: {told}");
        }
        assert_eq!(merge.conflicts.len(), 7, "{:?}", keys(&merge));
        assert!(merge.conflicts.iter().filter(|c| c.key.starts_with("node:")).all(|c| c.redacted), "{told}");
        // Equal secrets of the three sides have one label, different ones have two.
        let node = merge.conflicts.iter().find(|c| c.title == "Node “B”").unwrap();
        let line = |lines: &Option<Vec<String>>, key: &str| {
            lines.as_ref().unwrap().iter().find(|l| l.contains(key)).cloned().unwrap()
        };
        assert_eq!(line(&node.live, "same"), line(&node.desired, "same"));
        assert_ne!(line(&node.live, "password"), line(&node.desired, "password"));
    }
}
