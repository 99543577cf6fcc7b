//! JSON as it is compared: read once into flat tables, objects sorted, every text in one spelling.
//!
//! A workflow is mostly text. Here text stays where it was read, in the spelling that the canonical form has, so that
//! writing the canonical form is copying; only what was spelt otherwise (`\u0041`, `\/`) is spelt anew. Objects are sorted by
//! key as they are read, with the last of equal keys, as `serde_json` reads them; numbers are brought into one spelling.
//! `serde_json` reads all that is not plain (numbers with fractions, unusual escapes), so that both mean the same by it.

mod scan;
mod write;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::canonical::node::Step;

pub(crate) use write::{write_integer, write_text};

/// The integers that a double holds exactly; n8n reads every number as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Set in the length of a text whose spelling has escapes.
const ESCAPED: u32 = 1 << 31;

/// The longest text that can be read: places in it and in what is spelt anew must fit 31 bits.
pub(crate) const LONGEST: usize = 1 << 29;

/// A part of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    at: u32,
    len: u32,
}

impl Span {
    fn new(at: usize, len: usize) -> Self {
        // Nothing is longer than the text it was read from, which is at most [`LONGEST`].
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { at: short(at), len: short(len) }
    }

    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    fn range(self) -> std::ops::Range<usize> {
        self.at as usize..(self.at + self.len) as usize
    }
}

/// A text of a [`Document`], without its quotes, in its canonical spelling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    at: u32,
    len: u32,
}

impl Text {
    fn new(at: usize, len: usize, escaped: bool) -> Self {
        let Span { at, len } = Span::new(at, len);
        Self { at, len: len | if escaped { ESCAPED } else { 0 } }
    }

    pub(crate) fn is_escaped(self) -> bool {
        self.len & ESCAPED != 0
    }

    fn range(self) -> std::ops::Range<usize> {
        let at = self.at as usize;
        at..at + (self.len & !ESCAPED) as usize
    }
}

/// A value of a [`Document`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number that is whole and that a double holds exactly.
    Integer(i64),
    /// Any other number.
    Float(f64),
    Text(Text),
    List(Span),
    /// The second says whether it holds nothing, or only what is null or empty.
    Object(Span, bool),
}

impl Json {
    /// An object without members, of any document.
    pub(crate) const EMPTY: Self = Self::Object(Span { at: 0, len: 0 }, true);

    /// Null and `{}` say nothing in n8n's JSON: the editor turns one into the other and drops both.
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Self::Null | Self::Object(_, true))
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn is_true(self) -> bool {
        matches!(self, Self::Bool(true))
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::List(_))
    }

    pub(crate) fn is_object(self) -> bool {
        matches!(self, Self::Object(..))
    }

    /// The one spelling of a number: `1.0` and `1` are the same double, and so are `-0` and `0`.
    fn number(f: f64) -> Self {
        if f.fract() == 0.0 && f.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "the range was checked on the line above")]
            return Self::Integer(f as i64);
        }
        Self::Float(f)
    }
}

/// A key of an object and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) key: Text,
    pub(crate) value: Json,
}

/// One JSON text and the tables that its values point into.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// What was read, and after it what was spelt anew.
    text: String,
    members: Vec<Member>,
    items: Vec<Json>,
}

impl Document {
    /// Reads JSON text. None: not JSON, deeper than `max_depth`, half a surrogate pair, or a number that is no double.
    pub(crate) fn read(bytes: &[u8], max_depth: usize) -> Option<(Self, Json)> {
        scan::read(bytes, max_depth)
    }

    /// Bytes of text: about as much as its canonical form has at most.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The members of an object, sorted by key; none of what is no object.
    pub(crate) fn members(&self, json: Json) -> &[Member] {
        match json {
            Json::Object(span, _) => &self.members[span.range()],
            _ => &[],
        }
    }

    /// The elements of a list; none of what is no list.
    pub(crate) fn items(&self, json: Json) -> &[Json] {
        match json {
            Json::List(span) => &self.items[span.range()],
            _ => &[],
        }
    }

    /// The spelling of a text, without quotes.
    pub(crate) fn spelt(&self, text: Text) -> &str {
        &self.text[text.range()]
    }

    /// The spelling of a text, with quotes.
    fn quoted(&self, text: Text) -> &[u8] {
        let range = text.range();
        &self.text.as_bytes()[range.start - 1..=range.end]
    }

