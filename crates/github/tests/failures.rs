//! What goes wrong is told apart, names what it happened to, and says what to do.

mod common;

use std::time::Duration;

use chrono::TimeDelta;
use common::{World, said};
use drift_domain::failure::FailureKind;
use drift_github::{Credentials, Folder, Github, Resolved, Settings, SourceOfTruth, Timeouts};
use drift_sim::faults::{Answer, Fault, Rule};
use drift_sim::github::Grant;
use secrecy::SecretString;

const COMMIT: &str = "/repos/acme/flows/commits/main";

#[tokio::test]
async fn a_wrong_token() {
    let world = World::with_a_file().await;
    let (kind, message) = said(world.client_with_token("ghp_nobody").resolve("main", None).await);
    assert_eq!(kind, FailureKind::Unauthorized);
    assert!(message.contains("acme/flows") && message.contains("enter a new one"), "{message}");
    assert!(message.contains("401 Bad credentials"), "{message}");
}

#[tokio::test]
async fn a_token_that_expired() {
    let world = World::with_a_file().await;
    let grant = Grant { expires_in: Some(TimeDelta::days(30)), ..Grant::read(&["acme/flows"]) };
    let client = world.client_with_token(&world.github.grant(&grant).unwrap());
    assert!(client.resolve("main", None).await.is_ok());
    world.clock.turn(TimeDelta::days(31));
    assert_eq!(said(client.resolve("main", None).await).0, FailureKind::Unauthorized);
}

#[tokio::test]
async fn a_repository_that_is_not_there_or_not_seen() {
    let world = World::with_a_file().await;
    world.github.create("acme/other").await.unwrap();
    let blind = world.client_with_token(&world.github.grant(&Grant::read(&["acme/other"])).unwrap());
    let mut settings = world.settings();
    settings.repository = "flow".into();
    for client in [blind, world.client_of(&settings)] {
        let (kind, message) = said(client.resolve("main", None).await);
        assert_eq!(kind, FailureKind::NotFound);
        assert!(message.contains("knows no repository acme/flow"), "{message}");
        assert_eq!(said(client.probe("main", "").await), (kind, message));
    }
}

#[tokio::test]
async fn a_token_without_the_permission() {
    let world = World::with_a_file().await;
    let token = world.github.grant(&Grant { contents: false, ..Grant::read(&["acme/flows"]) }).unwrap();
    let (kind, message) = said(world.client_with_token(&token).resolve("main", None).await);
    assert_eq!(kind, FailureKind::Forbidden);
    assert!(message.contains("\"Contents: read\"") && message.contains("not accessible"), "{message}");
}

#[tokio::test]
async fn an_empty_repository() {
    let world = World::new().await;
    let (kind, message) = said(world.client().resolve("main", None).await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("acme/flows is empty"), "{message}");
    assert_eq!(said(world.client().last_commit("main", "a.json").await).1, message);
    assert_eq!(said(world.client().probe("main", "").await).1, message);
}

#[tokio::test]
async fn a_repository_that_was_renamed() {
    let world = World::with_a_file().await;
    world.repo.rename("acme/workflows").unwrap();
    let (kind, message) = said(world.client().resolve("main", None).await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("acme/flows is now called acme/workflows"), "{message}");
    assert_eq!(said(world.client().probe("main", "").await).1, message);
    // The redirect was not followed: nothing of the repository was read under its old name.
    assert!(!world.asked().iter().any(|(status, target)| *status == 200 && target.contains("commits")));
}

#[tokio::test]
async fn a_redirect_to_elsewhere_is_not_followed() {
    let world = World::with_a_file().await;
    let elsewhere = Answer::text(302, "text/html", "").with("location", "https://login.example.com/?to=x");
    world.github.faults().add(Rule::new(Fault::Answer(elsewhere)).path(COMMIT));
    let (kind, message) = said(world.client().resolve("main", None).await);
    assert_eq!(kind, FailureKind::BrokenAnswer);
    assert!(message.contains("redirect (302) to https://login.example.com"), "{message}");
    // Its number is asked for at the configured address, whatever host the redirect names.
    let other_host = Answer::text(301, "text/html", "").with("location", "https://evil.example.com/repositories/42/x");
    world.github.faults().clear();
    world.github.faults().add(Rule::new(Fault::Answer(other_host)).path(COMMIT));
    assert!(said(world.client().resolve("main", None).await).1.contains("was renamed or moved"));
    assert_eq!(world.asked().last(), Some(&(404, "/repositories/42".to_owned())));
}

