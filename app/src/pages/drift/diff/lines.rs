//! Long text, line by line: one under the other, or side by side.

use drift_domain::views::{DiffLine, LineKind};
use leptos::prelude::*;

use super::changed::{Line, Piece, Row, rows};
use super::paint::{Both, Lines, Run};
use super::{Drawn, Layout, Names};
use crate::words::count;

/// Lines of one text that a page shows; beyond, it says how many more there are. Nobody reads them, and every browser would
/// stand still over them.
pub(super) const MOST: usize = 3_000;

/// How rows are drawn.
struct Style<'a> {
    names: &'a Names<'a>,
    layout: Layout,
    left: Lines<'a>,
    right: Lines<'a>,
}

impl Style<'_> {
    /// The colours of a line, by its number on a side that has it.
    fn colours(&self, line: &DiffLine) -> Vec<Run> {
        match line.desired {
            Some(_) => self.left.of(line.desired, &line.text),
            None => self.right.of(line.live, &line.text),
        }
    }
}

/// Draws lines. `whole` is the left side's text, which folds take their lines from.
pub(super) fn view(
    lines: &[DiffLine],
    whole: Option<&str>,
    drawn: &Drawn<'_>,
    colours: &Both<'_>,
    about: &str,
) -> impl IntoView + use<> {
    let (names, layout) = (drawn.names, drawn.layout);
    let style = Style { names, layout, left: colours.left.lines(), right: colours.right.lines() };
    let shown = lines.len().min(MOST);
    let left_out = lines.len() - shown;
    let whole = whole.filter(|_| left_out == 0);
    let drawn = rows(&lines[..shown], whole)
        .into_iter()
        .enumerate()
        .map(|(at, row)| self::row(row, &style, &format!("{about}-{at}")))
        .collect_view();
    let head = match layout {
        Layout::Unified => view! {
            <tr><th scope="col">{format!("Line, {}", names.left)}</th><th scope="col">{format!("Line, {}", names.right)}</th><th scope="col">"Change"</th><th scope="col">"Text"</th></tr>
        }
        .into_any(),
        Layout::Split => view! {
            <tr>
                <th scope="col">{format!("Line, {}", names.left)}</th><th scope="col">"Change"</th><th scope="col">{names.left}</th>
                <th scope="col">{format!("Line, {}", names.right)}</th><th scope="col">"Change"</th><th scope="col">{names.right}</th>
            </tr>
        }
        .into_any(),
    };
    let more = (left_out > 0).then(|| {
        let text = format!(
            "{} not shown here. The API has them all.",
            count(left_out as u64, "further line is", "further lines are")
        );
        view! { <p class="px-4 py-2 text-ink-2" data-left-out=left_out.to_string()>{text}</p> }
    });
    let class = if layout == Layout::Split { "lines split" } else { "lines" };
    // Both halves are equally wide, whatever the first row is.
    let columns = (layout == Layout::Split).then(|| {
        view! { <colgroup><col class="n" /><col class="mark" /><col /><col class="n" /><col class="mark" /><col /></colgroup> }
    });
    view! {
        <div class=class tabindex="0" role="region" aria-label=format!("{}: {about}", names.lines)>
            <table>{columns} <thead class="sr-only">{head}</thead><tbody>{drawn}</tbody></table>
            {more}
        </div>
    }
}

fn row(row: Row<'_>, style: &Style<'_>, key: &str) -> AnyView {
    let layout = style.layout;
    let columns = if layout == Layout::Split { "6" } else { "4" };
    match row {
        Row::Gap => view! { <tr class="gap"><td colspan=columns>"lines that are the same"</td></tr> }.into_any(),
        Row::Folded(lines) => {
            let title = format!(
                "Show {}",
                count(lines.len() as u64, "more line that is the same", "more lines that are the same")
            );
            let lines = lines.iter().map(|line| same(line, style)).collect_view();
            view! {
                <tr class="gap">
                    <td colspan=columns>
                        <details data-key=format!("fold-{key}")>
                            <summary>{title}</summary>
                            <table><tbody>{lines}</tbody></table>
                        </details>
                    </td>
                </tr>
            }
            .into_any()
        }
        Row::Same(line) => same(line, style).into_any(),
        Row::Changed(pairs) => match layout {
            Layout::Unified => {
                let (old, new): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
                old.iter().chain(&new).flatten().map(|line| unified(line, style)).collect_view().into_any()
            }
            Layout::Split => {
                pairs.iter().map(|(old, new)| pair(old.as_ref(), new.as_ref(), style)).collect_view().into_any()
            }
        },
    }
}

