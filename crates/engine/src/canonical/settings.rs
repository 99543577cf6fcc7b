//! Workflow settings: n8n adds keys with each version, so defaults go and unknown keys count only where both have them.

use serde_json::{Map, Value};

use super::value::{is_empty, tidy};
use crate::ignored::{Notes, Rule};

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

/// What a person should see for a side that leaves the key out.
pub(crate) fn shown_default(key: &str) -> Value {
    default_of(key).unwrap_or(Value::Null)
}

/// Settings as they are compared.
pub(crate) struct CanonicalSettings {
    /// Known keys, without what equals a default.
    pub(crate) known: Map<String, Value>,
    /// Keys that this version does not know: compared where both sides have them.
    pub(crate) unknown: Map<String, Value>,
}

/// The canonical form of settings.
pub(crate) fn canonical(settings: &Map<String, Value>, notes: &mut Notes) -> CanonicalSettings {
    let mut out = CanonicalSettings { known: Map::new(), unknown: Map::new() };
    for (key, value) in settings {
        // Never sent back by the public API and changed by the editor on its own.
        if key == "binaryMode" || key == "credentialResolverId" {
            notes.note(Rule::Server, ("settings", key), value);
            continue;
        }
        let nothing = is_empty(value) || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        if nothing {
            notes.note(Rule::Empty, ("settings", key), value);
            continue;
        }
        let value = if key == "callerIds" { caller_ids(value) } else { tidy(value) };
        match default_of(key) {
            Some(default) if default == value => notes.note(Rule::Default, ("settings", key), &value),
            Some(_) => {
                out.known.insert(key.clone(), value);
            }
            None => {
                notes.note(Rule::UnknownField, ("settings", key), &value);
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
