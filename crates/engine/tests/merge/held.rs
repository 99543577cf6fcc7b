//! How a merge is held against its promises.

use std::collections::{BTreeMap, BTreeSet};

use drift_domain::views::{MergeConflict, MergePart, MergeSide, MergeSource};
use drift_engine::{Change, ChangeKind, Choices, Diff, Limits, Merge, Workflow, diff, merge, parse};
use serde_json::Value;

use crate::common::check::reported;
use crate::common::mutate::Item;

pub fn read(text: &str) -> Workflow {
    parse(text.as_bytes(), &Limits::default()).unwrap_or_else(|e| panic!("{e}"))
}

pub fn try_merge(base: Option<&Workflow>, live: &Workflow, desired: &Workflow, choices: &Choices) -> Merge {
    let merge = merge(base, live, desired, choices, &Limits::default()).expect("within the limits");
    assert_eq!(merge.merged.is_none(), !merge.conflicts.is_empty(), "a result exactly where nothing is open");
    let open = merge.parts.iter().filter(|p| p.source == MergeSource::Open).map(|p| &p.key);
    assert!(open.eq(merge.conflicts.iter().map(|c| &c.key)), "every conflict is a part");
    let keys: BTreeSet<_> = merge.conflicts.iter().map(|c| &c.key).collect();
    assert_eq!(keys.len(), merge.conflicts.len(), "each has its own key");
    merge
}

/// The result of a merge in which nothing is in conflict.
pub fn merged(base: Option<&Workflow>, live: &Workflow, desired: &Workflow) -> Workflow {
    let merge = try_merge(base, live, desired, &Choices::new());
    merge.merged.unwrap_or_else(|| panic!("conflicts: {:?}", merge.conflicts))
}

/// Whether two are the same as far as both are known.
pub fn agree(one: &Workflow, other: &Workflow) -> bool {
    one.prints().agree(&other.prints())
}

/// A workflow written and read once more.
pub fn again(workflow: &Workflow) -> Workflow {
    parse(&workflow.canonical_json(), &Limits::default()).expect("what the merge gives can be read")
}

fn value(workflow: &Workflow) -> Value {
    serde_json::from_slice(&workflow.canonical_json()).expect("JSON")
}

/// Whether two diffs from one base move different things: no node, port's node or field that both move, and no connection
/// of one to a node that the other takes away.
pub fn apart(one: &Diff, other: &Diff) -> bool {
    let moved = |diff: &Diff| -> BTreeSet<Item> {
        let unkind = |item| if let Item::Node(node, _) = item { Item::Node(node, "") } else { item };
        reported(diff).into_iter().map(unkind).collect()
    };
    let cut = |diff: &Diff, gone: &Diff| {
        let gone = gone
            .changes
            .iter()
            .filter(|c| c.kind == ChangeKind::NodeRemoved)
            .map(|c| c.node.clone().unwrap_or_default());
        let gone: BTreeSet<_> = gone.collect();
        diff.changes.iter().filter(|c| c.kind == ChangeKind::ConnectionAdded).any(|c| {
            let target = c.live["node"].as_str().unwrap_or_default();
            gone.contains(target) || c.node.as_ref().is_some_and(|source| gone.contains(source))
        })
    };
    moved(one).is_disjoint(&moved(other)) && !cut(one, other) && !cut(other, one)
}

/// Every place at which a diff has a change, and of a connection which.
pub fn places(diff: &Diff) -> BTreeSet<String> {
    let wire = |c: &Change| c.node.is_some() && c.path.is_empty() && c.node_type.is_none();
    let place = |c: &Change| {
        let which = if wire(c) { format!("{} {}", c.desired, c.live) } else { String::new() };
        format!("{:?} {:?} {:?} {which}", c.kind, c.node, c.path)
    };
    diff.drift().map(place).collect()
}

/// What is wrong with a result: names twice or connections to nothing that no side has so.
pub fn sound(merged: &Workflow, sides: [&Workflow; 3]) -> Option<String> {
    let faults = |w: &Workflow| {
        let w = value(w);
        let names: Vec<String> = texts(&w["nodes"], "name");
        let mut faults: BTreeSet<String> = names
            .iter()
            .filter(|n| names.iter().filter(|m| m == n).count() > 1)
            .map(|n| format!("twice {n:?}"))
            .collect();
        let edges = w["connections"].as_object().unwrap();
        let ends = edges.iter().flat_map(|(source, ports)| std::iter::once(source.clone()).chain(texts(ports, "node")));
        faults.extend(ends.filter(|end| !names.contains(end)).map(|end| format!("dangling {end:?}")));
        faults
    };
    let before: BTreeSet<_> = sides.into_iter().flat_map(faults).collect();
    assert_eq!(&again(merged), merged);
    faults(merged).into_iter().find(|fault| !before.contains(fault))
}

