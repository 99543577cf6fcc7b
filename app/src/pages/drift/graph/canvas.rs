//! The picture itself: a flat SVG without filters, so that five hundred nodes stay smooth. Drawn from behind: notes,
//! connections, nodes.

use std::collections::HashMap;

use drift_domain::change::Origin;
use drift_domain::views::{GraphEdge, GraphNode, GraphState, GraphView, NodeKind};
use leptos::prelude::*;

use super::layout::{Box, Layout, NODE, Wire, lines};
use super::{GraphQuery, said};
use crate::components::icon::Icon;
use crate::words::{self, Mark};

/// The box that the picture is made to fit into where that leaves it readable.
const FITS: f64 = 1_100.0;
/// What is smaller than this is not readable; the box scrolls.
const SMALLEST: f64 = 0.6;
/// The sides that the small map may have.
const MAP: (f64, f64) = (180.0, 110.0);
/// Characters of a name in a line below its node.
const NAME: usize = 20;

/// A part of the picture that differs, to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Node(usize),
    Edge(usize),
}

/// What differs, from the left to the right as work flows: each part with its turn.
pub(super) fn order(graph: &GraphView, layout: &Layout) -> HashMap<Part, usize> {
    let nodes = graph.nodes.iter().enumerate().filter(|(_, node)| differs(node));
    let nodes = nodes.filter_map(|(at, _)| layout.boxes.get(at).map(|b| (b.x, b.y, Part::Node(at))));
    let wires =
        layout.wires.iter().filter(|wire| graph.edges.get(wire.edge).is_some_and(|e| e.state != GraphState::Same));
    let wires = wires.map(|wire| (wire.middle.0, wire.middle.1, Part::Edge(wire.edge)));
    let mut all: Vec<_> = nodes.chain(wires).collect();
    all.sort_by_key(|(x, y, _)| (*x, *y));
    all.into_iter().enumerate().map(|(turn, (.., part))| (part, turn)).collect()
}

/// Whether a node is drift. Notes never are.
fn differs(node: &GraphNode) -> bool {
    node.kind != NodeKind::Sticky && !matches!(node.state, GraphState::Same | GraphState::Cosmetic)
}

/// Draws the picture in its box, and the small map of it.
pub(super) fn picture(
    graph: &GraphView,
    layout: &Layout,
    order: &HashMap<Part, usize>,
    query: &GraphQuery,
) -> impl IntoView + use<> {
    let (width, height) = (layout.width, layout.height);
    let scale = (FITS / f64::from(width)).clamp(SMALLEST, 1.0);
    let part = |at: usize| (at, &graph.nodes[at], layout.boxes[at]);
    let all = || (0..graph.nodes.len().min(layout.boxes.len())).map(part);
    let notes = all().filter(|(_, node, _)| node.kind == NodeKind::Sticky);
    let notes = notes.map(|(at, node, place)| sticky(at, node, place, query)).collect_view();
    let nodes = all()
        .filter(|(_, node, _)| node.kind != NodeKind::Sticky)
        .map(|(at, node, place)| self::node(at, node, place, order.get(&Part::Node(at)).copied(), query));
    let nodes = nodes.collect_view();
    let wires = layout.wires.iter().filter_map(|wire| {
        let turn = order.get(&Part::Edge(wire.edge)).copied();
        Some(self::wire(graph, graph.edges.get(wire.edge)?, wire, turn))
    });
    let wires = wires.collect_view();
    view! {
        <div class="graph-box" tabindex="0" role="region" aria-label="The workflow's canvas. Arrow keys move it; plus, minus and 0 zoom; n and p go to the next and the previous difference.">
            <svg
                class="graph-picture" role="group" aria-label="Nodes and connections of both sides"
                viewBox=format!("0 0 {width} {height}") width=scaled(width, scale) height=scaled(height, scale)
                data-width=width data-height=height
            >
                {notes} {wires} {nodes}
            </svg>
        </div>
        {map(graph, layout)}
    }
}

fn scaled(side: i32, scale: f64) -> String {
    format!("{:.0}", f64::from(side) * scale)
}

