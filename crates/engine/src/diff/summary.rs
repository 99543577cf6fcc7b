//! A diff in numbers, in one line, and in facts that severity is worked out from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Change, ChangeKind, Diff};
use crate::canonical::node::Step;

/// A diff in numbers and one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffSummary {
    /// Nodes that only live has.
    pub nodes_added: usize,
    /// Nodes that only desired has.
    pub nodes_removed: usize,
    /// Nodes that both have and that differ in more than their name.
    pub nodes_modified: usize,
    /// Nodes under another name.
    pub nodes_renamed: usize,
    /// Nodes whose credentials differ; counted among the modified ones too.
    pub credentials: usize,
    /// Connections that one side lacks.
    pub connections: usize,
    /// Settings that differ.
    pub settings: usize,
    /// Where the sides differ in it: whether live is active.
    pub live_active: Option<bool>,
    /// Cosmetic changes, which are no drift.
    pub cosmetic: usize,
    /// One line for a person, such as `2 nodes changed, 1 added; activated`.
    pub text: String,
}

/// What a diff touches: the facts that severity is worked out from. Cosmetic changes count for nothing here.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with a name; there is no state among them")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeTraits {
    /// Nodes added or removed.
    pub nodes: bool,
    /// Parameters or options of nodes.
    pub parameters: bool,
    /// Code or queries: JavaScript, Python, SQL, shell commands.
    pub code: bool,
    /// Which credentials a node uses.
    pub credentials: bool,
    /// A node was switched on or off.
    pub disabled: bool,
    /// A trigger or webhook was added, removed or changed: what starts the workflow.
    pub trigger: bool,
    /// Connections.
    pub connections: bool,
    /// Nodes renamed.
    pub renamed: bool,
    /// Live is active and desired is not.
    pub activated: bool,
    /// Desired is active and live is not.
    pub deactivated: bool,
    /// Archived on one side only.
    pub archived: bool,
    /// Workflow settings.
    pub settings: bool,
    /// Tags.
    pub tags: bool,
    /// The description, notes on nodes, or node groups.
    pub description: bool,
    /// The workflow's name.
    pub name: bool,
}

impl ChangeTraits {
    /// Whether what runs is untouched: at most tags, description, names.
    #[must_use]
    pub fn only_labels(&self) -> bool {
        let labels = Self {
            tags: self.tags,
            description: self.description,
            name: self.name,
            renamed: self.renamed,
            ..Self::default()
        };
        *self == labels
    }

    /// Everything that either touches.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            nodes: self.nodes | other.nodes,
            parameters: self.parameters | other.parameters,
            code: self.code | other.code,
            credentials: self.credentials | other.credentials,
            disabled: self.disabled | other.disabled,
            trigger: self.trigger | other.trigger,
            connections: self.connections | other.connections,
            renamed: self.renamed | other.renamed,
            activated: self.activated | other.activated,
            deactivated: self.deactivated | other.deactivated,
            archived: self.archived | other.archived,
            settings: self.settings | other.settings,
            tags: self.tags | other.tags,
            description: self.description | other.description,
            name: self.name | other.name,
        }
    }
}

/// The outermost key of a path.
fn first(change: &Change) -> &str {
    match change.path.first() {
        Some(Step::Key(key)) => key,
        _ => "",
    }
}

/// Whether a node of this type starts workflows.
pub(super) fn is_trigger(kind: &str) -> bool {
    let name = kind.rsplit('.').next().unwrap_or_default();
    name.ends_with("Trigger") || matches!(name, "webhook" | "cron" | "interval" | "start" | "emailReadImap")
}

/// Whether a node of this type executes what somebody wrote.
pub(super) fn is_code_node(kind: &str) -> bool {
    let name = kind.rsplit('.').next().unwrap_or_default();
    matches!(name, "code" | "function" | "functionItem" | "executeCommand" | "ssh" | "toolCode")
}

/// Whether the path leads to something that is executed as code.
fn is_code(change: &Change) -> bool {
    (change.node_type.as_deref().is_some_and(is_code_node) && first(change) == "parameters")
        || change.path.iter().any(|step| {
            let Step::Key(key) = step else { return false };
            matches!(
                key.as_str(),
                "jsCode" | "pythonCode" | "functionCode" | "code" | "query" | "sqlQuery" | "command" | "rawQuery"
            )
        })
}

