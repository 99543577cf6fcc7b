//! Every mutation of a known list is seen, and nothing else: real workflows, changed in known ways.

mod common;

use common::check::{make, wrong};
use common::fixtures;
use common::mutate::{BENIGN, Case, FUNCTIONAL, Rng, write};
use drift_engine::{ChangeKind, Diff, Graph, Limits, Presence, Workflow, diff, diff_with_graph, parse};
use proptest::prelude::*;

/// What the graph promises about any diff.
fn drawn_wrong(diff: &Diff, graph: &Graph, live: &Workflow, desired: &Workflow) -> Option<String> {
    let count = |side| graph.nodes.iter().filter(|n| n.presence == Presence::Both || n.presence == side).count();
    if (count(Presence::Live), count(Presence::Desired)) != (live.node_count(), desired.node_count()) {
        return Some("nodes are missing, or there twice".to_owned());
    }
    let of_nodes = graph.nodes.iter().flat_map(|node| node.changes.clone());
    let mut claimed: Vec<_> = of_nodes.chain(graph.edges.iter().filter_map(|edge| edge.change)).collect();
    claimed.sort_unstable();
    let about = |kind| kind != ChangeKind::WorkflowModified;
    let expected: Vec<_> = (0..diff.changes.len()).filter(|at| about(diff.changes[*at].kind)).collect();
    if claimed != expected {
        return Some(format!("changes {expected:?} are drawn as {claimed:?}"));
    }
    for node in &graph.nodes {
        for change in &diff.changes[node.changes.clone()] {
            if change.node.as_deref() != Some(node.name.as_str()) {
                return Some(format!("a change of {:?} is drawn at {:?}", change.node, node.name));
            }
        }
    }
    graph.edges.iter().find_map(|edge| {
        let change = edge.change.map(|at| &diff.changes[at]);
        let kind = change.map(|change| change.kind);
        let expected = match edge.presence {
            Presence::Both => None,
            Presence::Live => Some(ChangeKind::ConnectionAdded),
            Presence::Desired => Some(ChangeKind::ConnectionRemoved),
        };
        let source = change.and_then(|change| change.node.as_deref()).unwrap_or(&edge.from);
        (kind != expected || source != edge.from).then(|| format!("the change of {edge:?} is {change:?}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// One change among noise: exactly that change.
    #[test]
    fn one_change_is_seen_and_nothing_else(fixture in 0..15_usize, seed: u64) {
        let (name, workflow) = &fixtures()[fixture];
        prop_assert_eq!(wrong(&make(workflow, seed, 1)).map(|w| format!("{name}: {w}")), None);
    }

    /// Noise alone is equal, and the fingerprints agree.
    #[test]
    fn noise_is_no_change(fixture in 0..15_usize, seed: u64) {
        let (name, workflow) = &fixtures()[fixture];
        prop_assert_eq!(wrong(&make(workflow, seed, 0)).map(|w| format!("{name}: {w}")), None);
    }

    /// Whatever two workflows are: the fingerprints agree exactly where the diff finds nothing, both ways round.
    #[test]
    fn equal_exactly_where_fingerprints_agree(a in 0..15_usize, b in 0..15_usize, seed: u64, operations in 0..4_usize) {
        let all = fixtures();
        let mut rng = Rng(seed);
        let live = make(&all[a].1, seed, operations);
        let other = write(&all[b].1, &mut rng);
        let live = parse(live.live.as_bytes(), &Limits::default()).unwrap();
        let other = parse(other.as_bytes(), &Limits::default()).unwrap();
        let (there, back) = (diff(&live, &other), diff(&other, &live));
        prop_assert_eq!(there.equal, live.prints().agree(&other.prints()));
        prop_assert_eq!(there.equal, back.equal);
        prop_assert_eq!(there.drift().count() == 0, there.equal);
        if a == b && operations == 0 {
            prop_assert!(there.equal);
        }
    }

    /// The graph is the diff, drawn: every node and connection of both sides once, and every change at exactly one of them.
    #[test]
    fn every_change_is_drawn_once_and_the_diff_is_the_same(
        a in 0..15_usize, b in 0..15_usize, seed: u64, operations in 0..5_usize,
    ) {
        let all = fixtures();
        let case = make(&all[a].1, seed, operations);
        // Sides of one workflow, and now and then of two that have nothing to do with each other.
        let other = if seed.is_multiple_of(4) { write(&all[b].1, &mut Rng(seed)) } else { case.desired };
        let live = parse(case.live.as_bytes(), &Limits::default()).unwrap();
        let desired = parse(other.as_bytes(), &Limits::default()).unwrap();
        let (found, graph) = diff_with_graph(&live, &desired);
        prop_assert_eq!(drawn_wrong(&found, &graph, &live, &desired), None);
        prop_assert_eq!(found, diff(&live, &desired));
    }

    /// A snapshot parses to the same workflow, byte for byte and print for print, and order does not enter it.
    #[test]
    fn canonical_json_is_stable(fixture in 0..15_usize, seed: u64) {
        let (_, workflow) = &fixtures()[fixture];
        let mut rng = Rng(seed);
        let mut case = Case::new(workflow);
        case.benign("node order", &mut rng);
        let shuffled = parse(write(&case.workflow, &mut rng).as_bytes(), &Limits::default()).unwrap();
        let plain = parse(workflow.to_string().as_bytes(), &Limits::default()).unwrap();
        let again = parse(&plain.canonical_json(), &Limits::default()).unwrap();
        prop_assert_eq!(plain.canonical_json(), again.canonical_json());
        prop_assert_eq!(plain.prints(), again.prints());
        prop_assert_eq!(&shuffled, &plain);
    }
}

/// Every operation is possible on some fixture and seen alone: the list is not longer than what is tested.
#[test]
fn every_operation_of_the_list_is_tried() {
    let all = fixtures();
    for op in FUNCTIONAL {
        let mut tried = 0;
        for (name, workflow) in &all {
            let mut rng = Rng(7);
            let mut case = Case::new(workflow);
            if !case.functional(op, &mut rng) {
                continue;
            }
            let live = parse(write(&case.workflow, &mut rng).as_bytes(), &Limits::default()).unwrap();
            let desired = parse(workflow.to_string().as_bytes(), &Limits::default()).unwrap();
            let got = common::check::reported(&diff(&live, &desired));
            assert_eq!(got, case.truth(), "{op} on {name}");
            tried += usize::from(!case.truth().is_empty());
        }
        assert!(tried > 0, "no fixture for {op}");
    }
    for op in BENIGN {
        for (name, workflow) in &all {
            let mut case = Case::new(workflow);
            case.benign(op, &mut Rng(7));
            let live = parse(case.workflow.to_string().as_bytes(), &Limits::default()).unwrap();
            let desired = parse(workflow.to_string().as_bytes(), &Limits::default()).unwrap();
            let diff = diff(&live, &desired);
            assert!(diff.equal, "{op} on {name}: {diff}");
        }
    }
}
