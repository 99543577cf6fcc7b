//! Two things measured beside each other.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time that this thread had a processor: what others do on the machine is not in it.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Two ways measured in turns, so that what else the machine does falls on both.
pub struct Measured {
    reference: Vec<Duration>,
    subject: Vec<Duration>,
}

/// Runs both in turns, `rounds` times each.
pub fn measure<A, B>(rounds: usize, mut reference: impl FnMut() -> A, mut subject: impl FnMut() -> B) -> Measured {
    let mut measured = Measured { reference: Vec::new(), subject: Vec::new() };
    // The first round warms caches and is thrown away.
    for round in 0..=rounds {
        let begun = now();
        black_box(reference());
        let between = now();
        black_box(subject());
        let ended = now();
        if round > 0 {
            measured.reference.push(between - begun);
            measured.subject.push(ended - between);
        }
    }
    measured
}

impl Measured {
    /// The subject's time by the reference's: the median over rounds, whose two halves ran side by side.
    pub fn ratio(&self) -> f64 {
        let halves = self.subject.iter().zip(&self.reference);
        let mut ratios: Vec<_> = halves.map(|(s, r)| s.as_secs_f64() / r.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }

    /// The subject's best round.
    pub fn best(&self) -> Duration {
        self.subject.iter().min().copied().unwrap_or_default()
    }

    /// The reference's best round.
    pub fn best_reference(&self) -> Duration {
        self.reference.iter().min().copied().unwrap_or_default()
    }
}

/// Bytes in a time, in megabytes by the second.
#[expect(clippy::cast_precision_loss, reason = "a speed to be read")]
pub fn speed(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}
