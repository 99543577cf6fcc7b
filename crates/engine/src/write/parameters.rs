//! Parameters of a node, to the last element.

use similar::{Algorithm, capture_diff_slices};

use super::merge::{Merge, Ours, Theirs, Verdict, keys_of};
use crate::canonical::node::{is_listing, parameter};
use crate::canonical::value::is_uuid;
use crate::json::{Document, Json};

/// Lists up to this many elements (of both sides multiplied) are aligned; longer ones are written place by place.
const ALIGN: usize = 1_000_000;

impl Merge<'_> {
    /// Decides about a parameter. With `hard`, what is else compared only where both sides have it is content: see
    /// [`write_fields`](crate::canonical::node::write_fields).
    pub(super) fn parameter<'a>(
        &self,
        key: &str,
        ours: Option<Ours<'_, 'a>>,
        theirs: Option<Theirs<'_>>,
        hard: bool,
    ) -> Verdict<'a> {
        let says = |theirs: Theirs<'_>| !theirs.json.is_empty();
        match (ours.filter(|ours| !ours.json.is_empty()), theirs) {
            (None, Some(theirs)) if says(theirs) => Verdict::Take,
            (None, _) => Verdict::Keep,
            // An object of nothing: members go one by one, so that what says nothing in the file either stays.
            (Some(ours), Some(theirs)) if says(theirs) || (ours.json.is_object() && theirs.json.is_object()) => {
                self.value(ours, theirs, is_listing(key), hard);
                Verdict::Keep
            }
            (Some(_), theirs) => Verdict::take(theirs),
        }
    }

    /// Changes what differs in a value. `listing` says that a list here holds assignments or conditions.
    fn value(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>, listing: bool, hard: bool) {
        match (ours.json, theirs.json) {
            (Json::Object(..), Json::Object(..)) => self.object(ours, theirs, false, hard),
            (Json::List(_), Json::List(_)) => self.list(ours, theirs, listing, hard),
            (a, b) if self.file.doc.same(a, &self.live.doc, b) => {}
            _ => *ours.sheet = self.style.written(theirs.sheet, ours.indent, false),
        }
    }

    /// `listed` says that it is an assignment or a condition.
    fn object(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>, listed: bool, hard: bool) {
        let (file, live) = (&*self.file.doc, &*self.live.doc);
        let is_locator = |doc: &Document, json| doc.get(json, "__rl").is_some_and(Json::is_true);
        let locator = is_locator(file, ours.json);
        if locator != is_locator(live, theirs.json) {
            *ours.sheet = self.style.written(theirs.sheet, ours.indent, false);
            return;
        }
        let differ = || parameter(file, ours.json, hard, listed) != parameter(live, theirs.json, hard, listed);
        // What a locator remembers is of its value.
        let chosen = locator && differ();
        let order = theirs.sheet.object().map(keys_of).unwrap_or_default();
        self.members(ours, theirs, &order, &mut |key, f, l| {
            if listed && key == "id" {
                let says = |doc: &Document, json: Option<Json>| match json.filter(|json| !json.is_empty())? {
                    Json::Text(text) if is_uuid(doc.spelt(text)) => (!hard).then(|| b"a UUID".to_vec()),
                    other => Some(tidy(doc, other)),
                };
                soft(says(file, f.map(|f| f.json)), says(live, l.map(|l| l.json)), l, hard)
            } else if locator && key.starts_with("cachedResult") {
                self.soft(f, l, hard || chosen)
            } else {
                self.parameter(key, f, l, hard)
            }
        });
    }

    /// Decides about a value that is compared only where both sides have it, or with `hard` always.
    pub(super) fn soft<'a>(&self, ours: Option<Ours<'_, 'a>>, theirs: Option<Theirs<'_>>, hard: bool) -> Verdict<'a> {
        let says =
            |doc: &Document, json: Option<Json>| json.filter(|json| !json.is_empty()).map(|json| tidy(doc, json));
        let (f, l) = (says(&self.file.doc, ours.map(|f| f.json)), says(&self.live.doc, theirs.map(|l| l.json)));
        soft(f, l, theirs, hard)
    }

    fn list(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>, listing: bool, hard: bool) {
        let (file, live) = (&*self.file.doc, &*self.live.doc);
        let (f, l) = (file.items(ours.json), live.items(theirs.json));
        let (Some(block), Some(other)) = (ours.sheet.list_mut(), theirs.sheet.list()) else { return };
        // From the end, so that places in front stay what they are.
        for (old, new) in alignment(file, f, live, l, listing, hard).into_iter().rev() {
            let both = old.len().min(new.len());
            for at in (old.start + both..old.end).rev() {
                block.remove(at);
            }
            for i in both..new.len() {
                let value = &other.entries[new.start + i].value;
                block.insert(old.start + i, None, value, &self.style, ours.indent);
            }
            for i in 0..both {
                let (sheet, indent) = block.entries[old.start + i].open(ours.indent);
                let theirs = Theirs { sheet: &other.entries[new.start + i].value, json: l[new.start + i] };
                let ours = Ours { sheet, json: f[old.start + i], indent };
                self.element(ours, theirs, listing, hard);
            }
        }
    }

    /// An element keeps its place, whatever it is.
    fn element(&self, ours: Ours<'_, '_>, theirs: Theirs<'_>, listing: bool, hard: bool) {
        if ours.json.is_object() && theirs.json.is_object() {
            self.object(ours, theirs, listing, hard);
        } else {
            self.value(ours, theirs, false, hard);
        }
    }
}

type Range = std::ops::Range<usize>;

/// Which elements of two lists stand in for each other: ranges of both, in order. Those of a pair of ranges go one by one.
fn alignment(
    file: &Document,
    f: &[Json],
    live: &Document,
    l: &[Json],
    listed: bool,
    hard: bool,
) -> Vec<(Range, Range)> {
    if f.len() == l.len() || f.len().saturating_mul(l.len()) > ALIGN {
        return vec![(0..f.len(), 0..l.len())];
    }
    let keys = |doc: &Document, items: &[Json]| -> Vec<Vec<u8>> {
        items.iter().map(|item| parameter(doc, *item, hard, listed)).collect()
    };
    let ops = capture_diff_slices(Algorithm::Myers, &keys(file, f), &keys(live, l));
    ops.into_iter().map(|op| (op.old_range(), op.new_range())).collect()
}

fn soft<'a>(ours: Option<Vec<u8>>, says: Option<Vec<u8>>, theirs: Option<Theirs<'_>>, hard: bool) -> Verdict<'a> {
    if !hard && (ours.is_none() || says.is_none()) {
        return Verdict::Keep;
    }
    Verdict::of(ours, says, theirs)
}

/// A value as canonical JSON without what is empty in it.
pub(super) fn tidy(doc: &Document, json: Json) -> Vec<u8> {
    let mut out = Vec::new();
    doc.write_tidy(json, &mut out);
    out
}
