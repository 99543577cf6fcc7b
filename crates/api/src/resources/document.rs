//! What every operation of the document has alike, said once: names that are unique, words for each status, and problems in
//! the format that they are sent in.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::Ref;
use utoipa::openapi::{Content, OpenApi, RefOr};

const PROBLEM_TYPE: &str = "application/problem+json";
const PROBLEM_SCHEMA: &str = "#/components/schemas/Problem";

/// The statuses of the API, in words. `default` stands for problems that any request may meet.
const STATUSES: &[(&str, &str)] = &[
    ("200", "Done; the answer."),
    ("201", "Made."),
    ("202", "Begun; it goes on in the background."),
    ("204", "Done."),
    ("400", "The request cannot be read."),
    ("401", "Nobody is signed in, or the session is over."),
    ("402", "The plan does not have this, or no more of it. `capability` and `needs_plan` name what would."),
    ("403", "The role or a policy may not. `needs_role` or `policy` name what would."),
    ("404", "It does not exist, or it is not yours: the two are not told apart."),
    ("409", "It does not fit the state of things; `meanwhile` says what happened since the version in the body."),
    ("412", "It was changed since the version in `If-Match`; `meanwhile` says what happened."),
    ("422", "A field cannot be used; `field` names it."),
    ("428", "The request has to say which version was seen."),
    ("429", "Too many attempts; `Retry-After` says when to try again."),
    ("default", "Any other problem, for example 503 while the database does not answer."),
];

/// Completes every operation.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(name(method, path));
            add_problems(operation, path);
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response {
                    finish(status, response);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", item.get.as_mut()),
        ("put", item.put.as_mut()),
        ("post", item.post.as_mut()),
        ("delete", item.delete.as_mut()),
        ("patch", item.patch.as_mut()),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation?)))
}

/// A name for the functions of generated clients: `getEnvironmentsByEnvironment`.
fn name(method: &str, path: &str) -> String {
    let mut name = method.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let by = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        name.push_str(if by.is_some() { "By" } else { "" });
        for word in by.unwrap_or(part).split('-') {
            let (first, rest) = word.split_at(1);
            name.push_str(&first.to_uppercase());
            name.push_str(rest);
        }
    }
    name
}

/// The problems that follow from what an operation takes.
fn add_problems(operation: &mut Operation, path: &str) {
    let open = operation.security.as_ref().is_some_and(|needs| {
        needs.iter().all(|need| serde_json::to_value(need).is_ok_and(|need| need == serde_json::json!({})))
    });
    let reads = operation.request_body.is_some() || operation.parameters.is_some();
    let problems = [(!open, "401"), (path.contains('{'), "404"), (reads, "400"), (true, "default")];
    for status in problems.into_iter().filter(|(has, _)| *has).map(|(_, status)| status) {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
            let mut response = Response::default();
            response.content.insert(PROBLEM_TYPE.to_owned(), Content::new(Some(Ref::new(PROBLEM_SCHEMA))).into());
            response.into()
        });
    }
}

fn finish(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        let words = STATUSES.iter().find(|(known, _)| *known == status).map_or("An answer.", |(_, words)| words);
        words.clone_into(&mut response.description);
    }
    let content = std::mem::take(&mut response.content);
    response.content = content
        .into_iter()
        .map(
            |(format, content)| {
                if is_problem(&content) { (PROBLEM_TYPE.to_owned(), content) } else { (format, content) }
            },
        )
        .collect();
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else { return false };
    matches!(&content.schema, Some(RefOr::Ref(to)) if to.ref_location == PROBLEM_SCHEMA)
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_operation_is_named_after_its_method_and_path() {
        assert_eq!(super::name("post", "/password-resets"), "postPasswordResets");
        assert_eq!(super::name("get", "/environments/{environment}/drift"), "getEnvironmentsByEnvironmentDrift");
    }
}
