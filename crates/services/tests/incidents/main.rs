//! Drift incidents over a real Postgres and the stand-ins: who may lead one where, what ends a change, and what closing takes.

mod closing;
mod common;
mod deadlines;
mod deciding;
mod finding;
mod lifecycle;
mod metrics;
mod opening;
mod particulars;
mod parts;
mod plans;
mod retention;
mod viewed;
mod walks;
