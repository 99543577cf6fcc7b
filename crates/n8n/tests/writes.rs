//! Writes over a network that fails: none is sent twice, each says whether it was carried out, and one whose answer was
//! lost can be asked about.

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{Still, client_of, settings, workflow};
use drift_domain::failure::FailureKind;
use drift_n8n::{Client, Draft, LiveEnvironment as _, Marker, Reason, WriteError};
use drift_sim::faults::{Answer, Fault, Gate, Rule};
use drift_sim::n8n::{Flaw, N8nSim, N8nVersion, Options};
use serde_json::Value;

/// What a caller knows after a write that failed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Knows {
    /// Nothing was written.
    Not,
    /// It may have been, or not.
    Perhaps,
}

/// Faults on the write itself; what the caller may know of it; whether the stand-in carried it out.
fn faults() -> Vec<(&'static str, Fault, Knows, bool)> {
    let held = Fault::Held(Gate::new());
    let held_after = Fault::HeldAfter(Gate::new());
    vec![
        ("401", Fault::status(401), Knows::Not, false),
        ("403", Fault::status(403), Knows::Not, false),
        ("404 of a proxy", Fault::Answer(Answer::html(404)), Knows::Not, false),
        ("409", Fault::status(409), Knows::Not, false),
        ("422", Fault::status(422), Knows::Not, false),
        ("429", Fault::too_many_requests(9), Knows::Not, false),
        ("500 before", Fault::status(500), Knows::Perhaps, false),
        ("500 after", Fault::status_after(500), Knows::Perhaps, true),
        ("a database that closes", Fault::Answer(Answer::json(400, "SQLITE_MISUSE: x")), Knows::Perhaps, false),
        ("502 of a proxy", Fault::Answer(Answer::html(502)), Knows::Perhaps, false),
        ("504 of a proxy after", Fault::AnswerAfter(Answer::html(504)), Knows::Perhaps, true),
        ("408 of a proxy after", Fault::AnswerAfter(Answer::html(408)), Knows::Perhaps, true),
        ("reset before", Fault::Reset, Knows::Perhaps, false),
        ("reset after", Fault::ResetAfter, Knows::Perhaps, true),
        ("no answer, before", held, Knows::Perhaps, false),
        ("no answer, after", held_after, Knows::Perhaps, true),
    ]
}

/// A client that waits for what this fault holds only so long that a busy machine is not mistaken for it.
fn patient(sim: &N8nSim, fault: &Fault) -> Client {
    let mut settings = settings(&sim.url(), &sim.api_key());
    if matches!(fault, Fault::Held(_) | Fault::HeldAfter(_)) {
        settings.request_timeout = Duration::from_secs(2);
    }
    Client::new(settings).unwrap()
}

fn draft(name: &str) -> Draft {
    Draft::of(&workflow(name)).unwrap()
}

#[track_caller]
fn hold(error: &WriteError, knows: Knows, sim: &N8nSim, what: &str) {
    let certain = !error.may_have_written();
    assert_eq!(certain, knows == Knows::Not, "{what}: {error:?}");
    let words = error.to_string();
    assert!(!words.contains(&sim.api_key()), "{what} names the key: {words}");
    assert!(words.ends_with('.'), "{what} says it in sentences: {words}");
}

/// How often the stand-in was asked to do this.
fn asked(sim: &N8nSim, method: &str) -> usize {
    sim.faults().seen().iter().filter(|seen| seen.method == method).count()
}

#[tokio::test]
async fn a_create_is_sent_once_and_can_be_found() {
    for (what, fault, knows, carried_out) in faults() {
        let sim = N8nSim::start(Still).await.unwrap();
        let (client, marker) = (patient(&sim, &fault), Marker("step 1".into()));
        sim.faults().add(Rule::new(fault).on("POST", "/api/v1/workflows").times(1));
        let error = client.create(&draft("made"), &marker).await.unwrap_err();
        hold(&error, knows, &sim, what);
        let found = client.find_created(&marker).await.unwrap();
        assert_eq!(asked(&sim, "POST"), 1, "{what}: sent once");
        assert_eq!(found, sim.ids(), "{what}");
        assert_eq!(found.len(), usize::from(carried_out), "{what}");
    }
}

