//! What the engine makes of contents, in the words that a plan shows.

use std::collections::{HashMap, HashSet};

use drift_domain::views::{DiffLine, DiffView, LineKind, MergeConflict, MergePart};
use drift_engine::deploy::{self, Note};
use drift_engine::merge::merge as merge_sides;
use drift_engine::write::{Existing, Named, Writing};
use drift_engine::{Limits, Step, Workflow};
use drift_n8n::Credential;
use serde_json::Value;

use super::planning::Picks;
use crate::{path_template, views};

/// What two contents differ in, as far as n8n has a call of its own for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Differs {
    /// Anything that is written with the workflow itself.
    pub content: bool,
    /// Its tags.
    pub tags: bool,
    /// Whether it is in service.
    pub active: bool,
}

impl Differs {
    pub(super) const fn any(self) -> bool {
        self.content || self.tags || self.active
    }
}

fn read(bytes: &[u8]) -> Result<Workflow, String> {
    drift_engine::parse(bytes, &Limits::default()).map_err(|error| format!("It cannot be read as a workflow: {error}"))
}

/// A workflow that speaks of others by the ids of the other side.
fn mapped(workflow: Workflow, ids: &HashMap<String, String>) -> Workflow {
    if ids.is_empty() || workflow.references().is_empty() {
        return workflow;
    }
    workflow.with_ids(&|id| ids.get(id).cloned())
}

/// Whether a workflow is in service, as n8n answers it.
pub(super) fn is_active(answer: &[u8]) -> bool {
    read(answer).ok().and_then(|workflow| workflow.active()) == Some(true)
}

/// What differs between what n8n has and what it should have. Everything, where it cannot be told.
pub(super) fn differs(live: Option<&[u8]>, desired: &[u8], ids: &HashMap<String, String>) -> Differs {
    let all = Differs { content: true, tags: true, active: true };
    let Some(Ok(live)) = live.map(read) else { return all };
    let Ok(desired) = read(desired) else { return all };
    let mut differs = Differs::default();
    for change in drift_engine::diff(&live, &mapped(desired, ids)).changes {
        match change.path.first() {
            Some(Step::Key(key)) if change.node.is_none() && key == "tags" => differs.tags = true,
            Some(Step::Key(key)) if change.node.is_none() && key == "active" => differs.active = true,
            _ => differs.content = true,
        }
    }
    differs
}

/// What differs, for a screen; of a side that is missing, against nothing.
pub(super) fn diff(live: Option<&[u8]>, desired: Option<&[u8]>, ids: &HashMap<String, String>) -> DiffView {
    const NOTHING: &[u8] = br#"{"name":"","nodes":[],"connections":{},"settings":{}}"#;
    let sides = (read(live.unwrap_or(NOTHING)), read(desired.unwrap_or(NOTHING)));
    let (Ok(live), Ok(desired)) = sides else { return DiffView::default() };
    views::diff_view(drift_engine::diff(&live, &mapped(desired, ids)))
}

/// How n8n departs from what it should hold, in a line; `None` where it does not.
pub(super) fn departs(answer: &[u8], desired: &[u8], ids: &HashMap<String, String>) -> Result<Option<String>, String> {
    let (live, desired) = (read(answer)?, mapped(read(desired)?, ids));
    if live.prints().agree(&desired.prints()) {
        return Ok(None);
    }
    Ok(Some(drift_engine::diff(&live, &desired).summary().text))
}

/// A file as it should be; `None` where it says that already. `ids`: the repository's ids of workflows by those of the content.
pub(super) fn file(
    content: &[u8],
    existing: Option<Existing<'_>>,
    siblings: &[Vec<u8>],
    ids: &HashMap<String, String>,
) -> Result<Option<Vec<u8>>, String> {
    let siblings: Vec<&[u8]> = siblings.iter().map(Vec::as_slice).collect();
    let ids = |id: &str| ids.get(id).cloned();
    let writing = Writing { content, existing, siblings: &siblings, ids: &ids };
    let written = drift_engine::write::write(&writing, &Limits::default());
    let written = written.map_err(|error| format!("The file cannot be written: {error}."))?;
    Ok(written.changed.then_some(written.bytes))
}

/// Which workflow of a file a path means: `file.json#id`, `file.json#[2]`, or the only one.
pub(super) fn position(file: &[u8], path: &str) -> usize {
    let Some((_, part)) = path.split_once('#') else { return 0 };
    if let Some(place) = part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return place.parse().unwrap_or_default();
    }
    let all: Vec<Value> = serde_json::from_slice(file).unwrap_or_default();
    all.iter().position(|workflow| workflow["id"] == part).unwrap_or_default()
}

/// Places that look like secrets and are news to the file. What cannot be looked through stops as well.
pub(super) fn secrets(content: &[u8], existing: Option<Existing<'_>>) -> Vec<String> {
    match drift_engine::write::secrets(content, existing, &Limits::default()) {
        Ok(places) => places.iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("it could not be looked through for secrets: {error}")],
    }
}

