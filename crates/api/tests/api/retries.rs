//! Requests that are sent again under the same `Idempotency-Key`: what they make is made once.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Api, Member, request};

/// Operations that answer 201 and take no key, and why that is right.
const WITHOUT_A_KEY: [(&str, &str); 3] = [
    ("/setup", "there is nobody yet whose key it could be, and it works once"),
    ("/session", "whoever signs in twice has two sessions"),
    ("/invitations/accept", "the link works once"),
];

#[test]
fn whatever_makes_something_takes_a_key() {
    let document: Value = serde_json::from_str(&drift_api::document().unwrap()).unwrap();
    let mut made = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(post) = item.get("post").filter(|post| !post["responses"]["201"].is_null()) else { continue };
        made += 1;
        let parameters = post["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let takes = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        let excused = WITHOUT_A_KEY.iter().any(|(without, _)| without == path);
        assert_ne!(takes, excused, "POST {path}");
    }
    assert!(made > WITHOUT_A_KEY.len() + 5, "the document is read");
}

async fn send(api: &Api, member: &Member, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = request(Method::POST, path, Some(&member.cookie), Some(body.clone()));
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    api.answer(request).await
}

#[tokio::test]
async fn what_is_sent_twice_is_made_once_and_answered_alike() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Pro, Role::Owner).await;
    let template = api.app.environment(&owner.caller, "Template").await;
    let mut draft = serde_json::to_value(&template.draft).unwrap();
    draft["name"] = json!("Production");
    for (path, body, listed, items, count) in [
        ("/environments", draft, "/environments", "environments", 2),
        ("/tokens", json!({ "name": "CI", "role": "VIEWER", "days": 1 }), "/tokens", "items", 1),
        ("/invitations", json!({ "email": "eve@example.com", "role": "VIEWER" }), "/invitations", "items", 1),
        ("/plan/upgrade-requests", json!({}), "/plan/upgrade-requests", "items", 1),
        ("/organizations", json!({ "organization": "Second" }), "/me", "organizations", 2),
    ] {
        let key = format!("key of {path}");
        let first = send(&api, &owner, path, &key, &body).await;
        assert_eq!(first.status, StatusCode::CREATED, "{path}: {first:?}");
        let again = send(&api, &owner, path, &key, &body).await;
        assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body), "{path}");
        let list = api.get(&owner, listed).await;
        assert_eq!(list.body[items].as_array().unwrap().len(), count, "{path}: {list:?}");
    }
}

#[tokio::test]
async fn a_key_is_for_one_request_and_a_link_is_made_once() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Pro, Role::Owner).await;
    let (one, other) =
        (json!({ "name": "CI", "role": "VIEWER", "days": 1 }), json!({ "name": "CI", "role": "VIEWER", "days": 2 }));
    assert_eq!(send(&api, &owner, "/tokens", "k", &one).await.status, StatusCode::CREATED);
    let mistaken = send(&api, &owner, "/tokens", "k", &other).await;
    assert_eq!((mistaken.status, mistaken.problem()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert_eq!(mistaken.body["field"], "Idempotency-Key");

    let env = api.app.environment(&owner.caller, "Production").await;
    let live = env.n8n.create(&workflow("Orders"));
    env.commit("workflows/a.json", &workflow("Orders"), "One").await;
    env.commit("workflows/b.json", &workflow("Orders"), "Another").await;
    env.check().await;
    let links = format!("/environments/{}/links", env.id);
    let body = json!({ "live_id": live, "path": "workflows/a.json" });
    for _ in 0..2 {
        let linked = send(&api, &owner, &links, "l", &body).await;
        assert_eq!(linked.status, StatusCode::NO_CONTENT, "{linked:?}");
    }
}
