//! Failures are told apart, say what to do, are tried again only where that helps, and never show the key.

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{Still, client, client_of, settings, workflow};
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_n8n::{Client, LiveEnvironment as _, Settings, VersionFamily};
use drift_sim::faults::{Answer, Fault, Rule};
use drift_sim::n8n::{Mode, N8nSim, Scope};
use secrecy::SecretString;

async fn sim() -> N8nSim {
    let sim = N8nSim::start(Still).await.unwrap();
    for name in ["one", "two", "three"] {
        sim.create(&workflow(name));
    }
    sim
}

/// Lists with this fault on every request; the failure, and how many requests it took.
async fn list_with(fault: Fault) -> (Failure, usize) {
    let sim = sim().await;
    sim.faults().add(Rule::new(fault));
    let failure = client_of(&sim).list().await.unwrap_err();
    check(&failure, &sim);
    (failure, sim.faults().seen().len())
}

#[track_caller]
fn check(failure: &Failure, sim: &N8nSim) {
    assert_eq!(failure.side, Side::Live);
    let address = sim.url().replace("http://", "");
    assert!(failure.message.contains(&address), "names the host: {failure}");
    assert!(!failure.message.contains(&sim.api_key()), "names the key: {failure}");
    assert!(failure.message.ends_with('.'), "says it in sentences: {failure}");
}