/// The texts under a key, anywhere.
fn texts(value: &Value, key: &str) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(|v| texts(v, key)).collect(),
        Value::Object(map) if key == "name" => {
            map.get(key).and_then(Value::as_str).map(str::to_owned).into_iter().collect()
        }
        Value::Object(map) => {
            let own = map.get(key).and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(|v| texts(v, key))).collect()
        }
        _ => Vec::new(),
    }
}

/// The parts and conflicts of a merge with the sides exchanged.
pub fn swapped(merge: &Merge) -> (Vec<MergePart>, Vec<MergeConflict>) {
    let source = |s| match s {
        MergeSource::Live => MergeSource::Desired,
        MergeSource::Desired => MergeSource::Live,
        other => other,
    };
    let parts = merge.parts.iter().map(|p| MergePart { source: source(p.source), ..p.clone() }).collect();
    let conflict = |c: &MergeConflict| MergeConflict { live: c.desired.clone(), desired: c.live.clone(), ..c.clone() };
    (parts, merge.conflicts.iter().map(conflict).collect())
}

/// Conflicts by key, without the numbers of labels, which count secrets in the order in which they are met, and without the
/// why, which names the sides in one order.
pub fn masked(conflicts: &[MergeConflict]) -> BTreeMap<String, String> {
    let mask = |c: &MergeConflict| {
        let text = serde_json::to_string(&(&c.title, &c.live, &c.desired, &c.base, &c.sides)).expect("JSON");
        let parts: Vec<_> =
            text.split("‹secret ").map(|s| s.trim_start_matches(|d: char| d.is_ascii_digit())).collect();
        parts.join("‹secret ")
    };
    conflicts.iter().map(|c| (c.key.clone(), mask(c))).collect()
}

/// Whether the part of a conflict is as `whole`, the picked side, has it, by how the result differs from that.
pub fn is_as(conflict: &MergeConflict, base: &Workflow, whole: &Workflow, differs: &Diff) -> bool {
    let (kind, rest) = conflict.key.split_once(':').unwrap_or(("", &conflict.key));
    let items = reported(differs);
    match kind {
        "node" => {
            let Some(name) = name_of(rest, base, whole) else { return true };
            !items.iter().any(|item| matches!(item, Item::Node(node, _) if *node == name))
        }
        "setting" => !differs.changes.iter().any(|c| c.path == ["settings".into(), rest.into()]),
        "connection" => {
            let parts: Vec<_> = rest.rsplitn(3, '/').collect();
            let Some(name) = name_of(parts[2], base, whole) else { return true };
            let index: u64 = parts[0].parse().expect("a number");
            let wires = differs
                .drift()
                .filter(|c| matches!(c.kind, ChangeKind::ConnectionAdded | ChangeKind::ConnectionRemoved));
            // What led to a node that the other side took away is gone, whoever is asked.
            let gone =
                |end: Option<&str>| end.is_some_and(|end| items.contains(&Item::Node(end.to_owned(), "removed")));
            let lost = |c: &Change| gone(c.desired["node"].as_str()) || gone(c.node.as_deref());
            wires.filter(|c| is_at_port(c, &name, parts[1], index)).all(lost)
        }
        _ => !items.contains(&Item::Top(conflict.key.clone())),
    }
}

/// Whether a connection is of a port: of a main output it leaves the node, of an input for sub-nodes it enters it.
fn is_at_port(change: &Change, node: &str, kind: &str, index: u64) -> bool {
    let wire = if change.live.is_null() { &change.desired } else { &change.live };
    if wire["type"] == "main" {
        return kind == "main" && change.node.as_deref() == Some(node) && wire["output"] == index;
    }
    wire["input_type"] == kind && wire["node"] == node && wire["input"] == index
}

/// What a side calls the node of a key. None where it does not have it.
fn name_of(token: &str, base: &Workflow, whole: &Workflow) -> Option<String> {
    let name = |w: &Workflow| {
        let nodes = value(w)["nodes"].as_array().cloned().unwrap_or_default();
        let node = nodes.into_iter().find(|n| n["id"] == token || n["name"] == token)?;
        node["name"].as_str().map(str::to_owned)
    };
    // Of a node that is in base, through a rename.
    let Some(name) = name(base) else { return name(whole) };
    let changes = diff(whole, base).changes;
    let renamed = changes.iter().find(|c| c.kind == ChangeKind::NodeRenamed && c.node.as_ref() == Some(&name));
    Some(renamed.and_then(|c| c.live.as_str().map(str::to_owned)).unwrap_or(name))
}

/// A choice of one side for some keys.
pub fn choose<'k>(side: MergeSide, keys: impl IntoIterator<Item = &'k str>) -> Choices {
    keys.into_iter().map(|key| (key.to_owned(), side)).collect()
}
