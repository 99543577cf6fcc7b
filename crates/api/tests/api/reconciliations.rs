//! Reconciliations over HTTP: a plan, what it refuses, and putting something back.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Api, Member, request};

async fn with(api: &Api, member: &Member, path: &str, headers: &[(&'static str, &str)], body: Value) -> Answer {
    let mut request = request(Method::POST, path, Some(&member.cookie), Some(body));
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    api.answer(request).await
}

#[tokio::test]
async fn a_plan_is_made_once_carried_out_once_and_taken_back() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let live = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&live, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    let incident = format!("/incidents/{}", env.incident().await);
    let plans = format!("{incident}/reconciliations");
    let version = async || api.get(&owner, &incident).await.body["version"].clone();
    let nothing = api.call(&owner, Method::POST, &plans, json!({ "version": version().await })).await;
    assert_eq!((nothing.status, nothing.problem()), (StatusCode::CONFLICT, "conflict"), "{nothing:?}");
    for (act, body) in [
        ("acknowledge", json!({ "reason": "on it" })),
        ("stabilize", json!({ "note": "calm" })),
        ("decisions", json!({ "kind": "PROMOTE", "reason": "it is right" })),
    ] {
        let mut body = body;
        body["version"] = version().await;
        let done = api.call(&owner, Method::POST, &format!("{incident}/{act}"), body).await;
        assert_eq!(done.status, StatusCode::OK, "{act}: {done:?}");
    }

    let unsaid = api.call(&owner, Method::POST, &plans, json!({})).await;
    assert_eq!((unsaid.status, unsaid.problem()), (StatusCode::PRECONDITION_REQUIRED, "version-required"));
    let stale = with(&api, &owner, &plans, &[("if-match", "\"1\"")], json!({})).await;
    assert_eq!((stale.status, stale.problem()), (StatusCode::PRECONDITION_FAILED, "stale"));
    let body = json!({ "version": version().await });
    let planned = with(&api, &owner, &plans, &[("idempotency-key", "one")], body.clone()).await;
    assert_eq!(planned.status, StatusCode::CREATED, "{planned:?}");
    assert_eq!(planned.body["row"]["state"], "PLANNED");
    assert_eq!(planned.body["items"][0]["writes"][0]["target"], "GIT");
    assert_eq!((&planned.body["plan_refused"], &planned.body["items"][0]["result"]), (&Value::Null, &Value::Null));
    let again = with(&api, &owner, &plans, &[("idempotency-key", "one")], body).await;
    assert_eq!(again.body["row"]["id"], planned.body["row"]["id"], "sent twice, planned once");
    let plan = format!("/reconciliations/{}", planned.body["row"]["id"].as_str().unwrap());
    assert_eq!(planned.headers["location"], format!("/api/v1{plan}"));

    let carry_out = format!("{plan}/carry-out");
    let stale = with(&api, &owner, &carry_out, &[("if-match", "\"1\"")], json!({})).await;
    assert_eq!((stale.status, stale.problem()), (StatusCode::PRECONDITION_FAILED, "stale"));
    let early = api.call(&owner, Method::POST, &format!("{plan}/retry"), json!({})).await;
    assert_eq!((early.status, early.problem()), (StatusCode::CONFLICT, "conflict"));
    let begun = api.call(&owner, Method::POST, &carry_out, json!({ "version": version().await })).await;
    assert_eq!((begun.status, &begun.body["row"]["state"]), (StatusCode::ACCEPTED, &json!("PENDING")), "{begun:?}");
    assert_eq!(begun.body["items"][0]["result"]["state"], "PENDING", "each workflow has its own result");
    assert!(begun.body["plan_refused"].is_string(), "nothing is planned over what is under way");
    let artifact = api.get(&owner, &incident).await.body["changes"][0]["artifacts"][0].clone();
    assert_eq!(artifact["reconciliation"], planned.body["row"]["id"], "what carries it out");
    let twice = api.call(&owner, Method::POST, &carry_out, json!({})).await;
    assert_eq!((twice.status, twice.problem()), (StatusCode::CONFLICT, "conflict"));
    let back = api.call(&owner, Method::POST, &format!("{plan}/cancel"), json!({})).await;
    assert_eq!((back.status, &back.body["row"]["state"]), (StatusCode::OK, &json!("CANCELLED")), "{back:?}");
    assert_eq!(api.get(&owner, &plan).await.body["row"]["state"], "CANCELLED");
}

#[tokio::test]
async fn a_side_is_put_back_and_not_yours_comes_before_the_plan() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let live = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&live, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let restore = format!("/changes/{}/restore", env.change().await.id);
    let body = json!({ "side": "DESIRED", "target": "N8N" });
    let free = api.member(PlanTier::Free, Role::Owner).await;
    let stranger = api.call(&free, Method::POST, &restore, body.clone()).await;
    assert_eq!((stranger.status, stranger.problem()), (StatusCode::NOT_FOUND, "not-found"));
    let planned = api.call(&owner, Method::POST, &restore, body).await;
    assert_eq!((planned.status, &planned.body["row"]["purpose"]), (StatusCode::CREATED, &json!("RESTORE")));
    assert_eq!(planned.body["items"][0]["writes"][0]["target"], "N8N", "{planned:?}");
    let unreadable = api.call(&owner, Method::POST, &restore, json!({ "side": "BOTH", "target": "N8N" })).await;
    assert!(unreadable.status.is_client_error());
}

#[tokio::test]
async fn a_plan_without_it_says_which_has_it() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Pro, Role::Owner).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let live = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&live, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let incident = env.incident().await;
    let plans = format!("/incidents/{incident}/reconciliations");
    let refused = api.call(&owner, Method::POST, &plans, json!({ "version": 1 })).await;
    assert_eq!((refused.status, refused.problem()), (StatusCode::PAYMENT_REQUIRED, "plan-required"));
    assert_eq!((&refused.body["capability"], &refused.body["needs_plan"]), (&json!("EXECUTE"), &json!("AGENCY")));
}
