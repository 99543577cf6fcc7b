//! Groups of nodes, which name nodes by ids that the file need not share with the content.

use std::collections::HashMap;

use serde_json::Value;

use super::locate::published;
use super::merge::{Merge, keys_of, part_mut};
use super::nodes::Ids;
use super::sheet::{Block, Sheet};
use super::style::Style;
use crate::canonical::groups;
use crate::canonical::value::bytes;
use crate::json::Document;
use crate::parse::text::repair;
use crate::prints::one_sided_differs;
use crate::workflow::Workflow;

impl Merge<'_> {
    /// Writes the groups of nodes. `ids` are those that the content's nodes have in the file by now.
    pub(super) fn groups(&self, top: &mut Block<'_>, indent: &str, theirs: &Block<'_>, ids: &Ids) -> Option<()> {
        if !self.groups_differ(ids) {
            return Some(());
        }
        let from = match holder(theirs, self.live) {
            Some(key) => theirs.get(key)?.object()?,
            None => theirs,
        };
        let to = holder(top, self.file);
        let (part, indent) = part_mut(top, indent, to)?;
        let Some(new) = from.get("nodeGroups").filter(|groups| !groups.is_null()) else {
            part.remove_key("nodeGroups");
            return Some(());
        };
        let new = self.with_our_ids(new, ids);
        let there = part.get_mut("nodeGroups", indent).and_then(|(sheet, at)| Some((sheet.list_mut()?, at)));
        match (there, new.list()) {
            (Some((there, indent)), Some(new)) => self.one_by_one(there, indent, new, ids),
            _ => part.put("nodeGroups", &new, &keys_of(from), &self.style, indent),
        }
        Some(())
    }

    /// Groups in canonical form, under the ids that nodes have in the file by now.
    fn canonical(&self, groups: &Value, ids: &Ids) -> Value {
        let names = self.live.nodes.iter().map(|node| self.live.doc.at(node.name));
        groups::canonical(groups, ids.iter().map(Option::as_deref).zip(names))
    }

    /// Whether the content's groups mean the same nodes under these ids, once they name them so.
    pub(super) fn groups_fit(&self, ids: &Ids) -> bool {
        let Some(json) = self.live.node_groups else { return true };
        let text = Sheet::read(&String::from_utf8_lossy(&self.live.doc.bytes(json)))
            .map(|groups| self.with_our_ids(&groups, ids));
        text.is_some_and(|groups| Some(self.canonical(&value(&groups), ids)) == self.live.canonical_groups())
    }

    fn groups_differ(&self, ids: &Ids) -> bool {
        let ours = self.file.node_groups.map(|json| self.canonical(&self.file.doc.to_value(json), ids));
        let empty = |groups: &Value| groups.as_array().is_some_and(Vec::is_empty);
        match (&ours, &self.live.canonical_groups()) {
            (Some(ours), Some(new)) => ours != new,
            (Some(one), None) | (None, Some(one)) => {
                one_sided_differs(empty(one), self.file.instance || self.live.instance)
            }
            (None, None) => false,
        }
    }

    /// The content's groups with the ids that nodes have in the file.
    fn with_our_ids(&self, groups: &Sheet<'_>, ids: &Ids) -> Sheet<'static> {
        let mut of: HashMap<&str, &str> = HashMap::new();
        for (node, id) in self.live.nodes.iter().zip(ids) {
            if let (Some(was), Some(id)) = (node.id, id) {
                of.entry(self.live.doc.at(was)).or_insert(id);
            }
        }
        let mut out = groups.owned();
        translate(&mut out, &of, &self.style);
        out
    }

    /// Groups that the file has stay, the others take the places of those that are no more, or come behind.
    fn one_by_one(&self, there: &mut Block<'_>, indent: &str, new: &Block<'_>, ids: &Ids) {
        let says = |group: &Sheet<'_>| bytes(&self.canonical(&Value::Array(vec![value(group)]), ids));
        let mut wanted: Vec<_> = new.entries.iter().map(|entry| (says(&entry.value), &entry.value)).collect();
        let mut found = |entry: &super::sheet::Entry<'_>| {
            let says = says(&entry.value);
            let at = wanted.iter().position(|(key, _)| *key == says);
            at.map(|at| wanted.remove(at)).is_some()
        };
        let mut stays: Vec<_> = there.entries.iter().map(&mut found).collect();
        let mut wanted = wanted.into_iter().map(|(_, value)| value);
        for (entry, stays) in there.entries.iter_mut().zip(&mut stays).filter(|(_, stays)| !**stays) {
            let Some(value) = wanted.next() else { break };
            let (sheet, indent) = entry.open(indent);
            *sheet = self.style.written(value, indent, false);
            *stays = true;
        }
        there.retain(&stays);
        wanted.for_each(|value| there.insert(there.entries.len(), None, value, &self.style, indent));
    }
}

/// The part of an answer with a draft that groups were read from; none for the workflow itself.
fn holder(top: &Block<'_>, workflow: &Workflow) -> Option<&'static str> {
    let key = published(workflow)?;
    let groups = top.get(key)?.object()?.get("nodeGroups")?;
    (!groups.is_null()).then_some(key)
}

/// Groups as the comparison has them.
fn value(groups: &Sheet<'_>) -> Value {
    let text = groups.to_text();
    Document::read(&repair(text.as_bytes()), usize::MAX).map_or(Value::Null, |(doc, json)| doc.to_value(json))
}

/// Replaces every text that is an id by what it is now.
fn translate(sheet: &mut Sheet<'static>, ids: &HashMap<&str, &str>, style: &Style) {
    let now = sheet.text().and_then(|text| ids.get(&*text));
    if let Some(now) = now {
        *sheet = style.text(now);
    }
    if let Sheet::Block(block) = sheet {
        block.entries.iter_mut().for_each(|entry| translate(&mut entry.value, ids, style));
    }
}
