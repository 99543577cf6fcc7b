//! The OpenAPI document: what programs are written against.

use drift_domain::environment::Badge;
use http::StatusCode;
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
    let answer = api.answer(request(http::Method::GET, "/openapi.json", None, None)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, serde_json::from_str::<Value>(&drift_api::document().unwrap()).unwrap());
}
