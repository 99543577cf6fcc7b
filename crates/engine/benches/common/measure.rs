//! Two things measured beside each other.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Two ways measured in turns, so that what else the machine does falls on both.
pub struct Measured {
    reference: Vec<Duration>,
    subject: Vec<Duration>,
}

/// Runs both in turns, at least `rounds` times each.
pub fn measure<A, B>(rounds: usize, mut reference: impl FnMut() -> A, mut subject: impl FnMut() -> B) -> Measured {
    let mut measured = Measured { reference: Vec::new(), subject: Vec::new() };
    // The first round warms caches and is thrown away.
    for round in 0..=rounds {
        let begun = Instant::now();
        black_box(reference());
        let between = Instant::now();
        black_box(subject());
        let ended = Instant::now();
        if round > 0 {
            measured.reference.push(between - begun);
            measured.subject.push(ended - between);
        }
    }
    measured
}

impl Measured {
    /// The subject's time by the reference's: the median over rounds, since one round's pair ran side by side.
    pub fn ratio(&self) -> f64 {
        let mut ratios: Vec<_> =
            self.subject.iter().zip(&self.reference).map(|(s, r)| s.as_secs_f64() / r.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }

    /// One line: both speeds (best round) and the ratio.
    pub fn print(&self, what: &str, reference: &str, bytes: usize, goal: &str) {
        let best = |times: &[Duration]| times.iter().min().copied().unwrap_or_default().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let speed = |seconds: f64| bytes as f64 / seconds / 1e6;
        println!(
            "{what:<58} {:>7.0} MB/s | {reference:<34} {:>7.0} MB/s | time ratio {:.3} {goal}",
            speed(best(&self.subject)),
            speed(best(&self.reference)),
            self.ratio(),
        );
    }
}
