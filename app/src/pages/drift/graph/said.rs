//! A graph in words: what its parts are called for who does not see them.

use drift_domain::change::Origin;
use drift_domain::views::{GraphEdge, GraphNode, GraphState, GraphView};

use super::layout::output_name;
use crate::words::{self, count};

/// `Stripe: action (n8n-nodes-base.stripe), changed, hotfix, 2 differences`.
pub(super) fn node(node: &GraphNode) -> String {
    let mut parts = vec![format!("{} ({})", words::node_kind(node.kind).label.to_lowercase(), node.node_type)];
    parts.push(state(node));
    if node.origin != Origin::Unknown {
        parts.push(words::origin(node.origin).label.to_lowercase());
    }
    if node.differences > 0 && !matches!(node.state, GraphState::Added | GraphState::Removed) {
        parts.push(count(node.differences, "difference", "differences"));
    }
    if node.moved {
        parts.push("moved on the canvas".to_owned());
    }
    if node.disabled {
        parts.push("switched off".to_owned());
    }
    format!("{}: {}", name(&node.name), parts.join(", "))
}

/// What became of a node.
pub(super) fn state(node: &GraphNode) -> String {
    match (node.state, &node.live_name) {
        (GraphState::Same, _) => "the same on both sides".to_owned(),
        (GraphState::Added, _) => "only in n8n".to_owned(),
        (GraphState::Removed, _) => "only in Git".to_owned(),
        (GraphState::Cosmetic, _) => "differs in its looks alone, which is no drift".to_owned(),
        (GraphState::Renamed, Some(live)) => format!("called “{live}” in n8n"),
        (_, Some(live)) => format!("changed, and called “{live}” in n8n"),
        (_, None) => "changed".to_owned(),
    }
}

/// `Check, output true, to Refund, input 1: only in n8n`.
pub(super) fn edge(graph: &GraphView, edge: &GraphEdge) -> String {
    let (from, to) = (from(graph, edge), to(edge));
    let state = match edge.state {
        GraphState::Added => "only in n8n",
        GraphState::Removed => "only in Git",
        _ => "the same on both sides",
    };
    format!("{from} to {to}: {state}")
}

/// Where a connection begins, with the output where it is not the only usual one.
fn from(graph: &GraphView, edge: &GraphEdge) -> String {
    match output(graph, edge) {
        Some(output) => format!("{}, output {output},", name(&edge.from)),
        None => name(&edge.from).to_owned(),
    }
}

fn to(edge: &GraphEdge) -> String {
    match input(edge) {
        Some(input) => format!("{}, input {input}", name(&edge.to)),
        None => name(&edge.to).to_owned(),
    }
}

/// The output, as people call it; `None` for the first of the usual kind.
pub(super) fn output(graph: &GraphView, edge: &GraphEdge) -> Option<String> {
    let source = edge.from_node.and_then(|at| graph.nodes.get(at as usize));
    match (edge.output_type.as_str(), source) {
        ("main", Some(node)) => {
            let name = output_name(node, edge.output);
            (name != "1").then_some(name)
        }
        ("main", None) => (edge.output > 0).then(|| edge.output.saturating_add(1).to_string()),
        (kind, _) => Some(port(kind, edge.output)),
    }
}

/// The input, as people call it; `None` for the first of the usual kind.
pub(super) fn input(edge: &GraphEdge) -> Option<String> {
    match (edge.input_type.as_str(), edge.input) {
        ("main", 0) => None,
        ("main", n) => Some(n.saturating_add(1).to_string()),
        (kind, n) => Some(port(kind, n)),
    }
}

fn port(kind: &str, number: u32) -> String {
    if number == 0 { kind.to_owned() } else { format!("{kind} {}", number.saturating_add(1)) }
}

/// A name, of what may have none.
pub(super) fn name(name: &str) -> &str {
    if name.trim().is_empty() { "a node without a name" } else { name }
}
