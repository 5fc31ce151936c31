//! One request over HTTP, and what comes of it. Whether it is worth another is for [`super::retry`].
//!
//! No redirect is followed and no proxy of the environment is used: the key is for the address that was given, and for no other.

use super::Roots;
use crate::error::SetUpError;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// For how long a connection is kept on which nothing is said. The server waits for 30 s, and who is later than that asks in vain.
const IDLE_SECONDS_MAX: u64 = 15;
/// How many such connections are kept.
const IDLE_CONNECTIONS_MAX: usize = 32;
/// Longest answer that is read, in bytes: a thousand decisions with everything that can be said.
pub(super) const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a request's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// A document.
    Json,
    /// Subjects, one a line.
    Lines,
    /// The 16 bytes of devices' UUIDs, one after the other.
    Uuids,
}

impl MediaType {
    const fn as_header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Lines => "text/plain; charset=utf-8",
            Self::Uuids => "application/octet-stream",
        })
    }
}

/// What came back, whatever it is.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum Lost {
    /// There is no connection, or it broke off.
    Connection(String),
    /// The answer is longer than any can be.
    TooLong,
}

/// Sends requests, over connections that are kept.
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    authorization: HeaderValue,
}

impl Transport {
    pub(crate) fn new(authorization: HeaderValue, connect_within: Duration, roots: &Roots) -> Result<Self, SetUpError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_within));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(roots)?).https_or_http().enable_http1();
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).timer(TokioTimer::new());
        client.pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX)).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
        Ok(Self { client: client.build(https.wrap_connector(tcp)), authorization })
    }

    pub(crate) async fn post(&self, uri: Uri, media_type: MediaType, body: Bytes) -> Result<Response, Lost> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::CONTENT_TYPE, media_type.as_header());
        whole(self.send(request).await?, ANSWER_BYTES_MAX).await
    }

    /// Its head has come; its body comes as it is read.
    #[cfg(feature = "replica")]
    pub(crate) async fn get(&self, uri: Uri, accept: &'static str) -> Result<http::Response<Incoming>, Lost> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        self.send(request).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, Lost> {
        self.client.request(request).await.map_err(|error| Lost::Connection(causes(&error)))
    }
}

/// All of it, if it is no longer than that.
pub(crate) async fn whole(response: http::Response<Incoming>, bytes_max: usize) -> Result<Response, Lost> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Lost::TooLong } else { Lost::Connection(causes(&*error)) }
    })?;
    Ok(Response { status: parts.status, headers: parts.headers, body: body.to_bytes() })
}

fn tls(roots: &Roots) -> Result<ClientConfig, SetUpError> {
    let unreadable = |cause: String| SetUpError::Certificates(cause.into());
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Mozilla => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::Pem(text) => {
            for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
            if store.is_empty() {
                return Err(unreadable("there is none".into()));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| unreadable(error.to_string()))?;
    Ok(config.with_root_certificates(store).with_no_client_auth())
}

/// An error and what it came from, in one line.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some repeat what they came from.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
