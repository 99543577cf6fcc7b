//! What happened, as it happens: for the event stream.

use std::time::Duration;

use chrono::{DateTime, Utc};
use drift_domain::views::LiveEvent;
use drift_store::live::{Heard, Listener};
use tokio::sync::broadcast;

use crate::Services;

/// The wait before listening is tried again when the database is away.
const PAUSE: Duration = Duration::from_secs(2);

impl Services {
    /// The time, as everything here has it: what a page that is drawn now counts its ages from.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Events of every organization, of every replica. Whoever passes them on to a person filters by organization.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.live.subscribe()
    }

    /// Passes on what replicas announce, for as long as it is polled. The server runs it once.
    pub async fn relay_live_events(&self) {
        loop {
            match Listener::new(&self.pool).await {
                Ok(mut listener) => loop {
                    match listener.next().await {
                        // No receiver is no fault: nobody is looking.
                        Ok(Heard::Event(event)) => drop(self.live.send(event)),
                        Ok(Heard::Gap) => tracing::warn!("events may have been missed while the database was away"),
                        Err(error) => {
                            tracing::warn!(%error, "the event relay lost the database");
                            break;
                        }
                    }
                },
                Err(error) => tracing::warn!(%error, "the event relay cannot reach the database"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
