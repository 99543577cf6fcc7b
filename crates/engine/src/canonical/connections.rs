//! Connections as a set of edges between ports.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::ignored::{Notes, Rule};
use crate::json::{Document, Json, write_integer, write_text};

/// The input kind of an edge that stands for something in another shape.
pub(crate) const ODD: &str = "?";

/// One connection: from an output of a node to an input of another. Nodes are named, as in n8n's JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Edge<'a> {
    /// The name of the source.
    pub(crate) source: Cow<'a, str>,
    /// The kind of port: `main`, or one of the `ai_…` kinds.
    pub(crate) port: Cow<'a, str>,
    /// The output, from 0: on an IF node 0 is true and 1 is false.
    pub(crate) output: usize,
    /// The name of the target.
    pub(crate) target: Cow<'a, str>,
    /// The kind of the target's port.
    pub(crate) input_kind: Cow<'a, str>,
    /// The target's input, from 0.
    pub(crate) input: u64,
}

impl Edge<'_> {
    /// Writes it as canonical JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        write_text(&self.source, out);
        out.push(b',');
        write_text(&self.port, out);
        out.push(b',');
        write_integer(i64::try_from(self.output).unwrap_or(i64::MAX), out);
        out.push(b',');
        write_text(&self.target, out);
        out.push(b',');
        write_text(&self.input_kind, out);
        out.push(b',');
        write_integer(i64::try_from(self.input).unwrap_or(i64::MAX), out);
        out.push(b']');
    }
}

/// The edges of a workflow, sorted. What is not in the shape of n8n's connections becomes an edge to its own JSON text,
/// of the input kind [`ODD`], so that it is compared and no shape makes this fail.
pub(crate) fn edges<'a>(doc: &'a Document, connections: Json, notes: &mut Notes) -> Vec<Edge<'a>> {
    let mut edges = in_order(doc, connections, notes);
    edges.sort_unstable();
    edges
}

/// The edges in the order in which they stand in the file.
pub(crate) fn in_order<'a>(doc: &'a Document, connections: Json, notes: &mut Notes) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    for ports in doc.members(connections) {
        source_edges(doc, doc.said(ports.key), ports.value, notes, &mut edges);
    }
    edges
}

/// The edges that begin at a node, from what connections hold under its name.
pub(crate) fn source_edges<'a>(
    doc: &'a Document,
    source: Cow<'a, str>,
    ports: Json,
    notes: &mut Notes,
    edges: &mut Vec<Edge<'a>>,
) {
    if !ports.is_object() {
        return odd(doc, &Port { source, port: Cow::Borrowed(""), output: 0 }, ports, edges);
    }
    for slots in doc.members(ports) {
        let port = Port { source: source.clone(), port: doc.said(slots.key), output: 0 };
        port_edges(doc, port, slots.value, notes, edges);
    }
}

/// The edges that begin at the outputs of a port.
pub(crate) fn port_edges<'a>(
    doc: &'a Document,
    mut port: Port<'a>,
    slots: Json,
    notes: &mut Notes,
    edges: &mut Vec<Edge<'a>>,
) {
    if !slots.is_list() {
        return odd(doc, &port, slots, edges);
    }
    for (output, slot) in doc.items(slots).iter().enumerate() {
        port.output = output;
        let before = edges.len();
        slot_edges(doc, &port, *slot, edges);
        note_order(&port, &edges[before..], notes);
    }
}

fn note_order(port: &Port<'_>, edges: &[Edge<'_>], notes: &mut Notes) {
    if notes.is_on() && edges.len() > 1 {
        let order: Vec<_> = edges.iter().map(|e| &e.target).collect();
        let mut targets = order.clone();
        targets.sort_unstable();
        notes.note_hash(Rule::ConnectionOrder, (&port.source, &port.port, port.output, targets), order);
    }
}

/// Where an edge begins, as in [`Edge`].
pub(crate) struct Port<'a> {
    pub(crate) source: Cow<'a, str>,
    pub(crate) port: Cow<'a, str>,
    pub(crate) output: usize,
}

impl<'a> Port<'a> {
    fn edge(&self, target: Cow<'a, str>, input_kind: Cow<'a, str>, input: u64) -> Edge<'a> {
        let (source, port) = (self.source.clone(), self.port.clone());
        Edge { source, port, output: self.output, target, input_kind, input }
    }
}

/// The edges that begin at an output.
pub(crate) fn slot_edges<'a>(doc: &'a Document, port: &Port<'a>, slot: Json, edges: &mut Vec<Edge<'a>>) {
    if !slot.is_list() {
        return odd(doc, port, slot, edges);
    }
    for target in doc.items(slot) {
        target_edge(doc, port, *target, edges);
    }
}

/// The edge that ends at a target, which is an element of an output's list; none where it is null or empty.
pub(crate) fn target_edge<'a>(doc: &'a Document, port: &Port<'a>, target: Json, edges: &mut Vec<Edge<'a>>) {
    let name = doc.get(target, "node").and_then(|name| doc.text(name));
    let (Some(name), Some(input)) = (name, input(doc, target)) else { return odd(doc, port, target, edges) };
    let kind = doc.get(target, "type").and_then(|kind| doc.text(kind));
    edges.push(port.edge(name, kind.unwrap_or_else(|| port.port.clone()), input));
}

/// The input that a connection ends at: 0 where it is left out, whichever way the number is spelt.
fn input(doc: &Document, target: Json) -> Option<u64> {
    match doc.get(target, "index") {
        None | Some(Json::Null) => Some(0),
        Some(Json::Integer(n)) => u64::try_from(n).ok(),
        Some(_) => None,
    }
}

fn odd<'a>(doc: &'a Document, port: &Port<'a>, what: Json, edges: &mut Vec<Edge<'a>>) {
    if !what.is_empty() {
        let target = String::from_utf8_lossy(&doc.bytes(what)).into_owned();
        edges.push(port.edge(Cow::Owned(target), Cow::Borrowed(ODD), 0));
    }
}

/// How often each name occurs.
pub(crate) fn name_counts<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut counts = HashMap::new();
    for name in names {
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}
