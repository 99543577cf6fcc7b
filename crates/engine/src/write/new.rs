//! A file that was not there: in the style of its siblings, with the fields that they have.

use super::credentials::KnownIds;
use super::locate::{graph, workflow};
use super::merge::Merge;
use super::nodes::add_keys;
use super::sheet::{Block, Sheet};
use super::siblings::{Sibling, frame, style};
use super::top::{tag_in, tag_shape};
use crate::prints::one_sided_differs;
use crate::workflow::Workflow;

/// The fields that a file may have, in the order that they have where no sibling says another. All else is of a server.
const FIELDS: [&str; 10] =
    ["id", "name", "active", "isArchived", "description", "nodes", "connections", "settings", "nodeGroups", "tags"];
/// Without these it is another workflow, or not known again.
const ALWAYS: [&str; 5] = ["id", "name", "nodes", "connections", "settings"];
/// What most workflows do not have: a format that has it at all may have it.
const RARE: [&str; 3] = ["description", "nodeGroups", "tags"];
/// Settings of a server: its API does not take them.
const OF_SERVER: [&str; 2] = ["binaryMode", "credentialResolverId"];

/// The bytes of the file. `live` is read from `content`; `id` is what the repository calls the workflow.
pub(super) fn file(content: &str, live: &Workflow, id: Option<&str>, siblings: &[Sibling<'_>]) -> Option<Vec<u8>> {
    let sheet = Sheet::read(content)?;
    let theirs = workflow(&sheet)?;
    let (style, mut node_keys, mut credentials) = (style(siblings), Vec::new(), KnownIds::default());
    for sibling in siblings.iter().filter_map(Sibling::graph) {
        let nodes = sibling.get("nodes").and_then(Sheet::list).into_iter().flat_map(|nodes| &nodes.entries);
        nodes.filter_map(|node| node.value.object()).for_each(|node| add_keys(node, &mut node_keys));
        credentials.add(sibling);
    }
    let merge = Merge { file: live, live, style, node_keys, credentials };
    let order = field_order(siblings);
    let mut out = Sheet::empty(true);
    let block = out.object_mut()?;
    for field in order.iter().filter(|field| is_written(field, live, siblings)) {
        if let Some(value) = merge.field(field, theirs, id, siblings) {
            block.insert(block.entries.len(), Some(field), &value, &merge.style, "");
        }
    }
    let written = merge.style.written(&out, "", false);
    let (begin, end) = frame(siblings, &merge.style);
    Some(format!("{begin}{}{end}", written.to_text()).into_bytes())
}

/// The fields in the order that the siblings have; one that none of them has behind those that are usually before it.
fn field_order(siblings: &[Sibling<'_>]) -> Vec<String> {
    let mut order = Vec::new();
    siblings.iter().filter_map(Sibling::top).for_each(|top| add_keys(top, &mut order));
    order.retain(|key| FIELDS.contains(&key.as_str()));
    for (at, field) in FIELDS.iter().enumerate() {
        if !order.iter().any(|key| key == field) {
            let before = order.iter().rposition(|key| FIELDS[..at].contains(&key.as_str()));
            order.insert(before.map_or(0, |before| before + 1), (*field).to_owned());
        }
    }
    order
}

/// Whether a field is put into the file.
fn is_written(field: &str, live: &Workflow, siblings: &[Sibling<'_>]) -> bool {
    let facets = live.facets();
    let facet = facets.get(field);
    let have = siblings.iter().filter_map(Sibling::top).filter(|top| top.get(field).is_some()).count();
    let is_usual = if RARE.contains(&field) { have > 0 } else { 2 * have >= siblings.len().max(1) };
    let needed = facet.is_some_and(|facet| one_sided_differs(facet.default, live.instance));
    match field {
        _ if ALWAYS.contains(&field) || needed || is_usual => true,
        _ if !siblings.is_empty() => false,
        "active" => true,
        _ => RARE.contains(&field) && facet.is_some_and(|facet| !facet.default),
    }
}

impl Merge<'_> {
    /// What the file has under a field; nothing where the content has nothing.
    fn field(
        &self,
        field: &str,
        theirs: &Block<'_>,
        id: Option<&str>,
        siblings: &[Sibling<'_>],
    ) -> Option<Sheet<'static>> {
        let from = match field {
            "nodes" | "connections" => graph(theirs, self.live)?,
            "nodeGroups" => {
                graph(theirs, self.live).filter(|part| part.get(field).is_some_and(|g| !g.is_null())).unwrap_or(theirs)
            }
            _ => theirs,
        };
        match field {
            "id" => id.map(|id| self.style.text(id)),
            "nodes" => Some(self.all_nodes(from.get(field)?, siblings).owned()),
            "connections" | "settings" => {
                let mut object =
                    from.get(field).filter(|value| value.object().is_some()).map_or(Sheet::empty(true), Sheet::owned);
                let settings = object.object_mut().filter(|_| field == "settings");
                settings.into_iter().for_each(|settings| OF_SERVER.iter().for_each(|key| settings.remove_key(key)));
                Some(object)
            }
            "tags" => {
                let shape = siblings.iter().find_map(|sibling| tag_shape(sibling.top()?.get("tags")?));
                let mut tags = Sheet::empty(false);
                for tag in &from.get(field)?.list()?.entries {
                    let list = tags.list_mut()?;
                    list.insert(list.entries.len(), None, &tag_in(&tag.value, shape.as_ref()), &self.style, "");
                }
                Some(tags)
            }
            _ => from.get(field).map(Sheet::owned),
        }
    }

    fn all_nodes(&self, nodes: &Sheet<'_>, siblings: &[Sibling<'_>]) -> Sheet<'static> {
        let grouped = self.live.node_groups.is_some_and(|groups| !self.live.doc.items(groups).is_empty());
        let with_ids = siblings.iter().filter_map(Sibling::has_node_ids).max().unwrap_or(true);
        let mut out = Sheet::empty(false);
        for node in nodes.list().into_iter().flat_map(|nodes| &nodes.entries).filter_map(|node| node.value.object()) {
            if let Some(list) = out.list_mut() {
                let node = Sheet::Block(self.new_node(node, with_ids || grouped));
                list.insert(list.entries.len(), None, &node, &self.style, "");
            }
        }
        out.owned()
    }
}
