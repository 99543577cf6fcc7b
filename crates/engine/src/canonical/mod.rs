//! The declarative form of an n8n workflow (rules version 1).

pub(crate) mod connections;
pub(crate) mod groups;
pub(crate) mod node;
pub(crate) mod references;
pub(crate) mod settings;
pub(crate) mod value;
