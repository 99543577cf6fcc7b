//! The rules of the house, held against the tree: see ARCHITECTURE.md.

mod arrows;
mod drift;
mod tidy;
mod tree;
