//! The audit log: what leaves an entry, and that no tampering goes unseen.

mod common;
mod tampering;
