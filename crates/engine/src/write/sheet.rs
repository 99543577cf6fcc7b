//! JSON as it is written: every space, every spelling and every order is kept, so that what is not changed stays to the byte.

use std::borrow::Cow;
use std::collections::HashMap;

use super::style::Style;
use crate::parse::text::repair;

/// Objects of more keys than this get new ones at their end: finding their place takes the square of their number.
const MANY: usize = 5_000;

/// A value as it is written.
#[derive(Clone)]
pub(super) enum Sheet<'a> {
    /// A text with its quotes, a number, or one of the three words.
    Scalar(Cow<'a, str>),
    /// An object or a list.
    Block(Block<'a>),
}

/// An object or a list as it is written.
#[derive(Clone)]
pub(super) struct Block<'a> {
    pub(super) is_object: bool,
    pub(super) entries: Vec<Entry<'a>>,
    /// The white space before the closing bracket.
    pub(super) close: Cow<'a, str>,
}

/// A member of an object or an element of a list.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    /// The white space in front.
    pub(super) before: Cow<'a, str>,
    /// Of an object.
    pub(super) key: Option<Key<'a>>,
    pub(super) value: Sheet<'a>,
    /// The white space behind, where a comma follows.
    pub(super) after: Cow<'a, str>,
}

/// The key of a member.
#[derive(Clone)]
pub(super) struct Key<'a> {
    /// With its quotes.
    pub(super) raw: Cow<'a, str>,
    pub(super) says: Cow<'a, str>,
    /// The colon and the white space around it.
    pub(super) colon: Cow<'a, str>,
}

impl<'a> Sheet<'a> {
    /// Reads one value, with white space around it or none. None where it is not JSON; [`parse`](crate::parse()) says why,
    /// and holds the limit of depth that this relies on.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        reader.space();
        let sheet = reader.value()?;
        reader.space();
        (reader.at == text.len()).then_some(sheet)
    }

    /// Writes it out again.
    pub(super) fn write(&self, out: &mut String) {
        let block = match self {
            Self::Scalar(raw) => return out.push_str(raw),
            Self::Block(block) => block,
        };
        out.push(if block.is_object { '{' } else { '[' });
        for (i, entry) in block.entries.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&entry.before);
            if let Some(key) = &entry.key {
                out.push_str(&key.raw);
                out.push_str(&key.colon);
            }
            entry.value.write(out);
            if i + 1 < block.entries.len() {
                out.push_str(&entry.after);
            }
        }
        out.push_str(&block.close);
        out.push(if block.is_object { '}' } else { ']' });
    }

    /// As JSON text.
    pub(super) fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// An object or a list without anything in it.
    pub(super) fn empty(is_object: bool) -> Self {
        Self::Block(Block { is_object, entries: Vec::new(), close: Cow::Borrowed("") })
    }

    /// The same, that needs the text no more.
    pub(super) fn owned(&self) -> Sheet<'static> {
        let own = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
        let block = match self {
            Self::Scalar(raw) => return Sheet::Scalar(own(raw)),
            Self::Block(block) => block,
        };
        let key = |key: &Key<'_>| Key { raw: own(&key.raw), says: own(&key.says), colon: own(&key.colon) };
        let entry = |entry: &Entry<'_>| Entry {
            before: own(&entry.before),
            key: entry.key.as_ref().map(key),
            value: entry.value.owned(),
            after: own(&entry.after),
        };
        let entries = block.entries.iter().map(entry).collect();
        Sheet::Block(Block { is_object: block.is_object, entries, close: own(&block.close) })
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(raw) if raw == "null")
    }

    /// The object that this is.
    pub(super) fn object(&self) -> Option<&Block<'a>> {
        match self {
            Self::Block(block) if block.is_object => Some(block),
            _ => None,
        }
    }

    /// The list that this is.
    pub(super) fn list(&self) -> Option<&Block<'a>> {
        match self {
            Self::Block(block) if !block.is_object => Some(block),
            _ => None,
        }
    }

    pub(super) fn object_mut(&mut self) -> Option<&mut Block<'a>> {
        match self {
            Self::Block(block) if block.is_object => Some(block),
            _ => None,
        }
    }

    pub(super) fn list_mut(&mut self) -> Option<&mut Block<'a>> {
        match self {
            Self::Block(block) if !block.is_object => Some(block),
            _ => None,
        }
    }

    /// What a text says.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Scalar(raw) if raw.starts_with('"') => Some(said(raw)),
            _ => None,
        }
    }
}

