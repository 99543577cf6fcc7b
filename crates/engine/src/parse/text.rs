//! What has to be known about JSON text before it is parsed.

use std::borrow::Cow;

/// Without the byte order mark that some editors put first.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// How deep objects and arrays nest, by brackets outside strings. For text that is not JSON it is an upper estimate.
pub(super) fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Escapes half surrogate pairs once more (`\ud83d` becomes `\\ud83d`), so that they can be read as text.
///
/// JavaScript cuts strings in the middle of a pair and writes what is left; n8n stores that. A Rust string cannot hold
/// it, and refusing a whole workflow for half an emoji would blind detection.
pub(crate) fn repair(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] != b'\\' {
            i += 1;
            continue;
        }
        let Some(unit) = escape_at(bytes, i) else {
            i += 2;
            continue;
        };
        let pair = (0xD800..0xDC00).contains(&unit)
            && escape_at(bytes, i + 6).is_some_and(|low| (0xDC00..0xE000).contains(&low));
        if pair {
            i += 12;
            continue;
        }
        if (0xD800..0xE000).contains(&unit) {
            let out = out.get_or_insert_default();
            out.extend_from_slice(&bytes[copied..i]);
            out.push(b'\\');
            copied = i;
        }
        i += 6;
    }
    match out {
        Some(mut out) => {
            out.extend_from_slice(&bytes[copied..]);
            Cow::Owned(out)
        }
        None => Cow::Borrowed(bytes),
    }
}

/// The code unit of a `\uXXXX` escape that begins at `i`.
fn escape_at(bytes: &[u8], i: usize) -> Option<u16> {
    let escape = bytes.get(i..i + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth(br#"{"a":[[1]],"b":"[[[[\"{{{"}"#), 3);
        assert_eq!(depth(b"]]]]"), 0);
    }

    #[test]
    fn half_surrogates_become_text_and_pairs_stay() {
        assert_eq!(&*repair(br#""\ud83d\ude00""#), br#""\ud83d\ude00""#);
        assert_eq!(&*repair(br#""a\ud83db""#), br#""a\\ud83db""#);
        assert_eq!(&*repair(br#""\\ud83d""#), br#""\\ud83d""#);
        assert_eq!(&*repair(br#""\ude00\ud83d\ud83d\ude00""#), br#""\\ude00\\ud83d\ud83d\ude00""#);
    }
}
