//! Colours of code: which language a text is in, and what each piece of it is. Texts stay text, which the page escapes as any
//! other; all that is found out here is where a piece begins, where it ends, and which of a few classes it has.

use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

use drift_domain::views::DiffEntry;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

/// Bytes of a text up to which it is coloured. A script in a node has two thousand.
const LONGEST: usize = 20_000;
/// Bytes of a line up to which a text is coloured: what is longer was written by a machine, and takes grammars long.
const LONGEST_LINE: usize = 1_000;
/// Bytes that are coloured for one page. It takes a quarter of a second on a slow machine.
const PAGE: usize = 40_000;

/// The grammars, which are compiled when a text first needs them.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// What a scope of a grammar is here; the first that fits counts.
static TOKENS: LazyLock<Vec<(Scope, Option<Token>)>> = LazyLock::new(|| {
    let scope = |(name, token): &(&str, Option<Token>)| Some((Scope::new(name).ok()?, *token));
    SCOPES.iter().filter_map(scope).collect()
});

const SCOPES: &[(&str, Option<Token>)] = &[
    ("comment", Some(Token::Comment)),
    ("constant", Some(Token::Constant)),
    ("string", Some(Token::Text)),
    ("keyword.operator.word", Some(Token::Keyword)),
    ("keyword.operator", None),
    ("keyword", Some(Token::Keyword)),
    ("storage", Some(Token::Keyword)),
    ("variable.language", Some(Token::Keyword)),
    ("variable.function", Some(Token::Function)),
    ("entity.name.function", Some(Token::Function)),
    ("support", Some(Token::Function)),
    ("entity.name.tag", Some(Token::Keyword)),
    ("entity.other.attribute-name", Some(Token::Name)),
    ("meta.object-literal.key", Some(Token::Name)),
    ("variable.other.object.dollar", Some(Token::Name)),
    ("variable.other.dollar", Some(Token::Name)),
    // What is embedded in a text is code again.
    ("source", None),
    ("meta.template.expression", None),
    ("meta.interpolation", None),
];

/// What a piece of code is, as far as it has a colour of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word of the language, or a tag.
    Keyword,
    /// A text.
    Text,
    /// A number, a truth value, an escape.
    Constant,
    /// What is said to people.
    Comment,
    /// Something that is called.
    Function,
    /// The key of an object, an attribute, one of n8n's own variables.
    Name,
    /// What sets an n8n expression apart.
    Expression,
}

impl Token {
    /// Its class in `style/diff.css`.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Keyword => "tk-k",
            Self::Text => "tk-t",
            Self::Constant => "tk-c",
            Self::Comment => "tk-r",
            Self::Function => "tk-f",
            Self::Name => "tk-n",
            Self::Expression => "tk-x",
        }
    }
}

/// A piece of a text, in bytes, and what it is.
pub(super) type Run = (Range<usize>, Token);

/// How much more a page colours. Beyond that, texts stand as they are.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(PAGE))
    }
}

impl Budget {
    /// Whether a text is coloured; what it takes is taken.
    fn affords(&self, text: &str) -> bool {
        let long = text.len() > LONGEST || text.lines().any(|line| line.len() > LONGEST_LINE);
        match self.0.get().checked_sub(text.len()) {
            Some(left) if !long => {
                self.0.set(left);
                true
            }
            _ => false,
        }
    }
}

/// A text with its colours; without any where it has no language, or is too long.
#[derive(Debug, Default)]
pub(super) struct Painted<'a> {
    text: &'a str,
    runs: Vec<Run>,
}

/// Both sides of a difference.
#[derive(Debug, Default)]
pub(super) struct Both<'a> {
    pub left: Painted<'a>,
    pub right: Painted<'a>,
}

impl<'a> Both<'a> {
    /// The sides of an entry, in the language that its field is in.
    pub(super) fn of(entry: &'a DiffEntry, budget: &Budget) -> Self {
        let side = |text: &'a Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            let language = language(entry.node_type.as_deref(), &entry.path, text);
            let runs = language.filter(|_| budget.affords(text)).map(|language| runs(language, text));
            Painted { text, runs: runs.unwrap_or_default() }
        };
        Self { left: side(&entry.desired), right: side(&entry.live) }
    }
}

impl Painted<'_> {
    /// The colours of the whole text.
    pub(super) fn whole(&self) -> &[Run] {
        &self.runs
    }

    /// The colours of lines, by their numbers from 1.
    pub(super) fn lines(&self) -> Lines<'_> {
        let mut lines = Vec::new();
        if !self.runs.is_empty() {
            let mut start = 0;
            for line in self.text.split_inclusive('\n') {
                lines.push(start..start + line.len());
                start += line.len();
            }
        }
        Lines { painted: self, lines }
    }
}

