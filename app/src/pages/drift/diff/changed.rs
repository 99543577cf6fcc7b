//! Which words differ within two texts that take each other's place, and which lines do.

use drift_domain::views::{DiffLine, LineKind};
use similar::{ChangeTag, TextDiff};

/// Bytes of two texts up to which their words are compared: a person reads no further, and it is done for every page.
const LONGEST: usize = 20_000;
/// How much of two texts is the same where it helps to mark what is not. Below, nearly everything would be marked.
const ALIKE: f32 = 0.4;

/// Lines of the right side among which one is looked for that is like one of the left.
const WINDOW: usize = 8;
/// Pairs of lines that are compared for one place: it takes a few hundredths of a second.
const TRIES: usize = 1_000;

/// A piece of a text, and whether the other text has it not.
pub(super) type Piece = (bool, String);

/// Both texts in pieces; `None` where marking words would tell nothing.
pub(super) fn words(desired: &str, live: &str) -> Option<(Vec<Piece>, Vec<Piece>)> {
    if desired.len() + live.len() > LONGEST {
        return None;
    }
    let diff = TextDiff::from_unicode_words(desired, live);
    if diff.ratio() < ALIKE {
        return None;
    }
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for change in diff.iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                push(&mut old, false, text);
                push(&mut new, false, text);
            }
            ChangeTag::Delete => push(&mut old, true, text),
            ChangeTag::Insert => push(&mut new, true, text),
        }
    }
    let differs = old.iter().chain(&new).any(|(changed, _)| *changed);
    differs.then_some((old, new))
}

fn push(pieces: &mut Vec<Piece>, changed: bool, text: &str) {
    match pieces.last_mut() {
        Some((same, last)) if *same == changed => last.push_str(text),
        _ => pieces.push((changed, text.to_owned())),
    }
}

/// A line of a diff, in pieces.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub line: &'a DiffLine,
    pub pieces: Vec<Piece>,
}

/// A row of a diff.
#[derive(Debug)]
pub(super) enum Row<'a> {
    /// Lines that are the same, which the page need not show at first: their numbers on both sides, and the lines.
    Folded(Vec<DiffLine>),
    /// Lines are left out here, and are not at hand.
    Gap,
    /// A line that both sides have.
    Same(&'a DiffLine),
    /// Lines of both sides that stand in one place, those beside each other that take each other's place.
    Changed(Vec<Pair<'a>>),
}

/// A line of the left side and the one of the right side that takes its place; one of them where the other side has none.
pub(super) type Pair<'a> = (Option<Line<'a>>, Option<Line<'a>>);

/// Lines as rows: those that take each other's place together, and in the place of a gap the lines that it leaves out, where
/// `whole`, the left side's text, has them.
pub(super) fn rows<'a>(lines: &'a [DiffLine], whole: Option<&str>) -> Vec<Row<'a>> {
    let whole: Vec<&str> = whole.map(|text| text.lines().collect()).unwrap_or_default();
    let has = |number: u32| whole.get((number as usize).checked_sub(1)?).copied();
    // A text in another form than its lines (an excerpt) folds nothing.
    let is_whole = lines
        .iter()
        .filter(|line| line.kind == LineKind::Same)
        .all(|line| line.desired.and_then(has) == Some(line.text.as_str()));
    let mut rows = Vec::new();
    let (mut desired, mut live) = (1, 1);
    for run in lines.chunk_by(|a, b| is_changed(a) && is_changed(b)) {
        let first = &run[0];
        match first.kind {
            LineKind::Gap => {
                let upto = lines_after(lines, first).find_map(|line| line.desired).unwrap_or(desired);
                let folded: Option<Vec<DiffLine>> = (desired..upto)
                    .enumerate()
                    .map(|(at, number)| same(number, live + at as u32, has(number)?))
                    .collect();
                match folded.filter(|folded| is_whole && !folded.is_empty()) {
                    Some(folded) => rows.push(Row::Folded(folded)),
                    None => rows.push(Row::Gap),
                }
            }
            LineKind::Same => rows.push(Row::Same(first)),
            LineKind::Removed | LineKind::Added => rows.push(changed(run)),
        }
        desired = run.iter().filter_map(|line| line.desired).max().map_or(desired, |last| last + 1);
        live = run.iter().filter_map(|line| line.live).max().map_or(live, |last| last + 1);
    }
    let rest: Vec<DiffLine> = (desired..)
        .map_while(has)
        .enumerate()
        .filter_map(|(at, text)| same(desired + at as u32, live + at as u32, text))
        .collect();
    if is_whole && !rest.is_empty() && lines.iter().any(|line| line.kind == LineKind::Same) {
        rows.push(Row::Folded(rest));
    }
    rows
}

fn lines_after<'a>(lines: &'a [DiffLine], one: &'a DiffLine) -> impl Iterator<Item = &'a DiffLine> {
    lines.iter().skip_while(move |line| !std::ptr::eq(*line, one))
}

fn is_changed(line: &DiffLine) -> bool {
    matches!(line.kind, LineKind::Removed | LineKind::Added)
}

fn same(desired: u32, live: u32, text: &str) -> Option<DiffLine> {
    Some(DiffLine { kind: LineKind::Same, desired: Some(desired), live: Some(live), text: text.to_owned() })
}

