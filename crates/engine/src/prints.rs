//! Fingerprints: whether two workflows are the same, without looking at either again.

use std::collections::BTreeMap;
use std::fmt::Write;

use drift_domain::change::Origin;
use drift_domain::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RULES_VERSION;
use crate::canonical::node::{At, Soft};
use crate::canonical::{connections, node, settings, value};
use crate::ignored::Notes;
use crate::json::{Document, write_text};
use crate::workflow::Workflow;

/// What is known of a workflow's content, as hashes: a core that every format carries, and facets that some do not.
///
/// Made by [`Workflow::prints`] and compared with [`Prints::agree`]. Serialises to a few hundred bytes of JSON; keep it
/// beside the raw fingerprint of what it was made from, and content that was seen before need not be parsed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prints {
    /// The version of the rules that made these prints. Prints of different versions say nothing about each other.
    #[serde(rename = "v")]
    pub version: u32,
    /// Nodes, connections and the settings that this version knows.
    pub core: Fingerprint,
    /// Whether the content came from an instance, which states every facet that its format carries.
    #[serde(rename = "i", default, skip_serializing_if = "std::ops::Not::not")]
    instance: bool,
    /// What a format may leave out, by name: 16 digits of a hash, and `=` before them where n8n's default is meant.
    /// Names that begin with `~` stand for values that n8n adds by itself; they count only where both sides have them.
    #[serde(rename = "f")]
    facets: BTreeMap<String, String>,
}

/// A value that some formats leave out.
#[derive(Clone, Debug)]
pub(crate) struct Facet {
    pub(crate) value: Value,
    /// Whether it is what n8n takes where nothing is said.
    pub(crate) default: bool,
}

/// Whether a facet that only one side has makes a difference.
///
/// Not where it is a default. Not where either side came from an instance: then the other's format does not carry it,
/// and it is unknown. Between two files that were copied or written by hand, leaving it out means the default.
pub(crate) fn one_sided_differs(default: bool, either_from_instance: bool) -> bool {
    !default && !either_from_instance
}

impl Workflow {
    /// The facets of the workflow itself, by the key that n8n gives them.
    pub(crate) fn facets(&self) -> BTreeMap<&'static str, Facet> {
        let mut out = BTreeMap::new();
        let mut put = |key, value: Option<Value>, default: Value| {
            if let Some(value) = value {
                out.insert(key, Facet { default: value == default, value });
            }
        };
        put("name", self.name.as_deref().map(Value::from), Value::from(""));
        put("active", self.active.map(Value::from), Value::from(false));
        put("isArchived", self.archived.map(Value::from), Value::from(false));
        put("description", self.description.as_deref().map(Value::from), Value::from(""));
        put("tags", self.tags.as_deref().map(Value::from), Value::Array(Vec::new()));
        put("nodeGroups", self.canonical_groups(), Value::Array(Vec::new()));
        out
    }

    /// The fingerprint of nodes and connections alone.
    pub(crate) fn core(&self) -> Fingerprint {
        self.hash(b"{}", &mut ())
    }

    /// Hashes nodes, edges and settings; gives the soft values by the way.
    fn hash(&self, settings: &[u8], soft: &mut impl NamedSoft) -> Fingerprint {
        let doc = &self.doc;
        let shared = self.shared_names();
        let mut bodies = Vec::with_capacity(doc.len());
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.iter().filter(|n| doc.at(n.kind) != node::STICKY) {
            let name = doc.at(node.name);
            let begin = bodies.len();
            write_text(name, &mut bodies);
            soft.within(name);
            let is_shared = shared.binary_search(&name).is_ok();
            node::write_fields(doc, node.json, is_shared, soft, &mut Notes::off(), &mut bodies);
            nodes.push(begin..bodies.len());
        }
        nodes.sort_unstable_by(|a, b| bodies[a.clone()].cmp(&bodies[b.clone()]));
        let edges = connections::edges(doc, self.connections, &mut Notes::off());
        // In one piece: BLAKE3 is several times faster on that than on many small ones.
        let mut all = Vec::with_capacity(bodies.len() + settings.len() + 16 * nodes.len() + 128 * edges.len() + 64);
        all.extend_from_slice(&RULES_VERSION.to_le_bytes());
        part(settings, &mut all);
        part(&(nodes.len() as u64).to_le_bytes(), &mut all);
        nodes.into_iter().for_each(|node| part(&bodies[node], &mut all));
        bodies.clear();
        for edge in edges {
            edge.write(&mut bodies);
            part(&bodies, &mut all);
            bodies.clear();
        }
        Fingerprint(*blake3::hash(&all).as_bytes())
    }

    /// The fingerprints of this workflow: BLAKE3 over canonical JSON and [`RULES_VERSION`].
    #[must_use]
    pub fn prints(&self) -> Prints {
        let settings = settings::canonical(&self.doc, self.settings, &mut Notes::off());
        let mut soft = SoftFacets::default();
        let core = self.hash(&settings.known, &mut soft);
        let mut facets = soft.facets;
        facets.extend(self.facets().into_iter().map(|(key, facet)| {
            let default = if facet.default { "=" } else { "" };
            (key.to_owned(), format!("{default}{}", short(&value::bytes(&facet.value))))
        }));
        for (key, value) in settings.unknown {
            let mut quoted = Vec::new();
            write_text(&format!("\u{1f}settings\u{1f}{key}"), &mut quoted);
            facets.push((format!("~{}", short(&quoted)), short(&value)));
        }
        // Of equal names the last counts.
        Prints { version: RULES_VERSION, core, instance: self.instance, facets: facets.into_iter().collect() }
    }
}

