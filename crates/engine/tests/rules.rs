//! The engine reads quickly and in one pass. What it says must be what the rules say in their obvious form: prints to the
//! byte, what was ignored to the count, and the same bytes refused. A difference here is a changed fingerprint for somebody:
//! either a mistake, or a new version of the rules.

#[path = "../benches/common/corpus.rs"]
mod corpus;
mod oracle;
#[path = "common/shapes.rs"]
mod shapes;

use corpus::Corpus;
use drift_engine::{Limits, parse};
use oracle::Said;
use proptest::prelude::*;

fn engine(file: &[u8]) -> Option<Said> {
    let workflow = parse(file, &Limits::default()).ok()?;
    let rule = |i: &drift_engine::Ignored| serde_json::to_value(i.rule).unwrap().as_str().unwrap().to_owned();
    let mut ignored: Vec<_> = workflow.ignored().iter().map(|i| (rule(i), i.count)).collect();
    ignored.sort();
    Some(Said { prints: serde_json::to_value(workflow.prints()).unwrap(), ignored })
}

/// Pieces that break JSON, or are read in more than one way.
const PIECES: [&[u8]; 28] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"\x00",
    b"\x1f",
    b"\xff",
    b"\xc3\xa9",
    b"null,",
    b"-0",
    b"1.50e+2",
    b"1e400",
    b"01",
    b"123456789012345678901",
    b"\\u0041",
    b"\\ud83d",
    b"\\ud83d\\ude00",
    b"\\/",
    b"\\x",
    b"\"name\":\"twice\",",
    b"\"id\":7,\"\\u0069d\":8,",
    b"\"\":{},",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_nobody_wrote_reads_the_same(workflow in shapes::any_workflow()) {
        let text = workflow.to_string();
        prop_assert_eq!(engine(text.as_bytes()), oracle::said(text.as_bytes()));
    }

    /// Real files with pieces put in, or written over what was there, anywhere.
    #[test]
    fn broken_files_read_the_same(
        fixture in 0..4_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..PIECES.len(), 0..3_usize), 1..4),
    ) {
        let mut files = corpus::fixtures();
        files.sort_by_key(Vec::len);
        let mut file = files.swap_remove(fixture);
        for (at, piece, over) in edits {
            let at = at.index(file.len());
            let end = file.len().min(at + over);
            file.splice(at..end, PIECES[piece].iter().copied());
        }
        prop_assert_eq!(engine(&file), oracle::said(&file), "{}", String::from_utf8_lossy(&file));
    }

    #[test]
    fn numbers_read_the_same(number in "-?[0-9]{1,20}(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?|-?[0-9.eE+-]{1,6}") {
        let file = format!(r#"{{"nodes": [{{"name": "n", "parameters": {{"a": [{number}]}}, "typeVersion": {number}}}]}}"#);
        prop_assert_eq!(engine(file.as_bytes()), oracle::said(file.as_bytes()), "{}", file);
    }

    #[test]
    fn texts_read_the_same(key in any::<String>(), says in "\\PC{0,40}[\\x00-\\x1f\"\\\\/é]{0,3}[a-z]{0,40}") {
        let node = serde_json::json!({"name": says, "parameters": {key.as_str(): says.as_str()}, "notes": key});
        let file = serde_json::json!({"nodes": [node], "connections": {says.as_str(): {"main": [[{"node": key}]]}}}).to_string();
        // As Python writes it, with everything escaped that is not ASCII.
        let ascii: String = file.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
        prop_assert_eq!(engine(file.as_bytes()), oracle::said(file.as_bytes()));
        prop_assert_eq!(engine(ascii.as_bytes()), oracle::said(file.as_bytes()));
    }
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
}

/// Every real workflow at hand, both sides of every real change.
#[test]
fn real_workflows_read_the_same() {
    let corpus = Corpus::load();
    for file in corpus.workflows.iter().chain(corpus.pairs.iter().flatten()).chain(&corpus::fixtures()) {
        assert_eq!(engine(file), oracle::said(file), "{}", corpus.source);
    }
}
