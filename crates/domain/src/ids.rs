//! Identifiers. Each kind has its own type, so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// A tenant. Nothing crosses from one to another.
    OrganizationId;
    /// A person.
    UserId;
    /// One n8n instance tied to one Git source.
    EnvironmentId;
    /// One run of detection over one environment.
    CheckId;
    /// A workflow whose live and desired states differ, or once did.
    ChangeId;
    /// A person's recorded choice for a change.
    DecisionId;
    /// A drift incident, tied to exactly one environment.
    IncidentId;
    /// A signed-in browser.
    SessionId;
    /// An invitation into an organization.
    InvitationId;
    /// An API token.
    TokenId;
    /// The execution of a decision.
    ArtifactId;
    /// A closing that somebody asked for.
    ClosingId;
    /// Decisions that the product carries out together, or a restore.
    ReconciliationId;
    /// A request for a higher plan.
    UpgradeRequestId;
    /// A place that an organization is told things at.
    ChannelId;
    /// A policy.
    PolicyId;
    /// A request for approval.
    ApprovalId;
    /// That somebody approves for somebody.
    DelegationId;
    /// Something that is to be told.
    NoticeId;
    /// A message to one receiver.
    DeliveryId;
    /// A run at GitHub that waits, or waited, until it was said whether it may deploy.
    GateRequestId;
    /// An entry of the audit log.
    AuditEntryId;
    /// A compliance report.
    ReportId;
    /// A compliance report that is made every month.
    ReportScheduleId;
    /// A legal hold.
    HoldId;
    /// A tidying that removed something.
    RetentionRunId;
}

/// An event. Events are numbered in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct EventId(pub i64);

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
