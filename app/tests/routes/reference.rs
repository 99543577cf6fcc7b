//! The API reference, as somebody without an account reads it.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::TestApp;
use serde_json::Value;

use crate::browser::Browser;

/// What stands between `before` and the next quotation mark, wherever `before` does.
fn all<'a>(html: &'a str, before: &str) -> BTreeSet<&'a str> {
    html.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_reference_shows_every_operation_and_every_shape_to_whoever_asks() {
    let app = TestApp::new().await;
    let page = Browser::new(&app).get("/api/reference").await;
    assert_eq!(page.status, StatusCode::OK);
    let document: Value = serde_json::from_str(include_str!("../../../crates/api/openapi.json")).unwrap();
    let ids = all(&page.html, " id=\"");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.contains(id), "{method} {path} is not in the reference");
        }
    }
    for shape in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(ids.contains(format!("shape-{shape}").as_str()), "the shape {shape} is not in the reference");
    }
    let dead: Vec<_> = all(&page.html, "href=\"#").into_iter().filter(|to| !ids.contains(to)).collect();
    assert_eq!(dead, [""; 0], "links that lead nowhere on the page");
    let elsewhere: Vec<_> = all(&page.html, "src=\"").into_iter().filter(|from| !from.starts_with('/')).collect();
    assert_eq!(elsewhere, [""; 0], "everything comes from our own files");
}

#[tokio::test]
async fn the_way_to_the_reference_is_in_the_app() {
    let app = TestApp::new().await;
    let mut member = Browser::of_new(&app, PlanTier::Free, Role::Viewer).await;
    let account = member.get("/account").await;
    assert_eq!(account.html.matches("href=\"/api/reference\"").count(), 2, "the menu, and the tokens");
    assert_eq!(member.get("/api/reference").await.status, StatusCode::OK);
}
