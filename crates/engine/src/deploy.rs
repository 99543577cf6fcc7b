//! A file in Git into what an n8n instance should be sent: the declared content, with what belongs to the instance.
//!
//! [`adapt`] says what to write and what a person should know before. What n8n then answers agrees with the file
//! ([`Prints::agree`](crate::Prints::agree)), ids of other workflows mapped, as far as n8n lets itself be written to.
//!
//! # What is sent
//! | what | | why |
//! |---|---|---|
//! | `name`, nodes, connections, settings, `description`, `nodeGroups` | what the file declares; what it does not state is left out, the name taken from live | n8n keeps what is left out, but for settings, for which see `drift-n8n` |
//! | nodes and connections of a file that is an answer with a draft | its published version | it is what the comparison takes for the content |
//! | `active`, `isArchived`, tags | beside the content; none where the file does not state them | n8n has calls of their own for them, and what is not stated is not decided |
//! | `pinData`, `staticData`, ids and times of the workflow | never | data of running workflows, and the instance's own |
//! | `id` of a node | the file's, else the one of the live node that it is, under the pairing of the diff | n8n makes a missing one anew. What the file declares wins, so that groups of nodes find theirs; the id itself is never compared |
//! | `webhookId` | the file's, else the live node's; none where other nodes have the same name | it is the address of forms, chats and waiting executions, so none is made anew. Declared, it is compared, and so it is sent. Where names are shared it counts as content, and one that is put in would be a difference |
//! | `position` | the file's, else the live node's | n8n wants one, and the canvas stays as it is |
//! | a credential | known by type and name: the id that the live node has for it, which is in use; else the one id that the instance has, where the file's own may choose among several; else none, and a [`Note`] | ids belong to an instance. A file's id alone is not trusted: another instance may have another credential under `1`. With an empty id n8n looks for the name itself, without the key it takes any credential of the type |
//! | ids of other workflows (`workflowId`, `errorWorkflow`, `callerIds`) | mapped; as they are where there is no counterpart, and a [`Note`] | they belong to an instance |

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Limits;
use crate::canonical::groups::texts;
use crate::canonical::node::STICKY;
use crate::canonical::references;
use crate::parse::text::repair;
use crate::parse::{WorkflowError, parse};
use crate::workflow::Workflow;

/// A credential of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// The instance's id.
    pub id: &'a str,
    /// Its name, which need not be unique.
    pub name: &'a str,
    /// Its type, as nodes name it: `httpHeaderAuth`.
    pub kind: &'a str,
}

/// What is to be sent, and what a person should know before it is.
#[derive(Clone, PartialEq)]
pub struct Adapted {
    /// Name, nodes, connections, settings, and where the file states them description and node groups.
    pub workflow: Value,
    /// Whether it should be published or active. None: the file does not say.
    pub active: Option<bool>,
    /// The names of its tags. None: the file does not say.
    pub tags: Option<Vec<String>>,
    /// Whether it should be archived. None: the file does not say.
    pub archived: Option<bool>,
    /// What the instance does not have, in the order of nodes; settings last.
    pub notes: Vec<Note>,
}

impl std::fmt::Debug for Adapted {
    /// Leaves the content out: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { workflow: _, active, tags, archived, notes } = self;
        f.debug_struct("Adapted")
            .field("active", active)
            .field("tags", tags)
            .field("archived", archived)
            .field("notes", notes)
            .finish_non_exhaustive()
    }
}

/// Something that the file names and that the instance does not have, or has twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// No credential of this type and name.
    CredentialMissing(Reference),
    /// Several credentials of this type and name, and nothing that says which.
    CredentialAmbiguous(Reference),
    /// The instance does not list its credentials, and the live node does not have this one: n8n takes the one of this
    /// name, if there is exactly one.
    CredentialUnchecked(Reference),
    /// Another workflow without a counterpart on the instance.
    WorkflowMissing {
        /// The node that calls it; none where a setting names it.
        node: Option<String>,
        /// The setting or parameter: `workflowId`, `errorWorkflow`, `callerIds`.
        field: String,
        /// The id that the file has.
        id: String,
    },
    /// Half of a surrogate pair in the file, which is sent as the text of its escape.
    BrokenText,
}

