//! Every SQL statement of WorkflowOps, one file a table family.
//!
//! Functions take a connection, so that services decide what is one transaction; times and identifiers are parameters.
//! Each statement names the organization wherever the table has one (standing rule 9).

pub mod changes;
pub mod checks;
pub mod contents;
pub mod deliveries;
pub mod environments;
pub mod error;
pub mod events;
pub mod jobs;
pub mod live;
pub mod people;
pub mod pool;
pub mod secretbox;
pub mod sessions;
pub mod sign_in;
pub mod workflows;

pub use error::{StoreError, StoreResult};
pub use sqlx::{PgConnection, PgPool};
