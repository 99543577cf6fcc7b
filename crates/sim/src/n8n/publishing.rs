//! Publishing and taking out of service, and what n8n refuses to publish (observed on both versions).
//!
//! An answer comes before the thing: triggers start, schedules keep their state and webhooks are taken a moment later. The
//! stand-in counts that moment in requests (see `N8nSim::set_publish_lag`).

use serde_json::{Value, json};

use super::N8nVersion::{V1, V2};
use super::state::{Content, Published, Refusal, State, Workflow};
use super::{Flaw, N8nVersion};

impl State {
    /// Publishes the current version, or an earlier one; moves neither updatedAt nor versionId.
    pub(super) fn publish(
        &mut self,
        id: &str,
        version: Option<&str>,
        named: Option<(Value, Value)>,
    ) -> Result<(), Refusal> {
        let workflow = self.get(id)?;
        if workflow.archived {
            return Err(Refusal::new(400, "Cannot activate an archived workflow."));
        }
        let wanted = version.unwrap_or(&workflow.version_id);
        let found = workflow.history.iter().find(|v| v.id == wanted).cloned();
        let version = found.ok_or_else(|| Refusal::new(404, "Version not found"))?;
        self.publishable(workflow, &version.content)?;
        if self.flaw == Some(Flaw::PublishHasNoEffect) {
            return Ok(());
        }
        let mut events = workflow.published.as_ref().map(|p| p.events.clone()).unwrap_or_default();
        if let Some(before) = workflow.published.as_ref().map(|p| p.version.id.clone()) {
            events.push(self.publish_event(id, &before, "deactivated"));
        }
        events.push(self.publish_event(id, &version.id, "activated"));
        let (name, description) = named.unwrap_or_default();
        let pending = self.lag;
        let workflow = self.get_mut(id)?;
        workflow.published = Some(Published { version, name, description, events });
        workflow.pending = pending;
        Ok(())
    }

    /// Takes a workflow out of service; its triggers stop a moment later.
    pub(super) fn unpublish(&mut self, id: &str) -> Result<(), Refusal> {
        let (lag, flaw) = (self.lag, self.flaw);
        let workflow = self.get_mut(id)?;
        if workflow.published.is_some() && flaw != Some(Flaw::PublishHasNoEffect) {
            workflow.published = None;
            workflow.pending = lag;
        }
        Ok(())
    }

    /// A request has been answered: what was pending for as long as that takes effect.
    pub(super) fn pass(&mut self) {
        let version = self.version;
        for workflow in self.workflows.values_mut().filter(|workflow| workflow.pending > 0) {
            workflow.pending -= 1;
            if workflow.pending == 0 {
                settle(workflow, version);
            }
        }
    }

    /// What was published takes effect at once: time passes while a person looks on.
    pub(super) fn settle_now(&mut self, id: &str) {
        let version = self.version;
        if let Ok(workflow) = self.get_mut(id) {
            workflow.pending = 0;
            settle(workflow, version);
        }
    }

    fn publishable(&self, workflow: &Workflow, content: &Content) -> Result<(), Refusal> {
        if let Some(kind) = kinds(content).find(|kind| self.uninstalled.contains(*kind)) {
            return Err(Refusal::new(400, format!("Unrecognized node type: {kind}")));
        }
        if triggers(content) == 0 {
            return Err(no_trigger(self.version, workflow));
        }
        if self.version == V1 && !schedules_are_readable(content) {
            let words = "There was a problem activating the workflow: \"Invalid cron expression\"";
            return Err(Refusal::new(400, words));
        }
        self.webhooks_are_free(&workflow.id, content)
    }

    /// A webhook that another workflow has taken. On 2.x one that is only about to take it is overlooked (observed: both
    /// are answered 200, and the later one is in service without its webhook).
    fn webhooks_are_free(&self, id: &str, content: &Content) -> Result<(), Refusal> {
        let wanted: Vec<Webhook<'_>> = webhooks(content).collect();
        for other in self.workflows.values().filter(|other| other.id != id) {
            let Some(published) = &other.published else { continue };
            if self.version == V2 && other.pending > 0 {
                continue;
            }
            let taken = |hook: &Webhook<'_>| {
                webhooks(&published.version.content).any(|other| (other.method, other.path) == (hook.method, hook.path))
            };
            if let Some(hook) = wanted.iter().find(|hook| taken(hook)) {
                return Err(webhook_taken(self.version, hook.node));
            }
        }
        Ok(())
    }
}

