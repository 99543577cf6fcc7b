//! What a person reads in a diff: origins, secrets, line by line, summaries.

use drift_domain::change::Origin;
use drift_engine::{Base, ChangeKind, Limits, Workflow, diff, origin, parse, redact_both};
use serde_json::{Value, json};

fn read(value: &Value) -> Workflow {
    parse(value.to_string().as_bytes(), &Limits::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn base() -> Value {
    json!({
        "id": "w", "name": "Orders", "active": true, "settings": {"executionOrder": "v1"}, "tags": [],
        "nodes": [
            {"id": "a0000000-0000-4000-8000-000000000001", "name": "Hook", "type": "n8n-nodes-base.webhook", "typeVersion": 2,
             "position": [0, 0], "parameters": {"path": "orders"}, "webhookId": "w1"},
            {"id": "a0000000-0000-4000-8000-000000000002", "name": "Work", "type": "n8n-nodes-base.code", "typeVersion": 2,
             "position": [200, 0], "parameters": {"jsCode": "const a = 1;\nconst b = 2;\nreturn [a + b];\n"}},
            {"id": "a0000000-0000-4000-8000-000000000003", "name": "Store", "type": "n8n-nodes-base.postgres", "typeVersion": 2,
             "position": [400, 0], "parameters": {"query": "insert into t values ({{ $('Work').item.json.x }})"},
             "credentials": {"postgres": {"id": "c1", "name": "Main"}}},
        ],
        "connections": {
            "Hook": {"main": [[{"node": "Work", "type": "main", "index": 0}]]},
            "Work": {"main": [[{"node": "Store", "type": "main", "index": 0}]]},
        },
    })
}

/// The base with something changed.
fn with(change: impl FnOnce(&mut Value)) -> Workflow {
    let mut value = base();
    change(&mut value);
    read(&value)
}

#[test]
fn each_change_says_which_side_moved() {
    let live = with(|w| {
        w["nodes"][1]["parameters"]["jsCode"] = json!("return 'live';");
        w["settings"]["timezone"] = json!("Europe/Berlin");
        w["nodes"][2]["name"] = json!("Save");
        w["connections"]["Work"]["main"][0][0]["node"] = json!("Save");
    });
    let desired = with(|w| {
        w["nodes"][1]["parameters"]["jsCode"] = json!("return 'git';");
        w["nodes"][0]["parameters"]["path"] = json!("orders-v2");
        w["active"] = json!(false);
    });
    let base = read(&base());
    let diff = diff(&live, &desired).with_origins(&live, &desired, &base);
    let origins: Vec<_> = diff
        .drift()
        .map(|c| {
            format!("{:?} {} {}", c.kind, c.path.last().map(ToString::to_string).unwrap_or_default(), c.origin.unwrap())
        })
        .collect();
    assert_eq!(
        origins,
        [
            "WorkflowModified active UNDEPLOYED",
            "WorkflowModified timezone HOTFIX",
            "NodeModified path UNDEPLOYED",
            "NodeModified jsCode COLLISION",
            "NodeRenamed name HOTFIX",
        ]
    );
    let prints = [&base, &live, &desired].map(Workflow::prints);
    let of = |live, desired| origin(Base::Content(&prints[0]), live, desired);
    assert_eq!(of(Some(&prints[1]), Some(&prints[0])), Origin::Hotfix);
    assert_eq!(of(Some(&prints[0]), Some(&prints[2])), Origin::Undeployed);
    assert_eq!(of(Some(&prints[1]), Some(&prints[2])), Origin::Collision);
    assert_eq!(of(None, Some(&prints[0])), Origin::Hotfix);
    assert_eq!(origin(Base::Absent, None, Some(&prints[0])), Origin::Undeployed);
    assert_eq!(origin(Base::Absent, Some(&prints[0]), None), Origin::Hotfix);
    assert_eq!(origin(Base::Unknown, Some(&prints[1]), Some(&prints[2])), Origin::Unknown);
}

#[test]
fn a_rename_is_one_change_and_expressions_follow() {
    let live = with(|w| {
        w["nodes"][1]["name"] = json!("Compute");
        w["nodes"][1]["id"] = json!("b0000000-0000-4000-8000-000000000009");
        w["nodes"][2]["parameters"]["query"] = json!("insert into t values ({{ $('Compute').item.json.x }})");
        let work = w["connections"].as_object_mut().unwrap().remove("Work").unwrap();
        w["connections"]["Compute"] = work;
        w["connections"]["Hook"]["main"][0][0]["node"] = json!("Compute");
    });
    let diff = diff(&live, &read(&base()));
    let drift: Vec<_> = diff.drift().map(|c| (c.kind, c.node.as_deref())).collect();
    assert_eq!(drift, [(ChangeKind::NodeRenamed, Some("Work"))]);
    assert_eq!(diff.summary().text, "1 node renamed");
    assert!(diff.traits().only_labels());
}

#[test]
fn a_new_node_under_the_name_of_a_renamed_one_is_another_node() {
    // Work was renamed and a new Work stands in its place: what Store reads is now something else.
    let live = with(|w| {
        w["nodes"][1]["name"] = json!("Old work");
        let mut new = w["nodes"][1].clone();
        new["name"] = json!("Work");
        new["id"] = json!("b0000000-0000-4000-8000-000000000007");
        new["parameters"]["jsCode"] = json!("return [];");
        w["nodes"].as_array_mut().unwrap().push(new);
    });
    let diff = diff(&live, &read(&base()));
    let has = |kind, node| diff.drift().any(|c| c.kind == kind && c.node.as_deref() == Some(node));
    assert!(has(ChangeKind::NodeRenamed, "Work") && has(ChangeKind::NodeAdded, "Work"), "{diff}");
    assert!(has(ChangeKind::NodeModified, "Store"), "{diff}");
}

#[test]
fn secrets_show_as_changed_and_never_in_clear() {
    let secrets = ["hunter2-Old", "hunter2-New", "tok-0ld-1234567890", "tok-n3w-1234567890", "s4me-for-both-sides"];
    let side = |password: &str, token: &str| {
        with(|w| {
            let parameters = &mut w["nodes"][0]["parameters"];
            parameters["password"] = json!(password);
            parameters["headers"] = json!({"parameters": [
                {"name": "Authorization", "value": format!("Bearer {token}")}, {"name": "X-Api-Key", "value": secrets[4]},
            ]});
            parameters["jsCode"] = json!(format!(
                "const a = 1;\nconst apiKey = '{token}';\nconst keep = 'https://u:{}@h/';\n",
                secrets[4]
            ));
            parameters["url"] = json!(format!("https://user:{password}@host.invalid/x"));
        })
    };
    let (live, desired) = (side(secrets[1], secrets[3]), side(secrets[0], secrets[2]));
    let diff = diff(&live, &desired);
    let json = serde_json::to_string(&diff).unwrap();
    let (a, b) = redact_both(&live, &desired);
    let added = serde_json::to_string(&drift_engine::diff(
        &live,
        &with(|w| drop(w["nodes"].as_array_mut().unwrap().remove(0))),
    ))
    .unwrap();
    for (what, text) in
        [("json", json.clone()), ("text", diff.to_string()), ("sides", format!("{a}{b}")), ("added", added)]
    {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {what}: {text}");
        }
    }
    let paths: Vec<_> =
        diff.drift().map(|c| c.path.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")).collect();
    assert_eq!(
        paths,
        ["parameters.headers.parameters.0.value", "parameters.jsCode", "parameters.password", "parameters.url"]
    );
    for change in diff.drift() {
        assert!(change.redacted && change.live != change.desired, "{change:?}");
    }
    // The line that holds the secret shows as changed, by its labels.
    assert_eq!(diff.changes[1].line_diff[0].lines.iter().filter(|l| l.text.contains("apiKey")).count(), 2);
    // The secret that both sides share has one label.
    let labels =
        |v: &Value| v["nodes"].as_array().unwrap()[0]["parameters"]["headers"]["parameters"][1]["value"].clone();
    assert_eq!(labels(&a), labels(&b));
}

#[test]
fn the_text_says_what_a_person_wants_to_know() {
    let live = with(|w| {
        w["nodes"][1]["parameters"]["jsCode"] = json!("const a = 1;\nconst b = 3;\nreturn [a + b];\n");
        w["nodes"][2]["credentials"]["postgres"] = json!({"id": "c2", "name": "Replica"});
        w["nodes"][2]["disabled"] = json!(true);
        w["nodes"][0]["position"] = json!([16, 32]);
        w["active"] = json!(false);
        w["updatedAt"] = json!("2026-01-01");
    });
    let diff = diff(&live, &read(&base()));
    insta::assert_snapshot!(diff, @r#"
    Orders: 2 nodes changed; deactivated
    ~ active
        desired: true
        live:    false
    ~ node "Work" parameters.jsCode
        @@ desired line 1, live line 1
          const a = 1;
        - const b = 2;
        + const b = 3;
          return [a + b];
    ~ node "Store" credentials.postgres
        desired: {"name":"Main"}
        live:    {"name":"Replica"}
    ~ node "Store" disabled
        desired: false
        live:    true
      (only on the canvas: "Hook")
      (differs and is ignored: 1 server, 1 credential-id)
    "#);
    let traits = diff.traits();
    assert!(
        traits.code && traits.credentials && traits.disabled && traits.deactivated && !traits.trigger && !traits.nodes
    );
    assert!(!traits.only_labels());
}

#[test]
fn the_json_can_be_read_back() {
    let live = with(|w| {
        w["nodes"][1]["parameters"]["jsCode"] = json!("return 1;");
        w["nodes"][2]["position"] = json!([1, 2]);
    });
    let diff = diff(&live, &read(&base())).with_origins(&live, &read(&base()), &read(&base()));
    let text = serde_json::to_string(&diff).unwrap();
    assert_eq!(serde_json::from_str::<drift_engine::Diff>(&text).unwrap(), diff);
    let prints = live.prints();
    let text = serde_json::to_string(&prints).unwrap();
    assert_eq!(serde_json::from_str::<drift_engine::Prints>(&text).unwrap(), prints);
    assert!(text.len() < 500, "{} bytes", text.len());
}

#[test]
fn environments_are_equal_in_any_order() {
    let (one, two) = (read(&base()).prints(), with(|w| w["active"] = json!(false)).prints());
    let of = |list: &[(&str, &drift_engine::Prints)]| drift_engine::environment_fingerprint(list.iter().copied());
    assert_eq!(of(&[("a", &one), ("b", &two)]), of(&[("b", &two), ("a", &one)]));
    assert_ne!(of(&[("a", &one), ("b", &two)]), of(&[("a", &two), ("b", &one)]));
    assert_ne!(of(&[("a", &one)]), of(&[("a", &one), ("b", &one)]));
}
