//! The audit log: who did what, from where, and how one finds out that nobody changed it since.
//!
//! An [`Entry`] has a hash of its canonical form; a [`Seal`] chains the hashes of an organization's entries in one order. Both
//! can be recomputed with SHA-256 and RFC 8785 alone: the form of what is hashed is a promise (`docs/audit.md`).

mod action;
mod chain;
mod entry;
mod file;
mod mask;

pub use action::{ActorKind, AuditAction, AuditTarget, AuditVia};
pub use chain::{Anchor, Chain, Fault, Seal, UNSEALED_FOR};
pub use entry::{Actor, Digest, Entry, Origin, Target, entry_hash, micros};
pub use file::{End, FORMAT, FileCheck, Header, Line, Verified};
pub use mask::{HIDDEN, mask, mask_text};
