//! Diffs: of one change, of what would be written to n8n, of a file in Git. Entries by node, each with both sides. Private to
//! the drift workspace and its incidents (house rule 6).

use drift_domain::change::ChangeType;
use drift_domain::failure::Side;
use drift_domain::views::{DiffEntry, DiffKind, DiffLine, DiffView, LineKind};
use leptos::prelude::*;

use super::graph::GraphQuery;
use super::ignored;
use crate::components::icon::{Icon, icon};
use crate::components::marks;
use crate::words::{self, Mark, count};

mod changed;
mod lines;
mod paint;

use paint::{Both, Budget, Painted};

/// How lines stand: one under the other, or side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One under the other.
    #[default]
    Unified,
    /// Side by side.
    Split,
}

/// How a diff is read: what its sides are called, the left one first.
struct Names<'a> {
    /// What the diff is of, where a page has several: regions of one page have names of their own.
    about: &'a str,
    left: &'static str,
    left_key: &'static str,
    right: &'static str,
    right_key: &'static str,
    /// Of a line that is on the left alone, for who does not see the colour.
    removed: &'static str,
    /// Of a line that is on the right alone.
    added: &'static str,
    /// What a block of lines is.
    lines: &'static str,
    kind: fn(DiffKind) -> Mark,
}

/// How the entries of a diff are drawn.
struct Drawn<'a> {
    names: &'a Names<'a>,
    layout: Layout,
    /// What the rest of it may take to colour.
    budget: Budget,
}

impl<'a> Drawn<'a> {
    fn new(names: &'a Names<'a>, layout: Layout) -> Self {
        Self { names, layout, budget: Budget::default() }
    }
}

/// The two sides of a change.
const COMPARED: Names<'_> = Names {
    about: "",
    left: "Git",
    left_key: "desired",
    right: "n8n",
    right_key: "live",
    removed: "only in Git",
    added: "only in n8n",
    lines: "Line by line, from Git to n8n",
    kind: words::diff_kind,
};

/// A workflow in n8n before and after something is written to it.
const WRITTEN: Names<'_> = Names {
    about: "",
    left: "n8n now",
    left_key: "now",
    right: "n8n afterwards",
    right_key: "afterwards",
    removed: "taken out",
    added: "put in",
    lines: "Line by line, from now to afterwards",
    kind: written_kind,
};

/// A file in Git before and after a commit.
const FILE: Names<'_> =
    Names { left: "Git now", right: "Git afterwards", lines: "The file's lines, from now to afterwards", ..WRITTEN };

/// Draws a diff. Of a workflow that only one side has, only that side is drawn.
pub(in crate::pages) fn view(diff: &DiffView, change_type: ChangeType, query: &GraphQuery) -> impl IntoView + use<> {
    let (only, drawn) = (only(change_type), Drawn::new(&COMPARED, query.layout()));
    let nodes: Vec<_> =
        groups(&diff.entries).into_iter().map(|(group, entries)| node(&group, &entries, only, &drawn)).collect();
    let nothing = diff.entries.is_empty().then(|| {
        view! { <p class="card card-body text-ink-2">"Nothing that matters differs between the two sides of this change."</p> }
    });
    view! {
        <section class="section" aria-labelledby="diff-heading" id="diff">
            <div class="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 mb-2.5">
                <h2 id="diff-heading">{count(diff.entries.len() as u64, "difference", "differences")}</h2>
                <p class="legend">
                    <span><b class="text-incident">"−"</b> " Git (desired)"</span>
                    <span><b class="text-ok">"+"</b> " n8n (live)"</span>
                </p>
                {layouts(query)}
            </div>
            {nothing} {nodes}
        </section>
        {cosmetic(&diff.cosmetic)}
        {not_compared(diff)}
    }
}

/// The two ways to lay lines out, each with its address.
fn layouts(query: &GraphQuery) -> impl IntoView + use<> {
    let link = |layout, label: &'static str| {
        let current = (query.layout() == layout).then_some("true");
        view! { <a class="btn btn-small" href=format!("{}#diff", query.address(layout)) aria-current=current>{label}</a> }
    };
    view! {
        <nav class="flex gap-1" aria-label="How lines are shown">
            {link(Layout::Unified, "Unified")} {link(Layout::Split, "Side by side")}
        </nav>
    }
}

/// The side that a workflow is on, where that is one.
fn only(change_type: ChangeType) -> Option<Side> {
    match change_type {
        ChangeType::Added => Some(Side::Live),
        ChangeType::Removed => Some(Side::Desired),
        ChangeType::Modified => None,
    }
}

