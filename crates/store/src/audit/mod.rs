//! The audit log: entries, written in the transaction of what they tell, and the chain of seals over them.
//!
//! Writing takes no lock: entries get their order afterwards, from the sealer alone.

pub mod failures;
pub mod origin;
mod read;
mod seal;
mod write;

pub use read::{Filter, Position, entries_of, first_since, head, list, seal_at, seals_after, unsealed_before};
pub use seal::{seal, waiting};
pub(crate) use write::of_event;
pub use write::{By, NewEntry, append};
