//! Everything that runs in the browser, one file each; nothing else does.
//!
//! Each island adds to markup that works without it: a form that submits itself, an age that ticks, a page that follows
//! what happens. They format no dates and know no views, which keeps the wasm small.

#![expect(missing_docs, reason = "the macro makes public structs of the props, whose fields are documented")]

pub mod ages;
pub mod canvas;
pub mod connection_test;
pub mod copy;
pub mod copy_path;
pub mod filter;
pub mod live;
pub mod palette;
pub mod shortcuts;
pub mod theme;

mod dom;
