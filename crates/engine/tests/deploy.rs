//! What is made of a file for an instance: once n8n has taken it, it agrees with the file.

#[expect(dead_code, reason = "what was changed is told by what n8n has afterwards")]
mod common;
#[path = "common/shapes.rs"]
mod shapes;

use common::fixtures;
use drift_engine::deploy::{Adapted, Credential, Note, Reference, adapt};
use drift_engine::{Limits, diff, parse};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const SAME: &dyn Fn(&str) -> Option<String> = &|id| Some(id.to_owned());

fn adapted(desired: &Value, live: Option<&Value>, credentials: Option<&[Credential<'_>]>) -> Adapted {
    let live = live.map(Value::to_string);
    let live = live.as_ref().map(String::as_bytes);
    adapt(desired.to_string().as_bytes(), live, SAME, credentials, &Limits::default()).unwrap()
}

/// The value that n8n takes for a setting that is left out.
fn none_of(key: &str) -> Option<Value> {
    Some(match key {
        "executionTimeout" => json!(-1),
        "executionOrder" => json!("v0"),
        "callerPolicy" => json!("workflowsFromSameOwner"),
        "callerIds" => json!(""),
        "availableInMCP" => json!(false),
        "timeSavedMode" => json!("fixed"),
        "customTelemetryTags" => json!([]),
        "timezone" | "errorWorkflow" => json!("DEFAULT"),
        _ => return None,
    })
}

/// What n8n answers once it has taken this: a small model of its PUT and of the calls for tags, archive and publishing, and
/// of the body that is made for them. Settings are merged; ids, webhook ids and credentials that lack one get some.
fn applied(adapted: &Adapted, live: Option<&Value>) -> Value {
    let mut answer = live.and_then(Value::as_object).cloned().unwrap_or_default();
    answer.entry("id").or_insert(json!("on-the-instance"));
    let mut settings = answer.get("settings").and_then(Value::as_object).cloned().unwrap_or_default();
    let sent = adapted.workflow["settings"].as_object().cloned().unwrap_or_default();
    settings.retain(|key, _| sent.contains_key(key) || none_of(key).is_some());
    for (key, value) in &mut settings {
        *value = none_of(key).unwrap_or_default();
    }
    settings.extend(sent.into_iter().filter(|(_, value)| !value.is_null()));
    answer.insert("settings".into(), Value::Object(settings));
    for (key, value) in adapted.workflow.as_object().unwrap().iter().filter(|(key, _)| *key != "settings") {
        answer.insert(key.clone(), value.clone());
    }
    for (i, node) in answer["nodes"].as_array_mut().unwrap().iter_mut().filter_map(Value::as_object_mut).enumerate() {
        let lacks = node.get("id").is_none_or(|id| id.is_null() || id == "");
        if lacks {
            node.insert("id".into(), json!(format!("00000000-0000-4000-8000-{i:012}")));
        }
    }
    for (key, value) in [
        ("active", adapted.active.map(Value::from)),
        ("isArchived", adapted.archived.map(Value::from)),
        ("tags", adapted.tags.as_ref().map(|tags| tags.iter().map(|name| json!({"id": "t", "name": name})).collect())),
    ] {
        value.into_iter().for_each(|value| drop(answer.insert(key.to_owned(), value)));
    }
    for key in ["versionId", "activeVersionId", "activeVersion"] {
        answer.remove(key);
    }
    Value::Object(answer)
}

fn agrees(answer: &Value, desired: &Value) -> Result<(), String> {
    let read = |value: &Value| parse(value.to_string().as_bytes(), &Limits::default()).unwrap();
    let (answer, desired) = (read(answer), read(desired));
    if answer.prints().agree(&desired.prints()) { Ok(()) } else { Err(diff(&answer, &desired).to_string()) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever drifted, what n8n has after a revert agrees with the file.
    #[test]
    fn a_revert_leaves_no_difference(fixture in 0..15_usize, seed: u64, operations in 0..4_usize) {
        let (name, desired) = &fixtures()[fixture];
        let made = common::check::make(desired, seed, operations);
        let mut live: Value = serde_json::from_str(&made.live).unwrap();
        live["id"] = json!("on-the-instance");
        let adapted = adapted(desired, Some(&live), None);
        prop_assert_eq!(agrees(&applied(&adapted, Some(&live)), desired), Ok(()), "{} {:?}", name, made.ops);
        prop_assert!(adapted.workflow.get("pinData").is_none() && adapted.workflow.get("staticData").is_none());
    }

    /// Also of what nobody wrote, over anything, and where nothing was.
    #[test]
    fn anything_can_be_sent(desired in shapes::any_workflow(), live in shapes::any_workflow(), there: bool) {
        let reads = |value: &Value| parse(value.to_string().as_bytes(), &Limits::default()).is_ok();
        prop_assume!(reads(&desired) && reads(&live));
        let mut live = live;
        live["id"] = json!("on-the-instance");
        // What n8n has is in the shape of n8n.
        live["settings"] = json!({"executionOrder": "v1"});
        let live = Some(&live).filter(|_| there);
        let adapted = adapted(&desired, live, None);
        prop_assert_eq!(agrees(&applied(&adapted, live), &desired), Ok(()));
    }
}

/// A workflow with one node, which has these fields too.
fn workflow(node: &Value) -> Value {
    let mut whole =
        json!({"id": "n1", "name": "Call", "type": "n8n-nodes-base.httpRequest", "position": [0, 0], "parameters": {}});
    whole.as_object_mut().unwrap().extend(node.as_object().cloned().unwrap_or_else(Map::new));
    json!({"name": "One", "nodes": [whole], "connections": {}, "settings": {}})
}

fn with_credential(credential: &Value) -> Value {
    workflow(&json!({"credentials": {"httpHeaderAuth": credential}}))
}

const KIND: &str = "httpHeaderAuth";

fn reference(name: &str) -> Reference {
    Reference { node: "Call".to_owned(), kind: KIND.to_owned(), name: name.to_owned() }
}

/// The id that a credential named `Key` gets, and the notes.
fn given(own: &Value, live: Option<&Value>, credentials: Option<&[Credential<'_>]>) -> (Value, Vec<Note>) {
    let live = live.map(with_credential);
    let adapted = adapted(&with_credential(own), live.as_ref(), credentials);
    (adapted.workflow["nodes"][0]["credentials"][KIND].clone(), adapted.notes)
}

#[test]
fn credentials_are_those_of_the_instance() {
    let own = json!({"id": "1", "name": "Key"});
    let one = Credential { id: "L7", name: "Key", kind: KIND };
    let other = Credential { id: "L8", ..one };
    let unlike = [Credential { kind: "httpBasicAuth", ..one }, Credential { name: "key", ..one }];
    let with = |id: &str| json!({"id": id, "name": "Key"});
    // By name and type; the file's id is another instance's.
    assert_eq!(given(&own, None, Some(&[one, unlike[0], unlike[1]])), (with("L7"), vec![]));
    assert_eq!(given(&json!("Key"), None, Some(&[one])), (with("L7"), vec![]), "an old export");
    assert_eq!(given(&json!({"name": "Key"}), None, Some(&[one])), (with("L7"), vec![]));
    // None of that name, or several.
    assert_eq!(given(&own, None, Some(&unlike)), (with(""), vec![Note::CredentialMissing(reference("Key"))]));
    assert_eq!(given(&own, None, Some(&[one, other])), (with(""), vec![Note::CredentialAmbiguous(reference("Key"))]));
    assert_eq!(given(&with("L8"), None, Some(&[one, other])), (with("L8"), vec![]), "the file says which");
    // What the live node has is in use.
    assert_eq!(given(&own, Some(&with("L8")), Some(&[one, other])), (with("L8"), vec![]));
    assert_eq!(given(&own, Some(&with("L9")), None), (with("L9"), vec![]));
    // Live has another one, and the instance does not list any.
    let unchecked = vec![Note::CredentialUnchecked(reference("Key"))];
    assert_eq!(given(&own, Some(&json!({"id": "L9", "name": "Other"})), None), (with(""), unchecked));
    // By its id alone.
    let nameless = json!({"id": "L7"});
    assert_eq!(given(&nameless, None, Some(&[one])), (nameless.clone(), vec![]));
    let missing = vec![Note::CredentialMissing(reference("L9"))];
    assert_eq!(given(&json!({"id": "L9"}), None, Some(&[one])), (json!({"id": "L9"}), missing));
}

#[test]
fn what_the_file_declares_wins_and_live_fills_in() {
    let live = workflow(&json!({"id": "live-id", "webhookId": "live-hook", "position": [5, 5]}));
    let sent = |file: &Value| adapted(file, Some(&live), None).workflow["nodes"][0].clone();
    let declared = sent(&workflow(&json!({"webhookId": "mine"})));
    assert_eq!(
        (&declared["id"], &declared["webhookId"], &declared["position"]),
        (&json!("n1"), &json!("mine"), &json!([0, 0]))
    );
    let mut bare = workflow(&json!({}));
    bare["nodes"][0].as_object_mut().unwrap().retain(|key, _| key != "id" && key != "position");
    let filled = sent(&bare);
    assert_eq!(
        (&filled["id"], &filled["webhookId"], &filled["position"]),
        (&json!("live-id"), &json!("live-hook"), &json!([5, 5]))
    );
    // A renamed node is still that node.
    bare["nodes"][0]["name"] = json!("Call again");
    bare["nodes"][0]["webhookId"] = json!("");
    assert_eq!(sent(&bare)["webhookId"], "live-hook");
    // An id that another node of the file has is not given twice.
    let mut two = bare.clone();
    two["nodes"].as_array_mut().unwrap().push(json!({"id": "live-id", "name": "Other", "type": "t", "parameters": {}}));
    assert_eq!(sent(&two).get("id"), None);
}

#[test]
fn a_webhook_id_is_not_put_in_where_names_are_shared() {
    let twins = |hooks: [&str; 2]| {
        let node = |hook: &str| match hook {
            "" => json!({"name": "Twin", "type": "t", "parameters": {}}),
            hook => json!({"name": "Twin", "type": "t", "parameters": {}, "webhookId": hook}),
        };
        json!({"id": "on-the-instance", "name": "One", "nodes": hooks.map(node), "connections": {}})
    };
    let (file, live) = (twins(["", ""]), twins(["a", "b"]));
    let adapted = adapted(&file, Some(&live), None);
    assert_eq!(agrees(&applied(&adapted, Some(&live)), &file), Ok(()));
}

#[test]
fn ids_of_other_workflows_are_mapped_and_what_has_none_is_said() {
    let file = json!({
        "id": "D0", "name": "Caller", "connections": {}, "active": true, "tags": ["a"], "isArchived": false,
        "settings": {"errorWorkflow": "D2", "callerIds": "D1, D8"}, "pinData": {"Sub": [{}]}, "staticData": {"x": 1},
        "nodes": [
            {"name": "Sub", "type": "n8n-nodes-base.executeWorkflow", "parameters":
                {"workflowId": {"__rl": true, "mode": "list", "value": "D1", "cachedResultUrl": "/workflow/D1"}}},
            {"name": "Gone", "type": "n8n-nodes-base.executeWorkflow", "parameters": {"workflowId": "D9"}},
            {"name": "Computed", "type": "n8n-nodes-base.executeWorkflow", "parameters": {"workflowId": "={{ $json.id }}"}},
        ],
    });
    let ids = |id: &str| ["D1", "D2"].contains(&id).then(|| id.replace('D', "L"));
    let adapted = adapt(file.to_string().as_bytes(), None, &ids, None, &Limits::default()).unwrap();
    let sub = &adapted.workflow["nodes"][0]["parameters"]["workflowId"];
    assert_eq!((&sub["value"], &sub["cachedResultUrl"]), (&json!("L1"), &json!("/workflow/L1")));
    assert_eq!(adapted.workflow["settings"], json!({"errorWorkflow": "L2", "callerIds": "L1,D8"}));
    let missing = |node: Option<&str>, field: &str, id: &str| Note::WorkflowMissing {
        node: node.map(str::to_owned),
        field: field.to_owned(),
        id: id.to_owned(),
    };
    assert_eq!(adapted.notes, [missing(Some("Gone"), "workflowId", "D9"), missing(None, "callerIds", "D8")]);
    assert_eq!(
        adapted.notes[0].to_string(),
        r#"workflowId of node "Gone" names the workflow "D9", which has no counterpart in n8n"#
    );
    assert_eq!(
        (adapted.active, adapted.tags.as_deref(), adapted.archived),
        (Some(true), Some(&["a".to_owned()][..]), Some(false))
    );
    let mut keys: Vec<_> = adapted.workflow.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["connections", "name", "nodes", "settings"]);
    // The mapping is the one that both sides are compared under.
    let parsed = parse(applied(&adapted, None).to_string().as_bytes(), &Limits::default()).unwrap();
    let wanted = parse(file.to_string().as_bytes(), &Limits::default()).unwrap().with_ids(&ids);
    assert!(parsed.prints().agree(&wanted.prints()), "{}", diff(&parsed, &wanted));
}

#[test]
fn what_the_file_does_not_state_is_not_decided() {
    let source_control = json!({"id": "a", "name": "One", "nodes": [], "connections": {}, "owner": {}});
    let adapted = adapted(&source_control, None, None);
    assert_eq!((adapted.active, adapted.tags, adapted.archived), (None, None, None));
    assert!(adapted.workflow.get("description").is_none() && adapted.workflow.get("nodeGroups").is_none());
}

#[test]
fn neither_content_nor_half_a_pair_goes_unseen() {
    let file = br#"{"name":"One","nodes":[{"name":"N","type":"t","parameters":{"password":"hunter2","t":"\ud83d"}}],"connections":{}}"#;
    let adapted = adapt(file, None, SAME, None, &Limits::default()).unwrap();
    assert_eq!(adapted.notes, [Note::BrokenText]);
    assert!(!format!("{adapted:?}").contains("hunter2"));
}
