//! Both sides of a workflow as one graph: what is drawn. It pairs nothing and compares nothing of its own: which node is
//! which, and what differs, is what the diff found.

use std::collections::{BTreeSet, HashMap};
use std::ops::{Deref, Range};

use drift_domain::views::{NodeKind, Place};

use super::edges::{self, End};
use super::matching::{Matches, Prepared};
use super::summary::{is_code_node, is_trigger};
use crate::canonical::connections::Edge;
use crate::json::Json;
use crate::redact::Redactor;

/// How a sticky note's text goes on is read in the diff; the canvas shows this much of it, in characters.
const STICKY_TEXT: usize = 240;

/// Which side has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Both.
    Both,
    /// Only live.
    Live,
    /// Only desired.
    Desired,
}

/// The nodes and connections of both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Desired's nodes in their order, then those that only live has.
    pub nodes: Vec<GraphNode>,
    /// The connections, by source.
    pub edges: Vec<GraphEdge>,
}

/// A node of either side. Names and texts hold no secret; labels are those of the diff.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNode {
    /// The name, as [`Change::node`](super::Change::node) has it.
    pub name: String,
    /// What live calls it, where that is another name.
    pub live_name: Option<String>,
    /// Its type; live's where it differs.
    pub node_type: String,
    /// What it is for.
    pub kind: NodeKind,
    /// Which side has it.
    pub presence: Presence,
    /// Its changes, as places in [`Diff::changes`](super::Diff::changes).
    pub changes: Range<usize>,
    /// Whether it is switched off, in live where live has it.
    pub disabled: bool,
    /// Where it stands in live.
    pub live: Option<Place>,
    /// Where it stands in desired.
    pub desired: Option<Place>,
    /// Of a sticky note, what it looks like.
    pub sticky: Option<Sticky>,
}

/// What a sticky note looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Sticky {
    /// How its text begins.
    pub text: String,
    /// Its width.
    pub width: Option<f64>,
    /// Its height.
    pub height: Option<f64>,
}

/// A connection of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphEdge {
    /// The name of the source.
    pub from: String,
    /// The source, as a place in [`Graph::nodes`]; none where no node has the name.
    pub from_node: Option<usize>,
    /// The kind of output.
    pub output_type: String,
    /// The output, from 0.
    pub output: usize,
    /// The name of the target. Of what has not the shape of a connection, its JSON.
    pub to: String,
    /// The target, as a place in [`Graph::nodes`]; none where no node has the name.
    pub to_node: Option<usize>,
    /// The kind of input.
    pub input_type: String,
    /// The input, from 0.
    pub input: u64,
    /// Which side has it. Where one has it more often than the other, that one.
    pub presence: Presence,
    /// Its change, as a place in [`Diff::changes`](super::Diff::changes).
    pub change: Option<usize>,
}

/// Two workflows that were compared.
pub(super) struct Compared<'c, 'a> {
    pub(super) live: &'c [Prepared<'a>],
    pub(super) desired: &'c [Prepared<'a>],
    pub(super) matches: &'c Matches,
    pub(super) edges: &'c dyn Deref<Target = [Vec<Edge<'a>>; 2]>,
    /// Which changes are of which node: those of desired, then those that only live has.
    pub(super) changes_of: Vec<Range<usize>>,
    /// Which changes are of connections, by source.
    pub(super) edge_changes: Range<usize>,
    /// The one that the changes went through.
    pub(super) redactor: &'c mut Redactor,
}

