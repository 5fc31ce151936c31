//! Accepts connections, within limits, until told to stop; then finishes what is under way.
//!
//! TLS is for whatever stands in front of it.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most connections at once. Further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 4_096;
/// How long the head of a request may take, and how long a connection may stay idle.
const HEAD_SECONDS_MAX: u64 = 30;
/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long requests under way may take once the server is told to stop.
const STOP_SECONDS_MAX: u64 = 10;
/// How long to wait where the system has no connection to give, for want of file descriptors for instance.
const ACCEPT_PAUSE_MS: u64 = 100;

/// Serves `router` on `listener` until `stop` is ready and the requests under way are answered.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
        .max_buf_size(HEAD_BYTES_MAX);
    let service = TowerToHyperService::new(router);
    let under_way = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &places) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move {
            // A connection that breaks off is its client's affair; a choice is in the ledger or it is not.
            drop(connection.await);
            drop(place);
        });
    }
    // Nobody new: what is still waiting to be accepted is refused by the system.
    drop(listener);
    let in_time = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), under_way.shutdown()).await;
    if in_time.is_err() {
        tracing::warn!("some connections did not end within {STOP_SECONDS_MAX} s");
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _address)) => {
            // Answers are written in one piece, so waiting for more to send would only delay them. Failing to say so is harmless.
            drop(stream.set_nodelay(true));
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!("a connection cannot be accepted: {error}");
            tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            None
        }
    }
}
