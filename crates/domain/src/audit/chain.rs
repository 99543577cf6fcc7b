//! The chain of seals over an organization's entries, and what can be wrong with it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Digest, entry_hash};
use crate::ids::{AuditEntryId, OrganizationId};

/// How long an entry may be without a seal: they are made every second.
pub const UNSEALED_FOR: TimeDelta = TimeDelta::minutes(1);

/// A link of the chain: an entry's hash, in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seal {
    /// Its place: 1, 2, 3, without gaps.
    pub sequence: i64,
    /// The entry that it seals.
    pub entry_id: AuditEntryId,
    /// The entry's hash. It stays when the entry goes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub entry_hash: Digest,
    /// The hash of the seal before; 64 zeros before the first.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub previous_hash: Digest,
    /// This seal's hash.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hash: Digest,
}

impl Seal {
    /// The seal of an entry behind another one.
    #[must_use]
    pub fn new(
        organization: OrganizationId,
        sequence: i64,
        entry_id: AuditEntryId,
        entry: Digest,
        previous: Digest,
    ) -> Self {
        let hash = link(organization, sequence, previous, entry);
        Self { sequence, entry_id, entry_hash: entry, previous_hash: previous, hash }
    }
}

/// SHA-256 over `workflowops.audit.seal/1`, a line feed, the organization's 16 bytes, the sequence as 8 bytes (the highest
/// first), the previous seal's hash and the entry's hash.
fn link(organization: OrganizationId, sequence: i64, previous: Digest, entry: Digest) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(b"workflowops.audit.seal/1\n");
    hasher.update(organization.0.as_bytes());
    hasher.update(sequence.to_be_bytes());
    hasher.update(previous.0);
    hasher.update(entry.0);
    Digest(hasher.finalize().into())
}

/// A seal that somebody wrote down elsewhere, as `SEQUENCE:HASH`: whoever can rewrite a whole chain cannot make it run
/// through this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The seal's place.
    pub sequence: i64,
    /// Its hash.
    pub hash: Digest,
}

impl std::str::FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (sequence, hash) = text.split_once(':').ok_or("write SEQUENCE:HASH, as it was printed")?;
        let sequence = sequence.parse().map_err(|_| "the sequence is no whole number")?;
        Ok(Self { sequence, hash: hash.parse().map_err(|_| "the hash is not 64 hexadecimal digits")? })
    }
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An entry is not the one that was sealed.
    #[error("seal {sequence}: entry {entry} was altered: its content does not have the hash that was sealed")]
    Altered {
        /// The seal's place.
        sequence: i64,
        /// The entry.
        entry: AuditEntryId,
    },
    /// An entry that was sealed is not there.
    #[error("seal {sequence}: entry {entry} was removed: its seal is there and it is not")]
    Removed {
        /// The seal's place.
        sequence: i64,
        /// The entry.
        entry: AuditEntryId,
    },
    /// A seal stands beside an entry that it does not seal.
    #[error("seal {sequence}: it seals entry {sealed} and stands beside entry {found}")]
    Mismatched {
        /// The seal's place.
        sequence: i64,
        /// The entry that the seal names.
        sealed: AuditEntryId,
        /// What stands there.
        found: String,
    },
    /// The next seal is not the next.
    #[error("seal {expected} is missing: the next one that is there is {found}")]
    Gap {
        /// The place that comes next.
        expected: i64,
        /// What was found.
        found: i64,
    },
    /// A seal does not follow from the one before.
    #[error("seal {sequence}: the chain is broken: it does not follow from the seal before")]
    Unlinked {
        /// The seal's place.
        sequence: i64,
    },
    /// A seal's own hash is wrong.
    #[error("seal {sequence}: the seal was altered: its hash does not belong to what it says")]
    Forged {
        /// The seal's place.
        sequence: i64,
    },
    /// An entry has no seal, and should have one by now.
    #[error("entry {entry} has no seal and is older than a minute")]
    Unsealed {
        /// The entry.
        entry: AuditEntryId,
    },
    /// The chain does not run through a seal that was written down elsewhere.
    #[error("seal {sequence}: it is not the one that was expected: the chain was written anew or cut off")]
    NotAnchored {
        /// The seal's place.
        sequence: i64,
    },
    /// An export does not say what it should.
    #[error("line {line}: {what}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// Walks a chain, seal after seal, and keeps nothing but its end.
#[derive(Clone, Debug)]
pub struct Chain {
    organization: OrganizationId,
    next: i64,
    head: Digest,
    anchor: Option<Anchor>,
}

impl Chain {
    /// A chain from its beginning.
    #[must_use]
    pub const fn new(organization: OrganizationId, anchor: Option<Anchor>) -> Self {
        Self::after(organization, 0, Digest::NONE, anchor)
    }

    /// A chain from behind a seal that is taken on trust.
    #[must_use]
    pub const fn after(organization: OrganizationId, sequence: i64, head: Digest, anchor: Option<Anchor>) -> Self {
        Self { organization, next: sequence + 1, head, anchor }
    }

    /// The last seal's place; 0 before the first.
    #[must_use]
    pub const fn sequence(&self) -> i64 {
        self.next - 1
    }

    /// The last seal's hash.
    #[must_use]
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// Takes the next seal with the JSON of its entry, as it is now.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, seal: &Seal, entry: Option<&Value>) -> Result<(), Fault> {
        let sequence = seal.sequence;
        if sequence != self.next {
            return Err(Fault::Gap { expected: self.next, found: sequence });
        }
        if seal.previous_hash != self.head {
            return Err(Fault::Unlinked { sequence });
        }
        if link(self.organization, sequence, seal.previous_hash, seal.entry_hash) != seal.hash {
            return Err(Fault::Forged { sequence });
        }
        let Some(entry) = entry else { return Err(Fault::Removed { sequence, entry: seal.entry_id }) };
        let found = entry["id"].as_str().unwrap_or_default();
        if found.parse() != Ok(seal.entry_id) {
            return Err(Fault::Mismatched { sequence, sealed: seal.entry_id, found: found.to_owned() });
        }
        let own = entry["organization_id"].as_str().and_then(|id| id.parse().ok()) == Some(self.organization);
        if !own || entry_hash(entry).ok() != Some(seal.entry_hash) {
            return Err(Fault::Altered { sequence, entry: seal.entry_id });
        }
        if self.anchor.is_some_and(|anchor| anchor.sequence == sequence && anchor.hash != seal.hash) {
            return Err(Fault::NotAnchored { sequence });
        }
        (self.next, self.head) = (sequence + 1, seal.hash);
        Ok(())
    }

    /// The chain ends here.
    ///
    /// # Errors
    /// [`Fault::NotAnchored`] when it ends before the seal that it should run through.
    pub fn end(&self) -> Result<(), Fault> {
        match self.anchor {
            Some(anchor) if anchor.sequence >= self.next => Err(Fault::NotAnchored { sequence: anchor.sequence }),
            _ => Ok(()),
        }
    }
}
