//! Ids of other workflows inside a workflow: they belong to one instance and are mapped before sides are compared.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::json::{Document, Json};
use crate::workflow::{Node, Workflow};

/// Node types whose `workflowId` names another workflow.
fn calls_workflow(kind: &str) -> bool {
    matches!(
        kind.rsplit('.').next().unwrap_or_default(),
        "executeWorkflow" | "toolWorkflow" | "retrieverWorkflow" | "evaluationWorkflow"
    )
}

/// Where a node names another workflow: the object, the key in it, and the id. `workflowId` is a text or a resource
/// locator. An expression is not an id.
pub(crate) fn id_slot<'a>(doc: &'a Document, node: &Node) -> Option<(Json, &'static str, Cow<'a, str>)> {
    if !calls_workflow(doc.at(node.kind)) {
        return None;
    }
    let parameters = doc.get(node.json, "parameters")?;
    let parameter = doc.get(parameters, "workflowId")?;
    let (object, key) = if parameter.is_object() { (parameter, "value") } else { (parameters, "workflowId") };
    Some((object, key, id(doc, doc.get(object, key)?)?))
}

/// Where a resource locator remembers the address of what it names.
pub(crate) const CACHED_URL: &str = "cachedResultUrl";

/// What comes before the id in the address that a locator remembers: `/workflow/`. None where it does not end with the id.
pub(crate) fn cached_url(doc: &Document, locator: Json, id: &str) -> Option<String> {
    let url = doc.text(doc.get(locator, CACHED_URL)?)?;
    url.strip_suffix(id).filter(|before| before.ends_with('/')).map(str::to_owned)
}

fn id(doc: &Document, json: Json) -> Option<Cow<'_, str>> {
    match json {
        Json::Text(text) => Some(doc.said(text)).filter(|id| !id.is_empty() && !id.starts_with('=')),
        Json::Integer(_) | Json::Float(_) => Some(Cow::Owned(String::from_utf8_lossy(&doc.bytes(json)).into_owned())),
        _ => None,
    }
}

pub(crate) fn error_workflow(doc: &Document, settings: Json) -> Option<Cow<'_, str>> {
    let id = doc.text(doc.get(settings, "errorWorkflow")?)?;
    (!id.is_empty() && id != "DEFAULT").then_some(id)
}

pub(crate) fn caller_ids(doc: &Document, settings: Json) -> Vec<String> {
    let ids = doc.get(settings, "callerIds").and_then(|ids| doc.text(ids)).unwrap_or_default();
    ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// All of them, sorted, each once.
pub(crate) fn of(doc: &Document, settings: Json, nodes: &[Node]) -> Vec<String> {
    let mut ids = BTreeSet::new();
    ids.extend(error_workflow(doc, settings).map(Cow::into_owned));
    ids.extend(caller_ids(doc, settings));
    ids.extend(nodes.iter().filter_map(|node| Some(id_slot(doc, node)?.2.into_owned())));
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
        let doc = Arc::make_mut(&mut out.doc);
        for node in &self.nodes {
            if let Some((object, key, id)) = id_slot(&self.doc, node)
                && let Some(name) = map(&id)
            {
                if let Some(url) = cached_url(&self.doc, object, &id) {
                    doc.replace(object, CACHED_URL, &format!("{url}{name}"));
                }
                doc.replace(object, key, &name);
            }
        }
        if let Some(name) = error_workflow(&self.doc, self.settings).and_then(|id| map(&id)) {
            doc.replace(self.settings, "errorWorkflow", &name);
        }
        let callers = caller_ids(&self.doc, self.settings);
        if !callers.is_empty() {
            let names: Vec<_> = callers.into_iter().map(|id| map(&id).unwrap_or(id)).collect();
            doc.replace(self.settings, "callerIds", &names.join(","));
        }
        out.references = of(&out.doc, out.settings, &out.nodes);
        out
    }
}