/// Everything at a glance; the island shows on it what the box shows.
fn map(graph: &GraphView, layout: &Layout) -> impl IntoView + use<> {
    let (width, height) = (layout.width, layout.height);
    let scale = (MAP.0 / f64::from(width)).min(MAP.1 / f64::from(height));
    let path = |state: &dyn Fn(GraphState) -> bool| {
        let shown = graph.nodes.iter().zip(&layout.boxes);
        let shown = shown.filter(|(node, _)| node.kind != NodeKind::Sticky && state(node.state));
        shown.map(|(_, b)| format!("M{} {}h{NODE}v{NODE}h-{NODE}z", b.x, b.y)).collect::<String>()
    };
    let same = path(&|state| matches!(state, GraphState::Same | GraphState::Cosmetic));
    let of = |state: GraphState| path(&|found| found == state);
    view! {
        <svg class="graph-map needs-js" aria-hidden="true" viewBox=format!("0 0 {width} {height}") width=scaled(width, scale) height=scaled(height, scale)>
            <path d=same data-state="same"></path>
            <path d=of(GraphState::Modified) data-state="modified"></path>
            <path d=of(GraphState::Renamed) data-state="renamed"></path>
            <path d=of(GraphState::Added) data-state="added"></path>
            <path d=of(GraphState::Removed) data-state="removed"></path>
            <rect class="graph-window" x="0" y="0" width=width height=height></rect>
        </svg>
    }
}

/// An icon inside of the picture, its corner at a place.
fn drawn(icon: Icon, x: i32, y: i32, size: f64) -> impl IntoView {
    let transform = format!("translate({x} {y}) scale({:.2})", size / 16.0);
    view! { <g class="graph-icon" transform=transform inner_html=icon.path()></g> }
}

/// The outline that tells kinds of nodes apart, as n8n's canvas does.
fn outline(kind: NodeKind, b: Box) -> String {
    let Box { x, y, width: w, height: h } = b;
    match kind {
        // Round where nothing comes in.
        NodeKind::Trigger => format!(
            "M{} {y}h{}a8 8 0 0 1 8 8v{}a8 8 0 0 1-8 8h-{}a36 36 0 0 1-36-36v-{}a36 36 0 0 1 36-36z",
            x + 36,
            w - 44,
            h - 16,
            w - 44,
            h - 72
        ),
        // Cut where ways part.
        NodeKind::Branch => {
            format!("M{} {y}h{}l18 18v{}l-18 18h-{}l-18-18v-{}z", x + 18, w - 36, h - 36, w - 36, h - 36)
        }
        NodeKind::AiPart => format!("M{x} {}a{r} {r} 0 0 1 {w} 0a{r} {r} 0 0 1-{w} 0z", y + h / 2, r = w / 2),
        // A second frame for the workflow inside.
        NodeKind::SubWorkflow => {
            format!("M{x} {y}h{w}v{h}h-{w}zM{} {}h{}v{}h-{}z", x + 5, y + 5, w - 10, h - 10, w - 10)
        }
        _ => format!(
            "M{} {y}h{}a8 8 0 0 1 8 8v{}a8 8 0 0 1-8 8h-{}a8 8 0 0 1-8-8v-{}a8 8 0 0 1 8-8z",
            x + 8,
            w - 16,
            h - 16,
            w - 16,
            h - 16
        ),
    }
}

fn node(at: usize, node: &GraphNode, b: Box, turn: Option<usize>, query: &GraphQuery) -> impl IntoView + use<> {
    let chosen = query.chosen() == Some(at);
    let kind = words::node_kind(node.kind);
    let middle = b.x + b.width / 2;
    let name = lines(said::name(&node.name), NAME);
    let name = name.into_iter().zip(0..).map(|(line, n)| {
        view! { <text class="graph-name" x=middle y=b.y + b.height + 18 + 16 * n>{line}</text> }
    });
    let off = node.disabled.then(|| {
        view! {
            <path class="graph-off" d=format!("M{} {}h{}", b.x - 8, b.y + 38, b.width + 16)></path>
            <text class="graph-word" x=middle y=b.y + b.height - 11>"switched off"</text>
        }
    });
    let origin = (node.origin != Origin::Unknown)
        .then(|| view! { <g class="graph-origin">{drawn(words::origin(node.origin).icon, b.x + b.width - 24, b.y + 14, 16.0)}</g> });
    view! {
        <a
            class="graph-node" id=format!("node-{at}") href=query.with_node(at)
            aria-current=chosen.then_some("true") tabindex=(turn.is_none() && !chosen).then_some("-1")
            data-choose=at data-name=node.name.clone() data-kind=node.kind.as_str() data-state=node.state.as_str()
            data-origin=node.origin.as_str() data-turn=turn
        >
            // Its name, and what a pointer that rests on it is told.
            <title>{said::node(node)}</title>
            <g aria-hidden="true">
                <path class="graph-shape" d=outline(node.kind, b)></path>
                {drawn(kind.icon, middle - 14, b.y + 24, 28.0)}
                <text class="graph-word" x=middle y=b.y + b.height - 26>{kind.label}</text>
                {off} {origin} {badge(node.state, b)} {name.collect_view()}
            </g>
        </a>
    }
}

