//! Expressions and code that name a node: they follow when the node is renamed, as n8n makes them.

use std::borrow::Cow;
use std::collections::HashMap;

/// What comes before the quoted name of a node.
const CALLS: [&str; 3] = ["$(", "$items(", "$node["];
/// What comes before a bare name of a node.
const DOT: &str = "$node.";

/// The text with names of renamed nodes replaced, from the key to the value of the map: `$('Old').item` becomes
/// `$('New').item`, likewise `$node["Old"]`, `$items("Old")` and `$node.Old`. Other text stays.
pub(crate) fn follow<'a>(text: &'a str, renamed: &HashMap<&str, &str>) -> Cow<'a, str> {
    if renamed.is_empty() || !text.contains('$') {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let start = at + found;
        at = start + 1;
        let Some(name) = named_at(text, start) else { continue };
        if let Some(new) = renamed.get(name.name.as_ref()) {
            out.push_str(&text[copied..name.from]);
            push_name(&mut out, new, name.quote);
            copied = name.to;
        }
        at = name.to;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The names of nodes that a text names, in the order in which they stand.
pub(crate) fn names(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.match_indices('$').filter_map(|(start, _)| Some(named_at(text, start)?.name))
}

/// A node's name in a text, without its quotes.
struct Found<'a> {
    name: Cow<'a, str>,
    from: usize,
    to: usize,
    quote: Option<char>,
}

fn named_at(text: &str, start: usize) -> Option<Found<'_>> {
    let rest = &text[start..];
    for call in CALLS {
        let Some(inner) = rest.strip_prefix(call) else { continue };
        let trimmed = inner.trim_start();
        let quote = trimmed.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
        let from = start + rest.len() - trimmed.len() + 1;
        let (name, length) = unquoted(&text[from..], quote)?;
        return Some(Found { name, from, to: from + length, quote: Some(quote) });
    }
    let bare = rest.strip_prefix(DOT)?;
    let length = bare.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(bare.len());
    let from = start + DOT.len();
    (length > 0).then(|| Found { name: Cow::Borrowed(&bare[..length]), from, to: from + length, quote: None })
}

/// The text up to the closing quote with its escapes undone, and its length as written.
fn unquoted(text: &str, quote: char) -> Option<(Cow<'_, str>, usize)> {
    let mut name: Option<String> = None;
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            c if c == quote => {
                return Some((name.map_or(Cow::Borrowed(&text[..i]), Cow::Owned), i));
            }
            '\\' => {
                let name = name.get_or_insert_with(|| text[..i].to_owned());
                name.extend(chars.next().map(|(_, c)| c));
            }
            '\n' => return None,
            c => {
                if let Some(name) = &mut name {
                    name.push(c);
                }
            }
        }
    }
    None
}

fn push_name(out: &mut String, name: &str, quote: Option<char>) {
    for c in name.chars() {
        if c == '\\' || Some(c) == quote {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(text: &str) -> String {
        follow(text, &HashMap::from([("Old", "New one"), ("A", "B"), ("B", "A"), ("It's", "It is")])).into_owned()
    }

    #[test]
    fn every_way_of_naming_a_node_follows() {
        assert_eq!(followed("={{ $('Old').item.json.x }}"), "={{ $('New one').item.json.x }}");
        assert_eq!(followed("$node[\"Old\"].json"), "$node[\"New one\"].json");
        assert_eq!(followed("$items( `Old` , 0)"), "$items( `New one` , 0)");
        assert_eq!(followed("$node.A.json + $node.Ab.json"), "$node.B.json + $node.Ab.json");
        assert_eq!(followed(r"$('It\'s').first()"), "$('It is').first()");
    }

    #[test]
    fn names_are_found_where_they_would_follow() {
        let text = r#"={{ $('Old').x + $node["It's"].y + $node.A.z + $json.B + $(B) }}"#;
        assert_eq!(names(text).collect::<Vec<_>>(), ["Old", "It's", "A"]);
    }

    #[test]
    fn swapped_names_swap_and_other_text_stays() {
        assert_eq!(
            followed("$('A') $('B') 'Old' $json.Old $('Older') $("),
            "$('B') $('A') 'Old' $json.Old $('Older') $("
        );
    }
}
