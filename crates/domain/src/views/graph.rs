//! A change as a graph: the nodes and connections of both sides in one picture, each with what became of it.

use serde::{Deserialize, Serialize};

use crate::change::Origin;
use crate::words::words;

words! {
    /// What a node is for, as far as its shape on the canvas tells.
    pub enum NodeKind {
        /// Starts the workflow.
        Trigger = "trigger",
        /// Parts ways or brings them together: IF, Switch, Merge, loops.
        Branch = "branch",
        /// Executes what somebody wrote: code, commands.
        Code = "code",
        /// Runs another workflow.
        SubWorkflow = "sub_workflow",
        /// Serves an AI node: a model, a memory, a tool, a parser.
        AiPart = "ai_part",
        /// A note on the canvas, which nothing executes.
        Sticky = "sticky",
        /// Everything else.
        Action = "action",
    }
}

words! {
    /// What became of a node or a connection between Git and n8n.
    pub enum GraphState {
        /// The same on both sides.
        Same = "same",
        /// Only live has it.
        Added = "added",
        /// Only Git has it.
        Removed = "removed",
        /// Both have it, and it differs.
        Modified = "modified",
        /// Both have it, under two names, and nothing else differs.
        Renamed = "renamed",
        /// It differs in what is only seen on the canvas: its place, a colour, the text of a note. Never drift.
        Cosmetic = "cosmetic",
    }
}

/// A workflow's two sides as one graph. Texts are redacted already, with the labels of the diff.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphView {
    /// The nodes of either side: Git's, then those that only live has.
    pub nodes: Vec<GraphNode>,
    /// The connections of either side, by where they begin.
    pub edges: Vec<GraphEdge>,
}

/// A node of either side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphNode {
    /// Its name, as the diff has it: Git's, or the live one where only live has the node.
    pub name: String,
    /// Its name in n8n, where that is another one.
    pub live_name: Option<String>,
    /// Its type, for example `n8n-nodes-base.httpRequest`.
    pub node_type: String,
    /// What it is for.
    pub kind: NodeKind,
    /// What became of it.
    pub state: GraphState,
    /// Which side moved; `UNKNOWN` of what is the same, and where that cannot be told.
    pub origin: Origin,
    /// How many entries of the diff are about it.
    pub differences: u32,
    /// Whether it stands elsewhere on the two sides.
    pub moved: bool,
    /// Whether it is switched off: in n8n, or in Git where only Git has it.
    pub disabled: bool,
    /// Where it stands in n8n, or in Git where n8n does not say. `None`: neither side says.
    pub place: Option<Place>,
    /// Of a sticky note, what it looks like.
    pub note: Option<StickyView>,
}

/// A place on n8n's canvas, as the workflow has it: may be negative, and may be far out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Place {
    /// To the right, in pixels.
    pub x: f64,
    /// Downwards, in pixels.
    pub y: f64,
}

/// What a sticky note looks like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StickyView {
    /// How it begins.
    pub text: String,
    /// Its width in pixels; `None`: n8n's default.
    pub width: Option<f64>,
    /// Its height in pixels; `None`: n8n's default.
    pub height: Option<f64>,
}

/// A connection of either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GraphEdge {
    /// The name of the node that it begins at.
    pub from: String,
    /// The same as a place in [`GraphView::nodes`]; `None` where no node has the name.
    pub from_node: Option<u32>,
    /// The kind of output: `main`, or one of the `ai_…` kinds.
    pub output_type: String,
    /// The output, from 0: of an IF node 0 is true and 1 is false.
    pub output: u32,
    /// The name of the node that it leads to.
    pub to: String,
    /// The same as a place in [`GraphView::nodes`]; `None` where no node has the name.
    pub to_node: Option<u32>,
    /// The kind of input.
    pub input_type: String,
    /// The input, from 0.
    pub input: u32,
    /// What became of it: `same`, `added` or `removed`.
    pub state: GraphState,
    /// Which side moved; `UNKNOWN` of what is the same, and where that cannot be told.
    pub origin: Origin,
}
