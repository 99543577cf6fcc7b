//! The merged workflow, put together from the sides.

use std::collections::{HashMap, HashSet};

use drift_domain::views::MergeSide::{self, Base, Desired, Live};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::nodes::{Nodes, Used, Who, meet, who_calls};
use super::sides::Sides;
use super::wires::{End, Wire};
use crate::canonical::connections::ODD;
use crate::diff::matching::Prepared;
use crate::diff::refs;

/// What is seen on the canvas alone.
const COSMETIC: [&str; 3] = ["position", "notesInFlow", "color"];

/// Puts it together, in the form of n8n's API, from sides of which nothing is open.
pub(super) fn of(sides: &Sides<'_>, nodes: &Nodes, wires: &[Wire<'_>], fields: &Fields) -> Value {
    let names = names(sides, nodes);
    let mut out = Map::new();
    let first = |of: &dyn Fn(MergeSide) -> Option<Value>| [Live, Desired].into_iter().find_map(of);
    let id = first(&|side| Some(sides.flows[side]?.id()?.into()));
    let instance = [Live, Desired].into_iter().any(|side| sides.flows[side].is_some_and(|flow| flow.instance));
    if id.is_none() && instance {
        // The mark of a file that came from an instance and has no id, as in a snapshot.
        out.insert("parentFolderId".to_owned(), Value::Null);
    }
    out.extend(id.map(|id| ("id".to_owned(), id)));
    let (list, ids) = written_nodes(sides, nodes, &names);
    out.insert("nodes".to_owned(), list);
    out.insert("connections".to_owned(), written_wires(wires, &names));
    out.insert("settings".to_owned(), Value::Object(fields.settings.clone()));
    for (key, side) in &fields.fields {
        let Some(flow) = sides.flows[*side] else { continue };
        let value = match *key {
            "name" => flow.name.as_deref().map(Value::from),
            "active" => flow.active.map(Value::from),
            "isArchived" => flow.archived.map(Value::from),
            "description" => flow.description.as_deref().map(Value::from),
            "tags" => flow.tags.as_ref().map(|tags| tags.iter().map(|tag| json!({ "name": tag })).collect()),
            _ => flow.node_groups.map(|groups| grouped(&flow.doc.to_value(groups), &group_ids(sides, *side, &ids))),
        };
        out.extend(value.map(|value| ((*key).to_owned(), value)));
    }
    Value::Object(out)
}

/// What each node is called in the result; nothing for those that are not in it. A note on the canvas gives way where its
/// name is another node's by the merge.
fn names(sides: &Sides<'_>, nodes: &Nodes) -> Vec<Option<String>> {
    let taken: Vec<_> = (0..sides.entities.len()).map(|e| nodes.taken(sides, e)).collect();
    let mut used = Used::default();
    taken.iter().flatten().for_each(|p| used.keep(p.name));
    let mut callers: HashMap<&str, HashSet<Who>> = HashMap::new();
    // What runs has its name before notes on the canvas.
    let notes_last = |e: &usize| taken[*e].is_some_and(Prepared::is_sticky);
    let mut order: Vec<_> = (0..taken.len()).collect();
    order.sort_by_key(notes_last);
    let mut out = vec![None; taken.len()];
    for e in order {
        let Some(p) = taken[e] else { continue };
        let who = who_calls(sides, e, p.name);
        let callers = callers.entry(p.name).or_default();
        let gives_way = p.is_sticky() && !p.name.is_empty() && callers.iter().any(|other| !meet(*other, who));
        callers.insert(who);
        out[e] = Some(if gives_way { used.free(p.name, "") } else { p.name.to_owned() });
    }
    out
}

/// The nodes, and the ids that they have.
fn written_nodes(sides: &Sides<'_>, nodes: &Nodes, names: &[Option<String>]) -> (Value, Vec<Option<String>>) {
    let renames: HashMap<_, _> = MergeSide::ALL.iter().map(|side| (*side, renames(sides, *side, names))).collect();
    let (mut list, mut ids, mut holders) = (Vec::new(), Vec::new(), HashMap::new());
    for (e, name) in names.iter().enumerate() {
        let (Some(side), Some(p), Some(name)) = (nodes.side(e), nodes.taken(sides, e), name) else {
            ids.push(None);
            continue;
        };
        let mut node = p.doc.to_map(p.json);
        if p.name != name {
            node.insert("name".to_owned(), Value::from(name.as_str()));
        }
        if let Some(parameters) = node.get_mut("parameters") {
            follow(parameters, &renames[&side]);
        }
        identify(sides, e, &mut node);
        place(sides, e, &mut node);
        // An id that two sides gave to two nodes: n8n makes a new one.
        let id = id_of(&node);
        let twice = id.as_deref().is_some_and(|id| {
            let who = [Live, Desired, Base].map(|side| sides.node(e, side).is_some_and(|p| p.id == Some(id)));
            let earlier: &mut HashSet<Who> = holders.entry(id.to_owned()).or_default();
            let clashes = earlier.iter().any(|other| !meet(*other, who));
            earlier.insert(who);
            clashes && sides.node(e, Live).is_none()
        });
        if twice {
            node.remove("id");
        }
        ids.push(id.filter(|_| !twice));
        list.push(Value::Object(node));
    }
    (Value::Array(list), ids)
}

fn id_of(node: &Map<String, Value>) -> Option<String> {
    node.get("id").and_then(Value::as_str).map(str::to_owned)
}

