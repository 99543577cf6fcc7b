//! The person in the editor: changes workflows without going through the API.

use serde_json::{Map, Value, json};

use super::state::{Refusal, State, Workflow};
use super::writes::Saved;
use super::{Editor, N8nVersion};

impl Editor {
    /// Makes a workflow of this file or body, with a new id: name, nodes, connections, settings, description, tags (by
    /// name), pinned and static data; `active` publishes it where it has a trigger, `isArchived` archives it.
    pub fn create(&self, workflow: &Value) -> String {
        self.put_in(None, workflow)
    }

    /// The same, keeping the file's id, as n8n's own import does. A workflow with this id is replaced.
    pub fn import(&self, workflow: &Value) -> String {
        self.put_in(workflow.get("id").and_then(Value::as_str).map(str::to_owned), workflow)
    }

    fn put_in(&self, id: Option<String>, workflow: &Value) -> String {
        let mut state = self.lock();
        let id = state.create(id, Saved::read(workflow));
        let names: Vec<&str> =
            workflow.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(tag_name).collect();
        tag(&mut state, &id, &names);
        if workflow.get("active") == Some(&Value::Bool(true)) {
            // Without a trigger it stays a draft, which is what n8n makes of such a file.
            let _ = state.publish(&id, None, None);
            state.settle_now(&id);
        }
        if workflow.get("isArchived") == Some(&Value::Bool(true)) {
            let _ = state.archive(&id, true);
        }
        id
    }

    /// Changes a workflow and saves it, exactly so. The change gets name, description, nodes, connections, nodeGroups,
    /// settings, pinData and staticData. On 2.x a published workflow goes on running what was published; on 1.x the
    /// change runs at once.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow, or it is archived.
    pub fn edit(&self, id: &str, change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
        let mut state = self.lock();
        let mut value = open(state.get(id)?);
        change(&mut value);
        state.save(id, Saved::read(&value), false, false)?;
        state.settle_now(id);
        Ok(())
    }

    /// Changes a workflow and saves it as the editor of 2.x does the first time: with positions on the grid, flags at
    /// their defaults dropped and settings filled in, beside what the person changed (observed).
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow, or it is archived.
    pub fn edit_in_editor(&self, id: &str, change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
        self.edit(id, |workflow| {
            change(workflow);
            tidy_as_editor(workflow);
        })
    }

    /// Publishes what is saved.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow, it is archived, or it has no trigger.
    pub fn publish(&self, id: &str) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.publish(id, None, None)?;
        state.settle_now(id);
        Ok(())
    }

    /// Takes a workflow out of service.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn deactivate(&self, id: &str) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.unpublish(id)?;
        state.settle_now(id);
        Ok(())
    }

    /// Archives a workflow, which also takes it out of service.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn archive(&self, id: &str) -> Result<(), Refusal> {
        self.lock().archive(id, true)
    }

    /// Brings a workflow back from the archive.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn unarchive(&self, id: &str) -> Result<(), Refusal> {
        self.lock().archive(id, false)
    }

    /// Deletes a workflow for good, out of service or not (the editor takes it out first).
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn delete(&self, id: &str) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.unpublish(id)?;
        state.settle_now(id);
        state.delete(id).map(drop)
    }

    /// Drags a node on the canvas and saves.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow or node.
    pub fn move_node(&self, id: &str, node: &str, to: [i64; 2]) -> Result<(), Refusal> {
        self.change_node(id, node, |node| node["position"] = json!(to))
    }

    /// Changes one node, found by its name, and saves.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow or node.
    pub fn change_node(&self, id: &str, node: &str, change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
        let mut found = false;
        self.edit(id, |workflow| {
            let nodes = workflow["nodes"].as_array_mut().into_iter().flatten();
            if let Some(node) = nodes.into_iter().find(|n| n.get("name").and_then(Value::as_str) == Some(node)) {
                found = true;
                change(node);
            }
        })?;
        if found { Ok(()) } else { Err(Refusal::new(404, format!("no node is called {node:?}"))) }
    }

    /// Opens a workflow and saves it unchanged, or runs it by hand: nothing moves (observed for both).
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn execute(&self, id: &str) -> Result<(), Refusal> {
        self.lock().get(id).map(drop)
    }

    /// A trigger in service keeps something for its next turn: static data moves, updatedAt does not.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn trigger_keeps(&self, id: &str, node: &str, what: Value) -> Result<(), Refusal> {
        let mut state = self.lock();
        let workflow = state.get_mut(id)?;
        if !workflow.static_data.is_object() {
            workflow.static_data = json!({});
        }
        workflow.static_data[format!("node:{node}")] = what;
        Ok(())
    }

    /// Gives a workflow these tags and no other; moves nothing else.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such workflow.
    pub fn set_tags(&self, id: &str, names: &[&str]) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.get(id)?;
        tag(&mut state, id, names);
        Ok(())
    }

    /// Which version this is.
    #[must_use]
    pub fn version(&self) -> N8nVersion {
        self.lock().version
    }
}

fn tag(state: &mut State, id: &str, names: &[&str]) {
    let ids: Vec<String> = names.iter().map(|name| state.tag(name)).collect();
    if let Ok(workflow) = state.get_mut(id) {
        workflow.tags = ids;
    }
}

fn tag_name(tag: &Value) -> Option<&str> {
    tag.as_str().or_else(|| tag.get("name").and_then(Value::as_str))
}

fn open(workflow: &Workflow) -> Value {
    json!({
        "name": workflow.name,
        "description": workflow.description,
        "nodes": workflow.content.nodes,
        "connections": workflow.content.connections,
        "nodeGroups": workflow.content.groups,
        "settings": workflow.settings,
        "pinData": workflow.pin_data,
        "staticData": workflow.static_data,
    })
}

fn tidy_as_editor(workflow: &mut Value) {
    for node in workflow["nodes"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        tidy_node(node);
    }
    if workflow["pinData"].is_null() {
        workflow["pinData"] = json!({});
    }
    if let Some(settings) = workflow["settings"].as_object_mut() {
        settings.entry("executionOrder").or_insert_with(|| "v1".into());
        settings.entry("binaryMode").or_insert_with(|| "separate".into());
    }
}

fn tidy_node(node: &mut Map<String, Value>) {
    let defaults = [
        ("disabled", json!(false)),
        ("notes", json!("")),
        ("onError", json!("stopWorkflow")),
        ("credentials", json!({})),
    ];
    for (key, default) in defaults {
        if node.get(key) == Some(&default) {
            node.remove(key);
        }
    }
    for coordinate in node.get_mut("position").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(at) = coordinate.as_f64() {
            *coordinate = json!(((at / 16.0).round() * 16.0) as i64);
        }
    }
}
