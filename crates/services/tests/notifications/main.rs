//! Notifications over a real Postgres and a receiver on this machine: each event reaches a receiver by one message, whatever is
//! lost, doubled, refused or killed on the way.

mod channels;
mod common;
mod deliveries;
mod events;
mod people;
mod rollup;
