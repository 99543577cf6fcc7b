//! A whole application for tests: a database per test, a clock to turn, stand-ins wired.

pub mod app;
mod clock;
mod cluster;
mod database;
pub mod mailbox;
pub mod receiver;
mod wire;

pub use app::{TestApp, TestEnvironment};
pub use clock::TestClock;
pub use database::TestDatabase;
pub use mailbox::Mailbox;
pub use receiver::{Receiver, Reply};
pub use wire::Wire;