/// Lines that are alike go together, in order; what is between them goes by its place.
fn changed(run: &[DiffLine]) -> Row<'_> {
    let of = |kind| run.iter().filter(|line| line.kind == kind).collect::<Vec<_>>();
    let (old, new) = (of(LineKind::Removed), of(LineKind::Added));
    let mut pairs = Vec::new();
    let (mut left, mut right, mut tries) = (0, 0, 0);
    for (at, line) in old.iter().enumerate() {
        let alike = new.iter().enumerate().skip(right).take(WINDOW).find_map(|(to, other)| {
            tries += 1;
            let words = if tries > TRIES { None } else { words(&line.text, &other.text) };
            words.map(|words| (to, words))
        });
        if let Some((to, (before, after))) = alike {
            by_place(&old[left..at], &new[right..to], &mut pairs);
            pairs.push((Some(Line { line, pieces: before }), Some(Line { line: new[to], pieces: after })));
            (left, right) = (at + 1, to + 1);
        }
    }
    by_place(&old[left..], &new[right..], &mut pairs);
    Row::Changed(pairs)
}

fn by_place<'a>(old: &[&'a DiffLine], new: &[&'a DiffLine], pairs: &mut Vec<Pair<'a>>) {
    let whole = |line: &&'a DiffLine| Line { line, pieces: vec![(false, line.text.clone())] };
    pairs.extend((0..old.len().max(new.len())).map(|at| (old.get(at).map(whole), new.get(at).map(whole))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pieces: &[Piece]) -> String {
        pieces.iter().map(|(changed, text)| if *changed { format!("[{text}]") } else { text.clone() }).collect()
    }

    fn line(kind: LineKind, desired: Option<u32>, live: Option<u32>, text: &str) -> DiffLine {
        DiffLine { kind, desired, live, text: text.to_owned() }
    }

    #[test]
    fn what_differs_within_two_lines_is_marked_and_nothing_is_lost() {
        let (old, new) = words("return total > 0;", "return total !== 0;").unwrap();
        assert_eq!((marked(&old).as_str(), marked(&new).as_str()), ("return total [>] 0;", "return total [!==] 0;"));
        assert!(words("return total;", "await fetch(x)").is_none(), "two lines that have nothing in common");
        assert!(words("same", "same").is_none());
        let long = "word ".repeat(LONGEST);
        assert!(words(&long, "word").is_none());
    }

    #[test]
    fn a_gap_holds_the_lines_that_it_leaves_out() {
        let text = "a\nb\nc\nd\ne\nf\ng";
        let lines = [
            line(LineKind::Gap, None, None, ""),
            line(LineKind::Same, Some(3), Some(3), "c"),
            line(LineKind::Removed, Some(4), None, "d"),
            line(LineKind::Added, None, Some(4), "D"),
            line(LineKind::Added, None, Some(5), "DD"),
            line(LineKind::Same, Some(5), Some(6), "e"),
        ];
        let rows = rows(&lines, Some(text));
        let [Row::Folded(before), Row::Same(_), Row::Changed(pairs), Row::Same(_), Row::Folded(after)] =
            rows.as_slice()
        else {
            panic!("{rows:?}")
        };
        let numbers = |lines: &[DiffLine]| -> Vec<_> {
            lines.iter().map(|l| (l.desired.unwrap(), l.live.unwrap(), l.text.clone())).collect()
        };
        assert_eq!(numbers(before), [(1, 1, "a".to_owned()), (2, 2, "b".to_owned())]);
        assert_eq!(numbers(after), [(6, 7, "f".to_owned()), (7, 8, "g".to_owned())]);
        assert!(matches!(pairs.as_slice(), [(Some(_), Some(_)), (None, Some(_))]), "{pairs:?}");
    }

    #[test]
    fn a_line_goes_with_the_one_that_is_like_it_and_none_is_lost() {
        let lines = [
            line(LineKind::Removed, Some(1), None, "const minimum = 60;"),
            line(LineKind::Removed, Some(2), None, "gone()"),
            line(LineKind::Added, None, Some(1), "// for the campaign, see #4711"),
            line(LineKind::Added, None, Some(2), "const minimum = 45;"),
        ];
        let rows = rows(&lines, None);
        let [Row::Changed(pairs)] = rows.as_slice() else { panic!("{rows:?}") };
        let text = |line: &Option<Line<'_>>| line.as_ref().map(|line| marked(&line.pieces)).unwrap_or_default();
        let drawn: Vec<_> = pairs.iter().map(|(old, new)| (text(old), text(new))).collect();
        let expected = [
            ("", "// for the campaign, see #4711"),
            ("const minimum = [60];", "const minimum = [45];"),
            ("gone()", ""),
        ];
        assert_eq!(drawn, expected.map(|(old, new)| (old.to_owned(), new.to_owned())));
    }

    #[test]
    fn a_text_that_is_not_that_of_the_lines_folds_nothing() {
        let lines = [line(LineKind::Gap, None, None, ""), line(LineKind::Same, Some(3), Some(3), "c")];
        for whole in [None, Some("x\ny\nz"), Some("a")] {
            let rows = rows(&lines, whole);
            assert!(matches!(rows.as_slice(), [Row::Gap, Row::Same(_)]), "{whole:?}: {rows:?}");
        }
    }
}
