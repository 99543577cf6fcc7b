//! The style that a file is written in: indentation, spaces, spelling, the order of keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::Hash;

use super::sheet::{Block, Entry, Key, Sheet, indent_of, said};

/// How a file is written, as far as something new in it can follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Style {
    /// What each level is indented by; none where everything stands on one line.
    pub(super) unit: Option<String>,
    newline: &'static str,
    /// The colon and the white space around it.
    colon: String,
    /// What follows a comma on one line.
    pub(super) space: String,
    /// What stands inside the brackets of lists and of objects that hold no others, where those stand on one line.
    flat: [Option<String>; 2],
    /// Characters that the file escapes and need not.
    escapes: Escapes,
    /// Whether the keys of all objects are in alphabetical order.
    pub(super) sorted: bool,
}

/// What a writer of JSON escapes beyond what it must.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Escapes {
    /// All that is not ASCII, as Python does.
    ascii: bool,
    /// `<`, `>` and `&`, as Go does.
    html: bool,
    /// `/`, as PHP does.
    slash: bool,
}

impl Escapes {
    fn of(text: &str) -> Self {
        let codes =
            || text.match_indices("\\u").filter_map(|(at, _)| u32::from_str_radix(text.get(at + 2..at + 6)?, 16).ok());
        let html = ['<', '>', '&'];
        Self {
            ascii: text.is_ascii() && codes().any(|code| code > 0x7f),
            html: !text.contains(html) && codes().any(|code| html.iter().any(|c| u32::from(*c) == code)),
            slash: text.contains("\\/") && !text.replace("\\/", "").contains('/'),
        }
    }
}

impl Default for Style {
    /// As n8n writes files that people read: two spaces.
    fn default() -> Self {
        Self {
            unit: Some("  ".to_owned()),
            newline: "\n",
            colon: ": ".to_owned(),
            space: " ".to_owned(),
            flat: [None, None],
            escapes: Escapes::default(),
            sorted: false,
        }
    }
}

impl Style {
    /// The style of a value; `indent` is the indentation of the line that it begins on.
    pub(super) fn of(sheet: &Sheet<'_>, indent: &str) -> Self {
        let mut seen = Seen::default();
        seen.sheet(sheet, indent);
        let escapes = Escapes::of(&sheet.to_text());
        let unit = most(seen.units);
        let sorted = seen.sorted >= 2 && !seen.unsorted;
        let flat = seen.flat.map(|inline| most(inline).flatten());
        let spaces =
            |spaces: Option<String>| spaces.unwrap_or_else(|| if unit.is_some() { " " } else { "" }.to_owned());
        Self {
            newline: if seen.returns { "\r\n" } else { "\n" },
            colon: most(seen.colons).unwrap_or_else(|| ": ".to_owned()),
            space: spaces(most(seen.spaces)),
            flat,
            escapes,
            sorted,
            unit,
        }
    }

    /// What stands inside the brackets of an object or a list that holds no others, where such stand on one line.
    pub(super) fn pad(&self, is_object: bool) -> Option<String> {
        self.flat[usize::from(is_object)].clone()
    }

    /// The beginning of a line, `deeper` levels below one that is indented by `indent`; nothing where there are no lines.
    pub(super) fn line(&self, indent: &str, deeper: usize) -> String {
        let unit = self.unit.as_deref().map(|unit| unit.repeat(deeper));
        unit.map_or_else(String::new, |unit| format!("{}{indent}{unit}", self.newline))
    }