fn no_trigger(version: N8nVersion, workflow: &Workflow) -> Refusal {
    let words = match version {
        V1 => format!(
            "Workflow \"{}\" (ID: {}) has no node to start the workflow - at least one trigger, poller or webhook node is \
             required",
            workflow.name, workflow.id
        ),
        V2 => "Workflow cannot be activated because it has no trigger node. At least one trigger, webhook, or polling \
               node is required."
            .to_owned(),
    };
    Refusal::new(400, words)
}

fn webhook_taken(version: N8nVersion, node: &str) -> Refusal {
    match version {
        V1 => Refusal::new(
            400,
            format!("The URL path that the \"{node}\" node uses is already taken. Please change it to something else."),
        ),
        V2 => Refusal::new(409, "There is a conflict with one of the webhooks."),
    }
}

/// A schedule that cannot be read stops nothing on 2.x: the workflow stays in service, and nothing starts it.
fn settle(workflow: &mut Workflow, version: N8nVersion) {
    let Some(published) = &workflow.published else { return };
    if schedules_are_readable(&published.version.content) {
        remember_schedules(&mut workflow.static_data, &published.version.content, version == V2);
        workflow.triggers = triggers(&published.version.content);
    }
}

fn nodes(content: &Content) -> impl Iterator<Item = &Value> {
    content.nodes.as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn enabled(content: &Content) -> impl Iterator<Item = &Value> {
    nodes(content).filter(|node| node.get("disabled") != Some(&Value::Bool(true)))
}

fn kind(node: &Value) -> &str {
    node.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn kinds(content: &Content) -> impl Iterator<Item = &str> {
    nodes(content).map(kind)
}

fn is_trigger(kind: &str) -> bool {
    let kind = kind.rsplit('.').next().unwrap_or(kind);
    kind != "manualTrigger" && (kind == "webhook" || kind == "cron" || kind.to_ascii_lowercase().ends_with("trigger"))
}

fn triggers(content: &Content) -> u64 {
    enabled(content).filter(|node| is_trigger(kind(node))).count() as u64
}

/// What a webhook node listens on.
struct Webhook<'a> {
    node: &'a str,
    method: &'a str,
    path: &'a str,
}

fn webhooks(content: &Content) -> impl Iterator<Item = Webhook<'_>> {
    enabled(content).filter(|node| kind(node).ends_with(".webhook")).filter_map(|node| {
        let parameter = |key: &str| node["parameters"].get(key).and_then(Value::as_str);
        Some(Webhook {
            node: node.get("name").and_then(Value::as_str).unwrap_or_default(),
            method: parameter("httpMethod").unwrap_or("GET"),
            path: parameter("path").filter(|path| !path.is_empty())?,
        })
    })
}

fn schedules(content: &Content) -> impl Iterator<Item = &Value> {
    enabled(content).filter(|node| kind(node).ends_with(".scheduleTrigger"))
}

/// Whether every cron expression has five or six fields; what is in the fields is not looked at.
fn schedules_are_readable(content: &Content) -> bool {
    let intervals = schedules(content).filter_map(|node| node["parameters"]["rule"]["interval"].as_array()).flatten();
    let expressions = intervals.filter(|interval| interval["field"] == "cronExpression");
    expressions.filter_map(|interval| interval["expression"].as_str()).all(|text| {
        // An expression of n8n's own language is worked out first.
        text.starts_with('=') || matches!(text.split_whitespace().count(), 5 | 6)
    })
}

/// A schedule that starts keeps its state in static data.
fn remember_schedules(static_data: &mut Value, content: &Content, v2: bool) {
    let state = if v2 {
        json!({ "recurrenceRules": [null], "recurrenceRuleSignatures": [null] })
    } else {
        json!({ "recurrenceRules": [] })
    };
    for name in schedules(content).filter_map(|node| node.get("name").and_then(Value::as_str)) {
        if !static_data.is_object() {
            *static_data = json!({});
        }
        let key = format!("node:{name}");
        if static_data.get(&key).is_none() {
            static_data[key] = state.clone();
        }
    }
}
