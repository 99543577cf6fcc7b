//! Time is a parameter: nothing outside the server asks the machine for it.

use chrono::{DateTime, Utc};

/// Tells the time. The server passes the machine's clock; tests pass one that they turn.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
}
