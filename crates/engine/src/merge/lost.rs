//! Expressions that name a node which is not in the result.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use drift_domain::views::MergeSide::{self, Desired, Live};

use super::nodes::{Nodes, quoted};
use super::report::Report;
use super::sides::{Each, Sides};
use super::wires::ends;
use crate::diff::matching::Prepared;
use crate::diff::refs;
use crate::json::{Document, Json};

/// Tells of nodes of the result whose expressions name a node that the other side removed. The merge cannot put that right,
/// and nobody should find out when it runs.
pub(super) fn tell(sides: &Sides<'_>, nodes: &Nodes, report: &mut Report) {
    let gone = |e: usize| nodes.is_gone(sides, e);
    if !(0..sides.entities.len()).any(gone) {
        return;
    }
    let ends: Each<HashMap<&str, usize>> = Each::of(|side| ends(sides, side));
    for e in 0..sides.entities.len() {
        let (Some(side), Some(p)) = (nodes.side(e), nodes.taken(sides, e)) else { continue };
        let lost = names(p).into_iter().filter_map(|name| ends[side].get(&*name).copied()).filter(|m| gone(*m));
        for m in lost.filter(|m| !is_own_doing(sides, side, e, *m)).collect::<BTreeSet<_>>() {
            let key = format!("reference:{}/{}", nodes.tokens[e], nodes.tokens[m]);
            let [from, to] = [e, m].map(|e| quoted(sides, e, &mut report.redactor));
            report.lost(key, format!("An expression of {from} names {to}, which is not in the result"));
        }
    }
}

/// Whether the side that removed a node left the expression that names it standing: then it is no matter of the merge.
fn is_own_doing(sides: &Sides<'_>, side: MergeSide, entity: usize, gone: usize) -> bool {
    let other = if side == Live { Desired } else { Live };
    let removed = sides.node(gone, other).is_none();
    let name = sides.node(gone, side).map(|p| p.name);
    removed && sides.node(entity, other).is_some_and(|p| names(p).iter().any(|n| Some(&**n) == name))
}

/// The names of nodes in a node's parameters.
fn names<'p>(p: &'p Prepared<'_>) -> BTreeSet<Cow<'p, str>> {
    let mut out = BTreeSet::new();
    if let Some(parameters) = p.doc.get(p.json, "parameters") {
        gather(p.doc, parameters, &mut out);
    }
    out
}

fn gather<'d>(doc: &'d Document, json: Json, out: &mut BTreeSet<Cow<'d, str>>) {
    doc.items(json).iter().for_each(|item| gather(doc, *item, out));
    doc.members(json).iter().for_each(|member| gather(doc, member.value, out));
    match doc.text(json) {
        Some(Cow::Borrowed(text)) => out.extend(refs::names(text)),
        Some(Cow::Owned(text)) => out.extend(refs::names(&text).map(|name| Cow::Owned(name.into_owned()))),
        None => {}
    }
}