/// Where the file of a new workflow goes: by the environment's template below its folder, else as the other files are named.
pub(super) fn new_path<'a>(
    template: Option<&str>,
    folder: &str,
    known: impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)>,
    content: &[u8],
    taken: impl Fn(&str) -> bool,
) -> String {
    let known: Vec<Named<'_>> =
        known.filter(|(path, ..)| !path.contains('#')).map(|(path, id, name)| Named { path, id, name }).collect();
    let template = match template {
        Some(template) => path_template::within(folder, template),
        None if known.is_empty() => path_template::within(folder, "{slug}.json"),
        None => drift_engine::write::path_template(&known),
    };
    let workflow = read(content).ok();
    let (id, name) = workflow.as_ref().map_or((None, ""), |workflow| (workflow.id(), workflow.name()));
    let path = drift_engine::write::file_name(&template, id, name);
    if !taken(&path) {
        return path;
    }
    // Two workflows of one name: the id tells them apart.
    let stem = path.strip_suffix(".json").unwrap_or(&path);
    (2_u32..)
        .map(|n| match id {
            Some(id) if n == 2 => format!("{stem}-{id}.json"),
            _ => format!("{stem}-{n}.json"),
        })
        .find(|path| !taken(path))
        .unwrap_or(path)
}

/// Lines beside a change that are shown with it.
const CONTEXT: usize = 3;

/// How a file changes, line by line: both sides read and written anew alike, without their secrets.
pub(super) fn lines(old: &[u8], new: &[u8]) -> Vec<DiffLine> {
    let mut redactor = drift_engine::Redactor::new();
    let mut text = |bytes: &[u8]| match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => serde_json::to_string_pretty(&redactor.value(&value)).unwrap_or_default(),
        Err(_) => String::new(),
    };
    let (old, new) = (text(old), text(new));
    let diff = similar::TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push(DiffLine { kind: LineKind::Gap, desired: None, live: None, text: String::new() });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let number = |at: Option<usize>| at.and_then(|at| u32::try_from(at + 1).ok());
            let kind = match change.tag() {
                similar::ChangeTag::Equal => LineKind::Same,
                similar::ChangeTag::Delete => LineKind::Removed,
                similar::ChangeTag::Insert => LineKind::Added,
            };
            let text = change.value().trim_end_matches('\n').to_owned();
            lines.push(DiffLine { kind, desired: number(change.old_index()), live: number(change.new_index()), text });
        }
    }
    lines
}

/// What a merge came to.
pub(super) struct Merged {
    /// The workflow, by the ids that n8n has; `None` while somebody has to pick.
    pub content: Option<Vec<u8>>,
    pub conflicts: Vec<MergeConflict>,
    pub parts: Vec<MergePart>,
}

/// Merges what runs with what Git declares. `ids`: n8n's ids of workflows by Git's.
pub(super) fn merge(
    base: Option<&[u8]>,
    live: &[u8],
    desired: &[u8],
    picks: &Picks,
    ids: &HashMap<String, String>,
) -> Result<Merged, String> {
    let base = base.map(read).transpose()?.map(|base| mapped(base, ids));
    let (live, desired) = (read(live)?, mapped(read(desired)?, ids));
    let merge = merge_sides(base.as_ref(), &live, &desired, picks, &Limits::default());
    let merge = merge.map_err(|error| format!("The two sides cannot be merged: {error}."))?;
    Ok(Merged {
        content: merge.merged.map(|workflow| workflow.canonical_json()),
        conflicts: merge.conflicts,
        parts: merge.parts,
    })
}

/// What is sent to n8n, and what a person should know before it is.
pub(super) struct Deployment {
    pub body: Value,
    pub active: Option<bool>,
    pub tags: Option<Vec<String>>,
    /// Whether the content states a description.
    pub describes: bool,
    pub notes: Vec<String>,
    pub problems: Vec<String>,
}

/// Makes of a content what is sent to n8n. `ids`: n8n's ids of workflows by those that the content has, where they differ;
/// `known`: every id that n8n has.
pub(super) fn deploy(
    desired: &[u8],
    live: Option<&[u8]>,
    ids: &HashMap<String, String>,
    known: &HashSet<&str>,
    credentials: Option<&[Credential]>,
) -> Result<Deployment, String> {
    let credentials: Option<Vec<deploy::Credential<'_>>> = credentials
        .map(|all| all.iter().map(|c| deploy::Credential { id: &c.id, name: &c.name, kind: &c.kind }).collect());
    let ids = |id: &str| ids.get(id).cloned().or_else(|| known.contains(id).then(|| id.to_owned()));
    let adapted = deploy::adapt(desired, live, &ids, credentials.as_deref(), &Limits::default());
    let adapted = adapted.map_err(|error| format!("It cannot be written to n8n: {error}."))?;
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    for note in &adapted.notes {
        match note {
            // n8n would run the node without it, or with another one.
            Note::CredentialMissing(_) | Note::CredentialAmbiguous(_) => problems.push(format!("{note}.")),
            _ => notes.push(format!("{note}.")),
        }
    }
    let describes = adapted.workflow.get("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    Ok(Deployment { body: adapted.workflow, active: adapted.active, tags: adapted.tags, describes, notes, problems })
}
