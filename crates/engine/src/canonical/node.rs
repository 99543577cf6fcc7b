//! One node: which of its fields are content, which are cosmetic, and which are somebody's cache.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value::is_uuid;
use crate::ignored::{Notes, Rule};
use crate::json::{Document, Json, Member, Text};

/// One step of a path into a node or a workflow: the key of an object or the index of an array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// The place in an array, from 0.
    Index(usize),
    /// The key in an object.
    Key(String),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(i) => i.fmt(f),
            Self::Key(key) => key.fmt(f),
        }
    }
}

/// The type of a sticky note: a text on the canvas that nothing executes.
pub(crate) const STICKY: &str = "n8n-nodes-base.stickyNote";

/// What a field of a node is to the comparison. The table in the documentation of [`crate::canonical`] says why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Name and id: they identify the node.
    Identity,
    /// Compared as it is.
    Keep,
    /// Compared where both sides have it: n8n makes it where it is missing.
    Soft,
    /// Shown, and never drift.
    Cosmetic,
    /// Compared by the rules for parameters.
    Parameters,
    /// Compared by type and name.
    Credentials,
    /// Not known to this version.
    Unknown,
}

/// What a field of a node is to the comparison.
pub(crate) fn field(name: &str) -> Field {
    match name {
        "id" | "name" => Field::Identity,
        "type" | "typeVersion" | "disabled" | "onError" | "continueOnFail" | "retryOnFail" | "maxTries"
        | "waitBetweenTries" | "alwaysOutputData" | "executeOnce" | "notes" => Field::Keep,
        "webhookId" | "extendsCredential" => Field::Soft,
        "position" | "notesInFlow" | "color" => Field::Cosmetic,
        "parameters" => Field::Parameters,
        "credentials" => Field::Credentials,
        _ => Field::Unknown,
    }
}

/// What n8n takes where something is left out.
#[derive(Clone, Copy)]
enum Default {
    Nothing,
    False,
    Whole(i64),
    Text(&'static str),
}

impl Default {
    fn of(field: &str) -> Self {
        match field {
            "typeVersion" => Self::Whole(1),
            "disabled" | "continueOnFail" | "retryOnFail" | "alwaysOutputData" | "executeOnce" | "notesInFlow" => {
                Self::False
            }
            "onError" => Self::Text("stopWorkflow"),
            "maxTries" => Self::Whole(3),
            "waitBetweenTries" => Self::Whole(1000),
            "notes" => Self::Text(""),
            _ => Self::Nothing,
        }
    }

