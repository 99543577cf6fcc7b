//! What is written over a workflow: the part of a workflow file that n8n's API takes, made safe to send.

use drift_domain::failure::{Failure, FailureKind};
use serde_json::{Map, Value, json};

use crate::{VersionFamily, answer};

/// The keys that 1.x refuses in a body (observed: 400).
const ONLY_2X: [&str; 3] = ["description", "pinData", "nodeGroups"];

/// The settings that 1.x refuses in a body (observed: 400).
const SETTINGS_ONLY_2X: [&str; 5] =
    ["timeSavedMode", "customTelemetryTags", "binaryMode", "credentialResolverId", "redactionPolicy"];

/// Settings that the editor writes as `"DEFAULT"` and the API refuses so (observed on both versions: 400). They can be
/// set through the API and never unset.
const SAVING: [&str; 4] =
    ["saveDataErrorExecution", "saveDataSuccessExecution", "saveManualExecutions", "saveExecutionProgress"];

/// What the API takes of a node (observed on both versions). The editor keeps more in its database and its exports, such as
/// `color` and `notesTextSize`, which the API then refuses.
const NODE: [&str; 20] = [
    "id",
    "name",
    "type",
    "typeVersion",
    "position",
    "parameters",
    "credentials",
    "webhookId",
    "disabled",
    "notes",
    "notesInFlow",
    "executeOnce",
    "alwaysOutputData",
    "retryOnFail",
    "maxTries",
    "waitBetweenTries",
    "continueOnFail",
    "onError",
    "createdAt",
    "updatedAt",
];

/// Where a created workflow carries its [`Marker`]: inside static data, which belongs to the instance and is no drift.
const MARKER: &str = "workflowops";

/// What is to be written: name, nodes, connections, settings, and where the file has them description and node groups.
///
/// Pinned data and static data are left out, so that n8n keeps what the workflow has (observed: 2.x keeps what a PUT
/// leaves out, 1.x too). Ids, times, tags and publish state are not part of a body; they have calls of their own.
#[derive(Clone, PartialEq)]
pub struct Draft {
    body: Map<String, Value>,
}

impl std::fmt::Debug for Draft {
    /// Leaves the content out: parameters may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Draft({:?})", self.name())
    }
}

/// What recognises a workflow that was created and whose answer was lost: see
/// [`LiveEnvironment::find_created`](crate::LiveEnvironment::find_created). Any text of the caller's that is unique, for
/// example the id of the step that creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker(pub String);

impl Draft {
    /// Takes from a workflow (a file, an answer of n8n, a body) what the API takes.
    ///
    /// A credential of an enabled node that has no `id` is given an empty one. Without the key n8n puts **any** credential
    /// of that type in its place, whatever its name (observed on both versions); with an empty one it takes the credential
    /// of that name where there is exactly one, and otherwise leaves the reference as it is.
    ///
    /// # Errors
    /// [`FailureKind::BrokenContent`] when there are no nodes, connections or name.
    pub fn of(workflow: &Value) -> Result<Self, Failure> {
        let missing = |what: &str| {
            answer::failure(
                FailureKind::BrokenContent,
                format!("What should be written to n8n is no workflow: it has no {what}. Look at the file in Git."),
            )
        };
        let of_kind = |key: &str, is: fn(&Value) -> bool| workflow.get(key).filter(|value| is(value)).cloned();
        let mut body = Map::new();
        body.insert("name".into(), of_kind("name", Value::is_string).ok_or_else(|| missing("name"))?);
        let mut nodes = of_kind("nodes", Value::is_array).ok_or_else(|| missing("nodes"))?;
        nodes.as_array_mut().into_iter().flatten().for_each(with_credential_ids);
        body.insert("nodes".into(), nodes);
        let connections = of_kind("connections", Value::is_object).ok_or_else(|| missing("connections"))?;
        body.insert("connections".into(), connections);
        body.insert("settings".into(), settings(workflow.get("settings")));
        match workflow.get("description") {
            None => {}
            // n8n refuses null, and takes "" for none (observed).
            Some(Value::Null) => drop(body.insert("description".into(), "".into())),
            Some(text) => drop(body.insert("description".into(), text.clone())),
        }
        if let Some(groups) = of_kind("nodeGroups", Value::is_array) {
            body.insert("nodeGroups".into(), groups);
        }
        Ok(Self { body })
    }

    /// The same with these pinned data in place of what the workflow has.
    #[must_use]
    pub fn with_pin_data(mut self, pin_data: Value) -> Self {
        self.body.insert("pinData".into(), pin_data);
        self
    }

    /// The workflow's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.body.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Everything that should be there afterwards.
    pub(crate) fn wanted(&self) -> &Map<String, Value> {
        &self.body
    }

