//! Connections, port by port, between nodes rather than names: a renamed node keeps its connections.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use drift_domain::views::MergeSide::{self, Base, Desired, Live};
use serde_json::{Value, json};

use super::Choices;
use super::nodes::{Nodes, pickable, quoted};
use super::report::{Report, Told};
use super::sides::{Each, Sides};
use super::verdict::{Decided, Moves, Verdict};
use crate::canonical::connections::{Edge, ODD};
use crate::canonical::value::bytes;
use crate::redact::Redactor;

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End<'a> {
    /// A node.
    Node(usize),
    /// A name that no node of its side has, or what stands there in another shape.
    Name(Cow<'a, str>),
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Wire<'a> {
    pub(super) source: End<'a>,
    pub(super) port: Cow<'a, str>,
    pub(super) output: usize,
    pub(super) target: End<'a>,
    pub(super) kind: Cow<'a, str>,
    pub(super) input: u64,
}

/// What is decided as one: the connections that leave an output, or, of the sub-nodes of an AI node (a model, a memory, its
/// tools), those that enter an input. It is the AI node that has one model, not the model that has one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Port<'a> {
    node: End<'a>,
    enters: bool,
    kind: Cow<'a, str>,
    index: u64,
}

/// How often each side has each connection of a port.
type Counts<'a> = BTreeMap<Wire<'a>, Each<usize>>;

const MAIN: &str = "main";

impl<'a> Wire<'a> {
    fn at_port(&self) -> Port<'a> {
        if self.port == MAIN || self.kind == ODD {
            let index = u64::try_from(self.output).unwrap_or(u64::MAX);
            return Port { node: self.source.clone(), enters: false, kind: self.port.clone(), index };
        }
        Port { node: self.target.clone(), enters: true, kind: self.kind.clone(), index: self.input }
    }

    fn ends(&self) -> [&End<'a>; 2] {
        [&self.source, &self.target]
    }
}

impl Port<'_> {
    /// Whether several connections here run side by side. Of the inputs for sub-nodes only that for tools takes several.
    fn takes_many(&self) -> bool {
        !self.enters || self.kind == "ai_tool"
    }
}

struct Merger<'m, 'a> {
    sides: &'m Sides<'a>,
    nodes: &'m Nodes,
    /// The names that nodes have in the result.
    names: HashSet<&'a str>,
}

/// Decides every port and tells of it. Gives the connections of the result, in the order in which they stand in the files:
/// live's, then Git's, then base's. Those of a port at which a person has to pick are not among them.
pub(super) fn merge<'a>(sides: &Sides<'a>, nodes: &Nodes, choices: &Choices, report: &mut Report) -> Vec<Wire<'a>> {
    let files = Each::of(|side| wires(sides, side));
    let mut ports: BTreeMap<Port<'a>, Counts<'a>> = BTreeMap::new();
    for side in MergeSide::ALL {
        for wire in &files[*side] {
            ports.entry(wire.at_port()).or_default().entry(wire.clone()).or_default()[*side] += 1;
        }
    }
    let taken = (0..sides.entities.len()).filter_map(|e| nodes.taken(sides, e));
    let names = taken.filter(|p| !p.is_sticky()).map(|p| p.name).collect();
    let merger = Merger { sides, nodes, names };
    let mut wanted = HashMap::new();
    for (port, counts) in &ports {
        let decided = merger.decide(port, counts, choices, report);
        if decided.is_open() {
            continue;
        }
        for (wire, count) in counts.iter().map(|(wire, each)| (wire, merger.count(wire, each, decided))) {
            if count > 0 && merger.is_lost(wire) {
                merger.tell_lost(wire, report);
            } else if count > 0 {
                wanted.insert(wire.clone(), count);
            }
        }
    }
    let mut kept = Vec::new();
    for wire in MergeSide::ALL.iter().flat_map(|side| &files[*side]) {
        if let Some(count) = wanted.get_mut(wire).filter(|count| **count > 0) {
            *count -= 1;
            kept.push(wire.clone());
        }
    }
    kept
}