/// A node's reference to a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The node.
    pub node: String,
    /// The credential's type.
    pub kind: String,
    /// Its name; where the file has none, its id.
    pub name: String,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "credential {:?} of type {} for node {:?}", self.name, self.kind, self.node)
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CredentialMissing(reference) => write!(f, "n8n has no {reference}; create it or rename one"),
            Self::CredentialAmbiguous(reference) => {
                write!(f, "n8n has several times the {reference}; choose it in n8n, or rename the others")
            }
            Self::CredentialUnchecked(reference) => {
                write!(f, "n8n does not list its credentials: look for the {reference}")
            }
            Self::WorkflowMissing { node, field, id } => {
                write!(f, "{field}")?;
                node.iter().try_for_each(|node| write!(f, " of node {node:?}"))?;
                write!(f, " names the workflow {id:?}, which has no counterpart in n8n")
            }
            Self::BrokenText => f.write_str("the file holds half a surrogate pair, which is sent as text"),
        }
    }
}

/// Makes of a file's content what is to be sent. The module's documentation has the rules.
///
/// `desired` is one workflow in any format that [`parse`](crate::parse()) reads, `live` what the instance has of it now, if
/// anything. `ids` gives for the id of a workflow in the repository its id on the instance; what it does not know is noted.
/// `credentials` are all of the instance's, where it lists them.
///
/// # Errors
/// Where one of the two cannot be read within the limits.
pub fn adapt(
    desired: &[u8],
    live: Option<&[u8]>,
    ids: &dyn Fn(&str) -> Option<String>,
    credentials: Option<&[Credential<'_>]>,
    limits: &Limits,
) -> Result<Adapted, WorkflowError> {
    let broken = *repair(desired) != *desired;
    let desired = parse(desired, limits)?;
    let live = live.map(|live| parse(live, limits)).transpose()?;
    let mut notes = Vec::new();
    let nodes = Nodes::new(&desired, live.as_ref(), credentials).all(ids, &mut notes);
    missing_in_settings(&desired, ids, &mut notes);
    notes.extend(broken.then_some(Note::BrokenText));
    let mapped = desired.with_ids(ids);
    let mut workflow = Map::new();
    let name = desired.name.as_deref().or(live.as_ref().map(Workflow::name));
    name.into_iter().for_each(|name| drop(workflow.insert("name".into(), name.into())));
    workflow.insert("nodes".into(), nodes);
    workflow.insert("connections".into(), mapped.doc.to_value(mapped.connections));
    workflow.insert("settings".into(), mapped.doc.to_value(mapped.settings));
    if let Some(description) = desired.description() {
        workflow.insert("description".into(), description.into());
    }
    if let Some(groups) = mapped.node_groups {
        workflow.insert("nodeGroups".into(), mapped.doc.to_value(groups));
    }
    Ok(Adapted {
        workflow: Value::Object(workflow),
        active: desired.active(),
        tags: desired.tags().map(<[String]>::to_vec),
        archived: desired.archived(),
        notes,
    })
}

fn missing_in_settings(desired: &Workflow, ids: &dyn Fn(&str) -> Option<String>, notes: &mut Vec<Note>) {
    let error = references::error_workflow(&desired.doc, desired.settings).map(|id| ("errorWorkflow", id.into_owned()));
    let callers = references::caller_ids(&desired.doc, desired.settings).into_iter().map(|id| ("callerIds", id));
    for (field, id) in error.into_iter().chain(callers).filter(|(_, id)| ids(id).is_none()) {
        notes.push(Note::WorkflowMissing { node: None, field: field.to_owned(), id });
    }
}

/// The file's nodes on their way to the instance.
struct Nodes<'a> {
    desired: &'a Workflow,
    /// For each of the file's nodes the live one that it is.
    live: Vec<Option<Value>>,
    /// Ids that nodes of the file have, and those that its groups of nodes name.
    taken: HashSet<String>,
    credentials: Option<&'a [Credential<'a>]>,
}

