//! Requests that cannot be read are answered as what they are: problem documents that say what is wrong.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Api, request};

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;

    let answer = api.get(&owner, "/nowhere").await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::NOT_FOUND, "not-found"));
    assert!(answer.body["detail"].as_str().unwrap().contains("/api/v1/nowhere"));

    let answer = api.call(&owner, Method::DELETE, "/environments", json!({})).await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"));

    let answer = api.get(&owner, "/environments/not-an-id").await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::NOT_FOUND, "not-found"));

    let answer = api.get(&owner, "/environments?limit=many").await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::BAD_REQUEST, "bad-request"));

    let mut broken = request(Method::POST, "/environments", Some(&owner.cookie), Some(json!({})));
    *broken.body_mut() = "{\"name\": ".into();
    let answer = api.answer(broken).await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::BAD_REQUEST, "bad-request"));

    let mut form = request(Method::POST, "/environments", Some(&owner.cookie), Some(json!({})));
    form.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let answer = api.answer(form).await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad-request"));
    assert!(answer.body["detail"].as_str().unwrap().contains("application/json"));
}

#[tokio::test]
async fn a_field_that_cannot_be_used_is_named() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let draft = json!({ "name": "", "n8n_base_url": "https://n8n.example.com", "n8n_api_key": "k", "repository": "a/b", "git_token": "t" });
    let answer = api.call(&owner, Method::POST, "/environments", draft).await;
    assert_eq!((answer.status, answer.problem()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert_eq!(answer.body["field"], "name");

    let draft = json!({ "name": "P", "n8n_base_url": "ftp://n8n.example.com", "n8n_api_key": "k", "repository": "a/b", "git_token": "t" });
    let answer = api.call(&owner, Method::POST, "/environments", draft).await;
    assert_eq!(answer.body["field"], "n8n_base_url", "{answer:?}");
}

#[tokio::test]
async fn whoever_runs_this_is_told_whether_it_works() {
    let api = Api::new().await;
    for path in ["//healthz", "//readyz"] {
        let answer = api.answer(request(Method::GET, path, None, None)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    api.app.database.pool().close().await;
    let alive = api.answer(request(Method::GET, "//healthz", None, None)).await;
    assert_eq!(alive.status, StatusCode::OK, "the process itself is alive");
    let ready = api.answer(request(Method::GET, "//readyz", None, None)).await;
    assert_eq!((ready.status, ready.problem()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert_eq!(ready.headers["retry-after"], "5");
}
