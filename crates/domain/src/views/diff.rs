//! A diff for a screen.

use serde::{Deserialize, Serialize};

use super::IgnoredView;
use crate::words::words;

words! {
    /// What kind of difference an entry of a diff is.
    pub enum DiffKind {
        /// A node that only live has.
        NodeAdded = "node_added",
        /// A node that only Git has.
        NodeRemoved = "node_removed",
        /// A node that differs.
        NodeModified = "node_modified",
        /// A node with another name.
        NodeRenamed = "node_renamed",
        /// A connection that only live has.
        ConnectionAdded = "connection_added",
        /// A connection that only Git has.
        ConnectionRemoved = "connection_removed",
        /// Something of the workflow itself: name, settings, tags, active.
        WorkflowModified = "workflow_modified",
    }
}

/// A diff for a screen. Texts are redacted already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffView {
    /// What differs.
    pub entries: Vec<DiffEntry>,
    /// What differs and does not matter: positions, sticky notes.
    pub cosmetic: Vec<DiffEntry>,
    /// What was not compared, by rule.
    pub ignored: Vec<IgnoredView>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffEntry {
    /// What kind.
    pub kind: DiffKind,
    /// The node, by the desired side's name (the live one's where only live has it).
    pub node: Option<String>,
    /// The node's type, for example `n8n-nodes-base.httpRequest`.
    pub node_type: Option<String>,
    /// Where in the node or workflow, for example `parameters`, `jsCode`.
    pub path: Vec<String>,
    /// Git's side, pretty-printed; `None` where Git has nothing there.
    pub desired: Option<String>,
    /// n8n's side, pretty-printed; `None` where n8n has nothing there.
    pub live: Option<String>,
    /// Line by line, for long texts.
    pub lines: Vec<DiffLine>,
    /// Whether a secret was taken out of the texts.
    pub redacted: bool,
}

words! {
    /// What a line of a text is in a diff from desired to live.
    pub enum LineKind {
        /// On both sides.
        Same = "same",
        /// Only in Git.
        Removed = "removed",
        /// Only in n8n.
        Added = "added",
        /// Lines left out here, being the same on both sides.
        Gap = "gap",
    }
}

/// One line of a line diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffLine {
    /// What it is.
    pub kind: LineKind,
    /// Its number on the desired side, from 1.
    pub desired: Option<u32>,
    /// Its number on the live side, from 1.
    pub live: Option<u32>,
    /// The line, without its end.
    pub text: String,
}