impl<'a> Block<'a> {
    /// The place of a key; of equal ones the last, which counts.
    pub(super) fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.says() == Some(key))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Sheet<'a>> {
        self.position(key).map(|at| &self.entries[at].value)
    }

    /// The place of each key; of equal ones the last, which counts.
    pub(super) fn index(&self) -> HashMap<&str, usize> {
        let all = self.entries.iter().enumerate();
        all.filter_map(|(at, entry)| Some((entry.says()?, at))).collect()
    }

    /// A value and the indentation of the line that it begins on, where the block begins on a line with `indent`.
    pub(super) fn get_mut<'s>(&'s mut self, key: &str, indent: &'s str) -> Option<(&'s mut Sheet<'a>, &'s str)> {
        let at = self.position(key)?;
        Some(self.entries[at].open(indent))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(Entry::says)
    }

    /// Puts a value in front of the entry at `at`, on a line of its own where its neighbours have such.
    pub(super) fn insert(&mut self, at: usize, key: Option<&str>, value: &Sheet<'_>, style: &Style, indent: &str) {
        let before = self.make_room(at, matches!(value, Sheet::Scalar(_)), style, indent);
        let inline = !before.contains('\n');
        let value = style.written(value, indent_of(&before, indent), inline);
        let key = key.map(|key| style.key(key));
        self.entries.insert(at, Entry { before, key, value, after: Cow::Borrowed("") });
    }

    /// The white space for a new entry at `at`; `scalar` says that it holds no others.
    fn make_room(&mut self, at: usize, scalar: bool, style: &Style, indent: &str) -> Cow<'a, str> {
        let Some(first) = self.entries.first() else {
            let pad = style.pad(self.is_object).filter(|_| scalar);
            let (before, close) =
                pad.map_or_else(|| (style.line(indent, 1), style.line(indent, 0)), |pad| (pad.clone(), pad));
            self.close = Cow::Owned(close);
            return Cow::Owned(before);
        };
        let second = match self.entries.get(1) {
            Some(second) => last_line(&second.before),
            None if first.before.contains('\n') => last_line(&first.before),
            None => Cow::Owned(style.space.clone()),
        };
        match at {
            0 => std::mem::replace(&mut self.entries[0].before, second),
            1 => second,
            _ => last_line(&self.entries[at - 1].before),
        }
    }

    /// Takes an entry away; the one behind it takes its place on the line.
    pub(super) fn remove(&mut self, at: usize) {
        let gone = self.entries.remove(at);
        match self.entries.first_mut() {
            None => self.close = Cow::Borrowed(""),
            Some(first) if at == 0 => first.before = gone.before,
            Some(_) => {}
        }
    }

    /// Takes every member of a key away.
    pub(super) fn remove_key(&mut self, key: &str) {
        let stays: Vec<_> = self.entries.iter().map(|entry| entry.says() != Some(key)).collect();
        self.retain(&stays);
    }

    /// Takes away what does not stay.
    pub(super) fn retain(&mut self, stays: &[bool]) {
        let Some(first) = stays.iter().position(|stays| *stays) else {
            if !self.entries.is_empty() {
                self.entries.clear();
                self.close = Cow::Borrowed("");
            }
            return;
        };
        if first > 0 {
            let before = self.entries[0].before.clone();
            self.entries[first].before = before;
        }
        let mut stays = stays.iter();
        self.entries.retain(|_| stays.next() == Some(&true));
    }

    /// Where a new key goes: sorted where all keys of the file are, else behind the one that comes before it in `order`.
    pub(super) fn place<S: AsRef<str>>(&self, key: &str, order: &[S], style: &Style) -> usize {
        if order.len().max(self.entries.len()) > MANY {
            return self.entries.len();
        }
        if style.sorted {
            return self.keys().position(|other| other > key).unwrap_or(self.entries.len());
        }
        let Some(here) = order.iter().position(|other| other.as_ref() == key) else { return self.entries.len() };
        let behind = order[..here].iter().rev().find_map(|other| Some(self.position(other.as_ref())? + 1));
        behind
            .or_else(|| order[here..].iter().find_map(|other| self.position(other.as_ref())))
            .unwrap_or(self.entries.len())
    }

    /// Puts a value under a key: in the place of what is there, else where [`Block::place`] says.
    pub(super) fn put<S: AsRef<str>>(
        &mut self,
        key: &str,
        value: &Sheet<'_>,
        order: &[S],
        style: &Style,
        indent: &str,
    ) {
        match self.get_mut(key, indent) {
            Some((there, indent)) => *there = style.written(value, indent, false),
            None => self.insert(self.place(key, order, style), Some(key), value, style, indent),
        }
    }
}

