//! Compliance reports: what stands in one, who gets which, and that one is made once, whatever dies meanwhile.

mod common;
mod content;
mod making;
mod monthly;