#[tokio::test]
async fn statuses_are_told_apart_and_only_passing_ones_tried_again() {
    for (status, kind, tries) in [
        (401, FailureKind::Unauthorized, 1),
        (403, FailureKind::Forbidden, 1),
        (404, FailureKind::NotN8n, 1),
        (409, FailureKind::BrokenAnswer, 1),
        (422, FailureKind::BrokenAnswer, 1),
        (500, FailureKind::ServerError, 3),
        (502, FailureKind::ServerError, 3),
        (503, FailureKind::ServerError, 3),
    ] {
        let (failure, requests) = list_with(Fault::status(status)).await;
        assert_eq!((failure.kind, requests), (kind, tries), "{status}: {failure}");
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_not_seen() {
    for fault in
        [Fault::status(503), Fault::Reset, Fault::CutBody(40), Fault::too_many_requests(0), Fault::status_after(500)]
    {
        let sim = sim().await;
        sim.faults().add(Rule::new(fault).times(2));
        assert_eq!(client_of(&sim).list().await.unwrap().workflows.len(), 3);
    }
}

#[tokio::test]
async fn what_is_not_n8n_is_called_so() {
    let html = Answer::text(404, "text/html", "<html>nothing here</html>");
    let other = Answer::text(200, "application/json", r#"{"items":[]}"#);
    let list = Answer::text(200, "application/json", "[]");
    let text = Answer::text(200, "text/plain", "It works!");
    let redirect = Answer::text(302, "text/plain", "").with("location", "https://elsewhere.example/login?token=secret");
    for answer in [html, other, list, text, redirect] {
        let words = format!("{answer:?}");
        let (failure, requests) = list_with(Fault::Answer(answer)).await;
        assert_eq!((failure.kind, requests), (FailureKind::NotN8n, 1), "{words}: {failure}");
        assert!(!failure.message.contains("secret"), "{failure}");
    }
    let (failure, _) = list_with(Fault::html()).await;
    assert_eq!(failure.kind, FailureKind::NotN8n);
    assert!(failure.message.contains("web page"), "{failure}");
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let (from, to) = (sim().await, sim().await);
    let target = format!("{}/api/v1/workflows", to.url());
    from.faults().add(Rule::new(Fault::Answer(Answer::text(307, "text/plain", "").with("location", &target))));
    let failure = client_of(&from).list().await.unwrap_err();
    assert!(failure.message.contains(&to.url()), "{failure}");
    assert!(to.faults().seen().is_empty(), "the key was not sent there");
}

#[tokio::test]
async fn a_server_that_starts_says_so_and_then_works() {
    let sim = sim().await;
    for (mode, words) in [(Mode::StartingText, "still starting"), (Mode::StartingNoRoutes, "not ready yet")] {
        sim.set_mode(mode);
        let failure = client_of(&sim).list().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotN8n);
        assert!(failure.message.contains(words), "{failure}");
    }
    sim.set_mode(Mode::Ready);
    assert_eq!(client_of(&sim).list().await.unwrap().workflows.len(), 3);
}

#[tokio::test]
async fn broken_answers_are_called_so() {
    let broken = [Fault::CutBody(100), Fault::Answer(Answer::text(200, "application/json", r#"{"data":[{"id":"#))];
    for fault in broken {
        let (failure, _) = list_with(fault).await;
        assert_eq!(failure.kind, FailureKind::BrokenAnswer, "{failure}");
    }
    let sim = sim().await;
    let mut settings = settings(&sim.url(), &sim.api_key());
    settings.max_body = 500;
    let failure = Client::new(settings).unwrap().list().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::BrokenAnswer);
    assert!(failure.message.contains("larger than"), "{failure}");
}

#[tokio::test]
async fn rate_limits_are_sat_out_only_when_short() {
    let (failure, requests) = list_with(Fault::too_many_requests(3600)).await;
    assert_eq!((failure.kind, failure.retry_after, requests), (FailureKind::RateLimited, Some(3600), 1));
    assert!(failure.message.contains("3600 s"), "{failure}");
    let (failure, requests) = list_with(Fault::status(429)).await;
    assert_eq!((failure.kind, failure.retry_after, requests), (FailureKind::RateLimited, None, 3));
}

#[tokio::test]
async fn a_slow_server_is_given_up_once_and_not_asked_again() {
    let slow_body = Fault::SlowBody { piece: 1, pause: Duration::from_secs(3600) };
    for fault in [Fault::Latency(Duration::from_secs(3600)), slow_body] {
        let sim = sim().await;
        sim.faults().add(Rule::new(fault));
        let mut settings = settings(&sim.url(), &sim.api_key());
        settings.request_timeout = Duration::from_millis(50);
        let failure = Client::new(settings).unwrap().list().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Timeout, "{failure}");
        check(&failure, &sim);
    }
}

#[tokio::test]
async fn a_stopped_server_is_unreachable_and_works_again_on_its_port() {
    let sim = sim().await;
    let client = client_of(&sim);
    assert_eq!(client.list().await.unwrap().workflows.len(), 3);
    sim.stop().await;
    let failure = client.list().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    check(&failure, &sim);
    sim.restart().await.unwrap();
    assert_eq!(client.list().await.unwrap().workflows.len(), 3);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let failure = client("http://no-such-host.invalid", "key").list().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(
        failure.message.contains("no-such-host.invalid") && failure.message.contains("does not resolve"),
        "{failure}"
    );
}

#[tokio::test]
async fn keys_that_are_wrong_or_may_not_are_told_apart() {
    let sim = sim().await;
    let failure = client(&sim.url(), "another-key").probe().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unauthorized);
    assert!(!failure.message.contains("another-key"), "{failure}");
    for scopes in [vec![], vec![Scope::List], vec![Scope::Read]] {
        sim.set_scopes(&scopes);
        assert_eq!(client_of(&sim).probe().await.unwrap_err().kind, FailureKind::Forbidden, "{scopes:?}");
    }
    sim.set_scopes(&[Scope::List, Scope::Read]);
    let probe = client_of(&sim).probe().await.unwrap();
    assert_eq!((probe.workflows, probe.version), (3, Some(VersionFamily::V2)));
    let failure = Client::new(settings(&sim.url(), "with\nnewline")).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unauthorized);
}

#[tokio::test]
async fn a_404_that_is_not_n8ns_is_no_missing_workflow() {
    let sim = sim().await;
    let id = sim.ids()[0].clone();
    sim.faults().add(Rule::new(Fault::Answer(Answer::text(404, "text/html", "<html>"))));
    assert_eq!(client_of(&sim).get(&id).await.unwrap_err().kind, FailureKind::NotN8n);
}

#[tokio::test]
async fn addresses_are_refused_before_anything_is_sent() {
    let settings = |url: &str, allow_private| {
        Settings::new(url.parse().unwrap(), SecretString::from("k".to_owned()), allow_private)
    };
    for url in [
        "http://169.254.169.254",
        "http://2852039166",
        "http://[::ffff:169.254.169.254]",
        "https://u:p@example.com",
        "https://example.com?x",
        "https://example.com#x",
    ] {
        let failure = Client::new(settings(url, true)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::RefusedAddress, "{url}");
    }
    let failure = Client::new(settings("http://127.0.0.1:5678", false)).unwrap_err();
    assert!(failure.message.contains("loopback"), "{failure}");
    assert!(Client::new(settings("https://n8n.example.com/sub/api/v1/", false)).is_ok());
    let read = Settings::read_base_url("https://n8n.example.com/sub/api/v1/", false).unwrap();
    assert_eq!(read.as_str(), "https://n8n.example.com/sub");
}

#[tokio::test]
async fn nothing_that_is_printed_holds_the_key_or_content() {
    let sim = sim().await;
    let settings = settings(&sim.url(), &sim.api_key());
    let client = client_of(&sim);
    let listing = client.list().await.unwrap();
    let printed = format!("{settings:?} {client:?} {listing:?}");
    assert!(!printed.contains(&sim.api_key()) && !printed.contains("scheduleTrigger"), "{printed}");
}

#[tokio::test]
async fn a_refusal_that_repeats_the_key_is_not_quoted() {
    for status in [403, 409, 500] {
        let sim = sim().await;
        let echo = Answer::json(status, &format!("no route for X-N8N-API-KEY: {}", sim.api_key()));
        sim.faults().add(Rule::new(Fault::Answer(echo)));
        let failure = client_of(&sim).list().await.unwrap_err();
        assert!(!failure.message.contains(&sim.api_key()), "{status}: {failure}");
        assert!(
            !format!("{failure:?}").contains("no route for"),
            "{status}: the rest of such a body is not quoted either"
        );
    }
}