    /// The body of a PUT over this workflow. PUT merges settings, so a key that the draft leaves out is sent with the value
    /// that stands for none, where there is one. Nodes keep their ids where the draft has none.
    pub(crate) fn to_put(&self, family: VersionFamily, live: &Value) -> Value {
        let mut body = self.for_family(family);
        let was = live.get("nodes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for node in body.get_mut("nodes").and_then(Value::as_array_mut).into_iter().flatten() {
            keep_ids(node, was);
        }
        if let Some(settings) = body.get_mut("settings").and_then(Value::as_object_mut) {
            let live = live.get("settings").and_then(Value::as_object);
            for key in live.into_iter().flat_map(Map::keys) {
                if let Some(none) = none_of(key).filter(|_| !settings.contains_key(key)) {
                    settings.insert(key.clone(), none);
                }
            }
        }
        Value::Object(body)
    }

    /// The body of a POST, with the marker. A description is refused there (observed).
    pub(crate) fn to_create(&self, family: VersionFamily, marker: &Marker) -> Value {
        let mut body = self.for_family(family);
        body.remove("description");
        body.insert("staticData".into(), json!({ MARKER: { "created": marker.0 } }));
        Value::Object(body)
    }

    /// The same without what older versions of the API refuse of a node; `None` when there is nothing of it.
    pub(crate) fn with_known_node_keys(&self) -> Option<Self> {
        let mut draft = self.clone();
        let nodes = draft.body.get_mut("nodes").and_then(Value::as_array_mut)?;
        let mut left_out = false;
        for node in nodes.iter_mut().filter_map(Value::as_object_mut) {
            let before = node.len();
            node.retain(|key, _| NODE.contains(&key.as_str()));
            left_out |= node.len() < before;
        }
        left_out.then_some(draft)
    }

    fn for_family(&self, family: VersionFamily) -> Map<String, Value> {
        let mut body = self.body.clone();
        if family == VersionFamily::V1 {
            ONLY_2X.iter().for_each(|key| drop(body.remove(*key)));
            if let Some(settings) = body.get_mut("settings").and_then(Value::as_object_mut) {
                SETTINGS_ONLY_2X.iter().for_each(|key| drop(settings.remove(*key)));
            }
        }
        body
    }
}

impl Marker {
    /// Whether this workflow, as n8n lists it, was created with this marker.
    pub(crate) fn is_on(&self, workflow: &[u8]) -> bool {
        #[derive(serde::Deserialize)]
        struct Kept {
            #[serde(default, rename = "staticData")]
            static_data: Value,
        }
        let Ok(kept) = serde_json::from_slice::<Kept>(workflow) else { return false };
        kept.static_data.pointer(&format!("/{MARKER}/created")).and_then(Value::as_str) == Some(&self.0)
    }
}

/// Settings as the API takes them. What the file leaves to the default is left out.
fn settings(given: Option<&Value>) -> Value {
    let mut settings = given.and_then(Value::as_object).cloned().unwrap_or_default();
    let is_default = |key: &str, value: &Value| value.is_null() || (SAVING.contains(&key) && value == "DEFAULT");
    settings.retain(|key, value| !is_default(key, value));
    Value::Object(settings)
}

/// The value that n8n takes for "not set" (observed: the first three are then removed on 2.x), or the default that it
/// would have without the key.
pub(crate) fn none_of(key: &str) -> Option<Value> {
    Some(match key {
        "timezone" | "errorWorkflow" => json!("DEFAULT"),
        "executionTimeout" => json!(-1),
        "executionOrder" => json!("v0"),
        "callerPolicy" => json!("workflowsFromSameOwner"),
        "callerIds" => json!(""),
        "availableInMCP" => json!(false),
        "timeSavedMode" => json!("fixed"),
        "customTelemetryTags" => json!([]),
        _ => return None,
    })
}

/// n8n makes ids anew where a node has none, and webhook ids where they are missing or empty (observed): the addresses of
/// forms, chats and waiting executions would change with every write. So a node of the same name and type gives its own.
fn keep_ids(node: &mut Value, was: &[Value]) {
    let Some(node) = node.as_object_mut() else { return };
    let same = |key: &str, other: &Value| node.get(key).is_some() && node.get(key) == other.get(key);
    let mut like = was.iter().filter(|other| same("name", other) && same("type", other));
    let (Some(only), None) = (like.next(), like.next()) else { return };
    for key in ["id", "webhookId"] {
        let lacks = node.get(key).is_none_or(|id| id.is_null() || id == "");
        if let Some(id) = only.get(key).filter(|id| lacks && id.is_string()) {
            node.insert(key.to_owned(), id.clone());
        }
    }
}

