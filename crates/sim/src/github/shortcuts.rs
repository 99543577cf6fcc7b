//! What needs no process of git: starting one takes longer than most of what it is asked for.
//!
//! Objects never change, so what git once answered about them it would answer again. References change, and are read where
//! git keeps them, one file for each.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::git::is_sha;

/// Commands that only read objects, with what stands before the names of those.
const READING: [&str; 6] = ["cat-file", "ls-tree", "log", "diff", "merge-base", "rev-parse"];
/// Words of these commands that name no object.
const WORDS: [&str; 4] = ["blob", "tree", "commit", "--"];

/// What git answered about objects.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<HashMap<String, Vec<u8>>>);

impl Answers {
    /// What these arguments were answered before.
    pub(super) fn known(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        is_settled(arguments).then(|| answers.get(&arguments.join("\0")).cloned()).flatten()
    }

    /// Keeps an answer that will always be the same.
    pub(super) fn keep(&self, arguments: &[&str], answer: &[u8]) {
        if is_settled(arguments) {
            let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            answers.insert(arguments.join("\0"), answer.to_vec());
        }
    }
}

/// Whether a command that went well has one answer for ever: it reads, and names objects by their SHAs alone.
fn is_settled(arguments: &[&str]) -> bool {
    let Some((command, rest)) = arguments.split_first() else { return false };
    // Behind `--` there are paths.
    let names = rest.iter().take_while(|word| **word != "--").filter(|word| !word.starts_with('-'));
    let mut objects = names.filter(|word| !WORDS.contains(word)).peekable();
    READING.contains(command) && objects.peek().is_some() && objects.all(|name| is_by_sha(name))
}

/// `SHA`, `SHA:path`, `SHA^{tree}`, and ranges of two such.
fn is_by_sha(name: &str) -> bool {
    let (sha, rest) = name.split_at_checked(40).unwrap_or((name, ""));
    let behind = rest.strip_prefix("...").or_else(|| rest.strip_prefix(".."));
    is_sha(sha) && (rest.is_empty() || rest.starts_with([':', '^']) || behind.is_some_and(is_sha))
}

/// What a reference points to, as far as its file tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pointed {
    /// To this object.
    To(String),
    /// There is no such reference.
    Nowhere,
    /// Git has to say.
    Unclear,
}

/// Reads a full name (`refs/…`) in a bare repository.
pub(super) fn reference(folder: &Path, name: &str) -> Pointed {
    // What ends so is a file that git is about to move into its place.
    let is_plain = name.starts_with("refs/")
        && !name.ends_with(".lock")
        && !name.contains("..")
        && !name.contains(['@', '^', '~', ':', '\\']);
    if !is_plain {
        return Pointed::Unclear;
    }
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) if is_sha(text.trim_end()) => Pointed::To(text.trim_end().to_owned()),
        // Whether there are packed references is looked at after: a reference is never in neither place.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !folder.join("packed-refs").exists() => {
            Pointed::Nowhere
        }
        _ => Pointed::Unclear,
    }
}

/// Whether there surely is a branch.
pub(super) fn has_branch(folder: &Path) -> bool {
    let Ok(heads) = std::fs::read_dir(folder.join("refs/heads")) else { return false };
    let names = heads.flatten().filter_map(|head| head.file_name().into_string().ok());
    names.map(|name| reference(folder, &format!("refs/heads/{name}"))).any(|to| matches!(to, Pointed::To(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn only_what_names_objects_by_their_shas_is_settled() {
        let file = format!("{SHA}:workflows/a b.json");
        let (tree, range) = (format!("{SHA}^{{tree}}"), format!("{SHA}...{SHA}"));
        for settled in [
            vec!["cat-file", "blob", SHA],
            vec!["cat-file", "blob", &file],
            vec!["ls-tree", "-l", "-z", SHA],
            vec!["log", "-z", "--max-count=1", SHA, "--", "main"],
            vec!["diff", "--numstat", &range],
            vec!["rev-parse", "--verify", "--quiet", "--end-of-options", &tree],
        ] {
            assert!(is_settled(&settled), "{settled:?}");
        }
        let (half, moving) = (format!("{SHA}..main"), format!("main..{SHA}"));
        for open in [
            vec!["cat-file", "blob", "main:workflows/a.json"],
            vec!["cat-file", "-t"],
            vec!["log", "-z", "main", "--", SHA],
            vec!["log", "-z", &half],
            vec!["log", "-z", &moving],
            vec!["merge-base", SHA, "refs/heads/main"],
            vec!["update-ref", "refs/heads/main", SHA],
            vec!["hash-object", "-w", SHA],
            vec!["rev-parse", &SHA[..39]],
        ] {
            assert!(!is_settled(&open), "{open:?}");
        }
    }

    #[test]
    fn a_reference_is_read_where_git_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let heads = folder.path().join("refs/heads");
        std::fs::create_dir_all(&heads).unwrap();
        assert!(!has_branch(folder.path()));
        assert_eq!(reference(folder.path(), "refs/heads/main"), Pointed::Nowhere);
        std::fs::write(heads.join("main"), format!("{SHA}\n")).unwrap();
        assert!(has_branch(folder.path()));
        assert_eq!(reference(folder.path(), "refs/heads/main"), Pointed::To(SHA.to_owned()));
        for unclear in ["refs/heads", "refs/heads/main^{tree}", "refs/../HEAD", "HEAD", "refs/heads/main/below"] {
            assert_eq!(reference(folder.path(), unclear), Pointed::Unclear, "{unclear}");
        }
        std::fs::write(folder.path().join("packed-refs"), "").unwrap();
        assert_eq!(reference(folder.path(), "refs/heads/other"), Pointed::Unclear, "it may be packed");
    }
}
