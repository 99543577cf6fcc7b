//! The JSON of answers. Each call leaves out something else (observed).

use serde_json::{Map, Value, json};

use super::N8nVersion;
use super::state::{Published, State, Tag, Workflow, time};

/// What a workflow is answered to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answering {
    List,
    Get,
    Create,
    Put,
    /// Publishing, by either name.
    Publish,
    /// Taking out of service, archiving and back.
    Action,
    Delete,
}

pub(super) fn workflow(state: &State, workflow: &Workflow, to: Answering) -> Value {
    let mut object = common(workflow);
    let v2 = state.version == N8nVersion::V2;
    if to != Answering::List {
        object.insert("description".into(), json!(workflow.description));
        object.insert("versionCounter".into(), json!(workflow.counter));
    }
    if v2 {
        object.insert("nodeGroups".into(), workflow.content.groups.clone());
        if to != Answering::List {
            object.insert("sourceWorkflowId".into(), Value::Null);
        }
        if to == Answering::Create {
            object.insert("parentFolder".into(), Value::Null);
        }
    }
    let tags = match to {
        Answering::List | Answering::Get | Answering::Put => true,
        Answering::Create => v2,
        Answering::Publish | Answering::Action | Answering::Delete => false,
    };
    if tags {
        let tags = workflow.tags.iter().filter_map(|id| state.tags.iter().find(|tag| tag.id == *id)).map(tag);
        object.insert("tags".into(), tags.collect());
    }
    let shared = match to {
        Answering::List | Answering::Get | Answering::Action | Answering::Delete => true,
        Answering::Create => v2,
        Answering::Put | Answering::Publish => false,
    };
    if shared {
        object.insert("shared".into(), json!([ownership(state, workflow, to != Answering::List)]));
    }
    let active_version = match to {
        Answering::List | Answering::Get | Answering::Publish | Answering::Action => true,
        Answering::Create | Answering::Put => v2,
        Answering::Delete => false,
    };
    if active_version {
        let published = workflow.published.as_ref();
        object.insert("activeVersion".into(), published.map_or(Value::Null, |p| version(state, workflow, p, to)));
    }
    Value::Object(object)
}

fn common(workflow: &Workflow) -> Map<String, Value> {
    let published = workflow.published.as_ref();
    let Value::Object(object) = json!({
        "id": workflow.id,
        "name": workflow.name,
        "active": published.is_some(),
        "activeVersionId": published.map(|p| &p.version.id),
        "createdAt": time(workflow.created),
        "updatedAt": time(workflow.updated),
        "isArchived": workflow.archived,
        "versionId": workflow.version_id,
        "triggerCount": workflow.triggers,
        "nodes": workflow.content.nodes,
        "connections": workflow.content.connections,
        "settings": workflow.settings,
        "staticData": workflow.static_data,
        "pinData": workflow.pin_data,
        "meta": workflow.meta,
    }) else {
        return Map::new();
    };
    object
}

fn ownership(state: &State, workflow: &Workflow, with_project: bool) -> Value {
    let mut owner = json!({
        "role": "workflow:owner",
        "workflowId": workflow.id,
        "projectId": state.project,
        "createdAt": time(workflow.created),
        "updatedAt": time(workflow.created),
    });
    if with_project {
        owner["project"] = json!({
            "id": state.project,
            "name": "Test Owner <owner@example.com>",
            "type": "personal",
            "icon": null,
            "description": null,
            "creatorId": state.user,
            "createdAt": time(state.started),
            "updatedAt": time(state.started),
        });
    }
    owner
}

fn version(state: &State, workflow: &Workflow, published: &Published, to: Answering) -> Value {
    let version = &published.version;
    let mut object = json!({
        "versionId": version.id,
        "workflowId": workflow.id,
        "nodes": version.content.nodes,
        "connections": version.content.connections,
        "authors": "Test Owner",
        "name": published.name,
        "description": published.description,
        "createdAt": time(version.at),
        "updatedAt": time(version.at),
    });
    if state.version == N8nVersion::V2 {
        object["nodeGroups"] = version.content.groups.clone();
        object["autosaved"] = json!(false);
        if to != Answering::List {
            object["workflowPublishHistory"] = json!(published.events);
        }
    }
    object
}

pub(super) fn tag(tag: &Tag) -> Value {
    json!({ "id": tag.id, "name": tag.name, "createdAt": time(tag.created), "updatedAt": time(tag.updated) })
}
