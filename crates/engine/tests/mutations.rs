//! Every mutation of a known list is seen, and nothing else: real workflows, changed in known ways.

mod common;

use common::check::{make, wrong};
use common::fixtures;
use common::mutate::{BENIGN, Case, FUNCTIONAL, Rng, write};
use drift_engine::{Limits, diff, parse};
use proptest::prelude::*;

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
