//! What is written into a file: it says what it should, nothing else in it moves, and it can be written again.

#[expect(dead_code, reason = "what was changed is told by what is written")]
mod common;
#[expect(dead_code, reason = "only the pairs are needed here")]
#[path = "../benches/common/corpus.rs"]
mod corpus;
#[path = "common/shapes.rs"]
mod shapes;

use common::fixtures;
use common::mutate::{BENIGN, Case, FUNCTIONAL, Rng};
use drift_engine::write::{Existing, WriteError, Writing, Written, write};
use drift_engine::{Limits, parse, parse_file};
use proptest::prelude::*;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

const SAME: &dyn Fn(&str) -> Option<String> = &|_| None;

fn put(content: &[u8], file: &[u8], position: usize) -> Result<Written, WriteError> {
    let existing = Some(Existing { bytes: file, position });
    write(&Writing { content, existing, siblings: &[], ids: SAME }, &Limits::default())
}

/// Writes, and holds what always holds: it agrees, again changes nothing, and what agreed before stays to the byte.
fn held(content: &[u8], file: &[u8], position: usize) -> Vec<u8> {
    let read = |file: &[u8]| parse_file(file, &Limits::default()).unwrap().swap_remove(position).unwrap().prints();
    let wanted = parse(content, &Limits::default()).unwrap().prints();
    let written = put(content, file, position).unwrap_or_else(|e| panic!("{e}"));
    assert!(read(&written.bytes).agree(&wanted));
    assert_eq!(written.changed, !read(file).agree(&wanted), "changed exactly where there was a difference");
    assert_eq!(written.changed, written.bytes != file);
    let again = put(content, &written.bytes, position).unwrap();
    assert!(!again.changed && again.bytes == written.bytes);
    written.bytes
}

/// Lines that a diff of two texts shows.
fn lines(old: &[u8], new: &[u8]) -> usize {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    TextDiff::from_lines(&*old, &*new).iter_all_changes().filter(|c| c.tag() != ChangeTag::Equal).count()
}

/// The ways in which a file may be laid out.
const LAYOUTS: usize = 8;

/// A workflow's file in one of them, and its place in it.
fn laid_out(workflow: &Value, layout: usize) -> (Vec<u8>, usize) {
    let pretty = serde_json::to_string_pretty(workflow).unwrap();
    let deeper = |unit: &str| -> String {
        let line =
            |line: &str| format!("{}{}", unit.repeat((line.len() - line.trim_start().len()) / 2), line.trim_start());
        pretty.lines().map(line).collect::<Vec<_>>().join("\n")
    };
    let text = match layout {
        0 => pretty.clone() + "\n",
        1 => deeper("    "),
        2 => deeper("\t") + "\n",
        3 => workflow.to_string(),
        4 => format!("\u{feff}{}\r\n", pretty.replace('\n', "\r\n")),
        5 => format!("[{},{workflow}]", json!({"id": "other", "name": "Other", "nodes": [], "connections": {}})),
        6 => {
            let all = json!([{"id": "other", "name": "Other", "nodes": [], "connections": {}}, workflow]);
            serde_json::to_string_pretty(&all).unwrap()
        }
        _ => {
            // As Python writes it without being told how.
            let ascii = |c: char| match c {
                c if c.is_ascii() => c.to_string(),
                c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            };
            pretty.chars().map(ascii).collect()
        }
    };
    (text.into_bytes(), usize::from(layout == 5 || layout == 6))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever happens to a workflow, in whatever layout its file is.
    #[test]
    fn what_is_written_is_what_was_meant(fixture in 0..15_usize, seed: u64, layout in 0..LAYOUTS, operations in 0..4_usize) {
        let (_, workflow) = &fixtures()[fixture];
        let made = common::check::make(workflow, seed, operations);
        let (file, position) = laid_out(workflow, layout);
        let written = held(made.live.as_bytes(), &file, position);
        // What stands around the workflow is not touched.
        if position == 1 {
            let other = |file: &[u8]| serde_json::from_slice::<Value>(file).unwrap()[0].clone();
            prop_assert_eq!(other(&written), other(&file));
        }
        prop_assert_eq!(written.starts_with("\u{feff}".as_bytes()), layout == 4);
        prop_assert_eq!(String::from_utf8_lossy(&written).replace("\r\n", "").contains('\n'), ![3, 4, 5].contains(&layout));
        prop_assert_eq!(written.ends_with(b"\n"), [0, 2, 4].contains(&layout));
        if layout == 7 {
            prop_assert!(written.is_ascii());
        }
    }

    /// And back: the file's own content over what was written.
    #[test]
    fn there_and_back_is_the_same_content(fixture in 0..15_usize, seed: u64, operations in 1..4_usize) {
        let (_, workflow) = &fixtures()[fixture];
        let made = common::check::make(workflow, seed, operations);
        let (file, _) = laid_out(workflow, 0);
        let written = held(made.live.as_bytes(), &file, 0);
        held(&file, &written, 0);
    }

    /// Any fixture over any other.
    #[test]
    fn another_workflow_altogether(a in 0..15_usize, b in 0..15_usize, layout in 0..LAYOUTS) {
        let all = fixtures();
        let (file, position) = laid_out(&all[a].1, layout);
        held(all[b].1.to_string().as_bytes(), &file, position);
    }

    /// Real workflows with anything anywhere in them.
    #[test]
    fn anything_anywhere_is_written(
        fixture in 0..5_usize,
        there in prop::collection::vec((any::<prop::sample::Index>(), shapes::any_json()), 0..3),
        here in prop::collection::vec((any::<prop::sample::Index>(), shapes::any_json()), 0..3),
        layout in 0..LAYOUTS,
    ) {
        let mut all = fixtures();
        all.sort_by_key(|(_, workflow)| workflow.to_string().len());
        let [content, file] = [there, here].map(|pieces| with_pieces(&all[fixture].1, &pieces));
        let reads = |value: &Value| parse(value.to_string().as_bytes(), &Limits::default()).is_ok();
        prop_assume!(reads(&content) && reads(&file));
        let (file, position) = laid_out(&file, layout);
        held(content.to_string().as_bytes(), &file, position);
    }

    /// What nobody wrote is written faithfully or refused; it is never written wrongly.
    #[test]
    fn what_nobody_wrote_is_written_too(live in shapes::any_workflow(), file in shapes::any_workflow(), layout in 0..LAYOUTS) {
        let (file, position) = laid_out(&file, layout);
        let content = live.to_string();
        prop_assume!(parse(content.as_bytes(), &Limits::default()).is_ok());
        prop_assume!(parse_file(&file, &Limits::default()).unwrap().swap_remove(position).is_ok());
        match put(content.as_bytes(), &file, position) {
            Err(WriteError::OnlyDraft) => {}
            _ => drop(held(content.as_bytes(), &file, position)),
        }
    }
}

