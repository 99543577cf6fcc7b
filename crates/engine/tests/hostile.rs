//! Input that nobody wrote as a workflow: an error or a workflow, never a panic, and nothing that depends on chance.

#[path = "common/shapes.rs"]
mod shapes;

use drift_engine::{Limits, diff, parse, parse_file, redact};
use proptest::prelude::*;
use serde_json::Value;
use shapes::{any_json, any_node, any_workflow};

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        let _ = parse(&bytes, &Limits::default());
        let _ = parse_file(&bytes, &Limits::default());
    }

    #[test]
    fn any_json_is_answered(value in any_json()) {
        let text = value.to_string();
        let _ = parse(text.as_bytes(), &Limits::default());
        if let Ok(all) = parse_file(text.as_bytes(), &Limits::default()) {
            for workflow in all.into_iter().flatten() {
                let _ = (workflow.prints(), workflow.ignored(), redact(&workflow));
            }
        }
    }

    /// The invariant between fingerprints and diff holds for what no tool would write.
    #[test]
    fn anything_in_the_shape_of_a_workflow_is_compared(a in any_workflow(), b in any_workflow()) {
        let read = |v: &Value| parse(v.to_string().as_bytes(), &Limits::default()).expect("a workflow");
        let (a, b) = (read(&a), read(&b));
        for (live, desired) in [(&a, &b), (&b, &a), (&a, &a)] {
            let diff = diff(live, desired);
            prop_assert_eq!(diff.equal, live.prints().agree(&desired.prints()), "{}", diff);
            let _ = (diff.summary(), diff.traits(), diff.to_string());
        }
        prop_assert!(diff(&a, &a).equal);
        let again = parse(&a.canonical_json(), &Limits::default()).expect("a workflow");
        prop_assert_eq!(&again, &a);
        prop_assert_eq!(again.prints(), a.prints());
    }

    /// Small differences are where an invariant breaks: two workflows that share most of their nodes.
    #[test]
    fn near_misses_are_compared(a in any_workflow(), node in any_node(), at in 0..6_usize, twice: bool) {
        let mut b = a.clone();
        if let Some(nodes) = b["nodes"].as_array_mut() {
            if at < nodes.len() {
                nodes[at] = node.clone();
            } else {
                nodes.push(node.clone());
            }
            if twice {
                nodes.push(node);
            }
            nodes.reverse();
        }
        let read = |v: &Value| parse(v.to_string().as_bytes(), &Limits::default()).expect("a workflow");
        let (a, b) = (read(&a), read(&b));
        for (live, desired) in [(&a, &b), (&b, &a)] {
            let diff = diff(live, desired);
            prop_assert_eq!(diff.equal, live.prints().agree(&desired.prints()), "{}", diff);
        }
    }
}
