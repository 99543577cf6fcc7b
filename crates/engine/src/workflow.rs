//! A workflow in memory: its declarative part, as it was written.

use std::sync::Arc;

use serde_json::Value;

use crate::canonical::{connections, groups, node, settings, value};
use crate::ignored::{Ignored, Notes, Rule};
use crate::json::{Document, Json, Span, Text, write_text};

/// One workflow: the content that is compared, and the spelling of it that a snapshot keeps.
///
/// Two workflows are equal where their [canonical JSON](Workflow::canonical_json) is; that is stricter than
/// [`Prints::agree`](crate::Prints::agree), which leaves positions and other cosmetics out.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// What the values below point into.
    pub(crate) doc: Arc<Document>,
    pub(crate) id: Option<String>,
    /// Whether the file came from an instance: it has the instance's id or its bookkeeping. Such a file states what it
    /// carries; one that was copied from the editor or written by hand leaves out what is default.
    pub(crate) instance: bool,
    pub(crate) name: Option<String>,
    pub(crate) active: Option<bool>,
    pub(crate) archived: Option<bool>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) node_groups: Option<Json>,
    pub(crate) settings: Json,
    pub(crate) nodes: Vec<Node>,
    pub(crate) connections: Json,
    pub(crate) draft: Option<Draft>,
    pub(crate) references: Vec<String>,
    pub(crate) top_notes: Vec<(Rule, Text, Json)>,
}

/// A node as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) id: Option<Span>,
    pub(crate) name: Span,
    pub(crate) kind: Span,
    pub(crate) json: Json,
}

/// An edit that was saved and not published: n8n runs the published version, so this is the next drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Whether nodes or connections of the draft differ from what runs. None where the published version was not in
    /// the file.
    pub differs: Option<bool>,
}

impl Workflow {
    /// The id on the instance that the workflow came from, where the file has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The name; empty where the file has none (copied from the editor's canvas).
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether the workflow is published (n8n 2.x) or active (1.x). None: the format does not say.
    #[must_use]
    pub fn active(&self) -> Option<bool> {
        self.active
    }

    /// Whether the workflow is archived. None: the format does not say.
    #[must_use]
    pub fn archived(&self) -> Option<bool> {
        self.archived
    }

    /// The description. None: the format does not say (n8n's list of workflows leaves it out).
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The names of its tags, sorted. None: the format does not say.
    #[must_use]
    pub fn tags(&self) -> Option<&[String]> {
        self.tags.as_deref()
    }

    /// The number of nodes, sticky notes included.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The unpublished draft, where there is one. The content of this workflow is then the published version.
    #[must_use]
    pub fn draft(&self) -> Option<Draft> {
        self.draft
    }

    /// Ids of other workflows that this one names: sub-workflows, the error workflow, permitted callers. They belong to
    /// one instance; see [`Workflow::with_ids`]. Sorted, each once.
    #[must_use]
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// What the comparison leaves out of this workflow, by rule.
    #[must_use]
    pub fn ignored(&self) -> Vec<Ignored> {
        let mut notes = Notes::counting();
        self.note_all(&mut notes);
        let hard = self.shared_names();
        let mut unused = Vec::with_capacity(4096);
        for node in &self.nodes {
            let shared = hard.binary_search(&self.doc.at(node.name)).is_ok();
            node::write_fields(&self.doc, node.json, shared, &mut (), &mut notes, &mut unused);
            unused.clear();
        }
        notes.counts()
    }

    /// Notes what is left out besides what single nodes leave out, but not what `other` has just the same.
    pub(crate) fn note(&self, other: &Self, notes: &mut Notes) {
        self.note_top(notes, |key, value| {
            let theirs = other.top_notes.iter().find(|(_, k, _)| other.doc.spelt(*k) == self.doc.spelt(key));
            !theirs.is_some_and(|(.., theirs)| self.doc.same(value, &other.doc, *theirs))
        });
        if !self.node_names().eq(other.node_names()) {
            self.note_node_order(notes);
        }
        if !self.doc.same(self.connections, &other.doc, other.connections) {
            connections::edges(&self.doc, self.connections, notes);
        }
        if !self.doc.same(self.settings, &other.doc, other.settings) {
            settings::canonical(&self.doc, self.settings, notes);
        }
    }

