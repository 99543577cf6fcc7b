//! Content into the workflow of a file, member by member.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::credentials::KnownIds;
use super::locate::{Located, graph, published, workflow, workflow_mut};
use super::nodes::key_order;
use super::sheet::{Block, Sheet};
use super::siblings::Sibling;
use super::style::Style;
use crate::json::{Document, Json};
use crate::workflow::Workflow;

/// Both sides while one is written into the other.
pub(super) struct Merge<'m> {
    /// The workflow in the file, before it is changed.
    pub(super) file: &'m Workflow,
    /// The content.
    pub(super) live: &'m Workflow,
    pub(super) style: Style,
    /// The keys of the file's nodes, in their order.
    pub(super) node_keys: Vec<String>,
    pub(super) credentials: KnownIds,
}

/// A value of the file: as it is written, as it is read, and the indentation of its line.
pub(super) struct Ours<'s, 'a> {
    pub(super) sheet: &'s mut Sheet<'a>,
    pub(super) json: Json,
    pub(super) indent: &'s str,
}

/// A value of the content: as it is written and as it is read.
#[derive(Clone, Copy)]
pub(super) struct Theirs<'s> {
    pub(super) sheet: &'s Sheet<'s>,
    pub(super) json: Json,
}

/// What becomes of a member of an object of the file.
pub(super) enum Verdict<'a> {
    /// It stays; whatever had to be changed in it was.
    Keep,
    /// It goes.
    Remove,
    /// The content's value takes its place.
    Take,
    /// This value takes its place.
    Put(Sheet<'a>),
}

impl Verdict<'_> {
    /// What the content has takes its place, be it nothing.
    pub(super) fn take(theirs: Option<Theirs<'_>>) -> Self {
        if theirs.is_some_and(|theirs| !theirs.json.is_null()) { Self::Take } else { Self::Remove }
    }

    /// By what both sides say in canonical form, if anything.
    pub(super) fn of(ours: Option<Vec<u8>>, says: Option<Vec<u8>>, theirs: Option<Theirs<'_>>) -> Self {
        if ours == says { Self::Keep } else { Self::take(theirs) }
    }
}

