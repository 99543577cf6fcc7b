//! What goes wrong, for which request and how often.
//!
//! ```
//! # use drift_sim::faults::{Fault, Faults, Rule};
//! let faults = Faults::default();
//! // The second and third listing are answered 503; everything else works.
//! faults.add(Rule::new(Fault::status(503)).on("GET", "/api/v1/workflows").skip(1).times(2));
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{Extensions, HeaderName, HeaderValue, Method, StatusCode};
use tokio::sync::watch;

use crate::server::Connection;

/// What happens to a request.
#[derive(Clone)]
pub enum Fault {
    /// It is answered as usual, this much later. A test holds it instead: [`Fault::Held`] needs no clock.
    Latency(Duration),
    /// It is held before it is carried out, until the gate is opened.
    Held(Gate),
    /// It is carried out at once, and its answer is held until the gate is opened: the caller gives up, and cannot know.
    HeldAfter(Gate),
    /// Its answer stops after this many bytes of the body, and goes on when the gate is opened.
    HeldBody {
        /// Bytes that are sent at once.
        after: usize,
        /// What the rest waits for.
        gate: Gate,
    },
    /// Its answer comes in pieces of this many bytes, with a pause before each.
    SlowBody {
        /// Bytes per piece, at least 1.
        piece: usize,
        /// The pause before each piece.
        pause: Duration,
    },
    /// Its answer breaks off after this many bytes of the body, though the headers promised the whole.
    CutBody(usize),
    /// It is received and the connection reset before an answer.
    Reset,
    /// It is answered with this.
    Answer(Answer),
    /// It is carried out, and then answered with this all the same: the caller cannot know that it was.
    AnswerAfter(Answer),
    /// It is carried out, and then the connection is reset.
    ResetAfter,
    /// Something else happens first: for example somebody deletes a workflow between two pages.
    Meanwhile(Arc<dyn Fn() + Send + Sync>),
}

/// An answer that the stand-in would not have given.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Content type and body.
    pub body: (String, String),
}

impl Answer {
    /// An answer with a JSON body `{"message": …}`, as both n8n and GitHub give.
    #[must_use]
    pub fn json(status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "message": message }).to_string();
        Self { status, headers: Vec::new(), body: ("application/json; charset=utf-8".to_owned(), body) }
    }

    /// An answer with a body of any kind.
    #[must_use]
    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: (content_type.to_owned(), body.to_owned()) }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A web page that says what this status means, as a proxy gives.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let words = message(status);
        Self::text(
            status,
            "text/html; charset=utf-8",
            &format!("<!doctype html><title>{words}</title><h1>{words}</h1>"),
        )
    }

    fn respond(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body.1.clone()).into_response();
        let headers = response.headers_mut();
        let all = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in std::iter::once((CONTENT_TYPE.as_str(), self.body.0.as_str())).chain(all) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl Fault {
    /// Answered with this status and a message in JSON that names it; not carried out.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer(Answer::json(status, message(status)))
    }

    /// Carried out, and then answered with this status.
    #[must_use]
    pub fn status_after(status: u16) -> Self {
        Self::AnswerAfter(Answer::json(status, message(status)))
    }

    /// Answered 429, asking to wait this many seconds.
    #[must_use]
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::Answer(Answer::json(429, message(429)).with("retry-after", &retry_after.to_string()))
    }

    /// Answered 200 with a web page, as a sign-in page before the server does.
    #[must_use]
    pub fn html() -> Self {
        Self::Answer(Answer::text(200, "text/html; charset=utf-8", "<!doctype html><title>Sign in</title><p>Sign in"))
    }
}

/// Holds requests until a test lets them go on. A clone is the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Doors>);

struct Doors {
    waiting: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Doors { waiting: watch::Sender::new(0), open: watch::Sender::new(false) }))
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everything through, now and later.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// Waits until so many requests have come to the gate.
    pub async fn arrived(&self, requests: usize) {
        // The sender is in this gate, so it cannot have gone.
        let _ = self.0.waiting.subscribe().wait_for(|waiting| *waiting >= requests).await;
    }

    async fn pass(&self) {
        self.0.waiting.send_modify(|waiting| *waiting += 1);
        let _ = self.0.open.subscribe().wait_for(|open| *open).await;
    }
}

fn message(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}

/// A fault, the requests that it is for, and how often it strikes.
#[derive(Clone)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    path: String,
    skip: u32,
    times: u32,
}

impl Rule {
    /// A fault for every request, until it is cleared.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, method: None, path: "*".to_owned(), skip: 0, times: u32::MAX }
    }

    /// Only for this method and path; `*` in the path stands for anything, the query does not count.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = path.to_owned();
        self
    }

    /// Only for this path, whatever the method.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// The first so many requests that it concerns are let be.
    #[must_use]
    pub fn skip(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// It strikes so many times at most.
    #[must_use]
    pub fn times(mut self, requests: u32) -> Self {
        self.times = requests;
        self
    }

    fn concerns(&self, method: &Method, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method.as_str()) && matches(&self.path, path)
    }
}

/// Whether `text` is `pattern` with every `*` standing for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    if rest.is_empty() {
        return true;
    }
    (0..=text.len()).filter(|&i| text.is_char_boundary(i)).any(|i| matches(rest, &text[i..]))
}

/// A request that a stand-in got, and what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The status answered; 0 when the connection was reset instead, or the caller gave up before.
    pub status: u16,
    /// Whether the stand-in carried it out, whatever it answered.
    pub carried_out: bool,
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    /// With the number of each, so that it can be found again when it is over.
    seen: VecDeque<(u64, Seen)>,
    arrived: u64,
}

