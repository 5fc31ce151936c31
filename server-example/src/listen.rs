//! Accepts connections, within limits, until told to stop; then finishes what is under way.

use crate::address::Peer;
use crate::limits::Limits;
use crate::metrics::{Counted, Metrics};
use crate::tls::Tls;
use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long the head of a request may take, and how long a connection may stay idle.
const HEAD_SECONDS_MAX: u64 = 30;
/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long two sides may take to agree on their keys.
const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// How long requests under way may take once the server is told to stop.
const STOP_SECONDS_MAX: u64 = 10;
/// How long to wait where the system has no connection to give, for want of file descriptors for instance.
const ACCEPT_PAUSE_MS: u64 = 100;

/// Where connections come in.
#[derive(Debug)]
pub struct Door {
    /// The socket.
    pub listener: TcpListener,
    /// What connections are encrypted with, if this server does that itself.
    pub tls: Option<Tls>,
    /// Where they are counted.
    pub metrics: Metrics,
    /// Most at once. Further ones wait to be accepted.
    pub connections_max: NonZeroU32,
}

/// Serves `router` on `listener`, without TLS and without counting, until `stop` is ready and the requests under way are answered.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let connections_max = Limits::default().connections_max;
    Door { listener, tls: None, metrics: Metrics::default(), connections_max }.serve(router, stop).await;
}

impl Door {
    /// Serves `router` until `stop` is ready and the requests under way are answered. Requests carry their [`Peer`].
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let Self { listener, tls, metrics, connections_max } = self;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
            .max_buf_size(HEAD_BYTES_MAX);
        let under_way = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(connections_max.get() as usize));
        let mut stop = pin!(stop);
        loop {
            let (stream, peer, place) = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = accept(&listener, &places) => match accepted {
                    Some(accepted) => accepted,
                    None => continue,
                },
            };
            let connection =
                Connection { http: http.clone(), router: router.clone(), peer, watcher: under_way.watcher() };
            let (tls, open) = (tls.as_ref().map(Tls::acceptor), Counted::new(&metrics.connections));
            tokio::spawn(async move {
                match tls {
                    None => connection.serve(stream).await,
                    Some(acceptor) => {
                        let in_time = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
                        // Whoever speaks no TLS, or not ours, gets no answer: there is nothing that it could read.
                        if let Ok(Ok(stream)) = tokio::time::timeout(in_time, acceptor.accept(stream)).await {
                            connection.serve(stream).await;
                        }
                    }
                }
                drop((open, place));
            });
        }
        // Nobody new: what is still waiting to be accepted is refused by the system.
        drop(listener);
        let in_time = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), under_way.shutdown()).await;
        if in_time.is_err() {
            tracing::warn!("some connections did not end within {STOP_SECONDS_MAX} s");
        }
    }
}

/// What a connection needs, whatever it is made of.
struct Connection {
    http: http1::Builder,
    router: Router,
    peer: IpAddr,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let Self { http, router, peer, watcher } = self;
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.call(request.map(Body::new))
        });
        // A connection that breaks off is its client's affair; a choice is in the ledger or it is not.
        drop(watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await);
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are written in one piece, so waiting for more to send would only delay them. Failing to say so is harmless.
            drop(stream.set_nodelay(true));
            Some((stream, address.ip(), place))
        }
        Err(error) => {
            tracing::warn!("a connection cannot be accepted: {error}");
            tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            None
        }
    }
}
