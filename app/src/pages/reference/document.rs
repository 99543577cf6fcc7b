//! The API's document, read for people. A test of the API holds the file against what the API describes of itself.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The document, as it is kept in the repository and served at `/api/v1/openapi.json`.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../crates/api/openapi.json")).unwrap_or_default());

/// One thing that can be asked of the API.
pub(super) struct Operation {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Its path below `/api/v1`.
    pub path: &'static str,
    described: &'static Value,
}

/// A parameter or a field, in one line.
pub(super) struct Line {
    pub name: &'static str,
    /// Where a parameter stands: `path`, `query` or `header`; empty for a field.
    pub place: &'static str,
    pub required: bool,
    pub kind: &'static Value,
    pub words: &'static str,
}

/// An answer of an operation.
pub(super) struct Answer {
    pub status: &'static str,
    pub words: &'static str,
    /// What its body is, where it has one.
    pub body: Option<&'static Value>,
    pub headers: Vec<&'static str>,
}

/// What the document says about the API as a whole, paragraph by paragraph.
pub(super) fn introduction() -> impl Iterator<Item = &'static str> {
    text(&DOCUMENT["info"], "description").split("\n\n")
}

/// The groups in the order of the document, each with its operations.
pub(super) fn groups() -> Vec<(&'static str, Vec<Operation>)> {
    let mut groups: Vec<(&str, Vec<Operation>)> = Vec::new();
    for (path, item) in entries(&DOCUMENT["paths"]) {
        for (method, described) in entries(item) {
            let tag = described["tags"][0].as_str().unwrap_or("Other");
            let operation = Operation { method: method.to_uppercase(), path, described };
            match groups.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, operations)) => operations.push(operation),
                None => groups.push((tag, vec![operation])),
            }
        }
    }
    groups
}

/// The shapes of what is sent and answered, by name.
pub(super) fn shapes() -> impl Iterator<Item = (&'static str, &'static Value)> {
    entries(&DOCUMENT["components"]["schemas"])
}

/// The fields of an object.
pub(super) fn fields(shape: &'static Value) -> Vec<Line> {
    let required: Vec<&str> = shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let line = |(name, kind): (&'static str, &'static Value)| Line {
        name,
        place: "",
        required: required.contains(&name),
        kind,
        words: text(kind, "description"),
    };
    entries(&shape["properties"]).map(line).collect()
}

/// A string of an object; empty where there is none.
pub(super) fn text(object: &'static Value, key: &str) -> &'static str {
    object[key].as_str().unwrap_or_default()
}

fn entries(object: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    object.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn body(described: &'static Value) -> Option<&'static Value> {
    entries(&described["content"]).next().map(|(_, content)| &content["schema"])
}

impl Operation {
    /// Its place on the page.
    pub(super) fn id(&self) -> &'static str {
        text(self.described, "operationId")
    }

    pub(super) fn summary(&self) -> &'static str {
        text(self.described, "summary")
    }

    pub(super) fn description(&self) -> &'static str {
        text(self.described, "description")
    }

    /// Whether it is asked without signing in.
    pub(super) fn is_open(&self) -> bool {
        let needs = self.described["security"].as_array();
        needs.is_some_and(|needs| needs.iter().all(|need| need.as_object().is_some_and(Map::is_empty)))
    }

    /// Whether only a signed-in session may ask it, and no API token.
    pub(super) fn takes_no_token(&self) -> bool {
        let needs = self.described["security"].as_array();
        !self.is_open() && needs.is_some_and(|needs| needs.iter().all(|need| need["token"].is_null()))
    }

    pub(super) fn parameters(&self) -> Vec<Line> {
        let all = self.described["parameters"].as_array().into_iter().flatten();
        let line = |parameter: &'static Value| Line {
            name: text(parameter, "name"),
            place: text(parameter, "in"),
            required: parameter["required"] == true,
            kind: &parameter["schema"],
            words: text(parameter, "description"),
        };
        all.map(line).collect()
    }

    /// What is sent, where something is.
    pub(super) fn body(&self) -> Option<&'static Value> {
        body(&self.described["requestBody"])
    }

    pub(super) fn answers(&self) -> Vec<Answer> {
        let answer = |(status, described): (&'static str, &'static Value)| Answer {
            status,
            words: text(described, "description"),
            body: body(described),
            headers: entries(&described["headers"]).map(|(name, _)| name).collect(),
        };
        entries(&self.described["responses"]).map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_read_whole() {
        let operations: usize = groups().iter().map(|(_, operations)| operations.len()).sum();
        let described: usize = entries(&DOCUMENT["paths"]).map(|(_, item)| entries(item).count()).sum();
        assert!(operations == described && operations > 60, "{operations} of {described}");
        assert!(shapes().count() > 60 && introduction().count() > 1);
    }
}
