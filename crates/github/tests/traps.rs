//! octocrab's traps, each built around (the crate's table): what really goes over the wire.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use common::{TestClock, quick};
use drift_github::{
    BranchGone, Credentials, Github, Refusal, Settings, SourceOfTruth, SourceWriter, TreeChange, TreeContent,
};
use drift_sim::server::Server;
use http::{HeaderMap, StatusCode, header};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Got {
    method: String,
    target: String,
    headers: HeaderMap,
    body: String,
}

type Answers = Arc<dyn Fn(&Got) -> Response + Send + Sync>;

#[derive(Clone)]
struct Wire {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Answers,
}

async fn take(State(wire): State<Wire>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let got = Got {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    wire.got.lock().unwrap().push(got.clone());
    (wire.answers)(&got)
}

/// A server that answers as it is told, and a client of it whose base address ends like this.
async fn wire(
    path: &str,
    answers: impl Fn(&Got) -> Response + Send + Sync + 'static,
) -> (Server, Github, Arc<Mutex<Vec<Got>>>) {
    let wire = Wire { got: Arc::default(), answers: Arc::new(answers) };
    let got = wire.got.clone();
    let server = Server::start(Router::new().fallback(take).with_state(wire)).await.unwrap();
    let token = Credentials::Token(SecretString::from("ghp_secret"));
    let base = format!("{}{path}", server.url()).parse().unwrap();
    let settings = Settings { timeouts: quick(), allow_private: true, ..Settings::new(base, "acme", "flows", token) };
    let client = Github::new(&settings, TestClock::new()).unwrap();
    (server, client, got)
}

fn answer(status: u16, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::ETAG, "\"the-etag\"")];
    (StatusCode::from_u16(status).unwrap(), kind, body.to_string()).into_response()
}

const SHA: &str = "392d2f3a79392d2f3a79392d2f3a79392d2f3a79";

#[tokio::test]
async fn a_write_has_no_condition_and_says_what_it_accepts() {
    let (_server, client, got) = wire("", |_| answer(201, &json!({ "sha": SHA }))).await;
    let removed = TreeChange { path: "a.json".to_owned(), content: TreeContent::Removed };
    for _ in 0..2 {
        assert_eq!(client.create_tree(SHA, std::slice::from_ref(&removed)).await, Ok(SHA.to_owned()));
    }
    let got = got.lock().unwrap().clone();
    assert_eq!(got.len(), 2);
    for Got { headers, body, .. } in got {
        assert!(!headers.contains_key(header::IF_NONE_MATCH), "a cache would answer a POST from memory");
        assert_eq!(headers[header::ACCEPT], "application/vnd.github+json");
        assert_eq!(headers[header::AUTHORIZATION], "Bearer ghp_secret");
        // Removing a file takes an explicit null, which octocrab's own type leaves out.
        let body: Value = serde_json::from_str(&body).unwrap();
        let entry = &body["tree"][0];
        assert!(entry.as_object().unwrap().contains_key("sha") && entry["sha"].is_null(), "{body}");
    }
}

