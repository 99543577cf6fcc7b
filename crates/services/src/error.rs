//! The one error of the services. The API and the screens each present it with one `match`.

use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;

use crate::approvals::Needs;

/// Why a service did not do what it was asked.
///
/// The order in which the gate answers is fixed (product, Plans): not yours, plan, role, policy.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nobody is signed in, or the session is over.
    #[error("Sign in to go on.")]
    Unauthenticated,
    /// It does not exist, or it belongs to somebody else: the two are not told apart.
    #[error("There is no such {0} in this organization.")]
    NotFound(&'static str),
    /// The plan does not have it.
    #[error("{} needs the {} plan or a higher one.", .capability.label(), .needs.label())]
    PlanRequired {
        /// What was asked for.
        capability: Capability,
        /// The first plan that has it.
        needs: PlanTier,
    },
    /// The plan has it, but no more of it.
    #[error("{message}")]
    PlanLimit {
        /// What was asked for.
        capability: Capability,
        /// The first plan that has more.
        needs: PlanTier,
        /// What the limit is, and what is there already.
        message: String,
    },
    /// The role may not do it.
    #[error("{} needs the role {needs}; yours is {has}. Ask an administrator of the organization.", .capability.label())]
    RoleRequired {
        /// What was asked for.
        capability: Capability,
        /// The least role that may.
        needs: Role,
        /// The caller's role.
        has: Role,
    },
    /// Input that cannot be used. Nothing was changed.
    #[error("{message}")]
    Invalid {
        /// The field, by its name in the form and in the API.
        field: &'static str,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// A limit or policy that the organization set does not allow it, whoever asks.
    #[error("{message}")]
    PolicyRefused {
        /// The policy or limit, by a name that stays the same from release to release.
        policy: &'static str,
        /// What is not allowed, and what would satisfy the policy.
        message: String,
    },
    /// A policy of the organization takes the approval of others for it: it can be asked for, whole.
    #[error("{}", .0.message)]
    ApprovalRequired(Box<Needs>),
    /// What was asked for does not fit the state that things are in now. Nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// The caller acted on what it saw, and other things have happened since. Nothing was changed.
    #[error("{}", stale(.meanwhile))]
    Stale {
        /// What happened meanwhile, oldest first: sentences from the timeline. Empty when it cannot be told.
        meanwhile: Vec<String>,
    },
    /// Too many attempts.
    #[error("Too many attempts. Try again in {} minutes.", .retry_after_seconds.div_ceil(60))]
    RateLimited {
        /// Seconds to wait.
        retry_after_seconds: u64,
    },
    /// The product's own fault. The cause is for the log, not for the caller.
    #[error("WorkflowOps could not do this just now. Nothing was changed; try again in a moment.")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a person reads whose page was older than what it shows.
fn stale(meanwhile: &[String]) -> String {
    let what = if meanwhile.is_empty() { String::new() } else { format!(" Meanwhile: {}", meanwhile.join(" ")) };
    format!("This was changed since you looked at it, so nothing was done.{what} Look at it again, then decide anew.")
}

impl ServiceError {
    /// Something that a policy or limit of the organization does not allow.
    pub fn policy(policy: &'static str, message: impl Into<String>) -> Self {
        Self::PolicyRefused { policy, message: message.into() }
    }

    /// Input that cannot be used.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// A fault of the product itself.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }
}

/// What a service answers.
pub type ServiceResult<T> = Result<T, ServiceError>;
