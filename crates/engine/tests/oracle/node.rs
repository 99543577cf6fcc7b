//! One node: which of its fields are content.

use serde_json::{Map, Value};

use super::value::{is_empty, is_uuid, number, tidy};
use super::{Node, Notes};

/// One step of a path into a node.
#[derive(Clone, Debug)]
pub enum Step {
    Index(usize),
    Key(String),
}

/// The type of a sticky note: a text on the canvas that nothing executes.
pub const STICKY: &str = "n8n-nodes-base.stickyNote";

/// What a field of a node is to the comparison. The table in the documentation of [`crate::canonical`] says why.
enum Field {
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

fn field(name: &str) -> Field {
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

/// What n8n takes where a node leaves a field out. Null where it has no default.
pub fn default_of(field: &str) -> Value {
    match field {
        "typeVersion" => Value::from(1),
        "disabled" | "continueOnFail" | "retryOnFail" | "alwaysOutputData" | "executeOnce" | "notesInFlow" => {
            Value::from(false)
        }
        "onError" => Value::from("stopWorkflow"),
        "maxTries" => Value::from(3),
        "waitBetweenTries" => Value::from(1000),
        "notes" => Value::from(""),
        _ => Value::Null,
    }
}

/// A node as it is compared.
#[derive(Debug)]
pub struct CanonicalNode {
    /// What makes a difference, without what equals a default. The node's name is not among it.
    pub fields: Map<String, Value>,
    /// Compared only where both sides have it.
    pub soft: Vec<(Vec<Step>, Value)>,
}

/// The canonical form of a node.
///
/// With `hard`, soft values count as content. That is for nodes whose name another node of the workflow shares: a soft
/// value is looked up by its node's name, which does not tell such nodes apart.
pub fn canonical(node: &Node, hard: bool, notes: &mut Notes) -> CanonicalNode {
    let mut form = Form { hard, path: Vec::new(), soft: Vec::new(), notes };
    let mut fields = Map::new();
    for (key, value) in &node.raw {
        let kind = field(key);
        if is_empty(value) {
            if !matches!(kind, Field::Identity) {
                form.notes.note("empty");
            }
            continue;
        }
        form.path.push(Step::Key(key.clone()));
        match kind {
            Field::Identity => {
                if key == "id" {
                    form.notes.note("regenerated-id");
                }
            }
            Field::Keep => form.keep(key, value, &mut fields),
            Field::Soft => form.soft_or_keep(key, value, &mut fields),
            Field::Cosmetic => {}
            Field::Parameters => form.insert(key, value, &mut fields),
            Field::Credentials => form.credentials(key, value, &mut fields),
            Field::Unknown => form.notes.note("unknown-field"),
        }
        form.path.pop();
    }
    let soft = form.soft;
    fields.entry("typeVersion").or_insert_with(|| default_of("typeVersion"));
    if node.kind == STICKY {
        return CanonicalNode { fields: Map::new(), soft: Vec::new() };
    }
    CanonicalNode { fields, soft }
}

struct Form<'a> {
    hard: bool,
    path: Vec<Step>,
    soft: Vec<(Vec<Step>, Value)>,
    notes: &'a mut Notes,
}

impl Form<'_> {
    /// A value without rules of its own.
    fn plain(&mut self, value: &Value) -> Value {
        tidy(value)
    }

    fn keep(&mut self, key: &str, value: &Value, fields: &mut Map<String, Value>) {
        let value = self.plain(value);
        if value == default_of(key) {
            self.notes.note("default");
        } else {
            fields.insert(key.to_owned(), value);
        }
    }

    fn soft_or_keep(&mut self, key: &str, value: &Value, fields: &mut Map<String, Value>) {
        let value = self.plain(value);
        if self.hard {
            fields.insert(key.to_owned(), value);
        } else {
            self.notes.note("cache");
            self.soft.push((self.path.clone(), value));
        }
    }

    fn insert(&mut self, key: &str, value: &Value, fields: &mut Map<String, Value>) {
        if let Some(value) = self.parameter(value, false) {
            fields.insert(key.to_owned(), value);
        }
    }

    /// A parameter value; nothing where it comes out empty. `listed` says that it is an element of a list of
    /// assignments or conditions, whose ids the editor makes.
    fn parameter(&mut self, value: &Value, listed: bool) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Number(n) => Some(Value::Number(number(n))),
            Value::Array(items) => {
                let listed = matches!(self.path.last(), Some(Step::Key(k)) if k == "assignments" || k == "conditions");
                let items = items.iter().enumerate().map(|(i, item)| self.element(i, item, listed)).collect();
                Some(Value::Array(items))
            }
            Value::Object(map) => {
                let out = self.object(map, listed);
                (!out.is_empty()).then_some(Value::Object(out))
            }
            other => Some(other.clone()),
        }
    }

    fn element(&mut self, i: usize, item: &Value, listed: bool) -> Value {
        self.path.push(Step::Index(i));
        let out = self.parameter(item, listed);
        self.path.pop();
        out.unwrap_or_else(|| if item.is_null() { Value::Null } else { Value::Object(Map::new()) })
    }

    fn object(&mut self, map: &Map<String, Value>, listed: bool) -> Map<String, Value> {
        let locator = map.get("__rl").is_some_and(|rl| *rl == Value::Bool(true));
        let mut out = Map::new();
        for (key, value) in map {
            if is_empty(value) {
                self.notes.note("empty");
                continue;
            }
            self.path.push(Step::Key(key.clone()));
            if listed && key == "id" && value.as_str().is_some_and(is_uuid) {
                self.notes.note("regenerated-id");
                if !self.hard {
                    self.soft.push((self.path.clone(), Value::from("a UUID")));
                }
            } else if (locator && key.starts_with("cachedResult")) || (listed && key == "id") {
                self.soft_or_keep(key, value, &mut out);
            } else if let Some(value) = self.parameter(value, false) {
                out.insert(key.clone(), value);
            }
            self.path.pop();
        }
        out
    }

    /// Credentials by type and name. Old exports hold the bare name; the id alone counts where there is no name.
    fn credentials(&mut self, key: &str, value: &Value, fields: &mut Map<String, Value>) {
        let Value::Object(map) = value else {
            fields.insert(key.to_owned(), self.plain(value));
            return;
        };
        let mut out = Map::new();
        for (kind, credential) in map {
            let text = |k: &str| credential.get(k).and_then(Value::as_str).filter(|s| !s.is_empty());
            let reference = match credential {
                Value::String(name) if name.is_empty() => None,
                Value::String(name) => Some(("name", Value::from(name.as_str()))),
                Value::Object(_) => match (text("name"), credential.get("id")) {
                    (Some(name), id) => {
                        if id.is_some() {
                            self.notes.note("credential-id");
                        }
                        Some(("name", Value::from(name)))
                    }
                    (None, Some(id)) if !is_empty(id) && *id != "" => Some(("id", self.plain(id))),
                    (None, _) => None,
                },
                other => Some(("name", other.clone())).filter(|_| !is_empty(other)),
            };
            match reference {
                Some((k, v)) => {
                    out.insert(kind.clone(), Value::Object(Map::from_iter([(k.to_owned(), v)])));
                }
                None => self.notes.note("empty"),
            }
        }
        if !out.is_empty() {
            fields.insert(key.to_owned(), Value::Object(out));
        }
    }
}
