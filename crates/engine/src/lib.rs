//! Canonical form, fingerprint, comparison, semantic diff, three-way merge and redaction of n8n workflows; pure.
//!
//! [`parse`] reads what n8n writes, in any of its formats. [`Workflow::prints`] says what it is in a few hundred bytes, and
//! [`Prints::agree`] whether two are the same. Where they are not, [`diff`](diff()) says what differs, with secrets made
//! unreadable. What is compared and what is not stands in the table of [`canonical`]. Where both sides left what they had in
//! common, [`merge`](merge()) puts them together and asks about the rest; its rules stand in the table of [`mod@merge`].
//!
//! [`mod@write`] puts content into a file in Git, [`deploy`] makes of a file what n8n is sent.

pub mod canonical;
pub mod deploy;
pub mod diff;
mod ignored;
mod json;
pub mod merge;
mod parse;
mod prints;
mod redact;
mod workflow;
pub mod write;

pub use canonical::node::Step;
pub use diff::{
    Change, ChangeKind, ChangeTraits, Diff, DiffSummary, Graph, GraphEdge, GraphNode, Hunk, Line, LineOp, Named,
    Presence, Sides, Sticky, diff, diff_with_graph,
};
pub use ignored::{Ignored, Rule};
pub use merge::{Choices, Merge, merge};
pub use parse::{FileError, Problem, WorkflowError, parse, parse_each, parse_file};
pub use prints::{Base, Prints, environment_fingerprint, origin, raw_fingerprint};
pub use redact::{Redactor, redact, redact_both};
pub use workflow::{Draft, Workflow};

/// The version of the rules of the canonical form. It is part of every fingerprint: when the rules change, everything is
/// looked at again.
pub const RULES_VERSION: u32 = 1;

/// What is refused, so that one workflow cannot take the service down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of JSON of one workflow.
    pub max_bytes: usize,
    /// Nodes of one workflow.
    pub max_nodes: usize,
    /// Levels of objects and arrays, the workflow itself being the first.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 10 MB, 5,000 nodes and 128 levels: the largest of ten thousand public workflows has 1.2 MB and 248 nodes.
    fn default() -> Self {
        Self { max_bytes: 10 * 1024 * 1024, max_nodes: 5_000, max_depth: 128 }
    }
}
