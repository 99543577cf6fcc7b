//! Every SQL statement of WorkflowOps, one file a table family.
//!
//! Functions take a connection, so that services decide what is one transaction; times and identifiers are parameters.
//! Each statement names the organization wherever the table has one (standing rule 9), and what is done for a person is
//! done in a transaction of [`tenant`], where the database itself shows that organization's rows alone.

pub mod approvals;
pub mod artifacts;
pub mod audit;
pub mod changes;
pub mod checks;
pub mod closings;
pub mod contents;
pub mod deadlines;
pub mod decisions;
pub mod deliveries;
pub mod deployments;
pub mod environments;
pub mod error;
pub mod events;
pub mod gates;
pub mod holds;
pub mod idempotency;
pub mod identities;
pub mod incident_settings;
pub mod incidents;
pub mod invitations;
pub mod jobs;
pub mod live;
pub mod mails;
pub mod metrics;
pub mod notifications;
pub mod overrides;
pub mod overview;
pub mod people;
pub mod plans;
pub mod policies;
pub mod policy_history;
pub mod pool;
pub mod reconciliations;
pub mod reports;
pub mod resets;
pub mod retention;
pub mod schedule;
pub mod secretbox;
pub mod sessions;
pub mod sign_in;
pub mod standings;
pub mod tenant;
pub mod tokens;
pub mod upgrades;
pub mod viewed;
pub mod workflows;

pub use error::{StoreError, StoreResult};
pub use sqlx::{PgConnection, PgPool};

/// A transaction: rolled back unless it is committed.
pub type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;
