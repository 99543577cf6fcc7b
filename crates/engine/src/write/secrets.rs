//! Secrets that a file in Git would get to hold.

use super::{Existing, WriteError, locate::Located};
use crate::Limits;
use crate::canonical::node::Step;
use crate::parse::parse;
use crate::redact::Finder;
use serde::{Deserialize, Serialize};

/// Where something stands that looks like a secret. It says nothing of the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The node's name, without what looks like a secret in it.
    pub node: String,
    /// Where in the node, from the outside in.
    pub path: Vec<Step>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {:?}, ", self.node)?;
        self.path.iter().enumerate().try_for_each(|(i, step)| write!(f, "{}{step}", if i > 0 { " › " } else { "" }))
    }
}

/// The places in parameters and notes of nodes that look like secrets and that the file does not have yet: the same value
/// at the same node, under the pairing of the diff, is no news. Where there is one, the content should not go into Git.
///
/// Found are tokens of known forms and private keys anywhere, passwords in addresses, and what stands under the name of a
/// secret (a key, a header, a variable of code) and does not read as an example, a reference or a word. References to
/// credentials and expressions are no secrets; text beside an expression may be one.
///
/// # Errors
/// Where content or file cannot be read within the limits.
pub fn secrets(content: &[u8], existing: Option<Existing<'_>>, limits: &Limits) -> Result<Vec<Place>, WriteError> {
    let live = parse(content, limits).map_err(WriteError::Content)?;
    let mut finder = Finder::new();
    let found: Vec<_> = live.nodes.iter().map(|node| finder.node(&live.doc, node.json)).collect();
    let mut known = vec![Vec::new(); found.len()];
    if let Some(existing) = existing {
        let located = Located::of(existing)?;
        let file = parse(located.text.as_bytes(), limits).map_err(WriteError::Existing)?;
        let pairs = crate::diff::pairs(&live, &file);
        for (known, j) in known.iter_mut().zip(pairs) {
            let there = j.map(|j| finder.node(&file.doc, file.nodes[j].json)).unwrap_or_default();
            *known = there.into_iter().map(|found| found.secret).collect();
        }
    }
    let mut places = Vec::new();
    for ((node, found), known) in live.nodes.iter().zip(found).zip(known) {
        for found in found.into_iter().filter(|found| !known.contains(&found.secret)) {
            places.push(Place { node: finder.name(live.doc.at(node.name)), path: found.path });
        }
    }
    places.dedup();
    Ok(places)
}
