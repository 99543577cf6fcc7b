//! Long text line by line: code, SQL, prompts, expressions.

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use super::{Hunk, Line, LineOp};

/// Text from this many characters on is shown line by line even where it has one line.
const LONG: usize = 120;
/// Lines shown around a difference.
const CONTEXT: usize = 3;
/// Lines (of both sides multiplied, common ends left out) up to which the shortest script is looked for. Beyond, the
/// middle is shown as replaced: two unrelated texts of thousands of lines have no script that a person would read.
const WORK: usize = 4_000_000;

/// The hunks that turn the desired text into the live one; none for short text, which is shown whole.
pub(super) fn hunks(desired: &str, live: &str) -> Vec<Hunk> {
    let multiline = desired.contains('\n') || live.contains('\n');
    if !multiline && desired.len() < LONG && live.len() < LONG {
        return Vec::new();
    }
    let old: Vec<&str> = desired.lines().collect();
    let new: Vec<&str> = live.lines().collect();
    let mut hunks: Vec<_> = group_diff_ops(script(&old, &new), CONTEXT)
        .iter()
        .filter(|ops| ops.iter().any(|op| op.tag() != DiffTag::Equal))
        .map(|ops| hunk(ops, &old, &new))
        .collect();
    if hunks.is_empty() && desired != live {
        hunks.push(line_ends(&old, desired, live));
    }
    hunks
}

fn script(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (old.len() - head - tail, new.len() - head - tail);
    if old_mid.saturating_mul(new_mid) <= WORK {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    vec![
        DiffOp::Equal { old_index: 0, new_index: 0, len: head },
        DiffOp::Replace { old_index: head, old_len: old_mid, new_index: head, new_len: new_mid },
        DiffOp::Equal { old_index: head + old_mid, new_index: head + new_mid, len: tail },
    ]
}

fn hunk(ops: &[DiffOp], old: &[&str], new: &[&str]) -> Hunk {
    let start = ops.first().map_or((0, 0), |op| (op.old_range().start, op.new_range().start));
    let mut lines = Vec::new();
    for op in ops {
        if op.tag() == DiffTag::Equal {
            lines.extend(old[op.old_range()].iter().map(|text| line(LineOp::Both, text)));
        } else {
            lines.extend(old[op.old_range()].iter().map(|text| line(LineOp::Desired, text)));
            lines.extend(new[op.new_range()].iter().map(|text| line(LineOp::Live, text)));
        }
    }
    Hunk { desired_start: start.0 + 1, live_start: start.1 + 1, lines }
}

fn line(op: LineOp, text: &str) -> Line {
    Line { op, text: text.to_owned() }
}

/// All lines are the same and the texts are not: the line breaks differ.
fn line_ends(lines: &[&str], desired: &str, live: &str) -> Hunk {
    let say = |text: &str| {
        let windows = if text.contains("\r\n") { "Windows line breaks" } else { "Unix line breaks" };
        let end = if text.ends_with('\n') { "a break at the end" } else { "no break at the end" };
        format!("({windows}, {end})")
    };
    let last = lines.len().max(1);
    let lines = vec![line(LineOp::Desired, &say(desired)), line(LineOp::Live, &say(live))];
    Hunk { desired_start: last, live_start: last, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(desired: &str, live: &str) -> Vec<String> {
        let sign = |op| match op {
            LineOp::Both => ' ',
            LineOp::Desired => '-',
            LineOp::Live => '+',
        };
        hunks(desired, live).iter().flat_map(|h| &h.lines).map(|l| format!("{}{}", sign(l.op), l.text)).collect()
    }

    #[test]
    fn one_changed_line_is_shown_with_its_neighbours() {
        assert_eq!(shown("a\nb\nc\n", "a\nB\nc\n"), [" a", "-b", "+B", " c"]);
    }

    #[test]
    fn short_text_is_shown_whole_elsewhere() {
        assert!(hunks("a", "b").is_empty());
    }

    #[test]
    fn differing_line_breaks_are_said() {
        assert_eq!(
            shown("a\r\nb", "a\nb"),
            ["-(Windows line breaks, no break at the end)", "+(Unix line breaks, no break at the end)"]
        );
    }

    #[test]
    fn huge_unrelated_texts_do_not_take_for_ever() {
        let text = |c: char| (0..30_000).fold("same\n".to_owned(), |s, i| s + &format!("{c}{i}\n"));
        let hunks = hunks(&text('a'), &text('b'));
        assert_eq!(hunks.len(), 1);
        assert_eq!(hunks[0].lines.len(), 60_001);
    }
}