impl Diff {
    /// What the diff touches.
    #[must_use]
    pub fn traits(&self) -> ChangeTraits {
        let mut traits = ChangeTraits::default();
        for change in self.drift() {
            match change.kind {
                ChangeKind::WorkflowModified => match first(change) {
                    "active" if change.live == true => traits.activated = true,
                    "active" => traits.deactivated = true,
                    "isArchived" => traits.archived = true,
                    "tags" => traits.tags = true,
                    "description" | "nodeGroups" => traits.description = true,
                    "name" => traits.name = true,
                    _ => traits.settings = true,
                },
                ChangeKind::NodeAdded | ChangeKind::NodeRemoved => {
                    traits.nodes = true;
                    let node = if change.live.is_null() { &change.desired } else { &change.live };
                    traits.credentials |= node.get("credentials").is_some();
                }
                ChangeKind::NodeRenamed => traits.renamed = true,
                ChangeKind::NodeModified => match first(change) {
                    "credentials" => traits.credentials = true,
                    "disabled" => traits.disabled = true,
                    "notes" => traits.description = true,
                    _ => traits.parameters = true,
                },
                ChangeKind::ConnectionAdded | ChangeKind::ConnectionRemoved => traits.connections = true,
            }
            let whole = matches!(change.kind, ChangeKind::NodeAdded | ChangeKind::NodeRemoved);
            let field = change.kind == ChangeKind::NodeModified && first(change) != "notes";
            traits.trigger |= (whole || field) && change.node_type.as_deref().is_some_and(is_trigger);
            traits.code |= (whole || field) && is_code(change);
        }
        traits
    }

    /// The diff in numbers and one line.
    #[must_use]
    pub fn summary(&self) -> DiffSummary {
        let of = |kind: ChangeKind| self.drift().filter(move |c| c.kind == kind);
        let names = |changes: &mut dyn Iterator<Item = &Change>| {
            changes.map(|c| c.node.clone().unwrap_or_default()).collect::<BTreeSet<_>>().len()
        };
        let top =
            |key: &str| self.drift().filter(|c| c.kind == ChangeKind::WorkflowModified && first(c) == key).count();
        let mut summary = DiffSummary {
            nodes_added: of(ChangeKind::NodeAdded).count(),
            nodes_removed: of(ChangeKind::NodeRemoved).count(),
            nodes_modified: names(&mut of(ChangeKind::NodeModified)),
            nodes_renamed: of(ChangeKind::NodeRenamed).count(),
            credentials: names(&mut of(ChangeKind::NodeModified).filter(|c| first(c) == "credentials")),
            connections: of(ChangeKind::ConnectionAdded).count() + of(ChangeKind::ConnectionRemoved).count(),
            settings: top("settings"),
            live_active: self
                .drift()
                .find(|c| c.kind == ChangeKind::WorkflowModified && first(c) == "active")
                .map(|c| c.live == true),
            cosmetic: self.changes.iter().filter(|c| c.cosmetic).count(),
            text: String::new(),
        };
        let other: Vec<_> = ["name", "description", "tags", "isArchived", "nodeGroups"]
            .into_iter()
            .filter(|key| top(key) > 0)
            .map(|key| match key {
                "isArchived" => "archived state",
                "nodeGroups" => "node groups",
                key => key,
            })
            .collect();
        summary.text = sentence(&summary, &other);
        summary
    }
}

/// `2 nodes changed, 1 added; 3 connections; settings; activated`.
fn sentence(s: &DiffSummary, other: &[&str]) -> String {
    let counts = [
        (s.nodes_modified, "changed"),
        (s.nodes_added, "added"),
        (s.nodes_removed, "removed"),
        (s.nodes_renamed, "renamed"),
    ];
    let nodes: Vec<_> = counts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .enumerate()
        .map(|(i, (n, what))| match (i, n) {
            (0, 1) => format!("1 node {what}"),
            (0, n) => format!("{n} nodes {what}"),
            (_, n) => format!("{n} {what}"),
        })
        .collect();
    let mut parts = Vec::new();
    if !nodes.is_empty() {
        parts.push(nodes.join(", "));
    }
    if s.connections > 0 {
        parts.push(format!("{} connection{}", s.connections, if s.connections == 1 { "" } else { "s" }));
    }
    if s.settings > 0 {
        parts.push("settings".to_owned());
    }
    parts.extend(other.iter().map(|&s| s.to_owned()));
    if let Some(active) = s.live_active {
        parts.push(if active { "activated" } else { "deactivated" }.to_owned());
    }
    match (parts.is_empty(), s.cosmetic) {
        (false, _) => parts.join("; "),
        (true, 0) => "no difference".to_owned(),
        (true, n) => format!("no difference but {n} on the canvas"),
    }
}
