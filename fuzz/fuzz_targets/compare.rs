//! Two workflows in one input, parted by a zero byte: the diff finds a change exactly where the fingerprints disagree.
#![no_main]

use drift_engine::{Limits, diff, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(at) = bytes.iter().position(|b| *b == 0) else { return };
    let limits = Limits::default();
    if let (Ok(live), Ok(desired)) = (parse(&bytes[..at], &limits), parse(&bytes[at + 1..], &limits)) {
        let diff = diff(&live, &desired);
        assert_eq!(diff.equal, live.prints().agree(&desired.prints()));
        let _ = (diff.summary(), diff.traits(), diff.to_string());
    }
});
