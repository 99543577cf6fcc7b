//! The gate, through the API: not yours, plan, role. And everything that a screen can do, done.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::app::workflow;
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::Api;

#[tokio::test]
async fn nothing_crosses_from_one_organization_to_another() {
    let api = Api::new().await;
    let (owner, stranger) =
        (api.member(PlanTier::Agency, Role::Owner).await, api.member(PlanTier::Enterprise, Role::Owner).await);
    let env = api.app.environment(&owner.caller, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let change = env.change().await.id;
    let base = format!("/environments/{}", env.id);
    for path in [
        base.clone(),
        format!("{base}/drift"),
        format!("{base}/changes"),
        format!("{base}/changes/{change}"),
        format!("{base}/changes/{change}/diff"),
        format!("{base}/checks"),
        format!("{base}/connection"),
    ] {
        assert_eq!(api.get(&owner, &path).await.status, StatusCode::OK, "{path}");
        assert_eq!(api.get(&stranger, &path).await.problem(), "not-found", "{path}");
    }
    for (method, path, body) in [
        (Method::POST, format!("{base}/recheck"), json!({})),
        (Method::PUT, format!("{base}/connection"), serde_json::to_value(&env.draft).unwrap()),
        (Method::POST, format!("{base}/connection/test"), serde_json::to_value(&env.draft).unwrap()),
        (Method::POST, format!("{base}/links"), json!({ "live_id": id, "path": "workflows/x.json" })),
        (Method::PUT, format!("{base}/adoption"), json!({ "note": "" })),
        (Method::POST, format!("{base}/changes/{change}/decision"), json!({ "kind": "REVERT", "reason": "no" })),
    ] {
        assert_eq!(api.call(&stranger, method, &path, body).await.problem(), "not-found", "{path}");
    }
    assert_eq!(api.get(&stranger, "/environments").await.body["environments"], json!([]));
}

#[tokio::test]
async fn a_plan_without_diffs_shows_everything_else_and_names_the_plan_that_has_them() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Free, Role::Owner).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    env.check().await;

    let base = format!("/environments/{}", env.id);
    let list = api.get(&owner, "/environments").await;
    assert_eq!(list.body["environments"][0]["badge"], "DRIFT_DETECTED");
    let changes = api.get(&owner, &format!("{base}/changes")).await;
    assert_eq!(changes.body["items"].as_array().unwrap().len(), 1, "{changes:?}");
    let change = changes.body["items"][0]["id"].as_str().unwrap();
    let diff = api.get(&owner, &format!("{base}/changes/{change}/diff")).await;
    assert_eq!((diff.status, diff.problem()), (StatusCode::PAYMENT_REQUIRED, "plan-required"));
    assert_eq!((&diff.body["capability"], &diff.body["needs_plan"]), (&json!("DIFF"), &json!("PRO")));
    assert_eq!(api.get(&owner, &format!("{base}/drift")).await.body["diff_access"]["access"], "NONE");
}

#[tokio::test]
async fn the_graph_comes_with_diffs_in_full_and_with_nothing_less() {
    let api = Api::new().await;
    for (plan, has_diff, has_graph) in
        [(PlanTier::Free, false, false), (PlanTier::Pro, true, false), (PlanTier::Agency, true, true)]
    {
        let owner = api.member(plan, Role::Owner).await;
        let env = api.app.environment(&owner.caller, "Production").await;
        let id = env.agreed(&workflow("Orders")).await;
        env.check().await;
        env.edit(&id, "Total", |node| node["disabled"] = json!(true));
        env.check().await;
        let change = env.change().await.id;
        let page = api.get(&owner, &format!("/environments/{}/changes/{change}", env.id)).await.body;
        assert_eq!(page["diff"]["kind"] == "DIFF", has_diff, "{plan}");
        assert_eq!(page["graph"].is_object(), has_graph, "{plan}: {}", page["graph"]);
        if !has_graph {
            assert!(page["graph"].is_null(), "{plan}");
            continue;
        }
        let nodes = page["graph"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), workflow("Orders")["nodes"].as_array().unwrap().len());
        let states = |state: &str| nodes.iter().filter(|node| node["state"] == state).count();
        assert_eq!((states("modified"), states("same")), (1, nodes.len() - 1));
        let total = nodes.iter().find(|node| node["name"] == "Total").unwrap();
        assert_eq!((&total["disabled"], &total["origin"]), (&json!(true), &json!("HOTFIX")));
        assert_eq!((&total["differences"], total["place"]["x"].is_number()), (&json!(1), true));
        let edges = page["graph"]["edges"].as_array().unwrap();
        assert!(!edges.is_empty() && edges.iter().all(|edge| edge["state"] == "same" && edge["from_node"].is_u64()));
    }
}

