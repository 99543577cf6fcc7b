//! Nodes: which are new, which are gone, and what changed in those that both sides have.

use std::borrow::Cow;
use std::collections::HashSet;

use super::merge::{Merge, Ours, Theirs, Verdict};
use super::sheet::{Block, Entry, Sheet};
use crate::canonical::groups::texts;
use crate::canonical::node::{Field, STICKY, field, kept};
use crate::workflow::Node;

/// The ids that nodes have in the file once it is written, in the content's order.
pub(super) type Ids = Vec<Option<String>>;

/// The keys of all nodes of a workflow, in the order in which they stand.
pub(super) fn key_order(graph: &Block<'_>) -> Vec<String> {
    let nodes = graph.get("nodes").and_then(Sheet::list);
    let mut order = Vec::new();
    for node in nodes.into_iter().flat_map(|nodes| &nodes.entries).filter_map(|entry| entry.value.object()) {
        add_keys(node, &mut order);
    }
    order
}

/// Adds the keys that are missing, each behind the one that it follows.
pub(super) fn add_keys(node: &Block<'_>, order: &mut Vec<String>) {
    let mut behind = 0;
    for key in node.keys() {
        match order.iter().position(|known| known == key) {
            Some(at) => behind = at + 1,
            None => {
                order.insert(behind, key.to_owned());
                behind += 1;
            }
        }
    }
}

impl Merge<'_> {
    /// Writes the nodes. `pairs` says for each of the content's which of the file's it is.
    pub(super) fn nodes(
        &self,
        list: &mut Block<'_>,
        indent: &str,
        theirs: &Block<'_>,
        pairs: &[Option<usize>],
    ) -> Option<Ids> {
        let shared = self.live.shared_names();
        let mut live_of = vec![None; list.entries.len()];
        for (i, j) in pairs.iter().enumerate().filter_map(|(i, j)| Some((i, (*j)?))) {
            live_of[j] = Some(i);
        }
        for (j, entry) in list.entries.iter_mut().enumerate() {
            let Some(i) = live_of[j] else { continue };
            let (ours, live) = (&self.file.nodes[j], &self.live.nodes[i]);
            let (sheet, indent) = entry.open(indent);
            let name = self.live.doc.at(live.name);
            let hard = self.live.doc.at(live.kind) != STICKY && shared.binary_search(&name).is_ok();
            let theirs = Theirs { sheet: &theirs.entries.get(i)?.value, json: live.json };
            self.node(Ours { sheet, json: ours.json, indent }, ours, theirs, live, hard);
        }
        let mut standing: Vec<usize> = live_of.iter().copied().flatten().collect();
        (0..live_of.len()).rev().filter(|j| live_of[*j].is_none()).for_each(|j| list.remove(j));
        let with_ids = self.file.nodes.is_empty() || self.file.nodes.iter().any(|node| node.id.is_some());
        for (i, _) in pairs.iter().enumerate().filter(|(_, j)| j.is_none()) {
            let before = i.checked_sub(1).and_then(|before| standing.iter().position(|here| *here == before));
            let at = before.map_or(0, |before| before + 1);
            let node = self.new_node(theirs.entries.get(i)?.value.object()?, with_ids);
            list.insert(at, None, &Sheet::Block(node), &self.style, indent);
            standing.insert(at, i);
        }
        let ids = self.ids(list, indent, &standing, pairs);
        Some(if self.groups_fit(&ids) { ids } else { self.take_ids(list, indent, &standing) })
    }

    fn node(&self, ours: Ours<'_, '_>, of_file: &Node, theirs: Theirs<'_>, of_live: &Node, hard: bool) {
        let (file, live) = (&*self.file.doc, &*self.live.doc);
        let mut order = self.node_keys.clone();
        theirs.sheet.object().into_iter().for_each(|node| add_keys(node, &mut order));
        self.members(ours, theirs, &order, &mut |key, f, l| match field(key) {
            Field::Identity if key == "name" && file.at(of_file.name) != live.at(of_live.name) => Verdict::take(l),
            Field::Keep => Verdict::of(kept(file, key, f.map(|f| f.json)), kept(live, key, l.map(|l| l.json)), l),
            Field::Soft => self.soft(f, l, hard),
            Field::Parameters => self.parameter(key, f, l, hard),
            Field::Credentials => self.node_credentials(f, l),
            Field::Identity | Field::Cosmetic | Field::Unknown => Verdict::Keep,
        });
    }

    /// A node that the file does not have, with its keys in the order of the file's others.
    pub(super) fn new_node<'l>(&self, node: &Block<'l>, with_id: bool) -> Block<'l> {
        let mut order = self.node_keys.clone();
        add_keys(node, &mut order);
        let rank = |entry: &Entry<'_>| order.iter().position(|key| Some(key.as_str()) == entry.says());
        let mut new = node.clone();
        new.entries.retain(|entry| with_id || entry.says() != Some("id"));
        new.entries.sort_by_key(rank);
        for entry in new.entries.iter_mut().filter(|entry| entry.says() == Some("credentials")) {
            entry.value = self.credentials.written(&entry.value);
        }
        new
    }

    /// The ids that the content's nodes have in the file. Where a group of nodes needs one that the file does not have,
    /// the content's is put in.
    fn ids(&self, list: &mut Block<'_>, indent: &str, standing: &[usize], pairs: &[Option<usize>]) -> Ids {
        let mut named = HashSet::new();
        if let Some(groups) = self.live.node_groups {
            texts(&self.live.doc.to_value(groups), &mut |text| {
                named.insert(text.to_owned());
            });
        }
        let text =
            |node: &Block<'_>| node.get("id").and_then(Sheet::text).filter(|id| !id.is_empty()).map(Cow::into_owned);
        let mut ids: Ids = vec![None; pairs.len()];
        for (entry, i) in list.entries.iter_mut().zip(standing) {
            let (sheet, indent) = entry.open(indent);
            let Some(node) = sheet.object_mut() else { continue };
            ids[*i] = text(node);
            let id = self.live.nodes[*i].id.map(|id| self.live.doc.at(id).to_owned());
            if let Some(id) = id.filter(|id| ids[*i].is_none() && named.contains(id)) {
                node.put("id", &self.style.text(&id), &self.node_keys, &self.style, indent);
                ids[*i] = Some(id);
            }
        }
        ids
    }

    /// Gives the nodes the content's ids: where those of the file mean something else to the content's groups, as where an
    /// id occurs twice.
    fn take_ids(&self, list: &mut Block<'_>, indent: &str, standing: &[usize]) -> Ids {
        let of = |i: usize| self.live.nodes[i].id.map(|id| self.live.doc.at(id).to_owned());
        for (entry, i) in list.entries.iter_mut().zip(standing) {
            let (sheet, indent) = entry.open(indent);
            match (sheet.object_mut(), of(*i)) {
                (Some(node), Some(id)) => node.put("id", &self.style.text(&id), &self.node_keys, &self.style, indent),
                (Some(node), None) => node.remove_key("id"),
                (None, _) => {}
            }
        }
        (0..self.live.nodes.len()).map(of).collect()
    }
}
