//! Secrets made unreadable before anybody sees a workflow, on both sides together: equal secrets stay equal and
//! different ones different, and neither is shown.

mod find;
mod keys;
mod patterns;

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::canonical::node::Step;
use crate::json::{Document, Json};
use crate::workflow::Workflow;

pub(crate) use find::Finder;

/// How something was told to be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ToldBy {
    /// By its own form, which nothing else has.
    Form,
    /// By the name of the key, parameter or header that it is the value of.
    Name,
    /// By what stands beside it in text.
    Text,
}

/// Replaces secrets by labels, `‹secret 1›`, `‹secret 2›`: one label for each secret, in the order in which they are met.
/// A label says nothing of the secret, not even its length or a hash.
///
/// What belongs together (both sides of a diff) goes through one redactor, or equal secrets could not be told.
#[derive(Default)]
pub struct Redactor {
    labels: HashMap<String, usize>,
    used: bool,
    /// Where secrets are met, for those who look for them.
    trace: Option<find::Trace>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The keys are the secrets.
        f.debug_struct("Redactor").field("secrets", &self.labels.len()).finish_non_exhaustive()
    }
}

/// A workflow's content for showing, without secrets. Where two sides are shown, use [`redact_both`].
#[must_use]
pub fn redact(workflow: &Workflow) -> Value {
    Redactor::new().value(&workflow.to_value())
}

/// Both sides for showing, with one set of labels.
#[must_use]
pub fn redact_both(live: &Workflow, desired: &Workflow) -> (Value, Value) {
    let mut redactor = Redactor::new();
    (redactor.value(&live.to_value()), redactor.value(&desired.to_value()))
}

impl Redactor {
    /// A redactor that has met no secret yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a secret was replaced since this was asked last.
    pub(crate) fn take_used(&mut self) -> bool {
        std::mem::take(&mut self.used)
    }

    fn label(&mut self, secret: &str, told_by: ToldBy) -> String {
        self.used = true;
        let next = self.labels.len() + 1;
        let n = *self.labels.entry(secret.to_owned()).or_insert(next);
        if let Some(trace) = &mut self.trace {
            trace.meet(secret, n, told_by);
        }
        format!("‹secret {n}›")
    }

    /// Does something one step further inside.
    fn within<T>(&mut self, step: impl FnOnce() -> Step, inside: impl FnOnce(&mut Self) -> T) -> T {
        if let Some(trace) = &mut self.trace {
            trace.path.push(step());
        }
        let done = inside(self);
        if let Some(trace) = &mut self.trace {
            trace.path.pop();
        }
        done
    }

    /// The elements of a list, each without its secrets.
    fn items(&mut self, items: &[Value], mut each: impl FnMut(&mut Self, &Value) -> Value) -> Value {
        items.iter().enumerate().map(|(i, item)| self.within(|| Step::Index(i), |this| each(this, item))).collect()
    }

