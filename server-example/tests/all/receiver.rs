//! Somebody who is told, on a port of this machine: keeps what comes, and answers as it was told to.

use crate::house::*;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consentry_server::{App, Clock, Config, Reach, Store, WebhookConfig, WebhookKey, Worker};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// An answer to one message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    /// With `Retry-After` in seconds.
    Later(u16, u64),
    Never,
}

/// A message that has come.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signatures: Vec<String>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Got {
    /// Whether that secret has signed it.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        is_ours(secret, &self.id, &self.timestamp, &self.signatures.join(" "), self.text.as_bytes())
    }
}

/// As docs/webhooks.md says it.
fn is_ours(secret: &str, id: &str, sent: &str, signatures: &str, body: &[u8]) -> bool {
    let Some(key) = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok()) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    mac.update(format!("{id}.{sent}.").as_bytes());
    mac.update(body);
    let mut given = signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    given.any(|given| mac.clone().verify_slice(&given).is_ok())
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    got: mpsc::UnboundedReceiver<Got>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

type Shared = (mpsc::UnboundedSender<Got>, Arc<Mutex<VecDeque<Reply>>>);

impl Receiver {
    /// One that says yes to everything, unless told otherwise.
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let ((told, got), replies) = (mpsc::unbounded_channel(), Arc::default());
        let router = axum::Router::new().fallback(take).with_state((told, Arc::clone(&replies)));
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        Self { url, got, replies }
    }

    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// What has come by now.
    pub(crate) fn got(&mut self) -> Vec<Got> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Got {
        self.got.recv().await.unwrap()
    }
}

async fn take(State((told, replies)): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let signatures = header("webhook-signature").split(' ').map(Into::into).collect();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let reply = replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(200));
    let body = serde_json::from_str(&text).unwrap();
    // Nobody may be left to listen.
    drop(told.send(Got { id, timestamp, signatures, text, body }));
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::Later(status, seconds) => {
            (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Reply::Never => std::future::pending().await,
    }
}

pub(crate) fn may_tell_anybody(config: &mut Config) {
    let key = Some(WebhookKey::from_bytes([7; 32]));
    config.webhooks = WebhookConfig { key, reach: Reach::Anywhere, ..WebhookConfig::default() };
}

/// A server on this store, as far as it tells others.
pub(crate) fn teller(store: &Store, clock: &Clock) -> Worker {
    let mut config = Config { sites: vec![adforge()], ..Config::default() };
    may_tell_anybody(&mut config);
    App::new(config, store.clone(), clock.clone()).unwrap().worker().unwrap().unwrap()
}

impl House {
    /// A house that may tell anybody, and whoever does.
    pub(crate) fn that_tells() -> (Self, Worker) {
        let house = Self::with(may_tell_anybody);
        let worker = house.app.worker().unwrap().unwrap();
        (house, worker)
    }

    pub(crate) async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let key = self.new_key_to("admin write");
        let request = Request::builder().method(method).uri(format!("/v1/sites/adforge/{path}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        self.send(match body {
            Some(body) => with_json(request, &body),
            None => request.body(axum::body::Body::empty()).unwrap(),
        })
        .await
    }

    /// Has the receiver told: everything, or what concerns a processor. Its id and secret come back.
    pub(crate) async fn tells(&self, receiver: &Receiver, processor: Option<&str>) -> (String, String) {
        let mut wanted = json!({ "v": 1, "url": receiver.url });
        if let Some(processor) = processor {
            wanted["processor"] = processor.into();
        }
        let answer = self.admin(Method::POST, "webhooks", Some(wanted)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let made = answer.json();
        (made["id"].as_str().unwrap().into(), made["secret"].as_str().unwrap().into())
    }

    pub(crate) async fn demand(&self, browser: &Browser, demand: Value) {
        let mut doc = json!({ "v": 1, "id": new_id() });
        doc.as_object_mut().unwrap().extend(demand.as_object().unwrap().clone());
        let answer = self.send(with_json(browser.request(Method::POST, "/v1/sites/adforge/demands"), &doc)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }
}
