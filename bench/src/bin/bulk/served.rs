//! A server on loopback that sends one replica, of which it hears nothing new: what a client in another language answers from.

use std::convert::Infallible;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use consentry_core::PolicyHistory;
use consentry_core::packed::REPLICA_MEDIA_TYPE;
use futures_util::stream;

/// So often a feed says that it is still there, in seconds.
const ALIVE_SECONDS: u64 = 5;

/// Serves the replica of that policy's site for as long as this program runs. Its address comes out.
pub(crate) fn serve(replica: Bytes, history: &PolicyHistory) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let (site, policy) = (&history.newest().parts().site, history.newest().hash().to_string());
    let send = async move || ([(header::CONTENT_TYPE, REPLICA_MEDIA_TYPE)], replica);
    let router = Router::new()
        .route(&format!("/v1/sites/{site}/replica"), get(send))
        .route(&format!("/v1/sites/{site}/changes"), get(async move |headers| changes(&headers, policy)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await })
    });
    Ok(url)
}

/// Nothing: as a page, or as a stream that goes on.
fn changes(headers: &HeaderMap, policy: String) -> Response {
    let policy = [("consentry-policy", policy)];
    if headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/event-stream") {
        let feed = Sse::new(stream::pending::<Result<Event, Infallible>>());
        let alive = KeepAlive::new().interval(Duration::from_secs(ALIVE_SECONDS));
        return (policy, feed.keep_alive(alive)).into_response();
    }
    let page = r#"{"changes":[],"more":false}"#;
    (policy, [(header::CONTENT_TYPE, "application/json")], page).into_response()
}
