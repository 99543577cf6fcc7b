//! Holds every request and answer against GitHub's own description, and every webhook against its webhook description.
//!
//! What the description does not say at all is let be: the statuses that any address may answer (a redirect after a rename,
//! 304 to a condition, 401, 403, 404, 429 and 5xx, whose body must be an error), bodies that are not JSON, and the address
//! `/repositories/{id}` that GitHub's redirects lead to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use jsonschema::{Registry, Validator};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::Hub;

const REST: &str = "https://description.invalid/rest.json";
const WEBHOOKS: &str = "https://description.invalid/webhooks.json";

#[derive(Deserialize)]
struct Operation {
    id: String,
    method: String,
    path: String,
    /// Whether an Enterprise Server has it.
    enterprise: bool,
    query: Vec<Parameter>,
    request: Option<Value>,
    responses: BTreeMap<String, Option<Value>>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    required: bool,
    schema: Value,
}

/// Both slices, with the validators that were needed so far: each is compiled once.
struct Description {
    operations: Vec<Operation>,
    registry: Registry<'static>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

fn description() -> &'static Description {
    static DESCRIPTION: OnceLock<Description> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "the slices are part of the program; a test reads them")]
    DESCRIPTION.get_or_init(|| {
        let read = |text: &str| -> Value { serde_json::from_str(text).expect("a slice of GitHub's description") };
        let rest = read(include_str!("../../fixtures/github/rest.json"));
        let webhooks = read(include_str!("../../fixtures/github/webhooks.json"));
        let operations = serde_json::from_value(rest["operations"].clone()).expect("operations");
        let registry = Registry::new().add(REST, rest).and_then(|registry| registry.add(WEBHOOKS, webhooks));
        let registry = registry.and_then(|registry| registry.prepare()).expect("slices without open ends");
        Description { operations, registry, compiled: Mutex::default() }
    })
}

impl Description {
    /// What is wrong with a value by the schema at this place; empty for nothing.
    fn complaints(&'static self, place: &str, value: &Value) -> Vec<String> {
        let known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        let validator = match known {
            Some(validator) => validator,
            None => {
                let schema = serde_json::json!({ "$ref": place });
                match jsonschema::options().with_registry(&self.registry).build(&schema) {
                    Ok(validator) => {
                        let validator = Arc::new(validator);
                        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
                        compiled.insert(place.to_owned(), validator.clone());
                        validator
                    }
                    Err(wrong) => return vec![format!("{place} is no schema: {wrong}")],
                }
            }
        };
        let complaint = |wrong: jsonschema::ValidationError<'_>| {
            let words: String = wrong.to_string().chars().take(300).collect();
            format!("{} {words}", wrong.instance_path())
        };
        validator.iter_errors(value).take(5).map(complaint).collect()
    }

    /// The operation of a path without its base, by its segments; a branch at its end may hold slashes.
    fn operation(&self, method: &str, path: &str) -> Option<(usize, &Operation)> {
        let wanted: Vec<&str> = path.split('/').collect();
        let fits = |loose: bool| {
            move |(_, operation): &(usize, &Operation)| {
                operation.method.eq_ignore_ascii_case(method) && fits(&operation.path, &wanted, loose)
            }
        };
        let (strict, loose) = (fits.clone()(false), fits(true));
        let mut all = self.operations.iter().enumerate();
        all.clone().find(strict).or_else(|| all.find(loose))
    }
}

fn fits(template: &str, wanted: &[&str], loose: bool) -> bool {
    let parts: Vec<&str> = template.split('/').collect();
    let named = ["{ref}", "{branch}", "{basehead}"];
    let ends_open = loose && parts.last().is_some_and(|last| named.contains(last)) && wanted.len() > parts.len();
    (parts.len() == wanted.len() || ends_open)
        && parts.iter().zip(wanted).all(|(part, is)| part.starts_with('{') && !is.is_empty() || part == is)
}

/// Puts the check around the stand-in's routes, below its faults: what a fault answers is not GitHub's.
pub(crate) fn around(hub: &Arc<Hub>, router: Router) -> Router {
    if !hub.checked {
        return router;
    }
    router.layer(middleware::from_fn_with_state(hub.clone(), check))
}

async fn check(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let sent = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let seen = head.clone();
    let response = next.run(Request::from_parts(head, Body::from(sent.clone()))).await;
    let (head, body) = response.into_parts();
    let told = to_bytes(body, usize::MAX).await.unwrap_or_default();
    for complaint in complaints(&seen, &sent, &head, &told) {
        hub.violated(format!("{} {} ({}): {complaint}", seen.method, seen.uri, head.status.as_u16()));
    }
    Response::from_parts(head, Body::from(told))
}