/// Draws what a diff has of one node, cosmetic differences too, for who has chosen it.
pub(in crate::pages) fn of_node(diff: &DiffView, name: &str, change_type: ChangeType) -> Option<AnyView> {
    let is_of_node = |entry: &&DiffEntry| {
        let wire = matches!(entry.kind, DiffKind::ConnectionAdded | DiffKind::ConnectionRemoved);
        !wire && entry.node.as_deref() == Some(name)
    };
    let entries: Vec<_> = diff.entries.iter().chain(&diff.cosmetic).filter(is_of_node).collect();
    let kind = entries.first()?.node_type.clone();
    let names = Names { about: CHOSEN, ..COMPARED };
    Some(node(&Group::Node(name.to_owned(), kind), &entries, only(change_type), &Drawn::new(&names, Layout::Unified)))
}

/// What sets the regions of a node that was chosen apart from the same ones below.
pub(in crate::pages) const CHOSEN: &str = "the node that was chosen,";

/// Draws what writing to a workflow in n8n, `about`, changes there. `diff` is from what it will be (desired) to what it is (live).
pub(in crate::pages) fn written(diff: &DiffView, about: &str) -> Option<impl IntoView + use<>> {
    if diff.entries.is_empty() {
        return None;
    }
    let entries: Vec<_> = diff.entries.iter().map(turned).collect();
    let names = Names { about, ..WRITTEN };
    let drawn = Drawn::new(&names, Layout::Unified);
    let nodes: Vec<_> =
        groups(&entries).into_iter().map(|(group, entries)| node(&group, &entries, None, &drawn)).collect();
    Some(view! { <div>{legend(&names)} {nodes}</div> })
}

/// Draws what a commit changes in a file, which `about` names.
pub(in crate::pages) fn file(changed: &[DiffLine], about: &str) -> Option<impl IntoView + use<>> {
    (!changed.is_empty())
        .then(|| view! { <div>{legend(&FILE)} {lines::view(changed, None, &Drawn::new(&FILE, Layout::Unified), &Both::default(), about)}</div> })
}

fn legend(names: &Names) -> impl IntoView + use<> {
    view! {
        <p class="legend mb-2">
            <span><b class="text-incident">"−"</b> " " {names.left}</span>
            <span><b class="text-ok">"+"</b> " " {names.right}</span>
        </p>
    }
}

fn written_kind(kind: DiffKind) -> Mark {
    let label = match kind {
        DiffKind::NodeAdded => "Node comes in",
        DiffKind::NodeRemoved => "Node goes",
        DiffKind::ConnectionAdded => "Connection comes in",
        DiffKind::ConnectionRemoved => "Connection goes",
        _ => return words::diff_kind(kind),
    };
    Mark { label, ..words::diff_kind(kind) }
}

/// An entry read the other way round.
fn turned(entry: &DiffEntry) -> DiffEntry {
    let kind = match entry.kind {
        DiffKind::NodeAdded => DiffKind::NodeRemoved,
        DiffKind::NodeRemoved => DiffKind::NodeAdded,
        DiffKind::ConnectionAdded => DiffKind::ConnectionRemoved,
        DiffKind::ConnectionRemoved => DiffKind::ConnectionAdded,
        other => other,
    };
    let line = |line: &DiffLine| {
        let kind = match line.kind {
            LineKind::Removed => LineKind::Added,
            LineKind::Added => LineKind::Removed,
            other => other,
        };
        DiffLine { kind, desired: line.live, live: line.desired, text: line.text.clone() }
    };
    let mut lines: Vec<_> = entry.lines.iter().map(line).collect();
    // Of lines that take each other's place, those that go stand before those that come.
    for run in lines.chunk_by_mut(|a, b| differs(a) && differs(b)) {
        run.sort_by_key(|line| line.kind == LineKind::Added);
    }
    DiffEntry { kind, lines, desired: entry.live.clone(), live: entry.desired.clone(), ..entry.clone() }
}

fn differs(line: &DiffLine) -> bool {
    matches!(line.kind, LineKind::Removed | LineKind::Added)
}

/// What a group of entries is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    Workflow,
    Node(String, Option<String>),
    Connections,
}

