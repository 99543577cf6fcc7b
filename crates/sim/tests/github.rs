//! The GitHub stand-in answers as GitHub does, and its repositories are git's own.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_sim::github::{Change, Deliveries, Error, GithubSim, Grant, Options, Repo, sign};
use drift_sim::server::Server;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-11-02T09:30:00Z".parse().unwrap())))
    }

    fn turn(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

async fn world() -> (Arc<TestClock>, GithubSim, Repo) {
    let clock = TestClock::new();
    let github = GithubSim::start(clock.clone()).await.unwrap();
    let repo = github.create("acme/flows").await.unwrap();
    (clock, github, repo)
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(github: &GithubSim, path: &str, headers: &[(&str, &str)]) -> Got {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let mut request = client.get(format!("{}{path}", github.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.bearer_auth(github.token());
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, body: response.bytes().await.unwrap() }
}

fn git(arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").args(["-c", "safe.directory=*"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn repositories_are_gits_own_and_outlive_the_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { folder: Some(folder.path().to_owned()), ..Options::default() };
    let github = GithubSim::start_with(TestClock::new(), options()).await.unwrap();
    let repo = github.create("acme/flows").await.unwrap();
    let name = "n8n/a \"b\" \\ ü #1.json";
    let first = repo
        .commit("main", "Ada Lovelace", "Add\n\nmore", &[(name, Some(b"{}\n")), ("x/y", Some(b"1"))])
        .await
        .unwrap();
    let second = repo.commit("main", "Bob <bob@example.com>", "Remove", &[("x", None)]).await.unwrap();
    let bare = folder.path().join(format!("{}.git", repo.id()));
    let bare = bare.to_str().unwrap();
    assert_eq!(git(&["-C", bare, "fsck", "--strict"]), "");
    assert_eq!(git(&["-C", bare, "rev-list", "main"]), format!("{second}\n{first}"));
    assert_eq!(git(&["-C", bare, "log", "-1", "--format=%an <%ae> %at", "main"]), "Bob <bob@example.com> 1793611800");
    assert_eq!(repo.files("main").await.unwrap(), [name]);
    assert_eq!(repo.read("main", name).await.unwrap().unwrap(), "{}\n");
    assert_eq!(repo.read("main", "x/y").await.unwrap(), None);
    repo.rename("acme/workflows").unwrap();
    drop(github);
    let again = GithubSim::start_with(TestClock::new(), options()).await.unwrap();
    assert_eq!(again.repo("acme/workflows").unwrap().resolve("main").await.unwrap(), Some(second));
    assert_eq!(ask(&again, "/repos/acme/flows", &[]).await.status, 301);
    assert!(matches!(again.create("acme/workflows").await, Err(Error::Name(_))));
}

#[tokio::test]
async fn the_same_work_gives_the_same_shas() {
    let mut shas = Vec::new();
    for _ in 0..2 {
        let (_, _github, repo) = world().await;
        shas.push(repo.commit("main", "Ada", "Add", &[("a.json", Some(b"{}"))]).await.unwrap());
    }
    assert_eq!(shas[0], shas[1]);
}

#[tokio::test]
async fn a_reference_as_a_sha_and_its_etag() {
    let (_, github, repo) = world().await;
    let sha = repo.commit("feature/x", "Ada", "Add", &[("a.json", Some(b"{}"))]).await.unwrap();
    let media = ("accept", "application/vnd.github.sha");
    let path = "/repos/acme/flows/commits/feature%2Fx";
    let got = ask(&github, path, &[media]).await;
    assert_eq!(
        (got.status, got.body.as_ref(), got.header("etag")),
        (200, sha.as_bytes(), format!("\"{sha}\"").as_str())
    );
    let known = format!("\"{sha}\"");
    let got = ask(&github, path, &[media, ("if-none-match", &known)]).await;
    assert_eq!((got.status, got.body.len(), got.header("etag")), (304, 0, known.as_str()));
    // Without encoding, and in the forms of Git.
    for name in ["feature/x", "heads%2Ffeature%2Fx", "refs%2Fheads%2Ffeature%2Fx", &sha, &sha[..8]] {
        let got = ask(&github, &format!("/repos/Acme/FLOWS/commits/{name}"), &[]).await;
        assert_eq!(got.json()["sha"], json!(sha), "{name}");
    }
    let got = ask(&github, "/repos/acme/flows/commits/nope", &[media]).await;
    assert_eq!((got.status, got.json()["message"].as_str()), (422, Some("No commit found for SHA: nope")));
    let got = ask(&github, "/repos/acme/flows/commits/feature%2Fx%5E%7Btree%7D", &[media]).await;
    assert_eq!(got.status, 422, "git's expressions are no references");
}

#[tokio::test]
async fn etags_belong_to_the_token_and_a_304_is_free() {
    let (_, github, repo) = world().await;
    repo.commit("main", "Ada", "Add", &[("a.json", Some(b"{}"))]).await.unwrap();
    let got = ask(&github, "/repos/acme/flows/branches/main", &[]).await;
    let etag = got.header("etag").to_owned();
    let used = github.spent(&github.token()).0;
    assert_eq!((used, got.header("x-ratelimit-used"), got.header("x-ratelimit-remaining")), (1, "1", "4999"));
    assert_eq!(ask(&github, "/repos/acme/flows/branches/main", &[("if-none-match", &etag)]).await.status, 304);
    assert_eq!(github.spent(&github.token()).0, used);
    let other = format!("Bearer {}", github.grant(&Grant::read(&["acme/flows"])).unwrap());
    let headers = [("if-none-match", etag.as_str()), ("authorization", other.as_str())];
    assert_eq!(ask(&github, "/repos/acme/flows/branches/main", &headers).await.status, 200);
    repo.commit("main", "Ada", "More", &[("a.json", Some(b"[]"))]).await.unwrap();
    assert_eq!(ask(&github, "/repos/acme/flows/branches/main", &[("if-none-match", &etag)]).await.status, 200);
}

#[tokio::test]
async fn refusals_have_githubs_words() {
    let (_, github, repo) = world().await;
    let said = async |path: &str, authorization: &str| {
        let got = ask(&github, path, &[("authorization", authorization)]).await;
        let body = got.json();
        (got.status, body["message"].as_str().unwrap().to_owned(), body["status"].as_str().map(str::to_owned))
    };
    let all = format!("token {}", github.token());
    let expect = |status: u16, message: &str| (status, message.to_owned(), Some(status.to_string()));
    assert_eq!(said("/repos/acme/flows", "Bearer ghp_x").await, expect(401, "Bad credentials"));
    assert_eq!(said("/repos/acme/nope", &all).await, expect(404, "Not Found"));
    assert_eq!(said("/nope", &all).await, expect(404, "Not Found"));
    let beside = github.violations();
    assert!(beside.len() == 1 && beside[0].contains("no operation of the description"), "{beside:?}");
    assert_eq!(said("/repos/acme/flows/commits/main", &all).await, expect(409, "Git Repository is empty."));
    repo.commit("main", "Ada", "Add", &[("a.json", Some(b"{}"))]).await.unwrap();
    let blind = Grant { contents: false, ..Grant::read(&["acme/flows"]) };
    let blind = format!("Bearer {}", github.grant(&blind).unwrap());
    assert_eq!(
        said("/repos/acme/flows/commits/main", &blind).await,
        expect(403, "Resource not accessible by personal access token")
    );
    assert_eq!(ask(&github, "/repos/acme/flows", &[("authorization", &blind)]).await.status, 200);
    github.exhaust(&github.token());
    let (status, message, _) = said("/repos/acme/flows", &all).await;
    assert!(status == 403 && message.starts_with("API rate limit exceeded"), "{message}");
    github.revoke(&github.token());
    assert_eq!(said("/repos/acme/flows", &all).await, expect(401, "Bad credentials"));
}

#[tokio::test]
async fn a_renamed_repository_redirects_until_its_name_is_taken() {
    let (_, github, repo) = world().await;
    repo.rename("acme/workflows").unwrap();
    for base in ["", "/api/v3"] {
        let got = ask(&github, &format!("{base}/repos/acme/flows/commits?sha=main&path=a"), &[]).await;
        let location = format!("{}{base}/repositories/{}/commits?sha=main&path=a", github.url(), repo.id());
        assert_eq!((got.status, got.header("location")), (301, location.as_str()));
        assert_eq!(got.json()["message"], json!("Moved Permanently"));
    }
    let got = ask(&github, &format!("/repositories/{}", repo.id()), &[]).await;
    assert_eq!(got.json()["full_name"], json!("acme/workflows"));
    let taken = github.create("acme/flows").await.unwrap();
    assert_eq!(ask(&github, "/repos/acme/flows", &[]).await.json()["id"], json!(taken.id()));
    repo.delete().unwrap();
    assert_eq!(ask(&github, "/repos/acme/workflows", &[]).await.status, 404);
}

#[tokio::test]
async fn trees_blobs_and_lists() {
    let (_, github, repo) = world().await;
    let changes = [
        ("d/a.json", Change::Write(b"{}".to_vec())),
        ("d/e/b.json", Change::Write(vec![0xff, 0x00])),
        ("l", Change::Symlink("d".into())),
        ("s", Change::Submodule("1".repeat(40))),
    ];
    let sha = repo.commit_changes("main", "Ada", "Add", &changes).await.unwrap();
    let tree = ask(&github, &format!("/repos/acme/flows/git/trees/{sha}"), &[]).await.json();
    let kinds: Vec<_> =
        tree["tree"].as_array().unwrap().iter().map(|e| (e["path"].clone(), e["mode"].clone())).collect();
    assert_eq!(json!(kinds), json!([["d", "040000"], ["l", "120000"], ["s", "160000"]]));
    assert!(tree["tree"][2].get("url").is_none() && tree["tree"][0].get("size").is_none());
    let deep = ask(&github, "/repos/acme/flows/git/trees/main?recursive=1", &[]).await.json();
    assert_eq!(deep["tree"].as_array().unwrap().len(), 6);
    assert_eq!(deep["truncated"], json!(false));
    github.truncate_trees_at(5);
    let cut = ask(&github, "/repos/acme/flows/git/trees/main?recursive=1", &[]).await.json();
    assert_eq!((cut["tree"].as_array().unwrap().len(), &cut["truncated"]), (5, &json!(true)));
    let blob =
        deep["tree"].as_array().unwrap().iter().find(|e| e["path"] == "d/e/b.json").unwrap()["sha"].as_str().unwrap();
    let path = format!("/repos/acme/flows/git/blobs/{blob}");
    assert_eq!(ask(&github, &path, &[]).await.json()["content"], json!("/wA=\n"));
    assert_eq!(ask(&github, &path, &[("accept", "application/vnd.github.raw+json")]).await.body.as_ref(), [0xff, 0]);
    let commit = ask(&github, &format!("/repos/acme/flows/git/commits/{sha}"), &[]).await.json();
    assert_eq!((&commit["tree"]["sha"], &commit["author"]["date"]), (&tree["sha"], &json!("2026-11-02T09:30:00Z")));
}

#[tokio::test]
async fn commits_of_a_path_by_pages() {
    let (clock, github, repo) = world().await;
    for i in 0..5 {
        clock.turn(TimeDelta::minutes(1));
        repo.commit("main", "Ada Lovelace", &format!("Write {i}"), &[("a b.json", Some(&[i]))]).await.unwrap();
        repo.commit("main", "Bob", "Beside", &[("c.json", Some(&[i]))]).await.unwrap();
    }
    let mut path = "/repos/acme/flows/commits?path=a%20b.json&per_page=2".to_owned();
    let mut messages = Vec::new();
    loop {
        let got = ask(&github, &path, &[]).await;
        for commit in got.json().as_array().unwrap() {
            assert_eq!(commit["author"]["login"], json!("ada-lovelace"));
            messages.push(commit["commit"]["message"].as_str().unwrap().to_owned());
        }
        let link = got.header("link").to_owned();
        let Some(next) = link.strip_prefix('<').and_then(|link| link.split('>').next()) else { break };
        path = next.strip_prefix(&github.url()).unwrap().to_owned();
    }
    assert_eq!(messages, ["Write 4", "Write 3", "Write 2", "Write 1", "Write 0"]);
    assert_eq!(ask(&github, "/repos/acme/flows/commits?sha=nope", &[]).await.status, 404);
}

/// What a receiver of webhooks got: event, id, whether the signature is right, and the payload.
type Inbox = Arc<Mutex<Vec<(String, String, bool, Value)>>>;

async fn receiver(secret: &'static str) -> (Server, Inbox) {
    let inbox = Inbox::default();
    let put = inbox.clone();
    let receive = move |headers: HeaderMap, body: Bytes| async move {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let right = header("x-hub-signature-256") == sign(secret, &body);
        let payload = serde_json::from_slice(&body).unwrap();
        put.lock().unwrap().push((header("x-github-event"), header("x-github-delivery"), right, payload));
        StatusCode::ACCEPTED
    };
    (Server::start(Router::new().route("/hook", post(receive))).await.unwrap(), inbox)
}

#[tokio::test]
async fn a_push_is_told_signed() {
    let (_, github, repo) = world().await;
    let (server, inbox) = receiver("s3cret").await;
    let hook = github.hook(&format!("{}/hook", server.url()), "s3cret").unwrap();
    let first =
        repo.commit("main", "Ada Lovelace", "Add", &[("a.json", Some(b"1")), ("b.json", Some(b"1"))]).await.unwrap();
    let second = repo.commit("main", "Bob", "Change", &[("a.json", Some(b"2")), ("b.json", None)]).await.unwrap();
    let got = inbox.lock().unwrap().clone();
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|(event, _, right, _)| event == "push" && *right));
    assert_ne!(got[0].1, got[1].1);
    let (new, push) = (&got[0].3, &got[1].3);
    assert_eq!((&new["created"], &new["before"], &new["after"]), (&json!(true), &json!("0".repeat(40)), &json!(first)));
    assert_eq!(
        (&push["ref"], &push["before"], &push["after"]),
        (&json!("refs/heads/main"), &json!(first), &json!(second))
    );
    let commit = &push["commits"][0];
    assert_eq!(
        (&commit["modified"], &commit["removed"], &commit["added"]),
        (&json!(["a.json"]), &json!(["b.json"]), &json!([]))
    );
    assert_eq!(push["commits"].as_array().unwrap().len(), 1);
    assert_eq!(push["repository"]["full_name"], json!("acme/flows"));
    assert_eq!(push["sender"]["login"], json!("bob"));
    assert_eq!(hook.deliveries()[1].answers, [202]);
}

#[tokio::test]
async fn deliveries_are_lost_doubled_and_sent_again() {
    let (_, github, repo) = world().await;
    let (server, inbox) = receiver("s").await;
    let hook = github.hook(&format!("{}/hook", server.url()), "s").unwrap();
    let ids = || inbox.lock().unwrap().iter().map(|(_, id, ..)| id.clone()).collect::<Vec<_>>();
    let push = async |content: &[u8]| repo.commit("main", "Ada", "Change", &[("a.json", Some(content))]).await.unwrap();
    hook.deliver(Deliveries::Lost);
    push(b"1").await;
    assert!(ids().is_empty());
    let lost = hook.deliveries()[0].id;
    hook.redeliver(lost).await.unwrap();
    hook.redeliver(lost).await.unwrap();
    assert_eq!(ids(), [lost.to_string(), lost.to_string()], "a redelivery keeps its id");
    hook.deliver(Deliveries::Twice);
    push(b"2").await;
    assert_eq!(ids()[2], ids()[3]);
    server.stop().await;
    hook.deliver(Deliveries::Once);
    push(b"3").await;
    assert_eq!(hook.deliveries()[2].answers, [0], "a receiver that is away stops nobody from pushing");
}

#[tokio::test]
async fn branches_are_made_moved_and_removed() {
    let (_, github, repo) = world().await;
    let first = repo.commit("main", "Ada", "Add", &[("a.json", Some(b"1"))]).await.unwrap();
    let second = repo.commit("main", "Ada", "Change", &[("a.json", Some(b"2"))]).await.unwrap();
    assert_eq!(repo.create_branch("prod", "main").await.unwrap(), second);
    assert_eq!(repo.force_push("prod", &first).await.unwrap(), first);
    assert_eq!(repo.resolve("prod").await.unwrap(), Some(first.clone()));
    repo.tag("v1", "prod").await.unwrap();
    repo.delete_branch("prod").await.unwrap();
    assert_eq!(repo.resolve("prod").await.unwrap(), None);
    assert_eq!(repo.resolve("v1").await.unwrap(), Some(first));
    assert!(matches!(repo.create_branch("x", "nope").await, Err(Error::NoReference(_))));
    assert!(matches!(repo.commit("a..b", "Ada", "x", &[("a", Some(b""))]).await, Err(Error::Git { .. })));
    let names = ask(&github, "/repos/acme/flows/branches", &[]).await.json();
    assert_eq!(names.as_array().unwrap().len(), 1);
}
