//! What a body must be, and the words in which n8n refuses one that is not (observed; 1.x and 2.x use other validators).

use serde_json::{Map, Value};

use super::N8nVersion::{self, V1, V2};
use super::state::Refusal;

/// Whether a body creates or updates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
}

const REQUIRED: [&str; 4] = ["name", "nodes", "connections", "settings"];

const READ_ONLY_V1: &[&str] = &["id", "active", "createdAt", "updatedAt", "tags"];
const READ_ONLY_V2: &[&str] = &[
    "id",
    "active",
    "createdAt",
    "updatedAt",
    "isArchived",
    "versionId",
    "triggerCount",
    "meta",
    "tags",
    "activeVersion",
];

const NODE: &[&str] = &[
    "id",
    "name",
    "webhookId",
    "disabled",
    "notesInFlow",
    "notes",
    "type",
    "typeVersion",
    "executeOnce",
    "alwaysOutputData",
    "retryOnFail",
    "maxTries",
    "waitBetweenTries",
    "continueOnFail",
    "onError",
    "position",
    "parameters",
    "credentials",
    "createdAt",
    "updatedAt",
];

/// What a setting may be.
enum May {
    Flag,
    Number,
    Text,
    OneOf(&'static [&'static str]),
    /// What was not tried.
    Anything,
}

const SETTINGS_V1: &[(&str, May)] = &[
    ("saveExecutionProgress", May::Flag),
    ("saveManualExecutions", May::Flag),
    ("saveDataErrorExecution", May::OneOf(&["all", "none"])),
    ("saveDataSuccessExecution", May::OneOf(&["all", "none"])),
    ("executionTimeout", May::Number),
    ("errorWorkflow", May::Text),
    ("timezone", May::Text),
    ("executionOrder", May::Text),
    ("callerPolicy", May::OneOf(&["any", "none", "workflowsFromAList", "workflowsFromSameOwner"])),
    ("callerIds", May::Text),
    ("timeSavedPerExecution", May::Number),
    ("availableInMCP", May::Flag),
];
const SETTINGS_V2_ONLY: &[(&str, May)] = &[
    ("timeSavedMode", May::Anything),
    ("customTelemetryTags", May::Anything),
    ("binaryMode", May::Anything),
    ("credentialResolverId", May::Anything),
    ("redactionPolicy", May::Anything),
];

/// Settings that 2.x takes and does not keep.
pub(super) const SETTINGS_IGNORED: [&str; 3] = ["binaryMode", "credentialResolverId", "redactionPolicy"];

/// Holds the body of a create or update against the rules.
pub(super) fn workflow(version: N8nVersion, kind: Kind, body: &Value) -> Result<(), Refusal> {
    let Some(object) = object(version, "request/body", body)? else {
        return Err(bad("request/body must have required property 'name'".into()));
    };
    if version == V1 && object.contains_key("activeVersion") {
        return Err(bad("request/body/activeVersion must pass \"readOnly\" keyword validation".into()));
    }
    let read_only = if version == V1 { READ_ONLY_V1 } else { READ_ONLY_V2 };
    if let Some(key) = read_only.iter().find(|key| object.contains_key(**key)) {
        return Err(bad(format!("request/body/{key} is read-only")));
    }
    if let Some(key) = REQUIRED.iter().find(|key| !object.contains_key(**key)) {
        return Err(bad(format!("request/body must have required property '{key}'")));
    }
    let mut known: Vec<&str> = REQUIRED.iter().copied().chain(["staticData", "shared"]).collect();
    if version == V2 {
        known.extend(["nodeGroups", "pinData"]);
        known.push(if kind == Kind::Create { "projectId" } else { "description" });
    }
    only(version, "request/body", object, &known)?;
    if let Some(description) = object.get("description") {
        typed(version, "request/body/description", description, "string", Value::is_string)?;
    }
    typed(version, "request/body/name", &object["name"], "string", Value::is_string)?;
    // An empty name is refused by 2.x, and only when it creates (observed).
    let length = object["name"].as_str().map_or(0, |name| name.chars().count());
    if length > 128 || (length == 0 && version == V2 && kind == Kind::Create) {
        return Err(bad("Workflow name must be 1 to 128 characters long.".into()));
    }
    typed(version, "request/body/nodes", &object["nodes"], "array", Value::is_array)?;
    if !object["connections"].is_object() {
        return Err(bad("request/body/connections must be object".into()));
    }
    typed(version, "request/body/settings", &object["settings"], "object", Value::is_object)?;
    settings(version, object["settings"].as_object())?;
    nodes(version, object["nodes"].as_array().map_or(&[], Vec::as_slice))
}