/// A painted text, line by line.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    painted: &'a Painted<'a>,
    lines: Vec<Range<usize>>,
}

impl Lines<'_> {
    /// The colours of a line, in its own bytes. None where the text has another line there: a diff may show an excerpt.
    pub(super) fn of(&self, number: Option<u32>, shown: &str) -> Vec<Run> {
        let at = number.and_then(|number| (number as usize).checked_sub(1));
        let Some(Range { start, end }) = at.and_then(|at| self.lines.get(at)).cloned() else { return Vec::new() };
        if self.painted.text[start..end].trim_end_matches(['\n', '\r']) != shown.trim_end_matches('\r') {
            return Vec::new();
        }
        let end = start + shown.len();
        let runs = &self.painted.runs;
        let first = runs.partition_point(|(run, _)| run.end <= start);
        let within = runs[first..].iter().take_while(|(run, _)| run.start < end);
        within.map(|(run, token)| (run.start.max(start) - start..run.end.min(end) - start, *token)).collect()
    }
}

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    JavaScript,
    Python,
    Sql,
    Html,
    Json,
    /// Words, with n8n's expressions between them.
    Words,
}

/// Nodes whose `query` is SQL, as their types have them.
const DATABASES: &[&str] = &[
    "postgres",
    "mysql",
    "microsoftsql",
    "mssql",
    "sqlite",
    "snowflake",
    "questdb",
    "timescaledb",
    "cratedb",
    "redshift",
    "bigquery",
    "oracle",
    "databricks",
    "clickhouse",
];

/// The language of a field; `None` for what is no code.
fn language(node_type: Option<&str>, path: &[String], text: &str) -> Option<Language> {
    let field = path.iter().rev().find(|step| step.parse::<usize>().is_err()).map(String::as_str).unwrap_or_default();
    let node_type = node_type.unwrap_or_default().to_ascii_lowercase();
    let (is_expression, body) = text.strip_prefix('=').map_or((false, text), |body| (true, body));
    let body = body.trim_start();
    let begins = |with: &str| body.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    match field {
        "jsCode" | "functionCode" => Some(Language::JavaScript),
        "code" if node_type.contains("langchain") => Some(Language::JavaScript),
        "pythonCode" => Some(Language::Python),
        "query" | "sqlQuery" if DATABASES.iter().any(|name| node_type.contains(name)) => Some(Language::Sql),
        "html" => Some(Language::Html),
        _ if begins("<!doctype html") || begins("<html") => Some(Language::Html),
        _ if (begins("{") && !begins("{{")) || begins("[{") || begins("[\n") => Some(Language::Json),
        _ if is_expression => Some(Language::Words),
        _ => None,
    }
}

fn runs(language: Language, text: &str) -> Vec<Run> {
    // A script is no expression, whatever it holds. In JSON a text of its own is one where it begins with the sign.
    let has_expressions = match language {
        Language::JavaScript | Language::Python => false,
        Language::Json => text.starts_with('=') || text.contains("\"="),
        Language::Sql | Language::Html | Language::Words => text.starts_with('='),
    };
    let expressions = if has_expressions { expressions(text) } else { Vec::new() };
    let mut runs = Vec::new();
    if has_expressions && text.starts_with('=') {
        runs.push((0..1, Token::Expression));
    }
    if let Some(grammar) = grammar(language) {
        // What an expression gives is unknown: the text around it is read as if a word stood there, of the same length.
        let around: String = if has_expressions { masked(text, &expressions) } else { text.to_owned() };
        parse(grammar, &around, 0, &mut runs);
    }
    if !expressions.is_empty() {
        runs = outside(runs, &expressions);
        for Range { start, end } in expressions {
            runs.push((start..start + 2, Token::Expression));
            parse("JavaScript", &text[start + 2..end - 2], start + 2, &mut runs);
            runs.push((end - 2..end, Token::Expression));
        }
        runs.sort_by_key(|(run, _)| run.start);
    }
    runs
}

/// The name of a language's grammar.
fn grammar(language: Language) -> Option<&'static str> {
    match language {
        Language::JavaScript => Some("JavaScript"),
        Language::Python => Some("Python"),
        Language::Sql => Some("SQL"),
        Language::Html => Some("HTML"),
        Language::Json => Some("JSON"),
        Language::Words => None,
    }
}

