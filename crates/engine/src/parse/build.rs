//! From a JSON value to a [`Workflow`]: what is content, and what is only noted.

use serde_json::{Map, Value};

use super::{Problem, WorkflowError, error};
use crate::Limits;
use crate::canonical::references;
use crate::canonical::value::{bytes, is_empty};
use crate::ignored::Rule;
use crate::workflow::{Draft, Node, Workflow};

/// What a top-level field is to the comparison. The table in the documentation of [`crate::canonical`] says why.
fn rule(key: &str) -> Rule {
    match key {
        "staticData" | "pinData" | "triggerCount" | "lastExecution" | "statistics" => Rule::Runtime,
        "createdAt"
        | "updatedAt"
        | "versionId"
        | "versionCounter"
        | "activeVersionId"
        | "activeVersion"
        | "meta"
        | "sourceWorkflowId"
        | "shared"
        | "owner"
        | "parentFolder"
        | "parentFolderId"
        | "homeProject"
        | "sharedWithProjects"
        | "scopes"
        | "usedCredentials"
        | "versionMetadata"
        | "tagIds"
        | "checksum"
        | "hash"
        | "workflowPublishHistory"
        | "publishHistory" => Rule::Server,
        _ => Rule::UnknownField,
    }
}

/// Fields that only a file from an instance has, besides the id: source control, packages and the API write them.
fn is_instance_mark(key: &str) -> bool {
    matches!(key, "owner" | "parentFolderId" | "tagIds" | "shared" | "activeVersionId")
}

/// Why JSON with these keys and without nodes is not a workflow.
pub(super) fn no_nodes<'a>(keys: impl Iterator<Item = &'a str>) -> Problem {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    let more = if keys.len() > 8 { ", …" } else { "" };
    keys.truncate(8);
    Problem::NotAWorkflow(format!("it has no list of nodes; its keys are [{}{more}]", keys.join(", ")))
}

