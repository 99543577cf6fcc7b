//! What changes a workflow, and which fields move with it (the table "What moves when", observed on both versions).

use std::collections::BTreeSet;

use chrono::SubsecRound as _;
use serde_json::{Map, Value, json};

use super::Flaw;
use super::N8nVersion::{V1, V2};
use super::rules::SETTINGS_IGNORED;
use super::state::{Content, Refusal, State, Version, Workflow};

/// New content of a workflow; what is `None` is kept.
#[derive(Default)]
pub(super) struct Saved {
    pub(super) name: String,
    pub(super) nodes: Value,
    pub(super) connections: Value,
    pub(super) groups: Option<Value>,
    pub(super) settings: Map<String, Value>,
    pub(super) description: Option<Value>,
    pub(super) static_data: Option<Value>,
    pub(super) pin_data: Option<Value>,
    pub(super) meta: Option<Value>,
}

impl Saved {
    /// Reads what a body or a file holds; other keys are left aside.
    pub(super) fn read(body: &Value) -> Self {
        let at = |key: &str| body.get(key).cloned();
        Self {
            name: body.get("name").and_then(Value::as_str).unwrap_or("My workflow").to_owned(),
            nodes: at("nodes").filter(Value::is_array).unwrap_or_else(|| json!([])),
            connections: at("connections").filter(Value::is_object).unwrap_or_else(|| json!({})),
            groups: at("nodeGroups"),
            settings: body.get("settings").and_then(Value::as_object).cloned().unwrap_or_default(),
            description: at("description"),
            static_data: at("staticData"),
            pin_data: at("pinData"),
            meta: at("meta"),
        }
    }
}

impl State {
    /// Makes a workflow, with the id of a file where one is given (an import keeps it, the API does not).
    pub(super) fn create(&mut self, id: Option<String>, saved: Saved) -> String {
        let id = id.unwrap_or_else(|| self.id());
        let content = self.content(saved.nodes, saved.connections, saved.groups.unwrap_or_else(|| json!([])));
        let mut settings = saved.settings;
        if self.version == V1 {
            settings = filled(settings);
        }
        let (now, version_id) = (self.now(), self.uuid());
        let workflow = Workflow {
            id: id.clone(),
            name: saved.name,
            description: saved.description.and_then(text),
            history: vec![Version { id: version_id.clone(), content: content.clone(), at: now }],
            content,
            settings,
            static_data: saved.static_data.unwrap_or(Value::Null),
            pin_data: saved.pin_data.unwrap_or(Value::Null),
            meta: saved.meta.unwrap_or(Value::Null),
            archived: false,
            created: now,
            updated: now,
            version_id,
            counter: 1,
            triggers: 0,
            tags: Vec::new(),
            published: None,
            pending: 0,
        };
        self.workflows.insert(id.clone(), workflow);
        id
    }

    /// Saves over a workflow. `merge` keeps settings that are left out, as the API does; the editor writes them whole.
    /// A published workflow is published anew when `publish` says so, and always on 1.x.
    pub(super) fn save(&mut self, id: &str, saved: Saved, merge: bool, publish: bool) -> Result<(), Refusal> {
        let groups = saved.groups.clone().unwrap_or_else(|| json!([]));
        let content = self.content(saved.nodes, saved.connections, groups);
        let (version, flaw, now, next) = (self.version, self.flaw, self.touch(id), self.uuid());
        let workflow = self.get_mut(id)?;
        if workflow.archived && version == V2 {
            return Err(Refusal::new(400, "Cannot update an archived workflow."));
        }
        let settings = match (merge, version) {
            (false, _) => saved.settings,
            (true, _) if flaw == Some(Flaw::SettingsAreReplaced) => saved.settings,
            (true, V1) => merged(workflow.settings.clone(), filled(saved.settings), version == V2),
            (true, V2) => merged(workflow.settings.clone(), saved.settings, version == V2),
        };
        let content =
            Content { groups: saved.groups.map_or(workflow.content.groups.clone(), |_| content.groups), ..content };
        let described = version == V1 && (saved.name != workflow.name || settings != workflow.settings);
        if content != workflow.content || described {
            workflow.version_id = next;
            let at = Version { id: workflow.version_id.clone(), content: content.clone(), at: now };
            workflow.history.push(at);
        }
        workflow.name = saved.name;
        workflow.content = content;
        workflow.settings = settings;
        if let Some(description) = saved.description {
            workflow.description = text(description);
        }
        if let Some(static_data) = saved.static_data {
            workflow.static_data = static_data;
        }
        if let Some(pin_data) = saved.pin_data {
            workflow.pin_data = pin_data;
        }
        workflow.counter += 1;
        workflow.updated = now;
        if workflow.published.is_some() && (publish || version == V1) { self.republish(id) } else { Ok(()) }
    }