/// Draws them as one.
pub(super) fn of(compared: Compared<'_, '_>) -> Graph {
    let Compared { live, desired, matches, edges, changes_of, mut edge_changes, redactor } = compared;
    let live_only = live.iter().zip(&matches.desired_of).filter(|(_, of)| of.is_none()).map(|(l, _)| (Some(l), None));
    let pairs: Vec<(Option<&Prepared<'_>>, Option<&Prepared<'_>>)> =
        desired.iter().zip(&matches.live_of).map(|(d, of)| (of.map(|i| &live[i]), Some(d))).chain(live_only).collect();
    let mut places: HashMap<End<'_>, usize> = HashMap::new();
    for (at, (l, d)) in pairs.iter().enumerate() {
        let end = match (l, d) {
            (_, Some(d)) if !d.is_sticky() => End::Known(d.name),
            (Some(l), None) if !l.is_sticky() => End::LiveOnly(l.name),
            _ => continue,
        };
        places.entry(end).or_insert(at);
    }
    let all = edges::together(live, desired, edges, matches);
    let serving: BTreeSet<usize> =
        all.keys().filter(|key| key.1.starts_with("ai_")).filter_map(|key| places.get(&key.0).copied()).collect();
    let nodes = pairs.iter().zip(changes_of).enumerate();
    let nodes = nodes.map(|(at, ((l, d), changes))| node(*l, *d, changes, serving.contains(&at), redactor)).collect();
    let edges = all.into_iter().map(|((source, port, output, target, input_type, input), [live, desired])| {
        let presence = match live.cmp(&desired) {
            std::cmp::Ordering::Equal => Presence::Both,
            std::cmp::Ordering::Greater => Presence::Live,
            std::cmp::Ordering::Less => Presence::Desired,
        };
        GraphEdge {
            from: redactor.name(source.name()),
            from_node: places.get(&source).copied(),
            output_type: port.to_owned(),
            output,
            to: redactor.name(target.name()),
            to_node: places.get(&target).copied(),
            input_type: input_type.to_owned(),
            input,
            presence,
            // Changes of connections stand in this order, too.
            change: (presence != Presence::Both).then(|| edge_changes.next()).flatten(),
        }
    });
    Graph { edges: edges.collect(), nodes }
}

fn node(
    live: Option<&Prepared<'_>>,
    desired: Option<&Prepared<'_>>,
    changes: Range<usize>,
    serving: bool,
    redactor: &mut Redactor,
) -> GraphNode {
    let shown = live.or(desired);
    let presence = match (live, desired) {
        (Some(_), None) => Presence::Live,
        (None, _) => Presence::Desired,
        _ => Presence::Both,
    };
    let mut name = |p: Option<&Prepared<'_>>| p.map(|p| redactor.name(p.name));
    let (key, live_name) = (name(desired.or(live)).unwrap_or_default(), name(live));
    let is_off = |p: &Prepared<'_>| p.doc.get(p.json, "disabled").is_some_and(Json::is_true);
    GraphNode {
        live_name: live_name.filter(|live| presence == Presence::Both && *live != key),
        name: key,
        node_type: shown.map(|p| p.kind.to_owned()).unwrap_or_default(),
        kind: shown.map_or(NodeKind::Action, |p| kind(p.kind, serving)),
        presence,
        changes,
        disabled: shown.is_some_and(is_off),
        live: live.and_then(place),
        desired: desired.and_then(place),
        sticky: shown.filter(|p| p.is_sticky()).map(|p| sticky(p, redactor)),
    }
}

/// What a node of a type is for. `serving`: whether a connection of an AI kind begins at it, which only parts of AI nodes
/// have.
fn kind(node_type: &str, serving: bool) -> NodeKind {
    let name = node_type.rsplit('.').next().unwrap_or_default();
    match name {
        "stickyNote" => NodeKind::Sticky,
        _ if is_trigger(node_type) => NodeKind::Trigger,
        "executeWorkflow" | "toolWorkflow" => NodeKind::SubWorkflow,
        _ if serving => NodeKind::AiPart,
        "if" | "switch" | "merge" | "filter" | "splitInBatches" | "compareDatasets" => NodeKind::Branch,
        _ if is_code_node(node_type) => NodeKind::Code,
        _ => NodeKind::Action,
    }
}

/// Where a node stands, where that is a place.
fn place(p: &Prepared<'_>) -> Option<Place> {
    let [x, y] = p.doc.items(p.doc.get(p.json, "position")?) else { return None };
    Some(Place { x: number(*x)?, y: number(*y)? })
}

fn number(json: Json) -> Option<f64> {
    match json {
        #[expect(clippy::cast_precision_loss, reason = "it is a whole number that a double holds exactly")]
        Json::Integer(n) => Some(n as f64),
        Json::Float(f) => Some(f).filter(|f| f.is_finite()),
        _ => None,
    }
}

fn sticky(p: &Prepared<'_>, redactor: &mut Redactor) -> Sticky {
    let of = |key: &str| p.doc.get(p.json, "parameters").and_then(|parameters| p.doc.get(parameters, key));
    // Redacted whole, then cut: half a secret is not known for one.
    let text = of("content").and_then(|text| p.doc.text(text)).map(|text| redactor.text(&text)).unwrap_or_default();
    Sticky {
        text: text.chars().take(STICKY_TEXT).collect(),
        width: of("width").and_then(number),
        height: of("height").and_then(number),
    }
}
