//! Approvals, for screens and the API.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::incidents::PersonView;
use crate::approval::{ApprovalState, ProposedAct};
use crate::ids::{ApprovalId, DelegationId, EnvironmentId, IncidentId};
use crate::role::Role;

/// What came of something that somebody wanted to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Proposed {
    /// Nobody had to be asked: it is done.
    Done,
    /// Others have to agree; this is the request.
    Asked {
        /// The request.
        id: ApprovalId,
    },
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalVoice {
    /// Who gave it.
    pub by: PersonView,
    /// For whom, where it is not the person's own.
    pub on_behalf_of: Option<PersonView>,
    /// What was said to it.
    pub note: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it counts: whose voice it is has the role still.
    pub counts: bool,
}

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalView {
    /// Its identifier.
    pub id: ApprovalId,
    /// What is to be done.
    pub act: ProposedAct,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its name.
    pub environment: String,
    /// The incident and its number, if it is about one.
    pub incident: Option<(IncidentId, i64)>,
    /// The rules that ask for it, by their titles.
    pub rules: Vec<String>,
    /// How many approvals it takes.
    pub needed: u32,
    /// The least role of those who approve.
    pub approvers: Role,
    /// Who asks.
    pub by: PersonView,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// How far it is.
    pub state: ApprovalState,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who rejected or withdrew it.
    pub ended_by: Option<PersonView>,
    /// Why it was rejected, or could not be carried out.
    pub reason: Option<String>,
    /// The approvals, the first one first.
    pub voices: Vec<ApprovalVoice>,
    /// Why the reader cannot approve or reject it; `None`: can.
    pub refused: Option<String>,
    /// Whether the reader asked for it.
    pub own: bool,
}

/// Who approves for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DelegationView {
    /// Its identifier.
    pub id: DelegationId,
    /// Who is away.
    pub from: PersonView,
    /// Who approves meanwhile.
    pub to: PersonView,
    /// From when.
    pub begins_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
}

/// The inbox of approvals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalInbox {
    /// Those that are open, the oldest first, which waits longest.
    pub open: Vec<ApprovalView>,
    /// The newest of those that have ended.
    pub ended: Vec<ApprovalView>,
    /// Who approves for whom, now and later.
    pub delegations: Vec<DelegationView>,
    /// Members who can be let approve for the reader.
    pub deputies: Vec<PersonView>,
}