    /// A value without its secrets.
    #[must_use]
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(s) => Value::from(self.text(s)),
            Value::Array(items) => self.items(items, Self::value),
            Value::Object(map) => Value::Object(self.object(map)),
            other => other.clone(),
        }
    }

    /// What an object has at a path, without its secrets: as in [`Redactor::object`], of which only this is worked out.
    /// Null where there is nothing.
    pub(crate) fn at_path(&mut self, doc: &Document, object: Json, path: &[Step]) -> Value {
        let (mut json, mut secret) = (object, false);
        for step in path {
            let found = match step {
                Step::Index(i) => doc.items(json).get(*i).copied(),
                Step::Key(key) => {
                    let value = keys::VALUES.contains(&key.as_str());
                    let found = doc.at_path(json, std::slice::from_ref(step));
                    // As in `secret`: inside a secret its own keys tell.
                    secret = keys::is_secret(key) || (value && (secret || names_secret_beside(doc, json, found)));
                    found
                }
            };
            let Some(found) = found else { return Value::Null };
            json = found;
        }
        let value = doc.to_value(json);
        if secret { self.secret(&value) } else { self.value(&value) }
    }

    /// An object without its secrets. Pairs of a name and a value (headers, query parameters, assignments) are read
    /// together.
    #[must_use]
    pub fn object(&mut self, map: &Map<String, Value>) -> Map<String, Value> {
        let named_secret =
            keys::NAMES.iter().filter_map(|name| map.get(*name).and_then(Value::as_str)).any(keys::is_secret);
        map.iter()
            .map(|(key, value)| {
                let secret = (named_secret && keys::VALUES.contains(&key.as_str()) && !is_label(map, value))
                    || keys::is_secret(key);
                let within = |this: &mut Self| if secret { this.secret(value) } else { this.value(value) };
                (key.clone(), self.within(|| Step::Key(key.clone()), within))
            })
            .collect()
    }

    /// The value of a key, whose name tells whether it is a secret.
    #[must_use]
    pub fn member(&mut self, key: &str, value: &Value) -> Value {
        if keys::is_secret(key) { self.secret(value) } else { self.value(value) }
    }

    /// A value that is a secret by its name. What an expression computes is not known here and stays; text around it
    /// and inside its quotes goes.
    fn secret(&mut self, value: &Value) -> Value {
        match value {
            Value::String(s) if s.is_empty() => value.clone(),
            Value::String(s) if s.starts_with('=') => {
                let literal = patterns::outside_expressions(s, &mut |part| self.label(part, ToldBy::Name));
                Value::from(self.text(&literal))
            }
            Value::String(s) => Value::from(self.label(s, ToldBy::Name)),
            Value::Number(n) => Value::from(self.label(&n.to_string(), ToldBy::Name)),
            Value::Array(items) => self.items(items, Self::secret),
            // A resource locator or an object of some kind: its own keys tell, and `value` is the secret.
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, v)| {
                        let value = keys::VALUES.contains(&key.as_str());
                        let within = |this: &mut Self| if value { this.secret(v) } else { this.member(key, v) };
                        (key.clone(), self.within(|| Step::Key(key.clone()), within))
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// Text without what looks like a secret: known shapes of tokens, `Bearer …`, passwords in addresses, values beside
    /// secret names in code, JSON, SQL and shell.
    #[must_use]
    pub fn text(&mut self, text: &str) -> String {
        let mut out = Cow::Borrowed(text);
        patterns::each(text, |pattern| self.replace(pattern, &mut out));
        out.into_owned()
    }

    /// The name of a node without tokens of a known form. Names identify: other shapes, which words may have too
    /// (`Basic Agent2`), are not looked for.
    #[must_use]
    pub fn name(&mut self, name: &str) -> String {
        let mut out = Cow::Borrowed(name);
        patterns::known(name, |pattern| self.replace(pattern, &mut out));
        out.into_owned()
    }

    fn replace(&mut self, pattern: &patterns::Pattern, text: &mut Cow<'_, str>) {
        if let Some(replaced) = pattern.replace(text, &mut |secret| self.label(secret, pattern.told_by())) {
            *text = Cow::Owned(replaced);
        }
    }
}

/// Whether the value of a pair only repeats its name: an option of a list, `Cookie` the biscuit.
fn is_label(map: &Map<String, Value>, value: &Value) -> bool {
    value.is_string() && keys::NAMES.iter().any(|name| map.get(*name) == Some(value))
}

/// Whether an object is the pair of a name, which is one of a secret, and this value, which is more than the name again.
fn names_secret_beside(doc: &Document, object: Json, value: Option<Json>) -> bool {
    let value = value.and_then(|value| doc.text(value));
    let names = || keys::NAMES.iter().filter_map(|name| doc.text(doc.get(object, name)?));
    names().any(|name| keys::is_secret(&name)) && !names().any(|name| Some(name) == value)
}

#[cfg(test)]
mod tests;
