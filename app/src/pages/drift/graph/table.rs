//! A graph as two tables: for screen readers, and for who would rather read.

use drift_domain::change::Origin;
use drift_domain::views::{GraphEdge, GraphNode, GraphView};
use leptos::prelude::*;

use super::{GraphQuery, said};
use crate::components::marks;
use crate::words;

/// Draws the tables, folded.
pub(super) fn view(graph: &GraphView, query: &GraphQuery) -> impl IntoView + use<> {
    let nodes = graph.nodes.iter().enumerate().map(|(at, node)| row(at, node, query)).collect_view();
    let edges = graph.edges.iter().map(|edge| connection(graph, edge)).collect_view();
    let counted = format!(
        "{}, {}",
        words::count(graph.nodes.len() as u64, "node", "nodes"),
        words::count(graph.edges.len() as u64, "connection", "connections")
    );
    view! {
        <details class="card fold graph-table" data-key="graph-table" id="graph-table">
            <summary>"The same as a table" <span class="text-ink-3 font-normal">{counted}</span></summary>
            <table class="rows">
                <caption class="sr-only">"Nodes of both sides, and what became of them"</caption>
                <thead><tr><th scope="col">"Node"</th><th scope="col">"Type"</th><th scope="col">"State"</th><th scope="col">"Which side moved"</th></tr></thead>
                <tbody>{nodes}</tbody>
            </table>
            <table class="rows">
                <caption class="sr-only">"Connections of both sides, and what became of them"</caption>
                <thead><tr><th scope="col">"From"</th><th scope="col">"Output"</th><th scope="col">"To"</th><th scope="col">"Input"</th><th scope="col">"State"</th></tr></thead>
                <tbody>{edges}</tbody>
            </table>
        </details>
    }
}

fn row(at: usize, node: &GraphNode, query: &GraphQuery) -> impl IntoView + use<> {
    let off = node.disabled.then_some(", switched off");
    let moved = node.moved.then_some(", moved on the canvas");
    view! {
        <tr data-row=at>
            <td class="cell-main">
                <a class="link wrap-anywhere" href=query.with_node(at) data-choose=at>{said::name(&node.name).to_owned()}</a>
            </td>
            <td data-label="Type">{words::node_kind(node.kind).label} " " <code class="text-ink-3 wrap-anywhere">{node.node_type.clone()}</code></td>
            <td data-label="State">{marks::plain(words::graph_state(node.state), None)} " " <span class="text-ink-2">{said::state(node)} {moved} {off}</span></td>
            <td data-label="Which side moved">{origin(node.origin)}</td>
        </tr>
    }
}

fn connection(graph: &GraphView, edge: &GraphEdge) -> impl IntoView + use<> {
    view! {
        <tr>
            <td class="cell-main wrap-anywhere">{said::name(&edge.from).to_owned()}</td>
            <td data-label="Output">{said::output(graph, edge).unwrap_or_else(|| "1".to_owned())}</td>
            <td data-label="To" class="wrap-anywhere">{said::name(&edge.to).to_owned()}</td>
            <td data-label="Input">{said::input(edge).unwrap_or_else(|| "1".to_owned())}</td>
            <td data-label="State">{marks::plain(words::graph_state(edge.state), None)}</td>
        </tr>
    }
}

fn origin(origin: Origin) -> &'static str {
    if origin == Origin::Unknown { "" } else { words::origin(origin).label }
}
