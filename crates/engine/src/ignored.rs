//! What is left out of the comparison, and why: counted, so that a status never rests on something nobody can see.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::value;

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
    on: bool,
    /// What the places are within: in a workflow the node's name, in a pair of nodes nothing.
    scope: u64,
    list: Vec<(Rule, u64, u64)>,
}

impl Notes {
    /// Notes nothing.
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// Notes everything.
    pub(crate) fn on() -> Self {
        Self { on: true, ..Self::default() }
    }

    /// Whether anything is noted, for callers for which finding the place costs something.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Says what the places that follow are within.
    pub(crate) fn within(&mut self, scope: impl Hash) {
        if self.on {
            self.scope = hash_of(&scope);
        }
    }

    /// Notes that `value` at `place` was left out by `rule`.
    pub(crate) fn note(&mut self, rule: Rule, place: impl Hash, value: &Value) {
        if self.on {
            self.list.push((rule, hash_of(&(self.scope, place)), quick_hash(value)));
        }
    }

    /// Notes something that is not a value, by its hash.
    pub(crate) fn note_hash(&mut self, rule: Rule, place: impl Hash, what: impl Hash) {
        if self.on {
            self.list.push((rule, hash_of(&(self.scope, place)), hash_of(&what)));
        }
    }

    /// How often each rule applied.
    pub(crate) fn counts(&self) -> Vec<Ignored> {
        let mut counts = BTreeMap::new();
        for (rule, ..) in &self.list {
            *counts.entry(*rule).or_insert(0) += 1;
        }
        counts.into_iter().map(|(rule, count)| Ignored { rule, count }).collect()
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

fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// A hash of a value that does not depend on the order of keys. For counting only: identity uses BLAKE3.
fn quick_hash(value: &Value) -> u64 {
    match value {
        Value::Null => 1,
        Value::Bool(b) => hash_of(b),
        Value::Number(n) => hash_of(&value::number(n).to_string()),
        Value::String(s) => hash_of(s),
        Value::Array(items) => items.iter().fold(7, |h: u64, v| h.wrapping_mul(31).wrapping_add(quick_hash(v))),
        Value::Object(map) => map.iter().fold(11, |h: u64, (k, v)| h.wrapping_add(hash_of(&(k, quick_hash(v))))),
    }
}