/// A node that runs keeps the id that it has there.
fn identify(sides: &Sides<'_>, entity: usize, node: &mut Map<String, Value>) {
    if let Some(id) = sides.node(entity, Live).and_then(|p| p.id) {
        node.insert("id".to_owned(), Value::from(id));
    }
}

/// Where a node stands on the canvas: as live has it, unless Git alone moved it.
fn place(sides: &Sides<'_>, entity: usize, node: &mut Map<String, Value>) {
    let (Some(live), Some(desired)) = (sides.node(entity, Live), sides.node(entity, Desired)) else { return };
    let of = |p: &Prepared<'_>, key: &str| p.doc.get(p.json, key).map(|json| p.doc.to_value(json));
    for key in COSMETIC {
        let base = sides.node(entity, Base).map(|p| of(p, key));
        let here = of(live, key);
        let value = if base.as_ref() == Some(&here) { of(desired, key) } else { here };
        match value {
            Some(value) => drop(node.insert(key.to_owned(), value)),
            None => drop(node.remove(key)),
        }
    }
}

/// Names of a side and what the result calls the same nodes. A node that the side lacks goes by its name in base there, if
/// anything names it. A name of several nodes stays as it is where they part.
fn renames<'s>(sides: &'s Sides<'_>, side: MergeSide, names: &'s [Option<String>]) -> HashMap<&'s str, &'s str> {
    let mut out: HashMap<&str, Option<&str>> = HashMap::new();
    let named = |side: MergeSide| {
        let node = move |e: usize| sides.node(e, side).filter(|p| !p.is_sticky()).map(|p| (e, p.name));
        (0..names.len()).filter_map(node)
    };
    for (e, name) in named(side) {
        let new = names[e].as_deref();
        out.entry(name).and_modify(|seen| *seen = seen.filter(|seen| Some(*seen) == new)).or_insert(new);
    }
    for (e, name) in named(Base).filter(|(e, _)| sides.node(*e, side).is_none()) {
        out.entry(name).or_insert(names[e].as_deref());
    }
    out.into_iter().filter_map(|(from, to)| to.filter(|to| *to != from).map(|to| (from, to))).collect()
}

fn follow(value: &mut Value, renames: &HashMap<&str, &str>) {
    match value {
        _ if renames.is_empty() => {}
        Value::String(text) => {
            if let std::borrow::Cow::Owned(new) = refs::follow(text, renames) {
                *text = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| follow(item, renames)),
        Value::Object(map) => map.values_mut().for_each(|value| follow(value, renames)),
        _ => {}
    }
}

fn written_wires(wires: &[Wire<'_>], names: &[Option<String>]) -> Value {
    let mut out = Map::new();
    for wire in wires {
        let called = |end: &End<'_>| match end {
            End::Node(e) => names[*e].clone().unwrap_or_default(),
            End::Name(name) => name.clone().into_owned(),
        };
        let ports = out.entry(called(&wire.source)).or_insert_with(|| json!({}));
        let Some(ports) = ports.as_object_mut() else { continue };
        let outputs = ports.entry(wire.port.clone()).or_insert_with(|| json!([]));
        let Some(outputs) = outputs.as_array_mut() else { continue };
        while outputs.len() <= wire.output {
            outputs.push(json!([]));
        }
        let target = called(&wire.target);
        let connection = || json!({ "node": target, "type": wire.kind, "index": wire.input });
        // What came in another shape goes as it came.
        let odd = (wire.kind == ODD).then(|| serde_json::from_str(&target).ok()).flatten();
        put(&mut outputs[wire.output], odd.unwrap_or_else(connection), wire.kind == ODD);
    }
    Value::Object(out)
}

/// Puts a connection into an output. What stands in place of an output's list, and would be a connection within one, is
/// put in place of the list, as it came, as long as nothing else comes from that output.
fn put(slot: &mut Value, connection: Value, is_odd: bool) {
    let index = connection.get("index").unwrap_or(&Value::Null);
    let reads_as_connection = connection["node"].is_string() && (index.is_null() || index.is_u64());
    match slot {
        Value::Array(list) if list.is_empty() && is_odd && reads_as_connection => *slot = connection,
        Value::Array(list) => list.push(connection),
        alone => *alone = json!([alone.take(), connection]),
    }
}

/// The ids that a side has for nodes, and those that the result has; none for a node that is not in it.
fn group_ids<'s>(
    sides: &'s Sides<'_>,
    side: MergeSide,
    ids: &'s [Option<String>],
) -> HashMap<&'s str, Option<&'s str>> {
    let mut out = HashMap::new();
    for (e, new) in ids.iter().enumerate() {
        if let Some(id) = sides.node(e, side).and_then(|p| p.id) {
            // Ids occur twice in real data: any node that is left will do.
            let seen = out.entry(id).or_insert(None);
            *seen = seen.or(new.as_deref());
        }
    }
    out
}

/// Groups of a side with the ids of the result. Members that are not in it are left out.
fn grouped(value: &Value, ids: &HashMap<&str, Option<&str>>) -> Value {
    let stays = |value: &&Value| !matches!(value, Value::String(s) if ids.get(s.as_str()) == Some(&None));
    match value {
        Value::String(s) => Value::from(ids.get(s.as_str()).copied().flatten().unwrap_or(s)),
        Value::Array(items) => items.iter().filter(stays).map(|item| grouped(item, ids)).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), grouped(v, ids))).collect()),
        other => other.clone(),
    }
}
