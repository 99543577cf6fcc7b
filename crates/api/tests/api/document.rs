//! The OpenAPI document: what programs are written against.

use drift_domain::environment::Badge;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::client::{Api, request};

/// The document changes only on purpose: `cargo run -p server -- openapi > crates/api/openapi.json`.
#[test]
fn the_document_is_the_one_that_is_kept() {
    let kept = include_str!("../../openapi.json");
    assert!(drift_api::document().unwrap() == kept.trim_end(), "crates/api/openapi.json is not what the API describes");
}

#[test]
fn words_are_spelled_as_they_are_sent() {
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    let sent: Vec<_> = Badge::ALL.iter().map(|badge| serde_json::to_value(badge).unwrap()).collect();
    assert_eq!(document["components"]["schemas"]["Badge"]["enum"], Value::Array(sent));
}

#[tokio::test]
async fn the_document_is_served() {
    let api = Api::new().await;
    let answer = api.answer(request(Method::GET, "/openapi.json", None, None)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, serde_json::from_str::<Value>(&drift_api::document().unwrap()).unwrap());
}

/// Everything that the document says needs a session is refused without one, whatever else is asked.
#[tokio::test]
async fn nothing_is_told_without_a_session() {
    let api = Api::new().await;
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    let (mut open, mut closed) = (Vec::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_open =
                operation["security"].as_array().is_some_and(|all| all.iter().any(|one| one == &serde_json::json!({})));
            if is_open {
                open.push(format!("{method} {path}"));
                continue;
            }
            let id = "00000000-0000-7000-8000-000000000000";
            let path = path.replace("{environment}", id).replace("{change}", id);
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = api.answer(request(method.clone(), &path, None, Some(serde_json::json!({})))).await;
            assert_eq!(
                (answer.status, answer.problem()),
                (StatusCode::UNAUTHORIZED, "unauthenticated"),
                "{method} {path}"
            );
            closed += 1;
        }
    }
    assert_eq!(open, ["post /session", "get /setup", "post /setup"]);
    assert!(closed >= 18, "{closed} operations");
}
