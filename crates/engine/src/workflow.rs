//! A workflow in memory: its declarative part, as it was written.

use serde_json::{Map, Value, json};

use crate::canonical::{connections, groups, node, settings, value};
use crate::ignored::{Ignored, Notes, Rule};

/// One workflow: the content that is compared, and the spelling of it that a snapshot keeps.
///
/// Two workflows are equal where their [canonical JSON](Workflow::canonical_json) is; that is stricter than
/// [`Prints::agree`](crate::Prints::agree), which leaves positions and other cosmetics out.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub(crate) id: Option<String>,
    /// Whether the file came from an instance: it has the instance's id or its bookkeeping. Such a file states what it
    /// carries; one that was copied from the editor or written by hand leaves out what is default.
    pub(crate) instance: bool,
    pub(crate) name: Option<String>,
    pub(crate) active: Option<bool>,
    pub(crate) archived: Option<bool>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) node_groups: Option<Value>,
    pub(crate) settings: Map<String, Value>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) connections: Map<String, Value>,
    pub(crate) draft: Option<Draft>,
    pub(crate) references: Vec<String>,
    pub(crate) top_notes: Vec<(Rule, String, Value)>,
}

/// A node as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) raw: Map<String, Value>,
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
        let mut notes = self.notes();
        let hard = self.shared_names();
        for node in &self.nodes {
            notes.within(&node.name);
            node::canonical(node, hard.contains(&node.name), &mut notes);
        }
        notes.counts()
    }

    /// What is left out besides what single nodes leave out.
    pub(crate) fn notes(&self) -> Notes {
        let mut notes = Notes::on();
        for (rule, key, value) in &self.top_notes {
            notes.note(*rule, key, value);
        }
        let order: Vec<_> = self.nodes.iter().map(|n| &n.name).collect();
        let mut names = order.clone();
        names.sort_unstable();
        notes.note_hash(Rule::NodeOrder, names, order);
        connections::edges(&self.connections, &mut notes);
        settings::canonical(&self.settings, &mut notes);
        notes
    }

    /// Names that more than one node has, sticky notes left out.
    pub(crate) fn shared_names(&self) -> std::collections::HashSet<String> {
        let nodes = self.nodes.iter().filter(|n| n.kind != node::STICKY);
        let counts = connections::name_counts(nodes.map(|n| n.name.as_str()));
        counts.into_iter().filter(|(_, n)| *n > 1).map(|(name, _)| name.to_owned()).collect()
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
        value::bytes(&self.to_value())
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut out = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                out.insert(key.to_owned(), value);
            }
        };
        put("id", self.id.clone().map(Value::from));
        put("name", self.name.clone().map(Value::from));
        put("active", self.active.map(Value::from));
        put("isArchived", self.archived.map(Value::from));
        put("description", self.description.clone().map(Value::from));
        put("tags", self.tags.as_ref().map(|tags| tags.iter().map(|t| json!({ "name": t })).collect()));
        put("nodeGroups", self.node_groups.clone());
        put("settings", Some(Value::Object(self.settings.clone())));
        put("connections", Some(Value::Object(self.connections.clone())));
        // Keeps the mark of a file that came from an instance and has no id.
        put("parentFolderId", (self.instance && self.id.is_none()).then_some(Value::Null));
        let mut nodes: Vec<_> = self.nodes.iter().map(|n| (&n.name, &n.id, value::write_to_vec(&n.raw), n)).collect();
        nodes.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
        put("nodes", Some(nodes.into_iter().map(|(.., n)| Value::Object(n.raw.clone())).collect()));
        Value::Object(out)
    }

    /// The node groups with node ids replaced by node names, since ids are made anew.
    pub(crate) fn canonical_groups(&self) -> Option<Value> {
        self.node_groups.as_ref().map(|groups| groups::canonical(groups, &self.nodes))
    }
}

impl PartialEq for Workflow {
    fn eq(&self, other: &Self) -> bool {
        self.canonical_json() == other.canonical_json()
    }
}
