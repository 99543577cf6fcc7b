//! Scores the engine against known mutations of the workflows in a folder: `mutate FOLDER [SEEDS] [OPERATIONS]`.
//!
//! For each workflow and seed a case is made (`tests/common/mutate/mod.rs`) and held against the engine. Prints the wrong
//! ones and a line of figures.

#[path = "../tests/common/check.rs"]
mod check;
#[path = "../tests/common/mutate/mod.rs"]
mod mutate;

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "crates/engine/fixtures".to_owned());
    let seeds: u64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(20);
    let operations: usize = args.next().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut out = std::io::stdout().lock();
    let (mut cases, mut exact, mut alarms, mut missed) = (0, 0, 0, 0);
    let mut files: Vec<_> = std::fs::read_dir(&folder)?.filter_map(|e| Some(e.ok()?.path())).collect();
    files.sort();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
        let Ok(workflow) = serde_json::from_slice(&std::fs::read(path)?) else { continue };
        for seed in 0..seeds {
            for functional in [0, operations] {
                let made = check::make(&workflow, seed, functional);
                cases += 1;
                match check::wrong(&made) {
                    None => exact += 1,
                    Some(fault) => {
                        alarms += usize::from(made.truth.is_empty());
                        missed += usize::from(!fault.contains("missed []"));
                        writeln!(out, "{} seed {seed} {functional}: {fault}", path.display())?;
                    }
                }
            }
        }
    }
    writeln!(out, "cases {cases} exact {exact} with something missed {missed} false alarms {alarms}")
}
