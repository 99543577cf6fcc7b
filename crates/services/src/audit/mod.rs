//! The audit log: what is written besides the events, how it is sealed, verified, read and taken away.

mod connection;
mod export;
mod log;
mod refusal;
mod seal;
mod sign_in;

pub(crate) use connection::connection;
pub use export::AuditExport;
pub use log::{AuditRows, LIMITED_DAYS, Looked};
pub(crate) use refusal::asked_by;
pub use refusal::{by_command, note_refusal};
pub use seal::Archive;
pub(crate) use sign_in::remember_failure;

use drift_domain::audit::{AuditAction, Target};
use drift_domain::ids::OrganizationId;
use drift_store::audit::{By, NewEntry};

/// An entry without particulars.
pub(crate) const fn entry(
    organization_id: OrganizationId,
    by: By<'_>,
    action: AuditAction,
    target: Target,
) -> NewEntry<'_> {
    NewEntry { organization_id, by, action, target, environment_id: None, reason: None, before: None, after: None }
}
