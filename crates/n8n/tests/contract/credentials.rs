//! What n8n makes of the credentials that nodes refer to.

use drift_n8n::{Credential, LiveEnvironment as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::calls::{CREDENTIAL, Target, id};
use crate::common::{using, workflow};

/// What is kept of a node's credential that was sent so, on creating and on writing over.
async fn kept(target: &Target, given: &Value, disabled: bool) -> Value {
    let mut body = using(CREDENTIAL, given);
    if disabled {
        body["nodes"][2]["disabled"] = true.into();
    }
    let made = target.create(&body).await;
    let put = target.put(&id(&made), body).await.ok();
    let of = |workflow: &Value| workflow["nodes"][2]["credentials"][CREDENTIAL].clone();
    assert_eq!(of(&made), of(&put), "creating and writing over treat it alike");
    assert_eq!(of(&put), of(&target.workflow(&id(&put)).await), "what is answered is what is there");
    of(&put)
}

/// A name that no other test uses.
async fn unique(target: &Target) -> String {
    id(&target.create(&workflow("for its id")).await)
}

pub async fn an_id_wins_then_a_unique_name(target: &Target) {
    let (name, twin) = (unique(target).await, unique(target).await);
    let mine = target.credential(&name).await;
    target.credential(&twin).await;
    target.credential(&twin).await;
    let expected = json!({ "id": mine, "name": name });
    for given in [
        json!({ "id": mine, "name": "another name" }),
        json!({ "id": "nope", "name": name }),
        json!({ "id": "", "name": name }),
        json!({ "id": null, "name": name }),
        json!({ "name": name }),
        json!(name),
    ] {
        assert_eq!(kept(target, &given, false).await, expected, "{given}");
    }
    for given in [
        json!({ "id": "nope", "name": "nobody's" }),
        json!({ "id": "", "name": "nobody's" }),
        json!({ "id": "", "name": twin }),
        json!({ "id": null, "name": twin }),
        json!("nobody's"),
    ] {
        assert_eq!(kept(target, &given, false).await, given, "neither an id nor one name: kept as it was sent");
    }
}

/// Old exports hold the bare name. The first node of a workflow that names nobody's credential keeps it, the others get an
/// object without an id.
pub async fn a_bare_name_that_nobody_has_is_kept_once(target: &Target) {
    let mut body = using(CREDENTIAL, &json!("nobody's"));
    let mut second = body["nodes"][2].clone();
    second["id"] = "55555555-5555-4555-8555-555555555555".into();
    second["name"] = "Second".into();
    body["nodes"].as_array_mut().unwrap().push(second);
    let made = target.create(&body).await;
    let of = |node: usize| &made["nodes"][node]["credentials"][CREDENTIAL];
    assert_eq!((of(2), of(3)), (&json!("nobody's"), &json!({ "id": null, "name": "nobody's" })));
}

/// The trap that [`drift_n8n::Draft`] is built around.
pub async fn without_the_key_id_any_credential_is_taken(target: &Target) {
    let name = unique(target).await;
    target.credential(&name).await;
    for given in [json!({ "name": "nobody's" }), json!({})] {
        let taken = kept(target, &given, false).await;
        assert!(taken["id"].as_str().is_some_and(|id| !id.is_empty()), "{taken}");
        assert_ne!(taken["name"], given["name"]);
    }
}

pub async fn a_disabled_node_keeps_what_was_sent(target: &Target) {
    let name = unique(target).await;
    let mine = target.credential(&name).await;
    for given in [json!({ "name": name }), json!({ "id": mine, "name": "another name" }), json!({ "name": "nobody's" })]
    {
        assert_eq!(kept(target, &given, true).await, given);
    }
}

pub async fn listing_is_offered_by_2x(target: &Target) {
    let name = unique(target).await;
    let mine = target.credential(&name).await;
    let listed = target.client().credentials().await.unwrap();
    if target.is_1x() {
        assert_eq!(listed, None);
        let reply = target.call(Method::GET, "/credentials", Value::Null).await;
        assert_eq!((reply.status, reply.message().as_str()), (405, "GET method not allowed"));
        return;
    }
    let expected = Credential { id: mine, name, kind: CREDENTIAL.to_owned() };
    assert!(listed.unwrap().contains(&expected));
}
