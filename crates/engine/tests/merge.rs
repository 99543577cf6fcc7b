//! What a merge promises, held against real workflows that two people changed in known ways, and against what nobody wrote.
//! The rules one by one are in `merge/by_hand.rs`.

#[path = "../benches/common/corpus.rs"]
mod corpus;

#[path = "merge/by_hand.rs"]
mod by_hand;
#[expect(dead_code, reason = "what holds a diff against its truth is for other tests")]
mod common;
#[path = "merge/fields.rs"]
mod fields;
#[path = "merge/held.rs"]
mod held;
#[path = "common/shapes.rs"]
mod shapes;

use std::collections::BTreeSet;

use common::check::{make, reported};
use common::fixtures;
use common::mutate::{Case, FUNCTIONAL, Item, Rng};
use drift_domain::views::{MergeSide, MergeSource};
use drift_engine::{ChangeKind, Choices, Diff, Merge, Workflow, diff};
use held::{agree, apart, merged, read, sound, swapped, try_merge};
use proptest::prelude::*;
use serde_json::{Value, json};
use shapes::any_workflow;

/// A side as somebody leaves it: a fixture after some changes, among noise.
fn side(workflow: &Value, seed: u64, changes: usize) -> Workflow {
    read(&make(workflow, seed, changes).live)
}

