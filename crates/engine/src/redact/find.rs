//! Secrets looked for rather than hidden. Hiding too much costs nothing; here a find stops somebody, so what reads as an
//! example, a reference or a word is no find.

use serde_json::Value;

use super::{Redactor, ToldBy, keys, patterns};
use crate::canonical::node::Step;
use crate::json::{Document, Json};

/// Finds secrets in nodes. Equal secrets have equal numbers, over all nodes that go through one finder.
pub(crate) struct Finder(Redactor);

/// Something that looks like a secret.
pub(crate) struct Found {
    /// Where in the node.
    pub(crate) path: Vec<Step>,
    /// Which secret.
    pub(crate) secret: usize,
}

/// Where a redactor is, and what it met on the way.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) path: Vec<Step>,
    found: Vec<Found>,
}

impl Trace {
    pub(super) fn meet(&mut self, secret: &str, number: usize, told_by: ToldBy) {
        if is_likely(secret, told_by) {
            self.found.push(Found { path: self.path.clone(), secret: number });
        }
    }
}

impl Finder {
    pub(crate) fn new() -> Self {
        Self(Redactor { trace: Some(Trace::default()), ..Redactor::default() })
    }

    /// What looks like a secret in a node's parameters and notes.
    pub(crate) fn node(&mut self, doc: &Document, node: Json) -> Vec<Found> {
        for key in ["parameters", "notes"] {
            let value = doc.get(node, key).map_or(Value::Null, |value| doc.to_value(value));
            self.0.within(|| Step::from(key), |this| drop(this.value(&value)));
        }
        self.take()
    }

    /// A node's name without what looks like a secret in it.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let name = self.0.name(name);
        self.take();
        name
    }

    fn take(&mut self) -> Vec<Found> {
        self.0.trace.as_mut().map(|trace| std::mem::take(&mut trace.found)).unwrap_or_default()
    }
}

/// Words that stand in the place of a secret in examples: `YOUR_API_KEY`, `<insert token here>`.
const EXAMPLE: [&str; 16] = [
    "your",
    "yours",
    "yourself",
    "example",
    "placeholder",
    "changeme",
    "change",
    "replace",
    "replaceme",
    "insert",
    "enter",
    "todo",
    "dummy",
    "sample",
    "redacted",
    "here",
];
/// What says where the secret comes from.
const REFERENCES: [&str; 6] = ["{{", "${", "process.env", "os.environ", "getenv", "$env"];
/// Words of code and of forms that come behind the name of a secret.
const WORDS: [&str; 12] = [
    "string",
    "number",
    "boolean",
    "undefined",
    "required",
    "optional",
    "default",
    "hidden",
    "private",
    "public",
    "header",
    "generic",
];
/// What is shorter is no secret that a commit could give away.
const SHORTEST: usize = 5;

fn is_likely(secret: &str, told_by: ToldBy) -> bool {
    if is_example(secret) {
        return false;
    }
    match told_by {
        ToldBy::Form => true,
        ToldBy::Name => !is_word(secret),
        ToldBy::Text => patterns::looks_random(secret) && !is_word(secret),
    }
}

/// Whether somebody should put a secret here, or it comes from elsewhere.
fn is_example(text: &str) -> bool {
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_example = |word: &str| {
        let word = word.to_ascii_lowercase();
        let your = word.starts_with("your") && word.bytes().all(|b| b.is_ascii_alphabetic());
        your || EXAMPLE.contains(&word.as_str()) || (word.len() > 2 && word.bytes().all(|b| b == b'x'))
    };
    let mut chars = text.trim_matches(['"', '\'']).chars();
    let is_one = chars.next().is_some_and(|first| chars.all(|c| c == first));
    let is_within = [("<", ">"), ("[", "]"), ("%", "%"), ("{", "}"), ("(", ")")]
        .iter()
        .any(|(open, close)| text.starts_with(open) && text.ends_with(close));
    is_one
        || is_within
        || words().next().is_none()
        || words().any(is_example)
        || REFERENCES.iter().any(|r| text.contains(r))
}

/// Whether it reads as something else than a secret: a word or a sentence, a name, an address, a variable.
fn is_word(text: &str) -> bool {
    let plain = text.trim_matches(|c: char| !c.is_alphanumeric());
    let digits = plain.bytes().any(|b| b.is_ascii_digit());
    let constant = !digits && plain.contains('_') && plain.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let sentence = text.contains(' ') && !text.split(' ').any(patterns::looks_random);
    let address = text.starts_with("http://") || text.starts_with("https://");
    let word = WORDS.contains(&plain.to_ascii_lowercase().as_str());
    let name = !digits && keys::is_secret(plain);
    plain.len() < SHORTEST || constant || sentence || address || word || name || text.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_likely() {
        for secret in
            ["hunter2!", "EvtIS^EBVISeie6svB@6ev", "k-1234567", "letmein", "sid=a1b2c3d4; theme=dark", "mysecret123"]
        {
            assert!(is_likely(secret, ToldBy::Name), "{secret}");
        }
        assert!(is_likely("ghp_abcdefghij0123456789", ToldBy::Form));
        assert!(is_likely("a1b2c3d4e5", ToldBy::Text));
    }

    #[test]
    fn examples_references_and_words_are_not() {
        for example in [
            "YOUR_API_KEY",
            "yourApiKey",
            "<token>",
            "[Your Key]",
            "xxxxxxxx",
            "sk-xxxxxxxxxxxxxxxx",
            "********",
            "change-me",
            "{{$env.TOKEN}}",
            "Bearer {{ $vars.KEY }}",
            "${API_KEY}",
            "process.env.API_KEY1",
            "eyJ_YOUR_JWT_TOKEN_HERE",
        ] {
            for told_by in [ToldBy::Form, ToldBy::Name, ToldBy::Text] {
                assert!(!is_likely(example, told_by), "{example}");
            }
        }
        for word in [
            "TELEGRAM_BOT_TOKEN",
            "access_token",
            "required",
            "User post summary",
            "https://example.invalid/oauth",
            "$vars.KEY",
            "'Key",
            "1",
        ] {
            assert!(!is_likely(word, ToldBy::Name), "{word}");
        }
    }
}
