//! An entry and its hash.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ActorKind, AuditAction, AuditTarget, AuditVia};
use crate::ids::{AuditEntryId, EnvironmentId, OrganizationId};

/// SHA-256, as 64 hexadecimal digits in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// What stands before the first seal.
    pub const NONE: Self = Self([0; 32]);

    /// Reads what a database column holds.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::str::FromStr for Digest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("not 64 hexadecimal digits: {error}")))
    }
}

/// Who did it, with the name as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The person's identifier. `None` for the product itself, and for somebody who did not prove who they are.
    pub id: Option<uuid::Uuid>,
    /// The person's name then, or what stands for it.
    pub name: String,
    /// The API token, where the person acted through one.
    pub token: Option<uuid::Uuid>,
}

/// From where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Origin {
    /// What it came through.
    pub via: AuditVia,
    /// The client's network address, if that is known.
    pub address: Option<String>,
    /// What the client calls itself, cut to 300 characters.
    pub user_agent: Option<String>,
}

/// What it is about, with the name as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Target {
    /// What kind of thing.
    pub kind: AuditTarget,
    /// Its identifier, or the word for what has none.
    pub id: Option<String>,
    /// Its name then.
    pub name: Option<String>,
}

/// One entry of the log. Its JSON, every member of it, is what is hashed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// Its identifier.
    pub id: AuditEntryId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// When, in UTC, to the microsecond.
    #[serde(serialize_with = "instant")]
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// What was done.
    pub action: AuditAction,
    /// To what.
    pub target: Target,
    /// The environment that it is about, if one.
    pub environment_id: Option<EnvironmentId>,
    /// Why, as the person said.
    pub reason: Option<String>,
    /// What was, as far as it is known. Secrets are hidden.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// What is since, with further particulars. Secrets are hidden.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
}

fn instant<S: serde::Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// A time as the database keeps it: what is hashed before it is stored must be the same afterwards.
#[must_use]
pub fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(at)
}

impl Entry {
    /// The entry as JSON.
    ///
    /// # Errors
    /// None that is known: every member can be written.
    pub fn to_json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

/// The hash of an entry's JSON: SHA-256 over `workflowops.audit.entry/1`, a line feed, and the canonical form (RFC 8785).
///
/// # Errors
/// A number that has no canonical form, which no entry holds that this product wrote.
pub fn entry_hash(entry: &Value) -> serde_json::Result<Digest> {
    let canonical = serde_json_canonicalizer::to_vec(entry)?;
    let mut hasher = Sha256::new();
    hasher.update(b"workflowops.audit.entry/1\n");
    hasher.update(&canonical);
    Ok(Digest(hasher.finalize().into()))
}
