//! Listing and getting, by hand and with the client.

use std::collections::HashMap;

use base64::Engine as _;
use drift_n8n::LiveEnvironment as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::calls::{Target, id};
use crate::common::{self, workflow};

pub async fn the_list_goes_by_id_and_offset(target: &Target) {
    for name in ["one", "two", "three"] {
        target.create(&workflow(name)).await;
    }
    let whole = target.get("/workflows").await.ok();
    let ids: Vec<&str> = whole["data"].as_array().unwrap().iter().map(|w| w["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(whole["nextCursor"], Value::Null);
    let page = target.get("/workflows?limit=2").await.ok();
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    let cursor = page["nextCursor"].as_str().unwrap();
    let decoded = base64::engine::general_purpose::STANDARD.decode(cursor).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), json!({ "limit": 2, "offset": 2 }));
    // The cursor's limit is the one that counts.
    let second = target.get(&format!("/workflows?limit=50&cursor={}", cursor.replace('=', "%3D"))).await.ok();
    let second: Vec<&str> = second["data"].as_array().unwrap().iter().map(|w| w["id"].as_str().unwrap()).collect();
    assert_eq!(second, ids[2..ids.len().min(4)]);
}

/// The cursor is an offset, so a page skews when a workflow of an earlier one goes: why the client reads pages twice.
pub async fn a_workflow_that_goes_hides_another(target: &Target) {
    for name in ["one", "two", "three"] {
        target.create(&workflow(name)).await;
    }
    let ids = async |query: &str| {
        let page = target.get(&format!("/workflows?{query}")).await.ok();
        let ids: Vec<String> = page["data"].as_array().unwrap().iter().map(id).collect();
        (ids, page["nextCursor"].as_str().map(|next| next.replace('=', "%3D")))
    };
    let (all, _) = ids("limit=250").await;
    let (first, next) = ids(&format!("limit={}", all.len() - 1)).await;
    let last = all.last().unwrap();
    assert!(!first.contains(last));
    // One that the test may delete is on the first page: it made three.
    let gone = target.made().into_iter().find(|made| first.contains(made)).unwrap();
    target.delete(&gone).await.ok();
    let (second, _) = ids(&format!("cursor={}", next.unwrap())).await;
    assert_eq!(second, Vec::<String>::new(), "{last} is on no page, and nothing says so");
    assert!(ids("limit=250").await.0.contains(last));
}

pub async fn the_limit_ends_at_250(target: &Target) {
    let over = target.get("/workflows?limit=251&name=zzz-nobody").await;
    if target.is_1x() {
        assert_eq!((over.status, over.message().as_str()), (400, "request/query/limit must be <= 250"));
    } else {
        assert_eq!(over.ok(), json!({ "data": [], "nextCursor": null }));
    }
}

pub async fn the_client_lists_every_workflow_byte_for_byte(target: &Target) {
    for number in 0..5 {
        target.create(&workflow(&format!("{number} \u{e9}\u{1f600} \"quoted\""))).await;
    }
    let page = target.get("/workflows?limit=250").await;
    for page_size in [1, 2, 250] {
        let mut settings = common::settings(&target.url, &target.key);
        settings.page_size = page_size;
        let listing = drift_n8n::Client::new(settings).unwrap().list().await.unwrap();
        let expected: Vec<String> = page.json()["data"].as_array().unwrap().iter().map(id).collect();
        assert_eq!(listing.workflows.iter().map(|w| w.id.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(listing.pages as usize, expected.len().div_ceil(usize::from(page_size)));
        for workflow in &listing.workflows {
            assert!(page.text.contains(std::str::from_utf8(&workflow.body).unwrap()), "{} is not as sent", workflow.id);
            assert_eq!(serde_json::from_slice::<Value>(&workflow.body).unwrap()["id"], *workflow.id);
        }
    }
}

pub async fn the_client_gets_one_and_tells_when_there_is_none(target: &Target) {
    let made = target.create(&workflow("one")).await;
    let client = common::client(&target.url, &target.key);
    let body = client.get(&id(&made)).await.unwrap().expect("it is there");
    let got: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&got["name"], &got["description"]), (&json!("one"), &Value::Null));
    for id in ["nope", "", "..", "a/b", "x?y#z", "\u{e9}"] {
        assert_eq!(client.get(id).await.unwrap(), None, "{id:?}");
    }
}

pub async fn the_client_sees_version_count_and_archive(target: &Target) {
    let client = common::client(&target.url, &target.key);
    let before = client.probe().await.unwrap();
    assert_eq!(before.version, Some(target.version));
    let made = target.create(&workflow("one")).await;
    let archived = u32::from(target.act(&id(&made), "archive").await.status == 200);
    assert_eq!(archived, u32::from(!target.is_1x()), "1.x knows no archive");
    let after = client.probe().await.unwrap();
    assert_eq!((after.workflows, after.archived), (before.workflows + 1, before.archived + archived));
    let listing = client.list().await.unwrap();
    let flags: HashMap<_, _> = listing.workflows.iter().map(|w| (w.id.as_str(), w.archived)).collect();
    assert_eq!(flags[id(&made).as_str()], archived == 1);
    target.call(Method::POST, &format!("/workflows/{}/unarchive", id(&made)), Value::Null).await;
}
