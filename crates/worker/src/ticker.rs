//! The clocks of a replica. An error is logged and the next tick tries again: no clock ever stops by itself.

use std::sync::Arc;
use std::time::Duration;

use drift_services::Services;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::Options;

/// Enqueues the checks of the environments that are due, every [`Options::tick`].
pub(crate) async fn due_checks(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick, options.phase, shutdown);
    while ticks.next().await {
        match services.enqueue_due_checks().await {
            Ok(0) => {}
            Ok(enqueued) => tracing::debug!(enqueued, "checks are due"),
            Err(error) => warn("environments that are due could not be looked for", &error),
        }
    }
}

/// Ticks until environments that went stale and notifications whose job was lost are looked for.
const NOTICES_EVERY: u32 = 15;

/// Tells of environments whose facts have become too old, and asks again for notifications whose job was lost.
pub(crate) async fn notices(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick * NOTICES_EVERY, options.phase, shutdown);
    while ticks.next().await {
        if let Err(error) = services.tell_stale_environments().await {
            warn("environments that went stale could not be looked for", &error);
        }
        if let Err(error) = services.enqueue_forgotten_notices().await {
            warn("notifications that were forgotten could not be looked for", &error);
        }
    }
}

/// Ticks until gates at GitHub are looked for that are due.
const GATES_EVERY: u32 = 10;

/// Has the gates at GitHub looked at: for runs whose question was lost, and statuses that are not what the gate says.
pub(crate) async fn gates(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick * GATES_EVERY, options.phase, shutdown);
    while ticks.next().await {
        match services.enqueue_gate_looks().await {
            Ok(0) => {}
            Ok(enqueued) => tracing::debug!(enqueued, "gates at GitHub are looked at"),
            Err(error) => warn("gates at GitHub that are due could not be looked for", &error),
        }
    }
}

/// Tells of incidents whose time has come to half, three quarters or its end, every [`Options::tick`].
pub(crate) async fn deadlines(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick, options.phase, shutdown);
    while ticks.next().await {
        match services.tell_deadlines().await {
            Ok(0) => {}
            Ok(told) => tracing::debug!(told, "deadlines were told"),
            Err(error) => warn("incidents whose time has come could not be looked for", &error),
        }
    }
}

/// Ends requests for approval that nobody approved in time, and carries out what is approved and was left behind, every
/// [`Options::tick`].
pub(crate) async fn approvals(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick, options.phase, shutdown);
    while ticks.next().await {
        match services.tend_approvals().await {
            Ok(0) => {}
            Ok(moved) => tracing::debug!(moved, "requests for approval were moved on"),
            Err(error) => warn("requests for approval could not be looked for", &error),
        }
    }
}

/// Seals the entries of the audit log that have no seal, every [`Options::tick`].
pub(crate) async fn seals(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick, options.phase, shutdown);
    while ticks.next().await {
        match services.archive().seal().await {
            Ok(0) => {}
            Ok(sealed) => tracing::debug!(sealed, "entries of the audit log were sealed"),
            Err(error) => warn("entries of the audit log could not be sealed", &error),
        }
    }
}

/// Ticks until months that are over, and reports whose job was lost, are looked for.
const REPORTS_EVERY: u32 = 60;

/// Has the reports of a month that is over made, and asks again for reports whose job was lost.
pub(crate) async fn reports(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tick * REPORTS_EVERY, options.phase, shutdown);
    while ticks.next().await {
        match services.enqueue_due_reports().await {
            Ok(0) => {}
            Ok(asked) => tracing::debug!(asked, "reports are to be made"),
            Err(error) => warn("reports that are due could not be looked for", &error),
        }
    }
}

/// Removes what retention lets go, every [`Options::tidy`].
pub(crate) async fn tidying(services: Arc<Services>, options: Options, shutdown: CancellationToken) {
    let mut ticks = Ticks::new(options.tidy, options.phase, shutdown);
    while ticks.next().await {
        if let Err(error) = services.tidy().await {
            warn("old records could not be removed", &error);
        }
        // Each has a job while it is pending; one whose job was lost is taken on all the same.
        if let Err(error) = services.enqueue_pending_reconciliations().await {
            warn("what is being carried out could not be looked for", &error);
        }
    }
}

/// A clock that stops with the shutdown. Ticks that somebody slow missed are left out.
struct Ticks {
    interval: Interval,
    shutdown: CancellationToken,
}

impl Ticks {
    /// The first tick comes after `phase`.
    fn new(period: Duration, phase: Duration, shutdown: CancellationToken) -> Self {
        let mut interval = interval_at(Instant::now() + phase, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, shutdown }
    }

    /// Waits for the next tick; false when the shutdown came first.
    async fn next(&mut self) -> bool {
        !self.shutdown.is_cancelled() && self.shutdown.run_until_cancelled(self.interval.tick()).await.is_some()
    }
}

fn warn(what: &str, error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(error = %error, cause, "{what}; the next tick tries again");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ticks_until_the_shutdown() {
        let shutdown = CancellationToken::new();
        let mut ticks = Ticks::new(Duration::from_millis(1), Duration::ZERO, shutdown.clone());
        assert!(ticks.next().await && ticks.next().await);
        shutdown.cancel();
        assert!(!ticks.next().await);
    }
}