fn with_credential_ids(node: &mut Value) {
    let Some(credentials) = node.get_mut("credentials").and_then(Value::as_object_mut) else { return };
    for credential in credentials.values_mut().filter_map(Value::as_object_mut) {
        if credential.get("id").is_none_or(Value::is_null) {
            credential.insert("id".into(), "".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(settings: &Value) -> Draft {
        Draft::of(
            &json!({ "id": "1", "active": true, "name": "w", "nodes": [], "connections": {}, "settings": settings }),
        )
        .unwrap()
    }

    #[test]
    fn only_what_the_api_takes_is_sent() {
        let whole = json!({
            "id": "1", "name": "w", "active": true, "nodes": [], "connections": {}, "tags": [], "meta": {},
            "pinData": { "a": [] }, "staticData": {}, "versionId": "v", "description": null, "nodeGroups": [],
        });
        let draft = Draft::of(&whole).unwrap();
        let v2 = draft.to_put(VersionFamily::V2, &Value::Null);
        let expected = json!({
            "name": "w", "nodes": [], "connections": {}, "settings": {}, "description": "", "nodeGroups": [],
        });
        assert_eq!(v2, expected);
        let v1 = draft.to_put(VersionFamily::V1, &Value::Null);
        assert_eq!(v1, json!({ "name": "w", "nodes": [], "connections": {}, "settings": {} }));
        assert!(Draft::of(&json!({ "name": "w", "nodes": {} })).is_err());
    }

    #[test]
    fn a_setting_that_is_left_out_is_sent_as_none() {
        let live = json!({
            "settings": { "timezone": "Europe/Berlin", "saveManualExecutions": true, "callerPolicy": "any" },
        });
        let body = draft(&json!({ "callerPolicy": "none" })).to_put(VersionFamily::V2, &live);
        assert_eq!(body["settings"], json!({ "callerPolicy": "none", "timezone": "DEFAULT" }));
    }

    #[test]
    fn settings_are_sent_as_the_version_takes_them() {
        let draft = draft(&json!({ "saveDataErrorExecution": "DEFAULT", "timeSavedMode": "fixed", "timezone": null }));
        assert_eq!(draft.to_put(VersionFamily::V2, &Value::Null)["settings"], json!({ "timeSavedMode": "fixed" }));
        assert_eq!(draft.to_put(VersionFamily::V1, &Value::Null)["settings"], json!({}));
    }

    #[test]
    fn nodes_keep_the_ids_that_the_file_does_not_have() {
        let of = |nodes: &Value| Draft::of(&json!({ "name": "w", "nodes": nodes, "connections": {} })).unwrap();
        let live = json!({ "nodes": [
            { "id": "1", "name": "Form", "type": "form", "webhookId": "w1" }, { "id": "2", "name": "Set", "type": "set" },
            { "id": "3", "name": "Twin", "type": "set" }, { "id": "4", "name": "Twin", "type": "set" },
        ] });
        let file = json!([
            { "name": "Form", "type": "form", "webhookId": "" }, { "id": "mine", "name": "Set", "type": "set" },
            { "name": "Twin", "type": "set" }, { "name": "Form", "type": "another" },
        ]);
        let expected = json!([
            { "id": "1", "name": "Form", "type": "form", "webhookId": "w1" }, { "id": "mine", "name": "Set", "type": "set" },
            { "name": "Twin", "type": "set" }, { "name": "Form", "type": "another" },
        ]);
        assert_eq!(of(&file).to_put(VersionFamily::V2, &live)["nodes"], expected);
    }

    #[test]
    fn a_credential_always_has_an_id() {
        let node = json!({ "name": "n", "credentials": {
            "a": { "name": "x" }, "b": { "id": null, "name": "x" }, "c": { "id": "7", "name": "x" }, "d": "x",
        } });
        let workflow = json!({ "name": "w", "nodes": [node], "connections": {} });
        let body = Draft::of(&workflow).unwrap().to_put(VersionFamily::V2, &Value::Null);
        let expected = json!({
            "a": { "id": "", "name": "x" }, "b": { "id": "", "name": "x" }, "c": { "id": "7", "name": "x" }, "d": "x",
        });
        assert_eq!(body["nodes"][0]["credentials"], expected);
    }

    #[test]
    fn what_nodes_may_not_have_can_be_left_out() {
        let of = |nodes: Value| Draft::of(&json!({ "name": "w", "nodes": nodes, "connections": {} })).unwrap();
        let plain = of(json!([{ "name": "n", "type": "t" }]));
        assert_eq!(plain.with_known_node_keys(), None);
        assert_eq!(of(json!([{ "name": "n", "type": "t", "color": 7 }])).with_known_node_keys(), Some(plain));
    }

    #[test]
    fn a_marker_is_found_where_it_was_put() {
        let marker = Marker("step-7".into());
        let body = draft(&json!({})).to_create(VersionFamily::V2, &marker);
        let kept = json!({ "id": "x", "staticData": body["staticData"] }).to_string();
        assert!(marker.is_on(kept.as_bytes()));
        assert!(!Marker("step-8".into()).is_on(kept.as_bytes()));
        assert!(!marker.is_on(b"{\"id\":\"x\",\"staticData\":null}"));
    }
}