    /// The end of a file's last line.
    pub(super) fn newline(&self) -> &'static str {
        self.newline
    }

    pub(super) fn key<'a>(&self, says: &str) -> Key<'a> {
        let raw = Cow::Owned(self.quoted(says));
        Key { raw, says: Cow::Owned(says.to_owned()), colon: Cow::Owned(self.colon.clone()) }
    }

    /// A text as a value.
    pub(super) fn text<'a>(&self, says: &str) -> Sheet<'a> {
        Sheet::Scalar(Cow::Owned(self.quoted(says)))
    }

    fn quoted(&self, says: &str) -> String {
        // A text always serialises.
        self.respelt(&serde_json::to_string(says).unwrap_or_default())
    }

    /// A text with its quotes, with more of it escaped.
    fn respelt(&self, raw: &str) -> String {
        let Escapes { ascii, html, slash } = self.escapes;
        let mut out = String::with_capacity(raw.len());
        for c in raw.chars() {
            match c {
                '/' if slash => out.push_str("\\/"),
                c if (html && matches!(c, '<' | '>' | '&')) || (ascii && !c.is_ascii()) => {
                    // A text always takes what is written to it.
                    c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                        let _ = write!(out, "\\u{unit:04x}");
                    });
                }
                c => out.push(c),
            }
        }
        out
    }

    /// A value in this style. `indent` is the indentation of the line that it begins on; `inline` keeps it on that line.
    pub(super) fn written<'a>(&self, value: &Sheet<'_>, indent: &str, inline: bool) -> Sheet<'a> {
        let block = match value {
            Sheet::Scalar(raw) => return Sheet::Scalar(Cow::Owned(self.scalar(raw))),
            Sheet::Block(block) => block,
        };
        if block.entries.is_empty() {
            return Sheet::empty(block.is_object);
        }
        let flat = self.pad(block.is_object).filter(|_| is_flat(block));
        let inline = inline || self.unit.is_none() || flat.is_some();
        let pad = || flat.clone().unwrap_or_default();
        let (first, next, close) = if inline {
            (pad(), self.space.clone(), pad())
        } else {
            (self.line(indent, 1), self.line(indent, 1), self.line(indent, 0))
        };
        let mut entries: Vec<_> = block.entries.iter().collect();
        if self.sorted {
            entries.sort_by(|a, b| a.says().cmp(&b.says()));
        }
        let entry = |(i, entry): (usize, &Entry<'_>)| {
            let before = if i == 0 { first.clone() } else { next.clone() };
            let value = self.written(&entry.value, indent_of(&before, indent), inline);
            let key = entry.says().map(|says| self.key(says));
            Entry { before: Cow::Owned(before), key, value, after: Cow::Borrowed("") }
        };
        let entries = entries.into_iter().enumerate().map(entry).collect();
        Sheet::Block(Block { is_object: block.is_object, entries, close: Cow::Owned(close) })
    }

    /// A scalar as the file would spell it. Numbers stay as they are, and so does text that Rust cannot hold.
    fn scalar(&self, raw: &str) -> String {
        if !raw.starts_with('"') {
            return raw.to_owned();
        }
        if !raw.contains('\\') {
            return self.respelt(raw);
        }
        match serde_json::from_str::<String>(raw) {
            Ok(_) => self.quoted(&said(raw)),
            Err(_) => raw.to_owned(),
        }
    }
}

/// Whether a block holds no other.
fn is_flat(block: &Block<'_>) -> bool {
    block.entries.iter().all(|entry| matches!(entry.value, Sheet::Scalar(_)))
}

/// The most frequent of several; of equally frequent ones the first.
pub(super) fn most<T: Eq + Hash>(all: impl IntoIterator<Item = T>) -> Option<T> {
    let mut counts: HashMap<T, (usize, usize)> = HashMap::new();
    for (i, one) in all.into_iter().enumerate() {
        counts.entry(one).or_insert((0, i)).0 += 1;
    }
    counts.into_iter().min_by_key(|(_, (count, first))| (usize::MAX - count, *first)).map(|(one, _)| one)
}

/// What was seen of a file's style.
#[derive(Default)]
struct Seen {
    units: Vec<String>,
    colons: Vec<String>,
    spaces: Vec<String>,
    /// Of lists and of objects that hold no others, whether they stand on one line, and with what inside the brackets.
    flat: [Vec<Option<String>>; 2],
    returns: bool,
    sorted: usize,
    unsorted: bool,
}

impl Seen {
    fn sheet(&mut self, sheet: &Sheet<'_>, indent: &str) {
        let Sheet::Block(block) = sheet else { return };
        for (i, entry) in block.entries.iter().enumerate() {
            if let Some(key) = &entry.key {
                self.colons.push(key.colon.to_string());
            }
            if entry.before.contains('\n') {
                self.returns |= entry.before.contains('\r');
                if let Some(unit) = indent_of(&entry.before, indent).strip_prefix(indent).filter(|u| !u.is_empty()) {
                    self.units.push(unit.to_owned());
                }
            } else if i > 0 {
                self.spaces.push(entry.before.to_string());
            }
            self.sheet(&entry.value, indent_of(&entry.before, indent));
        }
        if let Some(first) = block.entries.first().filter(|_| is_flat(block)) {
            let inline = !block.close.contains('\n') && block.entries.iter().all(|e| !e.before.contains('\n'));
            self.flat[usize::from(block.is_object)].push(inline.then(|| first.before.to_string()));
        }
        let keys: Vec<_> = block.keys().collect();
        self.sorted += usize::from(keys.len() > 2);
        self.unsorted |= !keys.is_sorted();
    }
}
