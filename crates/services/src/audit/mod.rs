//! The audit log: what is written besides the events, how it is sealed, verified, read and taken away.

mod export;
mod seal;

pub use export::AuditExport;
