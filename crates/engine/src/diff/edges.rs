//! Connections that one side lacks. They follow nodes, not names, so that a renamed node keeps its connections.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::matching::{Matches, Prepared};
use super::{Change, ChangeKind};
use crate::canonical::connections::Edge;

/// A node as an end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum End<'a> {
    /// A node that desired has, by its desired name, or a name that no live node has.
    Known(&'a str),
    /// A node that only live has.
    LiveOnly(&'a str),
}

impl<'a> End<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::Known(name) | Self::LiveOnly(name) => name,
        }
    }
}

type Key<'a> = (End<'a>, &'a str, usize, End<'a>, &'a str, u64);

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
    let mut balance: BTreeMap<Key<'_>, i64> = BTreeMap::new();
    for e in &edges[0] {
        *balance.entry(key(e, |name| ends.get(name).copied().unwrap_or(End::Known(name)))).or_default() += 1;
    }
    for e in &edges[1] {
        *balance.entry(key(e, End::Known)).or_default() -= 1;
    }
    balance.into_iter().filter(|(_, n)| *n != 0).map(|(key, n)| change(key, n > 0)).collect()
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