/// Entries by what they are about, in the order in which that first occurs; the workflow itself comes first and
/// connections come last.
fn groups(entries: &[DiffEntry]) -> Vec<(Group, Vec<&DiffEntry>)> {
    let mut groups: Vec<(Group, Vec<&DiffEntry>)> = Vec::new();
    for entry in entries {
        let group = match (entry.kind, &entry.node) {
            (DiffKind::ConnectionAdded | DiffKind::ConnectionRemoved, _) => Group::Connections,
            (DiffKind::WorkflowModified, _) | (_, None) => Group::Workflow,
            (_, Some(node)) => Group::Node(node.clone(), entry.node_type.clone()),
        };
        let same = |other: &Group| match (other, &group) {
            (Group::Node(a, _), Group::Node(b, _)) => a == b,
            (a, b) => a == b,
        };
        match groups.iter_mut().find(|(other, _)| same(other)) {
            Some((_, list)) => list.push(entry),
            None => groups.push((group, vec![entry])),
        }
    }
    groups.sort_by_key(|(group, _)| match group {
        Group::Workflow => 0,
        Group::Node(..) => 1,
        Group::Connections => 2,
    });
    groups
}

fn node(group: &Group, entries: &[&DiffEntry], only: Option<Side>, drawn: &Drawn<'_>) -> AnyView {
    let (label, title, kind) = match group {
        Group::Workflow => ("Workflow", "Settings of the workflow itself".to_owned(), None),
        Group::Connections => ("Connections", "Between nodes".to_owned(), None),
        Group::Node(name, kind) => ("Node", name.clone(), kind.clone()),
    };
    let entries = entries.iter().map(|entry| self::entry(entry, only, drawn)).collect_view();
    let key = title.clone();
    view! {
        <article class="card diff-node overflow-hidden" data-node=key>
            <header class="card-head">
                <h3 class="wrap-anywhere"><span class="text-ink-3 font-normal">{label}": "</span>{title}</h3>
                {kind.map(|kind| view! { <code class="text-ink-3 wrap-anywhere">{kind}</code> })}
            </header>
            {entries}
        </article>
    }
    .into_any()
}

fn entry(entry: &DiffEntry, only: Option<Side>, drawn: &Drawn<'_>) -> impl IntoView + use<> {
    let names = drawn.names;
    if let Some(connection) = connection(entry, names) {
        return connection;
    }
    let about_a_field = matches!(entry.kind, DiffKind::NodeModified | DiffKind::WorkflowModified);
    let kind = (!about_a_field).then(|| marks::chip((names.kind)(entry.kind), None));
    let last = entry.path.len().saturating_sub(1);
    let step = |(i, step): (usize, &String)| {
        view! { <span class=if i == last { "step last" } else { "step" }>{step.clone()}</span> }
    };
    let steps = entry.path.iter().enumerate().map(step).collect_view();
    let redacted = entry.redacted.then(|| {
        view! {
            <span class="chip tone-unverified font-sans" title="A secret was taken out on both sides; that it differs is all that is shown.">
                {icon(Icon::Lock)} "secret withheld"
            </span>
        }
    });
    let colours = Both::of(entry, &drawn.budget);
    let body = if entry.lines.is_empty() || only.is_some() {
        sides(entry, only, names, &colours).into_any()
    } else {
        let about = [names.about, entry.node.as_deref().unwrap_or_default(), &entry.path.join(" › ")].join(" ");
        lines::view(&entry.lines, entry.desired.as_deref(), drawn, &colours, about.trim()).into_any()
    };
    view! {
        <div class="diff-entry" data-path=entry.path.join(".")>
            <p class="diff-path">{kind} {steps} {redacted} {copy(&entry.path)}</p>
            {body}
        </div>
    }
    .into_any()
}

/// Copies where a difference is; `islands::copy_path` does it for all of them.
fn copy(path: &[String]) -> Option<impl IntoView + use<>> {
    (!path.is_empty()).then(|| {
        let path = path.join(".");
        let label = format!("Copy path {path}");
        view! { <button type="button" class="btn btn-small needs-js font-sans" data-copy=path aria-label=label>"Copy path"</button> }
    })
}

/// A connection as the engine writes it, beside the node that it begins at.
#[derive(serde::Deserialize)]
struct Connection {
    #[serde(rename = "type")]
    output_type: String,
    output: u64,
    node: String,
    input_type: String,
    input: u64,
}

/// A connection as a sentence. `None` for what is no connection, or is written in another way.
fn connection(entry: &DiffEntry, names: &Names) -> Option<AnyView> {
    if !matches!(entry.kind, DiffKind::ConnectionAdded | DiffKind::ConnectionRemoved) {
        return None;
    }
    let from = entry.node.clone()?;
    let to: Connection = serde_json::from_str(entry.live.as_ref().or(entry.desired.as_ref())?).ok()?;
    // The first port of the usual kind is the one that everybody means.
    let port = |kind: &str, number: u64| match (kind, number) {
        ("main", 0) => None,
        ("main", n) => Some(format!("port {}", n + 1)),
        (kind, 0) => Some(kind.to_owned()),
        (kind, n) => Some(format!("{kind} {}", n + 1)),
    };
    let port =
        |kind: &str, number: u64| port(kind, number).map(|port| view! { <code class="text-ink-3">{port}</code> });
    Some(
        view! {
            <div class="diff-entry flex flex-wrap items-center gap-x-2 gap-y-1" data-connection=format!("{from} to {}", to.node)>
                {marks::chip((names.kind)(entry.kind), None)}
                <strong class="font-semibold wrap-anywhere">{from.clone()}</strong>
                {port(&to.output_type, to.output)}
                {icon(Icon::Arrow)} <span class="sr-only">"to"</span>
                <strong class="font-semibold wrap-anywhere">{to.node.clone()}</strong>
                {port(&to.input_type, to.input)}
            </div>
        }
        .into_any(),
    )
}

