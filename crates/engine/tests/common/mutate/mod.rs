//! Known mutations of real workflows: what each does to the file, and what a person would say changed.
//!
//! The truth is kept beside the engine, not by it: each operation says what it did, and connections are compared here as
//! plain sets over names that are tracked through renames.

mod benign;
mod rng;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

pub use rng::Rng;

const STICKY: &str = "n8n-nodes-base.stickyNote";

/// What a person would say changed. Names are the desired side's, except for added nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A node was added, removed, renamed or modified.
    Node(String, &'static str),
    /// The outgoing connections of a node changed.
    Connections(String),
    /// Something of the workflow itself.
    Top(String),
}

/// Operations that change nothing that runs.
pub const BENIGN: [&str; 17] = [
    "volatile",
    "position",
    "node order",
    "new ids",
    "connection order",
    "defaults written",
    "defaults left out",
    "nulls",
    "sticky note",
    "unknown fields",
    "credential ids",
    "assignment ids",
    "empty slots",
    "caches dropped",
    "runtime data",
    "tag order",
    "settings of an upgrade",
];

/// Operations that a person would call a change.
pub const FUNCTIONAL: [&str; 24] = [
    "param",
    "number",
    "code",
    "rename",
    "add",
    "remove",
    "swap outputs",
    "rewire",
    "unwire",
    "disable",
    "credential",
    "credential removed",
    "type version",
    "type",
    "settings",
    "active",
    "name",
    "tags",
    "notes",
    "on error",
    "param added",
    "param removed",
    "list element",
    "webhook id",
];

/// A workflow under mutation, with the truth so far.
pub struct Case {
    /// The file.
    pub workflow: Value,
    /// What was done to nodes and the workflow itself.
    items: BTreeSet<Item>,
    /// Desired names of nodes that were renamed, by the name that they have now.
    original: HashMap<String, String>,
    /// Nodes that something was done to: each gets one change.
    touched: BTreeSet<String>,
    before: Value,
}

impl Case {
    /// A case that nothing was done to.
    pub fn new(workflow: &Value) -> Self {
        Self {
            workflow: workflow.clone(),
            items: BTreeSet::new(),
            original: HashMap::new(),
            touched: BTreeSet::new(),
            before: workflow.clone(),
        }
    }

    /// What a person would say changed, by all that was done.
    pub fn truth(&self) -> BTreeSet<Item> {
        let mut items = self.items.clone();
        let (old, new) = (edges(&self.before, &HashMap::new()), edges(&self.workflow, &self.original));
        let sources: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for source in sources {
            if old.get(source) != new.get(source) {
                items.insert(Item::Connections(source.clone()));
            }
        }
        items
    }

    fn nodes(&mut self) -> &mut Vec<Value> {
        self.workflow["nodes"].as_array_mut().expect("a list of nodes")
    }

