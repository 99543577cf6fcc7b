//! The API as a program meets it: over HTTP, on a real database and the stand-ins.

mod client;
mod document;
mod events;
mod gate;
mod golden;
mod incidents;
mod lists;
mod reconciliations;
mod requests;
mod retries;
mod routes;
mod session;
mod webhooks;
