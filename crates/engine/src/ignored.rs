//! What is left out of the comparison, and why: counted, so that a status never rests on something nobody can see.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::canonical::node::At;
use crate::json::{Document, Text};

/// Why something is left out of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Written while workflows run: `staticData`, `pinData`, `triggerCount`.
    Runtime,
    /// Kept by the server for itself: times, version ids, owners, `meta`.
    Server,
    /// A field that this version does not know. Shown, and no drift, until it is classified.
    UnknownField,
    /// A default of n8n written out on one side and left out on the other.
    Default,
    /// Null, `{}` or absent, which n8n reads alike.
    Empty,
    /// An id that n8n or the editor makes anew: of a node, an assignment, a condition.
    RegeneratedId,
    /// The order of nodes in the file.
    NodeOrder,
    /// The order of connections within one port. Position on the canvas decides it under `executionOrder` v1.
    ConnectionOrder,
    /// The id of a credential whose name is the same: ids belong to one instance.
    CredentialId,
    /// A name or address that the editor remembers for a chosen resource, present on one side only.
    Cache,
    /// A field that one side's format does not carry: unknown, not different.
    NotCarried,
    /// Half of a surrogate pair, which is not text.
    BrokenText,
}

impl Rule {
    /// A sentence for a person who looks at what was ignored.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Runtime => "data of running workflows, not part of their definition",
            Self::Server => "kept by the n8n server for itself (times, version ids, owners)",
            Self::UnknownField => "a field that this version does not know; not drift until it is classified",
            Self::Default => "a default of n8n, written out on one side and left out on the other",
            Self::Empty => "null, {} and absent mean the same to n8n",
            Self::RegeneratedId => "an id that n8n makes anew",
            Self::NodeOrder => "the order of nodes in the file means nothing",
            Self::ConnectionOrder => "the order of connections within one port",
            Self::CredentialId => "credential ids belong to one instance; the names are the same",
            Self::Cache => "a name or address that the editor remembers, present on one side only",
            Self::NotCarried => "one side's format does not carry this field: unknown, not different",
            Self::BrokenText => "half a surrogate pair, which is not text",
        }
    }
}

/// A rule and how often it applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// The rule.
    pub rule: Rule,
    /// In a workflow: how many fields it left out. In a diff: how many of them differ between the sides.
    pub count: usize,
}

/// Collects what canonicalisation leaves out. Turned off where only the content is asked for.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    mode: Mode,
    counts: BTreeMap<Rule, usize>,
    list: Vec<(Rule, u64, u64)>,
    /// Where values are written to be hashed.
    scratch: Vec<u8>,
}

/// What is kept of a note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Nothing,
    /// How often each rule applied.
    Counts,
    /// Where, and to what.
    Places,
}

/// A place that something was left out at, as a hash.
pub(crate) struct Place(DefaultHasher);

impl Place {
    /// A path into a node, and a key below it.
    pub(crate) fn path(&mut self, doc: &Document, path: &[At], key: Option<Text>) {
        for at in path.iter().copied().chain(key.map(At::Key)) {
            match at {
                At::Key(key) => doc.spelt(key).hash(&mut self.0),
                At::Index(i) => i.hash(&mut self.0),
            }
        }
    }

    /// A key of a part of the workflow.
    pub(crate) fn key(&mut self, of: &str, key: &str) {
        (of, key).hash(&mut self.0);
    }
}

impl Notes {
    /// Notes nothing.
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// Notes everything.
    pub(crate) fn on() -> Self {
        Self { mode: Mode::Places, ..Self::default() }
    }

    /// Counts only.
    pub(crate) fn counting() -> Self {
        Self { mode: Mode::Counts, ..Self::default() }
    }

    /// Whether anything is noted, for callers for which finding the place costs something.
    pub(crate) fn is_on(&self) -> bool {
        self.mode != Mode::Nothing
    }

    /// Notes that something was left out by `rule`; what it is and where is asked for only where it is kept.
    #[inline]
    pub(crate) fn note(&mut self, rule: Rule, place: impl FnOnce(&mut Place), value: impl FnOnce(&mut Vec<u8>)) {
        match self.mode {
            Mode::Nothing => {}
            Mode::Counts => *self.counts.entry(rule).or_default() += 1,
            Mode::Places => {
                let mut at = Place(DefaultHasher::new());
                place(&mut at);
                self.scratch.clear();
                value(&mut self.scratch);
                self.list.push((rule, at.0.finish(), hash_of(&self.scratch)));
            }
        }
    }

    /// Notes something that is not a value, by its hash.
    pub(crate) fn note_hash(&mut self, rule: Rule, place: impl Hash, what: impl Hash) {
        match self.mode {
            Mode::Nothing => {}
            Mode::Counts => *self.counts.entry(rule).or_default() += 1,
            Mode::Places => self.list.push((rule, hash_of(&place), hash_of(&what))),
        }
    }

    /// How often each rule applied.
    pub(crate) fn counts(&self) -> Vec<Ignored> {
        self.counts.iter().map(|(rule, count)| Ignored { rule: *rule, count: *count }).collect()
    }

    /// Counts the places that differ between two sides, by rule.
    pub(crate) fn differences(&self, other: &Self, counts: &mut BTreeMap<Rule, usize>) {
        // A place that occurs several times (nodes of one name) is compared as a set of its values.
        let mut places: BTreeMap<(Rule, u64), [Vec<u64>; 2]> = BTreeMap::new();
        for (side, notes) in [self, other].into_iter().enumerate() {
            for (rule, place, value) in &notes.list {
                places.entry((*rule, *place)).or_default()[side].push(*value);
            }
        }
        for ((rule, _), [mut ours, mut theirs]) in places {
            ours.sort_unstable();
            theirs.sort_unstable();
            let both = !ours.is_empty() && !theirs.is_empty();
            let counts_here = match rule {
                // What only one side has is no order of anything.
                Rule::ConnectionOrder | Rule::NodeOrder => both,
                // What both sides have and spell differently is a change, not something ignored.
                Rule::Cache => !both,
                _ => true,
            };
            if ours != theirs && counts_here {
                *counts.entry(rule).or_insert(0) += 1;
            }
        }
    }
}

/// For counting only: identity uses BLAKE3.
fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
