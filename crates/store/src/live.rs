//! Telling every replica that something happened, through Postgres itself: sent with the transaction that did it.

use drift_domain::views::LiveEvent;
use sqlx::PgConnection;
use sqlx::postgres::PgListener;

use crate::error::{StoreError, StoreResult};

const CHANNEL: &str = "workflowops_live";

/// Announces an event when the transaction commits; a rolled-back one announces nothing.
pub async fn announce(db: &mut PgConnection, event: &LiveEvent) -> StoreResult<()> {
    let payload = serde_json::to_string(event).map_err(StoreError::corrupt)?;
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, payload).fetch_one(db).await?;
    Ok(())
}

/// Hears what every replica announces. Reconnects by itself; what was said while it was away is lost, so whoever listens
/// looks again after [`Heard::Gap`].
pub struct Listener(PgListener);

/// What a [`Listener`] heard.
#[derive(Clone, Debug)]
pub enum Heard {
    /// An event.
    Event(LiveEvent),
    /// The connection was lost and is back: events in between were not heard.
    Gap,
}

impl Listener {
    /// Begins to listen.
    pub async fn new(pool: &sqlx::PgPool) -> StoreResult<Self> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// Waits for the next event. A message of another version that cannot be read is passed over.
    pub async fn next(&mut self) -> StoreResult<Heard> {
        loop {
            match self.0.try_recv().await? {
                None => return Ok(Heard::Gap),
                Some(message) => {
                    if let Ok(event) = serde_json::from_str(message.payload()) {
                        return Ok(Heard::Event(event));
                    }
                }
            }
        }
    }
}
