//! From bytes to a [`Document`]: one pass, from the inside out.

use super::{Document, Json, LONGEST, Member, Span, Text, unescaped, write_text};

/// Reads one JSON text; see [`Document::read`].
pub(super) fn read(bytes: &[u8], max_depth: usize) -> Option<(Document, Json)> {
    if bytes.len() > LONGEST {
        return None;
    }
    // Where the whole is valid, so is every text in it: their ends are quotes.
    let source = std::str::from_utf8(bytes).ok()?;
    let mut scanner = Scanner {
        bytes,
        at: 0,
        deeper: max_depth,
        anew: String::new(),
        members: Vec::with_capacity(bytes.len() / 40),
        items: Vec::with_capacity(bytes.len() / 160),
        open_members: Vec::with_capacity((bytes.len() / 32).min(64)),
        open_items: Vec::with_capacity((bytes.len() / 64).min(64)),
    };
    let json = scanner.value()?;
    if scanner.next().is_some() {
        return None;
    }
    let mut text = String::with_capacity(bytes.len() + scanner.anew.len() + 64);
    text.push_str(source);
    text.push_str(&scanner.anew);
    Some((Document { text, members: scanner.members, items: scanner.items }, json))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many more levels may be entered.
    deeper: usize,
    /// What was spelt anew; its place is behind the source.
    anew: String,
    members: Vec<Member>,
    items: Vec<Json>,
    /// Members and elements of what is not at its end yet.
    open_members: Vec<Open>,
    open_items: Vec<Json>,
}

/// A member of an object that is not at its end yet.
#[derive(Clone, Copy)]
struct Open {
    /// The first eight bytes of the key as a number: most keys are in order by it already.
    prefix: u64,
    member: Member,
}

