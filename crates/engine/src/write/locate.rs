//! Where in a file a workflow stands, and the content's text as the repository would have it.

use super::sheet::{Block, Sheet};
use super::style::Style;
use super::{Existing, WriteError};
use crate::canonical::references::{self, CACHED_URL};
use crate::parse::{FileError, Problem, pieces};
use crate::workflow::Workflow;

/// A workflow in its file.
pub(super) struct Located<'a> {
    /// The whole file.
    bytes: &'a [u8],
    /// The workflow's own text.
    pub(super) text: &'a str,
    /// Where that begins in the file.
    at: usize,
    /// The indentation of the line that it begins on.
    pub(super) indent: &'a str,
}

impl<'a> Located<'a> {
    /// Finds it.
    pub(super) fn of(existing: Existing<'a>) -> Result<Self, WriteError> {
        let Existing { bytes, position } = existing;
        let (pieces, _) = pieces(bytes).map_err(WriteError::File)?;
        let piece = pieces.get(position).ok_or(WriteError::NoSuchPlace { position, count: pieces.len() })?;
        let piece = piece.trim_ascii();
        // Pieces are parts of the file.
        let at = piece.as_ptr() as usize - bytes.as_ptr() as usize;
        let not_text = |_| WriteError::File(FileError { problem: not_text() });
        let text = std::str::from_utf8(piece).map_err(not_text)?;
        let before = std::str::from_utf8(&bytes[..at]).map_err(not_text)?;
        let line = before.rsplit('\n').next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        Ok(Self { bytes, text, at, indent })
    }

    /// The file with another text in its place.
    pub(super) fn with(&self, text: &str) -> Vec<u8> {
        let behind = &self.bytes[self.at + self.text.len()..];
        [&self.bytes[..self.at], text.as_bytes(), behind].concat()
    }

    /// What comes before and behind it.
    pub(super) fn around(&self) -> (&'a [u8], &'a [u8]) {
        (&self.bytes[..self.at], &self.bytes[self.at + self.text.len()..])
    }
}

fn not_text() -> Problem {
    Problem::NotJson { line: 1, column: 1, reason: "it is not UTF-8".to_owned() }
}

/// The object of the workflow: the top, or what an answer wraps into `data`.
pub(super) fn workflow<'s, 'a>(sheet: &'s Sheet<'a>) -> Option<&'s Block<'a>> {
    let top = sheet.object()?;
    if top.get("nodes").is_some() {
        return Some(top);
    }
    top.get("data").and_then(Sheet::object).or(Some(top))
}

/// As [`workflow`], to be changed; with the indentation of its line.
pub(super) fn workflow_mut<'s, 'a>(sheet: &'s mut Sheet<'a>, indent: &'s str) -> Option<(&'s mut Block<'a>, &'s str)> {
    let top = sheet.object_mut()?;
    if top.get("nodes").is_none() && top.get("data").is_some_and(|data| data.object().is_some()) {
        let (data, indent) = top.get_mut("data", indent)?;
        return data.object_mut().map(|data| (data, indent));
    }
    Some((top, indent))
}

/// The key of the part that nodes and connections were read from: of an answer with a draft the published version.
pub(super) fn published(workflow: &Workflow) -> Option<&'static str> {
    workflow.draft().is_some_and(|draft| draft.differs.is_some()).then_some("activeVersion")
}

/// The part that holds nodes and connections; see [`published`].
pub(super) fn graph<'s, 'a>(top: &'s Block<'a>, workflow: &Workflow) -> Option<&'s Block<'a>> {
    match published(workflow) {
        Some(key) => top.get(key)?.object(),
        None => Some(top),
    }
}

/// The text of the content's one workflow, with ids of other workflows as the repository has them: what
/// [`Workflow::with_ids`] gives, as it was written.
pub(super) fn content(bytes: &[u8], workflow: &Workflow, ids: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let piece = *pieces(bytes).ok()?.0.first()?;
    let text = std::str::from_utf8(piece).ok()?;
    if workflow.references().is_empty() {
        return Some(text.to_owned());
    }
    let mut sheet = Sheet::read(text)?;
    let (top, _) = workflow_mut(&mut sheet, "")?;
    settings(top, workflow, ids);
    let part = match published(workflow) {
        Some(key) => top.get_mut(key, "")?.0.object_mut()?,
        None => top,
    };
    let nodes = part.get_mut("nodes", "")?.0.list_mut()?;
    for (node, entry) in workflow.nodes.iter().zip(&mut nodes.entries) {
        let Some((object, key, id)) = references::id_slot(&workflow.doc, node) else { continue };
        let Some(name) = ids(&id) else { continue };
        let parameters = entry.value.object_mut()?.get_mut("parameters", "")?.0.object_mut()?;
        let holder = if key == "value" { parameters.get_mut("workflowId", "")?.0.object_mut()? } else { parameters };
        if let Some(url) = references::cached_url(&workflow.doc, object, &id) {
            say(holder, CACHED_URL, &format!("{url}{name}"));
        }
        say(holder, key, &name);
    }
    Some(sheet.to_text())
}

fn settings(top: &mut Block<'_>, workflow: &Workflow, ids: &dyn Fn(&str) -> Option<String>) {
    let Some(settings) = top.get_mut("settings", "").and_then(|(settings, _)| settings.object_mut()) else { return };
    let known = |id: &str| ids(id).unwrap_or_else(|| id.to_owned());
    if let Some(id) = references::error_workflow(&workflow.doc, workflow.settings) {
        say(settings, "errorWorkflow", &known(&id));
    }
    let callers = references::caller_ids(&workflow.doc, workflow.settings);
    if !callers.is_empty() {
        say(settings, "callerIds", &callers.iter().map(|id| known(id)).collect::<Vec<_>>().join(","));
    }
}

fn say(object: &mut Block<'_>, key: &str, says: &str) {
    if let Some((value, _)) = object.get_mut(key, "") {
        *value = Style::default().text(says);
    }
}