    /// As [`Workflow::note`], of everything.
    fn note_all(&self, notes: &mut Notes) {
        self.note_top(notes, |_, _| true);
        self.note_node_order(notes);
        connections::edges(&self.doc, self.connections, notes);
        settings::canonical(&self.doc, self.settings, notes);
    }

    fn note_top(&self, notes: &mut Notes, which: impl Fn(Text, Json) -> bool) {
        for (rule, key, value) in self.top_notes.iter().filter(|(_, key, value)| which(*key, *value)) {
            notes.note(*rule, |place| place.key("", self.doc.spelt(*key)), |out| self.doc.write(*value, out));
        }
    }

    fn node_names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|n| self.doc.at(n.name))
    }

    fn note_node_order(&self, notes: &mut Notes) {
        let order: Vec<_> = self.node_names().collect();
        let mut names = order.clone();
        names.sort_unstable();
        notes.note_hash(Rule::NodeOrder, names, order);
    }

    /// Names that more than one node has, sticky notes left out. Sorted.
    pub(crate) fn shared_names(&self) -> Vec<&str> {
        let nodes = self.nodes.iter().filter(|n| self.doc.at(n.kind) != node::STICKY);
        let mut names: Vec<_> = nodes.map(|n| self.doc.at(n.name)).collect();
        names.sort_unstable();
        let mut shared: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        shared.dedup();
        shared
    }

    /// This workflow with its description taken away, as n8n's list of workflows has it: unknown, not different.
    #[must_use]
    pub fn without_description(mut self) -> Self {
        self.description = None;
        self
    }

    /// The declarative content as canonical JSON: what a snapshot stores. Keys and nodes are sorted, numbers have one
    /// spelling, runtime and server fields are gone. Nodes are whole, cosmetic and cached fields included, so that a
    /// snapshot can be put back. Parsing it gives an equal workflow.
    #[must_use]
    pub fn canonical_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        let mut members = Members { out: &mut out, any: false };
        let truth = |truth: bool| Json::Bool(truth);
        // In the order of the keys.
        members.json("active", &self.doc, self.active.map(truth));
        members.json("connections", &self.doc, Some(self.connections));
        members.text("description", self.description.as_deref());
        members.text("id", self.id.as_deref());
        members.json("isArchived", &self.doc, self.archived.map(truth));
        members.text("name", self.name.as_deref());
        members.json("nodeGroups", &self.doc, self.node_groups);
        self.write_nodes(members.key("nodes"));
        // Keeps the mark of a file that came from an instance and has no id.
        members.json("parentFolderId", &self.doc, (self.instance && self.id.is_none()).then_some(Json::Null));
        members.json("settings", &self.doc, Some(self.settings));
        if let Some(tags) = &self.tags {
            let out = members.key("tags");
            let named: Value = tags.iter().map(|tag| serde_json::json!({ "name": tag })).collect();
            value::write(&named, out);
        }
        out.push(b'}');
        out
    }

    fn write_nodes(&self, out: &mut Vec<u8>) {
        let doc = &self.doc;
        let mut nodes: Vec<_> =
            self.nodes.iter().map(|n| (doc.at(n.name), n.id.map(|id| doc.at(id)), doc.bytes(n.json))).collect();
        nodes.sort();
        out.push(b'[');
        for (i, (.., bytes)) in nodes.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(bytes);
        }
        out.push(b']');
    }

    pub(crate) fn to_value(&self) -> Value {
        value::read(&self.canonical_json())
    }

    /// The node groups with node ids replaced by node names, since ids are made anew.
    pub(crate) fn canonical_groups(&self) -> Option<Value> {
        let doc = &self.doc;
        let nodes = self.nodes.iter().map(|n| (n.id.map(|id| doc.at(id)), doc.at(n.name)));
        self.node_groups.map(|value| groups::canonical(&doc.to_value(value), nodes))
    }
}

/// An object that is written member by member.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl Members<'_> {
    /// Begins a member: where its value goes.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.push(if self.any { b',' } else { b'{' });
        self.any = true;
        write_text(key, self.out);
        self.out.push(b':');
        self.out
    }

    fn json(&mut self, key: &str, doc: &Document, value: Option<Json>) {
        if let Some(value) = value {
            doc.write(value, self.key(key));
        }
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            write_text(text, self.key(key));
        }
    }
}

impl PartialEq for Workflow {
    fn eq(&self, other: &Self) -> bool {
        self.canonical_json() == other.canonical_json()
    }
}