/// Where n8n's expressions are, with their braces.
fn expressions(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("{{").map(|at| from + at) {
        let Some(end) = text[start + 2..].find("}}").map(|at| start + 2 + at + 2) else { break };
        found.push(start..end);
        from = end;
    }
    found
}

fn masked(text: &str, expressions: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let sign = usize::from(text.starts_with('='));
    bytes[..sign].fill(b' ');
    for range in expressions {
        bytes[range.clone()].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'x');
    }
    // Whole characters were replaced; were it not so, nothing would be coloured and nothing lost.
    String::from_utf8(bytes).unwrap_or_default()
}

/// The runs without what lies in the ranges.
fn outside(runs: Vec<Run>, ranges: &[Range<usize>]) -> Vec<Run> {
    let mut out = Vec::new();
    for (run, token) in runs {
        let mut start = run.start;
        let first = ranges.partition_point(|range| range.end <= run.start);
        for range in ranges[first..].iter().take_while(|range| range.start < run.end) {
            if range.start > start {
                out.push((start..range.start, token));
            }
            start = range.end;
        }
        if start < run.end {
            out.push((start..run.end, token));
        }
    }
    out
}

/// Reads a text with a grammar, and adds what it is made of, `offset` bytes on. What a grammar cannot read has no colour.
fn parse(grammar: &str, text: &str, offset: usize, runs: &mut Vec<Run>) {
    let Some(syntax) = SYNTAXES.find_syntax_by_name(grammar) else { return };
    let (mut state, mut stack, mut start) = (ParseState::new(syntax), ScopeStack::new(), offset);
    for line in text.split_inclusive('\n') {
        let Ok(ops) = state.parse_line(line, &SYNTAXES) else { return };
        let mut done = 0;
        for (at, op) in ops {
            if at > done {
                push(runs, start + done..start + at, &stack);
                done = at;
            }
            if stack.apply(&op).is_err() {
                return;
            }
        }
        if line.len() > done {
            push(runs, start + done..start + line.len(), &stack);
        }
        start += line.len();
    }
}

fn push(runs: &mut Vec<Run>, run: Range<usize>, stack: &ScopeStack) {
    let Some(token) = token(stack) else { return };
    match runs.last_mut() {
        Some((last, same)) if *same == token && last.end == run.start => last.end = run.end,
        _ => runs.push((run, token)),
    }
}

