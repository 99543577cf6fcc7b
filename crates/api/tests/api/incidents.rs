//! Incidents over HTTP: versions by header and body, keys under which a request may be sent again, and the way to a closing.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Api, Member, request};

/// Calls with headers besides.
async fn with(api: &Api, member: &Member, path: &str, headers: &[(&'static str, &str)], body: Value) -> Answer {
    let mut request = request(Method::POST, path, Some(&member.cookie), Some(body));
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    api.answer(request).await
}

#[tokio::test]
async fn an_incident_is_opened_once_and_led_on_by_who_saw_it_as_it_is() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let by_people = api.call(&owner, Method::PUT, "/incident-settings", json!({ "automatic": [], "version": 1 })).await;
    assert_eq!(by_people.status, StatusCode::NO_CONTENT, "{by_people:?}");
    let env = api.app.environment(&owner.caller, "Production").await;
    let live = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&live, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;

    let create = format!("/environments/{}/incidents", env.id);
    let opened = with(&api, &owner, &create, &[("idempotency-key", "one")], json!({})).await;
    assert_eq!((opened.status, &opened.body["existed"]), (StatusCode::CREATED, &json!(false)), "{opened:?}");
    let again = with(&api, &owner, &create, &[("idempotency-key", "one")], json!({})).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &opened.body), "the same answer");
    let other = with(&api, &owner, &create, &[("idempotency-key", "one")], json!({ "reason": "Another" })).await;
    assert_eq!((other.status, other.problem()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    let later = api.call(&owner, Method::POST, &create, json!({})).await;
    assert_eq!((later.status, &later.body["existed"]), (StatusCode::OK, &json!(true)));
    let incident = format!("/incidents/{}", opened.body["id"].as_str().unwrap());
    assert_eq!(opened.headers["location"], format!("/api/v1{incident}"));

    let comments = format!("{incident}/comments");
    for _ in 0..2 {
        let said = with(&api, &owner, &comments, &[("idempotency-key", "two")], json!({ "text": "Hello" })).await;
        assert_eq!(said.status, StatusCode::CREATED);
    }
    let page = api.get(&owner, &incident).await;
    let entries = page.body["timeline"].as_array().unwrap();
    assert_eq!(
        entries.iter().filter(|entry| entry["kind"] == "incident.commented").count(),
        1,
        "sent twice, said once"
    );

    let tag = page.headers["etag"].to_str().unwrap().to_owned();
    let acknowledge = format!("{incident}/acknowledge");
    let body = json!({ "reason": "On it" });
    let unsaid = api.call(&owner, Method::POST, &acknowledge, body.clone()).await;
    assert_eq!((unsaid.status, unsaid.problem()), (StatusCode::PRECONDITION_REQUIRED, "version-required"));
    let weak = with(&api, &owner, &acknowledge, &[("if-match", "*")], body.clone()).await;
    assert_eq!((weak.status, weak.problem()), (StatusCode::BAD_REQUEST, "bad-request"));
    let done = with(&api, &owner, &acknowledge, &[("if-match", &tag)], body.clone()).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let stale = with(&api, &owner, &acknowledge, &[("if-match", &tag)], body.clone()).await;
    assert_eq!((stale.status, stale.problem()), (StatusCode::PRECONDITION_FAILED, "stale"));
    assert_eq!(stale.body["meanwhile"], json!(["Ada acknowledged the incident and owns it now."]));
    let seen: i64 = tag.trim_matches('"').parse().unwrap();
    let stale = api.call(&owner, Method::POST, &acknowledge, json!({ "reason": "On it", "version": seen })).await;
    assert_eq!((stale.status, stale.problem()), (StatusCode::CONFLICT, "stale"));

    let version = &done.body["version"];
    let early = api.call(&owner, Method::POST, &format!("{incident}/close"), json!({ "version": version })).await;
    assert_eq!((early.status, early.problem()), (StatusCode::CONFLICT, "conflict"));
    assert!(early.body["detail"].as_str().unwrap().contains("“Orders” still differs"), "{early:?}");
    let listed = api.get(&owner, "/incidents?mine=true&severity=HIGH").await;
    assert_eq!(listed.body["incidents"].as_array().unwrap().len(), 1, "{listed:?}");
    assert_eq!(api.get(&owner, "/incidents?status=CLOSED").await.body["incidents"], json!([]));
}

#[tokio::test]
async fn what_the_plan_does_not_have_says_which_does() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Free, Role::Owner).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let create = format!("/environments/{}/incidents", env.id);
    let refused = api.call(&owner, Method::POST, &create, json!({})).await;
    assert_eq!((refused.status, refused.problem()), (StatusCode::PAYMENT_REQUIRED, "plan-required"));
    assert_eq!((&refused.body["capability"], &refused.body["needs_plan"]), (&json!("MANAGE_INCIDENTS"), &json!("PRO")));
    let nowhere = "/environments/00000000-0000-7000-8000-000000000000/incidents";
    let unknown = api.call(&owner, Method::POST, nowhere, json!({})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "not yours comes before the plan");
}