    fn is(self, doc: &Document, json: Json) -> bool {
        match (self, json) {
            (Self::Nothing, Json::Null) | (Self::False, Json::Bool(false)) => true,
            (Self::Whole(a), Json::Integer(b)) => a == b,
            (Self::Text(a), Json::Text(b)) => doc.says(b, a),
            _ => false,
        }
    }
}

/// What n8n takes where a node leaves a field out. Null where it has no default.
pub(crate) fn default_of(field: &str) -> Value {
    match Default::of(field) {
        Default::Nothing => Value::Null,
        Default::False => Value::from(false),
        Default::Whole(n) => Value::from(n),
        Default::Text(text) => Value::from(text),
    }
}

/// A [`Step`] into a document.
#[derive(Clone, Copy)]
pub(crate) enum At {
    Key(Text),
    Index(usize),
}

impl At {
    pub(crate) fn step(self, doc: &Document) -> Step {
        match self {
            Self::Key(key) => Step::Key(doc.said(key).into_owned()),
            Self::Index(i) => Step::Index(i),
        }
    }
}

/// What takes the values that are compared only where both sides have them.
pub(crate) trait Soft {
    /// A value by its path in the node, as canonical JSON.
    fn soft(&mut self, doc: &Document, path: &[At], value: &[u8]);
}

/// Takes none.
impl Soft for () {
    fn soft(&mut self, _: &Document, _: &[At], _: &[u8]) {}
}

impl Soft for Vec<(Vec<Step>, Vec<u8>)> {
    fn soft(&mut self, doc: &Document, path: &[At], value: &[u8]) {
        self.push((path.iter().map(|at| at.step(doc)).collect(), value.to_owned()));
    }
}

/// Writes what makes a difference between nodes, without what equals a default, as canonical JSON. The node's name is not
/// among it.
///
/// With `hard`, soft values count as content. That is for nodes whose name another node of the workflow shares: a soft
/// value is looked up by its node's name, which does not tell such nodes apart.
pub(crate) fn write_fields(
    doc: &Document,
    node: Json,
    hard: bool,
    soft: &mut impl Soft,
    notes: &mut Notes,
    out: &mut Vec<u8>,
) {
    Form { doc, hard, sticky: false, path: Vec::new(), soft, notes, out }.node(node);
}

/// Writes a sticky note, of which everything is only shown, as canonical JSON.
pub(crate) fn write_sticky(doc: &Document, node: Json, notes: &mut Notes, out: &mut Vec<u8>) {
    Form { doc, hard: false, sticky: true, path: Vec::new(), soft: &mut (), notes, out }.node(node);
}

/// Writes what is shown of a node and is never drift, as canonical JSON.
pub(crate) fn write_cosmetic(doc: &Document, node: Json, out: &mut Vec<u8>) {
    out.push(b'{');
    let begin = out.len();
    for Member { key, value } in doc.members(node) {
        let name = doc.spelt(*key);
        if !value.is_empty() && field(name) == Field::Cosmetic && !Default::of(name).is(doc, *value) {
            open(doc, *key, begin, out);
            doc.write_tidy(*value, out);
        }
    }
    out.push(b'}');
}

/// The value of a field that is compared as it is, as canonical JSON. None where it is left out, empty or n8n's default.
pub(crate) fn kept(doc: &Document, field: &str, value: Option<Json>) -> Option<Vec<u8>> {
    let value = value.filter(|value| !value.is_empty() && !Default::of(field).is(doc, *value))?;
    let mut out = Vec::new();
    doc.write_tidy(value, &mut out);
    Some(out)
}

/// A parameter's value as canonical JSON, without what is compared only where both sides have it. `hard` as for
/// [`write_fields`]; `listed` says that it is an element of a list of assignments or conditions.
pub(crate) fn parameter(doc: &Document, value: Json, hard: bool, listed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let (soft, notes) = (&mut (), &mut Notes::off());
    Form { doc, hard, sticky: false, path: Vec::new(), soft, notes, out: &mut out }.parameter(value, listed);
    out
}

/// Whether a list under this key holds assignments or conditions, whose ids the editor makes.
pub(crate) fn is_listing(key: &str) -> bool {
    matches!(key, "assignments" | "conditions")
}

/// What a reference to a credential is known by: `name` or `id`, and which. None where it says nothing. Old exports hold
/// the bare name; the id alone counts where there is no name.
fn reference(doc: &Document, credential: Json) -> Option<(&'static str, Json)> {
    let is_some_text = |json: &Json| json.is_text() && !doc.is(*json, "");
    match credential {
        Json::Text(_) => is_some_text(&credential).then_some(("name", credential)),
        Json::Object(..) => {
            let name = doc.get(credential, "name").filter(is_some_text).map(|name| ("name", name));
            let id = || doc.get(credential, "id").filter(|id| !id.is_empty() && !doc.is(*id, ""));
            name.or_else(|| id().map(|id| ("id", id)))
        }
        other => (!other.is_empty()).then_some(("name", other)),
    }
}

/// A reference to a credential as canonical JSON. None where it says nothing.
pub(crate) fn credential(doc: &Document, credential: Json) -> Option<Vec<u8>> {
    let (by, what) = reference(doc, credential)?;
    let mut out = format!("{{\"{by}\":").into_bytes();
    if by == "id" {
        doc.write_tidy(what, &mut out)
    } else {
        doc.write(what, &mut out)
    }
    out.push(b'}');
    Some(out)
}

/// Begins a member of an object whose members begin at `begin`. Gives where to cut it off again.
fn open(doc: &Document, key: Text, begin: usize, out: &mut Vec<u8>) -> usize {
    let mark = out.len();
    if mark > begin {
        out.push(b',');
    }
    doc.write_quoted(key, out);
    out.push(b':');
    mark
}

/// The version of a node's type: the one field that is written where it is left out.
const VERSION: &str = "typeVersion";

struct Form<'a, S> {
    doc: &'a Document,
    hard: bool,
    /// Whether what is only shown is written too.
    sticky: bool,
    path: Vec<At>,
    soft: &'a mut S,
    notes: &'a mut Notes,
    out: &'a mut Vec<u8>,
}

