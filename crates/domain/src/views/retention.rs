//! Retention and legal holds as the screens and the API show them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{EnvironmentId, HoldId, IncidentId, RetentionRunId};
use crate::retention::{KeptWhy, RetentionKind};

/// What the next tidying would remove, and what it would keep although it is older.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetentionPreview {
    /// Days of history that the plan keeps.
    pub history_days: u32,
    /// Each kind, in the order in which they are removed.
    pub kinds: Vec<KindPreview>,
    /// The clock of the server when this was read.
    pub now: DateTime<Utc>,
}

/// What would become of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KindPreview {
    /// The kind.
    pub kind: RetentionKind,
    /// What is older than this goes.
    pub cut_off: DateTime<Utc>,
    /// How many go.
    pub goes: u64,
    /// At most so many go in one tidying; the rest goes at the next.
    pub at_most: u64,
    /// The moment that the age of the oldest of those is counted from.
    pub oldest: Option<DateTime<Utc>>,
    /// What is older and stays.
    pub kept: Vec<KeptPreview>,
}

/// What stays for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptPreview {
    /// Why.
    pub why: KeptWhy,
    /// How many.
    pub count: u64,
    /// The moment that the age of the oldest is counted from.
    pub oldest: DateTime<Utc>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HoldView {
    /// Its identifier.
    pub id: HoldId,
    /// The incident that it is on; `None` for all of the organization.
    pub incident: Option<HeldIncident>,
    /// Why it was placed.
    pub reason: String,
    /// Who placed it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// That it was released; `None` while it holds.
    pub released: Option<HoldRelease>,
}

/// The incident that a hold is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldIncident {
    /// Its identifier.
    pub id: IncidentId,
    /// Its number.
    pub number: i64,
}

/// How a hold ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HoldRelease {
    /// Who released it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// What tidyings removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetentionRecord {
    /// The newest tidyings that removed something, the newest first.
    pub runs: Vec<RetentionRun>,
    /// The newest incidents that were removed, the newest first.
    pub incidents: Vec<RemovedIncident>,
}

/// A tidying that removed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetentionRun {
    /// Its identifier.
    pub id: RetentionRunId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Days of history that the plan kept then.
    pub history_days: u32,
    /// What went.
    pub removed: Vec<Removed>,
}

/// What went of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Removed {
    /// The kind.
    pub kind: RetentionKind,
    /// How many.
    pub count: u64,
    /// What was older than this went.
    pub cut_off: DateTime<Utc>,
}

/// What is left of an incident that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemovedIncident {
    /// Its identifier.
    pub id: IncidentId,
    /// Its number.
    pub number: i64,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// The environment's name, if it is still there.
    pub environment: Option<String>,
    /// When it was detected.
    pub detected_at: DateTime<Utc>,
    /// When it closed.
    pub closed_at: DateTime<Utc>,
    /// The digest of its closure receipt, in hexadecimal: BLAKE3 of the document as canonical JSON.
    pub receipt_digest: String,
    /// When it was removed.
    pub removed_at: DateTime<Utc>,
}
