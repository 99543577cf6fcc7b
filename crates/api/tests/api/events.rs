//! The event stream.

use std::time::Duration;

use axum::body::Body;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::TestEnvironment;
use http::Method;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::client::{Api, Member, request};

/// An open stream.
struct Stream(Body);

impl Stream {
    async fn open(api: &Api, member: &Member) -> Self {
        let response = api.send(request(Method::GET, "//events", Some(&member.cookie), None)).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self(response.into_body())
    }

    /// The name and data of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            let frame = self.0.frame().await?.unwrap();
            let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
            if let Some(event) = field("event:") {
                return Some((event, field("data:").unwrap_or_default()));
            }
        }
    }
}

/// Lets something happen in the environment until the stream tells of it: the relay may not listen yet at first.
async fn hear(api: &Api, env: &TestEnvironment<'_>, stream: &mut Stream) -> Value {
    loop {
        api.app.services.recheck(&env.permit(), env.id).await.unwrap();
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(300), stream.next()).await {
            let (name, data) = event.expect("the stream goes on");
            assert_eq!(name, "environment");
            return serde_json::from_str(&data).unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_tells_of_its_own_organization_alone() {
    let api = Api::new().await;
    let relayed = api.app.services.clone();
    let relay = tokio::spawn(async move { relayed.relay_live_events().await });
    let (ours, theirs) =
        (api.member(PlanTier::Agency, Role::Owner).await, api.member(PlanTier::Pro, Role::Owner).await);
    let here = api.app.environment(&ours.caller, "Here").await;
    let there = api.app.environment(&theirs.caller, "There").await;
    let (mut our_stream, mut their_stream) = (Stream::open(&api, &ours).await, Stream::open(&api, &theirs).await);

    let told = hear(&api, &here, &mut our_stream).await;
    assert_eq!(told["environment_id"], here.id.to_string());
    // Theirs hears of theirs, after ours happened; nothing of ours comes in between.
    let told = hear(&api, &there, &mut their_stream).await;
    assert_eq!(told["environment_id"], there.id.to_string());
    relay.abort();
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let api = Api::new().await;
    let member = api.member(PlanTier::Free, Role::Viewer).await;
    let mut stream = Stream::open(&api, &member).await;
    api.app.services.sign_out(&member.caller).await.unwrap();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let api = Api::new().await;
    let member = api.member(PlanTier::Free, Role::Viewer).await;
    let mut stream = Stream::open(&api, &member).await;
    api.settings.shutdown.cancel();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn without_a_session_there_is_no_stream() {
    let api = Api::new().await;
    let answer = api.answer(request(Method::GET, "//events", None, None)).await;
    assert_eq!(answer.problem(), "unauthenticated");
}
