//! The repository's other files, as far as one looks at them to write one more.

use super::Existing;
use super::locate::{Located, graph, workflow};
use super::sheet::{Block, Sheet};
use super::style::{Style, most};
use crate::Limits;
use crate::parse::{parse, pieces};
use crate::workflow::Workflow;

/// A workflow of another file.
pub(super) struct Sibling<'a> {
    sheet: Sheet<'a>,
    read: Workflow,
    located: Located<'a>,
}

/// The workflows of some files; what cannot be read is passed over.
pub(super) fn siblings<'a>(files: &[&'a [u8]], limits: &Limits) -> Vec<Sibling<'a>> {
    let count = |file: &[u8]| pieces(file).map_or(0, |(pieces, _)| pieces.len());
    let all = files.iter().flat_map(|bytes| (0..count(bytes)).map(move |position| Existing { bytes, position }));
    all.filter_map(|existing| {
        let located = Located::of(existing).ok()?;
        let read = parse(located.text.as_bytes(), limits).ok()?;
        Some(Sibling { sheet: Sheet::read(located.text)?, read, located })
    })
    .collect()
}

impl<'a> Sibling<'a> {
    /// The object of the workflow.
    pub(super) fn top(&self) -> Option<&Block<'a>> {
        workflow(&self.sheet)
    }

    /// What holds its nodes.
    pub(super) fn graph(&self) -> Option<&Block<'a>> {
        graph(self.top()?, &self.read)
    }

    pub(super) fn has_node_ids(&self) -> Option<bool> {
        (!self.read.nodes.is_empty()).then(|| self.read.nodes.iter().any(|node| node.id.is_some()))
    }
}

/// The style that most of them have.
pub(super) fn style(siblings: &[Sibling<'_>]) -> Style {
    most(siblings.iter().map(|sibling| Style::of(&sibling.sheet, sibling.located.indent))).unwrap_or_default()
}

/// What most of them begin and end with: a byte order mark or nothing, the end of a line or nothing.
pub(super) fn frame(siblings: &[Sibling<'_>], style: &Style) -> (&'static str, &'static str) {
    let of = |sibling: &Sibling<'_>| {
        let (before, behind) = sibling.located.around();
        (before.starts_with("\u{feff}".as_bytes()), behind.ends_with(b"\n"))
    };
    let (mark, line) = most(siblings.iter().map(of)).unwrap_or((false, true));
    (if mark { "\u{feff}" } else { "" }, if line { style.newline() } else { "" })
}