    /// Publishes what was just saved over a workflow in service. **A refusal comes too late**: what was saved stays, 2.x
    /// goes on running what was published before, 1.x runs nothing any more (observed).
    fn republish(&mut self, id: &str) -> Result<(), Refusal> {
        let published = self.publish(id, None, None);
        if published.is_err() && self.version == V1 {
            self.unpublish(id)?;
        }
        published
    }

    /// Moves isArchived and versionId, and updatedAt to a whole second (observed: the database's clock sets it).
    pub(super) fn archive(&mut self, id: &str, archived: bool) -> Result<(), Refusal> {
        let (now, next, still) = (self.now(), self.uuid(), self.flaw == Some(Flaw::TimeStandsStill));
        let workflow = self.workflows.get_mut(id).ok_or_else(|| Refusal::new(404, "Workflow not found"))?;
        if workflow.archived == archived {
            return Ok(());
        }
        if archived {
            workflow.published = None;
        }
        workflow.archived = archived;
        workflow.version_id = next.clone();
        workflow.history.push(Version { id: next, content: workflow.content.clone(), at: now });
        workflow.updated = if still { workflow.updated } else { now.trunc_subsecs(0) };
        Ok(())
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<Workflow, Refusal> {
        if self.get(id)?.published.is_some() && self.version == V2 {
            return Err(Refusal::new(409, "Cannot delete a published workflow. Unpublish it before deleting."));
        }
        if self.get(id)?.pending > 0 && self.version == V2 {
            let words = "Workflow is still being unpublished. Please try again in a few moments.";
            return Err(Refusal::new(409, words));
        }
        self.workflows.remove(id).ok_or_else(Refusal::not_found)
    }

    /// Nodes, connections and groups as n8n keeps them: ids where there were none, numbers as JavaScript has them.
    fn content(&mut self, mut nodes: Value, mut connections: Value, groups: Value) -> Content {
        let mut looked_up = BTreeSet::new();
        for node in nodes.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            if node.get("id").is_none_or(|id| id == "") {
                node.insert("id".into(), self.uuid().into());
            }
            let webhook = node.get("type").and_then(Value::as_str).is_some_and(has_webhook);
            let has_id = node.get("webhookId").is_some_and(|id| id != "");
            if webhook && self.version == V2 && !has_id {
                node.insert("webhookId".into(), self.uuid().into());
            }
            self.attach(node, &mut looked_up);
        }
        as_javascript(&mut nodes);
        as_javascript(&mut connections);
        Content { nodes, connections, groups }
    }
}

fn text(value: Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// What 1.x puts into settings that leave it out.
fn filled(mut settings: Map<String, Value>) -> Map<String, Value> {
    settings.entry("callerPolicy").or_insert_with(|| "workflowsFromSameOwner".into());
    settings.entry("availableInMCP").or_insert_with(|| false.into());
    settings
}

/// A key that is left out stays; three have a value that takes them away (1.x knows two of them).
fn merged(mut old: Map<String, Value>, new: Map<String, Value>, v2: bool) -> Map<String, Value> {
    for (key, value) in new {
        if v2 && SETTINGS_IGNORED.contains(&key.as_str()) {
            continue;
        }
        let unset = match key.as_str() {
            "timezone" => value == "DEFAULT",
            "errorWorkflow" => v2 && value == "DEFAULT",
            "executionTimeout" => value == -1,
            _ => false,
        };
        if unset {
            old.remove(&key);
        } else {
            old.insert(key, value);
        }
    }
    old
}

fn has_webhook(kind: &str) -> bool {
    matches!(kind.rsplit('.').next(), Some("webhook" | "formTrigger" | "chatTrigger" | "wait" | "pushcutTrigger"))
}

/// Numbers are doubles to n8n: 1.0 becomes 1.
fn as_javascript(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(as_javascript),
        Value::Object(map) => map.values_mut().for_each(as_javascript),
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0) {
                *value = json!(whole as i64);
            }
        }
        _ => {}
    }
}
