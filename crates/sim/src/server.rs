//! A listener on 127.0.0.1 that can be stopped and started again on its port, and whose connections can be reset.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Serves a router until it is stopped or dropped. Connections that are open then are reset, as when a process dies.
pub struct Server {
    address: SocketAddr,
    router: Router,
    connections: Connections,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Starts serving on a port that the system chooses.
    ///
    /// # Errors
    /// What binding the port failed with.
    pub async fn start(router: Router) -> io::Result<Self> {
        Self::start_on(router, 0).await
    }

    /// Starts serving on this port, or on one that the system chooses when it is 0.
    ///
    /// # Errors
    /// What binding the port failed with.
    pub async fn start_on(router: Router, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let server = Self { address, router, connections: Connections::default(), serving: Mutex::new(None) };
        server.serve(listener);
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`, the same after a restart.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address served on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: connections are refused from now on, and open ones are reset. Returns when the port is free.
    pub async fn stop(&self) {
        let serving = self.lock().take();
        if let Some(serving) = serving {
            serving.abort();
            // The listener is closed when the task has ended; that it was aborted is no news.
            let _ = serving.await;
        }
        self.connections.reset();
    }

    /// Starts again on the same port; does nothing when it is running.
    ///
    /// # Errors
    /// What binding the port failed with, for example that another process took it meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        self.serve(listener);
        Ok(())
    }

    /// Whether it accepts connections.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lock().is_some()
    }

    fn serve(&self, listener: TcpListener) {
        let listener = Tracked { listener, connections: self.connections.clone() };
        let service = self.router.clone().into_make_service_with_connect_info::<Connection>();
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "a stand-in stopped serving");
            }
        });
        *self.lock() = Some(serving);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(serving) = self.lock().take() {
            serving.abort();
        }
        self.connections.reset();
    }
}

/// One connection, as its handlers see it (`ConnectInfo<Connection>`).
#[derive(Clone, Default)]
pub struct Connection(Arc<Switch>);

#[derive(Default)]
struct Switch {
    off: AtomicBool,
    waker: AtomicWaker,
}

impl Connection {
    /// Resets the connection: whatever is read or written next fails, and the peer is sent an RST.
    pub fn reset(&self) {
        self.0.off.store(true, Ordering::SeqCst);
        self.0.waker.wake();
    }

    fn is_reset(&self) -> bool {
        self.0.off.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, Tracked>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Tracked>) -> Self {
        stream.io().connection.clone()
    }
}

#[derive(Clone, Default)]
struct Connections(Arc<Mutex<Vec<Weak<Switch>>>>);

impl Connections {
    fn add(&self, connection: &Connection) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|switch| switch.strong_count() > 0);
        all.push(Arc::downgrade(&connection.0));
    }

    fn reset(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for switch in all.iter().filter_map(Weak::upgrade) {
            Connection(switch).reset();
        }
    }
}

struct Tracked {
    listener: TcpListener,
    connections: Connections,
}

impl Listener for Tracked {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let connection = Connection::default();
        self.connections.add(&connection);
        (Stream { stream, connection }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct Stream {
    stream: TcpStream,
    connection: Connection,
}

impl Stream {
    /// Fails once the connection is to be reset, and sees to it that the next one who resets it wakes this task.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        self.connection.0.waker.register(cx.waker());
        if !self.connection.is_reset() {
            return Ok(());
        }
        // Closing with nothing lingering sends an RST in place of a FIN.
        let _ = self.stream.set_zero_linger();
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.is_reset() {
            let _ = self.stream.set_zero_linger();
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}
