//! The drift workspace: the only pages that open drift or act on it. Their parts are private to this module.

mod adoption;
mod ambiguities;
pub(crate) mod change;
mod changes;
pub(crate) mod checks;
mod diff;
mod filter;
mod ignored;
mod overrides;
mod plans;
mod upgrade;
mod vanished;
pub(crate) mod workspace;