/// Picks one side for everything, until nothing is left to pick: a choice may bring up another question.
fn all_from(side: MergeSide, base: Option<&Workflow>, live: &Workflow, desired: &Workflow) -> (Merge, Choices) {
    let mut choices = Choices::new();
    for _ in 0..5 {
        let merge = try_merge(base, live, desired, &choices);
        if merge.conflicts.is_empty() {
            return (merge, choices);
        }
        choices.extend(merge.conflicts.iter().map(|c| (c.key.clone(), side)));
    }
    panic!("a side does not go together with itself: {:?}", try_merge(base, live, desired, &choices).conflicts);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Where one side stayed, the merge is the other, whatever noise there is on either.
    #[test]
    fn the_side_that_moved_is_taken(fixture in 0..15_usize, seed: u64, noise: u64, changes in 1..4_usize) {
        let (name, workflow) = &fixtures()[fixture];
        let base = read(&workflow.to_string());
        let (moved, still) = (side(workflow, seed, changes), side(workflow, noise, 0));
        for same in [&base, &still] {
            let of_live = merged(Some(&base), &moved, same);
            prop_assert!(agree(&of_live, &moved), "{name}: {}", diff(&of_live, &moved));
            let of_desired = merged(Some(&base), same, &moved);
            prop_assert!(agree(&of_desired, &moved), "{name}: {}", diff(&of_desired, &moved));
        }
        let nothing = try_merge(Some(&base), &still, &base, &Choices::new());
        prop_assert_eq!(nothing.parts, vec![]);
    }

    /// Both sides are treated alike: exchanged, they give the same with the names of the sides exchanged.
    #[test]
    fn the_sides_are_treated_alike(fixture in 0..15_usize, one: u64, other: u64, n in 0..4_usize, m in 0..4_usize, known: bool) {
        let (name, workflow) = &fixtures()[fixture];
        let base = Some(read(&workflow.to_string())).filter(|_| known);
        let (one, other) = (side(workflow, one, n), side(workflow, other, m));
        let there = try_merge(base.as_ref(), &one, &other, &Choices::new());
        let back = try_merge(base.as_ref(), &other, &one, &Choices::new());
        let (parts, conflicts) = swapped(&back);
        let (ours, theirs) = (BTreeSet::from_iter(there.parts), BTreeSet::from_iter(parts));
        prop_assert_eq!(&ours, &theirs, "{}", name);
        prop_assert_eq!(held::masked(&there.conflicts), held::masked(&conflicts), "{}", name);
        match (&there.merged, &back.merged) {
            (Some(a), Some(b)) => prop_assert!(agree(a, b), "{name}: {}", diff(a, b)),
            (a, b) => prop_assert_eq!(a.is_some(), b.is_some()),
        }
    }

    /// Changes of different things merge by themselves, and the result shows both, and nothing else.
    #[test]
    fn changes_of_different_things_merge(fixture in 0..15_usize, one: u64, other: u64, n in 1..3_usize, m in 1..3_usize) {
        let (name, workflow) = &fixtures()[fixture];
        let base = read(&workflow.to_string());
        let (one, other) = (make(workflow, one, n), make(workflow, other, m));
        let new_ids = [&one, &other].iter().any(|made| made.ops.contains(&"new ids"));
        let (one, other) = (read(&one.live), read(&other.live));
        let (of_one, of_other) = (diff(&one, &base), diff(&other, &base));
        prop_assume!(apart(&of_one, &of_other));
        let merge = try_merge(Some(&base), &one, &other, &Choices::new());
        prop_assert_eq!(&merge.conflicts, &vec![], "{}", name);
        let merged = merge.merged.unwrap();
        // Without its id a renamed node is known by its likeness, and what the other side did may leave too little of that.
        // And a copy of what the other side took away looks like that under another name, whatever its id.
        let some = |diff: &Diff, kind| diff.changes.iter().any(|c| c.kind == kind);
        let copied = |adds, removes| some(adds, ChangeKind::NodeAdded) && some(removes, ChangeKind::NodeRemoved);
        let renamed = some(&of_one, ChangeKind::NodeRenamed) || some(&of_other, ChangeKind::NodeRenamed);
        let copied = copied(&of_one, &of_other) || copied(&of_other, &of_one);
        if !(copied || (renamed && new_ids)) {
            let got = diff(&merged, &base);
            let both: BTreeSet<_> = reported(&of_one).union(&reported(&of_other)).cloned().collect();
            prop_assert_eq!(reported(&got), both, "{}: {}\n{}\n{}", name, got, of_one, of_other);
            let both: BTreeSet<_> = held::places(&of_one).union(&held::places(&of_other)).cloned().collect();
            prop_assert_eq!(held::places(&got), both, "{}: {}\n{}\n{}", name, got, of_one, of_other);
        }
        prop_assert_eq!(sound(&merged, [&one, &other, &base]), None, "{}", name);
        for part in &merge.parts {
            let single = matches!(part.source, MergeSource::Live | MergeSource::Desired | MergeSource::Lost);
            prop_assert!(single && !part.chosen, "{name}: {part:?}");
        }
    }

    /// Whatever the two did: picking one side for everything gives a workflow that can be used, and in which all that was in
    /// conflict is as that side has it.
    #[test]
    fn what_is_picked_is_what_comes_out(fixture in 0..15_usize, one: u64, other: u64, n in 1..5_usize, known: bool) {
        let (name, workflow) = &fixtures()[fixture];
        let base = read(&workflow.to_string());
        let (live, desired) = (side(workflow, one, n), side(workflow, other, n));
        let known = Some(&base).filter(|_| known);
        let asked = try_merge(known, &live, &desired, &Choices::new());
        for (picked, whole) in [(MergeSide::Live, &live), (MergeSide::Desired, &desired)] {
            let (merge, choices) = all_from(picked, known, &live, &desired);
            let merged = merge.merged.unwrap();
            prop_assert_eq!(sound(&merged, [&live, &desired, &base]), None, "{}", name);
            prop_assert_eq!(choices.is_empty(), asked.merged.is_some());
            let differs = diff(&merged, whole);
            for conflict in &asked.conflicts {
                let kept = held::is_as(conflict, &base, whole, &differs);
                prop_assert!(kept, "{name}: {} is not {picked}'s: {differs}", conflict.key);
            }
            if known.is_none() {
                prop_assert!(agree(&merged, whole), "{name}, {picked}: {differs}");
            }
        }
    }

    /// Any two changes of one node are one question, and one only.
    #[test]
    fn one_node_on_both_sides_is_one_conflict(fixture in 0..15_usize, op in 0..FUNCTIONAL.len(), seed: u64) {
        let (name, workflow) = &fixtures()[fixture];
        let mut case = Case::new(workflow);
        prop_assume!(case.functional(FUNCTIONAL[op], &mut Rng(seed)));
        let truth = case.truth();
        let node = truth.iter().find_map(|item| match item {
            Item::Node(node, kind) if *kind != "added" => Some(node.clone()),
            _ => None,
        });
        prop_assume!(node.is_some());
        let mut other = workflow.clone();
        let mut same = other["nodes"].as_array_mut().unwrap().iter_mut().filter(|n| n["name"].as_str() == node.as_deref());
        let edited = same.next().unwrap();
        edited["notes"] = json!("from another hand");
        let id = edited["id"].as_str().map_or(node.clone().unwrap(), str::to_owned);
        let [base, live, desired] = [workflow, &case.workflow, &other].map(|w| read(&w.to_string()));
        for (live, desired) in [(&live, &desired), (&desired, &live)] {
            let merge = try_merge(Some(&base), live, desired, &Choices::new());
            let keys: Vec<_> = merge.conflicts.iter().map(|c| c.key.as_str()).collect();
            prop_assert_eq!(keys, vec![format!("node:{id}")], "{}, {}", name, FUNCTIONAL[op]);
            prop_assert!(merge.merged.is_none());
            // The base can be picked too, and is then what comes out, connections of the other side's doing apart.
            let choices = Choices::from([(format!("node:{id}"), MergeSide::Base)]);
            let merged = try_merge(Some(&base), live, desired, &choices).merged.unwrap();
            let nodes = reported(&diff(&merged, &base)).into_iter().filter(|i| matches!(i, Item::Node(..)));
            prop_assert_eq!(nodes.collect::<Vec<_>>(), vec![]);
        }
    }

    /// What nobody wrote as a workflow is merged or asked about, and never makes it fail.
    #[test]
    fn any_three_workflows_are_answered(base in any_workflow(), live in any_workflow(), desired in any_workflow()) {
        let [base, live, desired] = [base, live, desired].map(|w| read(&w.to_string()));
        for base in [None, Some(&base)] {
            for picked in [MergeSide::Live, MergeSide::Desired] {
                let (merge, _) = all_from(picked, base, &live, &desired);
                let again = held::again(merge.merged.as_ref().unwrap());
                prop_assert_eq!(&again, merge.merged.as_ref().unwrap());
            }
        }
    }

    /// Nor does it change what it has no part in. Groups apart: an id in one that no node of its side has may be another's.
    #[test]
    fn anything_is_taken_where_one_side_stayed(base in any_workflow(), moved in any_workflow()) {
        let ungrouped = |mut w: Value| {
            w["nodeGroups"].take();
            read(&w.to_string())
        };
        let [base, moved] = [base, moved].map(ungrouped);
        for merged in [merged(Some(&base), &moved, &base), merged(Some(&base), &base, &moved)] {
            prop_assert!(agree(&merged, &moved), "{}", diff(&merged, &moved));
        }
    }
}

