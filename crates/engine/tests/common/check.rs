//! Holds the engine against a case of known mutations.

use std::collections::{BTreeMap, BTreeSet};

use drift_engine::{ChangeKind, Diff, Limits, Workflow, diff, parse};
use serde_json::Value;

use super::mutate::{BENIGN, Case, FUNCTIONAL, Item, Rng, write};

/// What the engine reports, in the terms of the truth.
pub fn reported(diff: &Diff) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    let mut nodes: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for change in diff.drift() {
        let node = change.node.as_deref().unwrap_or_default();
        match change.kind {
            ChangeKind::NodeAdded => drop(nodes.entry(node).or_default().insert("added")),
            ChangeKind::NodeRemoved => drop(nodes.entry(node).or_default().insert("removed")),
            ChangeKind::NodeModified => drop(nodes.entry(node).or_default().insert("modified")),
            ChangeKind::NodeRenamed => drop(nodes.entry(node).or_default().insert("renamed")),
            ChangeKind::ConnectionAdded | ChangeKind::ConnectionRemoved => {
                items.insert(Item::Connections(node.to_owned()));
            }
            ChangeKind::WorkflowModified => {
                items.insert(Item::Top(change.path.first().map(ToString::to_string).unwrap_or_default()));
            }
        }
    }
    for (node, kinds) in nodes {
        for kind in kinds {
            items.insert(Item::Node(node.to_owned(), kind));
        }
    }
    items
}

/// A case by its seed: some functional operations and some benign ones, on a real workflow.
pub struct Made {
    pub ops: Vec<&'static str>,
    pub truth: BTreeSet<Item>,
    pub live: String,
    pub desired: String,
}

/// Makes the case of a seed; `functional` is how many operations that change something are tried.
pub fn make(workflow: &Value, seed: u64, functional: usize) -> Made {
    let mut rng = Rng(seed);
    let mut case = Case::new(workflow);
    let mut ops = Vec::new();
    for _ in 0..functional {
        let op = FUNCTIONAL[rng.below(FUNCTIONAL.len())];
        if case.functional(op, &mut rng) {
            ops.push(op);
        }
    }
    let truth = case.truth();
    for _ in 0..rng.below(6) + usize::from(functional == 0) {
        let op = BENIGN[rng.below(BENIGN.len())];
        case.benign(op, &mut rng);
        ops.push(op);
    }
    // Every other case with ids made anew: then names and likeness are all there is to match nodes by.
    if seed % 2 == 1 {
        case.benign("new ids", &mut rng);
        ops.push("new ids");
    }
    let live = write(&case.workflow, &mut rng);
    Made { ops, truth, live, desired: workflow.to_string() }
}

fn read(text: &str) -> Workflow {
    parse(text.as_bytes(), &Limits::default()).expect("a workflow")
}

/// What is wrong with the engine's answer to a case; nothing where all is right.
pub fn wrong(made: &Made) -> Option<String> {
    let (live, desired) = (read(&made.live), read(&made.desired));
    let diff = diff(&live, &desired);
    let got = reported(&diff);
    let agree = live.prints().agree(&desired.prints());
    let mut faults = Vec::new();
    if got != made.truth {
        let missed: Vec<_> = made.truth.difference(&got).collect();
        let extra: Vec<_> = got.difference(&made.truth).collect();
        faults.push(format!("missed {missed:?}, made up {extra:?}"));
    }
    if diff.equal != got.is_empty() || agree != diff.equal {
        faults.push(format!("equal {}, fingerprints agree {agree}, drift {}", diff.equal, got.len()));
    }
    (!faults.is_empty()).then(|| format!("{:?}: {}", made.ops, faults.join("; ")))
}