fn settings(version: N8nVersion, settings: Option<&Map<String, Value>>) -> Result<(), Refusal> {
    let Some(settings) = settings else { return Ok(()) };
    let extra = if version == V1 { &[] } else { SETTINGS_V2_ONLY };
    let known = || SETTINGS_V1.iter().chain(extra);
    only(version, "request/body/settings", settings, &known().map(|(key, _)| *key).collect::<Vec<_>>())?;
    known().try_for_each(|(key, may)| settings.get(*key).map_or(Ok(()), |value| setting(version, key, value, may)))
}

fn setting(version: N8nVersion, key: &str, value: &Value, may: &May) -> Result<(), Refusal> {
    let place = format!("request/body/settings/{key}");
    let values = match may {
        May::Flag => return typed(version, &place, value, "boolean", Value::is_boolean),
        May::Number => return typed(version, &place, value, "number", Value::is_number),
        May::Text => return typed(version, &place, value, "string", Value::is_string),
        May::Anything => return Ok(()),
        May::OneOf(values) => values,
    };
    if value.as_str().is_some_and(|text| values.contains(&text)) {
        return Ok(());
    }
    let quoted = values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>().join(" | ");
    Err(bad(match (version, value.as_str()) {
        (V1, None) => format!("{place} must be string"),
        (V1, Some(_)) => format!("{place} must be equal to one of the allowed values: {}", values.join(", ")),
        (V2, None) => format!("{place} Expected {quoted}, received {}", kind_of(value)),
        (V2, Some(text)) => format!("{place} Invalid enum value. Expected {quoted}, received '{text}'"),
    }))
}

fn nodes(version: N8nVersion, nodes: &[Value]) -> Result<(), Refusal> {
    for (i, node) in nodes.iter().enumerate() {
        let place = format!("request/body/nodes/{i}");
        typed(version, &place, node, "object", Value::is_object)?;
        only(version, &place, node.as_object().unwrap_or(&Map::new()), NODE)?;
        if let Some(notes) = node.get("notes") {
            typed(version, &format!("{place}/notes"), notes, "string", Value::is_string)?;
        }
        if let Some(credentials) = node.get("credentials") {
            typed(version, &format!("{place}/credentials"), credentials, "object", Value::is_object)?;
        }
    }
    if version == V2 { structure(nodes) } else { Ok(()) }
}

/// 2.x also looks at the structure, and names everything that is wrong with it.
fn structure(nodes: &[Value]) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        for key in ["name", "type", "position"].iter().filter(|key| node.get(**key).is_none()) {
            wrong.push(format!("nodes[{i}].{key} (invalid_type): Required"));
        }
        let before = &nodes[..i];
        let same = |key: &str| node.get(key).and_then(|v| before.iter().find(|other| other.get(key) == Some(v)));
        if let Some(other) = same("id") {
            let (name, twin, id) = (text(node, "name"), text(other, "name"), text(node, "id"));
            wrong.push(format!(
                "nodes[{i}].id (duplicate_node_id): Nodes \"{twin}\" and \"{name}\" share the node ID \"{id}\""
            ));
        }
        if same("name").is_some() {
            wrong
                .push(format!("nodes[{i}].name (duplicate_node_name): Duplicate node name \"{}\"", text(node, "name")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(bad(format!("Workflow structure is invalid. {}", wrong.join("; ")))) }
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn object<'a>(version: N8nVersion, place: &str, value: &'a Value) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    typed(version, place, value, "object", Value::is_object)?;
    Ok(value.as_object())
}

pub(super) fn typed(
    version: N8nVersion,
    place: &str,
    value: &Value,
    wanted: &str,
    is: fn(&Value) -> bool,
) -> Result<(), Refusal> {
    if is(value) {
        return Ok(());
    }
    Err(bad(match version {
        V1 => format!("{place} must be {wanted}"),
        V2 => format!("{place} Expected {wanted}, received {}", kind_of(value)),
    }))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn only(version: N8nVersion, place: &str, object: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    let unknown: Vec<String> =
        object.keys().filter(|key| !known.contains(&key.as_str())).map(|key| format!("'{key}'")).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(bad(match version {
        V1 => format!("{place} must NOT have additional properties"),
        V2 => format!("{place} Unrecognized key(s) in object: {}", unknown.join(", ")),
    }))
}

fn bad(message: String) -> Refusal {
    Refusal::new(400, message)
}
