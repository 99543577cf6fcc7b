//! Reading workflows: every format that n8n writes, with limits, and errors that say what is wrong and where.

mod build;
pub(crate) mod text;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Limits;
use crate::json::{Document, Json, LONGEST};
use crate::workflow::Workflow;

/// Why one workflow could not be read. Names the workflow, what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{which}: {problem}")]
pub struct WorkflowError {
    /// Which workflow: its name or id where they could be read, else its place in the file.
    pub which: String,
    /// The id that the broken workflow states, where it could be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a workflow or a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More bytes than the limit.
    #[error("{bytes} bytes, more than the limit of {limit}; split the workflow or take large data out of it")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// More nodes than the limit.
    #[error("{nodes} nodes, more than the limit of {limit}; split the workflow")]
    TooManyNodes {
        /// What it has.
        nodes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Objects and arrays nested deeper than the limit.
    #[error("nested {depth} levels deep, more than the limit of {limit}; flatten the data inside it")]
    TooDeep {
        /// What it has.
        depth: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}: {reason}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the parser found, without content of the file.
        reason: String,
    },
    /// JSON that is not a workflow.
    #[error("not an n8n workflow: {0}")]
    NotAWorkflow(String),
}

/// Why a file could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file holds no workflows: {problem}")]
pub struct FileError {
    /// What is wrong with it.
    pub problem: Problem,
}

/// Reads one workflow.
///
/// Takes any format that holds exactly one: an answer of the public API, a file of `n8n export:workflow` (also the list
/// of one that it writes without `--separate`), a source-control file, a package's `workflow.json`, the editor's
/// download or clipboard.
///
/// # Errors
/// Where a limit is exceeded, or the bytes are not JSON, or not one workflow.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Workflow, WorkflowError> {
    let unnamed = |problem| error("the workflow", None, problem);
    let (doc, top) = document(bytes, limits).map_err(unnamed)?;
    let inner = match top {
        Json::List(_) => match doc.items(top) {
            [one] => *one,
            items => {
                let reason = format!("a list of {} workflows where one was expected", items.len());
                return Err(unnamed(Problem::NotAWorkflow(reason)));
            }
        },
        _ if doc.get(top, "nodes").is_none() => doc.get(top, "data").filter(|data| data.is_object()).unwrap_or(top),
        _ => top,
    };
    build::workflow(doc, inner, limits)
}

/// Reads a file of any accepted format: one workflow (see [`parse`]), a list of them as `n8n export:workflow --all`
/// writes, or a page of the public API, `{"data": […]}`. A workflow that cannot be read is an error in its place and the
/// rest goes on. The limit of bytes holds for each workflow.
///
/// # Errors
/// Where the file as a whole is not JSON, or holds something else than workflows.
pub fn parse_file(bytes: &[u8], limits: &Limits) -> Result<Vec<Result<Workflow, WorkflowError>>, FileError> {
    Ok(parse_each(bytes, limits)?.collect())
}

/// As [`parse_file`], one workflow after the other: a file of thousands takes no more memory than its largest.
///
/// # Errors
/// As [`parse_file`].
pub fn parse_each<'a>(
    bytes: &'a [u8],
    limits: &'a Limits,
) -> Result<impl Iterator<Item = Result<Workflow, WorkflowError>> + use<'a>, FileError> {
    let (items, listed) = pieces(bytes)?;
    Ok(items.into_iter().enumerate().map(move |(i, item)| {
        if !listed {
            return parse(item, limits);
        }
        let place = format!("workflow {} of the file", i + 1);
        document(item, limits)
            .map_err(|problem| error(&place, None, problem))
            .and_then(|(doc, top)| build::workflow(doc, top, limits))
            .map_err(|e| if e.which == "the workflow" { WorkflowError { which: place, ..e } } else { e })
    }))
}

/// The JSON of each workflow of a file, and whether the file is a list of them.
pub(crate) fn pieces(bytes: &[u8]) -> Result<(Vec<&[u8]>, bool), FileError> {
    let bytes = text::without_mark(bytes);
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'[') {
        return Ok((list(bytes)?, true));
    }
    if first == Some(&b'{') {
        let top: HashMap<Cow<'_, str>, &RawValue> = shallow(bytes)?;
        let data = top.get("data").filter(|_| !top.contains_key("nodes"));
        if let Some(data) = data.filter(|d| d.get().starts_with('[')) {
            return Ok((list(data.get().as_bytes())?, true));
        }
        if data.is_none_or(|d| !d.get().starts_with('{')) && !top.contains_key("nodes") {
            return Err(FileError { problem: build::no_nodes(top.keys().map(AsRef::as_ref)) });
        }
        return Ok((vec![bytes], false));
    }
    shallow::<serde::de::IgnoredAny>(bytes)?;
    let (_, scalar) = document(bytes, &Limits::default()).map_err(|problem| FileError { problem })?;
    Err(FileError { problem: build::not_an_object(scalar) })
}

fn list(bytes: &[u8]) -> Result<Vec<&[u8]>, FileError> {
    Ok(shallow::<Vec<&RawValue>>(bytes)?.into_iter().map(|item| item.get().as_bytes()).collect())
}

/// Reads the outer level only; what is inside is looked over and not built, at any depth.
fn shallow<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FileError> {
    serde_json::from_slice(bytes).map_err(|e| FileError { problem: describe(&e) })
}

fn error(which: &str, workflow: Option<(&Document, Json)>, problem: Problem) -> WorkflowError {
    let text = |key| {
        let (doc, top) = workflow?;
        doc.text(doc.get(top, key)?).filter(|text| !text.is_empty())
    };
    let which = text("name").or(text("id")).map_or_else(|| which.to_owned(), |name| format!("workflow {name:?}"));
    WorkflowError { which, id: text("id").map(Cow::into_owned), problem }
}

/// Bytes to a document, within the limits of size and depth.
fn document(bytes: &[u8], limits: &Limits) -> Result<(Document, Json), Problem> {
    let bytes = text::without_mark(bytes);
    let limit = limits.max_bytes.min(LONGEST);
    if bytes.len() > limit {
        return Err(Problem::TooLarge { bytes: bytes.len(), limit });
    }
    if let Some(read) = Document::read(bytes, limits.max_depth) {
        return Ok(read);
    }
    check_depth(bytes, limits)?;
    if let Some(read) = Document::read(&text::repair(bytes), limits.max_depth) {
        return Ok(read);
    }
    Err(not_json(bytes))
}

fn check_depth(bytes: &[u8], limits: &Limits) -> Result<(), Problem> {
    let depth = text::depth(bytes);
    if depth > limits.max_depth { Err(Problem::TooDeep { depth, limit: limits.max_depth }) } else { Ok(()) }
}

/// What `serde_json` says of text that is not JSON: it knows line and column.
fn not_json(bytes: &[u8]) -> Problem {
    match serde_json::from_slice::<Value>(bytes) {
        Err(failure) => describe(&failure),
        // Tests hold that both read the same; a text that only one of them reads is refused all the same.
        Ok(_) => Problem::NotJson { line: 1, column: 1, reason: "it cannot be read".to_owned() },
    }
}

fn describe(failure: &serde_json::Error) -> Problem {
    let text = failure.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
    Problem::NotJson { line: failure.line(), column: failure.column(), reason }
}
