//! A receiver of webhooks on this machine: it keeps what it hears, and answers as it is told.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the receiver answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With this status and `Retry-After`, in seconds.
    Later(u16, u32),
    /// Not at all: the connection ends once the request was read.
    Cut,
    /// Not at all: the connection stays open.
    Silent,
}

/// A request that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    headers: Vec<(String, String)>,
    /// The body as it came.
    pub text: String,
}

impl Heard {
    /// A header, by its name in small letters; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).expect("a body of JSON")
    }
}

#[derive(Debug, Default)]
struct Script {
    replies: VecDeque<Reply>,
    heard: Vec<Heard>,
}

/// A receiver. It ends with this.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    script: Arc<Mutex<Script>>,
    count: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Receiver {
    /// Starts one, which takes everything until it is told otherwise.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/hook/topsecret", listener.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script::default()));
        let (counted, count) = watch::channel(0);
        let counted = Arc::new(counted);
        let accepting = tokio::spawn({
            let script = Arc::clone(&script);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&counted)));
                }
            }
        });
        Self { url, script, count, accepting }
    }

    /// Where it is; the path holds `topsecret`, which nothing should ever show.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Says how the next requests are answered; those after them are taken.
    pub fn answers(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).replies = replies.into_iter().collect();
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).heard.clone()
    }

    /// Waits until this many requests were heard.
    ///
    /// # Panics
    /// When the receiver has ended.
    pub async fn heard_at_least(&self, number: usize) -> Vec<Heard> {
        self.count.clone().wait_for(|heard| *heard >= number).await.expect("the receiver is there");
        self.heard()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>, counted: Arc<watch::Sender<usize>>) {
    let Some(request) = read(&mut stream).await else { return };
    let reply = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        script.heard.push(request);
        counted.send_replace(script.heard.len());
        script.replies.pop_front().unwrap_or(Reply::Status(200))
    };
    let answer = match reply {
        Reply::Status(status) => format!("HTTP/1.1 {status} As told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        Reply::Later(status, seconds) => format!(
            "HTTP/1.1 {status} As told\r\nretry-after: {seconds}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ),
        Reply::Cut => return,
        Reply::Silent => return std::future::pending().await,
    };
    // Whoever does not wait for the answer is none of this one's business.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Reads one request with a body of known length. `None` for one that ends early.
async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let headers: Vec<_> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8(bytes[head + 4..head + 4 + length].to_vec()).ok()?;
    Some(Heard { headers, text })
}