    /// What a text says.
    pub(crate) fn said(&self, text: Text) -> Cow<'_, str> {
        let spelt = self.spelt(text);
        if text.is_escaped() {
            Cow::Owned(unescaped(self.quoted(text)).unwrap_or_default())
        } else {
            Cow::Borrowed(spelt)
        }
    }

    /// What a value says, where it is a text.
    pub(crate) fn text(&self, json: Json) -> Option<Cow<'_, str>> {
        match json {
            Json::Text(text) => Some(self.said(text)),
            _ => None,
        }
    }

    /// Whether a text says `what`, which holds nothing that JSON escapes.
    pub(crate) fn says(&self, text: Text, what: &str) -> bool {
        self.spelt(text) == what
    }

    /// As [`Document::says`], of a value.
    pub(crate) fn is(&self, json: Json, what: &str) -> bool {
        matches!(json, Json::Text(text) if self.says(text, what))
    }

    fn place(&self, json: Json, key: &str) -> Option<usize> {
        let Json::Object(span, _) = json else { return None };
        let found = self.members(json).iter().position(|m| !m.key.is_escaped() && self.says(m.key, key))?;
        Some(span.range().start + found)
    }

    /// The value of a key of an object. Keys that are asked for hold nothing that JSON escapes.
    pub(crate) fn get(&self, json: Json, key: &str) -> Option<Json> {
        self.place(json, key).map(|at| self.members[at].value)
    }

    /// The value at a path.
    pub(crate) fn at_path(&self, json: Json, path: &[Step]) -> Option<Json> {
        path.iter().try_fold(json, |json, step| match step {
            Step::Key(key) => self.members(json).iter().find(|m| self.said(m.key) == *key).map(|m| m.value),
            Step::Index(i) => self.items(json).get(*i).copied(),
        })
    }

    /// Puts a text in the place of the value of a key that the object has.
    pub(crate) fn replace(&mut self, object: Json, key: &str, says: &str) {
        if let Some(at) = self.place(object, key) {
            self.members[at].value = Json::Text(self.add(says));
        }
    }

    /// A text that was not read, at the end of the others.
    fn add(&mut self, says: &str) -> Text {
        let at = self.text.len() + 1;
        let mut spelt = Vec::with_capacity(says.len() + 2);
        write_text(says, &mut spelt);
        self.text.push_str(&String::from_utf8_lossy(&spelt));
        Text::new(at, spelt.len() - 2, spelt.len() != says.len() + 2)
    }

    /// A text as a part of the table that can be borrowed as it is, without escapes.
    pub(crate) fn plain(&mut self, text: Text) -> Span {
        if !text.is_escaped() {
            return Span { at: text.at, len: text.len };
        }
        let said = self.said(text).into_owned();
        self.plain_text(&said)
    }

    /// As [`Document::plain`], of a text that was not read.
    pub(crate) fn plain_text(&mut self, says: &str) -> Span {
        let at = self.text.len();
        self.text.push_str(says);
        Span::new(at, says.len())
    }

    /// The text of a part that [`Document::plain`] gave.
    pub(crate) fn at(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// A value as `serde_json` has it.
    pub(crate) fn to_value(&self, json: Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(b),
            Json::Integer(i) => Value::from(i),
            Json::Float(f) => Number::from_f64(f).map_or(Value::Null, Value::Number),
            Json::Text(text) => Value::String(self.said(text).into_owned()),
            Json::List(_) => self.items(json).iter().map(|item| self.to_value(*item)).collect(),
            Json::Object(..) => Value::Object(self.to_map(json)),
        }
    }

    /// As [`Document::to_value`], for the members of an object.
    pub(crate) fn to_map(&self, json: Json) -> Map<String, Value> {
        let members = self.members(json).iter();
        members.map(|m| (self.said(m.key).into_owned(), self.to_value(m.value))).collect()
    }

    /// Whether two values, of two documents, are the same in the canonical spelling, with nothing left out.
    pub(crate) fn same(&self, one: Json, other: &Self, two: Json) -> bool {
        match (one, two) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Integer(a), Json::Integer(b)) => a == b,
            (Json::Float(a), Json::Float(b)) => a.to_bits() == b.to_bits(),
            (Json::Text(a), Json::Text(b)) => self.spelt(a) == other.spelt(b),
            (Json::List(a), Json::List(b)) => {
                let items = || self.items(one).iter().zip(other.items(two));
                a.len == b.len && items().all(|(a, b)| self.same(*a, other, *b))
            }
            (Json::Object(a, _), Json::Object(b, _)) => {
                let members = || self.members(one).iter().zip(other.members(two));
                a.len == b.len
                    && members()
                        .all(|(a, b)| self.spelt(a.key) == other.spelt(b.key) && self.same(a.value, other, b.value))
            }
            _ => false,
        }
    }
}

impl Document {
    /// The order of two keys, of two documents, by what they say.
    pub(crate) fn order(&self, one: Text, other: &Self, two: Text) -> Ordering {
        if one.is_escaped() || two.is_escaped() {
            return self.said(one).cmp(&other.said(two));
        }
        self.spelt(one).cmp(other.spelt(two))
    }
}

/// What a text with its quotes says. None: half a surrogate pair, or not a text.
fn unescaped(quoted: &[u8]) -> Option<String> {
    serde_json::from_slice(quoted).ok()
}

#[cfg(test)]
mod tests;
