//! Tags.

use reqwest::Method;
use serde_json::{Value, json};

use crate::calls::{Target, id};
use crate::common::workflow;

pub async fn tags_are_unique_and_must_exist(target: &Target) {
    let made = id(&target.create(&workflow("tagged")).await);
    let name = json!({ "name": format!("unique {made}") });
    let tag = target.call(Method::POST, "/tags", name.clone()).await;
    let twice = target.call(Method::POST, "/tags", name).await;
    assert_eq!((tag.status, twice.status, twice.message().as_str()), (201, 409, "Tag already exists"));
    let missing = target.call(Method::PUT, &format!("/workflows/{made}/tags"), json!([{ "id": "nope" }])).await;
    assert_eq!((missing.status, missing.message().as_str()), (404, "Some tags not found"));
    target.call(Method::DELETE, &format!("/tags/{}", id(&tag.json())), Value::Null).await.ok();
}

/// n8n trims a name, and takes 1 to 24 characters; of anything else it says what it says of a name that there is.
pub async fn a_name_that_is_not_taken_is_said_to_exist(target: &Target) {
    let made = id(&target.create(&workflow("named")).await);
    let name = format!("  {made} ");
    let tag = target.call(Method::POST, "/tags", json!({ "name": name })).await;
    assert_eq!((tag.status, &tag.json()["name"]), (201, &json!(made)));
    for name in [made.clone(), "x".repeat(25), String::new()] {
        let reply = target.call(Method::POST, "/tags", json!({ "name": name })).await;
        assert_eq!((reply.status, reply.message().as_str()), (409, "Tag already exists"), "{name:?}");
    }
    let other_case = target.call(Method::POST, "/tags", json!({ "name": format!("{made}X") })).await;
    let lower_case = target.call(Method::POST, "/tags", json!({ "name": format!("{made}x") })).await;
    assert_eq!((other_case.status, lower_case.status), (201, 201), "case counts");
    let words = |v2: &str, v1: &str| if target.is_1x() { v1.to_owned() } else { v2.to_owned() };
    let number = target.call(Method::POST, "/tags", json!({ "name": 5 })).await;
    let expected = words("request/body/name Expected string, received number", "request/body/name must be string");
    assert_eq!((number.status, number.message()), (400, expected));
    for (body, v2, v1) in [
        (json!({}), "request/body Expected array, received object", "request/body must be array"),
        (json!(["x"]), "request/body/0 Expected object, received string", "request/body/0 must be object"),
    ] {
        let reply = target.call(Method::PUT, &format!("/workflows/{made}/tags"), body).await;
        assert_eq!((reply.status, reply.message()), (400, words(v2, v1)));
    }
    let nowhere = target.call(Method::PUT, "/workflows/nope/tags", json!([])).await;
    assert_eq!((nowhere.status, nowhere.message().as_str()), (404, "Not Found"));
    for tag in [tag, other_case, lower_case] {
        target.call(Method::DELETE, &format!("/tags/{}", id(&tag.json())), Value::Null).await.ok();
    }
}

pub async fn tags_come_in_pages(target: &Target) {
    let made = id(&target.create(&workflow("pages")).await);
    let mut names = Vec::new();
    for number in 0..3 {
        names.push(format!("{made}{number}"));
        target.call(Method::POST, "/tags", json!({ "name": names[number] })).await;
    }
    target.note_tags(&names).await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = target.get(&format!("/tags?limit=2{cursor}")).await.ok();
        let tags = page["data"].as_array().unwrap();
        found.extend(tags.iter().map(|tag| tag["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        assert_eq!(tags.len(), 2);
        cursor = format!("&cursor={}", next.replace('=', "%3D"));
    }
    assert!(names.iter().all(|name| found.iter().filter(|found| *found == name).count() == 1), "{found:?}");
}
