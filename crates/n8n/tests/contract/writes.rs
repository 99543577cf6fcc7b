//! What moves when: the reasons why neither updatedAt nor versionId shows drift.

use reqwest::Method;
use serde_json::{Value, json};

use crate::calls::{Target, id, moved};
use crate::common::workflow;

pub async fn an_unchanged_put_moves_only_the_time(target: &Target) {
    let made = id(&target.create(&workflow("same")).await);
    let before = target.listed(&made).await;
    target.put(&made, workflow("same")).await.ok();
    assert_eq!(moved(&before, &target.listed(&made).await), ["updatedAt"]);
}

pub async fn name_nodes_and_tags_move_their_own_fields(target: &Target) {
    let made = id(&target.create(&workflow("before")).await);
    let first = target.listed(&made).await;
    target.put(&made, workflow("after")).await.ok();
    let named = target.listed(&made).await;
    let expected: &[&str] = if target.is_1x() { &["name", "updatedAt", "versionId"] } else { &["name", "updatedAt"] };
    assert_eq!(moved(&first, &named), expected);

    let mut body = workflow("after");
    body["nodes"][1]["position"] = json!([16, 16]);
    target.put(&made, body).await.ok();
    let dragged = target.listed(&made).await;
    assert_eq!(moved(&named, &dragged), ["nodes", "updatedAt", "versionId"]);

    let tag = target.call(Method::POST, "/tags", json!({ "name": format!("tag {made}") })).await;
    assert_eq!(tag.status, 201);
    let tag = id(&tag.json());
    target.call(Method::PUT, &format!("/workflows/{made}/tags"), json!([{ "id": tag }])).await.ok();
    assert_eq!(moved(&dragged, &target.listed(&made).await), ["tags"]);
    target.call(Method::DELETE, &format!("/tags/{tag}"), Value::Null).await.ok();
    assert_eq!(target.listed(&made).await["tags"], json!([]));
}

/// Detection gets a workflow only when its bytes in the list changed, and the list leaves the description out: so a
/// change of the description alone must show in the bytes. On 2.x it does, through updatedAt; 1.x takes no description.
pub async fn a_description_alone_changes_the_bytes_of_the_list(target: &Target) {
    let made = id(&target.create(&workflow("described")).await);
    let before = target.listed(&made).await;
    let mut body = workflow("described");
    body["description"] = json!("what it is for");
    let reply = target.put(&made, body).await;
    if target.is_1x() {
        assert_eq!(reply.status, 400);
        return;
    }
    reply.ok();
    assert_eq!(moved(&before, &target.listed(&made).await), ["updatedAt"]);
    assert_eq!(target.workflow(&made).await["description"], "what it is for");
    target.put(&made, workflow("described")).await.ok();
    assert_eq!(target.workflow(&made).await["description"], "what it is for", "left out, it is kept");
}

pub async fn settings_are_merged(target: &Target) {
    let made = id(&target.create(&workflow("settings")).await);
    let mut body = workflow("settings");
    body["settings"] = json!({ "timezone": "Europe/Berlin", "executionTimeout": 60, "saveManualExecutions": true });
    target.put(&made, body.clone()).await.ok();
    body["settings"] = json!({ "timezone": "DEFAULT", "executionTimeout": -1 });
    let settings = target.put(&made, body.clone()).await.ok()["settings"].clone();
    let mut expected = json!({ "executionOrder": "v1", "saveManualExecutions": true });
    if target.is_1x() {
        expected["callerPolicy"] = json!("workflowsFromSameOwner");
        expected["availableInMCP"] = json!(false);
    } else {
        body["settings"] = json!({ "binaryMode": "combined", "credentialResolverId": "x", "redactionPolicy": "none" });
        assert_eq!(target.put(&made, body.clone()).await.ok()["settings"], expected, "these are not kept");
    }
    assert_eq!(settings, expected);
    body["settings"] = json!({ "bogus": 1 });
    let refused = target.put(&made, body).await;
    let words = "request/body/settings Unrecognized key(s) in object: 'bogus'";
    let words = if target.is_1x() { "request/body/settings must NOT have additional properties" } else { words };
    assert_eq!((refused.status, refused.message().as_str()), (400, words));
}