impl<'a> Entry<'a> {
    pub(super) fn says(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.says)
    }

    /// The value and the indentation of the line that it begins on.
    pub(super) fn open<'s>(&'s mut self, indent: &'s str) -> (&'s mut Sheet<'a>, &'s str) {
        let Self { before, value, .. } = self;
        (value, indent_of(before, indent))
    }
}

/// The indentation of the line that something begins on, from the white space in front of it.
pub(super) fn indent_of<'s>(before: &'s str, outer: &'s str) -> &'s str {
    before.rsplit_once('\n').map_or(outer, |(_, indent)| indent)
}

/// White space without the blank lines in it.
fn last_line<'a>(space: &str) -> Cow<'a, str> {
    let Some((lines, indent)) = space.rsplit_once('\n') else { return Cow::Owned(space.to_owned()) };
    let end = if lines.ends_with('\r') { "\r\n" } else { "\n" };
    Cow::Owned(format!("{end}{indent}"))
}

/// What a text with its quotes says; half a surrogate pair as the engine reads it.
pub(super) fn said(raw: &str) -> Cow<'_, str> {
    let plain = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
    if !plain.contains('\\') {
        return Cow::Borrowed(plain);
    }
    let whole = || serde_json::from_str(raw).or_else(|_| serde_json::from_slice(&repair(raw.as_bytes())));
    Cow::Owned(whole().unwrap_or_else(|_| plain.to_owned()))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn while_(&mut self, is: impl Fn(u8) -> bool) -> &'a str {
        let begin = self.at;
        while self.peek().is_some_and(&is) {
            self.at += 1;
        }
        &self.text[begin..self.at]
    }

    fn space(&mut self) -> Cow<'a, str> {
        Cow::Borrowed(self.while_(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')))
    }

    fn value(&mut self) -> Option<Sheet<'a>> {
        match self.peek()? {
            b'"' => Some(Sheet::Scalar(Cow::Borrowed(self.quoted()?))),
            b'{' => self.block(true, b'}'),
            b'[' => self.block(false, b']'),
            _ => {
                let word = self.while_(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'));
                (!word.is_empty()).then_some(Sheet::Scalar(Cow::Borrowed(word)))
            }
        }
    }

    /// A text with its quotes.
    fn quoted(&mut self) -> Option<&'a str> {
        let begin = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            self.while_(|b| b != b'"' && b != b'\\');
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(&self.text[begin..self.at]);
                }
                // What follows a backslash belongs to it; in JSON that is one byte of ASCII.
                _ => self.at += 2,
            }
        }
    }

    fn block(&mut self, is_object: bool, end: u8) -> Option<Sheet<'a>> {
        self.at += 1;
        let mut block = Block { is_object, entries: Vec::new(), close: self.space() };
        if self.peek()? == end {
            self.at += 1;
            return Some(Sheet::Block(block));
        }
        let mut before = std::mem::take(&mut block.close);
        loop {
            let key = if is_object { Some(self.key()?) } else { None };
            let value = self.value()?;
            let after = self.space();
            let more = match self.peek()? {
                b',' => true,
                other if other == end => false,
                _ => return None,
            };
            self.at += 1;
            if !more {
                block.close = after;
                block.entries.push(Entry { before, key, value, after: Cow::Borrowed("") });
                return Some(Sheet::Block(block));
            }
            block.entries.push(Entry { before, key, value, after });
            before = self.space();
        }
    }

    fn key(&mut self) -> Option<Key<'a>> {
        let raw = self.quoted()?;
        let begin = self.at;
        self.space();
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        self.space();
        Some(Key { raw: Cow::Borrowed(raw), says: said(raw), colon: Cow::Borrowed(&self.text[begin..self.at]) })
    }
}