impl<'a> Nodes<'a> {
    fn new(desired: &'a Workflow, live: Option<&Workflow>, credentials: Option<&'a [Credential<'a>]>) -> Self {
        let mut counterparts = vec![None; desired.nodes.len()];
        if let Some(live) = live {
            for (node, j) in live.nodes.iter().zip(crate::diff::pairs(live, desired)) {
                j.into_iter().for_each(|j| counterparts[j] = Some(live.doc.to_value(node.json)));
            }
        }
        let mut taken: HashSet<String> =
            desired.nodes.iter().filter_map(|node| Some(desired.doc.at(node.id?).to_owned())).collect();
        // A group of the file means a node of the file, or none.
        if let Some(groups) = desired.node_groups {
            texts(&desired.doc.to_value(groups), &mut |text| {
                taken.insert(text.to_owned());
            });
        }
        Self { desired, live: counterparts, taken, credentials }
    }

    /// All nodes as they are to be sent.
    fn all(&self, ids: &dyn Fn(&str) -> Option<String>, notes: &mut Vec<Note>) -> Value {
        let mapped = self.desired.with_ids(ids);
        let shared = self.desired.shared_names();
        let mut given = HashSet::new();
        let mut out = Vec::with_capacity(mapped.nodes.len());
        for ((was, node), live) in self.desired.nodes.iter().zip(&mapped.nodes).zip(&self.live) {
            let name = self.desired.doc.at(was.name);
            let called = references::id_slot(&self.desired.doc, was).map(|(.., id)| id.into_owned());
            if let Some(id) = called.filter(|id| ids(id).is_none()) {
                let (node, field) = (Some(name.to_owned()), "workflowId".to_owned());
                notes.push(Note::WorkflowMissing { node, field, id });
            }
            let Value::Object(mut node) = mapped.doc.to_value(node.json) else { continue };
            if let Some(live) = live {
                let is_shared = self.desired.doc.at(was.kind) != STICKY && shared.binary_search(&name).is_ok();
                self.fill(&mut node, live, is_shared, &mut given);
            }
            self.credentials_of(name, &mut node, live.as_ref(), notes);
            out.push(Value::Object(node));
        }
        Value::Array(out)
    }

    /// Fills in what the file leaves out and the instance has.
    fn fill(&self, node: &mut Map<String, Value>, live: &Value, is_shared: bool, given: &mut HashSet<String>) {
        for key in ["id", "webhookId", "position"] {
            let lacks = node.get(key).is_none_or(|value| value.is_null() || value == "");
            let Some(value) = live.get(key).filter(|value| lacks && !value.is_null() && *value != "") else { continue };
            let fits = match (key, value.as_str()) {
                // Two nodes of one id would be one to the groups.
                ("id", Some(id)) => !self.taken.contains(id) && given.insert(id.to_owned()),
                ("webhookId", _) => !is_shared,
                (key, _) => key == "position",
            };
            if fits {
                node.insert(key.to_owned(), value.clone());
            }
        }
    }

    fn credentials_of(&self, name: &str, node: &mut Map<String, Value>, live: Option<&Value>, notes: &mut Vec<Note>) {
        let Some(all) = node.get_mut("credentials").and_then(Value::as_object_mut) else { return };
        for (kind, credential) in all {
            let live = live.and_then(|live| live.get("credentials")?.get(kind));
            self.credential(name, kind, credential, live, notes);
        }
    }

    fn credential(&self, node: &str, kind: &str, credential: &mut Value, live: Option<&Value>, notes: &mut Vec<Note>) {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        // Old exports hold the bare name.
        let Some(name) = text(credential).or_else(|| text(credential.get("name")?)) else {
            return self.nameless(node, kind, credential, notes);
        };
        let own = credential.get("id").and_then(text);
        let of_live = live.filter(|live| live.get("name").and_then(Value::as_str) == Some(&name));
        let (id, note) = match of_live.and_then(|live| text(live.get("id")?)) {
            Some(id) => (id, None),
            None => self.choose(Reference { node: node.to_owned(), kind: kind.to_owned(), name: name.clone() }, own),
        };
        notes.extend(note);
        match credential {
            Value::Object(credential) => drop(credential.insert("id".into(), id.into())),
            bare => *bare = json!({ "id": id, "name": name }),
        }
    }

    /// The id of the instance's credential of a type and name, or none and why. `own` is the id that the file has.
    fn choose(&self, wanted: Reference, own: Option<String>) -> (String, Option<Note>) {
        let Some(credentials) = self.credentials else {
            return (String::new(), Some(Note::CredentialUnchecked(wanted)));
        };
        let fits: Vec<_> = credentials.iter().filter(|c| c.kind == wanted.kind && c.name == wanted.name).collect();
        match fits.as_slice() {
            [] => (String::new(), Some(Note::CredentialMissing(wanted))),
            [only] => (only.id.to_owned(), None),
            several => match own.filter(|own| several.iter().any(|c| c.id == own)) {
                Some(own) => (own, None),
                None => (String::new(), Some(Note::CredentialAmbiguous(wanted))),
            },
        }
    }

    /// A reference by id alone: it is compared by it, so it stays.
    fn nameless(&self, node: &str, kind: &str, credential: &Value, notes: &mut Vec<Note>) {
        let Some(id) = credential.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) else { return };
        let reference = || Reference { node: node.to_owned(), kind: kind.to_owned(), name: id.to_owned() };
        match self.credentials {
            None => notes.push(Note::CredentialUnchecked(reference())),
            Some(all) if !all.iter().any(|c| c.kind == kind && c.id == id) => {
                notes.push(Note::CredentialMissing(reference()));
            }
            Some(_) => {}
        }
    }
}
