//! A network between a replica and Postgres, to be cut and mended.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};
use drift_store::{PgPool, pool};
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// What is sent arrives.
    Open,
    /// What is sent arrives once the line is mended: nobody is told that it does not.
    Silent,
    /// Connections are reset, and new ones end at once.
    Cut,
}

/// A TCP port that leads to a database until it is cut.
#[derive(Debug)]
pub struct Wire {
    url: String,
    line: watch::Sender<Line>,
    turned_away: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

/// The database's end.
#[derive(Clone, Debug)]
enum End {
    Socket(PathBuf),
    Port(String, u16),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl End {
    fn of(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?;
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        let socket = options.get_socket().cloned().or_else(|| host.starts_with('/').then(|| host.clone().into()));
        Ok(match socket {
            Some(folder) => Self::Socket(folder.join(format!(".s.PGSQL.{port}"))),
            None => Self::Port(host, port),
        })
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Self::Port(host, port) => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
        })
    }
}

impl Wire {
    pub(crate) async fn to(url: &str) -> Result<Self> {
        let end = End::of(url)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (line, seen) = watch::channel(Line::Open);
        let (turn_away, turned_away) = watch::channel(0);
        let url = through(url, listener.local_addr()?)?;
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (end, line) = (end.clone(), seen.clone());
                if *line.borrow() == Line::Cut {
                    reset(&client);
                    turn_away.send_modify(|number| *number += 1);
                } else {
                    tokio::spawn(carry(client, end, line));
                }
            }
        });
        Ok(Self { url, line, turned_away, accepting })
    }

    /// The database's address at this end of the wire.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections through the wire, made as a server makes them.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn pool(&self) -> PgPool {
        pool::connect(&self.url, 8).await.expect("the test's database answers")
    }

    /// Resets every connection, and every new one until it is [mended](Self::mend).
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Holds everything back that is sent, until it is [mended](Self::mend). Nobody is told.
    pub fn silence(&self) {
        self.line.send_replace(Line::Silent);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.line.send_replace(Line::Open);
    }

    /// Waits until so many new connections in all met the cut: whoever uses the wire has noticed.
    pub async fn turned_away(&self, connections: usize) {
        // The sender lives in the task that accepts, as long as this does.
        let _ = self.turned_away.clone().wait_for(|number| *number >= connections).await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// The same user, password and database at another address.
fn through(url: &str, at: SocketAddr) -> Result<String> {
    let (before, after) = url.split_once("://").context("the database's address has no scheme")?;
    let place = after.split('?').next().unwrap_or(after);
    let (user, host) = place.rsplit_once('@').map_or(("postgres", place), |(user, host)| (user, host));
    let (_, name) = host.rsplit_once('/').context("the database's address has no name")?;
    // The server's end may be a socket, where there is nothing to encrypt.
    Ok(format!("{before}://{user}@{at}/{name}?sslmode=disable"))
}

/// Closing with nothing lingering sends an RST in place of a FIN.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Carries one connection, until one side ends it or the line is cut.
async fn carry(client: TcpStream, end: End, mut line: watch::Receiver<Line>) {
    let Ok(server) = end.connect().await else { return };
    let carried = {
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let (there, back) = (line.clone(), line.clone());
        let cut = tokio::select! {
            _ = pass(&mut from_client, &mut to_server, there) => false,
            _ = pass(&mut from_server, &mut to_client, back) => false,
            _ = line.wait_for(|line| *line == Line::Cut) => true,
        };
        cut.then(|| from_client.unsplit(to_client))
    };
    if let Some(client) = carried {
        reset(&client);
    }
}

/// Passes on what comes, in its time.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut line: watch::Receiver<Line>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        if line.wait_for(|line| *line == Line::Open).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
