//! The GitHub stand-in is written to as GitHub is, tells others what happened, and notices what is beside GitHub's
//! description.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_sim::github::{Deliveries, GithubSim, Options, Protection, Repo, Ruleset};
use drift_sim::server::Server;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-11-02T09:30:00Z".parse().unwrap())))
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        // Each look a little later, so that what happens one after another has an order.
        let mut now = self.0.lock().unwrap();
        *now += TimeDelta::seconds(1);
        *now
    }
}

/// A stand-in with `acme/flows`: `a.json` on main, and `b.json` on the branch `fix`.
async fn world() -> (GithubSim, Repo) {
    let github = GithubSim::start(TestClock::new()).await.unwrap();
    let repo = github.create("acme/flows").await.unwrap();
    repo.commit("main", "Ada", "Add", &[("a.json", Some(b"1\n"))]).await.unwrap();
    repo.create_branch("fix", "main").await.unwrap();
    repo.commit("fix", "Ada", "Fix", &[("b.json", Some(b"2\n"))]).await.unwrap();
    (github, repo)
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Got {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

async fn ask(github: &GithubSim, method: Method, path: &str, body: Option<Value>) -> Got {
    ask_with(github, method, path, body, &[]).await
}

async fn ask_with(
    github: &GithubSim,
    method: Method,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Got {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let path = if path.starts_with("/api") || path == "/graphql" {
        path.to_owned()
    } else {
        format!("/repos/acme/flows{path}")
    };
    let mut request = client.request(method, format!("{}{path}", github.url())).bearer_auth(github.token());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default() }
}

async fn open(github: &GithubSim) -> u64 {
    let new = json!({ "title": "Fix", "head": "fix", "base": "main", "body": "Why" });
    let got = ask(github, Method::POST, "/pulls", Some(new)).await;
    assert_eq!(got.status, 201, "{}", got.body);
    got.body["number"].as_u64().unwrap()
}

async fn merge(github: &GithubSim, number: u64, body: Value) -> (u16, String) {
    let got = ask(github, Method::PUT, &format!("/pulls/{number}/merge"), Some(body)).await;
    (got.status, got.message().to_owned())
}

#[tokio::test]
async fn whether_it_merges_is_null_first_and_again_after_a_push() {
    let (github, repo) = world().await;
    let number = open(&github).await;
    let path = format!("/pulls/{number}");
    let look = async || {
        let pull = ask(&github, Method::GET, &path, None).await.body;
        (pull["mergeable"].clone(), pull["mergeable_state"].as_str().unwrap().to_owned())
    };
    assert_eq!(look().await, (json!(true), "clean".into()), "making it was the first look");
    github.set_lag(2);
    repo.commit("main", "Bob", "Meanwhile", &[("b.json", Some(b"other\n"))]).await.unwrap();
    assert_eq!(look().await, (Value::Null, "unknown".into()));
    assert_eq!(look().await, (Value::Null, "unknown".into()));
    assert_eq!(look().await, (json!(false), "dirty".into()));
    assert_eq!(merge(&github, number, json!({})).await, (405, "Pull Request is not mergeable".into()));
}

#[tokio::test]
async fn refusals_of_a_merge_have_githubs_words() {
    let (github, repo) = world().await;
    let number = open(&github).await;
    let stale = json!({ "sha": "0".repeat(40) });
    let words = |text: &str| text.to_owned();
    assert_eq!(
        merge(&github, number, stale).await,
        (409, words("Head branch was modified. Review and try the merge again."))
    );
    let rules = Protection {
        approvals: Some(2),
        checks: vec!["ci".into(), "lint".into()],
        dismiss_stale: true,
        ..Protection::default()
    };
    repo.protect("main", Some(rules)).unwrap();
    assert_eq!(
        merge(&github, number, json!({})).await,
        (405, words("At least 2 approving reviews are required by reviewers with write access."))
    );
    repo.approve(number, "Bob").await.unwrap();
    repo.approve(number, "Bob").await.unwrap();
    assert_eq!(merge(&github, number, json!({})).await.0, 405, "one person is one approval");
    repo.approve(number, "Grace").await.unwrap();
    assert_eq!(merge(&github, number, json!({})).await, (405, words("2 of 2 required status checks are expected.")));
    let head = repo.resolve("fix").await.unwrap().unwrap();
    repo.report_check(&head, "lint", Some("success")).await.unwrap();
    assert_eq!(merge(&github, number, json!({})).await, (405, words("Required status check \"ci\" is expected.")));
    repo.report_status(&head, "ci", "success").await.unwrap();
    repo.commit("fix", "Ada", "More", &[("c.json", Some(b"3\n"))]).await.unwrap();
    assert!(merge(&github, number, json!({})).await.1.contains("approving reviews"), "a push makes them stale");
    repo.protect("main", None).unwrap();
    repo.set_rules("main", Some(Ruleset { queue: true, ..Ruleset::default() })).unwrap();
    assert_eq!(merge(&github, number, json!({})).await, (405, words("Changes must be made through the merge queue")));
    repo.set_rules("main", None).unwrap();
    repo.archive(true).unwrap();
    assert_eq!(merge(&github, number, json!({})).await, (403, words("Repository was archived so is read-only.")));
    repo.archive(false).unwrap();
    assert_eq!(merge(&github, number, json!({ "merge_method": "squash" })).await.0, 200);
    assert_eq!(merge(&github, number, json!({})).await, (405, words("Pull Request is not mergeable")));
    assert_eq!(repo.read("main", "c.json").await.unwrap().unwrap(), "3\n");
}

#[tokio::test]
async fn a_base_that_contains_the_head_has_merged_it_and_a_head_that_is_gone_closes_it() {
    let (github, repo) = world().await;
    let number = open(&github).await;
    repo.force_push("main", "fix").await.unwrap();
    let pull = ask(&github, Method::GET, &format!("/pulls/{number}"), None).await.body;
    let head = repo.resolve("fix").await.unwrap();
    assert_eq!((&pull["merged"], pull["merge_commit_sha"].as_str()), (&json!(true), head.as_deref()));
    repo.commit("fix", "Ada", "More", &[("c.json", Some(b"3\n"))]).await.unwrap();
    let second = open(&github).await;
    repo.delete_branch("fix").await.unwrap();
    let pull = ask(&github, Method::GET, &format!("/pulls/{second}"), None).await.body;
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
}

#[tokio::test]
async fn lists_have_pages_filters_and_etags() {
    let (github, repo) = world().await;
    for number in 0..3 {
        let head = format!("fix-{number}");
        repo.create_branch(&head, "fix").await.unwrap();
        let new = json!({ "title": "Fix", "head": head, "base": "main" });
        assert_eq!(ask(&github, Method::POST, "/pulls", Some(new)).await.status, 201);
    }
    let first = ask(&github, Method::GET, "/pulls?per_page=2", None).await;
    let link = first.headers["link"].to_str().unwrap().to_owned();
    assert_eq!(first.body.as_array().unwrap().len(), 2);
    assert!(link.contains("page=2") && link.contains("rel=\"next\""), "{link}");
    let last = ask(&github, Method::GET, "/pulls?per_page=2&page=2", None).await;
    assert_eq!((last.body.as_array().unwrap().len(), last.headers.get("link")), (1, None));
    let ours = ask(&github, Method::GET, "/pulls?head=acme:fix-1&base=main&state=all", None).await;
    assert_eq!(ours.body[0]["head"]["ref"], json!("fix-1"));
    assert_eq!(ours.body.as_array().unwrap().len(), 1);
    let etag = ours.headers["etag"].to_str().unwrap().to_owned();
    let again = "/pulls?head=acme:fix-1&base=main&state=all";
    let condition = [("if-none-match", etag.as_str())];
    assert_eq!(ask_with(&github, Method::GET, again, None, &condition).await.status, 304);
    repo.close(2).await.unwrap();
    assert_eq!(ask_with(&github, Method::GET, again, None, &condition).await.status, 200);
}

#[tokio::test]
async fn everything_outlives_the_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { folder: Some(folder.path().to_owned()), ..Options::default() };
    let github = GithubSim::start_checked(TestClock::new(), options()).await.unwrap();
    let repo = github.create("acme/flows").await.unwrap();
    repo.commit("main", "Ada", "Add", &[("a.json", Some(b"1\n"))]).await.unwrap();
    repo.create_branch("fix", "main").await.unwrap();
    repo.commit("fix", "Ada", "Fix", &[("b.json", Some(b"2\n"))]).await.unwrap();
    repo.protect("main", Some(Protection { approvals: Some(1), ..Protection::default() })).unwrap();
    let number = open(&github).await;
    repo.approve(number, "Bob").await.unwrap();
    let ordered = ask(&github, Method::PUT, &format!("/pulls/{number}/merge-async"), Some(json!({}))).await;
    assert_eq!((ordered.status, &ordered.body["status"]), (202, &json!("pending")));
    let uuid = ordered.body["details"]["uuid"].as_str().unwrap().to_owned();
    drop(github);
    let again = GithubSim::start_checked(TestClock::new(), options()).await.unwrap();
    let path = format!("/pulls/{number}/merge-async/{uuid}");
    assert_eq!(ask(&again, Method::GET, &path, None).await.body["status"], json!("pending"));
    let merged = ask(&again, Method::GET, &path, None).await.body;
    assert_eq!(merged["status"], json!("merged"), "{merged}");
    let repo = again.repo("acme/flows").unwrap();
    assert_eq!(repo.resolve("main").await.unwrap().as_deref(), merged["details"]["sha"].as_str());
}

#[tokio::test]
async fn an_enterprise_server_has_no_merge_in_the_background() {
    let (github, _) = world().await;
    let number = open(&github).await;
    let path = format!("/api/v3/repos/acme/flows/pulls/{number}");
    let got = ask(&github, Method::PUT, &format!("{path}/merge-async"), Some(json!({}))).await;
    assert_eq!((got.status, got.message()), (404, "Not Found"));
    assert_eq!(got.headers["x-github-enterprise-version"], "3.19.0");
    let got = ask(&github, Method::PUT, &format!("{path}/merge"), Some(json!({}))).await;
    assert_eq!((got.status, &got.body["merged"]), (200, &json!(true)));
    let question = json!({ "query": "{ repository(owner: \"acme\", name: \"flows\") { id } }" });
    let got = ask(&github, Method::POST, "/api/graphql", Some(question)).await;
    assert!(got.body["data"]["repository"]["id"].is_string(), "{}", got.body);
}

/// What a receiver got: event and action.
type Inbox = Arc<Mutex<Vec<String>>>;

async fn receiver() -> (Server, Inbox) {
    let inbox = Inbox::default();
    let put = inbox.clone();
    let receive = move |headers: HeaderMap, body: Bytes| async move {
        let payload: Value = serde_json::from_slice(&body).unwrap();
        let event = headers["x-github-event"].to_str().unwrap().to_owned();
        put.lock()
            .unwrap()
            .push(format!("{event} {}", payload["action"].as_str().unwrap_or_default()).trim().to_owned());
        StatusCode::ACCEPTED
    };
    (Server::start(Router::new().route("/hook", post(receive))).await.unwrap(), inbox)
}

#[tokio::test]
async fn the_queue_tells_what_it_does() {
    let (github, repo) = world().await;
    let (server, inbox) = receiver().await;
    let rules = Protection { checks: vec!["ci".into()], ..Protection::default() };
    repo.set_rules("main", Some(Ruleset { rules, queue: true })).unwrap();
    let number = open(&github).await;
    let head = repo.resolve("fix").await.unwrap().unwrap();
    repo.report_check(&head, "ci", Some("success")).await.unwrap();
    github.hook(&format!("{}/hook", server.url()), "s").unwrap();
    let ordered =
        ask(&github, Method::PUT, &format!("/pulls/{number}/merge-async"), Some(json!({ "sha": head }))).await;
    assert_eq!(ordered.status, 202);
    let path = format!("/pulls/{number}");
    while repo.merge_group(number).unwrap().is_none() {
        ask(&github, Method::GET, &path, None).await;
    }
    let group = repo.merge_group(number).unwrap().unwrap();
    repo.report_check(&group, "ci", Some("success")).await.unwrap();
    assert_eq!(ask(&github, Method::GET, &path, None).await.body["merged"], json!(true));
    let expected = [
        "pull_request enqueued",
        "merge_group checks_requested",
        "check_run completed",
        "merge_group destroyed",
        "push",
        "pull_request closed",
    ];
    assert_eq!(*inbox.lock().unwrap(), expected);
}

#[tokio::test]
async fn deliveries_come_in_another_order() {
    let (github, repo) = world().await;
    let (server, inbox) = receiver().await;
    let hook = github.hook(&format!("{}/hook", server.url()), "s").unwrap();
    hook.deliver(Deliveries::OnRequest);
    let number = open(&github).await;
    repo.approve(number, "Bob").await.unwrap();
    repo.close(number).await.unwrap();
    assert!(inbox.lock().unwrap().is_empty());
    hook.release(true).await;
    assert_eq!(*inbox.lock().unwrap(), ["pull_request closed", "pull_request_review submitted", "pull_request opened"]);
    hook.release(true).await;
    assert_eq!(inbox.lock().unwrap().len(), 3, "each is released once");
}

#[tokio::test]
async fn what_is_beside_the_description_is_noticed() {
    let (github, _) = world().await;
    let one = async |method: Method, path: &str, body: Option<Value>| {
        ask(&github, method, path, body).await;
        let violations = github.violations();
        assert_eq!(violations.len(), 1, "{violations:?}");
        violations[0].clone()
    };
    // An unknown operation, an unknown field, a field of the wrong type, an unknown parameter, a parameter out of range.
    assert!(one(Method::GET, "/pulls/1/nothing", None).await.contains("no operation"));
    let odd = json!({ "ref": "refs/heads/x", "sha": "0".repeat(40), "oid": "x" });
    assert!(one(Method::POST, "/git/refs", Some(odd)).await.contains("'oid' was unexpected"));
    let odd = json!({ "content": 7 });
    assert!(one(Method::POST, "/git/blobs", Some(odd)).await.contains("is not of type"));
    assert!(one(Method::GET, "/pulls?heads=x", None).await.contains("no query parameter heads"));
    assert!(one(Method::GET, "/pulls?state=merged", None).await.contains("state cannot be"));
    // GraphQL that GitHub's schema does not have.
    for odd in ["{ repository(owner: \"acme\", name: \"flows\") { secret } }", "{ repository(owner: \"acme\") { id } }"]
    {
        assert!(one(Method::POST, "/graphql", Some(json!({ "query": odd }))).await.contains("GraphQL"));
    }
}

#[tokio::test]
#[should_panic(expected = "went beside GitHub's description")]
async fn a_stand_in_that_went_beside_it_fails_the_test() {
    let (github, _) = world().await;
    ask(&github, Method::GET, "/pulls/1/nothing", None).await;
    drop(github);
}

#[tokio::test]
async fn whatever_becomes_of_a_branch_is_told_as_described() {
    let (github, repo) = world().await;
    let (server, inbox) = receiver().await;
    github.hook(&format!("{}/hook", server.url()), "s").unwrap();
    let number = open(&github).await;
    repo.create_branch("new", "main").await.unwrap();
    repo.force_push("fix", "main").await.unwrap();
    let odd = [("ü \"odd\" #1.json", Some(b"{}".as_slice())), ("a.json", None)];
    repo.commit("fix", "Grace Höpper <grace@example.com>", "Change\n\nmore", &odd).await.unwrap();
    repo.delete_branch("fix").await.unwrap();
    let head = repo.resolve("main").await.unwrap().unwrap();
    repo.report_status(&head, "ci", "failure").await.unwrap();
    let expected = [
        "pull_request opened",
        "push",
        "push",
        "pull_request synchronize",
        "push",
        "pull_request synchronize",
        "push",
        "pull_request closed",
        "status",
    ];
    assert_eq!(*inbox.lock().unwrap(), expected);
    assert_eq!(repo.pulls().unwrap(), [(number, false)]);
    assert_eq!(github.violations(), Vec::<String>::new());
}
