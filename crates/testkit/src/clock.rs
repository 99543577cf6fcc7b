//! A clock to turn.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;

/// A clock that stands until it is turned. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    /// A clock at a fixed time: 2026-11-02, a Monday, 09:00 UTC.
    #[must_use]
    pub fn new() -> Self {
        Self::at(DateTime::from_timestamp(1_793_610_000, 0).unwrap_or_default())
    }

    /// A clock at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Turns the clock on by `by` and tells the new time.
    pub fn advance(&self, by: TimeDelta) -> DateTime<Utc> {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
        *now
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_until_it_is_turned() {
        let clock = TestClock::new();
        assert_eq!(clock.now().to_rfc3339(), "2026-11-02T09:00:00+00:00");
        let seen = clock.clone();
        clock.advance(TimeDelta::minutes(5));
        assert_eq!(seen.now().to_rfc3339(), "2026-11-02T09:05:00+00:00");
    }
}