fn complaints(request: &Parts, sent: &Bytes, response: &http::response::Parts, told: &Bytes) -> Vec<String> {
    let whole = request.uri.path();
    let enterprise = whole.starts_with("/api/");
    let path = whole.strip_prefix("/api/v3").unwrap_or(whole);
    // GraphQL has a schema of its own, and a redirect's target is in no description.
    if whole.ends_with("/graphql") || path.starts_with("/repositories/") {
        return Vec::new();
    }
    let Some((number, operation)) = description().operation(request.method.as_str(), path) else {
        return vec!["no operation of the description in use has this address".to_owned()];
    };
    let mut found = Vec::new();
    if enterprise && !operation.enterprise && response.status != 404 {
        found.push(format!("an Enterprise Server has no {}", operation.id));
    }
    found.extend(query(operation, request.uri.query().unwrap_or_default()));
    found.extend(body_sent(number, operation, sent));
    if !enterprise || operation.enterprise {
        found.extend(body_told(number, operation, response, told));
    }
    found
}

fn query(operation: &Operation, query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    for (name, value) in &pairs {
        let Some(parameter) = operation.query.iter().find(|parameter| parameter.name == *name) else {
            found.push(format!("{} has no query parameter {name}", operation.id));
            continue;
        };
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let value = match parameter.schema["type"].as_str() {
            Some("integer") => value.parse::<i64>().map_or(Value::String(value), Value::from),
            Some("boolean") => value.parse::<bool>().map_or(Value::String(value), Value::from),
            _ => Value::String(value),
        };
        // Small schemas without references: compiled where they are used.
        if !parameter.schema.to_string().contains("$ref") && !jsonschema::is_valid(&parameter.schema, &value) {
            found.push(format!("{}: {name} cannot be {value}", operation.id));
        }
    }
    let missing = operation.query.iter().filter(|p| p.required && !pairs.iter().any(|(name, _)| *name == p.name));
    found.extend(missing.map(|parameter| format!("{} needs {}", operation.id, parameter.name)));
    found
}

fn body_sent(number: usize, operation: &Operation, sent: &Bytes) -> Vec<String> {
    match (&operation.request, sent.is_empty()) {
        (_, true) => Vec::new(),
        (None, false) => vec![format!("{} takes no body", operation.id)],
        (Some(_), false) => match serde_json::from_slice::<Value>(sent) {
            Ok(value) => {
                let place = format!("{REST}#/operations/{number}/request");
                let complaints = description().complaints(&place, &value);
                complaints.into_iter().map(|complaint| format!("sent {complaint}")).collect()
            }
            Err(wrong) => vec![format!("sent a body that is not JSON: {wrong}")],
        },
    }
}

fn body_told(number: usize, operation: &Operation, response: &http::response::Parts, told: &Bytes) -> Vec<String> {
    let status = response.status.as_u16();
    let everywhere = matches!(status, 301 | 304 | 401 | 403 | 404 | 429 | 500..);
    let place = match operation.responses.get(&status.to_string()) {
        Some(Some(_)) => format!("{REST}#/operations/{number}/responses/{status}"),
        Some(None) => return Vec::new(),
        None if everywhere => format!("{REST}#/schemas/basic-error"),
        None => return vec![format!("{} does not answer {status}", operation.id)],
    };
    let kind = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if status == 304 || !kind.starts_with("application/json") {
        return Vec::new();
    }
    match serde_json::from_slice::<Value>(told) {
        Ok(value) => {
            let complaints = description().complaints(&place, &value);
            complaints.into_iter().map(|complaint| format!("answered {complaint}")).collect()
        }
        Err(wrong) => vec![format!("answered a body that is not JSON: {wrong}")],
    }
}

impl Hub {
    /// Holds a payload against the webhook's description.
    pub(crate) fn check_webhook(&self, event: &str, payload: &Value) {
        if !self.checked {
            return;
        }
        let action = payload.get("action").and_then(Value::as_str);
        let name = std::iter::once(event).chain(action).collect::<Vec<_>>().join("-").replace('_', "-");
        let complaints = description().complaints(&format!("{WEBHOOKS}#/events/{name}/schema"), payload);
        for complaint in complaints {
            self.violated(format!("webhook {name}: {complaint}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_by_its_address() {
        let id = |method: &str, path: &str| description().operation(method, path).map(|(_, found)| found.id.as_str());
        assert_eq!(id("GET", "/repos/a/b/pulls/7"), Some("pulls/get"));
        assert_eq!(id("GET", "/repos/a/b/commits/main/check-runs"), Some("checks/list-for-ref"));
        assert_eq!(id("GET", "/repos/a/b/commits/x/y"), Some("repos/get-commit"));
        assert_eq!(id("PUT", "/repos/a/b/pulls/7/merge"), Some("pulls/merge"));
        assert_eq!(id("DELETE", "/repos/a/b/pulls/7"), None);
        assert_eq!(id("GET", "/nope"), None);
    }

    #[test]
    fn every_schema_compiles() {
        let description = description();
        for (number, operation) in description.operations.iter().enumerate() {
            let responses = operation.responses.iter().filter(|(_, schema)| schema.is_some());
            let mut places: Vec<String> = responses.map(|(status, _)| format!("responses/{status}")).collect();
            places.extend(operation.request.is_some().then(|| "request".to_owned()));
            for place in places {
                let complaints = description.complaints(&format!("{REST}#/operations/{number}/{place}"), &Value::Null);
                assert!(!complaints.iter().any(|c| c.contains("is no schema")), "{}: {complaints:?}", operation.id);
            }
        }
    }
}
