//! Compares the cases of a folder in one process: `cases FOLDER…`, for `scripts/compare-diff-tools`.
//!
//! Each folder holds `after.json` (live) and `before.json` (desired). Prints `{"seconds": …, "diffs": […]}`: the time that
//! reading, comparing and writing all of them took, and the diffs as `workflowops diff --format json` writes them.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use drift_engine::{Limits, Workflow, diff, parse};

fn read(case: &Path, side: &str) -> std::io::Result<Workflow> {
    let file = case.join(side);
    let bytes = std::fs::read(&file)?;
    parse(&bytes, &Limits::default()).map_err(|e| std::io::Error::other(format!("{}: {e}", file.display())))
}

fn main() -> std::io::Result<()> {
    let begun = Instant::now();
    let mut diffs = Vec::new();
    for case in std::env::args_os().skip(1) {
        let case = Path::new(&case);
        diffs.push(serde_json::to_string(&diff(&read(case, "after.json")?, &read(case, "before.json")?))?);
    }
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(std::io::stdout().lock(), "{{\"seconds\": {seconds}, \"diffs\": [{}]}}", diffs.join(","))
}
