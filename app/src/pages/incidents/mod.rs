//! Drift incidents: the list, and the workspace of one. Their parts are private to this module.

mod actions;
mod carry_out;
pub(crate) mod change;
mod changes;
mod closing;
mod decide;
mod filter;
mod header;
mod held;
pub(crate) mod incident;
mod kept;
pub(crate) mod list;
mod properties;
pub(in crate::pages) mod put_back;
pub(crate) mod reconciliation;
mod time_left;
pub(crate) mod timeline;
mod viewed;

pub(crate) use kept::Kept;