/// The connections of a side, in their order.
fn wires<'a>(sides: &Sides<'a>, side: MergeSide) -> Vec<Wire<'a>> {
    let ends = ends(sides, side);
    let end = |name: &Cow<'a, str>| ends.get(&**name).map_or_else(|| End::Name(name.clone()), |e| End::Node(*e));
    let wire = |edge: &Edge<'a>| Wire {
        source: end(&edge.source),
        port: edge.port.clone(),
        output: edge.output,
        target: if edge.input_kind == ODD { End::Name(edge.target.clone()) } else { end(&edge.target) },
        kind: edge.input_kind.clone(),
        input: edge.input,
    };
    sides.edges[side].iter().map(wire).collect()
}

/// Which node a name means on a side. Of several that have it, the first.
pub(super) fn ends<'s>(sides: &'s Sides<'_>, side: MergeSide) -> HashMap<&'s str, usize> {
    let mut out = HashMap::new();
    for e in 0..sides.entities.len() {
        if let Some(p) = sides.node(e, side).filter(|p| !p.is_sticky()) {
            out.entry(p.name).or_insert(e);
        }
    }
    out
}

impl<'a> Merger<'_, 'a> {
    fn decide(&self, port: &Port<'a>, counts: &Counts<'a>, choices: &Choices, report: &mut Report) -> Decided {
        let key = self.key(port);
        let decided = Decided::new(self.verdict(port, counts), &key, choices, pickable(self.sides));
        if decided.verdict == Verdict::Untouched {
            return decided;
        }
        let title = self.title(port, &mut report.redactor);
        let why =
            if self.sides.has_base() { "Both n8n and Git changed these connections." } else { super::UNKNOWN_BASE };
        let told = Told { key: &key, title, why: why.to_owned(), sides: pickable(self.sides) };
        report.tell(told, decided, |side, redactor| {
            (side != Base || self.sides.has_base()).then(|| self.shown(port, counts, side, redactor))
        });
        decided
    }

    fn verdict(&self, port: &Port<'a>, counts: &Counts<'a>) -> Verdict {
        let moves = Moves {
            live: self.moved(counts, Live),
            desired: self.moved(counts, Desired),
            alike: counts.iter().all(|(wire, each)| {
                each[Live] == each[Desired]
                    // Not a difference of its own: the node is the difference.
                    || ((each[Base] > 0 || !self.sides.has_base()) && (self.lacks(Live, wire) || self.lacks(Desired, wire)))
            }),
        };
        let verdict = moves.verdict();
        let taken_back = |(side, other)| self.is_taken_back(counts, side, other);
        if verdict != Verdict::Alike && [(Live, Desired), (Desired, Live)].into_iter().any(taken_back) {
            return Verdict::Conflict;
        }
        let both = |fits: &dyn Fn(&Each<usize>, MergeSide) -> bool| {
            let fits = |side| counts.iter().all(|(wire, each)| self.lacks(side, wire) || fits(each, side));
            fits(Live) && fits(Desired)
        };
        let added = port.takes_many() && both(&|each, side| each[side] >= each[Base]);
        let removed = || both(&|each, side| each[side] <= each[Base]);
        if verdict == Verdict::Conflict && self.sides.has_base() && (added || removed()) {
            return Verdict::Together;
        }
        verdict
    }

    /// Whether a side changed the connections of a port; those of a node that it removed went with the node.
    fn moved(&self, counts: &Counts<'a>, side: MergeSide) -> bool {
        self.sides.has_base() && counts.iter().any(|(wire, each)| each[side] != each[Base] && !self.lacks(side, wire))
    }

    /// Whether a side connected around a node that it removed and that stays: the connections as the other side has them
    /// and those around it do not go together by themselves.
    fn is_taken_back(&self, counts: &Counts<'a>, side: MergeSide, other: MergeSide) -> bool {
        let stays = |end: &End<'a>| match end {
            End::Node(e) => {
                self.sides.node(*e, side).is_none()
                    && self.sides.node(*e, Base).is_some()
                    && self.nodes.taken(self.sides, *e).is_some()
            }
            End::Name(_) => false,
        };
        self.moved(counts, side)
            && counts.iter().any(|(wire, each)| each[other] > 0 && wire.ends().into_iter().any(stays))
    }

    /// Whether a side cannot have a connection, since it lacks one of the nodes.
    fn lacks(&self, side: MergeSide, wire: &Wire<'a>) -> bool {
        wire.ends().into_iter().any(|end| matches!(end, End::Node(e) if self.sides.node(*e, side).is_none()))
    }

    /// How often a connection is wanted.
    fn count(&self, wire: &Wire<'a>, each: &Each<usize>, decided: Decided) -> usize {
        let (live, desired) = (each[Live], each[Desired]);
        match decided.chosen {
            Some(side) => each[side],
            None if self.lacks(Live, wire) => desired,
            None if self.lacks(Desired, wire) || live == desired || desired == each[Base] => live,
            None if live == each[Base] => desired,
            None => live.max(desired),
        }
    }

    /// Whether a connection cannot be in the result: a node is gone, or its name is now another node's.
    fn is_lost(&self, wire: &Wire<'a>) -> bool {
        let lost = |end: &End<'a>| match end {
            End::Node(e) => self.nodes.is_gone(self.sides, *e),
            End::Name(name) => self.names.contains(&**name),
        };
        lost(&wire.source) || (wire.kind != ODD && lost(&wire.target))
    }

    fn tell_lost(&self, wire: &Wire<'a>, report: &mut Report) {
        let [source, target] = wire.ends().map(|end| self.called(end, &mut report.redactor));
        let tokens = wire.ends().map(|end| self.token(end, &mut report.redactor));
        let port = report.redactor.name(&wire.port);
        let key = format!("lost:{}/{port}/{}/{}/{}", tokens[0], wire.output, tokens[1], wire.input);
        report.lost(key, format!("Connection from {source} to {target}, of which one is not in the result"));
    }

    fn key(&self, port: &Port<'a>) -> String {
        let mut redactor = Redactor::new();
        format!("connection:{}/{}/{}", self.token(&port.node, &mut redactor), redactor.name(&port.kind), port.index)
    }

    fn token(&self, end: &End<'a>, redactor: &mut Redactor) -> String {
        match end {
            End::Node(e) => self.nodes.tokens[*e].clone(),
            End::Name(name) => redactor.name(name),
        }
    }

    fn title(&self, port: &Port<'a>, redactor: &mut Redactor) -> String {
        let node = self.called(&port.node, redactor);
        let kind = redactor.name(&port.kind);
        match (port.enters, port.index, kind.as_str()) {
            (false, n, MAIN) => format!("Connections from {node}, output {n}"),
            (false, n, kind) => format!("Connections from {node}, {kind} output {n}"),
            (true, 0, kind) => format!("Connections into {node}, {kind}"),
            (true, n, kind) => format!("Connections into {node}, {kind} input {n}"),
        }
    }

    fn called(&self, end: &End<'a>, redactor: &mut Redactor) -> String {
        match end {
            End::Node(e) => quoted(self.sides, *e, redactor),
            End::Name(name) => format!("“{}”", redactor.text(name)),
        }
    }

    /// The other ends, as a side has them, with its own names.
    fn shown(&self, port: &Port<'a>, counts: &Counts<'a>, side: MergeSide, redactor: &mut Redactor) -> Value {
        let mut end = |end: &End<'a>| match end {
            End::Node(e) => redactor.name(self.sides.node(*e, side).map_or("", |p| p.name)),
            End::Name(name) => redactor.text(name),
        };
        let has = counts.iter().flat_map(|(wire, each)| std::iter::repeat_n(wire, each[side]));
        let mut list: Vec<Value> = has
            .map(|wire| {
                if port.enters {
                    json!({ "from": end(&wire.source), "output": wire.output })
                } else {
                    json!({ "to": end(&wire.target), "type": wire.kind, "input": wire.input })
                }
            })
            .collect();
        // By name, so that equal lines of two sides stand at one place.
        list.sort_by_cached_key(bytes);
        Value::Array(list)
    }
}
