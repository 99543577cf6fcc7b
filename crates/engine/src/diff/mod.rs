//! The semantic diff: what a person would say differs between what runs and what Git declares.

pub(crate) mod compare;
mod edges;
mod graph;
mod lines;
pub(crate) mod matching;
mod pairs;
pub(crate) mod refs;
mod summary;
mod text;
mod three_way;
mod values;

use drift_domain::change::Origin;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::node::Step;
use crate::ignored::Ignored;

pub use compare::{diff, diff_with_graph};
pub use graph::{Graph, GraphEdge, GraphNode, Presence, Sticky};
pub(crate) use pairs::pairs;
pub use summary::{ChangeTraits, DiffSummary};

/// What kind of difference a [`Change`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Something of the workflow itself: its name, settings, tags, whether it is active.
    WorkflowModified,
    /// Only live has the node.
    NodeAdded,
    /// Only desired has the node.
    NodeRemoved,
    /// The same node under another name.
    NodeRenamed,
    /// A field of a node that both have.
    NodeModified,
    /// Only live has the connection.
    ConnectionAdded,
    /// Only desired has the connection.
    ConnectionRemoved,
}

/// One difference. Secrets in it are replaced by labels that say only whether they are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What kind of difference.
    pub kind: ChangeKind,
    /// The node by its desired name (by its live one where only live has it); of a connection the source. None for
    /// changes of the workflow itself.
    pub node: Option<String>,
    /// Where in the node or the workflow, from the outside in. Indices of arrays are those of the desired side where it
    /// has the element. Empty for whole nodes and connections.
    pub path: Vec<Step>,
    /// What Git declares; null where it has nothing or the default.
    #[serde(default)]
    pub desired: Value,
    /// What is live; null where it has nothing or the default.
    #[serde(default)]
    pub live: Value,
    /// Whether it changes only what is seen on the canvas. Never drift.
    #[serde(default)]
    pub cosmetic: bool,
    /// The node's type, for a change of a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type: Option<String>,
    /// Whether a secret was replaced in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Long text line by line, from desired to live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line_diff: Vec<Hunk>,
    /// Which side moved since the base, where a base was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Lines that differ, with a few around them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// The line of the desired text that the hunk begins at, from 1.
    pub desired_start: usize,
    /// The line of the live text that the hunk begins at, from 1.
    pub live_start: usize,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line of a [`Hunk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which side has it.
    pub op: LineOp,
    /// The line without its line break.
    pub text: String,
}

/// Which side has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineOp {
    /// Both.
    #[serde(rename = " ")]
    Both,
    /// Only desired.
    #[serde(rename = "-")]
    Desired,
    /// Only live.
    #[serde(rename = "+")]
    Live,
}

/// A workflow's id and name, as one side has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The id, where the file has one.
    pub id: Option<String>,
    /// The name; empty where the file has none.
    pub name: String,
}

/// Both sides' ids and names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// What runs.
    pub live: Named,
    /// What Git declares.
    pub desired: Named,
}

/// How two workflows differ. Serialises to the documented JSON of `workflowops diff --format json`, and can be read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Whether there is no change but cosmetic ones.
    pub equal: bool,
    /// Which workflows.
    pub workflow: Sides,
    /// The differences: of the workflow, then of nodes in the order of the desired side, then of connections.
    pub changes: Vec<Change>,
    /// What was left out of the comparison and differs, by rule.
    pub ignored: Vec<Ignored>,
}

impl Diff {
    /// The changes that are drift: all but the cosmetic ones.
    pub fn drift(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|c| !c.cosmetic)
    }
}
