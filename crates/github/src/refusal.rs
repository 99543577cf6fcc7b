//! Why a write was not carried out, told apart as far as whoever goes on does something else for each.

use drift_domain::failure::{Failure, FailureKind, Side};

/// What a protected branch still wants before it takes a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Approving reviews, or the end of a review that asks for changes.
    Reviews,
    /// Checks or statuses that are required and have not succeeded.
    Checks,
    /// The merge queue: the branch takes nothing that did not go through it.
    Queue,
    /// The newest commits of the base in the pull request's branch.
    UpToDate,
    /// Another rule that GitHub names only in words: signatures, a linear history, deployments.
    OtherRule,
}

/// Which of GitHub's limits is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The hour's requests of the token.
    Primary,
    /// Too much at once, or too many writes.
    Secondary,
}

/// A write that was not carried out, or of which that is unknown ([`Refusal::Unclear`]). Each message says what happened,
/// to what, and what to do, and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A branch or pull request stands at another commit than expected: somebody pushed. GitHub says 409 to a merge; a
    /// branch that exists already is read and compared.
    #[error("{message}")]
    HeadMoved {
        /// What happened, to what, what to do.
        message: String,
        /// The commit that is there now, where it is known.
        found: Option<String>,
    },
    /// Both sides changed the same lines: Git cannot merge them by itself.
    #[error("{message}")]
    Conflict {
        /// What happened, to what, what to do.
        message: String,
    },
    /// The base moved while GitHub merged ("Base branch was modified"): the same merge can be tried again at once.
    #[error("{message}")]
    BaseMoved {
        /// What happened, to what, what to do.
        message: String,
    },
    /// A rule of the branch is not met yet. Not an end: reviews and checks are followed until they are there.
    #[error("{message}")]
    Protected {
        /// What happened, to what, what to do.
        message: String,
        /// What is missing, as far as GitHub's words tell; [`Standing`](crate::Standing) tells it whole.
        needs: Vec<Need>,
    },
    /// The pull request is closed, a draft, or otherwise not one that merges.
    #[error("{message}")]
    NotMergeable {
        /// What happened, to what, what to do.
        message: String,
    },
    /// The branches hold the same: there is nothing to merge, and no pull request is made.
    #[error("{message}")]
    NothingToMerge {
        /// What happened, to what, what to do.
        message: String,
    },
    /// The token is right and may not do this.
    #[error("{message}")]
    Permission {
        /// What happened, to what, what to do.
        message: String,
    },
    /// GitHub asks to be left alone for a while. Not carried out.
    #[error("{message}")]
    RateLimited {
        /// What happened, to what, what to do.
        message: String,
        /// Which limit.
        limit: Limit,
        /// Seconds until it may be tried again.
        retry_after: u64,
    },
    /// The repository, branch, commit or pull request does not exist, or the token may not see it.
    #[error("{message}")]
    NotFound {
        /// What happened, to what, what to do.
        message: String,
    },
    /// The repository is archived, and so read-only.
    #[error("{message}")]
    Archived {
        /// What happened, to what, what to do.
        message: String,
    },
    /// GitHub does not take what was sent (422 for any other reason).
    #[error("{message}")]
    Validation {
        /// What happened, to what, what to do.
        message: String,
    },
    /// The request was sent and no whole answer came, or GitHub failed on its own side: **it may have been carried out**.
    /// Ask before repeating; every step of [`SourceWriter`](crate::SourceWriter) does so by itself when it is repeated.
    #[error("{message}")]
    Unclear {
        /// What happened, to what, what to do.
        message: String,
        /// The seconds that GitHub asked to wait, where it did.
        retry_after: Option<u64>,
    },
    /// As when reading: the token is not accepted, the address is not called, the answer is not GitHub's. Not carried out.
    #[error("{0}")]
    Failed(Failure),
}

impl Refusal {
    /// Seconds to wait before trying again, where GitHub asked for it.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after, .. } => Some(*retry_after),
            Self::Unclear { retry_after, .. } => *retry_after,
            Self::Failed(failure) => failure.retry_after,
            _ => None,
        }
    }

    /// Whether the same step, repeated later, can succeed though nobody does anything about it. A refusal that is not
    /// passing waits for a person, or (protection) for reviews and checks.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::BaseMoved { .. } | Self::RateLimited { .. } | Self::Unclear { .. } => true,
            Self::Failed(failure) => matches!(
                failure.kind,
                FailureKind::Unreachable
                    | FailureKind::Timeout
                    | FailureKind::ServerError
                    | FailureKind::RateLimited
                    | FailureKind::BrokenAnswer
            ),
            _ => false,
        }
    }

    /// The word under which it is recorded.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::HeadMoved { .. } => "HEAD_MOVED",
            Self::Conflict { .. } => "CONFLICT",
            Self::BaseMoved { .. } => "BASE_MOVED",
            Self::Protected { .. } => "PROTECTED",
            Self::NotMergeable { .. } => "NOT_MERGEABLE",
            Self::NothingToMerge { .. } => "NOTHING_TO_MERGE",
            Self::Permission { .. } => "PERMISSION",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Archived { .. } => "ARCHIVED",
            Self::Validation { .. } => "VALIDATION",
            Self::Unclear { .. } => "UNCLEAR",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// Reads in the course of a write fail as reads do; limits and what is missing are told apart there already.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        debug_assert_eq!(failure.side, Side::Desired);
        let message = failure.message.clone();
        match (failure.kind, failure.retry_after) {
            (FailureKind::RateLimited, retry_after) => {
                let limit = Limit::from(&failure);
                Self::RateLimited { message, limit, retry_after: retry_after.unwrap_or(60) }
            }
            (FailureKind::Forbidden, _) => Self::Permission { message },
            (FailureKind::NotFound, _) => Self::NotFound { message },
            _ => Self::Failed(failure),
        }
    }
}
