//! How fast the engine is, beside what it is measured by: `cargo bench -p drift-engine`, or `make bench`.
//!
//! Criterion measures each by itself, over all workflows at hand. The table at the end measures each in turns with its
//! reference, and says the ratio of the times: the one figure that means the same on a busy machine. `docs/performance.md`
//! has the goals and what was found.
#![allow(missing_docs, reason = "criterion's macros write functions")]

mod common;

use std::collections::HashMap;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use common::corpus::Corpus;
use common::measure::{Measured, measure, speed};
use criterion::{Criterion, Throughput};
use drift_domain::fingerprint::Fingerprint;
use drift_engine::{Limits, Prints, Workflow, diff, environment_fingerprint, parse, raw_fingerprint};
use serde_json::Value;

/// How many workflows an unchanged environment has.
const MANY: usize = 10_000;

fn read(bytes: &[u8]) -> Workflow {
    parse(bytes, &Limits::default()).expect("a workflow")
}

/// `serde_json` parsing the same bytes: what everything is measured by.
fn values<'a>(files: impl Iterator<Item = &'a Vec<u8>>) {
    files.for_each(|file| drop(black_box(serde_json::from_slice::<Value>(file).expect("JSON"))));
}

fn prints(corpus: &Corpus) {
    corpus.workflows.iter().for_each(|file| drop(black_box(read(file).prints())));
}

/// All that a check wants to know of a workflow whose bytes are new.
fn readings(corpus: &Corpus) {
    for file in &corpus.workflows {
        let workflow = read(file);
        black_box((workflow.prints(), workflow.ignored()));
    }
}

fn raw(corpus: &Corpus) {
    corpus.workflows.iter().for_each(|file| _ = black_box(raw_fingerprint(file)));
}

fn diffs(corpus: &Corpus) {
    for [live, desired] in &corpus.pairs {
        black_box(diff(&read(live), &read(desired)));
    }
}

/// An environment of which nothing changed: its bytes are hashed, what is known of them is looked up and compared.
struct Unchanged<'a> {
    live: Vec<&'a [u8]>,
    known: HashMap<Fingerprint, Prints>,
    desired: Vec<Prints>,
}

impl<'a> Unchanged<'a> {
    fn new(corpus: &'a Corpus) -> Self {
        let live: Vec<&[u8]> = corpus.workflows.iter().map(Vec::as_slice).cycle().take(MANY).collect();
        let known: HashMap<_, _> =
            corpus.workflows.iter().map(|file| (raw_fingerprint(file), read(file).prints())).collect();
        let desired = live.iter().map(|file| known[&raw_fingerprint(file)].clone()).collect();
        Self { live, known, desired }
    }

    fn check(&self) -> Fingerprint {
        let prints: Vec<_> = self.live.iter().map(|file| &self.known[&raw_fingerprint(file)]).collect();
        assert!(prints.iter().zip(&self.desired).all(|(live, desired)| live.agree(desired)));
        environment_fingerprint(prints.iter().enumerate().map(|(i, prints)| (i.to_string(), *prints)))
    }

    fn hash(&self) {
        self.live.iter().for_each(|file| _ = black_box(raw_fingerprint(file)));
    }

    fn bytes(&self) -> usize {
        self.live.iter().map(|file| file.len()).sum()
    }
}

fn groups(c: &mut Criterion, corpus: &Corpus, bytes: usize, pair_bytes: usize) {
    let mut group = c.benchmark_group("workflows");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("serde_json Value", |b| b.iter(|| values(corpus.workflows.iter())));
    group.bench_function("canonical form and fingerprint", |b| b.iter(|| prints(corpus)));
    group.bench_function("fingerprint and what was ignored", |b| b.iter(|| readings(corpus)));
    group.bench_function("bytes seen before", |b| b.iter(|| raw(corpus)));
    group.finish();
    let mut group = c.benchmark_group("pairs");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).throughput(Throughput::Bytes(pair_bytes as u64));
    group.bench_function("serde_json Value", |b| b.iter(|| values(corpus.pairs.iter().flatten())));
    group.bench_function("parse, compare, diff", |b| b.iter(|| diffs(corpus)));
    group.finish();
}

fn ratios(corpus: &Corpus, bytes: usize, pair_bytes: usize, rounds: usize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{}: {} workflows, {bytes} bytes", corpus.source, corpus.workflows.len())?;
    writeln!(
        out,
        "{} pairs, {pair_bytes} bytes; {rounds} rounds in turns, processor time, best speed, median ratio\n",
        corpus.pairs.len()
    )?;
    let mut line = |what: &str, by: &str, bytes: usize, goal: &str, m: &Measured| {
        let (speed, by_speed) = (speed(bytes, m.best()), speed(bytes, m.best_reference()));
        writeln!(out, "{what:<34} {speed:>6.0} MB/s   {by:<18} {by_speed:>6.0} MB/s   time x {:.3}   {goal}", m.ratio())
    };
    let all = || values(corpus.workflows.iter());
    let value = "serde_json Value";
    let goal = "goal: <= 1.0";
    line("canonical form and fingerprint", value, bytes, goal, &measure(rounds, all, || prints(corpus)))?;
    line("fingerprint and what was ignored", value, bytes, "", &measure(rounds, all, || readings(corpus)))?;
    let blake3 = || corpus.workflows.iter().for_each(|file| _ = black_box(blake3::hash(file)));
    line("bytes seen before", "BLAKE3", bytes, "goal: about 1.0", &measure(rounds, blake3, || raw(corpus)))?;
    let sides = || values(corpus.pairs.iter().flatten());
    let goal = "goal: >= 300 MB/s";
    line("parse, compare, diff", value, pair_bytes, goal, &measure(rounds, sides, || diffs(corpus)))?;
    let unchanged = Unchanged::new(corpus);
    let m = measure(rounds.min(5), || unchanged.hash(), || unchanged.check());
    line("10,000 workflows unchanged", "BLAKE3", unchanged.bytes(), "goal: < 1 s", &m)?;
    writeln!(
        out,
        "10,000 workflows unchanged: {:.3} s beyond hashing their bytes",
        (m.best().saturating_sub(m.best_reference())).as_secs_f64()
    )
}

fn main() -> std::io::Result<()> {
    let corpus = Corpus::load();
    let bytes = corpus.workflows.iter().map(Vec::len).sum();
    let pair_bytes = corpus.pairs.iter().flatten().map(Vec::len).sum();
    // `cargo test --benches` asks whether it runs, not how fast.
    let rounds = if std::env::args().any(|arg| arg == "--test") { 1 } else { 15 };
    let mut criterion = Criterion::default().configure_from_args();
    groups(&mut criterion, &corpus, bytes, pair_bytes);
    criterion.final_summary();
    ratios(&corpus, bytes, pair_bytes, rounds)
}
