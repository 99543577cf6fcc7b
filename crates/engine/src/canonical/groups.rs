//! Node groups of n8n 2.x: named groups of nodes on the canvas.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::value::{bytes, is_empty};

/// Groups with node ids replaced by names, ids of groups dropped (they are made anew), and in an order of their own.
///
/// `nodes` gives each node's id, where it has one, and name.
pub(crate) fn canonical<'a>(groups: &Value, nodes: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> Value {
    let mut names: HashMap<&str, &str> = HashMap::new();
    for (id, node) in nodes {
        if let Some(id) = id {
            // Ids occur twice in real data; which of the names it is must not depend on the order of nodes.
            let name = names.entry(id).or_insert(node);
            *name = (*name).min(node);
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

/// Canonical groups with the names of renamed nodes replaced, from the key to the value of the map.
pub(crate) fn followed(value: &Value, renamed: &HashMap<&str, &str>) -> Value {
    match value {
        Value::String(s) => Value::from(renamed.get(s.as_str()).copied().unwrap_or(s)),
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|v| followed(v, renamed)).collect();
            if !renamed.is_empty() {
                items.sort_by_cached_key(bytes);
            }
            Value::Array(items)
        }
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), followed(v, renamed))).collect()),
        other => other.clone(),
    }
}

fn named(value: &Value, names: &HashMap<&str, &str>) -> Value {
    match value {
        Value::String(s) => Value::from(names.get(s.as_str()).copied().unwrap_or(s)),
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

/// Every text in groups: names of groups, and ids of nodes.
pub(crate) fn texts(groups: &Value, each: &mut impl FnMut(&str)) {
    match groups {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(map) => map.values().for_each(|value| texts(value, each)),
        _ => {}
    }
}
