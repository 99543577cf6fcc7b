//! The drift workspace: the only pages, with those of its incidents, that open drift or act on it. Their parts are private
//! to these two.

mod accept;
mod adoption;
pub(in crate::pages) mod ambiguities;
pub(crate) mod change;
mod changes;
pub(crate) mod checks;
pub(crate) mod deployments;
pub(in crate::pages) mod diff;
mod filter;
pub(crate) mod github_gate;
pub(in crate::pages) mod graph;
mod ignored;
pub(crate) mod incident;
mod overrides;
pub(in crate::pages) mod plans;
mod upgrade;
mod vanished;
pub(crate) mod workspace;

#[cfg(test)]
pub(crate) use {diff::Layout, graph::GraphQuery};
