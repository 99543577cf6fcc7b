//! Content into a file in Git: the bytes of a workflow file whose difference to the file before is as small as the change.
//!
//! [`write`](write()) starts from the file as it is and changes what the rules of [`canonical`](crate::canonical) call
//! different, nothing else. Reading the result gives what was to be written ([`Prints::agree`](crate::Prints::agree), held
//! before the bytes are given out); writing the same again changes nothing.
//!
//! # What is written
//! | what | | why |
//! |---|---|---|
//! | content that agrees with the file | the file's own bytes | what is no drift is no commit |
//! | order of keys, spelling of numbers and text, spaces, indentation, line ends, byte order mark | as in the file; what is new follows the rest | a person reads the commit |
//! | defaults, null and `{}` | as in the file, written out or left out | they mean the same to n8n |
//! | `id`, `versionId`, times, `meta`, `shared`, unknown fields | as in the file | bookkeeping of an instance; `id` is how the workflow is recognised |
//! | `pinData`, `staticData` | as in the file, never from the content | data of running workflows |
//! | `active`, `isArchived`, `name`, `description`, `tags`, `nodeGroups` | written where both sides have them and differ | a field that the file's format does not carry (source control: `active`, `tags`) is not put in. Between two files of which neither came from an instance a missing one means the default, and is put in |
//! | a tag | kept by name; a new one with the keys that the file's others have | ids and times of tags belong to an instance |
//! | settings | one by one; unknown ones where both sides have them | n8n adds keys by itself |
//! | a node that both have | stays in its place, under the pairing of the diff, so also when it was renamed; its fields one by one, its parameters to the last element | a change of one field shows in the lines of that field |
//! | `id` of a node | as in the file | made anew at will; where a group of nodes needs one that the file lacks, the content's |
//! | `webhookId`, cached names, ids of assignments | written where both sides have them and differ | n8n and the editor add them by themselves. The cached name and address of a locator go with its value |
//! | `position`, `color`, `notesInFlow` of a node that both have | as in the file | the editor snaps every position to its grid on the first small edit, which would bury the change |
//! | a new node | whole, behind the node that is before it in the content | without the unknown fields it would not be the same node |
//! | a sticky note | added, removed and its text changed as for any node, but only where something that is drift is written too | it explains the change. Alone it is no drift, so there is nothing to commit |
//! | a credential | kept by type and name, with the file's id. Another one comes with its type and name, and with the id that the file, else its siblings have for it, else the content's | ids belong to an environment, and the file to one |
//! | ids of other workflows | as the repository has them | they belong to an instance |
//! | a connection | kept where it is; new ones behind those of their output. They follow renamed nodes | their order means nothing |
//! | what an unpublished draft holds | never | what is published is what runs. A file that is itself an answer with a draft is changed in its published part |
//!
//! A new file has the style and the fields that its siblings have, never those of the server, and always `id`.
//!
//! # What is not done
//! - Under `executionOrder` v1 n8n runs branches by their place on the canvas. A new node brings its position and the others
//!   keep theirs, so where live was laid out anew, their order may differ from live's. The comparison leaves it out too.
//! - Nothing is put into a list of workflows or taken out of it: a new workflow gets a file of its own.

mod connections;
mod credentials;
mod groups;
mod locate;
mod merge;
mod name;
mod new;
mod nodes;
mod parameters;
mod secrets;
mod sheet;
mod siblings;
mod style;
mod top;

use std::borrow::Cow;

use crate::Limits;
use crate::parse::{FileError, WorkflowError, parse};
use crate::workflow::Workflow;

pub use name::{Named, file_name, path_template};
pub use secrets::{Place, secrets};

use locate::Located;
use siblings::Sibling;

/// A workflow as a file has it.
#[derive(Clone, Copy)]
pub struct Existing<'a> {
    /// The whole file, in any format that [`parse_file`](crate::parse_file()) reads.
    pub bytes: &'a [u8],
    /// The workflow's place in the file, from 0: a file of `n8n export:workflow --all` holds several.
    pub position: usize,
}