fn sides(entry: &DiffEntry, only: Option<Side>, names: &Names, colours: &Both<'_>) -> impl IntoView + use<> {
    let words = match (&entry.desired, &entry.live, only) {
        (Some(desired), Some(live), None) => changed::words(desired, live),
        _ => None,
    };
    let (old, new) = words.unzip();
    let side = |class: &'static str,
                mark: &'static str,
                name: &'static str,
                (text, words, colours): (&Option<String>, Option<Vec<changed::Piece>>, &Painted<'_>),
                key: &'static str| {
        let text = match text {
            Some(text) if text.is_empty() => view! { <p class="nothing">"empty text"</p> }.into_any(),
            Some(text) => {
                let words = words.unwrap_or_else(|| vec![(false, text.clone())]);
                view! { <pre tabindex="0" aria-label=format!("{name}'s side")>{lines::pieces(&words, colours.whole())}</pre> }.into_any()
            }
            None => view! { <p class="nothing">"nothing here"</p> }.into_any(),
        };
        view! {
            <div class=class data-side=key>
                <p class="side-name"><span aria-hidden="true">{mark}</span> {name}</p>
                {text}
            </div>
        }
    };
    // What only one side has is shown once; a field that one side lacks is shown beside the other's.
    let whole = !matches!(entry.kind, DiffKind::NodeModified | DiffKind::WorkflowModified | DiffKind::NodeRenamed);
    let one = only.is_some() || (whole && (entry.desired.is_none() || entry.live.is_none()));
    let shown = |side, text: &Option<String>| !one || only.map_or(text.is_some(), |only| only == side);
    let left = shown(Side::Desired, &entry.desired)
        .then(|| side("side side-git", "−", names.left, (&entry.desired, old, &colours.left), names.left_key));
    let right = shown(Side::Live, &entry.live)
        .then(|| side("side side-n8n", "+", names.right, (&entry.live, new, &colours.right), names.right_key));
    view! { <div class=if one { "sides one" } else { "sides" }>{left} {right}</div> }
}

fn cosmetic(entries: &[DiffEntry]) -> Option<impl IntoView + use<>> {
    if entries.is_empty() {
        return None;
    }
    let title = count(entries.len() as u64, "cosmetic difference", "cosmetic differences");
    let rows = entries
        .iter()
        .map(|entry| {
            let node = entry.node.clone().unwrap_or_else(|| "the workflow".to_owned());
            let what = if entry.path.is_empty() { words::diff_kind(entry.kind).label.to_owned() } else { entry.path.join(" › ") };
            view! {
                <tr>
                    <td class="cell-main font-semibold wrap-anywhere">{node}</td>
                    <td data-label="What" class="mono">{what}</td>
                    <td data-label="Git"><code class="wrap-anywhere">{entry.desired.clone().unwrap_or_default()}</code></td>
                    <td data-label="n8n"><code class="wrap-anywhere">{entry.live.clone().unwrap_or_default()}</code></td>
                </tr>
            }
        })
        .collect_view();
    Some(view! {
        <details class="card section fold" data-key="cosmetic" id="cosmetic">
            <summary>{title} <span class="text-ink-3 font-normal">"positions and notes on the canvas: never drift"</span></summary>
            <table class="rows">
                <thead><tr><th scope="col">"Node"</th><th scope="col">"What"</th><th scope="col">"Git"</th><th scope="col">"n8n"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </details>
    })
}

fn not_compared(diff: &DiffView) -> Option<impl IntoView + use<>> {
    if diff.ignored.is_empty() {
        return None;
    }
    let total: u64 = diff.ignored.iter().map(|ignored| ignored.count).sum();
    Some(view! {
        <details class="card section fold" data-key="ignored" id="ignored">
            <summary>"Ignored in this workflow" <span class="text-ink-3 num font-normal">{total}</span></summary>
            {ignored::rules(&diff.ignored)}
        </details>
    })
}
