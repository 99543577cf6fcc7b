//! Shapes of secrets inside text.

use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::ToldBy;

/// A shape, of which the groups of its expression are the secret; the whole match where it has no group.
pub(super) struct Pattern {
    source: String,
    /// Compiled when a text is met that can have the shape: a short run of the command line needs few.
    compiled: OnceLock<Regex>,
    /// Whether a match counts only if it looks random: for shapes that ordinary words have too.
    random: bool,
    told_by: ToldBy,
}

/// Names that come before a secret in code, JSON, SQL, shell and headers.
const NAMES: &str = r"(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|auth[_-]?key|service[_-]?role[_-]?key|token|authorization|bearer)";

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let certain = |source: &str| Pattern::new(source, false);
    let random = |source: &str| Pattern::new(source, true);
    let mut all = vec![
        certain(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"),
        certain(r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>{}]*:([^\s/@"'<>]+)@"#),
        certain(
            r"(?-u:\b)(?:sk-[A-Za-z0-9_-]{16,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|whsec_[A-Za-z0-9+/=]{16,}|gsk_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|tvly-[A-Za-z0-9-]{16,}|fc-[0-9a-f]{32}|apify_api_[A-Za-z0-9]{20,}|pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}|(?:secret|ntn)_[A-Za-z0-9]{30,}|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}|key-[0-9a-f]{32}|SK[0-9a-f]{32}|dop_v1_[0-9a-f]{64}|xkeysib-[0-9a-f]{30,}[A-Za-z0-9-]*|lin_api_[A-Za-z0-9]{20,}|PMAK-[0-9a-f-]{30,}|sbp_[0-9a-f]{30,}|pcsk_[A-Za-z0-9_]{20,})",
        ),
        certain(r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        certain(r"(?-u:\b)[0-9]{8,10}:[A-Za-z0-9_-]{33,}"),
        certain(r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]{8,})"),
        certain(r"discord(?:app)?\.com/api/webhooks/[0-9]+/([A-Za-z0-9_-]{8,})"),
        random(r"(?i-u:\b(?:bearer|basic))[ \t]+([A-Za-z0-9._~+/-]{8,}=*)"),
        // A quoted value beside a secret name. Quotes may be escaped: JSON inside a string inside code.
        certain(&format!(r#"(?i-u:{NAMES}s?)[A-Za-z0-9_]*\\?["'`\]]{{0,2}}\s*(?::|=>?|,)\s*\\?"([^"\\\n]{{3,}})"#)),
        certain(&format!(r"(?i-u:{NAMES}s?)[A-Za-z0-9_]*\\?[\x22'`\]]{{0,2}}\s*(?::|=>?|,)\s*\\?'([^'\\\n]{{3,}})")),
        certain(&format!(r"(?i-u:{NAMES}s?)[A-Za-z0-9_]*\\?[\x22'`\]]{{0,2}}\s*(?::|=>?|,)\s*\\?`([^`\\\n]{{3,}})")),
        // Query parameters and assignments without quotes.
        certain(&format!(r#"(?i-u:[?&](?:{NAMES}|access_token|key|sig|signature|auth))=([^&\s"'#{{}}<>]{{4,}})"#)),
        certain(&format!(r#"(?-u:\b)[A-Z0-9_]*(?i-u:{NAMES})=([^\s"'&;{{}}<>$=]{{4,}})"#)),
        // Headers in text, as curl takes them.
        random(
            r#"(?i-u:(?:x-api-key|api-key|apikey|x-auth-token|authorization|cookie)\s*:\s*(?:(?:bearer|basic|token)\s+)?)([^\s"'\\{}]{8,})"#,
        ),
        certain(r#"(?:-u|--user)\s+["']?[^\s:"']+:([^\s"']+)"#),
        // SQL: CREATE USER … IDENTIFIED BY '…', PASSWORD '…'.
        certain(r"(?i-u:(?:identified\s+by|password))\s+'([^'\n]{3,})'"),
    ];
    all.iter_mut().take(KNOWN).for_each(|pattern| pattern.told_by = ToldBy::Form);
    // A password in an address has no form of its own.
    all[IN_ADDRESS].told_by = ToldBy::Name;
    all
});

/// How many of the first shapes are tokens of a known form, which nothing else has.
const KNOWN: usize = 7;
/// Of these a password in an address, and a token that begins with a number and a colon.
const IN_ADDRESS: usize = 1;
const NUMBERED: usize = 4;
/// The shortest token of a known form, but for a password in an address.
const SHORTEST: usize = 15;
/// The shape behind the known ones, `Bearer …`, and its shortest text.
const SCHEME: (usize, usize) = (KNOWN, 14);
/// The shapes behind that which begin with one of [`NAMES`]: a name, then a quoted value.
const QUOTED_VALUES: std::ops::Range<usize> = KNOWN + 1..KNOWN + 4;
/// An assignment to one of [`NAMES`] without quotes.
const ASSIGNMENT: usize = KNOWN + 5;
/// One of these is in every text that has one of the shapes behind the known ones and `Bearer …`.
const MARKS: &[u8] = b"\"'`=:";

/// One of [`NAMES`].
static NAMED: LazyLock<Pattern> = LazyLock::new(|| Pattern::new(&format!("(?i-u:{NAMES})"), false));

/// Shapes that nothing but a secret has, as far as the text can have them.
pub(super) fn known(text: &str, mut visit: impl FnMut(&Pattern)) {
    let address = text.contains("://");
    if text.len() < SHORTEST && !address {
        return;
    }
    // The two shapes that begin with anything are the slow ones.
    let numbered = text.as_bytes().windows(2).any(|two| two[0].is_ascii_digit() && two[1] == b':');
    for (i, pattern) in PATTERNS.iter().enumerate().take(KNOWN) {
        if (i != IN_ADDRESS || (address && text.contains('@'))) && (i != NUMBERED || numbered) {
            visit(pattern);
        }
    }
}

/// Every shape that the text can have, the most certain first. Most texts are short and plain and can have none.
pub(super) fn each(text: &str, mut visit: impl FnMut(&Pattern)) {
    known(text, &mut visit);
    if text.len() >= SCHEME.1 {
        visit(&PATTERNS[SCHEME.0]);
    }
    if !text.bytes().any(|b| MARKS.contains(&b)) {
        return;
    }
    let named = NAMED.regex().is_match(text);
    for (i, pattern) in PATTERNS.iter().enumerate().skip(SCHEME.0 + 1) {
        if named || !(QUOTED_VALUES.contains(&i) || i == ASSIGNMENT) {
            visit(pattern);
        }
    }
}

/// Every shape, whether the text can have it or not: what [`each`] is held against.
#[cfg(test)]
pub(super) fn all(visit: impl FnMut(&Pattern)) {
    PATTERNS.iter().for_each(visit);
}

impl Pattern {
    fn new(source: &str, random: bool) -> Self {
        Self { source: source.to_owned(), compiled: OnceLock::new(), random, told_by: ToldBy::Text }
    }

    /// How this shape tells a secret.
    pub(super) fn told_by(&self) -> ToldBy {
        self.told_by
    }

    #[expect(clippy::expect_used, reason = "the expressions are constants; a test compiles each")]
    fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| Regex::new(&self.source).expect("a constant expression"))
    }

    /// The text with every secret of this shape replaced; none where there is no such secret.
    pub(super) fn replace(&self, text: &str, label: &mut dyn FnMut(&str) -> String) -> Option<String> {
        // Most texts have none, which is found out without room for captures.
        self.regex().find(text)?;
        let mut out = String::new();
        let mut copied = 0;
        for captures in self.regex().captures_iter(text) {
            let Some(found) = captures.get(1).or_else(|| captures.get(0)) else { continue };
            let secret = found.as_str();
            if is_reference(secret) || (self.random && !looks_random(secret)) {
                continue;
            }
            out.push_str(&text[copied..found.start()]);
            out.push_str(&label(secret));
            copied = found.end();
        }
        (copied > 0).then(|| out + &text[copied..])
    }
}

/// What stands for a value and is none: an expression, a variable, a label that is there already.
fn is_reference(text: &str) -> bool {
    text.contains("{{") || text.contains("${") || text.starts_with('$') || text.contains('‹')
}

/// Whether a word can hardly be a word of a language: it has digits before its end, or is long with capitals within.
pub(super) fn looks_random(text: &str) -> bool {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = word.bytes().any(|b| b.is_ascii_digit()) || text.len() >= word.len() + 6;
    digits || text.ends_with('=') || (text.len() >= 16 && text.bytes().skip(1).any(|b| b.is_ascii_uppercase()))
}

/// Replaces what a secret expression holds as plain text: outside `{{ }}`, and in quotes inside. Names of nodes and
/// fields in `$('…')` and `['…']` are not secrets.
pub(super) fn outside_expressions(text: &str, label: &mut dyn FnMut(&str) -> String) -> String {
    let Some(body) = text.strip_prefix('=') else { return label(text) };
    let mut out = String::from("=");
    let mut rest = body;
    loop {
        let (before, after) = rest.split_once("{{").map_or((rest, None), |(a, b)| (a, Some(b)));
        push_literal(before, &mut out, label);
        let Some(after) = after else { return out };
        let (inside, tail) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str("{{");
        push_quoted(inside, &mut out, label);
        out.push_str("}}");
        rest = tail;
    }
}

/// Words of four and more characters, but for the scheme before a token.
fn push_literal(text: &str, out: &mut String, label: &mut dyn FnMut(&str) -> String) {
    for (i, word) in text.split(' ').enumerate() {
        if i > 0 {
            out.push(' ');
        }
        let scheme = matches!(word.to_ascii_lowercase().as_str(), "bearer" | "basic" | "token");
        if word.trim().len() < 4 || scheme { out.push_str(word) } else { out.push_str(&label(word)) }
    }
}

static QUOTED: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(r#"(?:^|[^(\[A-Za-z0-9])["'`]([^"'`\n]{6,})["'`]"#, false));

fn push_quoted(text: &str, out: &mut String, label: &mut dyn FnMut(&str) -> String) {
    match QUOTED.replace(text, label) {
        Some(replaced) => out.push_str(&replaced),
        None => out.push_str(text),
    }
}