/// What stands in place of an output's list is no connection, and the merge does not make one of it, unless it has to stand
/// beside one.
#[test]
fn what_stands_in_place_of_a_list_stays_there() {
    let with = |connections: Value| read(&json!({"name": "w", "nodes": [], "connections": connections}).to_string());
    let base = with(json!({}));
    let odd = json!({"node": "main"});
    for connections in
        [json!({"A": {"main": odd}}), json!({"A": {"main": [[], odd]}}), json!({"A": {"ai_tool": [odd]}})]
    {
        let moved = with(connections);
        for merged in [merged(Some(&base), &moved, &base), merged(Some(&base), &base, &moved)] {
            assert!(agree(&merged, &moved), "{}", diff(&merged, &moved));
        }
    }
    let there = with(json!({"A": {"ai_tool": [odd]}}));
    let beside = with(json!({"A": {"ai_tool": [[{"node": "B", "type": "ai_tool", "index": 0}]]}}));
    for merged in [merged(Some(&base), &there, &beside), merged(Some(&base), &beside, &there)] {
        let text = String::from_utf8(merged.canonical_json()).unwrap();
        assert!(text.contains("\"B\"") && text.contains("\"main\""), "{text}");
    }
}

/// Real changes by real people: from before to after on one side, and nothing on the other.
#[test]
fn real_changes_are_taken_whole() {
    let corpus = corpus::Corpus::load();
    for bytes in &corpus.workflows {
        let whole = read(&String::from_utf8_lossy(bytes));
        assert!(agree(&merged(None, &whole, &whole), &whole), "{}", whole.name());
    }
    for [after, before] in &corpus.pairs {
        let [after, before] = [after, before].map(|bytes| read(&String::from_utf8_lossy(bytes)));
        let of_live = merged(Some(&before), &after, &before);
        assert!(agree(&of_live, &after), "{}: {}", corpus.source, diff(&of_live, &after));
        let of_desired = merged(Some(&before), &before, &after);
        assert!(agree(&of_desired, &after), "{}: {}", corpus.source, diff(&of_desired, &after));
        let alike = try_merge(Some(&before), &after, &after, &Choices::new());
        assert!(alike.parts.iter().all(|p| p.source == MergeSource::Both), "{:?}", alike.parts);
        assert!(agree(&alike.merged.unwrap(), &after));
    }
}