/// Adds bytes and their length, so that no other parts add up to the same.
fn part(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes soft values of nodes that are told by their names.
trait NamedSoft: Soft {
    /// Says which node the values that follow are of.
    fn within(&mut self, name: &str);
}

impl NamedSoft for () {
    fn within(&mut self, _: &str) {}
}

/// Soft values as facets: by a hash of the node's name and the path.
#[derive(Default)]
struct SoftFacets {
    name: String,
    key: String,
    quoted: Vec<u8>,
    facets: Vec<(String, String)>,
}

impl NamedSoft for SoftFacets {
    fn within(&mut self, name: &str) {
        self.name.clear();
        self.name.push_str(name);
    }
}

impl Soft for SoftFacets {
    fn soft(&mut self, doc: &Document, path: &[At], value: &[u8]) {
        self.key.clear();
        self.key.push_str(&self.name);
        for step in path {
            self.key.push('\u{1f}');
            match step {
                At::Key(key) => self.key.push_str(&doc.said(*key)),
                At::Index(i) => drop(write!(self.key, "{i}")),
            }
        }
        self.quoted.clear();
        write_text(&self.key, &mut self.quoted);
        self.facets.push((format!("~{}", short(&self.quoted)), short(value)));
    }
}

/// 16 digits of a hash: for facets, of which a workflow has few.
fn short(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

impl Prints {
    /// Whether two workflows are the same as far as both are known: exactly where [`diff`](crate::diff()) finds no change
    /// but cosmetic ones. Not transitive: what one format does not carry agrees with anything.
    #[must_use]
    pub fn agree(&self, other: &Self) -> bool {
        let instance = self.instance || other.instance;
        let one_sided = |ours: &Self, theirs: &Self| {
            ours.facets.iter().all(|(key, value)| {
                key.starts_with('~')
                    || theirs.facets.contains_key(key)
                    || !one_sided_differs(value.starts_with('='), instance)
            })
        };
        self.version == other.version
            && self.core == other.core
            && self.facets.iter().all(|(key, value)| other.facets.get(key).is_none_or(|v| v == value))
            && one_sided(self, other)
            && one_sided(other, self)
    }
}

/// The fingerprint of bytes as they came: a cache key, so that what was seen before is not parsed again.
#[must_use]
pub fn raw_fingerprint(bytes: &[u8]) -> Fingerprint {
    Fingerprint(*blake3::hash(bytes).as_bytes())
}

/// The fingerprint of a whole side of an environment: its workflows by a stable key (the link's id, or a name), in any
/// order. It covers every facet that the side carries; sides of different formats agree workflow by workflow and have
/// different environment fingerprints.
pub fn environment_fingerprint<'a, K: AsRef<str>>(workflows: impl IntoIterator<Item = (K, &'a Prints)>) -> Fingerprint {
    let mut all: Vec<_> = workflows.into_iter().collect();
    all.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()).then_with(|| a.1.core.cmp(&b.1.core)));
    let mut hasher = blake3::Hasher::new();
    hasher.update(&RULES_VERSION.to_le_bytes());
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for (key, prints) in all {
        part(key.as_ref().as_bytes());
        part(&prints.core.0);
        for (name, facet) in &prints.facets {
            part(name.as_bytes());
            part(facet.as_bytes());
        }
        part(b"");
    }
    Fingerprint(*hasher.finalize().as_bytes())
}

/// The last content on which live and desired agreed, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// Nothing was recorded yet.
    Unknown,
    /// They agreed that the workflow does not exist.
    Absent,
    /// They agreed on this content.
    Content(&'a Prints),
}

/// Which side moved since the baseline, for a workflow whose sides differ. None stands for a side that does not have the
/// workflow. [`Origin::Unknown`] also where neither moved as far as can be known, which happens where the baseline was
/// taken from a format that does not carry what differs now.
#[must_use]
pub fn origin(base: Base<'_>, live: Option<&Prints>, desired: Option<&Prints>) -> Origin {
    let same = |side: Option<&Prints>| match (base, side) {
        (Base::Content(base), Some(side)) => base.agree(side),
        (Base::Absent, None) => true,
        _ => false,
    };
    match (base, same(live), same(desired)) {
        (Base::Unknown, ..) | (_, true, true) => Origin::Unknown,
        (_, false, true) => Origin::Hotfix,
        (_, true, false) => Origin::Undeployed,
        (_, false, false) => Origin::Collision,
    }
}
