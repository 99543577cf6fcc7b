//! The machine's clock, for the stand-ins and for what is set up.

use chrono::{DateTime, Utc};
use drift_domain::clock::Clock;

/// The time as the machine has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "what is measured here is measured in the machine's time")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