/// Decides about a member by its key and both values.
pub(super) type Decide<'d, 'a> =
    &'d mut dyn for<'s> FnMut(&str, Option<Ours<'s, 'a>>, Option<Theirs<'s>>) -> Verdict<'a>;

/// The text of the file with `active` as the content has it; none where that is so already.
pub(super) fn active(located: &Located<'_>, file: &Workflow, content: &str, live: &Workflow) -> Option<Option<String>> {
    let (mut sheet, theirs) = (Sheet::read(located.text)?, Sheet::read(content)?);
    let style = Style::of(&sheet, located.indent);
    let merge = Merge { file, live, style, node_keys: Vec::new(), credentials: KnownIds::default() };
    let (top, indent) = workflow_mut(&mut sheet, located.indent)?;
    let differs = merge.facet("active", top, indent, workflow(&theirs)?);
    Some(differs.then(|| sheet.to_text()))
}

/// The text of the file with the content in it. `file` is read from `text`, and `live` from `content`.
pub(super) fn text(
    text: &str,
    indent: &str,
    file: &Workflow,
    content: &str,
    live: &Workflow,
    siblings: &[Sibling<'_>],
) -> Option<String> {
    let (mut sheet, theirs) = (Sheet::read(text)?, Sheet::read(content)?);
    let style = Style::of(&sheet, indent);
    let ours = graph(workflow(&sheet)?, file)?;
    let mut credentials = KnownIds::of(ours);
    siblings.iter().filter_map(Sibling::graph).for_each(|graph| credentials.add_sibling(graph));
    let merge = Merge { file, live, style, node_keys: key_order(ours), credentials };
    let theirs = workflow(&theirs)?;
    let (top, indent) = workflow_mut(&mut sheet, indent)?;
    for facet in ["name", "isArchived", "description"] {
        merge.facet(facet, top, indent, theirs);
    }
    merge.tags(top, indent, theirs, siblings);
    merge.settings(top, indent, theirs);
    merge.graph(top, indent, theirs)?;
    Some(sheet.to_text())
}

impl Merge<'_> {
    /// Nodes, connections and groups of nodes.
    fn graph(&self, top: &mut Block<'_>, indent: &str, theirs: &Block<'_>) -> Option<()> {
        let theirs_graph = graph(theirs, self.live)?;
        let ids = {
            let (part, indent) = part_mut(top, indent, published(self.file))?;
            let pairs = crate::diff::pairs(self.live, self.file);
            let (sheet, at) = part.get_mut("nodes", indent)?;
            let ids = self.nodes(sheet.list_mut()?, at, theirs_graph.get("nodes")?.list()?, &pairs)?;
            self.connections(part, indent, theirs_graph, &pairs);
            ids
        };
        self.groups(top, indent, theirs, &ids)
    }

    /// Goes through the members of an object that both sides have: those of the file first, then what only the content
    /// has. `order` says where new keys go.
    pub(super) fn members<'a>(&self, ours: Ours<'_, 'a>, theirs: Theirs<'_>, order: &[String], decide: Decide<'_, 'a>) {
        let (Some(block), Some(other)) = (ours.sheet.object_mut(), theirs.sheet.object()) else { return };
        let of_file = members_of(&self.file.doc, ours.json);
        let of_live = members_of(&self.live.doc, theirs.json);
        let there = other.index();
        let their =
            |key: &str| Some(Theirs { sheet: &other.entries[*there.get(key)?].value, json: *of_live.get(key)? });
        let last: HashMap<String, usize> = block.index().into_iter().map(|(key, at)| (key.to_owned(), at)).collect();
        let mut gone = HashSet::new();
        for (at, entry) in block.entries.iter_mut().enumerate() {
            let Some(key) = entry.says().map(str::to_owned) else { continue };
            let Some(json) = of_file.get(key.as_str()).copied().filter(|_| last[&key] == at) else { continue };
            let (sheet, indent) = entry.open(ours.indent);
            let theirs = their(&key);
            match (decide(&key, Some(Ours { sheet: &mut *sheet, json, indent }), theirs), theirs) {
                (Verdict::Keep, _) => {}
                (Verdict::Put(value), _) => *sheet = self.style.written(&value, indent, false),
                (Verdict::Take, Some(theirs)) => *sheet = self.style.written(theirs.sheet, indent, false),
                (Verdict::Take, None) | (Verdict::Remove, _) => drop(gone.insert(key)),
            }
        }
        if !gone.is_empty() {
            let stays: Vec<_> = block.entries.iter().map(|e| !e.says().is_some_and(|key| gone.contains(key))).collect();
            block.retain(&stays);
        }
        for (at, entry) in other.entries.iter().enumerate() {
            let Some(key) = entry.says().filter(|key| !last.contains_key(*key) && there[key] == at) else { continue };
            let value = match decide(key, None, their(key)) {
                Verdict::Keep | Verdict::Remove => continue,
                Verdict::Take => Cow::Borrowed(&entry.value),
                Verdict::Put(value) => Cow::Owned(value),
            };
            let at = block.place(key, order, &self.style);
            block.insert(at, Some(key), &value, &self.style, ours.indent);
        }
    }
}

/// The part of the workflow that holds nodes and connections.
pub(super) fn part_mut<'s, 'a>(
    top: &'s mut Block<'a>,
    indent: &'s str,
    key: Option<&str>,
) -> Option<(&'s mut Block<'a>, &'s str)> {
    let Some(key) = key else { return Some((top, indent)) };
    let (part, indent) = top.get_mut(key, indent)?;
    Some((part.object_mut()?, indent))
}

/// The members of an object by their keys.
pub(super) fn members_of(doc: &Document, object: Json) -> HashMap<Cow<'_, str>, Json> {
    doc.members(object).iter().map(|member| (doc.said(member.key), member.value)).collect()
}

/// The keys of an object in their order, as a place for new ones.
pub(super) fn keys_of(block: &Block<'_>) -> Vec<String> {
    block.keys().map(str::to_owned).collect()
}
