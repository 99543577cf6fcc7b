//! Writing into every format, what is never written, and what is refused.

#[path = "common/orders.rs"]
mod orders;

use drift_engine::write::{Existing, WriteError, Writing, secrets, write};
use drift_engine::{Limits, diff, parse};
use orders::{FILE, SAME, changes, live, put, written};
use serde_json::{Value, json};

/// As enterprise source control writes it: neither active nor tags, no end of the last line.
#[test]
fn a_format_gets_no_field_that_it_does_not_carry() {
    let mut file = live();
    for key in ["active", "tags", "pinData", "staticData"] {
        file.as_object_mut().unwrap().remove(key);
    }
    file["owner"] = json!({"type": "personal"});
    let file = serde_json::to_string_pretty(&file).unwrap();
    let mut content = live();
    content["active"] = json!(true);
    content["tags"] = json!([{"name": "other"}]);
    assert_eq!(written(&content, &file), file);
    content["name"] = json!("Sales");
    assert_eq!(changes(&file, &written(&content, &file)), [r#"-  "name": "Orders","#, r#"+  "name": "Sales","#]);
}

#[test]
fn between_files_kept_by_hand_leaving_out_means_the_default() {
    let content = json!({"name": "One", "active": true, "nodes": [], "connections": {}});
    let file = "{\n  \"name\": \"One\",\n  \"nodes\": [],\n  \"connections\": {}\n}";
    assert_eq!(changes(file, &written(&content, file)), [r#"+  "active": true,"#]);
    let active = written(&content, file);
    let inactive = json!({"name": "One", "nodes": [], "connections": {}});
    assert_eq!(written(&inactive, &active), file);
}

#[test]
fn one_of_several_is_written_and_the_others_stay() {
    let other = r#"{"nodes":[],"connections":{},"name":"Other","x": 1e2 }"#;
    let one = live();
    let mut content = live();
    content["name"] = json!("Sales");
    for (before, after) in [("[", "]"), ("{\"data\": [", "], \"nextCursor\": null}"), ("\u{feff}[ ", " ]\n")] {
        let file = format!("{before}{other},{one}{after}");
        let text = content.to_string();
        let at = |position| {
            let existing = Some(Existing { bytes: file.as_bytes(), position });
            write(&Writing { content: text.as_bytes(), existing, siblings: &[], ids: SAME }, &Limits::default())
        };
        let expected = file.replace("\"Orders\"", "\"Sales\"");
        assert_eq!(String::from_utf8(at(1).unwrap().bytes).unwrap(), expected);
        assert_eq!(at(2), Err(WriteError::NoSuchPlace { position: 2, count: 2 }));
    }
    let wrapped = json!({"data": live()}).to_string();
    assert_eq!(written(&content, &wrapped), wrapped.replace("\"Orders\"", "\"Sales\""));
}

/// An answer of n8n with a draft: what runs is the published version.
fn drafted() -> Value {
    let mut drafted = live();
    drafted["active"] = json!(true);
    drafted["versionId"] = json!("v2");
    drafted["activeVersionId"] = json!("v1");
    drafted["activeVersion"] =
        json!({"versionId": "v1", "nodes": live()["nodes"], "connections": live()["connections"]});
    drafted["nodes"][1]["parameters"]["url"] = json!("https://example.invalid/draft");
    drafted
}

#[test]
fn a_draft_is_never_written() {
    let mut content = drafted();
    content["activeVersion"]["nodes"][1]["parameters"]["url"] = json!("https://example.invalid/published");
    let file = written(&content, FILE);
    assert!(file.contains("https://example.invalid/published") && !file.contains("draft"), "{file}");
    content.as_object_mut().unwrap().remove("activeVersion");
    let text = content.to_string();
    let existing = Some(Existing { bytes: FILE.as_bytes(), position: 0 });
    let writing = Writing { content: text.as_bytes(), existing, siblings: &[], ids: SAME };
    assert_eq!(write(&writing, &Limits::default()), Err(WriteError::OnlyDraft));
}

#[test]
fn a_file_with_a_draft_is_changed_in_what_runs() {
    let file = serde_json::to_string_pretty(&drafted()).unwrap();
    let mut content = live();
    content["active"] = json!(true);
    assert_eq!(written(&content, &file), file);
    content["nodes"][1]["parameters"]["url"] = json!("https://example.invalid/new");
    let new = written(&content, &file);
    assert_eq!(changes(&file, &new).len(), 2);
    assert!(new.contains("https://example.invalid/draft") && new.contains("https://example.invalid/new"));
    // Out of service, the draft is all there is, so it gets what the content has.
    content["active"] = json!(false);
    let out = written(&content, &file);
    assert!(!out.contains("https://example.invalid/draft") && out.contains("\"active\": false"), "{out}");
}

#[test]
fn ids_of_other_workflows_are_the_repositorys() {
    let calling = |called: &str, error: &str, callers: &str| {
        json!({
            "id": "x", "name": "Caller", "connections": {}, "settings": {"errorWorkflow": error, "callerIds": callers},
            "nodes": [
                {"name": "Sub", "type": "n8n-nodes-base.executeWorkflow", "parameters": {"workflowId":
                    {"__rl": true, "mode": "list", "value": called, "cachedResultUrl": format!("/workflow/{called}")}}},
                {"name": "Tool", "type": "@n8n/n8n-nodes-langchain.toolWorkflow", "parameters": {"workflowId": called}},
            ],
        })
    };
    let ids = |id: &str| id.starts_with('L').then(|| id.replace('L', "D"));
    let put = |content: &Value, file: &str| {
        let content = content.to_string();
        let existing = Some(Existing { bytes: file.as_bytes(), position: 0 });
        let writing = Writing { content: content.as_bytes(), existing, siblings: &[], ids: &ids };
        String::from_utf8(write(&writing, &Limits::default()).unwrap().bytes).unwrap()
    };
    let file = calling("D1", "D2", "D3, D4").to_string();
    assert_eq!(put(&calling("L1", "L2", "L4,L3"), &file), file);
    let new = put(&calling("L7", "L8", "L9,X"), &file);
    assert_eq!(new, calling("D7", "D8", "D9,X").to_string());
}

#[test]
fn groups_of_nodes_name_the_files_ids() {
    let mut file = live();
    file["nodeGroups"] = json!([{"id": "g", "name": "All", "nodes": ["11111111-1111-4111-8111-111111111111"]}]);
    let mut content = file.clone();
    // The ids were made anew, and the second node was taken into the group.
    content["nodes"][0]["id"] = json!("aaaaaaaa-1111-4111-8111-111111111111");
    content["nodes"][1]["id"] = json!("bbbbbbbb-2222-4222-8222-222222222222");
    content["nodeGroups"][0]["nodes"] = json!(["aaaaaaaa-1111-4111-8111-111111111111"]);
    let text = serde_json::to_string_pretty(&file).unwrap();
    assert_eq!(written(&content, &text), text);
    content["nodeGroups"][0]["nodes"] =
        json!(["aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-2222-4222-8222-222222222222"]);
    let new: Value = serde_json::from_str(&written(&content, &text)).unwrap();
    let ids = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
    assert_eq!(new["nodeGroups"][0]["nodes"], json!(ids));
    // A file without ids of nodes gets those that the group needs.
    let mut bare = live();
    bare["nodeGroups"] = json!([]);
    bare["nodes"].as_array_mut().unwrap().iter_mut().for_each(|n| drop(n.as_object_mut().unwrap().remove("id")));
    let new: Value = serde_json::from_str(&written(&content, &bare.to_string())).unwrap();
    assert_eq!(new["nodes"][1]["id"], "bbbbbbbb-2222-4222-8222-222222222222");
}

#[test]
fn what_rust_cannot_hold_is_written_as_it_was() {
    let content = |text: &str| {
        format!(
            r#"{{"id":"x","name":"One","nodes":[{{"name":"N","type":"t","parameters":{{"a":"{text}","n":1.50}}}}],"connections":{{}}}}"#
        )
    };
    let existing = content(r"cut \ud83d");
    let put = |text: &str| {
        let content = content(text);
        let existing = Some(Existing { bytes: existing.as_bytes(), position: 0 });
        let writing = Writing { content: content.as_bytes(), existing, siblings: &[], ids: SAME };
        String::from_utf8(write(&writing, &Limits::default()).unwrap().bytes).unwrap()
    };
    assert_eq!(put(r"put \udc00"), content(r"put \udc00"));
}

#[test]
fn what_cannot_be_read_is_said() {
    let put = |content: &str, file: &str| {
        let existing = Some(Existing { bytes: file.as_bytes(), position: 0 });
        let writing = Writing { content: content.as_bytes(), existing, siblings: &[], ids: SAME };
        write(&writing, &Limits::default()).map(|_| ()).unwrap_err().to_string()
    };
    assert!(put("[1]", FILE).starts_with("what should be written cannot be read: "));
    assert!(put(&live().to_string(), "{").starts_with("the file as it is cannot be read: "));
    assert!(put(&live().to_string(), "[7]").starts_with("the workflow in the file cannot be read: "));
    let deep = format!("{{\"nodes\":[],\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(put(&live().to_string(), &deep).contains("levels deep"));
    assert!(put(&deep, FILE).contains("levels deep"));
}

#[test]
fn neither_content_nor_secrets_show_in_debug() {
    let mut content = live();
    content["nodes"][1]["parameters"]["password"] = json!("hunter2-and-more");
    assert!(!format!("{:?}", put(&content, FILE.as_bytes())).contains("hunter2"));
    let found = secrets(content.to_string().as_bytes(), None, &Limits::default()).unwrap();
    assert!(!format!("{found:?} {}", found[0]).contains("hunter2"));
    assert_eq!(found[0].to_string(), r#"node "Fetch", parameters › password"#);
}

#[test]
fn a_secret_is_news_where_the_file_does_not_have_it() {
    let with = |name: &str, value: &str| {
        let mut content = live();
        content["nodes"][1]["name"] = json!(name);
        content["nodes"][1]["parameters"]["headerParameters"] =
            json!({"parameters": [{"name": "X-Api-Key", "value": value}]});
        content["nodes"][0]["credentials"] = json!({"httpHeaderAuth": {"id": "1", "name": "Key of the token"}});
        content["nodes"][0]["parameters"]["token"] = json!("={{ $json.token }}");
        content["nodes"][0]["notes"] = json!(format!("Bearer {value}"));
        content.to_string()
    };
    let places = |content: &str, file: Option<&str>| {
        let existing = file.map(|file| Existing { bytes: file.as_bytes(), position: 0 });
        let places = secrets(content.as_bytes(), existing, &Limits::default()).unwrap();
        places.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (header, note) =
        (r#"node "Fetch", parameters › headerParameters › parameters › 0 › value"#, r#"node "Start", notes"#);
    let content = with("Fetch", "a1b2c3d4e5f6");
    assert_eq!(places(&content, None), [note, header]);
    assert_eq!(places(&content, Some(FILE)), [note, header]);
    assert_eq!(places(&content, Some(&with("Was called so", "a1b2c3d4e5f6"))), [] as [&str; 0]);
    assert_eq!(places(&content, Some(&with("Fetch", "another1secret"))), [note, header]);
    assert_eq!(places(&with("Fetch", "YOUR_API_KEY"), None), [] as [&str; 0]);
}

/// What a real server gives, where it is at hand: nothing to write between its formats, and one line for one change.
#[test]
fn a_real_servers_formats_are_written_into_each_other() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/facts/n8n-answers/2.41.1");
    if !folder.is_dir() {
        eprintln!("skipped: a_real_servers_formats_are_written_into_each_other (no ../shared/facts/n8n-answers)");
        return;
    }
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    let pretty = read("cli/backup-pretty.json");
    for path in ["cli/separate-compact.json", "n8np/workflows/rich-one-v2-KTJRm5VUVVVOnPEu/workflow.json"] {
        let file = read(path);
        let content: Value = serde_json::from_str(&pretty).unwrap();
        let content = content.get(0).cloned().unwrap_or(content);
        assert_eq!(written(&content, &file), file, "{path}");
        let mut edited = content.clone();
        edited["nodes"][0]["typeVersion"] = json!(9);
        let new = written(&edited, &file);
        assert!(changes(&file, &new).len() == 2, "{path}");
        let limits = Limits::default();
        let [new, edited] = [new, edited.to_string()].map(|text| parse(text.as_bytes(), &limits).unwrap());
        assert!(diff(&new, &edited).equal, "{path}");
    }
}
