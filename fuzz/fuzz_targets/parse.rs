//! Any bytes are answered: with workflows or with an error, and what was read can be written and read again.
#![no_main]

use drift_engine::{Limits, parse, parse_file, redact};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    for workflow in parse_file(bytes, &limits).into_iter().flatten().flatten() {
        let canonical = workflow.canonical_json();
        let again = parse(&canonical, &limits).expect("what was written can be read");
        assert_eq!(again.canonical_json(), canonical);
        assert_eq!(again.prints(), workflow.prints());
        let _ = (workflow.ignored(), redact(&workflow));
    }
});
