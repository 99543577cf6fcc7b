//! One request, and reading with retries: a repeated read does no harm. Writes are never repeated (see `writes`).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use drift_domain::failure::{Failure, FailureKind};
use drift_outbound::{Guarded, Lookup};
use reqwest::header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::Semaphore;
use url::Url;

use crate::{Settings, answer};

/// n8n's header for the API key; a Bearer token is answered 401 (observed).
const KEY_HEADER: &str = "X-N8N-API-KEY";

/// Calls the public API of one n8n instance.
pub struct Client {
    http: reqwest::Client,
    key: HeaderValue,
    gate: Semaphore,
    /// Host and port: how messages name the server.
    pub(crate) host: String,
    pub(crate) settings: Settings,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.host)
    }
}

/// An answer that a caller makes something of: 200, 304, or one that it asked to see.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn etag(&self) -> Option<HeaderValue> {
        self.headers.get(ETAG).cloned()
    }
}

/// A failed try, and whether it may pass by itself.
struct Failed {
    failure: Failure,
    passes: bool,
}

impl Failed {
    /// For a try that got no whole answer. A timeout does not pass: asking once more makes a slow server slower.
    fn by_kind(failure: Failure) -> Self {
        let passes = matches!(failure.kind, FailureKind::Unreachable | FailureKind::BrokenAnswer);
        Self { failure, passes }
    }
}

/// A request that got no whole answer.
pub(crate) struct NoAnswer {
    /// Whether it may have arrived.
    pub(crate) sent: bool,
    pub(crate) failure: Failure,
}

/// What to ask for, below `/api/v1/`.
#[derive(Default)]
pub(crate) struct Ask<'a> {
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// Answer 304 when the body still has this tag.
    pub(crate) unless: Option<HeaderValue>,
    /// Statuses beside 200 and 304 that are an answer to the caller and no failure.
    pub(crate) also: &'a [u16],
}

