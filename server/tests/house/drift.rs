//! The seed's phase 3 as a test: drift is dealt with in one place, and the document that says where it lives is true.

use crate::tree::{hold, root};

/// Paths that `docs/where-drift-lives.md` names in code marks: from the root, with a slash, without spaces.
fn named_paths(text: &str) -> Vec<&str> {
    let marked = text.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        word.contains('/') && !word.contains([' ', '(', '{', '<', '*', '…', ':']) && !word.starts_with(['/', 'h', '.'])
    };
    marked.filter(is_path).map(|word| word.trim_end_matches('/')).collect()
}

#[test]
fn where_drift_lives_is_true() {
    let path = "docs/where-drift-lives.md";
    let text = std::fs::read_to_string(root().join(path)).expect("docs/where-drift-lives.md");
    let named = named_paths(&text);
    assert!(named.len() >= 10, "{path} names only {} paths", named.len());
    let complaints: Vec<_> =
        named.iter().filter(|named| !root().join(named).exists()).map(|named| format!("{path}: `{named}`")).collect();
    hold("Every path that the document names is there.", &complaints);
}
