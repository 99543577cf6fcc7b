//! Mentions in comments: `@` and a member's name, e-mail address, or the part of it before the `@`.

/// Somebody who can be mentioned.
#[derive(Clone, Copy, Debug)]
pub struct Mentionable<'a, Id> {
    /// Who.
    pub id: Id,
    /// The person's name.
    pub name: &'a str,
    /// The person's e-mail address.
    pub email: &'a str,
}

/// Who is mentioned in a text, each once, in the order of the text. Of several that fit at one place, the longest name
/// counts; where one name is that of several members, all of them are meant, for nobody must miss a call.
#[must_use]
pub fn mentioned<Id: Copy + PartialEq>(text: &str, members: &[Mentionable<'_, Id>]) -> Vec<Id> {
    let lower = text.to_lowercase();
    let mut found: Vec<Id> = Vec::new();
    for (at, _) in lower.match_indices('@') {
        // Inside an e-mail address that stands in the text as such, `@` mentions nobody.
        if lower[..at].chars().next_back().is_some_and(char::is_alphanumeric) {
            continue;
        }
        let after = &lower[at + 1..];
        let mut best = 0;
        let mut here = Vec::new();
        for member in members {
            let local = member.email.split('@').next().unwrap_or_default();
            let length = [member.name, member.email, local].iter().filter_map(|word| fits(after, word)).max();
            match length {
                Some(length) if length > best => {
                    best = length;
                    here = vec![member.id];
                }
                Some(length) if length == best => here.push(member.id),
                _ => {}
            }
        }
        for id in here {
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

/// How much of the text a word takes that begins it and ends where a word ends.
fn fits(text: &str, word: &str) -> Option<usize> {
    let word = word.to_lowercase();
    let rest = text.strip_prefix(word.as_str())?;
    let goes_on = rest.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    (!word.is_empty() && !goes_on).then_some(word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_mentioned_by_name_or_address_and_by_nothing_less() {
        let member = |id, name, email| Mentionable { id, name, email };
        let members = [
            member(1, "Ada", "ada@example.com"),
            member(2, "Ada Lovelace", "lovelace@example.com"),
            member(3, "Émile", "emile@example.com"),
        ];
        assert_eq!(mentioned("@Ada Lovelace, see this", &members), [2], "the longest name counts");
        assert_eq!(mentioned("@ada and @émile: @ADA!", &members), [1, 3], "each once, whatever the case");
        assert_eq!(mentioned("@lovelace@example.com?", &members), [2]);
        assert_eq!(mentioned("write to ada@example.com", &members), [0; 0]);
        assert_eq!(mentioned("@Adam @", &members), [0; 0]);
        assert_eq!(mentioned("İ @Émile", &members), [3], "letters that grow in small letters do not shift the rest");
    }
}
