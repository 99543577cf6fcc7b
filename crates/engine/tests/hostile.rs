//! Input that nobody wrote as a workflow: an error or a workflow, never a panic, and nothing that depends on chance.

use drift_engine::{Limits, diff, parse, parse_file, redact};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn any_json() -> impl Strategy<Value = Value> {
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
fn any_node() -> impl Strategy<Value = Value> {
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

fn any_workflow() -> impl Strategy<Value = Value> {
    (prop::collection::vec(any_node(), 0..6), any_json(), any_json(), any_json()).prop_map(|(nodes, a, b, c)| {
        let object = |v: Value| if v.is_object() { v } else { json!({}) };
        json!({"name": a, "nodes": nodes, "connections": object(b.clone()), "settings": object(c.clone()),
               "active": a, "tags": b, "description": c, "nodeGroups": b, "id": c, "activeVersion": a, "versionId": "1"})
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        let _ = parse(&bytes, &Limits::default());
        let _ = parse_file(&bytes, &Limits::default());
    }

    #[test]
    fn any_json_is_answered(value in any_json()) {
        let text = value.to_string();
        let _ = parse(text.as_bytes(), &Limits::default());
        if let Ok(all) = parse_file(text.as_bytes(), &Limits::default()) {
            for workflow in all.into_iter().flatten() {
                let _ = (workflow.prints(), workflow.ignored(), redact(&workflow));
            }
        }
    }

    /// The invariant between fingerprints and diff holds for what no tool would write.
    #[test]
    fn anything_in_the_shape_of_a_workflow_is_compared(a in any_workflow(), b in any_workflow()) {
        let read = |v: &Value| parse(v.to_string().as_bytes(), &Limits::default()).expect("a workflow");
        let (a, b) = (read(&a), read(&b));
        for (live, desired) in [(&a, &b), (&b, &a), (&a, &a)] {
            let diff = diff(live, desired);
            prop_assert_eq!(diff.equal, live.prints().agree(&desired.prints()), "{}", diff);
            let _ = (diff.summary(), diff.traits(), diff.to_string());
        }
        prop_assert!(diff(&a, &a).equal);
        let again = parse(&a.canonical_json(), &Limits::default()).expect("a workflow");
        prop_assert_eq!(&again, &a);
        prop_assert_eq!(again.prints(), a.prints());
    }

    /// Small differences are where an invariant breaks: two workflows that share most of their nodes.
    #[test]
    fn near_misses_are_compared(a in any_workflow(), node in any_node(), at in 0..6_usize, twice: bool) {
        let mut b = a.clone();
        if let Some(nodes) = b["nodes"].as_array_mut() {
            if at < nodes.len() {
                nodes[at] = node.clone();
            } else {
                nodes.push(node.clone());
            }
            if twice {
                nodes.push(node);
            }
            nodes.reverse();
        }
        let read = |v: &Value| parse(v.to_string().as_bytes(), &Limits::default()).expect("a workflow");
        let (a, b) = (read(&a), read(&b));
        for (live, desired) in [(&a, &b), (&b, &a)] {
            let diff = diff(live, desired);
            prop_assert_eq!(diff.equal, live.prints().agree(&desired.prints()), "{}", diff);
        }
    }
}
