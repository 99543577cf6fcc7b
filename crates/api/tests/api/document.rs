//! The OpenAPI document: what programs are written against.

use drift_domain::environment::Badge;
use drift_domain::plan::{Grant, PlanTier};
use drift_domain::role::Role;
use http::StatusCode;
use serde_json::Value;

use crate::client::{Api, request};
use crate::routes::{Asks, ROUTES};

/// The document changes only on purpose: `cargo run -p server -- openapi > crates/api/openapi.json`.
#[test]
fn the_document_is_the_one_that_is_kept() {
    let kept = include_str!("../../openapi.json");
    let made = drift_api::document().unwrap();
    let there = concat!(env!("CARGO_TARGET_TMPDIR"), "/openapi.json");
    std::fs::write(there, format!("{made}\n")).unwrap();
    assert!(made == kept.trim_end(), "crates/api/openapi.json is not what the API describes, which is in {there}");
}

#[test]
fn words_are_spelled_as_they_are_sent() {
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    let sent: Vec<_> = Badge::ALL.iter().map(|badge| serde_json::to_value(badge).unwrap()).collect();
    assert_eq!(document["components"]["schemas"]["Badge"]["enum"], Value::Array(sent));
}

/// The operations of the document, each with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

#[test]
fn every_problem_is_described_as_it_is_sent_and_every_answer_in_words() {
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut names = std::collections::BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path} has another's name");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let what = format!("{method} {path}, {status}: {answer}");
            assert!(!answer["description"].as_str().unwrap_or_default().is_empty(), "{what}");
            if !status.starts_with('2') {
                let content = answer["content"].as_object().unwrap();
                assert_eq!(content.keys().collect::<Vec<_>>(), ["application/problem+json"], "{what}");
            }
        }
    }
    assert!(names.len() > 60);
}

#[test]
fn every_refusal_of_the_gate_is_described_where_it_can_come() {
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    for (method, path, operation) in operations(&document) {
        let asks = ROUTES.iter().find(|route| (route.0, route.1) == (method.as_str(), path)).unwrap().2;
        let mut refusals = vec!["default"];
        refusals.extend((asks != Asks::Nothing).then_some("401"));
        refusals.extend(path.contains('{').then_some("404"));
        if let Asks::Of(capability) = asks {
            refusals.extend((capability.grant(PlanTier::Free) == Grant::None).then_some("402"));
            refusals.extend((capability.least_role() > Role::Viewer).then_some("403"));
        }
        for status in refusals {
            assert!(operation["responses"][status].is_object(), "{method} {path} does not say {status}");
        }
    }
}

#[test]
fn every_shape_that_is_named_is_described() {
    let text = drift_api::document().unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for name in text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn the_document_is_served() {
    let api = Api::new().await;
    let answer = api.answer(request(http::Method::GET, "/openapi.json", None, None)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, serde_json::from_str::<Value>(&drift_api::document().unwrap()).unwrap());
}
