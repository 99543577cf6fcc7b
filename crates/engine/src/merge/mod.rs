//! The three-way merge of a workflow whose two sides both left the content on which they last agreed.
//!
//! [`merge`] takes what only one side touched from that side, and asks a person about what both touched differently. What
//! counts as touched is what counts as drift ([`crate::canonical`]): a moved node, an id made anew, a default written out
//! touch nothing. Nothing is guessed: as long as a conflict has no choice there is no result.
//!
//! # What is decided as one, and its key
//! | part | key | touched by both, differently |
//! |---|---|---|
//! | a node, with its name, parameters, credentials and flags | `node:ID`, or `node:NAME` where it has no id of its own | conflict, whichever of its fields each side touched |
//! | the connections that leave a `main` output | `connection:NODE/main/OUTPUT` | both added: all of them. Both removed: what neither has any more goes. Else conflict |
//! | the sub-nodes that enter an input of an AI node | `connection:NODE/KIND/INPUT` | the same; but an input for one thing (a model, a memory) to which both added is a conflict. `ai_tool` takes several |
//! | each setting | `setting:KEY` | conflict |
//! | `name`, `active`, `isArchived`, `description`, `tags`, `nodeGroups` | the field's name | conflict |
//!
//! # A node
//! | n8n | Git | result |
//! |---|---|---|
//! | touched | not | n8n's, be it changed, renamed, added or removed |
//! | not | touched | Git's |
//! | touched | touched alike | that |
//! | changed or renamed | changed or renamed, otherwise | conflict |
//! | removed | changed or renamed (or the reverse) | conflict |
//! | added under one id or name | added under the same, differently | conflict |
//! | two nodes that come to have one name | | conflict of those nodes, until a choice keeps the names apart |
//!
//! Which node is which is found as in a diff: by id, then name, then likeness, with base. Two additions that are merely
//! alike are two nodes.
//!
//! - **Renames.** Connections and expressions (`$('Old')`, `$node["Old"]`, …) follow their node into the result, wherever
//!   each comes from. One that merely followed a rename is not touched.
//! - **What hangs on a node.** Connections that a side lacks because it removed their node are not touched by it. Where a
//!   person keeps the node after all, they come back; where the side that removed it also connected around it, that port is
//!   then a conflict. A connection of a node that is not in the result is left out and told of as a part
//!   ([`MergeSource::Lost`](drift_domain::views::MergeSource::Lost)), and so is an expression that names one.
//! - **On the canvas.** Positions are live's, unless Git alone moved the node. Sticky notes are never asked about: live's,
//!   unless Git alone wrote on it; one that only one side threw away and the other wrote on stays; one whose name another
//!   node has gets a number.
//! - **Ids.** A node that runs keeps its id. An id that both sides gave to different nodes goes from Git's, and n8n makes one.
//! - **What a format does not carry** (source control has neither `active` nor tags) is unknown: that side touched nothing,
//!   and the other one's stands. Where base does not carry what differs, it is a conflict without a base to pick.
//! - **What is not declared** (runtime data, server fields, top-level fields that this version does not know) is no part of
//!   the result: whoever writes it leaves them as they are. Unknown fields of a node go with the node.
//!
//! # Without a base
//! What both have alike is taken; everything else is a conflict, and base cannot be picked. A connection that one side lacks
//! because it lacks the node goes with the choice of the node.
//!
//! # Ids of one instance
//! Give workflows whose ids were made stable ([`Workflow::with_ids`]), as for a diff, and turn them back in the result.

mod fields;
mod lost;
mod nodes;
mod report;
mod result;
mod sides;
mod verdict;
mod wires;

use std::collections::BTreeMap;

use drift_domain::views::{MergeConflict, MergePart, MergeSide};

use crate::canonical::value;
use crate::workflow::Workflow;
use crate::{Limits, WorkflowError, parse};

/// What a person picked: the side by the key of the conflict. Keys of nothing that is in conflict count for nothing.
pub type Choices = BTreeMap<String, MergeSide>;

/// Why a person is asked where base says nothing.
const UNKNOWN_BASE: &str = "n8n and Git differ, and what they had in common is not known.";

/// What a merge came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    /// The merged workflow, in the form of n8n's API ([`Workflow::canonical_json`] writes it). None while anything is in
    /// conflict.
    pub merged: Option<Workflow>,
    /// Everything that at least one side touched, and where it comes from: fields, settings, nodes, connections, and last
    /// what is left out. Texts hold no secrets.
    pub parts: Vec<MergePart>,
    /// What a person has to pick still. Texts hold no secrets, and one set of labels stands for those of all sides.
    pub conflicts: Vec<MergeConflict>,
}

/// Merges what runs with what Git declares, from the last content on which they agreed, where that is known.
///
/// `choices` settle conflicts of an earlier call with the same workflows: conflicts that remain, or that the choices bring
/// about (two nodes of one name, connections around a node that was kept), are in the answer.
///
/// # Errors
/// Where the merged workflow is beyond `limits`, although each side is within.
pub fn merge(
    base: Option<&Workflow>,
    live: &Workflow,
    desired: &Workflow,
    choices: &Choices,
    limits: &Limits,
) -> Result<Merge, WorkflowError> {
    let sides = sides::Sides::new(base, live, desired);
    let mut report = report::Report::new();
    let nodes = nodes::Nodes::decide(&sides, choices, &mut report.redactor);
    let fields = fields::merge(&sides, choices, &mut report);
    nodes.tell(&sides, &mut report);
    let wires = wires::merge(&sides, &nodes, choices, &mut report);
    lost::tell(&sides, &nodes, &mut report);
    let merged = if report.conflicts.is_empty() {
        let whole = result::of(&sides, &nodes, &wires, &fields);
        Some(parse(&value::bytes(&whole), limits)?)
    } else {
        None
    };
    Ok(Merge { merged, parts: report.parts, conflicts: report.conflicts })
}