/// Why a value that is no object is not a workflow.
pub(super) fn not_an_object(value: &Value) -> Problem {
    Problem::NotAWorkflow(format!("{} where an object with nodes was expected", kind_of(value)))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Builds a workflow and checks what only shows in the value: the nodes and their number.
pub(super) fn workflow(value: Value, limits: &Limits) -> Result<Workflow, WorkflowError> {
    let Value::Object(mut map) = value else { return Err(error("the workflow", None, not_an_object(&value))) };
    let live = Live::take(&mut map);
    let label =
        Value::Object(["name", "id"].iter().filter_map(|k| Some(((*k).to_owned(), map.get(*k)?.clone()))).collect());
    build(map, live, limits).map_err(|problem| error("the workflow", Some(&label), problem))
}

fn build(mut map: Map<String, Value>, live: Live, limits: &Limits) -> Result<Workflow, Problem> {
    if !map.contains_key("nodes") {
        return Err(no_nodes(map.keys().map(String::as_str)));
    }
    let draft_nodes = nodes(map.remove("nodes"), limits)?;
    let draft_connections = object("connections", map.remove("connections"))?;
    let settings = object("settings", map.remove("settings"))?;
    let mut workflow = Workflow {
        id: map.remove("id").and_then(text_or_number),
        instance: false,
        name: map.remove("name").and_then(text_or_number),
        active: map.remove("active").as_ref().and_then(truth),
        archived: map.remove("isArchived").as_ref().and_then(truth),
        description: match map.remove("description") {
            None => None,
            Some(Value::String(s)) => Some(s),
            Some(other) if is_empty(&other) => Some(String::new()),
            Some(other) => Some(String::from_utf8_lossy(&bytes(&other)).into_owned()),
        },
        tags: map.remove("tags").as_ref().and_then(tags),
        node_groups: map.remove("nodeGroups").filter(|g| !g.is_null()),
        settings,
        nodes: draft_nodes,
        connections: draft_connections,
        draft: None,
        references: Vec::new(),
        top_notes: Vec::new(),
    };
    live.apply(&mut workflow, limits)?;
    workflow.instance = workflow.id.is_some() || live_mark(&map) || workflow.instance;
    workflow.top_notes = map
        .into_iter()
        .map(|(key, value)| {
            let rule = if is_empty(&value) { Rule::Empty } else { rule(&key) };
            (rule, key, value)
        })
        .chain(std::mem::take(&mut workflow.top_notes))
        .collect();
    workflow.references = references::of(&workflow);
    Ok(workflow)
}

fn live_mark(map: &Map<String, Value>) -> bool {
    map.keys().any(|key| is_instance_mark(key))
}

/// What says which version runs.
struct Live {
    version: Option<Value>,
    active_version: Option<Value>,
    active_id: Option<Value>,
}

impl Live {
    fn take(map: &mut Map<String, Value>) -> Self {
        Self {
            version: map.remove("versionId"),
            active_version: map.remove("activeVersion"),
            active_id: map.remove("activeVersionId"),
        }
    }

    /// Live means what runs: where a published version is not the newest one, it is the content, and the newest is the
    /// draft. Where the two are the same version, `nodes` is what runs.
    fn apply(self, workflow: &mut Workflow, limits: &Limits) -> Result<(), Problem> {
        workflow.instance |= self.active_id.is_some();
        let published = self.active_id.as_ref().and_then(Value::as_str);
        let current = self.version.as_ref().and_then(Value::as_str);
        let has_draft =
            workflow.active != Some(false) && published.is_some() && current.is_some() && published != current;
        if has_draft {
            workflow.draft = Some(Draft { differs: None });
            if let Some(Value::Object(mut version)) = self.active_version.clone().filter(|v| v["nodes"].is_array()) {
                let draft = (workflow.core(), workflow.canonical_groups());
                workflow.nodes = nodes(version.remove("nodes"), limits)?;
                workflow.connections = object("activeVersion.connections", version.remove("connections"))?;
                if let Some(groups) = version.remove("nodeGroups").filter(|g| !g.is_null()) {
                    workflow.node_groups = Some(groups);
                }
                let differs = draft != (workflow.core(), workflow.canonical_groups());
                workflow.draft = Some(Draft { differs: Some(differs) });
            }
        }
        for (key, value) in
            [("versionId", self.version), ("activeVersion", self.active_version), ("activeVersionId", self.active_id)]
        {
            if let Some(value) = value {
                let rule = if is_empty(&value) { Rule::Empty } else { Rule::Server };
                workflow.top_notes.push((rule, key.to_owned(), value));
            }
        }
        Ok(())
    }
}

fn nodes(value: Option<Value>, limits: &Limits) -> Result<Vec<Node>, Problem> {
    let items = match value {
        Some(Value::Array(items)) => items,
        Some(other) => return Err(Problem::NotAWorkflow(format!("nodes is {}, not a list", kind_of(&other)))),
        None => Vec::new(),
    };
    if items.len() > limits.max_nodes {
        return Err(Problem::TooManyNodes { nodes: items.len(), limit: limits.max_nodes });
    }
    items
        .into_iter()
        .enumerate()
        .map(|(i, item)| match item {
            Value::Object(raw) => Ok(node(raw)),
            other => Err(Problem::NotAWorkflow(format!("nodes[{i}] is {}, not an object", kind_of(&other)))),
        })
        .collect()
}

fn node(raw: Map<String, Value>) -> Node {
    let text = |key: &str| raw.get(key).cloned().and_then(text_or_number);
    Node { id: text("id"), name: text("name").unwrap_or_default(), kind: text("type").unwrap_or_default(), raw }
}

fn object(what: &str, value: Option<Value>) -> Result<Map<String, Value>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        // Tools written in PHP spell an empty object so.
        Some(Value::Array(items)) if items.is_empty() => Ok(Map::new()),
        Some(other) => Err(Problem::NotAWorkflow(format!("{what} is {}, not an object", kind_of(&other)))),
    }
}

fn text_or_number(value: Value) -> Option<String> {
    match value {
        Value::String(s) if s.is_empty() => None,
        Value::String(s) => Some(s),
        Value::Number(n) => Some(crate::canonical::value::number(&n).to_string()),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Number(n) => n.as_f64().map(|f| f != 0.0),
        _ => None,
    }
}

/// Tag names, sorted: the API gives objects with ids and times, older files give names.
fn tags(value: &Value) -> Option<Vec<String>> {
    let mut names: Vec<_> = value
        .as_array()?
        .iter()
        .filter_map(|tag| tag.as_str().or_else(|| tag.get("name").and_then(Value::as_str)))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}
