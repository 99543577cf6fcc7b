//! A change as n8n's canvas: both sides in one picture, every node and connection with what became of it, the node that was
//! chosen opened below, and the same as a table. The picture scrolls in its box and its nodes are links, so all of it works
//! without scripts; the island around it adds zoom, keys and jumping from change to change.

mod canvas;
mod layout;
mod said;
mod table;

use drift_domain::change::{ChangeType, Origin};
use drift_domain::plan::Capability;
use drift_domain::views::{ChangePage, DiffOrRefusal, DiffView, GraphState, GraphView};
use leptos::prelude::*;

use super::diff::{self, Layout};
use crate::components::icon::{Icon, icon};
use crate::components::marks;
use crate::components::note::note;
use crate::islands::canvas::Canvas;
use crate::words;

/// What the address says of a page with a graph.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct GraphQuery {
    /// The node that was chosen, as its place among the nodes.
    node: Option<String>,
    /// How lines stand: `split` for side by side.
    view: Option<String>,
}

impl GraphQuery {
    /// A page on which this node was chosen.
    #[cfg(test)]
    pub(crate) fn of(chosen: Option<usize>) -> Self {
        Self { node: chosen.map(|node| node.to_string()), view: None }
    }

    /// A page with this layout.
    #[cfg(test)]
    pub(crate) fn laid_out(layout: Layout) -> Self {
        Self { node: None, view: (layout == Layout::Split).then(|| "split".to_owned()) }
    }

    /// The node that was chosen; none where the address is not one that the page wrote.
    pub(crate) fn chosen(&self) -> Option<usize> {
        self.node.as_deref()?.parse().ok()
    }

    /// How lines stand.
    pub(crate) fn layout(&self) -> Layout {
        if self.view.as_deref() == Some("split") { Layout::Split } else { Layout::Unified }
    }

    /// The same page with a node chosen, which goes to the node and leaves lines as they stand.
    fn with_node(&self, at: usize) -> String {
        let view = if self.layout() == Layout::Split { "&view=split" } else { "" };
        format!("?node={at}{view}#node-{at}")
    }

    /// The same page with another layout, as a query.
    pub(in crate::pages) fn address(&self, layout: Layout) -> String {
        let view = if layout == Layout::Split { "split" } else { "unified" };
        let node = self.chosen().map(|node| format!("&node={node}")).unwrap_or_default();
        format!("?view={view}{node}")
    }
}

/// Draws the graph of a change, or what the plan says in its place. Nothing where the diff is not shown either.
pub(in crate::pages) fn view(page: &ChangePage, query: &GraphQuery) -> AnyView {
    match (&page.diff, &page.graph) {
        (DiffOrRefusal::Diff(diff), Some(graph)) if !graph.nodes.is_empty() => {
            drawn(graph, diff, page.row.change_type, query).into_any()
        }
        (DiffOrRefusal::Diff(_), None) => as_text_only().into_any(),
        _ => ().into_any(),
    }
}

fn as_text_only() -> impl IntoView {
    let plan = Capability::Diff.first_full_plan().map(|plan| {
        let text = format!(
            "This plan shows what differs as text. The {} plan also shows it on the workflow's canvas.",
            plan.label()
        );
        view! { <div class="section" data-graph="text-only">{note("tone-info", Icon::Lock, text)}</div> }
    });
    view! { {plan} }
}

fn drawn(graph: &GraphView, diff: &DiffView, change_type: ChangeType, query: &GraphQuery) -> impl IntoView + use<> {
    let layout = layout::layout(graph);
    let order = canvas::order(graph, &layout);
    let picture = canvas::picture(graph, &layout, &order, query);
    let (tools, opened) = (tools(order.len()), opened(graph, diff, change_type, query.chosen()));
    let table = table::view(graph, query);
    view! {
        <section class="section" aria-labelledby="graph-heading" id="graph">
            <div class="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 mb-2.5">
                <h2 id="graph-heading">"On the canvas"</h2>
                {legend(graph)}
            </div>
            <Canvas>
                {tools}
                <div class="graph-frame">{picture}</div>
                <section class="card graph-chosen" id="graph-chosen" aria-label="The node that was chosen">
                    {opened}
                </section>
                {table}
            </Canvas>
        </section>
    }
}

/// What the marks mean, of those that are there.
fn legend(graph: &GraphView) -> impl IntoView + use<> {
    let states = GraphState::ALL.iter().copied().filter(|state| *state != GraphState::Same);
    let states = states.filter(|state| {
        graph.nodes.iter().map(|n| n.state).chain(graph.edges.iter().map(|e| e.state)).any(|found| found == *state)
    });
    let states = states.map(|state| {
        let letter = words::graph_letter(state);
        let letter = (!letter.is_empty()).then(|| view! { <b aria-hidden="true">{letter}</b> });
        let mark = words::graph_state(state);
        view! { <li class=format!("chip {}", mark.tone)>{icon(mark.icon)} {letter} {mark.label}</li> }
    });
    let origins = Origin::ALL.iter().copied().filter(|origin| *origin != Origin::Unknown);
    let origins = origins.filter(|origin| {
        graph.nodes.iter().map(|n| n.origin).chain(graph.edges.iter().map(|e| e.origin)).any(|found| found == *origin)
    });
    let origins = origins.map(|origin| {
        view! {
            <li class="plain-mark graph-origin" data-origin=origin.as_str() title=words::origin_explained(origin)>
                {icon(words::origin(origin).icon)} {words::origin(origin).label}
            </li>
        }
    });
    view! { <ul class="graph-legend" aria-label="What the marks mean">{states.collect_view()} {origins.collect_view()}</ul> }
}

/// What the island does, as buttons.
fn tools(jumps: usize) -> impl IntoView {
    let jump = (jumps > 0).then(|| {
        view! {
            <button type="button" class="btn btn-small" data-do="previous">"Previous difference"</button>
            <button type="button" class="btn btn-small" data-do="next">"Next difference"</button>
            <span class="text-ink-3 num" data-turns role="status">{words::count(jumps as u64, "part differs", "parts differ")}</span>
        }
    });
    view! {
        <div class="graph-tools needs-js" role="group" aria-label="Canvas">
            {jump} <span class="grow"></span>
            <button type="button" class="btn btn-small" data-do="out" aria-label="Zoom out">{icon(Icon::Minus)}</button>
            <button type="button" class="btn btn-small" data-do="in" aria-label="Zoom in">{icon(Icon::Plus)}</button>
            <button type="button" class="btn btn-small" data-do="fit">"Fit"</button>
        </div>
    }
}

/// The node that was chosen: what it is, and what differs in it.
fn opened(graph: &GraphView, diff: &DiffView, change_type: ChangeType, chosen: Option<usize>) -> AnyView {
    let Some(node) = chosen.and_then(|at| graph.nodes.get(at)) else {
        return view! {
            <p class="card-body text-ink-2" role="status" data-sentence>"Choose a node to see what differs in it."</p>
            <div data-rows></div>
        }
        .into_any();
    };
    let origin = (node.origin != Origin::Unknown).then(|| marks::chip(words::origin(node.origin), None));
    view! {
        <p class="card-body flex flex-wrap items-center gap-2" role="status" data-sentence>
            {marks::chip(words::graph_state(node.state), None)} {origin} <span class="wrap-anywhere">{said::node(node)}</span>
        </p>
        <div data-rows>{diff::of_node(diff, &node.name, change_type)}</div>
    }
    .into_any()
}
