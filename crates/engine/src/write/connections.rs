//! Connections: as a set of edges, each where it stands in the file, under the names that nodes have now.
//!
//! What the content has none of stands here as null and an empty list.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use super::merge::{Merge, Ours, Theirs, keys_of, members_of};
use super::sheet::{Block, Entry, Sheet};
use super::style::Style;
use crate::canonical::connections::{Edge, ODD, Port, port_edges, slot_edges, source_edges, target_edge};
use crate::canonical::node::STICKY;
use crate::ignored::Notes;
use crate::json::{Document, Json};

/// Both sides' connections while one is written into the other.
struct Wires<'m> {
    file: &'m Document,
    live: &'m Document,
    style: &'m Style,
    /// What nodes of the file are called now, by the name that the file has.
    names: HashMap<&'m str, &'m str>,
    /// Names of nodes that are no more.
    gone: HashSet<&'m str>,
}

impl Merge<'_> {
    /// Writes the connections of a part of the workflow. `pairs` as for [`Merge::nodes`].
    pub(super) fn connections(&self, part: &mut Block<'_>, indent: &str, theirs: &Block<'_>, pairs: &[Option<usize>]) {
        let names = self.names(pairs);
        let live: HashSet<&str> = self.live.nodes.iter().map(|node| self.live.doc.at(node.name)).collect();
        let was = self.file.nodes.iter().map(|node| self.file.doc.at(node.name));
        let gone = was.filter(|was| !live.contains(names.get(was).unwrap_or(was))).collect();
        let wires = Wires { file: &self.file.doc, live: &self.live.doc, style: &self.style, names, gone };
        let none = Sheet::empty(true);
        // A list without elements stands for an object without members.
        let sheet = theirs.get("connections").filter(|sheet| sheet.object().is_some());
        let theirs = Theirs { sheet: sheet.unwrap_or(&none), json: self.live.connections };
        let is_there = part.get("connections").is_some_and(|sheet| sheet.object().is_some());
        match part.get_mut("connections", indent).filter(|_| is_there) {
            Some((sheet, indent)) => wires.all(Ours { sheet, json: self.file.connections, indent }, theirs),
            None if theirs.sheet.object().is_some_and(|all| !all.entries.is_empty()) => {
                let order = ["nodes".to_owned(), "connections".to_owned()];
                part.put("connections", theirs.sheet, &order, &self.style, indent);
            }
            None => {}
        }
    }

    /// What renamed nodes are called now, by the name that the file has. A name that went to several is left out.
    fn names(&self, pairs: &[Option<usize>]) -> HashMap<&str, &str> {
        let mut names: HashMap<&str, Option<&str>> = HashMap::new();
        for (i, j) in pairs.iter().enumerate().filter_map(|(i, j)| Some((i, (*j)?))) {
            let (now, was) = (self.live.nodes[i], self.file.nodes[j]);
            if self.file.doc.at(was.kind) != STICKY {
                let (now, was) = (self.live.doc.at(now.name), self.file.doc.at(was.name));
                let name = names.entry(was).or_insert(Some(now));
                *name = name.filter(|name| *name == now);
            }
        }
        names.into_iter().filter_map(|(was, now)| Some((was, now?))).collect()
    }
}

