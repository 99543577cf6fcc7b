//! The figures of a run, for people.

use chrono::TimeDelta;

use super::record::{Due, Record};
use super::{Killed, Measured, Reading, Settings};
use crate::machine;
use crate::statistics::{megabytes, percentile};

/// How long a replica may be silent until its jobs are another's, and the others have noticed (`drift_worker::Options`):
/// what it held begins that much later.
const TAKEN_OVER_WITHIN: f64 = 18.0;

/// Prints everything, and answers whether every check was on time.
pub(super) fn print(settings: &Settings, measured: &Measured) -> bool {
    let lasted = (measured.end.at - measured.begin.at).as_secs_f64();
    println!(
        "\n{} environments x {} workflows of {} bytes, {} % edited every minute, {lasted:.0} s measured; load {}",
        settings.environments,
        settings.workflows,
        settings.bytes,
        settings.changing,
        machine::load()
    );
    let on_time = checks(settings, &measured.record);
    costs(measured);
    calls(measured);
    disk(measured, lasted);
    for (replica, lines, first) in &measured.complaints {
        println!(
            "  {replica} wrote {lines} warnings{}",
            first.as_ref().map(|line| format!(": {}", line.chars().take(160).collect::<String>())).unwrap_or_default()
        );
    }
    println!("{}", if on_time { "every check was on time" } else { "NOT every check was on time" });
    on_time
}

/// Whether a check was due so that the replica that was killed may have held it.
fn is_of_the_kill(settings: &Settings, record: &Record, due: &Due) -> bool {
    let after = due.due_at - record.killed_at;
    // What was fetched and waits for a seat is held, too.
    settings.kill != Killed::None && (due.cut > 0 || (TimeDelta::seconds(-3)..TimeDelta::seconds(2)).contains(&after))
}

fn checks(settings: &Settings, record: &Record) -> bool {
    let of_the_kill = |due: &Due| is_of_the_kill(settings, record, due);
    let usual = |due: &Due| !of_the_kill(due);
    let before = record.lateness(|due| usual(due) && due.due_at < record.killed_at);
    let after = record.lateness(|due| usual(due) && due.due_at >= record.killed_at);
    let held = record.lateness(of_the_kill);
    println!("\n  checks begun after they were due, in seconds      number    p50    p95    max");
    line("two replicas", &before);
    if settings.kill != Killed::None {
        line("one replica, after the other was killed", &after);
        line("due within a moment of the kill, or cut by it", &held);
    }
    println!("\n  a look took, in seconds                           number    p50    p95    max");
    line("from its beginning to its record", &record.took);
    line("longest time between two looks, by environment", &record.gaps);

    let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let never = record.due.iter().filter(|due| due.good == 0).count();
    let twice = record.due.iter().filter(|due| due.good > 1).count();
    let cut: i64 = record.due.iter().map(|due| due.cut).sum();
    let failed: i64 = record.due.iter().map(|due| due.failed).sum();
    println!(
        "\n  {} checks ended, {} of them with drift; {} workflows were read anew; {failed} looks failed",
        record.checks, record.drifted, record.parsed
    );
    println!(
        "  {cut} looks were cut short by the kill; {never} checks were due and never done; {twice} were recorded twice"
    );
    let late = before.iter().chain(&after).filter(|late| **late > settings.tolerance).count();
    println!("  {late} checks began more than {} s after they were due, those of the kill aside", settings.tolerance);
    // What waited while the dead replica held it, and then its turn.
    let taken_over = worst(&held) <= TAKEN_OVER_WITHIN + settings.tolerance;
    println!("  what the killed replica held began {:.1} s late at most", worst(&held));
    late == 0 && never == 0 && twice == 0 && failed == 0 && taken_over
}

fn line(name: &str, values: &[f64]) {
    let mut values = values.to_vec();
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|share| percentile(&mut values, share));
    println!("    {name:<48} {:>6} {p50:>6.2} {p95:>6.2} {max:>6.2}", values.len());
}

fn costs(measured: &Measured) {
    let Measured { begin, killed, end, .. } = measured;
    let halves = [(begin, killed), (killed, end)];
    println!("\n  cores used                          first half  second half    memory, MB");
    let row = |name: &str, of: fn(&Reading) -> machine::Cost| {
        let cores = halves.map(|(from, to)| {
            let cores = of(to).cores_since(of(from), (to.at - from.at).as_secs_f64());
            // A process that is gone has no reading, and not a negative one.
            if cores < 0.0 { "   killed".to_owned() } else { format!("{cores:>9.2}") }
        });
        let memory = of(end).memory.max(of(killed).memory);
        println!("    {name:<34} {:>10} {:>12} {:>13.0}", cores[0], cores[1], megabytes(memory));
    };
    row("workflowops serve", |reading| reading.serve);
    row("workflowops worker", |reading| reading.worker);
    row("Postgres", |reading| reading.postgres);
    row("stand-ins, git and this program", |reading| reading.stand_ins);
    // One that was killed has its last reading from just before.
    let ours = |of: fn(&Reading) -> machine::Cost| of(end).cpu.max(of(killed).cpu) - of(begin).cpu;
    let per_check = (ours(|r| r.serve) + ours(|r| r.worker)) / count(measured.record.checks);
    let postgres = (end.postgres.cpu - begin.postgres.cpu) / count(measured.record.checks);
    println!(
        "  processor time of a check: {:.1} ms in a replica, {:.1} ms in Postgres",
        per_check * 1e3,
        postgres * 1e3
    );
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn count(number: i64) -> f64 {
    number.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn calls(measured: &Measured) {
    let (calls, checks) = (measured.calls, count(measured.record.checks));
    let [n8n, github, free] = [calls.n8n, calls.github, calls.github_unchanged].map(|number| number as f64 / checks);
    println!("\n  calls for a check: {n8n:.2} to n8n, {github:.3} to GitHub ({free:.3} of them 304, which are free)");
    println!("  {} workflows were edited", measured.edits);
}

fn disk(measured: &Measured, lasted: f64) {
    let [from, to] = measured.sizes;
    let per_day = |bytes: u64| megabytes(bytes) * 86_400.0 / lasted / 1e3;
    let grown = to.saturating_sub(from);
    println!(
        "\n  database: {:.0} MB, {:.1} MB more than at the beginning: {:.2} GB a day; log written ahead: {:.1} GB a day",
        megabytes(to),
        megabytes(grown),
        per_day(grown),
        per_day(measured.written_ahead[1].saturating_sub(measured.written_ahead[0]))
    );
    let [before, after] = &measured.tables;
    for (table, bytes) in after.iter().take(8) {
        let earlier = before.iter().find(|(name, _)| name == table).map_or(0, |(_, bytes)| *bytes);
        let grown = bytes.saturating_sub(earlier);
        println!("    {table:<24} {:>8.1} MB {:>8.2} GB a day", megabytes(*bytes), per_day(grown));
    }
}
