//! The audit log: what leaves an entry, and that no tampering goes unseen.

mod capture;
mod common;
mod reading;
mod tampering;
