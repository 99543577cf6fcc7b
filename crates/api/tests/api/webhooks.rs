//! GitHub's deliveries.

use axum::body::Body;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_sim::github::sign;
use http::{Request, StatusCode};
use serde_json::json;

use crate::client::Api;

#[tokio::test]
async fn a_delivery_counts_by_its_signature_over_the_bytes_that_arrived() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let settings = api.get(&owner, "/github-webhook").await.body;
    let (path, secret) = (settings["path"].as_str().unwrap(), settings["secret"].as_str().unwrap());
    let body =
        json!({ "ref": "refs/heads/main", "after": "0".repeat(40), "repository": { "full_name": "a/b" } }).to_string();
    let deliver = |signature: Option<String>| {
        let mut request = Request::post(path).header("x-github-event", "push").header("x-github-delivery", "1-2-3");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request.body(Body::from(body.clone())).unwrap()
    };
    let good = api.answer(deliver(Some(sign(secret, body.as_bytes())))).await;
    assert_eq!(good.status, StatusCode::ACCEPTED, "{good:?}");
    let forged = api.answer(deliver(Some(sign("another secret", body.as_bytes())))).await;
    assert_eq!((forged.status, forged.problem()), (StatusCode::UNAUTHORIZED, "unauthenticated"));
    let other_bytes = api.answer(deliver(Some(sign(secret, b"{}")))).await;
    assert_eq!(other_bytes.problem(), "unauthenticated");
    let unsigned = api.answer(deliver(None)).await;
    assert_eq!((unsigned.status, unsigned.problem()), (StatusCode::BAD_REQUEST, "bad-request"));

    let elsewhere = Request::post("/webhooks/github/00000000-0000-7000-8000-000000000000")
        .header("x-github-event", "push")
        .header("x-github-delivery", "1")
        .header("x-hub-signature-256", sign(secret, body.as_bytes()))
        .body(Body::from(body.clone()))
        .unwrap();
    assert_eq!(api.answer(elsewhere).await.problem(), "unauthenticated", "whether it exists is not told");
}

#[tokio::test]
async fn a_delivery_that_is_too_large_is_not_read() {
    let api = Api::new().await;
    let owner = api.member(PlanTier::Agency, Role::Owner).await;
    let request = Request::post(format!("/webhooks/github/{}", owner.caller.organization_id))
        .header("x-github-event", "push")
        .header("x-github-delivery", "1")
        .header("x-hub-signature-256", "sha256=00")
        .body(Body::from(vec![b' '; 6 * 1024 * 1024]))
        .unwrap();
    assert_eq!(api.answer(request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}