impl Wires<'_> {
    /// What a node of the file is called now.
    fn name<'n>(&self, was: &'n str) -> Cow<'n, str> {
        self.names.get(was).map_or(Cow::Borrowed(was), |now| Cow::Owned((*now).to_owned()))
    }

    /// What the file's edges say now, in any order.
    fn now<'e>(&self, edges: impl FnOnce(&mut Vec<Edge<'e>>)) -> Vec<Edge<'e>> {
        let mut all = collected(edges);
        for edge in &mut all {
            edge.source = Cow::Owned(self.name(&edge.source).into_owned());
            if edge.input_kind != ODD {
                edge.target = Cow::Owned(self.name(&edge.target).into_owned());
            }
        }
        all.sort_unstable();
        all
    }

    /// Connections as a whole, by source.
    fn all(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>) {
        let (Some(block), Some(other)) = (ours.sheet.object_mut(), theirs.sheet.object()) else { return };
        let (of_file, of_live) = (members_of(self.file, ours.json), members_of(self.live, theirs.json));
        let there = other.index();
        let their =
            |key: &str| Some(Theirs { sheet: &other.entries[*there.get(key)?].value, json: *of_live.get(key)? });
        let now = self.sources(block);
        let mut stays = vec![false; now.len()];
        for ((entry, now), stays) in block.entries.iter_mut().zip(&now).zip(&mut stays) {
            let was = entry.says().unwrap_or_default().to_owned();
            let (Some(now), Some(json)) = (now, of_file.get(was.as_str())) else { continue };
            let theirs = their(now);
            if theirs.is_none() && self.gone.contains(was.as_str()) {
                continue;
            }
            if *now != was {
                entry.key = Some(self.style.key(now));
            }
            let (sheet, indent) = entry.open(ours.indent);
            *stays = self.source(Ours { sheet, json: *json, indent }, theirs, &was);
        }
        block.retain(&stays);
        let known: HashSet<String> = block.keys().map(str::to_owned).collect();
        self.add(
            block,
            ours.indent,
            other,
            |key| !known.contains(key),
            |key, edges| {
                let json = of_live.get(key).copied().unwrap_or(Json::Null);
                source_edges(self.live, Cow::Owned(key.to_owned()), json, &mut Notes::off(), edges);
            },
        );
    }

    /// Adds what only the content has, where there are edges in it.
    fn add<'e>(
        &self,
        block: &mut Block<'_>,
        indent: &str,
        other: &Block<'_>,
        is_new: impl Fn(&str) -> bool,
        edges: impl Fn(&str, &mut Vec<Edge<'e>>),
    ) {
        let order = keys_of(other);
        let index = other.index();
        for (at, entry) in other.entries.iter().enumerate() {
            let Some(key) = entry.says().filter(|key| is_new(key) && index[key] == at) else { continue };
            if !collected(|all| edges(key, all)).is_empty() {
                block.insert(block.place(key, &order, self.style), Some(key), &entry.value, self.style, indent);
            }
        }
    }

    /// What each source is called now. None: it is stale, another one has the name by now, or the same key comes again.
    fn sources(&self, block: &Block<'_>) -> Vec<Option<String>> {
        let mut now = vec![None; block.entries.len()];
        let mut taken = HashSet::new();
        for of_node in [true, false] {
            for (at, entry) in block.entries.iter().enumerate().rev() {
                let was = entry.says().unwrap_or_default();
                if self.names.contains_key(was) == of_node && taken.insert(self.name(was)) {
                    now[at] = Some(self.name(was).into_owned());
                }
            }
        }
        now
    }

    /// The connections that begin at a node, by port. Says whether they stay.
    fn source(&self, ours: Ours<'_, '_>, theirs: Option<Theirs<'_>>, was: &str) -> bool {
        let name = || Cow::Owned(was.to_owned());
        let edges = self.now(|all| source_edges(self.file, name(), ours.json, &mut Notes::off(), all));
        let Some(theirs) = theirs else { return edges.is_empty() };
        let (true, Some(other)) = (ours.sheet.object().is_some(), theirs.sheet.object()) else {
            let now = || Cow::Owned(self.name(was).into_owned());
            let live = collected(|all| source_edges(self.live, now(), theirs.json, &mut Notes::off(), all));
            return self.replace(ours, theirs, &edges, live);
        };
        let Some(block) = ours.sheet.object_mut() else { return true };
        let (of_file, of_live) = (members_of(self.file, ours.json), members_of(self.live, theirs.json));
        let there = other.index();
        let last: HashMap<String, usize> = block.index().into_iter().map(|(key, at)| (key.to_owned(), at)).collect();
        let mut stays = vec![true; block.entries.len()];
        for (at, entry) in block.entries.iter_mut().enumerate() {
            let port = entry.says().unwrap_or_default().to_owned();
            let Some(json) = of_file.get(port.as_str()).filter(|_| last.get(&port) == Some(&at)) else { continue };
            let theirs = there.get(port.as_str()).zip(of_live.get(port.as_str()));
            let theirs = theirs.map(|(at, json)| Theirs { sheet: &other.entries[*at].value, json: *json });
            let (sheet, indent) = entry.open(ours.indent);
            stays[at] = self.port(Ours { sheet, json: *json, indent }, theirs, was, &port);
        }
        block.retain(&stays);
        self.add(
            block,
            ours.indent,
            other,
            |key| !last.contains_key(key),
            |key, edges| {
                let port = Port { source: name(), port: Cow::Owned(key.to_owned()), output: 0 };
                port_edges(self.live, port, of_live.get(key).copied().unwrap_or(Json::Null), &mut Notes::off(), edges);
            },
        );
        true
    }

    /// The connections of a port, by output. Says whether they stay.
    fn port(&self, ours: Ours<'_, '_>, theirs: Option<Theirs<'_>>, was: &str, port: &str) -> bool {
        let at =
            |source: &str| Port { source: Cow::Owned(source.to_owned()), port: Cow::Owned(port.to_owned()), output: 0 };
        let edges = self.now(|all| port_edges(self.file, at(was), ours.json, &mut Notes::off(), all));
        let Some(theirs) = theirs else { return edges.is_empty() };
        let (true, Some(other)) = (ours.sheet.list().is_some(), theirs.sheet.list()) else {
            let now = at(&self.name(was));
            let live = collected(|all| port_edges(self.live, now, theirs.json, &mut Notes::off(), all));
            return self.replace(ours, theirs, &edges, live);
        };
        let (f, l) = (self.file.items(ours.json), self.live.items(theirs.json));
        let Some(block) = ours.sheet.list_mut() else { return true };
        let none = Sheet::empty(false);
        for (output, json) in f.iter().enumerate() {
            let (sheet, indent) = block.entries[output].open(ours.indent);
            let value = other.entries.get(output).map_or(&none, |entry| &entry.value);
            let theirs = Theirs { sheet: value, json: l.get(output).copied().unwrap_or(Json::Null) };
            self.output(Ours { sheet, json: *json, indent }, theirs, &at(was));
        }
        let begins = |json: &Json| !collected(|all| slot_edges(self.live, &at(was), *json, all)).is_empty();
        let end = l.iter().rposition(begins).map_or(0, |last| last + 1);
        for entry in other.entries.iter().take(end).skip(f.len()) {
            block.insert(block.entries.len(), None, &entry.value, self.style, ours.indent);
        }
        // Outputs that the content does not have any more, where they came to be empty.
        while block.entries.len() > l.len().max(1) && self.is_emptied(block, f) {
            block.remove(block.entries.len() - 1);
        }
        true
    }

    /// Whether the last output is empty and was not in the file.
    fn is_emptied(&self, block: &Block<'_>, f: &[Json]) -> bool {
        let last = block.entries.len() - 1;
        let empty = block.entries[last].value.list().is_some_and(|targets| targets.entries.is_empty());
        empty && f.get(last).is_some_and(|was| !self.file.items(*was).is_empty())
    }

    /// The connections of an output.
    fn output(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>, port: &Port<'_>) {
        let is_list = |json: Json| json.is_list() || json.is_null();
        if ours.sheet.list().is_none() || !is_list(theirs.json) {
            let edges = self.now(|all| slot_edges(self.file, port, ours.json, all));
            let now = self.live_port(port);
            self.replace(ours, theirs, &edges, collected(|all| slot_edges(self.live, &now, theirs.json, all)));
            return;
        }
        let Some(block) = ours.sheet.list_mut() else { return };
        let none = Vec::new();
        let others = theirs.sheet.list().map_or(&none, |other| &other.entries);
        let now = self.live_port(port);
        let mut wanted: HashMap<End, VecDeque<(usize, Edge<'_>)>> = HashMap::new();
        for (at, json) in self.live.items(theirs.json).iter().enumerate() {
            for edge in collected(|all| target_edge(self.live, &now, *json, all)) {
                wanted.entry(end(&edge)).or_default().push_back((at, edge));
            }
        }
        let mut stale = Vec::new();
        for (at, json) in self.file.items(ours.json).iter().enumerate() {
            let Some(edge) = self.now(|all| target_edge(self.file, port, *json, all)).pop() else { continue };
            let stays = wanted.get_mut(&end(&edge)).and_then(VecDeque::pop_front);
            let (target, indent) = block.entries[at].open(ours.indent);
            match stays {
                Some((_, new)) => self.retarget(target, &edge, &new, None, indent),
                None => stale.push((at, edge)),
            }
        }
        let mut new: Vec<_> = wanted.into_values().flatten().collect();
        new.sort_unstable_by_key(|(at, _)| *at);
        let mut new = new.into_iter();
        let mut stays = vec![true; block.entries.len()];
        for (at, edge) in stale {
            let (target, indent) = block.entries[at].open(ours.indent);
            match new.next() {
                Some((from, new)) => self.retarget(target, &edge, &new, others.get(from), indent),
                None => stays[at] = false,
            }
        }
        block.retain(&stays);
        for (from, _) in new {
            block.insert(block.entries.len(), None, &others[from].value, self.style, ours.indent);
        }
    }

    /// A port of the file, under the name that its node has now.
    fn live_port<'p>(&self, port: &Port<'p>) -> Port<'p> {
        let source = Cow::Owned(self.name(&port.source).into_owned());
        Port { source, port: port.port.clone(), output: port.output }
    }

    /// Makes of a target, which says `edge`, one that says `new`: key by key, or `from` in its place where it is no target.
    fn retarget(&self, sheet: &mut Sheet<'_>, edge: &Edge<'_>, new: &Edge<'_>, from: Option<&Entry<'_>>, indent: &str) {
        let is_plain = edge.input_kind != ODD && new.input_kind != ODD;
        let Some(target) = sheet.object_mut().filter(|_| is_plain) else {
            if let Some(from) = from.filter(|_| edge != new) {
                *sheet = self.style.written(&from.value, indent, false);
            }
            return;
        };
        let order = ["node".to_owned(), "type".to_owned(), "index".to_owned()];
        let is_named = target.get("node").and_then(Sheet::text).is_some_and(|name| name == new.target);
        let mut say = |key, value: Sheet<'_>| target.put(key, &value, &order, self.style, indent);
        if !is_named {
            say("node", self.style.text(&new.target));
        }
        if edge.input_kind != new.input_kind {
            say("type", self.style.text(&new.input_kind));
        }
        if edge.input != new.input {
            say("index", Sheet::Scalar(Cow::Owned(new.input.to_string())));
        }
    }

    /// Puts the content's part in the place of the file's, where they differ. Of the shapes that n8n does not write.
    fn replace(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>, edges: &[Edge<'_>], mut live: Vec<Edge<'_>>) -> bool {
        live.sort_unstable();
        if edges != live {
            *ours.sheet = self.style.written(theirs.sheet, ours.indent, false);
        }
        true
    }
}

/// Where an edge ends: the node, the kind of input, the input.
type End = (String, String, u64);

fn end(edge: &Edge<'_>) -> End {
    (edge.target.clone().into_owned(), edge.input_kind.clone().into_owned(), edge.input)
}

fn collected<'e>(edges: impl FnOnce(&mut Vec<Edge<'e>>)) -> Vec<Edge<'e>> {
    let mut all = Vec::new();
    edges(&mut all);
    all
}
