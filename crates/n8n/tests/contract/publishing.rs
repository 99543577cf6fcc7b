//! Putting into service and taking out: n8n answers first and acts afterwards, and refuses after it has saved.

use reqwest::Method;
use serde_json::{Value, json};

use crate::calls::{Target, id};
use crate::common::{hook, workflow};

/// A type of nodes that no n8n has.
pub const UNKNOWN: &str = "n8n-nodes-base.doesNotExist";

/// A schedule that n8n cannot read.
fn unreadable(name: &str) -> Value {
    let mut body = workflow(name);
    body["nodes"][0]["parameters"] =
        json!({ "rule": { "interval": [{ "field": "cronExpression", "expression": "nonsense" }] } });
    body
}

pub async fn a_workflow_is_published_by_one_name_or_the_other(target: &Target) {
    let made = id(&target.create(&workflow("names")).await);
    for (on, off) in [("publish", "unpublish"), ("activate", "deactivate")] {
        if target.is_1x() && on == "publish" {
            for action in [on, off, "archive", "unarchive"] {
                let reply = target.act(&made, action).await;
                assert_eq!((reply.status, reply.message().as_str()), (405, "POST method not allowed"));
            }
            continue;
        }
        for (action, active) in [(on, true), (on, true), (off, false), (off, false)] {
            assert_eq!(target.act(&made, action).await.ok()["active"], active, "{action}");
            assert_eq!(target.workflow(&made).await["active"], active, "{action}");
        }
    }
    if !target.is_1x() {
        let other =
            target.call(Method::POST, &format!("/workflows/{made}/publish"), json!({ "versionId": "nope" })).await;
        assert_eq!((other.status, other.message().as_str()), (404, "Version not found"));
    }
}

pub async fn publishing_takes_effect_after_the_answer(target: &Target) {
    let made = id(&target.create(&workflow("later")).await);
    let answer = target.act(&made, "activate").await.ok();
    assert_eq!(
        (&answer["active"], &answer["triggerCount"], &answer["staticData"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    let settled = target.until(&made, "the trigger is counted", |w| w["triggerCount"] == 1).await;
    assert!(settled["staticData"]["node:Schedule"].is_object(), "{}", settled["staticData"]);
    assert_eq!(settled["updatedAt"], answer["updatedAt"]);
}

pub async fn a_schedule_that_cannot_be_read_is_refused_or_never_starts(target: &Target) {
    let bad = id(&target.create(&unreadable("unreadable")).await);
    let reply = target.act(&bad, "activate").await;
    if target.is_1x() {
        let words = "There was a problem activating the workflow: \"Invalid cron expression\"";
        assert_eq!((reply.status, reply.message().as_str()), (400, words));
        assert_eq!(target.workflow(&bad).await["active"], false);
        return;
    }
    reply.ok();
    target.running(&workflow("readable")).await;
    let bad = target.workflow(&bad).await;
    assert_eq!((&bad["active"], &bad["triggerCount"]), (&json!(true), &json!(0)), "in service, and nothing starts it");
}

pub async fn a_webhook_is_for_one_workflow(target: &Target) {
    let first = target.create(&workflow("first")).await;
    let path = id(&first);
    target.running(&hook("has it", &path)).await;
    let second = id(&target.create(&hook("wants it", &path)).await);
    let refused = target.act(&second, "activate").await;
    let expected = if target.is_1x() {
        (400, "The URL path that the \"Hook\" node uses is already taken. Please change it to something else.")
    } else {
        (409, "There is a conflict with one of the webhooks.")
    };
    assert_eq!((refused.status, refused.message().as_str()), expected);
    assert_eq!(target.workflow(&second).await["active"], false);
}

pub async fn an_unknown_node_is_saved_and_not_published(target: &Target) {
    let mut body = workflow("unknown");
    body["nodes"][1]["type"] = UNKNOWN.into();
    let made = id(&target.create(&body).await);
    let refused = target.act(&made, "activate").await;
    assert_eq!((refused.status, refused.message()), (400, format!("Unrecognized node type: {UNKNOWN}")));
}

/// Why a refusal of a PUT is no proof that nothing was written.
pub async fn a_refused_put_of_a_published_workflow_is_saved(target: &Target) {
    let made = target.running(&workflow("before")).await;
    let before = target.workflow(&made).await;
    let mut body = workflow("after");
    body["nodes"].as_array_mut().unwrap().remove(0);
    body["connections"] = json!({});
    let refused = target.put(&made, body).await;
    assert_eq!(refused.status, 400);
    let words = if target.is_1x() { "has no node to start the workflow" } else { "has no trigger node" };
    assert!(refused.message().contains(words), "{}", refused.text);
    let after = target.workflow(&made).await;
    assert_eq!((&after["name"], after["nodes"].as_array().unwrap().len()), (&json!("after"), 1), "it is saved");
    assert_ne!(after["updatedAt"], before["updatedAt"]);
    if target.is_1x() {
        assert_eq!(after["active"], false, "1.x takes it out of service");
    } else {
        assert_eq!(after["activeVersionId"], before["activeVersionId"], "2.x goes on running what ran");
        assert_eq!(after["activeVersion"]["nodes"], before["nodes"]);
    }
}

pub async fn unpublishing_takes_effect_after_the_answer(target: &Target) {
    let made = target.running(&workflow("deleted")).await;
    assert_eq!(target.act(&made, "deactivate").await.ok()["active"], false);
    let first = target.call(Method::DELETE, &format!("/workflows/{made}"), Value::Null).await;
    match (target.is_1x(), first.status) {
        (true, status) => assert_eq!(status, 200),
        // How long it takes is n8n's business; how it says so is the contract.
        (false, 409) => {
            assert_eq!(first.message(), "Workflow is still being unpublished. Please try again in a few moments.");
        }
        (false, status) => assert!(matches!(status, 200 | 500), "{status} {}", first.text),
    }
    let last = target.delete(&made).await;
    assert!(matches!(last.status, 200 | 404), "{} {}", last.status, last.text);
}

pub async fn the_archive_takes_out_of_service(target: &Target) {
    if target.is_1x() {
        return;
    }
    let made = target.running(&workflow("archived")).await;
    for _ in 0..2 {
        target.act(&made, "archive").await.ok();
        let now = target.workflow(&made).await;
        assert_eq!((&now["active"], &now["isArchived"]), (&json!(false), &json!(true)));
    }
    target.act(&made, "unarchive").await.ok();
    let now = target.workflow(&made).await;
    assert_eq!((&now["active"], &now["isArchived"]), (&json!(false), &json!(false)), "it does not run again by itself");
    let again = target.act(&made, "unarchive").await;
    assert_eq!((again.status, again.message().as_str()), (400, "Workflow is not archived."));
    let nowhere = target.act("nope", "archive").await;
    assert_eq!((nowhere.status, nowhere.message().as_str()), (404, "Workflow not found"));
}