#[tokio::test]
async fn the_hourly_limit() {
    let world = World::with_a_file().await;
    let client = world.client();
    world.github.exhaust(&world.github.token());
    let failure = client.resolve("main", None).await.unwrap_err();
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::RateLimited, Some(3_600)));
    assert!(failure.message.contains("hourly limit") && failure.message.contains("10:30:00 UTC"), "{failure}");
    // GitHub bans those who go on asking: the client waits the limit out, and says the same meanwhile.
    let asked = world.asked().len();
    world.clock.turn(TimeDelta::minutes(20));
    let later = client.folder(&"0".repeat(40), "", None).await.unwrap_err();
    assert_eq!((later.retry_after, later.message), (Some(2_401), failure.message));
    assert_eq!(world.asked().len(), asked);
    world.clock.turn(TimeDelta::minutes(41));
    assert!(client.resolve("main", None).await.is_ok());
}

#[tokio::test]
async fn the_secondary_limit() {
    let world = World::with_a_file().await;
    let client = world.client();
    world.github.set_secondary_limit(Some(30));
    let failure = client.resolve("main", None).await.unwrap_err();
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::RateLimited, Some(30)));
    assert!(failure.message.contains("secondary limit"), "{failure}");
    assert_eq!(world.asked().len(), 1);
    world.github.set_secondary_limit(None);
    world.clock.turn(TimeDelta::seconds(31));
    assert!(client.resolve("main", None).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_away_and_comes_back() {
    let world = World::with_a_file().await;
    let client = world.client();
    assert!(client.resolve("main", None).await.is_ok());
    world.github.stop().await;
    let (kind, message) = said(client.resolve("main", None).await);
    assert_eq!(kind, FailureKind::Unreachable);
    assert!(message.contains("could not be reached") && message.contains("127.0.0.1"), "{message}");
    world.github.restart().await.unwrap();
    assert!(client.resolve("main", None).await.is_ok());
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_and_a_lasting_one_is_told() {
    let world = World::with_a_file().await;
    let client = world.client();
    for passing in [Fault::status(502), Fault::Reset, Fault::CutBody(3)] {
        world.github.faults().add(Rule::new(passing).path(COMMIT).times(2));
        assert!(client.resolve("main", None).await.is_ok());
        world.github.faults().clear();
    }
    for (lasting, kind) in [
        (Fault::status(503), FailureKind::ServerError),
        (Fault::Reset, FailureKind::Unreachable),
        (Fault::CutBody(3), FailureKind::BrokenAnswer),
    ] {
        world.github.forget_requests();
        world.github.faults().add(Rule::new(lasting).path(COMMIT));
        assert_eq!(said(client.resolve("main", None).await).0, kind);
        assert_eq!(world.asked().len(), 3, "once and two repetitions");
        world.github.faults().clear();
    }
}

#[tokio::test]
async fn a_server_that_says_when_to_come_back_is_not_pressed() {
    let world = World::with_a_file().await;
    let busy = Answer::json(503, "Service unavailable").with("retry-after", "120");
    world.github.faults().add(Rule::new(Fault::Answer(busy)).path(COMMIT));
    let failure = world.client().resolve("main", None).await.unwrap_err();
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::ServerError, Some(120)));
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come() {
    let world = World::with_a_file().await;
    let settings =
        Settings { timeouts: Timeouts { request: Duration::from_millis(50), ..common::quick() }, ..world.settings() };
    let client = world.client_of(&settings);
    for never in
        [Fault::Latency(Duration::from_secs(3_600)), Fault::SlowBody { piece: 1, pause: Duration::from_secs(600) }]
    {
        world.github.faults().add(Rule::new(never).path(COMMIT));
        let (kind, message) = said(client.resolve("main", None).await);
        assert_eq!(kind, FailureKind::Timeout);
        assert!(message.contains("within 0.05 s"), "{message}");
        world.github.faults().clear();
    }
}

#[tokio::test]
async fn something_else_answers() {
    let world = World::with_a_file().await;
    let client = world.client();
    let Resolved::Commit { sha } = client.resolve("main", None).await.unwrap() else { panic!("no commit") };
    world.github.faults().add(Rule::new(Fault::html()));
    for result in [client.resolve("main", None).await.map(drop), client.folder(&sha, "", None).await.map(drop)] {
        let (kind, message) = said(result);
        assert_eq!(kind, FailureKind::BrokenAnswer);
        assert!(message.contains("https://HOST/api/v3"), "{message}");
    }
    world.github.faults().clear();
    world.github.faults().add(Rule::new(Fault::Answer(Answer::text(404, "text/html", "<h1>Not here</h1>"))));
    let (kind, message) = said(client.resolve("main", None).await);
    assert_eq!(kind, FailureKind::BrokenAnswer, "{message}");
}

#[tokio::test]
async fn a_content_that_is_not_the_one_asked_for() {
    let world = World::with_a_file().await;
    let client = world.client();
    let Resolved::Commit { sha } = client.resolve("main", None).await.unwrap() else { panic!("no commit") };
    let Folder::Tree { files, .. } = client.folder(&sha, "n8n", None).await.unwrap() else { panic!("no tree") };
    let blob = files[0].blob_sha.clone();
    let other = Answer::text(200, "application/octet-stream", "{ }");
    world.github.faults().add(Rule::new(Fault::Answer(other)).path("/repos/acme/flows/git/blobs/*"));
    let (kind, message) = said(client.blobs(std::slice::from_ref(&blob)).await);
    assert_eq!(kind, FailureKind::BrokenAnswer);
    assert!(message.contains(&blob), "{message}");
}

#[tokio::test]
async fn a_file_beyond_the_limit() {
    let world = World::new().await;
    let large = vec![b' '; usize::try_from(drift_github::MAX_BLOB_BYTES).unwrap() + 1];
    world.repo.commit("main", "Ada", "Add a large file", &[("a.json", Some(large.as_slice()))]).await.unwrap();
    let client = world.client();
    let Resolved::Commit { sha } = client.resolve("main", None).await.unwrap() else { panic!("no commit") };
    let Folder::Tree { files, .. } = client.folder(&sha, "", None).await.unwrap() else { panic!("no tree") };
    assert_eq!(files[0].size, drift_github::MAX_BLOB_BYTES + 1, "the caller can leave it out");
    let (kind, message) = said(client.blobs(&[files[0].blob_sha.clone()]).await);
    assert_eq!(kind, FailureKind::BrokenContent);
    assert!(message.contains("16 MB"), "{message}");
}

#[tokio::test]
async fn settings_that_cannot_work() {
    let world = World::new().await;
    let new = |settings: &Settings| Github::new(settings, world.clock.clone());
    let (kind, message) = said(new(&Settings { allow_private: false, ..world.settings() }));
    assert_eq!(kind, FailureKind::RefusedAddress);
    assert!(message.contains("127.0.0.1 is a loopback address"), "{message}");
    let metadata = Settings { api_base: "http://169.254.169.254/api/v3".parse().unwrap(), ..world.settings() };
    assert_eq!(said(new(&metadata)).0, FailureKind::RefusedAddress);
    let (kind, message) = said(new(&Settings { repository: "../x".into(), ..world.settings() }));
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("owner/name"), "{message}");
    let broken = Credentials::Token(SecretString::from("ghp_two\nlines".to_owned()));
    assert_eq!(said(new(&world.settings_with(broken))).0, FailureKind::Unauthorized);
    for reference in ["", "a..b", "a b", "main~1"] {
        assert_eq!(said(world.client().resolve(reference, None).await).0, FailureKind::NotFound);
    }
    assert!(world.asked().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn something_that_does_not_speak_tls() {
    let world = World::with_a_file().await;
    let base = world.github.url().replace("http://", "https://").parse().unwrap();
    let client = world.client_of(&Settings { api_base: base, ..world.settings() });
    // Also shows that a TLS provider is chosen: without one this would panic, not fail.
    let (kind, message) = said(client.resolve("main", None).await);
    assert_eq!(kind, FailureKind::Unreachable);
    assert!(message.contains("could not be reached"), "{message}");
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn nothing_prints_the_token() {
    let world = World::with_a_file().await;
    let echo = Answer::json(403, &format!("forbidden: Authorization: Bearer {}", world.github.token()));
    world.github.faults().add(Rule::new(Fault::Answer(echo)).path(COMMIT));
    let failure = world.client().resolve("main", None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Forbidden);
    assert!(!failure.message.contains(&world.github.token()), "a body that repeats the token is not quoted: {failure}");
    let printed = format!("{:?} {:?}", world.settings(), world.client());
    assert!(!printed.contains(&world.github.token()), "{printed}");
    assert!(printed.contains("acme"), "{printed}");
}