#[tokio::test]
async fn a_put_is_sent_once_and_can_be_compared() {
    for (what, fault, knows, carried_out) in faults() {
        let sim = N8nSim::start(Still).await.unwrap();
        let (client, id) = (patient(&sim, &fault), sim.create(&workflow("before")));
        sim.faults().add(Rule::new(fault).on("PUT", "/api/v1/workflows/*").times(1));
        let error = client.put(&id, &draft("after"), &|_| true).await.unwrap_err();
        hold(&error, knows, &sim, what);
        assert_eq!(asked(&sim, "PUT"), 1, "{what}: sent once");
        let compared = client.compare(&id, &draft("after")).await.unwrap().unwrap();
        assert_eq!(compared.departures.is_empty(), carried_out, "{what}: {:?}", compared.departures);
    }
}

#[tokio::test]
async fn publishing_and_archiving_are_sent_once() {
    for (what, fault, knows, carried_out) in faults() {
        for (method, path) in [("publish", "active"), ("archive", "isArchived")] {
            let sim = N8nSim::start(Still).await.unwrap();
            let (client, id) = (patient(&sim, &fault), sim.create(&workflow("one")));
            sim.faults().add(Rule::new(fault.clone()).on("POST", &format!("/api/v1/workflows/*/{method}")).times(1));
            let error = match method {
                "publish" => client.set_active(&id, true).await.map(drop).unwrap_err(),
                _ => client.retire(&id).await.map(drop).unwrap_err(),
            };
            hold(&error, knows, &sim, what);
            assert_eq!(asked(&sim, "POST"), 1, "{what}, {method}: sent once");
            assert_eq!(sim.workflow(&id).unwrap()[path], carried_out, "{what}, {method}");
        }
    }
}