/// A value with others put somewhere into it.
fn with_pieces(value: &Value, pieces: &[(prop::sample::Index, Value)]) -> Value {
    let mut value = value.clone();
    for (at, piece) in pieces {
        let mut places = Vec::new();
        collect(&value, String::new(), &mut places);
        if let Some(there) = value.pointer_mut(&places[at.index(places.len())]) {
            *there = piece.clone();
        }
    }
    value
}

fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            collect(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| collect(item, format!("{at}/{i}"), places))
        }
        _ => {}
    }
    places.push(at);
}

/// A change of one thing shows in the lines of that thing, whatever noise comes with it.
#[test]
fn a_change_shows_in_its_own_lines() {
    let (mut tried, mut shown, mut least) = (0, 0, 0);
    for (name, workflow) in fixtures() {
        for op in FUNCTIONAL {
            for seed in 0..2 {
                let (mut case, mut rng) = (Case::new(&workflow), Rng(seed));
                if !case.functional(op, &mut rng) {
                    continue;
                }
                let (file, _) = laid_out(&workflow, 0);
                // The same change and nothing else, in the layout of the file.
                let (change, _) = laid_out(&case.workflow, 0);
                // A sticky note comes along, and what is new comes whole, with what it has written out.
                let own = ["sticky note", "defaults written", "nulls", "unknown fields", "empty slots"];
                for noise in BENIGN.iter().filter(|noise| !own[..if op == "add" { 5 } else { 1 }].contains(noise)) {
                    case.benign(noise, &mut rng);
                }
                let content = common::mutate::write(&case.workflow, &mut rng);
                let written = held(content.as_bytes(), &file, 0);
                let (least_here, here) = (lines(&file, &change), lines(&file, &written));
                let shows = || {
                    TextDiff::from_lines(&*String::from_utf8_lossy(&file), &*String::from_utf8_lossy(&written))
                        .unified_diff()
                        .to_string()
                };
                assert!(
                    here <= least_here + 3,
                    "{op} on {name}, seed {seed}: {least_here} lines are needed\n{}",
                    shows()
                );
                (tried, shown, least) = (tried + 1, shown + here, least + least_here);
            }
        }
    }
    assert!(tried > 500, "{tried}");
    eprintln!("{tried} changes: {shown} lines shown, {least} by a file written anew without noise");
}

/// Noise alone is no commit, byte for byte.
#[test]
fn noise_is_not_written() {
    for (name, workflow) in fixtures() {
        for layout in 0..LAYOUTS {
            let (file, position) = laid_out(&workflow, layout);
            let (mut case, mut rng) = (Case::new(&workflow), Rng(9));
            BENIGN.iter().for_each(|op| case.benign(op, &mut rng));
            let content = common::mutate::write(&case.workflow, &mut rng);
            let written = put(content.as_bytes(), &file, position).unwrap();
            assert!(!written.changed && written.bytes == file, "{name}, layout {layout}");
        }
    }
}

/// Real changes of real files, where they are at hand: what people's tools wrote, and what this would have written.
#[test]
fn real_changes_are_written_smaller() {
    let corpus = corpus::Corpus::load();
    let (mut theirs, mut ours, mut changed) = (0, 0, 0);
    for [after, before] in &corpus.pairs {
        let written = held(after, before, 0);
        (theirs, ours) = (theirs + lines(before, after), ours + lines(before, &written));
        changed += usize::from(written != *before);
    }
    eprintln!(
        "{}: {} pairs, {changed} to be written; {theirs} lines of diff in the repositories, {ours} as written here",
        corpus.source,
        corpus.pairs.len()
    );
    assert!(ours < theirs, "{ours} lines, {theirs} without this");
}
