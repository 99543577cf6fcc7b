//! Where files of new workflows go in an environment's repository, as somebody configures it.

use crate::error::{ServiceError, ServiceResult};

/// The longest template, in bytes.
const LONGEST: usize = 200;
/// What stands for something of the workflow.
const PLACEHOLDERS: [&str; 3] = ["{slug}", "{name}", "{id}"];
/// A workflow for examples: its id and its name.
const EXAMPLE: (&str, &str) = ("kP3vN8sQ2mX7bT1c", "Order intake (EU)");

/// Reads a template as a form has it. `None` for nothing: new files are named as the others are.
///
/// # Errors
/// [`ServiceError::Invalid`] for what names no file below the folder, or the same one for every workflow.
pub(crate) fn read(text: &str) -> ServiceResult<Option<String>> {
    let template = text.trim();
    if template.is_empty() {
        return Ok(None);
    }
    let refused = |why: &str| Err(ServiceError::invalid("path_template", why));
    if template.len() > LONGEST || template.contains(|c: char| c.is_control() || c == '\\') {
        return refused("Enter a path of at most 200 characters, for example {slug}.json.");
    }
    if !template.ends_with(".json") {
        return refused("The files of workflows end with .json.");
    }
    if !PLACEHOLDERS.iter().any(|placeholder| template.contains(placeholder)) {
        return refused("Use {slug}, {name} or {id}, so that each workflow gets a file of its own.");
    }
    let rest = PLACEHOLDERS.iter().fold(template.to_owned(), |rest, placeholder| rest.replace(placeholder, "x"));
    if rest.contains(['{', '}']) {
        return refused("Only {slug}, {name} and {id} stand for something of the workflow.");
    }
    let is_odd = |part: &str| matches!(part, "" | ".") || part.eq_ignore_ascii_case(".git");
    if rest.contains("..") || rest.split('/').any(is_odd) {
        return refused(
            "Enter a path below the folder: no slash in front, no empty part, no dots that lead elsewhere.",
        );
    }
    Ok(Some(template.to_owned()))
}

/// Where a template lies from the root of the repository.
pub(crate) fn within(folder: &str, template: &str) -> String {
    match folder.trim_matches('/') {
        "" => template.to_owned(),
        folder => format!("{folder}/{template}"),
    }
}

/// What a connection means for a new workflow, in a sentence for whoever configures it; `None` where it cannot be used.
#[must_use]
pub fn example(folder: &str, template: &str) -> Option<String> {
    let (id, name) = EXAMPLE;
    Some(match read(template).ok()? {
        Some(template) => {
            let path = drift_engine::write::file_name(&within(folder, &template), Some(id), name);
            format!("A new workflow “{name}” becomes {path}.")
        }
        None => "A new workflow's file is named as most of the others are.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_file_of_its_own_is_refused_with_a_reason() {
        for (bad, why) in [
            ("{slug}", "end with .json"),
            ("workflow.json", "a file of its own"),
            ("{slug}-{date}.json", "Only {slug}"),
            ("{slug.json", "a file of its own"),
            ("{slug}{.json", "Only {slug}"),
            ("/{slug}.json", "no slash in front"),
            ("a//{slug}.json", "no slash in front"),
            ("../{slug}.json", "no dots"),
            ("./{slug}.json", "no dots"),
            (".git/{slug}.json", "no dots"),
            ("a\\{slug}.json", "at most 200"),
            (&format!("{}{{slug}}.json", "a".repeat(200)), "at most 200"),
        ] {
            match read(bad) {
                Err(ServiceError::Invalid { field: "path_template", message }) => {
                    assert!(message.contains(why), "{bad}: {message}");
                }
                other => panic!("{bad}: {other:?}"),
            }
        }
        assert_eq!(read("  ").unwrap(), None);
        assert_eq!(read(" team/{name}-{id}.json ").unwrap().as_deref(), Some("team/{name}-{id}.json"));
    }

    #[test]
    fn the_example_is_what_a_workflow_of_that_name_gets() {
        let shown = example("/workflows/", "team/{slug}.json").unwrap();
        assert_eq!(shown, "A new workflow “Order intake (EU)” becomes workflows/team/order-intake-eu.json.");
        assert!(example("", "{id}.json").unwrap().ends_with("becomes kP3vN8sQ2mX7bT1c.json."));
        assert!(example("", "").unwrap().contains("as most of the others"));
        assert_eq!(example("", "nothing"), None);
    }
}
