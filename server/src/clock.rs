//! The machine's clock: the one place that asks it.

use chrono::{DateTime, Utc};
use drift_domain::clock::Clock;

/// The time as the machine has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