#[tokio::test]
async fn a_viewer_reads_and_is_told_which_role_may_more() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let env = api.app.environment(&owner.caller, "Production").await;
    let viewer = api.colleague(&owner, Role::Viewer).await;
    let base = format!("/environments/{}", env.id);
    for (method, path, body, needs) in [
        (Method::POST, format!("{base}/recheck"), json!({}), "OPERATOR"),
        (Method::GET, format!("{base}/connection"), json!({}), "ADMIN"),
        (Method::POST, "/environments".to_owned(), json!({}), "ADMIN"),
        (Method::POST, "/connection-test".to_owned(), json!({}), "ADMIN"),
        (Method::GET, "/github-webhook".to_owned(), json!({}), "ADMIN"),
    ] {
        let answer = api.call(&viewer, method, &path, body).await;
        assert_eq!((answer.status, answer.problem()), (StatusCode::FORBIDDEN, "role-required"), "{path}");
        assert_eq!(answer.body["needs_role"], needs);
    }
    assert_eq!(api.get(&viewer, "/environments").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_a_screen_does_a_program_does() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let other = api.app.environment(&owner.caller, "Template").await;
    let draft = serde_json::to_value(&other.draft).unwrap();

    let report = api.call(&owner, Method::POST, "/connection-test", draft.clone()).await;
    assert!(report.body["live"]["Works"].is_array() && report.body["desired"]["Works"].is_array(), "{report:?}");

    let mut production = draft;
    production["name"] = json!("Production");
    let made = api.call(&owner, Method::POST, "/environments", production.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let base = format!("/environments/{}", made.body["id"].as_str().unwrap());
    assert_eq!(made.headers["location"].to_str().unwrap(), format!("/api/v1{base}"));

    let kept = api.get(&owner, &format!("{base}/connection")).await;
    assert_eq!((&kept.body["n8n_api_key"], &kept.body["git_token"]), (&json!(""), &json!("")), "secrets stay inside");
    let mut renamed = kept.body;
    renamed["name"] = json!("Production EU");
    assert_eq!(renamed["path_template"], "", "new files are named as the others are");
    renamed["path_template"] = json!("{slug}");
    let refused = api.call(&owner, Method::PUT, &format!("{base}/connection"), renamed.clone()).await;
    assert_eq!((refused.status, &refused.body["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("path_template")));
    renamed["path_template"] = json!("{slug}.json");
    let put = api.call(&owner, Method::PUT, &format!("{base}/connection"), renamed.clone()).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{put:?}");
    assert_eq!(api.get(&owner, &base).await.body["row"]["name"], "Production EU");
    assert_eq!(api.get(&owner, &format!("{base}/connection")).await.body["path_template"], "{slug}.json");
    let test = api.call(&owner, Method::POST, &format!("{base}/connection/test"), renamed).await;
    assert!(test.body["live"]["Works"].is_array(), "with the stored key: {test:?}");
    assert_eq!(
        api.call(&owner, Method::POST, &format!("{base}/recheck"), json!({})).await.status,
        StatusCode::ACCEPTED
    );
    let webhook = api.get(&owner, "/github-webhook").await;
    assert!(webhook.body["path"].as_str().unwrap().starts_with("/webhooks/github/"));

    // A hotfix that is taken back before anybody decides, and the decision.
    let id = other.agreed(&workflow("Orders")).await;
    other.check().await;
    let base = format!("/environments/{}", other.id);
    assert_eq!(
        api.call(&owner, Method::PUT, &format!("{base}/adoption"), json!({ "note": "seen" })).await.status,
        StatusCode::NO_CONTENT
    );
    other.edit(&id, "Total", |node| node["disabled"] = json!(true));
    other.check().await;
    let change = other.change().await.id;
    let diff = api.get(&owner, &format!("{base}/changes/{change}/diff")).await;
    assert_eq!(
        (&diff.body["entries"][0]["node"], &diff.body["entries"][0]["path"]),
        (&json!("Total"), &json!(["disabled"]))
    );
    other.edit(&id, "Total", |node| node["disabled"] = json!(false));
    other.check().await;
    let decision = format!("{base}/changes/{change}/decision");
    let without = api.call(&owner, Method::POST, &decision, json!({ "kind": "REVERT", "reason": " " })).await;
    assert_eq!(without.body["field"], "reason");
    let decided =
        api.call(&owner, Method::POST, &decision, json!({ "kind": "REVERT", "reason": "It was a test." })).await;
    assert_eq!(decided.status, StatusCode::NO_CONTENT, "{decided:?}");
    let again = api.call(&owner, Method::POST, &decision, json!({ "kind": "REVERT", "reason": "Twice." })).await;
    assert_eq!((again.status, again.problem()), (StatusCode::CONFLICT, "conflict"));
    assert_eq!(
        api.get(&owner, &format!("{base}/changes?state=DECIDED")).await.body["items"][0]["decision"]["reason"],
        "It was a test."
    );
    assert!(api.get(&owner, &format!("{base}/checks")).await.body["items"].as_array().unwrap().len() >= 3);
}