pub async fn missing_node_ids_are_made(target: &Target) {
    let mut body = workflow("ids");
    let hook = json!({ "name": "Hook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0], "parameters": {} });
    body["nodes"].as_array_mut().unwrap().push(hook);
    let made = target.create(&workflow("ids")).await;
    let put = target.put(&id(&made), body).await.ok();
    let hook = &put["nodes"][2];
    assert_eq!(hook["id"].as_str().map(str::len), Some(36));
    assert_eq!(hook["webhookId"].as_str().map(str::len), (!target.is_1x()).then_some(36));
    // An empty id is made anew each time, an empty webhook id on 2.x alone.
    let mut body = workflow("ids");
    body["nodes"][1]["id"] = "".into();
    body["nodes"].as_array_mut().unwrap().push(json!({
        "name": "Hook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0], "parameters": {}, "webhookId": "",
    }));
    let (mut seen, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let put = target.put(&id(&made), body.clone()).await.ok();
        seen.push(put["nodes"][2]["webhookId"].clone());
        ids.push(put["nodes"][1]["id"].clone());
    }
    assert!(ids[0] != ids[1] && ids[1].as_str().is_some_and(|id| id.len() == 36), "{ids:?}");
    assert_eq!((seen[0] == seen[1], seen[0] == ""), (target.is_1x(), target.is_1x()), "{seen:?}");
    assert_eq!(put["nodes"][0]["id"], "11111111-1111-4111-8111-111111111111");
    assert_eq!(put["nodes"][0]["typeVersion"], 1.2);
}

pub async fn publishing_needs_a_trigger_and_moves_no_time(target: &Target) {
    let manual = json!([{ "parameters": {}, "name": "M", "type": "n8n-nodes-base.manualTrigger", "typeVersion": 1, "position": [0, 0] }]);
    let none = json!({ "name": "no trigger", "nodes": manual, "connections": {}, "settings": {} });
    let none = id(&target.create(&none).await);
    let refused = target.act(&none, "activate").await;
    assert_eq!(refused.status, 400);
    let words = if target.is_1x() { "has no node to start the workflow" } else { "has no trigger node" };
    assert!(refused.message().contains(words), "{}", refused.message());

    let made = id(&target.create(&workflow("published")).await);
    let before = target.listed(&made).await;
    let answer = target.act(&made, "activate").await.ok();
    assert_eq!((&answer["active"], &answer["activeVersionId"]), (&json!(true), &before["versionId"]));
    let after = target.listed(&made).await;
    let moved = moved(&before, &after);
    assert!(
        ["active", "activeVersion", "activeVersionId"].iter().all(|key| moved.iter().any(|m| m == key)),
        "{moved:?}"
    );
    // Starting the schedule comes a moment later on a real server.
    let late = ["active", "activeVersion", "activeVersionId", "triggerCount", "staticData"];
    assert!(moved.iter().all(|key| late.contains(&key.as_str())), "{moved:?}");
    assert_eq!(after["activeVersion"]["nodes"], after["nodes"]);
    assert!(after["activeVersion"].get("workflowPublishHistory").is_none(), "the list leaves the history out");
    target.act(&made, "deactivate").await.ok();
    let off = target.listed(&made).await;
    assert_eq!(
        (&off["active"], &off["activeVersion"], &off["updatedAt"]),
        (&json!(false), &Value::Null, &before["updatedAt"])
    );
}

pub async fn a_draft_is_kept_apart_from_what_runs(target: &Target) {
    let made = id(&target.create(&workflow("draft")).await);
    target.act(&made, "activate").await.ok();
    let published = target.listed(&made).await;
    let mut body = workflow("draft");
    body["nodes"][1]["parameters"]["jsCode"] = json!("return [1]");
    let path = format!("/workflows/{made}?publishIfActive=false");
    let draft = target.call(Method::PUT, &path, body.clone()).await;
    if target.is_1x() {
        assert_eq!((draft.status, draft.message().as_str()), (400, "Unknown query parameter 'publishIfActive'"));
        target.put(&made, body).await.ok();
        let now = target.listed(&made).await;
        assert_eq!(now["activeVersion"]["nodes"], now["nodes"], "what is saved runs");
        return;
    }
    draft.ok();
    let now = target.listed(&made).await;
    assert_ne!(now["activeVersionId"], now["versionId"]);
    assert_eq!(now["activeVersion"]["nodes"], published["nodes"]);
    assert_ne!(now["nodes"], published["nodes"]);
    target.put(&made, body).await.ok();
    let now = target.listed(&made).await;
    assert_eq!(now["activeVersionId"], now["versionId"], "an unchanged PUT publishes a waiting draft");
    assert_eq!(now["activeVersion"]["nodes"], now["nodes"]);
}

pub async fn a_published_workflow_is_not_deleted(target: &Target) {
    let made = id(&target.create(&workflow("kept")).await);
    target.act(&made, "activate").await.ok();
    let reply = target.call(Method::DELETE, &format!("/workflows/{made}"), Value::Null).await;
    if target.is_1x() {
        assert_eq!(reply.status, 200);
    } else {
        let words = "Cannot delete a published workflow. Unpublish it before deleting.";
        assert_eq!((reply.status, reply.message().as_str()), (409, words));
    }
}

pub async fn archived_workflows_are_listed_and_not_updated(target: &Target) {
    let made = id(&target.create(&workflow("archived")).await);
    let before = target.listed(&made).await;
    let reply = target.act(&made, "archive").await;
    if target.is_1x() {
        assert_eq!((reply.status, reply.message().as_str()), (405, "POST method not allowed"));
        return;
    }
    reply.ok();
    let after = target.listed(&made).await;
    assert_eq!(moved(&before, &after), ["isArchived", "updatedAt", "versionId"]);
    assert!(after["updatedAt"].as_str().unwrap().ends_with(".000Z"), "the database's clock has whole seconds");
    let put = target.put(&made, workflow("archived")).await;
    assert_eq!((put.status, put.message().as_str()), (400, "Cannot update an archived workflow."));
    let activate = target.act(&made, "activate").await;
    assert_eq!((activate.status, activate.message().as_str()), (400, "Cannot activate an archived workflow."));
    target.act(&made, "unarchive").await.ok();
    assert_eq!(target.listed(&made).await["isArchived"], json!(false));
}

pub async fn what_a_put_leaves_out_is_kept(target: &Target) {
    let mut body = workflow("kept");
    body["staticData"] = json!({ "mine": 1 });
    if !target.is_1x() {
        body["pinData"] = json!({ "Code": [{ "json": { "a": 1 } }] });
    }
    let made = target.create(&body).await;
    let before = target.workflow(&id(&made)).await;
    assert_eq!(before["staticData"], json!({ "mine": 1 }));
    target.put(&id(&made), workflow("kept")).await.ok();
    let after = target.workflow(&id(&made)).await;
    assert_eq!((&after["staticData"], &after["pinData"]), (&before["staticData"], &before["pinData"]));

    let mut body = workflow("kept");
    body["staticData"] = Value::Null;
    target.put(&id(&made), body.clone()).await.ok();
    assert_eq!(target.workflow(&id(&made)).await["staticData"], Value::Null, "sent, it is written over");
    body["description"] = Value::Null;
    let refused = target.put(&id(&made), body.clone()).await;
    assert_eq!(refused.status, 400);
    if !target.is_1x() {
        assert_eq!(refused.message(), "request/body/description Expected string, received null");
        body["description"] = "".into();
        target.put(&id(&made), body).await.ok();
        assert_eq!(target.workflow(&id(&made)).await["description"], "");
    }
}

pub async fn a_setting_is_unset_by_a_value_or_not_at_all(target: &Target) {
    let made = id(&target.create(&workflow("unset")).await);
    let put = async |settings: Value| {
        let mut body = workflow("unset");
        body["settings"] = settings;
        target.put(&made, body).await.ok()["settings"].clone()
    };
    put(json!({
        "timezone": "Europe/Berlin", "executionTimeout": 60, "errorWorkflow": made, "saveDataErrorExecution": "none",
        "callerPolicy": "any", "callerIds": "a", "executionOrder": "v1", "availableInMCP": true, "timeSavedPerExecution": 5,
    }))
    .await;
    let now = put(json!({
        "timezone": "DEFAULT", "executionTimeout": -1, "errorWorkflow": "DEFAULT", "callerIds": "", "executionOrder": "v0",
    }))
    .await;
    let mut expected = json!({
        "saveDataErrorExecution": "none", "callerPolicy": "any", "callerIds": "", "executionOrder": "v0",
        "availableInMCP": true, "timeSavedPerExecution": 5,
    });
    if target.is_1x() {
        // 1.x keeps the word, and fills two settings in that are left out.
        expected["errorWorkflow"] = json!("DEFAULT");
        expected["callerPolicy"] = json!("workflowsFromSameOwner");
        expected["availableInMCP"] = json!(false);
    }
    assert_eq!(now, expected);
}

pub async fn settings_of_another_kind_are_refused(target: &Target) {
    let made = id(&target.create(&workflow("kinds")).await);
    let cases = [
        ("saveManualExecutions", json!("DEFAULT"), "Expected boolean, received string", "must be boolean"),
        (
            "saveDataErrorExecution",
            json!("DEFAULT"),
            "Invalid enum value. Expected 'all' | 'none', received 'DEFAULT'",
            "must be equal to one of the allowed values: all, none",
        ),
        ("saveDataErrorExecution", Value::Null, "Expected 'all' | 'none', received null", "must be string"),
        ("executionTimeout", Value::Null, "Expected number, received null", "must be number"),
        ("timezone", Value::Null, "Expected string, received null", "must be string"),
    ];
    for (key, value, on_2x, on_1x) in cases {
        let mut body = workflow("kinds");
        body["settings"] = json!({ key: value });
        let refused = target.put(&made, body).await;
        let words = if target.is_1x() { on_1x } else { on_2x };
        assert_eq!((refused.status, refused.message()), (400, format!("request/body/settings/{key} {words}")));
    }
}

pub async fn what_is_too_long_is_refused(target: &Target) {
    let made = id(&target.create(&workflow("long")).await);
    let words = "Workflow name must be 1 to 128 characters long.";
    let refused = target.put(&made, workflow(&"x".repeat(129))).await;
    assert_eq!((refused.status, refused.message().as_str()), (400, words));
    assert_eq!(target.put(&made, workflow("")).await.ok()["name"], "", "an empty one is taken all the same");
    if !target.is_1x() {
        let refused = target.call(Method::POST, "/workflows", workflow("")).await;
        assert_eq!((refused.status, refused.message().as_str()), (400, words));
    }
    let mut body = workflow("large");
    body["nodes"][1]["parameters"]["jsCode"] = "x".repeat(17 * 1024 * 1024).into();
    let refused = target.put(&made, body).await;
    assert_eq!(refused.status, 413);
    assert!(refused.text.contains("Payload Too Large") && refused.text.starts_with('<'), "{}", refused.text);
    let licence = target.call(Method::POST, "/variables", json!({ "key": "a", "value": "b" })).await;
    assert_eq!(licence.status, 403);
    assert!(licence.message().starts_with("Your license does not allow for"), "{}", licence.text);
}