#[tokio::test]
async fn writes_go_one_after_another() {
    static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    // Answers only after everybody else had their turn.
    let slow = async || {
        MOST.fetch_max(UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
        answer(201, &json!({ "sha": SHA }))
    };
    let server = Server::start(Router::new().fallback(slow)).await.unwrap();
    let token = Credentials::Token(SecretString::from("ghp_secret"));
    let settings = Settings::new(server.url().parse().unwrap(), "acme", "flows", token);
    let settings = Settings { timeouts: quick(), allow_private: true, ..settings };
    let client = Github::new(&settings, TestClock::new()).unwrap();
    let removed = [TreeChange { path: "a.json".to_owned(), content: TreeContent::Removed }];
    let all = futures::future::join_all((0..5).map(|_| client.create_tree(SHA, &removed))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_post_is_not_sent_again() {
    let (_server, client, got) = wire("", |_| answer(500, &json!({ "message": "Server Error" }))).await;
    assert!(matches!(client.create_blob(b"x").await, Err(Refusal::Unclear { .. })));
    assert_eq!(got.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_redirect_of_a_post_does_not_become_a_get() {
    let (server, client, got) = wire("", |got| match got.method.as_str() {
        "POST" => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "/repositories/7/git/blobs")]).into_response(),
        _ => answer(200, &json!({ "full_name": "acme/workflows" })),
    })
    .await;
    let refusal = client.create_blob(b"x").await.unwrap_err();
    assert!(refusal.to_string().contains("is now called acme/workflows"), "{refusal}");
    let targets: Vec<String> = got.lock().unwrap().iter().map(|got| format!("{} {}", got.method, got.target)).collect();
    assert_eq!(targets, ["POST /repos/acme/flows/git/blobs", "GET /repositories/7"]);
    drop(server);
}

#[tokio::test]
async fn an_enterprise_servers_graphql_is_beside_its_api() {
    let (_server, client, got) = wire("/api/v3", |got| match got.target.as_str() {
        "/api/graphql" => answer(200, &json!({ "data": { "updateRefs": { "clientMutationId": null } } })),
        target if target.contains("/git/ref/") => {
            let object = json!({ "type": "commit", "sha": "1".repeat(40), "url": "" });
            answer(200, &json!({ "ref": "refs/heads/fix#1", "node_id": "", "url": "", "object": object }))
        }
        _ => answer(
            200,
            &json!({ "id": 7, "node_id": "R_7", "full_name": "acme/flows", "private": true, "default_branch": "main" }),
        ),
    })
    .await;
    assert_eq!(client.move_branch("fix#1", &"1".repeat(40), &"2".repeat(40)).await, Ok(()));
    let targets: Vec<String> = got.lock().unwrap().iter().map(|got| got.target.clone()).collect();
    let reference = "/api/v3/repos/acme/flows/git/ref/heads%2Ffix%231";
    assert_eq!(targets, [reference, "/api/v3/repos/acme/flows", "/api/graphql"]);
}

#[tokio::test]
async fn names_are_encoded_and_what_is_no_name_is_not_sent() {
    let (_server, client, got) = wire("", |got| match got.method.as_str() {
        "DELETE" => StatusCode::NO_CONTENT.into_response(),
        _ => {
            let object = json!({ "type": "commit", "sha": SHA, "url": "" });
            answer(200, &json!({ "ref": "refs/heads/a/b#c?d", "node_id": "", "url": "", "object": object }))
        }
    })
    .await;
    // `?` cannot be in a branch; `#` and `/` can, and would cut or split the address.
    for no_branch in ["a b", "a?b", "a..b", "", "a\nb"] {
        assert!(matches!(client.delete_branch(no_branch, SHA).await, Err(Refusal::NotFound { .. })), "{no_branch}");
    }
    assert!(got.lock().unwrap().is_empty());
    // An answer about another reference is no answer: nothing is removed.
    assert_eq!(client.delete_branch("a/b#c", SHA).await, Ok(BranchGone::AlreadyGone));
    assert!(got.lock().unwrap()[0].target.contains("heads%2Fa%2Fb%23c"));
}

#[tokio::test]
async fn the_next_page_is_asked_for_here_with_the_token() {
    let (_server, client, got) = wire("", |got| {
        let first = !got.target.contains("page=2");
        let link = "<https://elsewhere.example.com/repos/acme/flows/pulls?page=2&per_page=100>; rel=\"next\"";
        let mut response = match got.method.as_str() {
            "GET" => answer(200, &json!([])),
            _ => answer(404, &json!({ "message": "Not Found" })),
        };
        if first && got.method == "GET" {
            response.headers_mut().insert(header::LINK, link.parse().unwrap());
        }
        response
    })
    .await;
    let new = drift_github::NewPull {
        head: "x".to_owned(),
        head_commit: SHA.to_owned(),
        base: "main".to_owned(),
        title: "x".to_owned(),
        body: String::new(),
    };
    assert!(matches!(client.open_pull(&new).await, Err(Refusal::NotFound { .. })));
    let got = got.lock().unwrap().clone();
    assert_eq!(got[1].target, "/repos/acme/flows/pulls?page=2&per_page=100");
    assert!(got.iter().all(|got| got.headers[header::AUTHORIZATION] == "Bearer ghp_secret"));
}

#[tokio::test]
async fn a_server_without_graphql_is_not_asked_for_it_again() {
    let text = b"{}\n";
    let blob = "0967ef424bce6791893e9a57bb952f80fd536e93";
    let (_server, client, got) = wire("", move |got| match got.target.as_str() {
        "/graphql" => answer(404, &json!({ "message": "Not Found" })),
        _ => text.to_vec().into_response(),
    })
    .await;
    let shas = vec![blob.to_owned(); 12];
    // The same blob twelve times is one blob: not worth a question.
    assert_eq!(client.blobs(&shas).await.unwrap().len(), 12);
    assert!(!got.lock().unwrap().iter().any(|got| got.target == "/graphql"));
    let many: Vec<String> = (0..12).map(|number| format!("{number:040x}")).collect();
    for _ in 0..2 {
        assert!(client.blobs(&many).await.is_err(), "the server has other contents");
    }
    assert_eq!(got.lock().unwrap().iter().filter(|got| got.target == "/graphql").count(), 1);
}
