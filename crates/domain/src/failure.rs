//! Why a look at one side failed. A failed look is *Unverified*, never *In Sync* (standing rule 8).

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// The side of a comparison.
    pub enum Side {
        /// What runs in n8n.
        Live = "LIVE",
        /// What Git declares.
        Desired = "DESIRED",
    }
}

words! {
    /// What went wrong, told apart as far as the person who must mend it does something else for each.
    pub enum FailureKind {
        /// No connection: refused, no such host, TLS failed, connection reset.
        Unreachable = "UNREACHABLE",
        /// The other side did not answer in time.
        Timeout = "TIMEOUT",
        /// The key or token was not accepted (401).
        Unauthorized = "UNAUTHORIZED",
        /// The key or token is known but may not do this (403).
        Forbidden = "FORBIDDEN",
        /// The repository, ref or folder does not exist, or the token may not see it (404).
        NotFound = "NOT_FOUND",
        /// Something answered, and it is not the n8n API (HTML, plain text while starting, another server).
        NotN8n = "NOT_N8N",
        /// Too many requests; the time to try again is in the message where it is known.
        RateLimited = "RATE_LIMITED",
        /// The other side failed on its own (5xx).
        ServerError = "SERVER_ERROR",
        /// An answer that is cut off, or is not what the API describes.
        BrokenAnswer = "BROKEN_ANSWER",
        /// The listing could not be read whole: pages that skew, repeat or end early.
        PartialListing = "PARTIAL_LISTING",
        /// The address is one that this installation does not call (link-local, metadata, private unless allowed).
        RefusedAddress = "REFUSED_ADDRESS",
        /// A file or workflow that cannot be read as a workflow, or is beyond the limits.
        BrokenContent = "BROKEN_CONTENT",
        /// The stored secret cannot be decrypted with the key that this installation was started with.
        SecretUnreadable = "SECRET_UNREADABLE",
        /// This product's own fault, for example a database that went away half-way.
        Internal = "INTERNAL",
    }
}

/// A failed look at one side: what happened, to what, and what to do. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct Failure {
    /// Which side could not be read.
    pub side: Side,
    /// What kind of failure.
    pub kind: FailureKind,
    /// One or two sentences for a person: what happened, to what, what to do.
    pub message: String,
    /// Seconds until the other side asked to be tried again, where it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Failure {
    /// A failure without a time to wait.
    pub fn new(side: Side, kind: FailureKind, message: impl Into<String>) -> Self {
        Self { side, kind, message: message.into(), retry_after: None }
    }
}
