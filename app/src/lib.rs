//! The screens of WorkflowOps, compiled twice.
//!
//! On the server (feature `ssr`): pages as functions of the views that the services return, the handlers that load those
//! views, and the handlers of the forms. In the browser (feature `hydrate`): the [`islands`] and nothing else, so every
//! page is whole, and every form works, before or without them.
//!
//! What a page may show follows the seed's separation: every page has the badge, an environment's page has the one banner
//! with *View Drift*, and the parts that open or act on drift are private to `pages::drift`, where nobody else can use them.

// A view is a tree of types as deep as its markup.
#![recursion_limit = "512"]

pub mod islands;

mod age;

#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
pub mod ssr;
#[cfg(feature = "ssr")]
mod words;

#[cfg(all(test, feature = "ssr"))]
mod samples;
#[cfg(all(test, feature = "ssr"))]
mod tests;
