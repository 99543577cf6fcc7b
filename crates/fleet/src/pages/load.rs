//! A load: so many requests a second, each begun when it is due, whatever became of those before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::stream::{FuturesUnordered, StreamExt};
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, COOKIE, HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::Settings;

/// The name of the cookie that holds a session's token.
pub(super) const SESSION: &str = "workflowops_session";
/// Requests before anything counts.
const WARM_UP: u32 = 20;
/// Requests under way at once: beyond that the server is overrun, and a longer queue says nothing more.
const AT_ONCE: usize = 256;

/// What requests took.
#[derive(Debug, Default)]
pub(super) struct Took {
    pub(super) seconds: Vec<f64>,
    /// Of one answer, as it travelled.
    pub(super) bytes: usize,
    /// Requests that were refused: the server was overrun.
    pub(super) failed: usize,
}

impl Took {
    pub(super) fn add(&mut self, other: Self) {
        self.seconds.extend(other.seconds);
        self.bytes = other.bytes;
        self.failed += other.failed;
    }
}

impl Took {
    fn note(&mut self, ended: Result<Result<f64>, tokio::task::JoinError>) {
        match ended {
            Ok(Ok(seconds)) => self.seconds.push(seconds),
            Ok(Err(_)) | Err(_) => self.failed += 1,
        }
    }
}

pub(super) struct Load {
    client: Client,
    url: String,
    requests: u32,
    between: Duration,
}

impl Load {
    pub(super) fn new(url: &str, token: &str, settings: &Settings) -> Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(format!("{SESSION}={token}"))?);
        headers.insert(ACCEPT_ENCODING, HeaderValue::try_from(&settings.encoding)?);
        // Bytes are counted as they travel.
        let client = Client::builder().default_headers(headers).no_gzip().no_proxy().build()?;
        let between = Duration::from_secs(1) / settings.rate.max(1);
        Ok(Self { client, url: url.to_owned(), requests: settings.requests, between })
    }

    pub(super) async fn warm_up(&self) -> Result<()> {
        for _ in 0..WARM_UP {
            ask(&self.client, &self.url).await?;
        }
        Ok(())
    }

    pub(super) async fn run(&self) -> Result<Took> {
        let (begin, bytes) = (Instant::now() + self.between, Arc::new(AtomicUsize::new(0)));
        let mut running = FuturesUnordered::new();
        let mut took = Took::default();
        for number in 0..self.requests {
            let due = begin + self.between * number;
            loop {
                tokio::select! {
                    biased;
                    Some(ended) = running.next(), if !running.is_empty() => took.note(ended),
                    () = tokio::time::sleep_until(due), if running.len() < AT_ONCE => break,
                }
            }
            let (client, url, bytes) = (self.client.clone(), self.url.clone(), Arc::clone(&bytes));
            running.push(tokio::spawn(async move {
                bytes.store(ask(&client, &url).await?, Ordering::Relaxed);
                anyhow::Ok(due.elapsed().as_secs_f64())
            }));
        }
        while let Some(ended) = running.next().await {
            took.note(ended);
        }
        took.bytes = bytes.load(Ordering::Relaxed);
        Ok(took)
    }
}

/// Asks once and reads the answer whole.
async fn ask(client: &Client, url: &str) -> Result<usize> {
    let response = client.get(url).send().await?;
    ensure!(response.status().is_success(), "{url} answered {}", response.status());
    Ok(response.bytes().await?.len())
}