/// What became of it: an icon, n8n's letter and a word, on the upper edge.
fn badge(state: GraphState, b: Box) -> Option<impl IntoView + use<>> {
    let Mark { label, icon, .. } = words::graph_state(state);
    let letter = words::graph_letter(state);
    if state == GraphState::Same {
        return None;
    }
    let text = if letter.is_empty() { label.to_owned() } else { format!("{letter} {label}") };
    // As wide as the words are in the font of the pages.
    let width = match state {
        GraphState::Added => 114,
        GraphState::Removed => 112,
        GraphState::Modified | GraphState::Renamed => 104,
        GraphState::Same | GraphState::Cosmetic => 88,
    };
    let (x, y) = (b.x + (b.width - width) / 2, b.y - 11);
    Some(view! {
        <g class="graph-badge" data-state=state.as_str()>
            <rect x=x y=y width=width height="22" rx="6"></rect>
            {drawn(icon, x + 6, y + 5, 12.0)}
            <text x=x + 22 y=y + 15>{text}</text>
        </g>
    })
}

fn sticky(at: usize, node: &GraphNode, b: Box, query: &GraphQuery) -> impl IntoView + use<> {
    let chosen = query.chosen() == Some(at);
    let Box { x, y, width, height } = b;
    let text = node.note.as_ref().map(|note| note.text.clone()).unwrap_or_default();
    // A line of the picture is about 7 pixels wide for each character.
    let first = text.lines().map(|line| line.trim_start_matches(['#', ' '])).find(|line| !line.is_empty());
    let room = usize::try_from(width / 8).unwrap_or(NAME).max(8);
    let text = lines(first.unwrap_or_default(), room).into_iter().zip(0..);
    let text = text.map(|(line, n)| view! { <text class="graph-note" x=x + 12 y=y + 26 + 18 * n>{line}</text> });
    view! {
        <a
            class="graph-node graph-sticky" id=format!("node-{at}") href=query.with_node(at)
            aria-current=chosen.then_some("true") tabindex=(!chosen).then_some("-1")
            data-choose=at data-name=node.name.clone() data-kind=node.kind.as_str() data-state=node.state.as_str()
        >
            <title>{said::node(node)}</title>
            <g aria-hidden="true">
                <rect class="graph-shape" x=x y=y width=width height=height rx="6"></rect>
                {text.collect_view()} {badge(node.state, b)}
            </g>
        </a>
    }
}

fn wire(graph: &GraphView, edge: &GraphEdge, wire: &Wire, turn: Option<usize>) -> impl IntoView + use<> {
    let ports = wire.ports.iter().map(|port| {
        let anchor = if port.ends { "end" } else { "start" };
        view! { <text class="graph-port" x=port.x y=port.y text-anchor=anchor>{port.text.clone()}</text> }
    });
    let ports = ports.collect_view();
    let class = if edge.output_type == "main" { "graph-wire" } else { "graph-wire graph-part" };
    let (x, y) = wire.middle;
    let mark = (edge.state != GraphState::Same).then(|| {
        let icon = words::graph_state(edge.state).icon;
        view! { <circle cx=x cy=y r="10"></circle> {drawn(icon, x - 7, y - 7, 14.0)} }
    });
    // What differs is told by itself; what does not stands in the table.
    let said = turn.map(|_| said::edge(graph, edge));
    let hidden = turn.is_none().then_some("true");
    view! {
        <g
            class=class role=turn.map(|_| "img") aria-label=said aria-hidden=hidden tabindex=turn.map(|_| "-1")
            data-state=edge.state.as_str() data-origin=edge.origin.as_str() data-turn=turn
        >
            <path d=wire.path.clone()></path>
            {mark} {ports}
        </g>
    }
}