/// The faults of one stand-in, and the journal of what it was asked. A clone is the same set.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Inner>>);

/// The journal keeps so many requests; older ones are forgotten.
const JOURNAL: usize = 10_000;

impl Faults {
    /// Adds a rule. One request is struck once, by the first rule added that is due; the others stay due.
    pub fn add(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    /// Takes every rule away.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// What was asked so far, in the order of arrival. What is not over yet has the status 0.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.iter().map(|(_, seen)| seen.clone()).collect()
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.lock().seen.clear();
    }

    /// Puts the faults around a stand-in's routes, outermost, so that they strike before any of its own rules.
    pub fn around(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), strike))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut inner = self.lock();
        let mut struck = None;
        for rule in inner.rules.iter_mut().filter(|rule| rule.concerns(method, path)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 && struck.is_none() {
                rule.times -= u32::from(rule.times != u32::MAX);
                struck = Some(rule.fault.clone());
            }
        }
        struck
    }

    /// Writes a request down as it arrives.
    fn note(&self, method: &Method, target: String) -> Note {
        let mut inner = self.lock();
        if inner.seen.len() >= JOURNAL {
            inner.seen.pop_front();
        }
        inner.arrived += 1;
        let number = inner.arrived;
        inner.seen.push_back((number, Seen { method: method.to_string(), target, status: 0, carried_out: false }));
        Note { faults: self.clone(), number }
    }
}

/// A request in the journal.
struct Note {
    faults: Faults,
    number: u64,
}

impl Note {
    fn update(&self, change: impl FnOnce(&mut Seen)) {
        let mut inner = self.faults.lock();
        // It may be forgotten by now.
        if let Some((_, seen)) = inner.seen.iter_mut().rev().find(|(number, _)| *number == self.number) {
            change(seen);
        }
    }
}

async fn strike(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let target = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let connection = connection(request.extensions());
    let fault = faults.next(&method, request.uri().path());
    let note = faults.note(&method, target);
    let (response, reset) = act(fault, request, next, &note).await;
    if !reset {
        note.update(|seen| seen.status = response.status().as_u16());
    }
    if reset && let Some(connection) = connection {
        connection.reset();
    }
    response
}

fn connection(extensions: &Extensions) -> Option<Connection> {
    extensions.get::<ConnectInfo<Connection>>().map(|ConnectInfo(connection)| connection.clone())
}

/// The response, and whether the connection is to be reset instead.
async fn act(fault: Option<Fault>, request: Request, next: Next, note: &Note) -> (Response, bool) {
    match &fault {
        Some(Fault::Answer(answer)) => return (answer.respond(), false),
        Some(Fault::Reset) => return (StatusCode::OK.into_response(), true),
        Some(Fault::Latency(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Held(gate)) => gate.pass().await,
        Some(Fault::Meanwhile(act)) => act(),
        _ => {}
    }
    let response = next.run(request).await;
    note.update(|seen| seen.carried_out = true);
    let response = match fault {
        Some(Fault::HeldAfter(gate)) => {
            gate.pass().await;
            response
        }
        Some(Fault::SlowBody { piece, pause }) => slow(response, piece.max(1), pause).await,
        Some(Fault::CutBody(after)) => cut(response, after).await,
        Some(Fault::HeldBody { after, gate }) => held(response, after, gate).await,
        Some(Fault::AnswerAfter(answer)) => answer.respond(),
        Some(Fault::ResetAfter) => return (response, true),
        _ => response,
    };
    (response, false)
}

async fn whole(body: Body) -> Bytes {
    axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default()
}

async fn slow(response: Response, piece: usize, pause: Duration) -> Response {
    let (mut head, body) = response.into_parts();
    let body = whole(body).await;
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let pieces: Vec<_> = (0..body.len()).step_by(piece).map(|i| body.slice(i..body.len().min(i + piece))).collect();
    let stream = futures::stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(piece)
    });
    Response::from_parts(head, Body::from_stream(stream))
}

async fn held(response: Response, after: usize, gate: Gate) -> Response {
    let (mut head, body) = response.into_parts();
    let body = whole(body).await;
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let at = after.min(body.len());
    let stream = futures::stream::iter([(body.slice(..at), None), (body.slice(at..), Some(gate))]).then(
        |(piece, gate)| async move {
            if let Some(gate) = gate {
                gate.pass().await;
            }
            Ok::<_, std::convert::Infallible>(piece)
        },
    );
    Response::from_parts(head, Body::from_stream(stream))
}

async fn cut(response: Response, after: usize) -> Response {
    let (mut head, body) = response.into_parts();
    let body = whole(body).await;
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len().max(after + 1)));
    head.headers.remove(ETAG);
    let start = body.slice(..after.min(body.len()));
    let stream = futures::stream::iter([Some(start), None]).then(|piece| async move {
        // Lets the server hand on what it has before the body fails, as a real connection would have.
        tokio::task::yield_now().await;
        piece.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Response::from_parts(head, Body::from_stream(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("/api/*/tags", "/api/v1/workflows/x/tags"));
        assert!(matches("/api/v1/workflows", "/api/v1/workflows"));
        assert!(!matches("/api/v1/workflows", "/api/v1/workflows/x"));
        assert!(matches("*", ""));
        assert!(!matches("/a*b", "/a"));
    }

    #[test]
    fn a_rule_skips_and_counts() {
        let faults = Faults::default();
        faults.add(Rule::new(Fault::status(503)).on("GET", "/x").skip(1).times(2));
        let struck: Vec<_> = (0..5).map(|_| faults.next(&Method::GET, "/x").is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(faults.next(&Method::POST, "/x").is_none());
    }
}