impl<S: Soft> Form<'_, S> {
    fn node(&mut self, node: Json) {
        self.out.push(b'{');
        let begin = self.out.len();
        let mut versioned = false;
        for Member { key, value } in self.doc.members(node) {
            let (key, value, name) = (*key, *value, self.doc.spelt(*key));
            if !versioned && !key.is_escaped() && name > VERSION {
                versioned = true;
                self.version(begin);
            }
            let kind = field(name);
            if value.is_empty() {
                if kind != Field::Identity {
                    self.note(Rule::Empty, Some(key), value);
                }
                continue;
            }
            self.path.push(At::Key(key));
            match kind {
                Field::Identity => {
                    if name == "id" {
                        self.note(Rule::RegeneratedId, None, value);
                    }
                }
                Field::Keep if Default::of(name).is(self.doc, value) => self.note(Rule::Default, None, value),
                Field::Keep => {
                    versioned |= name == VERSION;
                    open(self.doc, key, begin, self.out);
                    self.doc.write_tidy(value, self.out);
                }
                Field::Soft => self.soft_or_keep(key, value, begin),
                Field::Cosmetic if self.sticky && !Default::of(name).is(self.doc, value) => {
                    open(self.doc, key, begin, self.out);
                    self.doc.write_tidy(value, self.out);
                }
                Field::Cosmetic => {}
                Field::Parameters => {
                    let mark = open(self.doc, key, begin, self.out);
                    if !self.parameter(value, false) {
                        self.out.truncate(mark);
                    }
                }
                Field::Credentials => self.credentials(key, value, begin),
                Field::Unknown => self.note(Rule::UnknownField, None, value),
            }
            self.path.pop();
        }
        if !versioned {
            self.version(begin);
        }
        self.out.push(b'}');
    }

    fn version(&mut self, begin: usize) {
        if self.out.len() > begin {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"\"typeVersion\":1");
    }

    /// Notes a value at the present path, or at a key below it.
    fn note(&mut self, rule: Rule, key: Option<Text>, value: Json) {
        let (doc, path) = (self.doc, &self.path);
        self.notes.note(rule, |place| place.path(doc, path, key), |out| doc.write(value, out));
    }

    fn soft_or_keep(&mut self, key: Text, value: Json, begin: usize) {
        if self.hard {
            open(self.doc, key, begin, self.out);
            return self.doc.write_tidy(value, self.out);
        }
        self.note(Rule::Cache, None, value);
        let mark = self.out.len();
        self.doc.write_tidy(value, self.out);
        self.soft.soft(self.doc, &self.path, &self.out[mark..]);
        self.out.truncate(mark);
    }

    /// Writes a parameter's value; says whether there is any: what is null or comes out as an empty object is none.
    /// `listed` says that it is an element of a list of assignments or conditions, whose ids the editor makes.
    fn parameter(&mut self, value: Json, listed: bool) -> bool {
        match value {
            Json::List(_) => {
                let listed = matches!(self.path.last(), Some(At::Key(key)) if is_listing(self.doc.spelt(*key)));
                self.out.push(b'[');
                for (i, item) in self.doc.items(value).iter().enumerate() {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    self.path.push(At::Index(i));
                    // Elements keep their place, whatever they come out as.
                    self.parameter(*item, listed);
                    self.path.pop();
                }
                self.out.push(b']');
                true
            }
            Json::Object(..) => self.object(value, listed),
            scalar => {
                self.doc.write_scalar(scalar, self.out);
                !scalar.is_null()
            }
        }
    }

    fn object(&mut self, object: Json, listed: bool) -> bool {
        let members = self.doc.members(object);
        // Sorted: what begins with an underscore comes before what begins with a small letter.
        let locator = self.doc.get(object, "__rl").is_some_and(Json::is_true);
        self.out.push(b'{');
        let begin = self.out.len();
        for Member { key, value } in members {
            let (key, value) = (*key, *value);
            if value.is_empty() {
                self.note(Rule::Empty, Some(key), value);
                continue;
            }
            self.path.push(At::Key(key));
            let id = listed && self.doc.says(key, "id");
            if id && matches!(value, Json::Text(text) if is_uuid(self.doc.spelt(text))) {
                self.note(Rule::RegeneratedId, None, value);
                if !self.hard {
                    self.soft.soft(self.doc, &self.path, b"\"a UUID\"");
                }
            } else if id || (locator && self.doc.spelt(key).starts_with("cachedResult")) {
                self.soft_or_keep(key, value, begin);
            } else {
                let mark = open(self.doc, key, begin, self.out);
                if !self.parameter(value, false) {
                    self.out.truncate(mark);
                }
            }
            self.path.pop();
        }
        let any = self.out.len() > begin;
        self.out.push(b'}');
        any
    }

    /// Credentials by type and name. Old exports hold the bare name; the id alone counts where there is no name.
    fn credentials(&mut self, key: Text, value: Json, begin: usize) {
        let mark = open(self.doc, key, begin, self.out);
        if !value.is_object() {
            return self.doc.write_tidy(value, self.out);
        }
        self.out.push(b'{');
        let inner = self.out.len();
        for Member { key: kind, value: credential } in self.doc.members(value) {
            let (kind, credential) = (*kind, *credential);
            let Some(reference) = self::credential(self.doc, credential) else {
                self.note(Rule::Empty, Some(kind), credential);
                continue;
            };
            if let Some(id) = self.doc.get(credential, "id").filter(|_| reference.starts_with(b"{\"name\"")) {
                self.note(Rule::CredentialId, Some(kind), id);
            }
            open(self.doc, kind, inner, self.out);
            self.out.extend_from_slice(&reference);
        }
        if self.out.len() > inner {
            self.out.push(b'}');
        } else {
            self.out.truncate(mark);
        }
    }
}