    /// The places of nodes that run, have a name of their own, were not touched yet, and fit.
    fn candidates(&mut self, fits: impl Fn(&Map<String, Value>) -> bool) -> Vec<usize> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for node in self.nodes().iter() {
            *counts.entry(name(node)).or_default() += 1;
        }
        let touched = self.touched.clone();
        (0..self.nodes().len())
            .filter(|&i| {
                let node = &self.nodes()[i];
                let name = name(node);
                node["type"] != STICKY
                    && !name.is_empty()
                    && counts[&name] == 1
                    && !touched.contains(&name)
                    && node.as_object().is_some_and(&fits)
            })
            .collect()
    }

    fn choose(&mut self, rng: &mut Rng, fits: impl Fn(&Map<String, Value>) -> bool) -> Option<usize> {
        let all = self.candidates(fits);
        let i = *rng.pick(&all)?;
        let name = name(&self.nodes()[i]);
        self.touched.insert(name);
        Some(i)
    }

    fn modified(&mut self, i: usize) -> bool {
        let name = name(&self.nodes()[i]);
        self.items.insert(Item::Node(name, "modified"));
        true
    }

    /// Does something that changes what runs. False where the workflow has nothing that it could be done to.
    pub fn functional(&mut self, op: &str, rng: &mut Rng) -> bool {
        self.try_functional(op, rng).unwrap_or(false)
    }

    fn try_functional(&mut self, op: &str, rng: &mut Rng) -> Option<bool> {
        Some(match op {
            "param" | "number" | "code" | "param added" | "param removed" | "list element" => {
                return self.parameter(op, rng);
            }
            "rename" => return self.rename(rng),
            "add" => return self.add(rng),
            "remove" => return self.remove(rng),
            "swap outputs" | "rewire" | "unwire" => return self.wires(op, rng),
            "disable" => {
                let i = self.choose(rng, |n| n.get("disabled") != Some(&json!(true)))?;
                self.nodes()[i]["disabled"] = json!(true);
                self.modified(i)
            }
            "credential" | "credential removed" => {
                let i = self.choose(rng, |n| credentials(n).next().is_some())?;
                let node = self.nodes()[i].as_object_mut()?;
                let kind = credentials(node).next()?.to_owned();
                if op == "credential" {
                    node["credentials"][&kind] = json!({"id": "Zz12", "name": "other account"});
                } else {
                    node["credentials"].as_object_mut()?.remove(&kind);
                }
                self.modified(i)
            }
            "type version" => {
                let i = self.choose(rng, |_| true)?;
                let version = self.nodes()[i]["typeVersion"].as_f64().unwrap_or(1.0);
                self.nodes()[i]["typeVersion"] = json!(version + 1.0);
                self.modified(i)
            }
            "type" => {
                let i = self.choose(rng, |_| true)?;
                self.nodes()[i]["type"] = json!("n8n-nodes-base.somethingElse");
                self.modified(i)
            }
            "notes" => {
                let i = self.choose(rng, |_| true)?;
                self.nodes()[i]["notes"] = json!("mind the gap");
                self.modified(i)
            }
            "on error" => {
                let i = self.choose(rng, |n| n.get("onError") != Some(&json!("continueRegularOutput")))?;
                self.nodes()[i]["onError"] = json!("continueRegularOutput");
                self.modified(i)
            }
            "webhook id" => {
                let i = self.choose(rng, |n| n.get("webhookId").is_some())?;
                self.nodes()[i]["webhookId"] = json!(rng.uuid());
                self.modified(i)
            }
            _ => return self.top(op),
        })
    }

    fn top(&mut self, op: &str) -> Option<bool> {
        let w = self.workflow.as_object_mut()?;
        let key = match op {
            "settings" => {
                let settings = w.entry("settings").or_insert_with(|| json!({})).as_object_mut()?;
                settings.insert("timezone".into(), json!("Europe/Lisbon"));
                "settings"
            }
            // Twice would be not at all.
            "active" if self.items.contains(&Item::Top("active".into())) => return None,
            "active" => {
                let active = w.get("active").and_then(Value::as_bool).unwrap_or(false);
                w.insert("active".into(), json!(!active));
                "active"
            }
            "name" => {
                w.get("name")?;
                w.insert("name".into(), json!("Another name"));
                "name"
            }
            "tags" => {
                let tags = w.get_mut("tags")?.as_array_mut()?;
                tags.push(json!({"id": "t1", "name": "a tag of its own"}));
                "tags"
            }
            _ => return None,
        };
        Some(self.items.insert(Item::Top(key.into())))
    }

    fn parameter(&mut self, op: &str, rng: &mut Rng) -> Option<bool> {
        let wanted = |node: &Map<String, Value>| places(node, op);
        let i = self.choose(rng, |node| !wanted(node).is_empty())?;
        let node = self.nodes()[i].as_object_mut()?;
        let path = rng.pick(&wanted(node))?.clone();
        let at = node.get_mut("parameters")?.pointer_mut(&path)?;
        match (op, at) {
            ("code", Value::String(s)) => {
                let lines = s.lines().count();
                let cut = rng.below(lines);
                let text: Vec<_> = s.lines().enumerate().map(|(i, l)| if i == cut { "// edited" } else { l }).collect();
                *s = text.join("\n");
            }
            ("param", Value::String(s)) => s.push_str(" changed"),
            ("number", n) => *n = json!(n.as_f64()? + 1.0),
            ("param added", Value::Object(map)) => drop(map.insert("anotherOption".into(), json!("x"))),
            ("param removed", Value::Object(map)) => {
                let key = map.iter().find(|(_, v)| v.is_string() || v.is_number())?.0.clone();
                map.remove(&key);
            }
            ("list element", Value::Array(items)) => {
                if items.len() > 1 && rng.one_in(2) {
                    items.remove(rng.below(items.len()));
                } else {
                    items.insert(rng.below(items.len() + 1), json!({"name": "new", "value": "1"}));
                }
            }
            _ => return None,
        }
        Some(self.modified(i))
    }

    fn rename(&mut self, rng: &mut Rng) -> Option<bool> {
        let plain = |n: &Map<String, Value>| n["name"].as_str().is_some_and(|s| !s.contains(['\'', '"', '`', '\\']));
        let i = self.choose(rng, plain)?;
        let old = name(&self.nodes()[i]);
        let new = format!("{old} renamed");
        let connections = std::mem::take(self.workflow["connections"].as_object_mut()?);
        let renamed = connections.into_iter().map(|(k, v)| (if k == old { new.clone() } else { k }, v)).collect();
        self.workflow["connections"] = Value::Object(renamed);
        each_edge(&mut self.workflow["connections"], &mut |edge| {
            if edge["node"] == old.as_str() {
                edge["node"] = json!(new);
            }
        });
        for node in self.nodes() {
            follow(&mut node["parameters"], &old, &new);
        }
        self.nodes()[i]["name"] = json!(new);
        self.touched.insert(new.clone());
        self.original.insert(new, old.clone());
        Some(self.items.insert(Item::Node(old, "renamed")))
    }

    fn add(&mut self, rng: &mut Rng) -> Option<bool> {
        let all = self.candidates(|_| true);
        let mut copy = self.nodes().get(*rng.pick(&all)?)?.clone();
        let source = self.nodes().get(*rng.pick(&all)?).map(name)?;
        let new = format!("{}9", name(&copy));
        if self.nodes().iter().any(|n| name(n) == new) {
            return None;
        }
        copy["name"] = json!(new);
        copy["id"] = json!(rng.uuid());
        if let Some(position) = copy["position"].as_array_mut() {
            position.iter_mut().for_each(|x| *x = json!(x.as_f64().unwrap_or(0.0) + 220.0));
        }
        self.nodes().push(copy);
        let ports = self.workflow["connections"].as_object_mut()?.entry(source).or_insert_with(|| json!({}));
        let slots = ports.as_object_mut()?.entry("main").or_insert_with(|| json!([[]])).as_array_mut()?;
        if slots.is_empty() || slots[0].is_null() {
            slots.insert(0, json!([]));
            if slots.len() > 1 {
                slots.remove(1);
            }
        }
        slots[0].as_array_mut()?.push(json!({"node": new, "type": "main", "index": 0}));
        self.touched.insert(new.clone());
        Some(self.items.insert(Item::Node(new, "added")))
    }

    fn remove(&mut self, rng: &mut Rng) -> Option<bool> {
        let i = self.choose(rng, |_| true)?;
        let gone = name(&self.nodes().remove(i));
        let connections = self.workflow["connections"].as_object_mut()?;
        connections.remove(&gone);
        for slot in connections.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            for targets in slot.as_array_mut().into_iter().flatten().filter_map(Value::as_array_mut) {
                targets.retain(|edge| edge["node"] != gone.as_str());
            }
        }
        Some(self.items.insert(Item::Node(gone, "removed")))
    }

    fn wires(&mut self, op: &str, rng: &mut Rng) -> Option<bool> {
        let names: Vec<String> = self.nodes().iter().filter(|n| n["type"] != STICKY).map(name).collect();
        let connections = self.workflow["connections"].as_object_mut()?;
        let fits = |slots: &Value| {
            let slots = slots.as_array().map_or(&[][..], Vec::as_slice);
            if op == "swap outputs" {
                slots.len() >= 2 && slots[0] != slots[1] && slots[..2].iter().all(Value::is_array)
            } else {
                slots.first().is_some_and(|s| s.as_array().is_some_and(|s| !s.is_empty()))
            }
        };
        let sources: Vec<String> =
            connections.iter().filter(|(_, p)| p.get("main").is_some_and(fits)).map(|(k, _)| k.clone()).collect();
        let slots = connections.get_mut(rng.pick(&sources)?)?["main"].as_array_mut()?;
        match op {
            "swap outputs" => slots.swap(0, 1),
            "unwire" => drop(slots[0].as_array_mut()?.pop()),
            _ => slots[0][0]["node"] = json!(rng.pick(&names)?),
        }
        Some(true)
    }
}

