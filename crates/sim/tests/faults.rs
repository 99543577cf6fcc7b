//! Every fault, on both stand-ins: what the caller sees, and whether the request was carried out all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use drift_domain::clock::Clock;
use drift_sim::faults::{Answer, Fault, Faults, Gate, Rule};
use drift_sim::github::GithubSim;
use drift_sim::n8n::N8nSim;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
    }
}

/// A stand-in with one route that changes something, and a count of how often it did.
enum Sim {
    N8n(N8nSim),
    /// With the requests that were made to look at its count.
    Github(GithubSim, AtomicU64),
}

impl Sim {
    async fn both() -> [Self; 2] {
        let github = GithubSim::start(Arc::new(Still)).await.unwrap();
        let repository = github.create("acme/flows").await.unwrap();
        repository.commit("main", "Ada", "Begin", &[("a.json", Some(b"{}".as_slice()))]).await.unwrap();
        [Self::N8n(N8nSim::start(Still).await.unwrap()), Self::Github(github, AtomicU64::new(0))]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::N8n(_) => "n8n",
            Self::Github(..) => "GitHub",
        }
    }

    fn faults(&self) -> &Faults {
        match self {
            Self::N8n(sim) => sim.faults(),
            Self::Github(sim, _) => sim.faults(),
        }
    }

    /// The method and path of its route.
    fn route(&self) -> (&'static str, &'static str) {
        match self {
            Self::N8n(_) => ("POST", "/api/v1/workflows"),
            Self::Github(..) => ("GET", "/repos/acme/flows/branches"),
        }
    }

    /// A request that changes something: n8n makes a workflow, GitHub takes one of the requests that a token has.
    fn request(&self, http: &Client) -> RequestBuilder {
        let (_, path) = self.route();
        match self {
            Self::N8n(sim) => {
                let body = json!({ "name": "w", "nodes": [], "connections": {}, "settings": {} });
                http.post(format!("{}{path}", sim.url())).header("X-N8N-API-KEY", sim.api_key()).json(&body)
            }
            Self::Github(sim, _) => github(http, sim, path),
        }
    }

    /// How often it was carried out, as its other routes show.
    async fn carried_out(&self, http: &Client) -> u64 {
        match self {
            Self::N8n(sim) => sim.ids().len() as u64,
            Self::Github(sim, looks) => {
                let answer = github(http, sim, "/repos/acme/flows").send().await.unwrap();
                let used: u64 = answer.headers()["x-ratelimit-used"].to_str().unwrap().parse().unwrap();
                used - looks.fetch_add(1, Ordering::SeqCst) - 1
            }
        }
    }
}

fn github(http: &Client, sim: &GithubSim, path: &str) -> RequestBuilder {
    let request = http.get(format!("{}{path}", sim.url())).bearer_auth(sim.token());
    request.header("accept", "application/vnd.github+json").header("user-agent", "tests")
}

fn http() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// What the caller sees.
#[derive(Debug, PartialEq)]
enum Sees {
    /// The stand-in's own answer, whole.
    Success,
    Status(u16),
    /// A status, and a body of a web page.
    Page(u16),
    /// A success whose body breaks off.
    Cut,
    /// No answer.
    Nothing,
}

async fn seen(request: RequestBuilder) -> Sees {
    let Ok(response) = request.send().await else { return Sees::Nothing };
    let status = response.status().as_u16();
    let page =
        response.headers().get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
    match response.bytes().await {
        Err(_) => Sees::Cut,
        Ok(_) if page => Sees::Page(status),
        Ok(body) if status == 200 && serde_json::from_slice::<Value>(&body).is_ok() => Sees::Success,
        Ok(_) => Sees::Status(status),
    }
}

#[tokio::test]
async fn each_fault_does_what_it_says_on_both() {
    let statuses = [401, 403, 404, 409, 422, 429, 500, 502, 503];
    let mut table: Vec<(String, Fault, Sees, bool)> = Vec::new();
    for status in statuses {
        table.push((format!("{status} before"), Fault::status(status), Sees::Status(status), false));
        table.push((format!("{status} after"), Fault::status_after(status), Sees::Status(status), true));
    }
    table.extend([
        ("429 with a time".to_owned(), Fault::too_many_requests(7), Sees::Status(429), false),
        ("a page with 200".to_owned(), Fault::html(), Sees::Page(200), false),
        ("a page with 502".to_owned(), Fault::Answer(Answer::html(502)), Sees::Page(502), false),
        ("a page with 504 after".to_owned(), Fault::AnswerAfter(Answer::html(504)), Sees::Page(504), true),
        ("reset before".to_owned(), Fault::Reset, Sees::Nothing, false),
        ("reset after".to_owned(), Fault::ResetAfter, Sees::Nothing, true),
        ("cut body".to_owned(), Fault::CutBody(5), Sees::Cut, true),
        ("cut at once".to_owned(), Fault::CutBody(0), Sees::Cut, true),
        ("slow body".to_owned(), Fault::SlowBody { piece: 64, pause: Duration::from_millis(1) }, Sees::Success, true),
        ("latency".to_owned(), Fault::Latency(Duration::from_millis(1)), Sees::Success, true),
    ]);
    for sim in Sim::both().await {
        let http = http();
        for (name, fault, expected, carried_out) in &table {
            let before = sim.carried_out(&http).await;
            let (method, path) = sim.route();
            sim.faults().forget();
            sim.faults().add(Rule::new(fault.clone()).on(method, path).times(1));
            assert_eq!(seen(sim.request(&http)).await, *expected, "{name} on {}", sim.name());
            let noted = sim.faults().seen().last().cloned().unwrap();
            assert_eq!(noted.carried_out, *carried_out, "{name} on {}: {noted:?}", sim.name());
            let after = sim.carried_out(&http).await;
            assert_eq!(after - before, u64::from(*carried_out), "{name} on {}", sim.name());
        }
        assert_eq!(seen(sim.request(&http)).await, Sees::Success, "and then it works, {}", sim.name());
    }
}

