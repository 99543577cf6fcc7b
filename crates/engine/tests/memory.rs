//! Memory is flat in the number of workflows: what is read one after the other is let go.

#[path = "../benches/common/corpus.rs"]
mod corpus;

use std::io::Write;

use drift_engine::{Limits, Prints, diff, environment_fingerprint, parse, parse_each};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most bytes that were allocated at one time while `work` ran, beyond those before.
fn peak(work: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    work();
    MEMORY.peak_usage().saturating_sub(before)
}

/// Reads, prints and compares so many workflows, each of other bytes.
fn stream(files: &[Vec<u8>], count: usize) {
    let mut last: Option<Prints> = None;
    for i in 0..count {
        let mut file = files[i % files.len()].clone();
        let _ = write!(file, "{}", " ".repeat(i % 7));
        let workflow = parse(&file, &Limits::default()).expect("a workflow");
        let prints = workflow.prints();
        assert!(diff(&workflow, &workflow).equal && !workflow.ignored().is_empty());
        let _ = last.as_ref().is_some_and(|last| last.agree(&prints));
        last = Some(prints);
    }
}

/// One test, since the allocator counts for the whole process.
#[test]
fn memory_is_flat_in_the_number_of_workflows() {
    let files = corpus::fixtures();
    let corpus = corpus::Corpus::load();
    assert!(!corpus.pairs.is_empty(), "{}", corpus.source);
    stream(&files, files.len());

    let (few, many) = (peak(|| stream(&files, 100)), peak(|| stream(&files, 1_000)));
    assert!(many <= few + few / 10, "100 workflows take {few} bytes, 1,000 take {many}");

    // A file of many, as `n8n export:workflow --all` writes it: besides its own bytes 16 for each workflow.
    let export = |count: usize| {
        let all: Vec<_> = files.iter().cycle().take(count).map(Vec::as_slice).collect();
        [b"[", all.join(&b","[..]).as_slice(), b"]"].concat()
    };
    let each = |file: &[u8]| {
        peak(|| assert!(parse_each(file, &Limits::default()).expect("a list").all(|workflow| workflow.is_ok())))
    };
    let (few, many) = (each(&export(100)), each(&export(1_000)));
    assert!(many <= few + 900 * 64, "a file of 100 workflows takes {few} bytes, of 1,000 {many}");

    // What stays of each is its prints: a few hundred bytes, whatever its size.
    let prints: Vec<_> =
        files.iter().map(|file| parse(file, &Limits::default()).expect("a workflow").prints()).collect();
    let kept = peak(|| {
        let copies: Vec<_> = prints.iter().cycle().take(1_000).cloned().collect();
        environment_fingerprint(copies.iter().enumerate().map(|(i, prints)| (i.to_string(), prints)));
    });
    assert!(kept < 1_000 * 8_192, "the prints of 1,000 workflows take {kept} bytes");

    // A workflow in memory is its bytes and tables beside them.
    let largest = corpus.workflows.iter().max_by_key(|file| file.len()).expect("a workflow");
    let one = peak(|| drop(parse(largest, &Limits::default()).expect("a workflow")));
    assert!(one <= 4 * largest.len() + 65_536, "{} bytes take {one}", largest.len());
}