#[tokio::test]
async fn tags_are_set_by_doing_it_again() {
    for (what, fault, knows, _) in faults() {
        for path in ["/api/v1/tags", "/api/v1/workflows/*/tags"] {
            let sim = N8nSim::start(Still).await.unwrap();
            let (client, id) = (patient(&sim, &fault), sim.create(&workflow("one")));
            let method = if path.ends_with("*/tags") { "PUT" } else { "POST" };
            sim.faults().add(Rule::new(fault.clone()).on(method, path).times(1));
            let names = ["night".to_owned()];
            let error = client.set_tags(&id, &names).await.unwrap_err();
            hold(&error, knows, &sim, what);
            assert_eq!(asked(&sim, method), 1, "{what}: sent once");
            assert_eq!(client.set_tags(&id, &names).await.unwrap(), names, "{what}: and once more");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_says_nothing_about_what_was_done() {
    for fault in [Fault::CutBody(0), Fault::CutBody(40), Fault::html()] {
        let sim = N8nSim::start(Still).await.unwrap();
        let (client, marker) = (client_of(&sim), Marker("step 1".into()));
        sim.faults().add(Rule::new(fault).on("POST", "/api/v1/workflows").times(1));
        let error = client.create(&draft("made"), &marker).await.unwrap_err();
        assert!(matches!(error, WriteError::Unknown(_)), "{error:?}");
        assert_eq!(client.find_created(&marker).await.unwrap(), sim.ids());
    }
}

#[tokio::test]
async fn what_was_written_and_cannot_be_read_back_is_said_so() {
    let sim = N8nSim::start(Still).await.unwrap();
    let (client, id) = (client_of(&sim), sim.create(&workflow("before")));
    // The look before the write works, the one after it does not.
    sim.faults().add(Rule::new(Fault::status(403)).on("GET", "/api/v1/workflows/*").skip(1));
    let error = client.put(&id, &draft("after"), &|_| true).await.unwrap_err();
    assert!(matches!(&error, WriteError::Unread(failure) if failure.kind == FailureKind::Forbidden), "{error:?}");
    assert!(error.may_have_written());
    assert_eq!(sim.workflow(&id).unwrap()["name"], "after");
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens_or_looking_fails() {
    let sim = N8nSim::start(Still).await.unwrap();
    let (client, id) = (client_of(&sim), sim.create(&workflow("before")));
    sim.faults().add(Rule::new(Fault::status(403)).on("GET", "*"));
    let error = client.put(&id, &draft("after"), &|_| true).await.unwrap_err();
    assert!(matches!(error, WriteError::NotSent(_)) && asked(&sim, "PUT") == 0, "{error:?}");
    sim.faults().clear();
    sim.stop().await;
    for error in [
        client.set_active(&id, true).await.unwrap_err(),
        client.create(&draft("made"), &Marker("1".into())).await.unwrap_err(),
        client.retire(&id).await.unwrap_err(),
    ] {
        hold(&error, Knows::Not, &sim, "stopped");
        assert!(matches!(error, WriteError::NotSent(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_time_to_wait_is_handed_on() {
    let sim = N8nSim::start(Still).await.unwrap();
    let (client, id) = (client_of(&sim), sim.create(&workflow("one")));
    sim.faults().add(Rule::new(Fault::too_many_requests(9)).on("POST", "*"));
    let error = client.set_active(&id, true).await.unwrap_err();
    assert_eq!((error.reason(), error.retry_after()), (Some(Reason::RateLimited), Some(9)));
}

#[tokio::test]
async fn a_success_that_is_none_is_found_by_reading_back() {
    for version in [N8nVersion::V2, N8nVersion::V1] {
        let sim = N8nSim::start_with(Options { version, ..Options::new(Still) }).await.unwrap();
        let (client, id) = (client_of(&sim), sim.create(&workflow("before")));
        sim.set_flaw(Some(Flaw::PutIsForgotten));
        let written = client.put(&id, &draft("after"), &|_| true).await.unwrap();
        assert_eq!(
            written.departures.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["/name is not what was sent"]
        );
        sim.set_flaw(Some(Flaw::PublishHasNoEffect));
        let seen = client.set_active(&id, true).await.unwrap();
        assert!(!seen.active && !seen.current, "{seen:?}");
    }
}

#[tokio::test]
async fn a_workflow_that_moves_between_two_looks_is_not_written_over() {
    let sim = N8nSim::start(Still).await.unwrap();
    let (client, id) = (client_of(&sim), sim.create(&workflow("decided about")));
    let editor = sim.editor().clone();
    let moved = id.clone();
    let edit = Fault::Meanwhile(std::sync::Arc::new(move || {
        editor.edit(&moved, |w| w["name"] = "edited meanwhile".into()).unwrap();
    }));
    sim.faults().add(Rule::new(edit).on("GET", "/api/v1/workflows/*").times(1));
    let still = |seen: &[u8]| serde_json::from_slice::<Value>(seen).unwrap()["name"] == "decided about";
    let error = client.put(&id, &draft("after"), &still).await.unwrap_err();
    assert!(matches!(error, WriteError::Moved), "{error:?}");
    assert_eq!((asked(&sim, "PUT"), &sim.workflow(&id).unwrap()["name"]), (0, &"edited meanwhile".into()));
}

#[tokio::test]
async fn nothing_that_is_printed_holds_content() {
    let sim = N8nSim::start(Still).await.unwrap();
    let client = client_of(&sim);
    let draft = draft("made");
    let written = client.create(&draft, &Marker("1".into())).await.unwrap();
    let printed = format!("{draft:?} {written:?}");
    assert!(!printed.contains("scheduleTrigger") && !printed.contains("jsCode"), "{printed}");
}