/// What is to be written, and where.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// The content: one workflow in any format that [`parse`](crate::parse()) reads.
    pub content: &'a [u8],
    /// The file that it goes into. None: a new one.
    pub existing: Option<Existing<'a>>,
    /// Some of the repository's other files: a new file looks like them, and a new credential has the id that they give
    /// it. What cannot be read is passed over.
    pub siblings: &'a [&'a [u8]],
    /// For the id of a workflow where the content comes from, the id that the repository uses for the same workflow. Ids
    /// that it does not know stay.
    pub ids: &'a dyn Fn(&str) -> Option<String>,
}

/// A file as it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Whether it differs from the file before by a byte.
    pub changed: bool,
}

impl std::fmt::Debug for Written {
    /// Leaves the content out: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("bytes", &self.bytes.len()).field("changed", &self.changed).finish()
    }
}

/// Why a file could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The content cannot be read.
    #[error("what should be written cannot be read: {0}")]
    Content(WorkflowError),
    /// What runs is not in the content, only an edit that nobody published.
    #[error("the published version is not in the content, only an unpublished draft; ask n8n for the whole workflow")]
    OnlyDraft,
    /// The file cannot be read.
    #[error("the file as it is cannot be read: {0}")]
    File(FileError),
    /// The workflow in the file cannot be read.
    #[error("the workflow in the file cannot be read: {0}")]
    Existing(WorkflowError),
    /// The file has no workflow at that place.
    #[error("the file holds {count} workflows, and none at place {position}")]
    NoSuchPlace {
        /// The place that was asked for, from 0.
        position: usize,
        /// How many the file holds.
        count: usize,
    },
    /// What would be written does not read as the content. Nothing is written rather than something else.
    #[error("the file would not say what it should: its JSON is of a shape that this version cannot change")]
    Unfaithful,
}

/// Writes content into a file. The module's documentation has the rules.
///
/// # Errors
/// Where something cannot be read within the limits, where the content holds only a draft of what it publishes, or where
/// the result would not read as the content.
pub fn write(writing: &Writing<'_>, limits: &Limits) -> Result<Written, WriteError> {
    let content = parse(writing.content, limits).map_err(WriteError::Content)?;
    if content.draft().is_some_and(|draft| draft.differs.is_none()) {
        return Err(WriteError::OnlyDraft);
    }
    let wanted = content.with_ids(writing.ids);
    let id = content.id().map(|id| (writing.ids)(id).unwrap_or_else(|| id.to_owned()));
    let siblings = siblings::siblings(writing.siblings, limits);
    let content = locate::content(writing.content, &content, writing.ids).ok_or(WriteError::Unfaithful)?;
    let live = parse(content.as_bytes(), limits).map_err(WriteError::Content)?;
    let Some(existing) = writing.existing else {
        let bytes = new::file(&content, &live, id.as_deref(), &siblings).ok_or(WriteError::Unfaithful)?;
        faithful(&bytes, 0, &wanted, limits)?;
        return Ok(Written { bytes, changed: true });
    };
    let located = Located::of(existing)?;
    let file = parse(located.text.as_bytes(), limits).map_err(WriteError::Existing)?;
    if file.prints().agree(&wanted.prints()) {
        return Ok(Written { bytes: existing.bytes.to_vec(), changed: false });
    }
    let text = merged(&located, &file, &content, &live, &siblings, limits).ok_or(WriteError::Unfaithful)?;
    let bytes = located.with(&text);
    faithful(&bytes, existing.position, &wanted, limits)?;
    Ok(Written { bytes, changed: true })
}

/// The workflow's text in the file with the content in it. Whether it is active comes first: it says which part of an
/// answer with a draft is the one that runs.
fn merged(
    located: &Located<'_>,
    file: &Workflow,
    content: &str,
    live: &Workflow,
    siblings: &[Sibling<'_>],
    limits: &Limits,
) -> Option<String> {
    let text: Cow<'_, str> = match merge::active(located, file, content, live)? {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(located.text),
    };
    let file = parse(text.as_bytes(), limits).ok()?;
    merge::text(&text, located.indent, &file, content, live, siblings)
}

/// Holds what is to be written against what it should say.
fn faithful(bytes: &[u8], position: usize, wanted: &Workflow, limits: &Limits) -> Result<(), WriteError> {
    let located = Located::of(Existing { bytes, position })?;
    let written = parse(located.text.as_bytes(), limits).map_err(|_| WriteError::Unfaithful)?;
    if written.prints().agree(&wanted.prints()) { Ok(()) } else { Err(WriteError::Unfaithful) }
}