impl Scanner<'_> {
    /// The next byte that is not white space; it is not taken.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' => self.at = behind_spaces(self.bytes, self.at),
                b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn value(&mut self) -> Option<Json> {
        match self.next()? {
            b'"' => self.text().map(Json::Text),
            b'{' => self.object(),
            b'[' => self.list(),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, json: Json) -> Option<Json> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            json
        })
    }

    fn number(&mut self) -> Option<Json> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let (token, sign) = (&rest[..length], usize::from(rest.first() == Some(&b'-')));
        self.at += length;
        let digits = &token[sign..];
        // Fifteen digits are exact in a double; a zero in front is no number.
        let plain = matches!(digits.len(), 1..=15) && digits.iter().all(u8::is_ascii_digit);
        if plain && (digits.len() == 1 || digits[0] != b'0') {
            let n = digits.iter().fold(0_i64, |n, digit| n * 10 + i64::from(digit - b'0'));
            return Some(Json::Integer(if sign == 1 { -n } else { n }));
        }
        let number: serde_json::Number = serde_json::from_slice(token).ok()?;
        number.as_f64().map(Json::number)
    }

    /// A text, from its opening quote on.
    #[inline]
    fn text(&mut self) -> Option<Text> {
        let begin = self.at + 1;
        let (mut escaped, mut anew) = (false, false);
        let mut at = special(self.bytes, begin)?;
        loop {
            match self.bytes[at] {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    match self.bytes.get(at + 1)? {
                        b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'/' | b'u' => anew = true,
                        _ => return None,
                    }
                    at = special(self.bytes, at + 2)?;
                }
                // A control character, which a text may only hold escaped.
                _ => return None,
            }
        }
        self.at = at + 1;
        if anew { self.spell(begin, at) } else { Some(Text::new(begin, at - begin, escaped)) }
    }

    /// Brings a text into its canonical spelling.
    #[cold]
    fn spell(&mut self, begin: usize, end: usize) -> Option<Text> {
        let said = unescaped(&self.bytes[begin - 1..=end])?;
        let mut spelt = Vec::with_capacity(said.len() + 16);
        write_text(&said, &mut spelt);
        let at = self.bytes.len() + self.anew.len() + 1;
        self.anew.push_str(std::str::from_utf8(&spelt).ok()?);
        Some(Text::new(at, spelt.len() - 2, spelt.len() != said.len() + 2))
    }

    fn list(&mut self) -> Option<Json> {
        self.at += 1;
        self.deeper = self.deeper.checked_sub(1)?;
        let base = self.open_items.len();
        if self.next()? == b']' {
            self.at += 1;
        } else {
            loop {
                let item = self.value()?;
                self.open_items.push(item);
                let end = self.next()?;
                self.at += 1;
                match end {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.deeper += 1;
        let at = self.items.len();
        self.items.extend_from_slice(&self.open_items[base..]);
        self.open_items.truncate(base);
        Some(Json::List(Span::new(at, self.items.len() - at)))
    }

    fn object(&mut self) -> Option<Json> {
        self.at += 1;
        self.deeper = self.deeper.checked_sub(1)?;
        let base = self.open_members.len();
        let (mut sorted, mut empty) = (true, true);
        if self.next()? == b'}' {
            self.at += 1;
        } else {
            let mut last = None;
            loop {
                if self.next()? != b'"' {
                    return None;
                }
                let key = self.text()?;
                let prefix = self.prefix(key);
                if self.next()? != b':' {
                    return None;
                }
                self.at += 1;
                let value = self.value()?;
                empty &= value.is_empty();
                // Equal prefixes are looked at more closely when sorting.
                sorted &= last.is_none_or(|last| last < prefix) && !key.is_escaped();
                last = Some(prefix);
                self.open_members.push(Open { prefix, member: Member { key, value } });
                let end = self.next()?;
                self.at += 1;
                match end {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.deeper += 1;
        let at = self.members.len();
        if sorted {
            self.members.extend(self.open_members[base..].iter().map(|open| open.member));
        } else if self.sort(base) {
            empty = self.members[at..].iter().all(|m| m.value.is_empty());
        }
        self.open_members.truncate(base);
        Some(Json::Object(Span::new(at, self.members.len() - at), empty))
    }

    /// The first bytes of a key as a number that sorts as they do. Bytes of a text are 32 and more, so that a shorter key
    /// comes before a longer one that begins with it.
    #[inline]
    fn prefix(&self, key: Text) -> u64 {
        let range = key.range();
        let (from, length) = if range.start < self.bytes.len() {
            (&self.bytes[range.start..], range.len())
        } else {
            (&self.anew.as_bytes()[range.start - self.bytes.len()..], range.len())
        };
        match from.first_chunk::<8>() {
            Some(chunk) if length >= 8 => u64::from_be_bytes(*chunk),
            Some(chunk) if length > 0 => u64::from_be_bytes(*chunk) & (u64::MAX << (64 - 8 * length)),
            _ => (0..8).fold(0, |n, i| n << 8 | from[..length].get(i).copied().map_or(0, u64::from)),
        }
    }

    /// Sorts the open members from `base` on and takes over the last of each key. Says whether a key occurred twice.
    fn sort(&mut self, base: usize) -> bool {
        let (bytes, anew) = (self.bytes, self.anew.as_bytes());
        let spelt = |key: Text| {
            let range = key.range();
            let (from, before) = if range.start < bytes.len() { (bytes, 0) } else { (anew, bytes.len()) };
            &from[range.start - before..range.end - before]
        };
        let order = |a: &Open, b: &Open| {
            let (x, y) = (a.member.key, b.member.key);
            if x.is_escaped() || y.is_escaped() {
                let said = |key: Text| unescaped(&[b"\"", spelt(key), b"\""].concat());
                return said(x).cmp(&said(y));
            }
            a.prefix.cmp(&b.prefix).then_with(|| spelt(x).cmp(spelt(y)))
        };
        let open = &mut self.open_members[base..];
        open.sort_by(order);
        let before = self.members.len();
        for (i, one) in open.iter().enumerate() {
            // The sort keeps the order of equal keys, and the last of them counts.
            if open.get(i + 1).is_none_or(|next| order(one, next).is_ne()) {
                self.members.push(one.member);
            }
        }
        self.members.len() - before < open.len()
    }
}

/// The first byte from `at` on that is no space: indentation comes in long runs.
#[inline]
fn behind_spaces(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let other = u64::from_le_bytes(*chunk) ^ (u64::MAX / 255 * u64::from(b' '));
        if other != 0 {
            return at + other.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes.get(at..).map_or(0, |rest| rest.iter().take_while(|b| **b == b' ').count())
}

/// The first byte from `at` on that is a quote, a backslash or a control character: eight at a time.
#[inline]
fn special(bytes: &[u8], at: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut at = at;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = word ^ (ONES * u64::from(b'"'));
        let quote = quote.wrapping_sub(ONES) & !quote;
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let backslash = backslash.wrapping_sub(ONES) & !backslash;
        // A borrow can mark bytes above the first one that is meant, never below.
        let found = (control | quote | backslash) & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\').map(|i| at + i)
}
