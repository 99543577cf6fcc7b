//! Workflow settings: n8n adds keys with each version, so defaults go and unknown keys count only where both have them.

use serde_json::Value;

use crate::ignored::{Notes, Rule};
use crate::json::{Document, Json, Member, write_text};

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

/// Settings as they are compared, each value as canonical JSON.
pub(crate) struct CanonicalSettings {
    /// Known keys, without what equals a default: one object.
    pub(crate) known: Vec<u8>,
    /// Keys that this version does not know: compared where both sides have them.
    pub(crate) unknown: Vec<(String, Vec<u8>)>,
}

/// The canonical form of settings.
pub(crate) fn canonical(doc: &Document, settings: Json, notes: &mut Notes) -> CanonicalSettings {
    let mut out = CanonicalSettings { known: vec![b'{'], unknown: Vec::new() };
    for Member { key: text, value } in doc.members(settings) {
        let key = doc.spelt(*text);
        let mut note = |rule, bytes: &[u8]| {
            notes.note(rule, |place| place.key("settings", key), |out| out.extend_from_slice(bytes));
        };
        // Never sent back by the public API and changed by the editor on its own.
        if key == "binaryMode" || key == "credentialResolverId" {
            note(Rule::Server, &doc.bytes(*value));
            continue;
        }
        let is_empty_list = value.is_list() && doc.items(*value).is_empty();
        if value.is_empty() || is_empty_list || doc.is(*value, "") {
            note(Rule::Empty, &doc.bytes(*value));
            continue;
        }
        let mut bytes = Vec::with_capacity(32);
        match doc.text(*value) {
            Some(ids) if key == "callerIds" => write_text(&caller_ids(&ids), &mut bytes),
            _ => doc.write_tidy(*value, &mut bytes),
        }
        match default_of(key) {
            Some(default) if super::value::bytes(&default) == bytes => note(Rule::Default, &bytes),
            Some(_) => {
                if out.known.len() > 1 {
                    out.known.push(b',');
                }
                doc.write_quoted(*text, &mut out.known);
                out.known.push(b':');
                out.known.extend_from_slice(&bytes);
            }
            None => {
                note(Rule::UnknownField, &bytes);
                out.unknown.push((doc.said(*text).into_owned(), bytes));
            }
        }
    }
    out.known.push(b'}');
    out
}

/// A comma-separated list whose order means nothing.
fn caller_ids(text: &str) -> String {
    let mut ids: Vec<_> = text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.join(",")
}
