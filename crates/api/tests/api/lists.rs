//! Lists, page by page, and edits of what two people can edit at once.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, Member, request};

/// Every page of a list, each with at most `limit` items, by the field that has them.
async fn pages(api: &Api, member: &Member, path: &str, items: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let answer = api.get(member, &format!("{path}{separator}limit=2&after={after}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        pages.push(answer.body[items].as_array().unwrap().clone());
        assert!(pages.len() < 10, "{path} ends");
        match answer.body["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return pages,
        }
    }
}

/// Holds that pages of two show everything once.
fn whole(pages: &[Vec<Value>], id: &str, count: usize) {
    let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
    assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == 2), "{sizes:?}");
    let ids: std::collections::BTreeSet<_> = pages.iter().flatten().map(|item| item[id].to_string()).collect();
    assert_eq!((ids.len(), sizes.iter().sum()), (count, count), "each once");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    for role in [Role::Viewer, Role::Operator] {
        api.colleague(&owner, role).await;
        let invite = json!({ "email": format!("{role}@invited.example"), "role": "VIEWER" });
        assert_eq!(api.call(&owner, Method::POST, "/invitations", invite).await.status, StatusCode::CREATED);
        let token = json!({ "name": role.as_str(), "role": "VIEWER", "days": 1 });
        assert_eq!(api.call(&owner, Method::POST, "/tokens", token).await.status, StatusCode::CREATED);
    }
    let env = api.app.environment(&owner.caller, "Production").await;
    for n in 0..5 {
        env.n8n.create(&workflow(&format!("Workflow {n}")));
    }
    env.check().await;
    let changes = format!("/environments/{}/changes", env.id);
    for (path, items, id, count) in [
        ("/members", "members", "user_id", 3),
        ("/invitations", "items", "id", 2),
        ("/tokens", "items", "id", 2),
        ("/sessions", "items", "id", 1),
        ("/environments", "environments", "id", 1),
        (changes.as_str(), "items", "id", 5),
        (&format!("{changes}?q=workflow"), "items", "id", 5),
    ] {
        whole(&pages(&api, &owner, path, items).await, id, count);
    }
    for path in ["/members", "/tokens", "/environments", "/incidents", "/plan/upgrade-requests", &changes] {
        let wrong = api.get(&owner, &format!("{path}?after=nowhere")).await;
        assert!(matches!(wrong.status.as_u16(), 400 | 422), "{path}: {wrong:?}");
    }
}

#[tokio::test]
async fn requests_for_a_higher_plan_are_paged_behind_the_one_that_is_named() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Free, Role::Owner).await;
    let mut asked = Vec::new();
    for role in [Role::Viewer, Role::Operator, Role::Approver] {
        let member = api.colleague(&owner, role).await;
        let answer = api.call(&member, Method::POST, "/plan/upgrade-requests", json!({})).await;
        asked.push(answer.body["id"].as_str().unwrap().to_owned());
    }
    let all = api.get(&owner, "/plan/upgrade-requests").await;
    let ids: Vec<_> = all.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), &all.body["next"]), (3, &Value::Null));
    let behind = api.get(&owner, &format!("/plan/upgrade-requests?after={}", ids[0])).await;
    let rest: Vec<_> = behind.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(rest, [json!(ids[1]), json!(ids[2])]);
}

#[tokio::test]
async fn a_connection_that_somebody_else_has_changed_is_not_written_over() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let admin = api.colleague(&owner, Role::Admin).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let path = format!("/environments/{}/connection", env.id);
    let seen = api.get(&owner, &path).await;
    let tag = seen.headers["etag"].to_str().unwrap().to_owned();
    let put = async |member: &Member, tag: Option<&str>, name: &str, version: Value| {
        let mut draft = seen.body.clone();
        (draft["name"], draft["version"]) = (json!(name), version);
        let mut request = request(Method::PUT, &path, Some(&member.cookie), Some(draft));
        if let Some(tag) = tag {
            request.headers_mut().insert("if-match", tag.parse().unwrap());
        }
        api.answer(request).await
    };
    let blind = put(&admin, None, "Blind", Value::Null).await;
    assert_eq!((blind.status, blind.problem()), (StatusCode::PRECONDITION_REQUIRED, "version-required"));
    let first = put(&admin, Some(&tag), "Production EU", Value::Null).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT, "{first:?}");
    assert_ne!(first.headers["etag"].to_str().unwrap(), tag);
    let late = put(&owner, Some(&tag), "Production US", Value::Null).await;
    assert_eq!((late.status, late.problem()), (StatusCode::PRECONDITION_FAILED, "stale"));
    assert_eq!(late.body["meanwhile"], json!(["Ada changed the connection."]));
    let late = put(&owner, None, "Production US", seen.body["version"].clone()).await;
    assert_eq!((late.status, late.problem()), (StatusCode::CONFLICT, "stale"));
    assert_eq!(api.get(&owner, &path).await.body["name"], "Production EU", "nothing was written over");
}

#[tokio::test]
async fn settings_of_incidents_that_somebody_else_has_set_are_not_written_over() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let path = "/incident-settings";
    let seen = api.get(&owner, path).await;
    assert_eq!(seen.headers["etag"].to_str().unwrap(), format!("\"{}\"", seen.body["version"]));
    let set = |pattern: &str| {
        json!({
            "version": seen.body["version"], "ticket_pattern": pattern,
            "ticket_address": "https://tracker.example.com/browse/OPS-{n}",
        })
    };
    let first = api.call(&owner, Method::PUT, path, set("OPS-{n}")).await;
    assert_eq!(first.status, StatusCode::NO_CONTENT, "{first:?}");
    let late = api.call(&owner, Method::PUT, path, set("OPS{n}")).await;
    assert_eq!((late.status, late.problem()), (StatusCode::CONFLICT, "stale"));
    assert_eq!(late.body["meanwhile"], json!(["Ada changed the settings of incidents."]));
    assert_eq!(api.get(&owner, path).await.body["ticket_pattern"], "OPS-{n}");
    let blind = api.call(&owner, Method::PUT, path, json!({})).await;
    assert_eq!((blind.status, blind.problem()), (StatusCode::PRECONDITION_REQUIRED, "version-required"));
}
