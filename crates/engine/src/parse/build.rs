//! From JSON to a [`Workflow`]: what is content, and what is only noted.

use std::sync::Arc;

use super::{Problem, WorkflowError, error};
use crate::Limits;
use crate::canonical::references;
use crate::ignored::Rule;
use crate::json::{Document, Json, Member};
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

/// Fields that are content, or say which version of it runs.
fn is_read(key: &str) -> bool {
    matches!(
        key,
        "nodes"
            | "connections"
            | "settings"
            | "id"
            | "name"
            | "active"
            | "isArchived"
            | "description"
            | "tags"
            | "nodeGroups"
    )
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
pub(super) fn not_an_object(json: Json) -> Problem {
    Problem::NotAWorkflow(format!("{} where an object with nodes was expected", kind_of(json)))
}

fn kind_of(json: Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Integer(_) | Json::Float(_) => "a number",
        Json::Text(_) => "a string",
        Json::List(_) => "a list",
        Json::Object(..) => "an object",
    }
}

/// Builds a workflow and checks what only shows in the value: the nodes and their number.
pub(super) fn workflow(doc: Document, top: Json, limits: &Limits) -> Result<Workflow, WorkflowError> {
    if !top.is_object() {
        return Err(error("the workflow", None, not_an_object(top)));
    }
    // Kept for an error's sake: the document goes into the workflow.
    let label = error("the workflow", Some((&doc, top)), Problem::NotAWorkflow(String::new()));
    build(doc, top, limits).map_err(|problem| WorkflowError { problem, ..label })
}

fn build(mut doc: Document, top: Json, limits: &Limits) -> Result<Workflow, Problem> {
    let Some(list) = doc.get(top, "nodes") else {
        let version = |key: &str| matches!(key, "versionId" | "activeVersion" | "activeVersionId");
        let keys: Vec<_> = doc.members(top).iter().map(|m| doc.said(m.key)).filter(|key| !version(key)).collect();
        return Err(no_nodes(keys.iter().map(AsRef::as_ref)));
    };
    let nodes = nodes(&mut doc, Some(list), limits)?;
    let connections = object("connections", &doc, doc.get(top, "connections"))?;
    let settings = object("settings", &doc, doc.get(top, "settings"))?;
    let get = |key| doc.get(top, key);
    let mut workflow = Workflow {
        id: get("id").and_then(|id| text_or_number(&doc, id)),
        instance: false,
        name: get("name").and_then(|name| text_or_number(&doc, name)),
        active: get("active").and_then(truth),
        archived: get("isArchived").and_then(truth),
        description: get("description").map(|json| match doc.text(json) {
            Some(text) => text.into_owned(),
            None if json.is_empty() => String::new(),
            None => String::from_utf8_lossy(&doc.bytes(json)).into_owned(),
        }),
        tags: get("tags").and_then(|list| tags(&doc, list)),
        node_groups: get("nodeGroups").filter(|groups| !groups.is_null()),
        settings,
        nodes,
        connections,
        draft: None,
        references: Vec::new(),
        top_notes: Vec::new(),
        doc: Arc::new(doc),
    };
    publish(&mut workflow, top, limits)?;
    let doc = Arc::clone(&workflow.doc);
    let marked = doc.members(top).iter().any(|m| is_instance_mark(doc.spelt(m.key)));
    workflow.instance = workflow.id.is_some() || marked;
    workflow.top_notes = doc
        .members(top)
        .iter()
        .map(|Member { key, value }| (doc.spelt(*key), *key, *value))
        .filter(|(key, ..)| !is_read(key))
        .map(|(name, key, value)| (if value.is_empty() { Rule::Empty } else { rule(name) }, key, value))
        .collect();
    workflow.references = references::of(&doc, workflow.settings, &workflow.nodes);
    Ok(workflow)
}

