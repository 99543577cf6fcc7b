//! Connections that one side lacks. They follow nodes, not names, so that a renamed node keeps its connections.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::matching::{Matches, Prepared};
use super::{Change, ChangeKind};
use crate::canonical::connections::Edge;

/// A node as an end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End<'a> {
    /// A node that desired has, by its desired name, or a name that no live node has.
    Known(&'a str),
    /// A node that only live has.
    LiveOnly(&'a str),
}

impl<'a> End<'a> {
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Known(name) | Self::LiveOnly(name) => name,
        }
    }
}

/// A connection: source, port, output, target, kind of input, input.
pub(super) type Key<'a> = (End<'a>, &'a str, usize, End<'a>, &'a str, u64);

fn key<'a>(e: &'a Edge<'a>, end: impl Fn(&'a str) -> End<'a>) -> Key<'a> {
    (end(&e.source), &e.port, e.output, end(&e.target), &e.input_kind, e.input)
}

/// The connections that differ, by source.
pub(super) fn changes(
    live: &[Prepared<'_>],
    desired: &[Prepared<'_>],
    edges: &[Vec<Edge<'_>>; 2],
    matches: &Matches,
) -> Vec<Change> {
    let all = together(live, desired, edges, matches).into_iter();
    all.filter(|(_, [live, desired])| live != desired)
        .map(|(key, [live, desired])| change(key, live > desired))
        .collect()
}

/// The connections of both sides, by source, with how often live and desired have each.
pub(super) fn together<'a>(
    live: &'a [Prepared<'a>],
    desired: &'a [Prepared<'a>],
    edges: &'a [Vec<Edge<'_>>; 2],
    matches: &Matches,
) -> BTreeMap<Key<'a>, [usize; 2]> {
    let mut ends: HashMap<&str, End<'_>> = HashMap::new();
    let nodes = || live.iter().enumerate().filter(|(_, p)| !p.is_sticky());
    for (i, p) in nodes() {
        let name = p.name;
        let known = matches.desired_of[i].map(|j| End::Known(desired[j].name));
        let end = ends.entry(name).or_insert(End::LiveOnly(name));
        if let (End::LiveOnly(_), Some(known)) = (*end, known) {
            *end = known;
        }
    }
    // A name may occur on several nodes; what both sides call the same is the same.
    for (i, p) in nodes() {
        let name = p.name;
        if matches.desired_of[i].is_some_and(|j| desired[j].name == name) {
            ends.insert(name, End::Known(name));
        }
    }
    let mut counts: BTreeMap<Key<'_>, [usize; 2]> = BTreeMap::new();
    for e in &edges[0] {
        counts.entry(key(e, |name| ends.get(name).copied().unwrap_or(End::Known(name)))).or_default()[0] += 1;
    }
    for e in &edges[1] {
        counts.entry(key(e, End::Known)).or_default()[1] += 1;
    }
    counts
}

fn change((source, port, output, target, input_kind, input): Key<'_>, added: bool) -> Change {
    let shown = json!({
        "type": port, "output": output, "node": target.name(), "input_type": input_kind, "input": input,
    });
    let (kind, live, desired) = if added {
        (ChangeKind::ConnectionAdded, shown, Value::Null)
    } else {
        (ChangeKind::ConnectionRemoved, Value::Null, shown)
    };
    Change {
        kind,
        node: Some(source.name().to_owned()),
        path: Vec::new(),
        desired,
        live,
        cosmetic: false,
        node_type: None,
        redacted: false,
        line_diff: Vec::new(),
        origin: None,
    }
}