/// JSON pointers into a node's parameters to what the operation can be done to.
fn places(node: &Map<String, Value>, op: &str) -> Vec<String> {
    let mut out = Vec::new();
    walk(node.get("parameters").unwrap_or(&Value::Null), String::new(), &mut |path, value| {
        let last = path.rsplit('/').next().unwrap_or_default();
        let fits = match (op, value) {
            // What a cache remembers beside the value is not what a person calls a change.
            ("param", Value::String(_)) => !last.starts_with("cached"),
            ("code", Value::String(s)) => s.lines().count() > 3,
            ("number", Value::Number(_)) => true,
            ("param added", Value::Object(_)) => true,
            ("param removed", Value::Object(map)) => {
                !map.contains_key("__rl")
                    && !map.contains_key("id")
                    && map.values().any(|v| v.is_string() || v.is_number())
            }
            ("list element", Value::Array(items)) => items.iter().any(Value::is_object),
            _ => false,
        };
        if fits {
            out.push(path.to_owned());
        }
    });
    out
}

fn walk(value: &Value, path: String, visit: &mut impl FnMut(&str, &Value)) {
    visit(&path, value);
    match value {
        Value::Object(map) => {
            for (k, v) in map {
                walk(v, format!("{path}/{}", k.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| walk(v, format!("{path}/{i}"), visit)),
        _ => {}
    }
}

fn name(node: &Value) -> String {
    node["name"].as_str().unwrap_or_default().to_owned()
}

fn credentials(node: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let all = node.get("credentials").and_then(Value::as_object);
    all.into_iter()
        .flatten()
        .filter(|(_, c)| c["name"].as_str().is_some_and(|s| !s.is_empty()))
        .map(|(k, _)| k.as_str())
}

fn follow(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(s) => {
            for (open, close) in
                [("$('", "')"), ("$(\"", "\")"), ("$node[\"", "\"]"), ("$node['", "']"), ("$items(\"", "\"")]
            {
                *s = s.replace(&format!("{open}{old}{close}"), &format!("{open}{new}{close}"));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| follow(v, old, new)),
        Value::Object(map) => map.values_mut().for_each(|v| follow(v, old, new)),
        _ => {}
    }
}

fn each_edge(connections: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    for ports in connections.as_object_mut().into_iter().flat_map(Map::values_mut) {
        for slots in ports.as_object_mut().into_iter().flat_map(Map::values_mut) {
            for targets in slots.as_array_mut().into_iter().flatten() {
                targets.as_array_mut().into_iter().flatten().for_each(&mut *visit);
            }
        }
    }
}

/// Edges by source, by the names that desired has.
fn edges(workflow: &Value, original: &HashMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let old = |name: &str| original.get(name).cloned().unwrap_or_else(|| name.to_owned());
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (source, ports) in workflow["connections"].as_object().into_iter().flatten() {
        for (port, slots) in ports.as_object().into_iter().flatten() {
            for (output, targets) in slots.as_array().into_iter().flatten().enumerate() {
                for edge in targets.as_array().into_iter().flatten() {
                    let target = old(edge["node"].as_str().unwrap_or_default());
                    let end =
                        format!("{port} {output} {target} {} {}", edge["type"], edge["index"].as_u64().unwrap_or(0));
                    out.entry(old(source)).or_default().push(end);
                }
            }
        }
    }
    out.values_mut().for_each(|v| v.sort());
    out.retain(|_, v| !v.is_empty());
    out
}

/// JSON text with keys in any order and whole numbers spelt as they please.
pub fn write(value: &Value, rng: &mut Rng) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            rng.shuffle(&mut members);
            let members: Vec<_> =
                members.into_iter().map(|(k, v)| format!("{}: {}", json!(k), write(v, rng))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(|v| write(v, rng)).collect::<Vec<_>>().join(",\n ")),
        Value::Number(n) if n.is_i64() && rng.one_in(2) => format!("{n}.0"),
        other => other.to_string(),
    }
}
