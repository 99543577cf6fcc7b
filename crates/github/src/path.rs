//! Paths and names: which files may be workflows, and how names travel in an address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters, so that a name is one segment whatever it holds: `/` in a branch
/// travels as `%2F`, and neither `#` nor `?` can cut the address short.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn encode(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// Folders at the root of an n8n source-control export that hold one file per credential, project or data table.
const COMPANION_FOLDERS: [&str; 3] = ["credential_stubs", "projects", "datatables"];

/// Files at the root of an n8n source-control export that describe everything but workflows.
const COMPANION_FILES: [&str; 3] = ["variable_stubs.json", "tags.json", "folders.json"];

/// Whether a file may be a workflow, told by its path from the environment's folder (not from the repository's root).
///
/// Only `.json` files are. What n8n itself writes beside workflows is not:
/// - its source control puts `credential_stubs/<id>.json`, `projects/<id>.json` and `datatables/<id>.json`,
///   `variable_stubs.json`, `tags.json` and `folders.json` beside `workflows/`. They are told by that very place, so that a
///   team's own `projects/acme/invoices.json` or `sales/tags.json` stays a workflow;
/// - its packages put `workflow-metadata.json` beside each `workflow.json`, at any depth.
///
/// Whether the content is a workflow is for whoever reads it: any other `.json` passes.
///
/// ```
/// use drift_github::is_workflow_file;
/// assert!(is_workflow_file("workflows/8f3k.json"));
/// assert!(is_workflow_file("projects/acme/invoices.json"));
/// assert!(!is_workflow_file("projects/p1.json"));
/// assert!(!is_workflow_file("workflows/invoices-8f3k/workflow-metadata.json"));
/// assert!(!is_workflow_file("README.md"));
/// ```
#[must_use]
pub fn is_workflow_file(path: &str) -> bool {
    is_json(path) && !is_companion(path)
}

pub(crate) fn is_json(path: &str) -> bool {
    path.len() > 5 && path.as_bytes()[path.len() - 5..].eq_ignore_ascii_case(b".json")
}

fn is_companion(path: &str) -> bool {
    match path.split('/').collect::<Vec<_>>()[..] {
        [file] => COMPANION_FILES.contains(&file) || file == "workflow-metadata.json",
        [folder, _] if COMPANION_FOLDERS.contains(&folder) => true,
        [.., file] => file == "workflow-metadata.json",
        [] => false,
    }
}

/// The names on the way to a folder, without empty ones: `"/a//b/"` is a, b.
pub(crate) fn segments(folder: &str) -> Vec<&str> {
    folder.split('/').filter(|name| !name.is_empty()).collect()
}

/// A full SHA, of either of Git's hashes.
pub(crate) fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The reference in the form that GitHub documents (`heads/main`, not `refs/heads/main`), or what is wrong with it.
pub(crate) fn reference(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let name = text.strip_prefix("refs/").unwrap_or(text);
    if name.is_empty() {
        return Err("no branch, tag or commit is given. Enter one, for example main".to_owned());
    }
    // What git-check-ref-format forbids; "." and ".." alone would also leave the repository's address.
    let forbidden = |c: char| c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if name.contains(forbidden) || name.contains("..") || matches!(name, "." | "@") {
        return Err(format!("\"{text}\" cannot be a branch, tag or commit in Git. Check its spelling"));
    }
    Ok(name)
}

/// Whether GitHub could have an account or repository of that name: anything else would change the address.
pub(crate) fn is_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(encode("feature/50% #1 für alle"), "feature%2F50%25%20%231%20f%C3%BCr%20alle");
        assert_eq!(encode("v1.2.3-rc_1~x"), "v1.2.3-rc_1~x");
    }

    #[test]
    fn companions_are_told_by_their_place() {
        for companion in
            ["credential_stubs/a.json", "datatables/a.json", "projects/a.json", "tags.json", "folders.json"]
        {
            assert!(!is_workflow_file(companion), "{companion}");
        }
        for kept in ["a.JSON", "a/tags.json", "x/credential_stubs/a.json", "projects/a/b.json", "w/x-1/workflow.json"] {
            assert!(is_workflow_file(kept), "{kept}");
        }
        for other in ["", ".json", "a.jsonc", "README.md", "json", "é.jso"] {
            assert!(!is_workflow_file(other), "{other}");
        }
    }

    #[test]
    fn a_reference_cannot_leave_its_place_in_the_address() {
        assert_eq!(reference("refs/heads/main"), Ok("heads/main"));
        assert_eq!(reference(" a#b%/ü "), Ok("a#b%/ü"));
        for wrong in ["", " ", "a b", "..", "a/../b", "a:b", "a?b", "a\nb", "HEAD~1", "x^{tree}"] {
            assert!(reference(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_accounts_and_repositories() {
        assert!(is_name("octo-org.x_1"));
        for wrong in ["", ".", "..", "a/b", "a b", "ü", "a%2fb"] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
