//! Connections as a set of edges between ports.

use serde_json::{Map, Value};

use super::{Notes, value};

/// One connection: from an output of a node to an input of another. Nodes are named, as in n8n's JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The name of the source.
    pub source: String,
    /// The kind of port: `main`, or one of the `ai_…` kinds.
    pub port: String,
    /// The output, from 0: on an IF node 0 is true and 1 is false.
    pub output: usize,
    /// The name of the target.
    pub target: String,
    /// The kind of the target's port.
    pub input_kind: String,
    /// The target's input, from 0.
    pub input: u64,
}

/// The edges of a workflow, sorted. What is not in the shape of n8n's connections becomes an edge to its own JSON text,
/// so that it is compared and no shape makes this fail.
pub fn edges(connections: &Map<String, Value>, notes: &mut Notes) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (source, ports) in connections {
        let Value::Object(ports) = ports else {
            odd(source, "", 0, ports, &mut edges);
            continue;
        };
        for (port, slots) in ports {
            let Value::Array(slots) = slots else {
                odd(source, port, 0, slots, &mut edges);
                continue;
            };
            for (output, slot) in slots.iter().enumerate() {
                let before = edges.len();
                slot_edges(source, port, output, slot, &mut edges);
                if edges.len() > before + 1 {
                    notes.note("connection-order");
                }
            }
        }
    }
    edges.sort_unstable();
    edges
}

fn slot_edges(source: &str, port: &str, output: usize, slot: &Value, edges: &mut Vec<Edge>) {
    let Value::Array(targets) = slot else { return odd(source, port, output, slot, edges) };
    for target in targets {
        let (name, input) = (target.get("node").and_then(Value::as_str), input(target));
        let (Some(name), Some(input)) = (name, input) else {
            odd(source, port, output, target, edges);
            continue;
        };
        edges.push(Edge {
            source: source.to_owned(),
            port: port.to_owned(),
            output,
            target: name.to_owned(),
            input_kind: target.get("type").and_then(Value::as_str).unwrap_or(port).to_owned(),
            input,
        });
    }
}

/// The input that a connection ends at: 0 where it is left out, whichever way the number is spelt.
fn input(target: &Value) -> Option<u64> {
    match target.get("index") {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(n)) => value::number(n).as_u64(),
        Some(_) => None,
    }
}

fn odd(source: &str, port: &str, output: usize, what: &Value, edges: &mut Vec<Edge>) {
    if !value::is_empty(what) {
        let target = String::from_utf8_lossy(&value::bytes(what)).into_owned();
        edges.push(Edge {
            source: source.to_owned(),
            port: port.to_owned(),
            output,
            target,
            input_kind: "?".to_owned(),
            input: 0,
        });
    }
}
