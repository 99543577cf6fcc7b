//! Words and rules of WorkflowOps.
//!
//! This crate knows no database, no network and no clock. It compiles for the server and for the browser, so that one
//! name stands for one thing from the database to the screen. The words are those of `docs/glossary.md`.

pub mod address;
pub mod approval;
pub mod audit;
pub mod change;
pub mod check;
pub mod clock;
pub mod deployment;
pub mod environment;
pub mod failure;
pub mod fingerprint;
pub mod ids;
pub mod incident;
pub mod metrics;
pub mod notification;
pub mod plan;
pub mod policy;
pub mod reconciliation;
pub mod report;
pub mod retention;
pub mod role;
pub mod severity;
pub mod views;

mod words;

/// A word that is not one of a closed set, for example a status that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {kind}")]
pub struct UnknownWord {
    /// The set that was asked for, by its type's name.
    pub kind: &'static str,
    /// What was given.
    pub word: String,
}
