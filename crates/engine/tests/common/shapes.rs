//! What nobody wrote as a workflow, made at random.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON, with keys that the rules know among the others.
pub fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("main".to_owned()),
        Just("A".to_owned()),
        Just("B".to_owned()),
        Just("={{ $('A').item.json.x }}".to_owned()),
        Just("11111111-1111-4111-8111-111111111111".to_owned()),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "id",
                "name",
                "type",
                "node",
                "index",
                "main",
                "parameters",
                "credentials",
                "__rl",
                "value",
                "cachedResultName",
                "assignments",
                "conditions",
                "position",
                "webhookId",
                "password",
                "A",
                "B",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|m| Value::Object(Map::from_iter(m))),
        ]
    })
}

/// A node with the fields that matter, each of which may be anything.
pub fn any_node() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just(json!("A")), Just(json!("B")), Just(json!("")), any_json()];
    let id = prop_oneof![
        Just(json!("11111111-1111-4111-8111-111111111111")),
        Just(json!("n1")),
        Just(Value::Null),
        any_json()
    ];
    let kind = prop_oneof![
        Just(json!("t")),
        Just(json!("n8n-nodes-base.stickyNote")),
        Just(json!("n8n-nodes-base.executeWorkflow"))
    ];
    (name, id, kind, any_json(), any_json(), any_json()).prop_map(|(name, id, kind, parameters, credentials, other)| {
        json!({"name": name, "id": id, "type": kind, "parameters": parameters, "credentials": credentials,
               "webhookId": other, "position": other, "onError": other})
    })
}

/// A workflow of such nodes.
pub fn any_workflow() -> impl Strategy<Value = Value> {
    (prop::collection::vec(any_node(), 0..6), any_json(), any_json(), any_json()).prop_map(|(nodes, a, b, c)| {
        let object = |v: Value| if v.is_object() { v } else { json!({}) };
        json!({"name": a, "nodes": nodes, "connections": object(b.clone()), "settings": object(c.clone()),
               "active": a, "tags": b, "description": c, "nodeGroups": b, "id": c, "activeVersion": a, "versionId": "1"})
    })
}
