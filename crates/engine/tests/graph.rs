//! The diff as a graph, by example. That it has every change and every node once, whatever the two sides are, is a property
//! that `mutations.rs` holds.

use drift_domain::views::{NodeKind, Place};
use drift_engine::{Graph, GraphNode, Limits, Presence, Workflow, diff_with_graph, parse};
use serde_json::{Value, json};

fn workflow(nodes: Value, connections: Value) -> Workflow {
    let file = json!({ "name": "W", "nodes": nodes, "connections": connections, "settings": {} });
    parse(file.to_string().as_bytes(), &Limits::default()).unwrap()
}

fn set(id: u32, name: &str, position: [i64; 2], value: &str) -> Value {
    json!({
        "id": format!("00000000-0000-4000-8000-{id:012}"), "name": name, "type": "n8n-nodes-base.set", "typeVersion": 1,
        "position": position, "parameters": { "value": value },
    })
}

fn to(node: &str) -> Value {
    json!({ "main": [[{ "node": node, "type": "main", "index": 0 }]] })
}

fn named<'g>(graph: &'g Graph, name: &str) -> &'g GraphNode {
    graph.nodes.iter().find(|node| node.name == name).unwrap()
}

#[test]
fn what_went_stays_as_a_ghost_and_what_was_renamed_is_one_node() {
    let desired = workflow(
        json!([set(1, "A", [0, 0], "x"), set(2, "Old", [200, 0], "y"), set(3, "Gone", [400, 80], "z")]),
        json!({ "A": to("Old"), "Old": to("Gone") }),
    );
    let live = workflow(
        json!([
            set(1, "A", [0, 40], "x"),
            set(2, "Renamed", [200, 0], "y"),
            set(4, "Fresh", [600, 0], "quite another")
        ]),
        json!({ "A": to("Renamed"), "Renamed": to("Fresh") }),
    );
    let (_, graph) = diff_with_graph(&live, &desired);
    let names: Vec<_> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["A", "Old", "Gone", "Fresh"]);
    assert_eq!(named(&graph, "Old").live_name.as_deref(), Some("Renamed"));
    let gone = named(&graph, "Gone");
    assert_eq!((gone.presence, gone.live, gone.desired), (Presence::Desired, None, Some(Place { x: 400.0, y: 80.0 })));
    assert_eq!(named(&graph, "A").live, Some(Place { x: 0.0, y: 40.0 }), "a moved node has both places");
    assert_eq!(named(&graph, "A").desired, Some(Place { x: 0.0, y: 0.0 }));
    let edges: Vec<_> = graph.edges.iter().map(|e| (e.from_node, e.to_node, e.presence, e.change.is_some())).collect();
    let expected = [
        (Some(0), Some(1), Presence::Both, false),
        (Some(1), Some(2), Presence::Desired, true),
        (Some(1), Some(3), Presence::Live, true),
    ];
    assert_eq!(edges, expected);
}

#[test]
fn kinds_tell_what_a_node_is_for() {
    let node = |name: &str, kind: &str| json!({ "name": name, "type": kind, "parameters": {} });
    let kinds = [
        ("n8n-nodes-base.webhook", NodeKind::Trigger),
        ("n8n-nodes-base.scheduleTrigger", NodeKind::Trigger),
        ("n8n-nodes-base.executeWorkflowTrigger", NodeKind::Trigger),
        ("n8n-nodes-base.if", NodeKind::Branch),
        ("n8n-nodes-base.switch", NodeKind::Branch),
        ("n8n-nodes-base.merge", NodeKind::Branch),
        ("n8n-nodes-base.code", NodeKind::Code),
        ("n8n-nodes-base.executeWorkflow", NodeKind::SubWorkflow),
        ("n8n-nodes-base.stickyNote", NodeKind::Sticky),
        ("n8n-nodes-base.httpRequest", NodeKind::Action),
        ("@n8n/n8n-nodes-langchain.agent", NodeKind::Action),
        ("@n8n/n8n-nodes-langchain.lmChatOpenAi", NodeKind::AiPart),
    ];
    let nodes: Vec<_> = kinds.iter().map(|(kind, _)| node(kind, kind)).collect();
    let model = json!({ "ai_languageModel": [[{
        "node": "@n8n/n8n-nodes-langchain.agent", "type": "ai_languageModel", "index": 0,
    }]] });
    let one = workflow(json!(nodes), json!({ "@n8n/n8n-nodes-langchain.lmChatOpenAi": model }));
    let (_, graph) = diff_with_graph(&one, &one);
    let found: Vec<_> = graph.nodes.iter().map(|node| (node.node_type.as_str(), node.kind)).collect();
    assert_eq!(found, kinds);
}

#[test]
fn places_that_are_none_and_connections_to_nothing_are_told_as_such() {
    let at = |name: &str, position: Value| json!({ "name": name, "type": "n8n-nodes-base.set", "position": position });
    let one = workflow(
        json!([
            at("text", json!(["1", "2"])),
            at("short", json!([1])),
            at("null", Value::Null),
            at("far", json!([-1.5, 1e300])),
        ]),
        json!({ "far": to("nobody") }),
    );
    let (_, graph) = diff_with_graph(&one, &one);
    let places: Vec<_> = graph.nodes.iter().map(|node| node.live).collect();
    assert_eq!(places, [None, None, None, Some(Place { x: -1.5, y: 1e300 })]);
    assert_eq!((graph.edges[0].to.as_str(), graph.edges[0].to_node), ("nobody", None));
}

#[test]
fn no_secret_is_drawn() {
    // Made up, in a form that only a token has.
    let token = format!("ghp_{}", "a1B2c3D4e5".repeat(3) + "f6G7h8");
    let side = |value: &str| {
        let note = json!({
            "name": "Note", "type": "n8n-nodes-base.stickyNote",
            "parameters": { "content": format!("{}Bearer {token}", "long ".repeat(46)), "width": 300 },
        });
        workflow(
            json!([set(1, &format!("call {token}"), [0, 0], value), set(2, "B", [0, 0], ""), note]),
            json!({ "B": to(&format!("call {token}")) }),
        )
    };
    let (found, graph) = diff_with_graph(&side("x"), &side("y"));
    let drawn = format!("{graph:?}");
    assert!(!drawn.contains("a1B2c3") && drawn.contains("secret 1"), "{drawn}");
    assert_eq!(found.changes[0].node.as_deref(), Some(graph.nodes[0].name.as_str()), "one label for one secret");
    let note = graph.nodes[2].sticky.as_ref().unwrap();
    assert_eq!((note.width, note.height, note.text.chars().count()), (Some(300.0), None, 240));
}
