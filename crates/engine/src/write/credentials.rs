//! References to credentials: known by type and name, with the ids of the environment that the file is of.

use std::collections::HashMap;

use super::merge::{Merge, Ours, Theirs, Verdict, keys_of};
use super::parameters::tidy;
use super::sheet::{Block, Sheet};
use super::style::Style;
use crate::canonical::node;
use crate::json::{Document, Json};

/// The ids that files give to credentials, by type and name.
#[derive(Default)]
pub(super) struct KnownIds {
    ids: HashMap<(String, String), Sheet<'static>>,
    /// Whether some reference of the file has an id.
    with: bool,
    /// Whether some reference of the file, which is an object, has none.
    without: bool,
}

impl KnownIds {
    /// Of a workflow; `graph` holds its nodes.
    pub(super) fn of(graph: &Block<'_>) -> Self {
        let mut known = Self::default();
        known.add(graph);
        known
    }

    /// Adds what another workflow says of credentials that are not known yet. Whether references have ids is a matter of
    /// the file that is written, where it has any.
    pub(super) fn add_sibling(&mut self, graph: &Block<'_>) {
        let shape = (self.with, self.without);
        self.add(graph);
        if shape != (false, false) {
            (self.with, self.without) = shape;
        }
    }

    /// Adds what a workflow says; `graph` holds its nodes.
    pub(super) fn add(&mut self, graph: &Block<'_>) {
        let nodes = graph.get("nodes").and_then(Sheet::list).into_iter().flat_map(|nodes| &nodes.entries);
        let credentials = nodes.filter_map(|entry| entry.value.object()?.get("credentials")?.object());
        for entry in credentials.flat_map(|credentials| &credentials.entries) {
            let (Some(kind), Some(reference)) = (entry.says(), entry.value.object()) else { continue };
            let Some(name) = name_of(reference) else { continue };
            match id_of(reference) {
                Some(id) => {
                    self.with = true;
                    self.ids.entry((kind.to_owned(), name)).or_insert_with(|| id.owned());
                }
                None => self.without = true,
            }
        }
    }

    /// Credentials of the content, with the ids that are known here.
    pub(super) fn written<'l>(&self, credentials: &Sheet<'l>) -> Sheet<'l> {
        let mut out = credentials.clone();
        for entry in out.object_mut().into_iter().flat_map(|block| &mut block.entries) {
            let Some(kind) = entry.says().map(str::to_owned) else { continue };
            entry.value = self.reference(&kind, None, &entry.value);
        }
        out
    }

    /// A reference of the content; in the file's own shape where it takes the place of `ours`.
    fn reference(&self, kind: &str, ours: Option<&Sheet<'_>>, theirs: &Sheet<'_>) -> Sheet<'static> {
        let named = theirs.object().and_then(|reference| Some((reference, name_of(reference)?)));
        let Some((reference, name)) = named else { return theirs.owned() };
        let id = self.ids.get(&(kind.to_owned(), name)).or_else(|| id_of(reference));
        let id = id.filter(|_| self.with || !self.without);
        let shape = ours.and_then(Sheet::object).filter(|ours| ours.get("name").is_some());
        let mut out = shape.unwrap_or(reference).clone();
        let (style, order) = (Style::default(), ["id".to_owned(), "name".to_owned()]);
        if let Some(name) = reference.get("name") {
            out.put("name", name, &order, &style, "");
        }
        match id {
            Some(id) => out.put("id", id, &order, &style, ""),
            None => out.remove_key("id"),
        }
        Sheet::Block(out).owned()
    }
}

fn name_of(reference: &Block<'_>) -> Option<String> {
    let name = reference.get("name")?.text()?;
    (!name.is_empty()).then(|| name.into_owned())
}

fn id_of<'s, 'a>(reference: &'s Block<'a>) -> Option<&'s Sheet<'a>> {
    reference.get("id").filter(|id| !id.is_null() && id.text().is_none_or(|id| !id.is_empty()))
}

impl Merge<'_> {
    /// Decides about the credentials of a node.
    pub(super) fn node_credentials<'a>(&self, ours: Option<Ours<'_, 'a>>, theirs: Option<Theirs<'_>>) -> Verdict<'a> {
        let (file, live) = (&*self.file.doc, &*self.live.doc);
        let said = ours.as_ref().and_then(|ours| says(file, ours.json));
        let Some(theirs) = theirs.filter(|theirs| says(live, theirs.json).is_some()) else {
            return if said.is_some() { Verdict::Remove } else { Verdict::Keep };
        };
        match ours {
            _ if said == says(live, theirs.json) => Verdict::Keep,
            Some(ours) if said.is_some() && ours.json.is_object() && theirs.json.is_object() => {
                let order = theirs.sheet.object().map(keys_of).unwrap_or_default();
                self.members(ours, theirs, &order, &mut |kind, f, l| {
                    let says = l.and_then(|l| node::credential(live, l.json));
                    if f.as_ref().and_then(|f| node::credential(file, f.json)) == says {
                        return Verdict::Keep;
                    }
                    let Some(theirs) = l.filter(|_| says.is_some()) else { return Verdict::Remove };
                    Verdict::Put(self.credentials.reference(kind, f.as_ref().map(|f| &*f.sheet), theirs.sheet))
                });
                Verdict::Keep
            }
            _ => Verdict::Put(self.credentials.written(theirs.sheet).owned()),
        }
    }
}

/// What credentials say, by type. None where they say nothing.
fn says(doc: &Document, credentials: Json) -> Option<Vec<(String, Vec<u8>)>> {
    if !credentials.is_object() {
        return (!credentials.is_empty()).then(|| vec![(String::new(), tidy(doc, credentials))]);
    }
    let of_kind = |m: &crate::json::Member| Some((doc.said(m.key).into_owned(), node::credential(doc, m.value)?));
    let all: Vec<_> = doc.members(credentials).iter().filter_map(of_kind).collect();
    (!all.is_empty()).then_some(all)
}
