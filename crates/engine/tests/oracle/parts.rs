//! Settings and node groups.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::value::{bytes, is_empty, number, tidy};
use super::{Node, Notes};

/// Known keys and what n8n takes where they are left out.
fn default_of(key: &str) -> Option<Value> {
    Some(match key {
        "executionOrder" => Value::from("v0"),
        "callerPolicy" => Value::from("workflowsFromSameOwner"),
        "availableInMCP" => Value::from(false),
        "timeSavedMode" => Value::from("fixed"),
        "executionTimeout" => Value::from(-1),
        "timezone"
        | "errorWorkflow"
        | "saveDataErrorExecution"
        | "saveDataSuccessExecution"
        | "saveManualExecutions"
        | "saveExecutionProgress" => Value::from("DEFAULT"),
        "callerIds" => Value::from(""),
        "customTelemetryTags" => Value::Array(Vec::new()),
        "timeSavedPerExecution" => Value::Null,
        _ => return None,
    })
}

/// Settings as they are compared.
pub struct CanonicalSettings {
    /// Known keys, without what equals a default.
    pub known: Map<String, Value>,
    /// Keys that this version does not know: compared where both sides have them.
    pub unknown: Map<String, Value>,
}

/// The canonical form of settings.
pub fn settings(settings: &Map<String, Value>, notes: &mut Notes) -> CanonicalSettings {
    let mut out = CanonicalSettings { known: Map::new(), unknown: Map::new() };
    for (key, value) in settings {
        // Never sent back by the public API and changed by the editor on its own.
        if key == "binaryMode" || key == "credentialResolverId" {
            notes.note("server");
            continue;
        }
        let nothing = is_empty(value) || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        if nothing {
            notes.note("empty");
            continue;
        }
        let value = if key == "callerIds" { caller_ids(value) } else { tidy(value) };
        match default_of(key) {
            Some(default) if default == value => notes.note("default"),
            Some(_) => {
                out.known.insert(key.clone(), value);
            }
            None => {
                notes.note("unknown-field");
                out.unknown.insert(key.clone(), value);
            }
        }
    }
    out
}

/// A comma-separated list whose order means nothing.
fn caller_ids(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return tidy(value) };
    let mut ids: Vec<_> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    ids.dedup();
    Value::from(ids.join(","))
}

/// Groups with node ids replaced by names, ids of groups dropped (they are made anew), and in an order of their own.
pub fn groups(groups: &Value, nodes: &[Node]) -> Value {
    let mut names: HashMap<&str, &str> = HashMap::new();
    for node in nodes {
        if let Some(id) = node.id.as_deref() {
            // Ids occur twice in real data; which of the names it is must not depend on the order of nodes.
            let name = names.entry(id).or_insert(&node.name);
            *name = (*name).min(&node.name);
        }
    }
    let Value::Array(groups) = groups else { return named(groups, &names) };
    let mut groups: Vec<_> = groups
        .iter()
        .map(|group| match group {
            Value::Object(map) => Value::Object(
                map.iter()
                    .filter(|(key, v)| key.as_str() != "id" && !is_empty(v))
                    .map(|(key, v)| (key.clone(), named(v, &names)))
                    .collect::<Map<_, _>>(),
            ),
            other => named(other, &names),
        })
        .collect();
    groups.sort_by_cached_key(bytes);
    Value::Array(groups)
}

fn named(value: &Value, names: &HashMap<&str, &str>) -> Value {
    match value {
        Value::String(s) => Value::from(names.get(s.as_str()).copied().unwrap_or(s)),
        Value::Number(n) => Value::Number(number(n)),
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|v| named(v, names)).collect();
            // Members of a group are a set.
            if items.iter().all(Value::is_string) {
                items.sort_by_cached_key(bytes);
            }
            Value::Array(items)
        }
        Value::Object(map) => {
            Value::Object(map.iter().filter(|(_, v)| !is_empty(v)).map(|(k, v)| (k.clone(), named(v, names))).collect())
        }
        other => other.clone(),
    }
}
