//! Transactions that see one organization's rows and no others, whatever the statement says (standing rule 9).
//!
//! The transaction acts as the role `workflowops_tenant`, which owns nothing, bypasses no policy and cannot read what people
//! sign in with. Every table with an `organization_id` has a policy for it.

use drift_domain::ids::OrganizationId;
use sqlx::{AssertSqlSafe, PgPool};

use crate::Transaction;
use crate::error::StoreResult;

/// The role that such a transaction acts as.
pub const ROLE: &str = "workflowops_tenant";

/// Begins a transaction for one organization that reads everything as it is at one moment, and writes nothing.
///
/// # Errors
/// As [`begin`].
pub async fn snapshot(pool: &PgPool, organization: OrganizationId) -> StoreResult<Transaction> {
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE {ROLE}; \
         SET LOCAL workflowops.organization = '{}'",
        organization.0
    );
    Ok(pool.begin_with(AssertSqlSafe(begin)).await?)
}

/// Begins a transaction for one organization. Its end, in whatever way, ends the role, too.
///
/// # Errors
/// The database does not answer, or the account that the product connects with may not act as [`ROLE`].
pub async fn begin(pool: &PgPool, organization: OrganizationId) -> StoreResult<Transaction> {
    // One statement of one round trip. The identifier is a UUID as the type prints it: digits, letters a to f, hyphens.
    let begin = format!("BEGIN; SET LOCAL ROLE {ROLE}; SET LOCAL workflowops.organization = '{}'", organization.0);
    Ok(pool.begin_with(AssertSqlSafe(begin)).await?)
}
