//! A diff for a person to read in a terminal.

use std::fmt::{self, Write};

use serde_json::Value;

use super::{Change, ChangeKind, Diff, LineOp};
use crate::canonical::node::Step;

/// Values longer than this are cut in text; the JSON has them whole.
const CUT: usize = 160;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |n: &super::Named| if n.name.is_empty() { "(without a name)".to_owned() } else { n.name.clone() };
        let (live, desired) = (name(&self.workflow.live), name(&self.workflow.desired));
        if live == desired {
            writeln!(f, "{desired}: {}", self.summary().text)?;
        } else {
            writeln!(f, "{desired} (live: {live}): {}", self.summary().text)?;
        }
        for change in self.drift() {
            write(f, change)?;
        }
        let cosmetic: Vec<_> = self.changes.iter().filter(|c| c.cosmetic).collect();
        if !cosmetic.is_empty() {
            let nodes: std::collections::BTreeSet<_> = cosmetic.iter().filter_map(|c| c.node.as_deref()).collect();
            let nodes: Vec<_> = nodes.into_iter().map(|n| format!("{n:?}")).collect();
            let more = nodes.len().saturating_sub(6);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(f, "  (only on the canvas: {}{more})", nodes[..nodes.len().min(6)].join(", "))?;
        }
        if !self.ignored.is_empty() {
            let rules: Vec<_> = self
                .ignored
                .iter()
                .map(|i| format!("{} {}", i.count, serde_json::to_string(&i.rule).unwrap_or_default().replace('"', "")))
                .collect();
            writeln!(f, "  (differs and is ignored: {})", rules.join(", "))?;
        }
        Ok(())
    }
}

fn write(f: &mut fmt::Formatter<'_>, change: &Change) -> fmt::Result {
    let node = change.node.as_deref().unwrap_or_default();
    let origin = change.origin.map(|o| format!(" [{o}]")).unwrap_or_default();
    let kind = change.node_type.as_deref().unwrap_or_default();
    match change.kind {
        ChangeKind::NodeAdded => writeln!(f, "+ node {node:?} ({kind}){origin}"),
        ChangeKind::NodeRemoved => writeln!(f, "- node {node:?} ({kind}){origin}"),
        ChangeKind::NodeRenamed => {
            writeln!(f, "~ node {node:?} is called {} live{origin}", shown(&change.live))
        }
        ChangeKind::ConnectionAdded => writeln!(f, "+ connection {node:?} {}{origin}", connection(&change.live)),
        ChangeKind::ConnectionRemoved => writeln!(f, "- connection {node:?} {}{origin}", connection(&change.desired)),
        ChangeKind::NodeModified => {
            writeln!(f, "~ node {node:?} {}{origin}", path(&change.path))?;
            values(f, change)
        }
        ChangeKind::WorkflowModified => {
            writeln!(f, "~ {}{origin}", path(&change.path))?;
            values(f, change)
        }
    }
}

fn path(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Index(i) => drop(write!(out, "[{i}]")),
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => drop(write!(out, ".{key}")),
        }
    }
    out
}

fn values(f: &mut fmt::Formatter<'_>, change: &Change) -> fmt::Result {
    if change.line_diff.is_empty() {
        writeln!(f, "    desired: {}", shown(&change.desired))?;
        return writeln!(f, "    live:    {}", shown(&change.live));
    }
    for hunk in &change.line_diff {
        writeln!(f, "    @@ desired line {}, live line {}", hunk.desired_start, hunk.live_start)?;
        for line in &hunk.lines {
            let sign = match line.op {
                LineOp::Both => ' ',
                LineOp::Desired => '-',
                LineOp::Live => '+',
            };
            writeln!(f, "    {sign} {}", line.text)?;
        }
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        return "nothing".to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(CUT) {
        Some((i, _)) => format!("{}…", &text[..i]),
        None => text,
    }
}

fn connection(value: &Value) -> String {
    let part =
        |key: &str| value.get(key).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).unwrap_or_default();
    let input =
        if value.get("input") == Some(&Value::from(0)) { String::new() } else { format!(" input {}", part("input")) };
    format!("{} output {} to {:?}{input}", part("type"), part("output"), part("node"))
}
