//! What is of the workflow itself: its name and other facets, tags, settings.

use std::collections::HashSet;

use super::merge::{Merge, keys_of};
use super::sheet::{Block, Sheet};
use super::siblings::Sibling;
use super::style::Style;
use crate::canonical::settings;
use crate::canonical::value::read_map;
use crate::ignored::Notes;
use crate::prints::one_sided_differs;

impl Merge<'_> {
    /// Whether a facet makes a difference: as the diff has it.
    fn differs(&self, key: &str) -> bool {
        let (file, live) = (self.file.facets(), self.live.facets());
        match (live.get(key), file.get(key)) {
            (Some(l), Some(f)) => l.value != f.value,
            (Some(one), None) | (None, Some(one)) => {
                one_sided_differs(one.default, self.file.instance || self.live.instance)
            }
            (None, None) => false,
        }
    }

    /// Writes a facet that is one value; says whether it differs.
    pub(super) fn facet(&self, key: &str, top: &mut Block<'_>, indent: &str, theirs: &Block<'_>) -> bool {
        let differs = self.differs(key);
        if differs {
            match theirs.get(key) {
                Some(value) => top.put(key, value, &keys_of(theirs), &self.style, indent),
                None => top.remove_key(key),
            }
        }
        differs
    }

    /// Writes the tags, by name.
    pub(super) fn tags(&self, top: &mut Block<'_>, indent: &str, theirs: &Block<'_>, siblings: &[Sibling<'_>]) {
        if !self.differs("tags") {
            return;
        }
        let none = Sheet::empty(false);
        let new = theirs.get("tags").filter(|tags| tags.list().is_some()).unwrap_or(&none);
        if top.get("tags").is_none_or(|tags| tags.list().is_none()) {
            top.put("tags", &none, &keys_of(theirs), &self.style, indent);
        }
        let mut shape = top.get("tags").and_then(tag_shape);
        shape = shape.or_else(|| siblings.iter().find_map(|sibling| tag_shape(sibling.top()?.get("tags")?)));
        let (Some((tags, indent)), Some(new)) = (top.get_mut("tags", indent), new.list()) else { return };
        let Some(tags) = tags.list_mut() else { return };
        let wanted: HashSet<String> = new.entries.iter().filter_map(|tag| tag_name(&tag.value)).collect();
        let names: Vec<_> = tags.entries.iter().map(|tag| tag_name(&tag.value)).collect();
        let stays: Vec<_> = names.iter().map(|name| name.as_ref().is_none_or(|name| wanted.contains(name))).collect();
        tags.retain(&stays);
        let mut there: HashSet<String> = names.into_iter().flatten().collect();
        for tag in &new.entries {
            if tag_name(&tag.value).is_some_and(|name| there.insert(name)) {
                let tag = tag_in(&tag.value, shape.as_ref());
                tags.insert(tags.entries.len(), None, &tag, &self.style, indent);
            }
        }
    }

    /// Writes the settings, one by one.
    pub(super) fn settings(&self, top: &mut Block<'_>, indent: &str, theirs: &Block<'_>) {
        let [ours, live] = [self.file, self.live].map(|w| settings::canonical(&w.doc, w.settings, &mut Notes::off()));
        let known = [&ours, &live].map(|side| read_map(&side.known));
        let mut differ: HashSet<String> = known
            .iter()
            .flat_map(|side| side.keys())
            .filter(|key| known[0].get(*key) != known[1].get(*key))
            .cloned()
            .collect();
        for (key, value) in &live.unknown {
            if ours.unknown.iter().any(|(ours, was)| ours == key && was != value) {
                differ.insert(key.clone());
            }
        }
        if differ.is_empty() {
            return;
        }
        if top.get("settings").and_then(Sheet::object).is_none() {
            top.put("settings", &Sheet::empty(true), &keys_of(theirs), &self.style, indent);
        }
        let none = Sheet::empty(true);
        let new = theirs.get("settings").filter(|sheet| sheet.object().is_some()).unwrap_or(&none);
        let (Some((there, indent)), Some(new)) = (top.get_mut("settings", indent), new.object()) else { return };
        let Some(there) = there.object_mut() else { return };
        let order = keys_of(new);
        for key in order.iter().filter(|key| differ.contains(*key)) {
            match new.get(key).filter(|value| !value.is_null()) {
                Some(value) => there.put(key, value, &order, &self.style, indent),
                None => there.remove_key(key),
            }
        }
        let stays: Vec<_> =
            there.keys().map(|key| !differ.contains(key) || new.get(key).is_some_and(|v| !v.is_null())).collect();
        there.retain(&stays);
    }
}

/// The name of a tag: of an object, or the text itself in older files.
fn tag_name(tag: &Sheet<'_>) -> Option<String> {
    let name = tag.text().or_else(|| tag.object()?.get("name")?.text());
    name.map(|name| name.into_owned())
}

/// How a file writes tags: the keys of an object, or none for the bare name.
pub(super) type TagShape = Option<Vec<String>>;

pub(super) fn tag_shape(tags: &Sheet<'_>) -> Option<TagShape> {
    let first = tags.list()?.entries.iter().find(|tag| tag_name(&tag.value).is_some())?;
    Some(first.value.object().map(keys_of))
}

/// A tag of the content in the file's shape; by its name alone where nothing says how.
pub(super) fn tag_in(tag: &Sheet<'_>, shape: Option<&TagShape>) -> Sheet<'static> {
    let style = Style::default();
    let name = style.text(&tag_name(tag).unwrap_or_default());
    let keys = match shape {
        Some(None) => return name,
        Some(Some(keys)) => keys.clone(),
        None => vec!["name".to_owned()],
    };
    let mut out = Sheet::empty(true);
    if let Some(block) = out.object_mut() {
        for key in &keys {
            let value = if key == "name" { Some(&name) } else { tag.object().and_then(|tag| tag.get(key)) };
            value.into_iter().for_each(|value| block.put(key, value, &keys, &style, ""));
        }
    }
    out.owned()
}
