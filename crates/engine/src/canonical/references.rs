//! Ids of other workflows inside a workflow: they belong to one instance and are mapped before sides are compared.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::workflow::{Node, Workflow};

/// Node types whose `workflowId` names another workflow.
fn calls_workflow(kind: &str) -> bool {
    matches!(
        kind.rsplit('.').next().unwrap_or_default(),
        "executeWorkflow" | "toolWorkflow" | "retrieverWorkflow" | "evaluationWorkflow"
    )
}

/// The id in a `workflowId` parameter, which is a string or a resource locator. An expression is not an id.
fn id_slot(node: &mut Node) -> Option<&mut Value> {
    if !calls_workflow(&node.kind) {
        return None;
    }
    let parameter = node.raw.get_mut("parameters")?.get_mut("workflowId")?;
    let slot = if parameter.is_object() { parameter.get_mut("value")? } else { parameter };
    is_id(slot).then_some(slot)
}

fn is_id(value: &Value) -> bool {
    match value {
        Value::String(s) => !s.is_empty() && !s.starts_with('='),
        Value::Number(_) => true,
        _ => false,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn error_workflow(settings: &Map<String, Value>) -> Option<&str> {
    settings.get("errorWorkflow").and_then(Value::as_str).filter(|id| !id.is_empty() && *id != "DEFAULT")
}

fn caller_ids(settings: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let ids = settings.get("callerIds").and_then(Value::as_str).unwrap_or_default();
    ids.split(',').map(str::trim).filter(|id| !id.is_empty())
}

/// All of them, sorted, each once.
pub(crate) fn of(workflow: &Workflow) -> Vec<String> {
    let mut ids = BTreeSet::new();
    ids.extend(error_workflow(&workflow.settings).map(str::to_owned));
    ids.extend(caller_ids(&workflow.settings).map(str::to_owned));
    for node in workflow.nodes.iter().filter(|n| calls_workflow(&n.kind)) {
        let Some(parameter) = node.raw.get("parameters").and_then(|p| p.get("workflowId")) else { continue };
        let slot = if parameter.is_object() { parameter.get("value") } else { Some(parameter) };
        ids.extend(slot.filter(|v| is_id(v)).map(text));
    }
    ids.into_iter().collect()
}

impl Workflow {
    /// This workflow with ids of other workflows replaced by what `map` gives for them, so that sides from different
    /// instances can be compared: each side's ids become the same stable names. Ids that `map` does not know stay.
    #[must_use]
    pub fn with_ids(&self, map: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut out = self.clone();
        if self.references.is_empty() {
            return out;
        }
        for node in &mut out.nodes {
            if let Some(slot) = id_slot(node)
                && let Some(name) = map(&text(slot))
            {
                *slot = Value::from(name);
            }
        }
        if let Some(name) = error_workflow(&self.settings).and_then(map) {
            out.settings.insert("errorWorkflow".to_owned(), Value::from(name));
        }
        let callers: Vec<_> = caller_ids(&self.settings).collect();
        if !callers.is_empty() {
            let names: Vec<_> = callers.into_iter().map(|id| map(id).unwrap_or_else(|| id.to_owned())).collect();
            out.settings.insert("callerIds".to_owned(), Value::from(names.join(",")));
        }
        out.references = of(&out);
        out
    }
}