impl Client {
    /// A client for these settings. Nothing is called yet.
    ///
    /// # Errors
    /// [`FailureKind::RefusedAddress`] for a base URL that is not called; [`FailureKind::Unauthorized`] for a key that
    /// cannot be one.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        Self::with_lookup(settings, drift_outbound::system())
    }

    pub(crate) fn with_lookup(settings: Settings, lookup: Lookup) -> Result<Self, Failure> {
        let settings = settings.checked()?;
        let host = host_and_port(&settings.base_url);
        let mut key = HeaderValue::from_str(settings.api_key.expose_secret().trim()).map_err(|_| {
            answer::failure(
                FailureKind::Unauthorized,
                format!("The API key for {host} holds characters that no key has. Copy it from n8n once more."),
            )
        })?;
        key.set_sensitive(true);
        let http = reqwest::Client::builder()
            .user_agent(concat!("workflowops/", env!("CARGO_PKG_VERSION")))
            // The key would follow a redirect: reqwest takes only the headers that it knows to be secret away.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would resolve the name itself, out of reach of the address rule.
            .no_proxy()
            .dns_resolver(std::sync::Arc::new(Guarded { lookup, allow_private: settings.allow_private }))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.request_timeout)
            .build()
            .map_err(|e| answer::failure(FailureKind::Internal, format!("No HTTP client could be made: {e}.")))?;
        let gate = Semaphore::new(settings.max_concurrency);
        Ok(Self { http, key, gate, host, settings })
    }

    /// Asks until there is an answer, within the bounds of the settings. Only failures that may pass by themselves are
    /// tried again.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Reply, Failure> {
        let url = self.url(&ask)?;
        let mut tried = 1;
        loop {
            let Failed { failure, passes } = match self.ask_once(&url, &ask).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            let Some(wait) = self.wait_after(&failure, tried).filter(|_| passes) else { return Err(failure) };
            tracing::debug!(n8n.host = %self.host, tried, kind = %failure.kind, ?wait, "asking n8n again");
            tokio::time::sleep(wait).await;
            tried += 1;
        }
    }

    fn wait_after(&self, failure: &Failure, tried: u32) -> Option<Duration> {
        if tried >= self.settings.max_tries {
            return None;
        }
        match failure.retry_after.map(Duration::from_secs) {
            Some(asked) => (asked <= self.settings.max_wait).then_some(asked),
            None => Some(self.backoff(tried)),
        }
    }

    /// Between half of and the whole of a time that doubles with each try, so that many clients do not come back at once.
    pub(crate) fn backoff(&self, tried: u32) -> Duration {
        let whole = self.settings.backoff.saturating_mul(1 << tried.saturating_sub(1).min(10));
        whole.min(self.settings.max_wait).mul_f64(rand::random_range(0.5..=1.0))
    }

    async fn ask_once(&self, url: &Url, ask: &Ask<'_>) -> Result<Reply, Failed> {
        let mut request = self.http.get(url.clone());
        if let Some(tag) = &ask.unless {
            request = request.header(IF_NONE_MATCH, tag.clone());
        }
        let reply = self.exchange(request).await.map_err(|none| Failed::by_kind(none.failure))?;
        if matches!(reply.status.as_u16(), 200 | 304) || ask.also.contains(&reply.status.as_u16()) {
            return Ok(reply);
        }
        let passes = reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS;
        let told = self.quotable(&reply);
        Err(Failed { failure: answer::refused(&self.host, reply.status, &reply.headers, told, url), passes })
    }

    /// Sends once, and reads the whole answer, whatever its status.
    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<Reply, NoAnswer> {
        let Ok(_permit) = self.gate.acquire().await else { unreachable!("the gate is never closed") };
        let timeout = self.settings.request_timeout;
        let request = request.header(KEY_HEADER, self.key.clone()).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|e| NoAnswer {
            // What does not connect has sent nothing; everything else may have arrived.
            sent: !e.is_connect(),
            failure: answer::no_answer(&self.host, e, timeout),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let limit = self.settings.max_body;
        let mut body = BytesMut::new();
        let lost = |failure| NoAnswer { sent: true, failure };
        while let Some(chunk) =
            response.chunk().await.map_err(|e| lost(answer::cut(&self.host, e, body.len(), timeout)))?
        {
            if body.len() + chunk.len() > limit {
                return Err(lost(answer::too_large(&self.host, limit)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.freeze() })
    }

    /// Sends a write once. What comes of it is an answer of any status, or none.
    pub(crate) async fn send(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Reply, NoAnswer> {
        let ask = Ask { path, ..Ask::default() };
        let url = self.url(&ask).map_err(|failure| NoAnswer { sent: false, failure })?;
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.exchange(request).await
    }

    /// What may be quoted of an answer. What refuses may repeat what it was sent: a body that holds the key is quoted
    /// nowhere.
    pub(crate) fn quotable<'a>(&self, reply: &'a Reply) -> &'a [u8] {
        let key = self.key.as_bytes();
        let repeats_key = reply.body.windows(key.len().max(1)).any(|part| part == key);
        if repeats_key { b"" } else { &reply.body }
    }

    fn url(&self, ask: &Ask<'_>) -> Result<Url, Failure> {
        let mut url = self.settings.base_url.clone();
        match url.path_segments_mut() {
            // An id is one segment whatever it holds: slashes and dots in it are escaped.
            Ok(mut path) => path.pop_if_empty().extend(["api", "v1"]).extend(ask.path),
            Err(()) => return Err(answer::failure(FailureKind::RefusedAddress, "The address of n8n has no path.")),
        };
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query);
        }
        Ok(url)
    }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use drift_sim::faults::{Fault, Rule};
    use drift_sim::n8n::N8nSim;
    use secrecy::SecretString;

    use super::*;
    use crate::LiveEnvironment as _;

    struct Still;

    impl drift_domain::clock::Clock for Still {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            chrono::DateTime::UNIX_EPOCH
        }
    }

    /// A name server that answers with the next of these each time, and with the last for good.
    fn answering(answers: &'static [&'static str]) -> (Lookup, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let lookup: Lookup = Arc::new(move |_| {
            let at = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let ips = answers[at].split(' ').map(|ip| ip.parse::<IpAddr>().unwrap()).collect();
            Box::pin(async move { Ok(ips) })
        });
        (lookup, asked)
    }

    fn named(sim: &N8nSim, allow_private: bool, lookup: Lookup) -> Client {
        let url = sim.url().replace("127.0.0.1", "n8n.example");
        let mut settings = Settings::new(url.parse().unwrap(), SecretString::from(sim.api_key()), allow_private);
        settings.backoff = Duration::from_millis(1);
        Client::with_lookup(settings, lookup).unwrap()
    }

    #[tokio::test]
    async fn a_name_is_held_to_the_rule_each_time_it_is_connected_to() {
        let sim = N8nSim::start(Still).await.unwrap();
        let (lookup, asked) = answering(&["127.0.0.1", "169.254.169.254"]);
        let client = named(&sim, true, lookup);
        client.list().await.unwrap();
        // The connection is lost, and the name now stands for the metadata service.
        sim.faults().add(Rule::new(Fault::Reset));
        let failure = client.list().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::RefusedAddress, "{failure}");
        assert!(failure.message.contains("169.254.169.254 is a link-local address"), "{failure}");
        assert!(asked.load(Ordering::SeqCst) >= 2);
    }

    #[tokio::test]
    async fn a_public_name_for_a_private_address_is_refused_unless_allowed() {
        let sim = N8nSim::start(Still).await.unwrap();
        let failure = named(&sim, false, answering(&["127.0.0.1"]).0).list().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::RefusedAddress, "{failure}");
        assert!(sim.faults().seen().is_empty(), "nothing was sent");
        named(&sim, true, answering(&["127.0.0.1"]).0).list().await.unwrap();
    }

    #[tokio::test]
    async fn of_several_addresses_those_that_may_be_called_are() {
        let sim = N8nSim::start(Still).await.unwrap();
        named(&sim, true, answering(&["169.254.169.254 127.0.0.1"]).0).list().await.unwrap();
    }
}