/// Live means what runs: where a published version is not the newest one, it is the content, and the newest is the
/// draft. Where the two are the same version, `nodes` is what runs.
fn publish(workflow: &mut Workflow, top: Json, limits: &Limits) -> Result<(), Problem> {
    let doc = &workflow.doc;
    let text = |key| doc.get(top, key).and_then(|json| doc.text(json));
    let (published, current) = (text("activeVersionId"), text("versionId"));
    if workflow.active == Some(false) || published.is_none() || current.is_none() || published == current {
        return Ok(());
    }
    workflow.draft = Some(Draft { differs: None });
    let Some(version) = doc.get(top, "activeVersion") else { return Ok(()) };
    let Some(list) = doc.get(version, "nodes").filter(|nodes| nodes.is_list()) else { return Ok(()) };
    let draft = (workflow.core(), workflow.canonical_groups());
    workflow.nodes = nodes(Arc::make_mut(&mut workflow.doc), Some(list), limits)?;
    let doc = &workflow.doc;
    workflow.connections = object("activeVersion.connections", doc, doc.get(version, "connections"))?;
    if let Some(groups) = doc.get(version, "nodeGroups").filter(|groups| !groups.is_null()) {
        workflow.node_groups = Some(groups);
    }
    let differs = draft != (workflow.core(), workflow.canonical_groups());
    workflow.draft = Some(Draft { differs: Some(differs) });
    Ok(())
}

fn nodes(doc: &mut Document, list: Option<Json>, limits: &Limits) -> Result<Vec<Node>, Problem> {
    let Some(list) = list else { return Ok(Vec::new()) };
    if !list.is_list() {
        return Err(Problem::NotAWorkflow(format!("nodes is {}, not a list", kind_of(list))));
    }
    let count = doc.items(list).len();
    if count > limits.max_nodes {
        return Err(Problem::TooManyNodes { nodes: count, limit: limits.max_nodes });
    }
    (0..count)
        .map(|i| match doc.items(list)[i] {
            json @ Json::Object(..) => Ok(node(doc, json)),
            other => Err(Problem::NotAWorkflow(format!("nodes[{i}] is {}, not an object", kind_of(other)))),
        })
        .collect()
}

fn node(doc: &mut Document, json: Json) -> Node {
    let mut text = |key: &str| match doc.get(json, key)? {
        Json::Text(text) if doc.says(text, "") => None,
        Json::Text(text) => Some(doc.plain(text)),
        other => text_or_number(doc, other).map(|number| doc.plain_text(&number)),
    };
    let (id, name, kind) = (text("id"), text("name"), text("type"));
    Node { id, name: name.unwrap_or_default(), kind: kind.unwrap_or_default(), json }
}

fn object(what: &str, doc: &Document, json: Option<Json>) -> Result<Json, Problem> {
    match json {
        None | Some(Json::Null) => Ok(Json::EMPTY),
        Some(object @ Json::Object(..)) => Ok(object),
        // Tools written in PHP spell an empty object so.
        Some(list @ Json::List(_)) if doc.items(list).is_empty() => Ok(Json::EMPTY),
        Some(other) => Err(Problem::NotAWorkflow(format!("{what} is {}, not an object", kind_of(other)))),
    }
}

fn text_or_number(doc: &Document, json: Json) -> Option<String> {
    match json {
        Json::Text(text) => Some(doc.said(text).into_owned()).filter(|text| !text.is_empty()),
        Json::Integer(_) | Json::Float(_) => Some(String::from_utf8_lossy(&doc.bytes(json)).into_owned()),
        _ => None,
    }
}

fn truth(json: Json) -> Option<bool> {
    match json {
        Json::Bool(b) => Some(b),
        Json::Integer(n) => Some(n != 0),
        Json::Float(f) => Some(f != 0.0),
        _ => None,
    }
}

/// Tag names, sorted: the API gives objects with ids and times, older files give names.
fn tags(doc: &Document, list: Json) -> Option<Vec<String>> {
    if !list.is_list() {
        return None;
    }
    let name = |tag: &Json| doc.text(*tag).or_else(|| doc.text(doc.get(*tag, "name")?));
    let mut names: Vec<_> = doc.items(list).iter().filter_map(name).map(|name| name.into_owned()).collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}
