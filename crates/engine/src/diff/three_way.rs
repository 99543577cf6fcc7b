//! Which side each change of a diff came from, where the last common content is known.

use drift_domain::change::Origin;

use super::{Change, ChangeKind, Diff, diff};
use crate::canonical::node::Step;
use crate::workflow::Workflow;

/// A change as something that two diffs can share, by the names of the base.
struct Place<'a> {
    node: Option<&'a str>,
    change: &'a Change,
}

impl Diff {
    /// Says of every change which side moved since `base`: live ([`Origin::Hotfix`]), desired ([`Origin::Undeployed`]),
    /// both ([`Origin::Collision`]).
    #[must_use]
    pub fn with_origins(mut self, live: &Workflow, desired: &Workflow, base: &Workflow) -> Self {
        let of_live = diff(live, base);
        // Base takes live's part, so that its names are those of the `live` values.
        let of_desired = diff(base, desired);
        let base_name = |name: Option<&str>| -> Option<String> {
            let renamed =
                of_desired.changes.iter().find(|c| c.kind == ChangeKind::NodeRenamed && c.node.as_deref() == name);
            match renamed {
                Some(change) => change.live.as_str().map(str::to_owned),
                None => name.map(str::to_owned),
            }
        };
        let desired_names: Vec<_> = of_desired.changes.iter().map(|c| base_name(c.node.as_deref())).collect();
        let live_moves: Vec<_> =
            of_live.changes.iter().map(|change| Place { node: change.node.as_deref(), change }).collect();
        let desired_moves: Vec<_> = of_desired
            .changes
            .iter()
            .zip(&desired_names)
            .map(|(change, name)| Place { node: name.as_deref(), change })
            .collect();
        let names: Vec<_> = self.changes.iter().map(|c| base_name(c.node.as_deref())).collect();
        for (change, name) in self.changes.iter_mut().zip(&names) {
            let moved = |moves: &[Place<'_>]| moves.iter().any(|m| touches(change, name.as_deref(), m));
            change.origin = Some(match (moved(&live_moves), moved(&desired_moves)) {
                (true, true) => Origin::Collision,
                (true, false) => Origin::Hotfix,
                (false, true) => Origin::Undeployed,
                (false, false) => Origin::Unknown,
            });
        }
        self
    }
}

/// Whether a change between the sides and a move of one side are about the same thing.
fn touches(change: &Change, node: Option<&str>, one: &Place<'_>) -> bool {
    use ChangeKind::{
        ConnectionAdded, ConnectionRemoved, NodeAdded, NodeModified, NodeRemoved, NodeRenamed, WorkflowModified,
    };
    match (change.kind, one.change.kind) {
        (WorkflowModified, WorkflowModified) => overlap(&change.path, &one.change.path),
        (ConnectionAdded | ConnectionRemoved, ConnectionAdded | ConnectionRemoved) => {
            node == one.node && connection(change) == connection(one.change)
        }
        (NodeRenamed, NodeRenamed) => node == one.node,
        (NodeModified, NodeModified) => node == one.node && overlap(&change.path, &one.change.path),
        // A node that comes or goes moves everything of it.
        (NodeAdded | NodeRemoved, NodeAdded | NodeRemoved | NodeModified | NodeRenamed)
        | (NodeModified | NodeRenamed, NodeAdded | NodeRemoved) => node == one.node,
        _ => false,
    }
}

fn overlap(a: &[Step], b: &[Step]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// What identifies a connection, whichever side has it.
fn connection(change: &Change) -> &serde_json::Value {
    if change.live.is_null() { &change.desired } else { &change.live }
}
