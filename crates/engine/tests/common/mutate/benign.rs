//! Operations that change nothing that runs.

use super::*;

impl Case {
    /// Does something that changes nothing that runs.
    pub fn benign(&mut self, op: &str, rng: &mut Rng) {
        match op {
            "volatile" | "runtime data" | "unknown fields" | "settings of an upgrade" | "tag order" => {
                self.top_noise(op, rng)
            }
            "connection order" | "empty slots" => self.wire_noise(op, rng),
            "node order" => rng.shuffle(self.nodes()),
            "sticky note" => self.stickies(rng),
            _ => {
                for node in self.nodes().iter_mut().filter_map(Value::as_object_mut) {
                    node_noise(op, node, rng);
                }
            }
        }
    }

    fn top_noise(&mut self, op: &str, rng: &mut Rng) {
        let Some(w) = self.workflow.as_object_mut() else { return };
        match op {
            "volatile" => {
                for (key, value) in [
                    ("updatedAt", json!("2026-11-07T10:00:00.000Z")),
                    ("createdAt", json!("2025-11-07T10:00:00.000Z")),
                    ("versionId", json!(rng.uuid())),
                    ("versionCounter", json!(rng.below(99))),
                    ("triggerCount", json!(rng.below(9))),
                    ("meta", json!({"instanceId": rng.uuid()})),
                    ("sourceWorkflowId", Value::Null),
                ] {
                    w.insert(key.into(), value);
                }
            }
            "runtime data" => {
                w.insert("staticData".into(), json!({"node:X": {"recurrenceRules": [rng.below(9)]}}));
                w.insert("pinData".into(), json!({"X": [{"json": {"a": rng.below(9)}}]}));
            }
            "unknown fields" => {
                w.insert("fieldOfTomorrow".into(), json!({"a": rng.below(9)}));
                let all = self.nodes();
                all.iter_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(|n| drop(n.insert("newFlag".into(), json!(1))));
            }
            "tag order" => {
                if let Some(tags) = w.get_mut("tags").and_then(Value::as_array_mut) {
                    rng.shuffle(tags);
                    for tag in tags.iter_mut().filter_map(Value::as_object_mut) {
                        tag.insert("id".into(), json!(rng.uuid()));
                    }
                }
            }
            _ => {
                let settings = w.entry("settings").or_insert_with(|| json!({}));
                if settings.is_null() {
                    *settings = json!({});
                }
                let Some(settings) = settings.as_object_mut() else { return };
                for (key, value) in [
                    ("callerPolicy", json!("workflowsFromSameOwner")),
                    ("availableInMCP", json!(false)),
                    ("binaryMode", json!("separate")),
                    ("timeSavedMode", json!("fixed")),
                    ("errorWorkflow", json!("")),
                    ("settingOfTomorrow", json!(true)),
                ] {
                    settings.entry(key).or_insert(value);
                }
            }
        }
    }

    fn wire_noise(&mut self, op: &str, rng: &mut Rng) {
        for ports in self.workflow["connections"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            let Some(ports) = ports.as_object_mut() else { continue };
            for slots in ports.values_mut().filter_map(Value::as_array_mut) {
                if op == "connection order" {
                    slots.iter_mut().filter_map(Value::as_array_mut).for_each(|s| rng.shuffle(s));
                } else {
                    slots.push(if rng.one_in(2) { Value::Null } else { json!([]) });
                }
            }
            if op == "empty slots" {
                ports.entry("ai_tool").or_insert_with(|| json!([[]]));
            }
        }
    }

    fn stickies(&mut self, rng: &mut Rng) {
        for node in self.nodes().iter_mut().filter(|n| n["type"] == STICKY) {
            node["parameters"]["content"] = json!(format!("note {}", rng.below(99)));
        }
        let note = json!({
            "id": rng.uuid(), "name": "A note of its own", "type": STICKY, "typeVersion": 1, "position": [0, 0],
            "parameters": {"content": "hello"},
        });
        self.nodes().push(note);
    }
}

fn node_noise(op: &str, node: &mut Map<String, Value>, rng: &mut Rng) {
    match op {
        "position" => drop(node.insert("position".into(), json!([rng.below(999), rng.below(999)]))),
        "new ids" => drop(node.insert("id".into(), json!(rng.uuid()))),
        "defaults written" => {
            for (key, value) in [
                ("disabled", json!(false)),
                ("notes", json!("")),
                ("onError", json!("stopWorkflow")),
                ("credentials", json!({})),
                ("executeOnce", json!(false)),
                ("retryOnFail", json!(false)),
                ("maxTries", json!(3)),
                ("waitBetweenTries", json!(1000)),
                ("alwaysOutputData", json!(false)),
                ("notesInFlow", json!(true)),
            ] {
                node.entry(key).or_insert(value);
            }
            if let Some(parameters) = node.get_mut("parameters").and_then(Value::as_object_mut) {
                parameters.entry("options").or_insert_with(|| json!({}));
            }
        }
        "defaults left out" => {
            node.retain(|key, value| {
                let flag = matches!(key.as_str(), "disabled" | "executeOnce" | "retryOnFail" | "alwaysOutputData");
                !(flag && *value == false)
            });
            if let Some(parameters) = node.get_mut("parameters").and_then(Value::as_object_mut) {
                parameters.retain(|_, v| *v != json!({}));
            }
        }
        "nulls" => {
            for key in ["webhookId", "notes", "disabled", "credentials", "onError"] {
                node.entry(key).or_insert(Value::Null);
            }
        }
        "credential ids" => {
            let all = node.get_mut("credentials").and_then(Value::as_object_mut);
            for credential in all.into_iter().flat_map(Map::values_mut) {
                let named = credential.get("name").and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
                if let Some(name) = named {
                    *credential = if rng.one_in(3) { json!(name) } else { json!({"id": rng.uuid(), "name": name}) };
                }
            }
        }
        "assignment ids" | "caches dropped" => {
            if let Some(parameters) = node.get_mut("parameters") {
                editor_noise(op, parameters, false, rng);
            }
        }
        _ => {}
    }
}

fn editor_noise(op: &str, value: &mut Value, listed: bool, rng: &mut Rng) {
    match value {
        Value::Object(map) => {
            let id = map.get("id").and_then(Value::as_str).is_some_and(|s| s.len() == 36 && s.contains('-'));
            if op == "assignment ids" && listed && id {
                map.insert("id".into(), json!(rng.uuid()));
            }
            if op == "caches dropped" && map.get("__rl") == Some(&json!(true)) {
                map.retain(|key, _| !key.starts_with("cachedResult"));
            }
            for (key, v) in map {
                if key == "assignments" || key == "conditions" {
                    v.as_array_mut().into_iter().flatten().for_each(|v| editor_noise(op, v, true, rng));
                }
                if !(v.is_array() && (key == "assignments" || key == "conditions")) {
                    editor_noise(op, v, false, rng);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| editor_noise(op, v, false, rng)),
        _ => {}
    }
}
