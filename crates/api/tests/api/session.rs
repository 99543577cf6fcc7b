//! Signing in and out through the API.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Api, Member, PASSWORD, request};

#[tokio::test]
async fn setting_up_signs_in_and_signing_out_ends_it() {
    let api = Api::new().await;
    let needs = api.answer(request(Method::GET, "/setup", None, None)).await;
    assert_eq!(needs.body, json!({ "needs_setup": true }));

    let new = json!({ "organization": "Acme", "name": "Ada", "email": "ada@acme.example", "password": PASSWORD });
    let made = api.answer(request(Method::POST, "/setup", None, Some(new.clone()))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.body["organization"]["name"], "Acme");
    let again = api.answer(request(Method::POST, "/setup", None, Some(new))).await;
    assert_eq!((again.status, again.problem()), (StatusCode::CONFLICT, "conflict"));

    let set = made.headers["set-cookie"].to_str().unwrap();
    for part in ["workflowops_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="] {
        assert!(set.contains(part), "{part} is missing in {set}");
    }
    let cookie = set.split(';').next().unwrap().to_owned();
    let me = api.answer(request(Method::GET, "/me", Some(&cookie), None)).await;
    assert_eq!((me.status, &me.body["email"]), (StatusCode::OK, &json!("ada@acme.example")));

    let out = api.answer(request(Method::DELETE, "/session", Some(&cookie), None)).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("01 Jan 1970"));
    let after = api.answer(request(Method::GET, "/me", Some(&cookie), None)).await;
    assert_eq!(after.problem(), "unauthenticated");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_too_many_are_slowed_down() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Free, Role::Owner).await;
    let attempt = |password: &str| json!({ "email": owner.caller.email, "password": password });
    let right = api.answer(request(Method::POST, "/session", None, Some(attempt(PASSWORD)))).await;
    assert_eq!(right.status, StatusCode::CREATED);

    let mut last = None;
    for _ in 0..30 {
        let wrong = api.answer(request(Method::POST, "/session", None, Some(attempt("not-the-password")))).await;
        assert!(!wrong.headers.contains_key("set-cookie"));
        let slowed = wrong.status == StatusCode::TOO_MANY_REQUESTS;
        last = Some(wrong);
        if slowed {
            break;
        }
    }
    let last = last.unwrap();
    assert_eq!(last.problem(), "rate-limited");
    assert_eq!(last.headers["retry-after"].to_str().unwrap(), last.body["retry_after"].to_string());
}

#[tokio::test]
async fn a_session_turns_to_another_organization_only_where_its_person_is_a_member() {
    let api = Api::new().await;
    let member = api.member(PlanTier::Pro, Role::Operator).await;
    let stranger = api.member(PlanTier::Agency, Role::Owner).await;
    let turn = |to: &Member| json!({ "organization_id": to.caller.organization_id });
    let refused = api.call(&member, Method::PUT, "/me/organization", turn(&stranger)).await;
    assert_eq!(refused.problem(), "not-found");
    let same = api.call(&member, Method::PUT, "/me/organization", turn(&member)).await;
    assert_eq!(same.status, StatusCode::NO_CONTENT);
}
