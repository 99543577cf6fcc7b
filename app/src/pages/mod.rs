//! The pages, one file each: what loads the view, and what draws it.

pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod connection;
pub(crate) mod drift;
pub(crate) mod environment;
pub(crate) mod environments;
pub(crate) mod incident_settings;
pub(crate) mod incidents;
pub(crate) mod metrics;
pub(crate) mod notifications;
pub(crate) mod overview;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod policies;
pub(crate) mod problem;
pub(crate) mod reference;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod search;
pub(crate) mod setup;
pub(crate) mod sign_in;