fn same(line: &DiffLine, style: &Style<'_>) -> impl IntoView + use<> {
    let colours = style.colours(line);
    let text = || pieces(&[(false, line.text.clone())], &colours);
    let (left, right) = (line.desired, line.live);
    match style.layout {
        Layout::Unified => view! {
            <tr class="same"><td class="n">{left}</td><td class="n">{right}</td><td class="mark"></td><td class="text">{text()}</td></tr>
        }
        .into_any(),
        Layout::Split => view! {
            <tr class="same">
                <td class="n">{left}</td><td class="mark"></td><td class="text">{text()}</td>
                <td class="n">{right}</td><td class="mark"></td><td class="text">{text()}</td>
            </tr>
        }
        .into_any(),
    }
}

fn unified(line: &Line<'_>, style: &Style<'_>) -> impl IntoView + use<> {
    let (class, mark) = sign(line.line.kind, style.names);
    view! {
        <tr class=class>
            <td class="n">{line.line.desired}</td>
            <td class="n">{line.line.live}</td>
            {mark}
            <td class="text">{pieces(&line.pieces, &style.colours(line.line))}</td>
        </tr>
    }
}

/// Two lines that take each other's place; where one side has fewer lines, nothing.
fn pair(old: Option<&Line<'_>>, new: Option<&Line<'_>>, style: &Style<'_>) -> impl IntoView + use<> {
    let half = |line: Option<&Line<'_>>, number: fn(&DiffLine) -> Option<u32>| match line {
        None => view! { <td class="n none"></td><td class="mark none"></td><td class="text none"></td> }.into_any(),
        Some(line) => {
            let (class, mark) = sign(line.line.kind, style.names);
            view! {
                <td class=format!("n {class}")>{number(line.line)}</td>
                {mark}
                <td class=format!("text {class}")>{pieces(&line.pieces, &style.colours(line.line))}</td>
            }
            .into_any()
        }
    };
    view! { <tr>{half(old, |line| line.desired)} {half(new, |line| line.live)}</tr> }
}

/// How a line that one side has is marked, for who sees colours and for who does not.
fn sign(kind: LineKind, names: &Names) -> (&'static str, impl IntoView + use<>) {
    let (class, mark, spoken) = match kind {
        LineKind::Removed => ("removed", "−", names.removed),
        LineKind::Added => ("added", "+", names.added),
        LineKind::Same | LineKind::Gap => ("same", "", ""),
    };
    let cell = view! {
        <td class=format!("mark {class}")><span aria-hidden="true">{mark}</span><span class="sr-only">{spoken}</span></td>
    };
    (class, cell)
}

/// A text whose changed pieces are marked, and whose code is coloured.
pub(super) fn pieces(pieces: &[Piece], colours: &[Run]) -> impl IntoView + use<> {
    let mut at = 0;
    let mut drawn = Vec::new();
    for (changed, text) in pieces {
        let parts = coloured(text, at, colours);
        at += text.len();
        match changed {
            true => drawn.push(view! { <mark>{all(parts)}</mark> }.into_any()),
            false => drawn.extend(parts),
        }
    }
    all(drawn)
}

/// The one part without what stands between several.
fn all(mut parts: Vec<AnyView>) -> AnyView {
    if parts.len() == 1 { parts.remove(0) } else { parts.collect_view().into_any() }
}

/// A piece of a text that begins at a byte, with the colours of the whole text.
fn coloured(text: &str, at: usize, colours: &[Run]) -> Vec<AnyView> {
    let end = at + text.len();
    let first = colours.partition_point(|(run, _)| run.end <= at);
    let mut parts = Vec::new();
    let mut done = at;
    for (run, token) in colours[first..].iter().take_while(|(run, _)| run.start < end) {
        let (from, to) = (run.start.max(done), run.end.min(end));
        if from > done {
            parts.push(text[done - at..from - at].to_owned().into_any());
        }
        let text = text[from - at..to - at].to_owned();
        parts.push(view! { <span class=token.class()>{text}</span> }.into_any());
        done = to;
    }
    if done < end {
        parts.push(text[done - at..].to_owned().into_any());
    }
    parts
}