fn token(stack: &ScopeStack) -> Option<Token> {
    // JSON's keys are texts, too.
    static KEY: LazyLock<Option<Scope>> = LazyLock::new(|| Scope::new("meta.structure.dictionary.key").ok());
    let scopes = stack.as_slice();
    if KEY.is_some_and(|key| scopes.iter().any(|scope| key.is_prefix_of(*scope))) {
        return Some(Token::Name);
    }
    let told = |scope: &Scope| TOKENS.iter().find(|(known, _)| known.is_prefix_of(*scope)).map(|(_, token)| *token);
    scopes.iter().rev().find_map(told).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(language: Language, text: &str) -> Vec<(&str, Token)> {
        let runs = runs(language, text);
        assert!(runs.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start), "in order, none over another: {runs:?}");
        runs.into_iter().map(|(run, token)| (&text[run], token)).collect()
    }

    fn field(node_type: &str, field: &str, text: &str) -> Option<Language> {
        language(Some(node_type), &["parameters".to_owned(), field.to_owned()], text)
    }

    #[test]
    fn the_field_and_the_node_tell_the_language() {
        let code = "n8n-nodes-base.code";
        assert_eq!(field(code, "jsCode", "return 1"), Some(Language::JavaScript));
        assert_eq!(field(code, "pythonCode", "return 1"), Some(Language::Python));
        assert_eq!(field("n8n-nodes-base.postgres", "query", "SELECT 1"), Some(Language::Sql));
        assert_eq!(field("n8n-nodes-base.graphql", "query", "query { a }"), None);
        assert_eq!(field("n8n-nodes-base.html", "html", "<p>"), Some(Language::Html));
        assert_eq!(field("n8n-nodes-base.emailSend", "message", "=<!DOCTYPE html><p>"), Some(Language::Html));
        assert_eq!(field("n8n-nodes-base.httpRequest", "jsonBody", "={ \"a\": 1 }"), Some(Language::Json));
        assert_eq!(field("n8n-nodes-base.set", "value", "={{ $json.a }}"), Some(Language::Words));
        assert_eq!(field("n8n-nodes-base.set", "value", "Hello"), None);
    }

    #[test]
    fn javascript_is_told_apart() {
        let text = "const total = 45; // refunds\nreturn sum(`${total} EUR`) !== null;";
        let expected = [
            ("const", Token::Keyword),
            ("45", Token::Constant),
            ("// refunds\n", Token::Comment),
            ("return", Token::Keyword),
            ("sum", Token::Function),
            ("`", Token::Text),
            (" EUR`", Token::Text),
            ("null", Token::Constant),
        ];
        assert_eq!(painted(Language::JavaScript, text), expected);
    }

    #[test]
    fn python_sql_html_and_json_are_told_apart() {
        let has = |language, text, piece: (&str, Token)| {
            let painted = painted(language, text);
            assert!(painted.contains(&piece), "{piece:?} in {painted:?}");
        };
        has(Language::Python, "def f(a):\n    return None # why", ("def", Token::Keyword));
        has(Language::Python, "return 'x' if a else None", ("'x'", Token::Text));
        has(Language::Sql, "SELECT a FROM b WHERE c = 'x' -- why", ("SELECT", Token::Keyword));
        has(Language::Sql, "SELECT a FROM b WHERE c = 'x' -- why", ("'x'", Token::Text));
        has(Language::Html, "<p class=\"a\">b</p>", ("class", Token::Name));
        has(Language::Json, "{\n  \"a\": \"b\",\n  \"c\": true\n}", ("\"a\"", Token::Name));
        has(Language::Json, "{\n  \"a\": \"b\",\n  \"c\": true\n}", ("\"b\"", Token::Text));
    }

    #[test]
    fn an_expression_is_set_apart_and_read_as_javascript_wherever_it_stands() {
        let words = painted(Language::Words, "=Dear {{ $json.name || 'all' }}, é {{ 1 }} {{ not closed");
        let expected = [
            ("=", Token::Expression),
            ("{{", Token::Expression),
            ("$json", Token::Name),
            ("'all'", Token::Text),
            ("}}", Token::Expression),
            ("{{", Token::Expression),
            ("1", Token::Constant),
            ("}}", Token::Expression),
        ];
        assert_eq!(words, expected);
        let sql = painted(Language::Sql, "=SELECT 'a {{ $json[\"it's\"] }} b' FROM c");
        assert!(sql.contains(&("SELECT", Token::Keyword)) && sql.contains(&("FROM", Token::Keyword)), "{sql:?}");
        assert!(sql.contains(&("'a ", Token::Text)) && sql.contains(&("\"it's\"", Token::Text)), "{sql:?}");
        let script = painted(Language::JavaScript, "const a = '{{ 1 }}';");
        assert!(script.contains(&("'{{ 1 }}'", Token::Text)), "a script has no expressions: {script:?}");
    }

    #[test]
    fn lines_have_their_part_and_an_excerpt_has_none() {
        let text = "/* one\r\ntwo */ let é = 1;\r\n";
        let painted = Painted { text, runs: runs(Language::JavaScript, text) };
        let lines = painted.lines();
        assert_eq!(lines.of(Some(1), "/* one"), [(0..6, Token::Comment)]);
        let second = "two */ let é = 1;";
        assert_eq!(
            lines.of(Some(2), second),
            [(0..6, Token::Comment), (7..10, Token::Keyword), (16..17, Token::Constant)]
        );
        assert_eq!(lines.of(Some(2), "let other"), []);
        assert_eq!((lines.of(Some(9), second), lines.of(None, second)), (vec![], vec![]));
    }

    #[test]
    fn what_is_long_is_not_coloured_and_a_page_has_an_end() {
        let budget = Budget::default();
        assert!(!budget.affords(&"a;\n".repeat(LONGEST)));
        assert!(!budget.affords(&"a".repeat(LONGEST_LINE + 1)));
        let text = "a;\n".repeat(LONGEST / 3);
        assert!(budget.affords(&text) && budget.affords(&text) && !budget.affords(&text));
    }

    #[test]
    fn whatever_stands_in_a_field_is_read_to_its_end() {
        for part in ["((((", "`${", "\\", "{{", "}}", "/*", "<script>", "'\"", "[{", "é{{é}}", "/(a+)+$/", "\u{0}\n"]
        {
            let text = format!("={}", part.repeat(200));
            for language in
                [Language::JavaScript, Language::Python, Language::Sql, Language::Html, Language::Json, Language::Words]
            {
                for (piece, _) in painted(language, &text) {
                    assert!(!piece.is_empty(), "{language:?}: {part}");
                }
            }
        }
    }
}
