//! The shape of answers and errors.

use reqwest::Method;
use serde_json::{Value, json};

use crate::calls::{Target, id};
use crate::common::workflow;

pub async fn a_key_is_wanted(target: &Target) {
    let bare = target.send(target.request(Method::GET, "/workflows")).await;
    let wrong = target.send(target.request(Method::GET, "/workflows").header("X-N8N-API-KEY", "wrong")).await;
    let bearer = target.send(target.request(Method::GET, "/workflows").bearer_auth(&target.key)).await;
    for (reply, given) in [(bare, false), (wrong, true), (bearer, false)] {
        let words = match (target.is_1x(), given) {
            (false, _) => "Unauthorized",
            (true, true) => "unauthorized",
            (true, false) => "'X-N8N-API-KEY' header required",
        };
        assert_eq!((reply.status, reply.message().as_str()), (401, words));
    }
}

pub async fn errors_are_json_with_a_message_except_for_broken_json(target: &Target) {
    let nowhere = target.get("/nowhere").await;
    assert_eq!((nowhere.status, nowhere.message().as_str()), (404, "not found"));
    let patch = target.call(Method::PATCH, "/workflows/nope", json!({})).await;
    assert_eq!((patch.status, patch.message().as_str()), (405, "PATCH method not allowed"));
    let cursor = target.get("/workflows?cursor=abc").await;
    assert_eq!((cursor.status, cursor.message().as_str()), (400, "An invalid cursor was provided"));
    let request = target.request(Method::POST, "/workflows").header("X-N8N-API-KEY", &target.key);
    let broken = target.send(request.header("content-type", "application/json").body("{broken")).await;
    assert_eq!(broken.status, 500);
    assert!(broken.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{:?}", broken.headers);
}

pub async fn an_unchanged_answer_is_304(target: &Target) {
    let first = target.get("/workflows?limit=3").await;
    assert_eq!(first.headers["content-type"], "application/json; charset=utf-8");
    let request = target.request(Method::GET, "/workflows?limit=3").header("X-N8N-API-KEY", &target.key);
    let again = target.send(request.header("If-None-Match", &first.headers["etag"])).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
}

fn keys(value: &Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

/// The keys that every answer with a workflow has, and those that this one has besides.
fn with(target: &Target, extra: &[&str]) -> Vec<String> {
    let mut all = vec![
        "id",
        "name",
        "active",
        "activeVersionId",
        "createdAt",
        "updatedAt",
        "isArchived",
        "versionId",
        "triggerCount",
        "nodes",
        "connections",
        "settings",
        "staticData",
        "pinData",
        "meta",
    ];
    if !target.is_1x() {
        all.push("nodeGroups");
    }
    all.extend(extra.iter().filter(|key| !(target.is_1x() && **key == "sourceWorkflowId")));
    let mut all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    all.sort();
    all
}

pub async fn each_call_leaves_out_something_else(target: &Target) {
    let whole = ["description", "versionCounter", "sourceWorkflowId"];
    let and = |extra: &[&'static str]| [&whole[..], extra].concat();
    let made = target.create(&workflow("shapes")).await;
    let id = id(&made);
    let v2 = !target.is_1x();
    let create = if v2 { and(&["tags", "shared", "activeVersion", "parentFolder"]) } else { and(&[]) };
    assert_eq!(keys(&made), with(target, &create), "create");
    assert_eq!(keys(&target.listed(&id).await), with(target, &["tags", "shared", "activeVersion"]), "list");
    assert_eq!(keys(&target.workflow(&id).await), with(target, &and(&["tags", "shared", "activeVersion"])), "get");
    let put = target.put(&id, workflow("shapes")).await.ok();
    let expected = if v2 { and(&["tags", "activeVersion"]) } else { and(&["tags"]) };
    assert_eq!(keys(&put), with(target, &expected), "put");
    let active = target.act(&id, "activate").await.ok();
    assert_eq!(keys(&active), with(target, &and(&["activeVersion"])), "activate");
    let deactivated = target.act(&id, "deactivate").await.ok();
    assert_eq!(keys(&deactivated), with(target, &and(&["shared", "activeVersion"])), "deactivate");
    let deleted = target.delete(&id).await.ok();
    assert_eq!(keys(&deleted), with(target, &and(&["shared"])), "delete");
    assert_eq!(target.get(&format!("/workflows/{id}")).await.status, 404);
}

pub async fn a_missing_workflow_is_404(target: &Target) {
    for reply in [
        target.get("/workflows/nope").await,
        target.get("/workflows/nope/tags").await,
        target.call(Method::DELETE, "/workflows/nope", Value::Null).await,
    ] {
        assert_eq!((reply.status, reply.message().as_str()), (404, "Not Found"));
    }
    let (put, activate) = (target.put("nope", workflow("x")).await, target.act("nope", "activate").await);
    for (reply, verb) in [(put, "update"), (activate, "activate")] {
        let words = format!("You do not have permission to {verb} this workflow. Ask the owner to share it with you.");
        let words = if target.is_1x() { "Not Found" } else { &words };
        assert_eq!((reply.status, reply.message().as_str()), (404, words));
    }
}

pub async fn bodies_are_refused_by_name(target: &Target) {
    let made = target.create(&workflow("refusals")).await;
    let id = id(&made);
    let v2 = !target.is_1x();
    let unknown = |key: &str| match v2 {
        true => format!("request/body Unrecognized key(s) in object: '{key}'"),
        false => "request/body must NOT have additional properties".to_owned(),
    };
    let mut cases: Vec<(&str, Value, String)> = vec![
        ("id", json!("x"), "request/body/id is read-only".into()),
        ("active", json!(true), "request/body/active is read-only".into()),
        ("tags", json!([]), "request/body/tags is read-only".into()),
        ("bogus", json!(1), unknown("bogus")),
        ("versionCounter", json!(1), unknown("versionCounter")),
        (
            "name",
            json!(5),
            if v2 {
                "request/body/name Expected string, received number".into()
            } else {
                "request/body/name must be string".into()
            },
        ),
        ("connections", json!([]), "request/body/connections must be object".into()),
    ];
    if !v2 {
        cases.extend(["description", "pinData", "nodeGroups"].map(|key| (key, Value::Null, unknown(key))));
    }
    for (key, value, words) in cases {
        let mut body = workflow("refusals");
        body[key] = value;
        let reply = target.put(&id, body).await;
        assert_eq!((reply.status, reply.message()), (400, words), "{key}");
    }
    let mut body = workflow("refusals");
    body["nodes"][0]["bogus"] = json!(1);
    let reply = target.put(&id, body).await;
    let place = "request/body/nodes/0 Unrecognized key(s) in object: 'bogus'";
    let words = if v2 { place } else { "request/body/nodes/0 must NOT have additional properties" };
    assert_eq!((reply.status, reply.message().as_str()), (400, words));
    let reply = target.put(&id, json!({})).await;
    assert_eq!((reply.status, reply.message().as_str()), (400, "request/body must have required property 'name'"));
    assert_eq!(target.workflow(&id).await, target.workflow(&id).await, "a refused body changes nothing");
}
