//! Notifications: one file a table family. What happens to a notification in its order: [`outbox`] is written with the event,
//! [`deliveries`] are made of it for each receiver, and sent.

pub mod channels;
pub mod deliveries;
pub mod log;
pub mod outbox;
pub mod preferences;
pub mod told;