#[tokio::test]
async fn a_time_to_wait_is_said() {
    for sim in Sim::both().await {
        sim.faults().add(Rule::new(Fault::too_many_requests(7)));
        let answer = sim.request(&http()).send().await.unwrap();
        assert_eq!(answer.headers()["retry-after"], "7");
    }
}

#[tokio::test]
async fn calls_are_counted_per_route() {
    for sim in Sim::both().await {
        let http = http();
        let (method, path) = sim.route();
        // Another route, and another method on this one: not concerned, and not counted.
        sim.faults().add(Rule::new(Fault::status(418)).on(method, "/elsewhere"));
        sim.faults().add(Rule::new(Fault::status(418)).on("PATCH", path));
        // The third call and the one after it; then the fifth is another fault's.
        sim.faults().add(Rule::new(Fault::status(503)).on(method, path).skip(2).times(2));
        sim.faults().add(Rule::new(Fault::Reset).on(method, path).skip(4).times(1));
        let mut all = Vec::new();
        for _ in 0..6 {
            all.push(seen(sim.request(&http)).await);
        }
        let expected =
            [Sees::Success, Sees::Success, Sees::Status(503), Sees::Status(503), Sees::Nothing, Sees::Success];
        assert_eq!(all, expected, "{}", sim.name());
        sim.faults().add(Rule::new(Fault::status(500)));
        sim.faults().clear();
        assert_eq!(seen(sim.request(&http)).await, Sees::Success);
    }
}

#[tokio::test]
async fn a_held_request_goes_on_when_it_is_released() {
    for sim in Sim::both().await {
        let http = http();
        let gate = Gate::new();
        sim.faults().add(Rule::new(Fault::Held(gate.clone())).times(1));
        let held = tokio::spawn(seen(sim.request(&http)));
        gate.arrived(1).await;
        assert_eq!(sim.carried_out(&http).await, 0, "held before it is carried out, {}", sim.name());
        assert!(!held.is_finished());
        gate.open();
        assert_eq!(held.await.unwrap(), Sees::Success);
        assert_eq!(sim.carried_out(&http).await, 1);

        let gate = Gate::new();
        sim.faults().add(Rule::new(Fault::HeldAfter(gate.clone())).times(1));
        let held = tokio::spawn(seen(sim.request(&http)));
        gate.arrived(1).await;
        assert_eq!(sim.carried_out(&http).await, 2, "carried out, and its answer held, {}", sim.name());
        assert!(!held.is_finished());
        // The caller gives up: what was done stays done, and is written down.
        held.abort();
        let _ = held.await;

        let gate = Gate::new();
        sim.faults().add(Rule::new(Fault::HeldBody { after: 3, gate: gate.clone() }).times(1));
        let answer = sim.request(&http).send().await.unwrap();
        gate.arrived(1).await;
        assert_eq!(sim.carried_out(&http).await, 3);
        gate.open();
        assert!(answer.json::<Value>().await.is_ok(), "the whole body came, {}", sim.name());
    }
}

#[tokio::test]
async fn a_caller_that_gave_up_is_written_down() {
    for sim in Sim::both().await {
        let http = http();
        let gate = Gate::new();
        sim.faults().add(Rule::new(Fault::HeldAfter(gate.clone())).times(1));
        let held = tokio::spawn(seen(sim.request(&http)));
        gate.arrived(1).await;
        held.abort();
        let _ = held.await;
        let noted = sim.faults().seen().into_iter().next().unwrap();
        assert_eq!((noted.status, noted.carried_out), (0, true), "{}", sim.name());
    }
}

#[tokio::test]
async fn something_else_happens_first() {
    for sim in Sim::both().await {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let fault = Fault::Meanwhile(Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }));
        sim.faults().add(Rule::new(fault).times(2));
        for _ in 0..3 {
            assert_eq!(seen(sim.request(&http())).await, Sees::Success);
        }
        assert_eq!(count.load(Ordering::SeqCst), 2, "{}", sim.name());
    }
}
