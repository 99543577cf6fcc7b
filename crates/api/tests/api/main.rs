//! The API as a program meets it: over HTTP, on a real database and the stand-ins.

mod client;
mod document;
mod events;
mod gate;
mod incidents;
mod reconciliations;
mod requests;
mod routes;
mod session;
mod webhooks;
