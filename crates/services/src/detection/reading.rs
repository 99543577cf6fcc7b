//! What reading a workflow's bytes gave: kept by the bytes' hash, so that bytes seen before are not parsed again
//! (product, Detection 6).

use drift_domain::fingerprint::Fingerprint;
use drift_engine::{Limits, Prints, Problem, Workflow, WorkflowError};
use serde::{Deserialize, Serialize};

/// What reading some bytes under one version of the rules gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reading {
    /// A workflow.
    Workflow(Read),
    /// JSON that is no workflow: a file beside the workflows. Counted, not compared.
    Other,
    /// Bytes that cannot be read as a workflow and should be one, or are beyond the limits. The check fails on it.
    Broken {
        /// What is wrong, and where.
        message: String,
    },
}

/// What is known of a workflow without reading it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The n8n id that the bytes name.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether it is archived: it does not run and counts as absent on its side.
    pub archived: bool,
    /// Whether an edit is saved and not published.
    pub draft: bool,
    /// Its fingerprints.
    pub prints: Prints,
    /// Whether it names other workflows by their ids, which belong to one instance.
    pub refers: bool,
    /// Whether the bytes say what the description is: n8n's list leaves it out.
    pub described: bool,
    /// What was left out of the comparison: rule and count.
    pub ignored: Vec<(String, u64)>,
}

impl Reading {
    /// Reads one workflow's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match drift_engine::parse(bytes, &Limits::default()) {
            // JSON may hold it, the database may not.
            Ok(workflow) if [workflow.name(), workflow.id().unwrap_or_default()].iter().any(|t| t.contains('\0')) => {
                Self::Broken { message: "its name or id holds a NUL character".to_owned() }
            }
            Ok(workflow) => Self::Workflow(Read::of(&workflow)),
            Err(error) if is_other(&error) => Self::Other,
            Err(error) => Self::Broken { message: error.to_string() },
        }
    }
}

fn is_other(error: &WorkflowError) -> bool {
    matches!(error.problem, Problem::NotAWorkflow(_))
}

impl Read {
    /// What is known of this workflow.
    #[must_use]
    pub fn of(workflow: &Workflow) -> Self {
        Self {
            id: workflow.id().map(str::to_owned),
            name: workflow.name().to_owned(),
            archived: workflow.archived() == Some(true),
            draft: workflow.draft().is_some(),
            prints: workflow.prints(),
            refers: !workflow.references().is_empty(),
            described: workflow.description().is_some(),
            ignored: workflow.ignored().iter().map(|i| (rule_name(i), i.count as u64)).collect(),
        }
    }
}

/// The rule's name as the engine's JSON has it.
pub(crate) fn rule_name(ignored: &drift_engine::Ignored) -> String {
    serde_json::to_value(ignored.rule).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The workflows of a file: the file itself, or the elements of its array, each with the hash of its bytes.
///
/// `n8n export:workflow --all` writes several workflows into one array.
#[must_use]
pub fn parts(file: &[u8]) -> Vec<(Fingerprint, &[u8])> {
    let one = drift_engine::raw_fingerprint;
    let starts_array = file.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if starts_array && let Ok(items) = serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(file) {
        return items.into_iter().map(|item| (one(item.get().as_bytes()), item.get().as_bytes())).collect();
    }
    vec![(one(file), file)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_several_workflows_and_anything_else_is_one_file() {
        assert_eq!(
            parts(b" [ {\"a\":1}, {\"b\":2} ]").iter().map(|p| p.1).collect::<Vec<_>>(),
            [b"{\"a\":1}".as_slice(), b"{\"b\":2}"]
        );
        assert_eq!(parts(b"{\"a\":1}").len(), 1);
        assert_eq!(parts(b"[ broken").len(), 1, "a broken file is one broken part, and is reported as such");
    }
}
