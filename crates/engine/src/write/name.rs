//! Where in a repository a workflow's file goes.

use std::path::Path;

use super::style::most;

/// The template where the repository has no other.
const DEFAULT: &str = "{slug}.json";
/// The longest that a name becomes, in bytes: file systems take 255, and an ending comes behind.
const LONGEST: usize = 120;
/// What stands in the place of a name that leaves nothing.
const NAMELESS: &str = "workflow";
/// Names that Windows keeps for devices.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A workflow's file in the repository, and what the workflow is called.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// From the root of the repository.
    pub path: &'a str,
    /// The id that the file states.
    pub id: Option<&'a str>,
    /// The workflow's name.
    pub name: &'a str,
}

/// The path of a workflow's file by a template: `{id}`, `{name}` and `{slug}` stand for the id, the name as it can be part
/// of a path, and the name in small letters and digits with hyphens between. Two workflows of one name have one path; who
/// asks looks whether it is taken.
///
/// No workflow gets out of the template's folder: what separates folders or means one is taken out of all three.
#[must_use]
pub fn file_name(template: &str, id: Option<&str>, name: &str) -> String {
    let slug = slug(name);
    // Without an id, something that tells the workflow.
    let id = id.map_or_else(|| slug.clone(), safe);
    let mut out = String::new();
    let mut rest = template;
    // One pass: a name may hold a placeholder itself.
    while let Some(at) = rest.find('{') {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        let values = [("{id}", id.as_str()), ("{name}", &safe(name)), ("{slug}", slug.as_str())];
        match values.iter().find(|(placeholder, _)| behind.starts_with(placeholder)) {
            Some((placeholder, value)) => {
                out.push_str(value);
                rest = &behind[placeholder.len()..];
            }
            None => {
                out.push('{');
                rest = &behind[1..];
            }
        }
    }
    out + rest
}

/// The template that the paths of a repository's files follow: the one that gives most of them, if that is half of them
/// or more, else `{slug}.json` in the folder that most of them are in.
#[must_use]
pub fn path_template(files: &[Named<'_>]) -> String {
    let all = files.iter().flat_map(templates);
    if let Some(template) = most(all) {
        let follows = |file: &&Named<'_>| file_name(&template, file.id, file.name) == file.path;
        if 2 * files.iter().filter(follows).count() >= files.len() {
            return template;
        }
    }
    let folder =
        most(files.iter().map(|file| Path::new(file.path).parent().and_then(Path::to_str).unwrap_or_default()));
    match folder.filter(|folder| !folder.is_empty()) {
        Some(folder) => format!("{folder}/{DEFAULT}"),
        None => DEFAULT.to_owned(),
    }
}

/// The templates that give a file its path, those that tell workflows best first.
fn templates(file: &Named<'_>) -> Vec<String> {
    let (safe, slug) = (safe(file.name), slug(file.name));
    let mut all = Vec::new();
    let names = [Some(("{slug}", slug.as_str())), Some(("{name}", safe.as_str())), None];
    for id in [file.id.map(|id| ("{id}", id)), None] {
        for name in names {
            let mut template = file.path.to_owned();
            for (placeholder, value) in [id, name].into_iter().flatten() {
                template = replaced(&template, value, placeholder);
            }
            let all_used = [id, name].iter().flatten().all(|(placeholder, _)| template.contains(placeholder));
            if all_used && template != file.path && file_name(&template, file.id, file.name) == file.path {
                all.push(template);
            }
        }
    }
    // Each file has one say for each of its templates.
    all.dedup();
    all
}

/// A path with a value, where it stands as a word of its own outside placeholders, replaced.
fn replaced(path: &str, value: &str, placeholder: &str) -> String {
    let (mut out, mut copied) = (String::new(), 0);
    if value.is_empty() {
        return path.to_owned();
    }
    for (at, _) in path.match_indices(value) {
        let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '{' && c != '}');
        let end = at + value.len();
        if at >= copied && is_edge(path[..at].chars().next_back()) && is_edge(path[end..].chars().next()) {
            out.push_str(&path[copied..at]);
            out.push_str(placeholder);
            copied = end;
        }
    }
    out + &path[copied..]
}

/// A name as one part of a path on any system: without what separates, what Windows and shells refuse, and without spaces
/// and dots around it.
fn safe(name: &str) -> String {
    let is_bad = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
    let plain: String = name.chars().map(|c| if is_bad(c) { '-' } else { c }).collect();
    let around = |c: char| c.is_whitespace() || c == '.';
    let short = cut(plain.trim_matches(around)).trim_end_matches(around);
    let lower = short.to_ascii_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    let is_port = stem.len() == 4
        && (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.ends_with(|c: char| c.is_ascii_digit());
    match short {
        "" => NAMELESS.to_owned(),
        _ if DEVICES.contains(&stem) || is_port => format!("{short}-"),
        _ => short.to_owned(),
    }
}

/// A name in small letters and digits of any script, with hyphens between.
fn slug(name: &str) -> String {
    let lower: String =
        name.chars().flat_map(char::to_lowercase).map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<_> = lower.split('-').filter(|word| !word.is_empty()).collect();
    safe(cut(&words.join("-")).trim_end_matches('-'))
}

/// The beginning of a text, at most [`LONGEST`] bytes, whole characters.
fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}
