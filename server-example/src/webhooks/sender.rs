//! Sends one message over one connection of its own, to an address that was checked, and within limits.
//!
//! Deliberately absent: redirects, proxies, connections that are kept, and clients that have them. Each could lead to where nobody looked.

use super::answer::{Answer, SendError, not_before};
use super::endpoint::{Endpoint, Resolver};
use axum::http::{HeaderValue, Request, StatusCode, header};
use consentry_core::Time;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto::ring};

/// How long a message may take, from looking for the host to the end of the answer.
const MESSAGE_SECONDS_MAX: u64 = 15;
/// How long one address may take to accept a connection.
const CONNECT_SECONDS_MAX: u64 = 5;
/// Longest head of an answer, in bytes: the least that the client library can be told.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// How much of an answer is read, in bytes. Nothing is done with it, but receivers like to be listened to.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// How long that may take, in seconds: somebody who has answered need not be waited for.
const ANSWER_SECONDS_MAX: u64 = 2;
/// Who we say we are.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Consentry/", env!("CARGO_PKG_VERSION")));

/// A message ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) id: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) body: String,
}

/// Sends messages.
#[derive(Debug)]
pub(super) struct Sender {
    tls: Arc<ClientConfig>,
    resolver: Resolver,
}

impl Sender {
    /// One that believes the authorities that browsers believe, and finds hosts as the system does.
    pub(super) fn new() -> Result<Self, rustls::Error> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::with(roots, Resolver::System)
    }

    fn with(roots: RootCertStore, resolver: Resolver) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), resolver })
    }

    /// Sends a message at `now`.
    pub(super) async fn send(&self, endpoint: &Endpoint, message: &Signed, now: Time) -> Result<Answer, SendError> {
        let exchange = tokio::time::timeout(Duration::from_secs(MESSAGE_SECONDS_MAX), self.exchange(endpoint, message));
        let (status, retry_after) = exchange.await.map_err(|_| SendError::Slow)??;
        Ok(match status {
            StatusCode::GONE => Answer::Gone,
            status if status.is_success() => Answer::Told,
            status => {
                let retry_after = retry_after.as_ref().and_then(|value| value.to_str().ok());
                Answer::Refused { status: status.as_u16(), not_before: retry_after.and_then(|at| not_before(at, now)) }
            }
        })
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        message: &Signed,
    ) -> Result<(StatusCode, Option<HeaderValue>), SendError> {
        let request = request(endpoint, message).ok_or(super::EndpointError::Form)?;
        let stream = connect(&endpoint.addresses(&self.resolver).await?).await?;
        if !endpoint.is_secure() {
            return speak(stream, request).await;
        }
        let name = ServerName::try_from(endpoint.name()).map_err(|_| SendError::Tls)?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        speak(stream.map_err(|_| SendError::Tls)?, request).await
    }
}

fn request(endpoint: &Endpoint, message: &Signed) -> Option<Request<Full<Bytes>>> {
    Request::post(endpoint.path())
        .header(header::HOST, endpoint.authority())
        .header(header::USER_AGENT, AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", &message.timestamp)
        .header("webhook-signature", &message.signature)
        .body(Full::from(message.body.clone()))
        .ok()
}

/// Connects to the first of these addresses that takes a connection, and to nothing else.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, SendError> {
    for address in addresses {
        let connecting = tokio::time::timeout(Duration::from_secs(CONNECT_SECONDS_MAX), TcpStream::connect(address));
        if let Ok(Ok(stream)) = connecting.await {
            return Ok(stream);
        }
    }
    Err(SendError::Connect)
}

/// Sends the request, and hands back the status of the answer and its `Retry-After`.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Option<HeaderValue>), SendError> {
    let mut client = http1::Builder::new();
    let (mut sender, connection) = client
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_: hyper::Error| SendError::Http)?;
    // Ends with this function, however it ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(|_| SendError::Http)?;
    let (head, body) = response.into_parts();
    // The status has said all. What breaks off after it, or is longer, changes nothing.
    let rest = Limited::new(body, ANSWER_BYTES_MAX).collect();
    drop(tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), rest).await);
    Ok((head.status, head.headers.get(header::RETRY_AFTER).cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::{EndpointError, Reach};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::net::IpAddr;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const NOW: Time = Time::from_ms(1_763_800_000_000);

    fn message() -> Signed {
        let (id, timestamp) = ("msg_1".into(), "1763800000".into());
        Signed { id, timestamp, signature: "v1,c2lnbmF0dXJl".into(), body: "{}".into() }
    }

    fn sender(answers: impl IntoIterator<Item = &'static str>) -> Sender {
        let answers = answers.into_iter().map(|address| vec![address.parse::<IpAddr>().unwrap()]).collect();
        Sender::with(RootCertStore::empty(), Resolver::Held(Mutex::new(answers))).unwrap()
    }

    /// Somebody who answers once, and hands back what was asked.
    async fn receiver(answer: impl Into<String>) -> (u16, tokio::task::JoinHandle<String>) {
        let (listener, answer) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), answer.into());
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move { serve(listener.accept().await.unwrap().0, &answer).await });
        (port, asked)
    }

    async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
        let mut asked = Vec::new();
        while !asked.ends_with(b"{}") {
            let mut piece = [0; 1_024];
            match stream.read(&mut piece).await.unwrap() {
                0 => break,
                count => asked.extend_from_slice(&piece[..count]),
            }
        }
        // Whoever has heard enough may have hung up.
        drop(stream.write_all(answer.as_bytes()).await);
        drop(stream.shutdown().await);
        String::from_utf8(asked).unwrap()
    }

    async fn send(sender: &Sender, url: &str) -> Result<Answer, SendError> {
        sender.send(&Endpoint::parse(url, Reach::Anywhere).unwrap(), &message(), NOW).await
    }

    #[tokio::test]
    async fn a_message_is_one_request_and_its_answer_a_status() {
        let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{}", "x".repeat(1_000_000));
        let location = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n";
        let later = Some(Time::from_ms(NOW.as_ms() + 60_000));
        for (answer, expected) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(Answer::Told)),
            (&long, Ok(Answer::Told)),
            ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Ok(Answer::Gone)),
            (location, Ok(Answer::Refused { status: 302, not_before: None })),
            (busy, Ok(Answer::Refused { status: 503, not_before: later })),
            (&format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000)), Err(SendError::Http)),
            ("SSH-2.0-OpenSSH\r\n", Err(SendError::Http)),
            ("", Err(SendError::Http)),
        ] {
            let (port, asked) = receiver(answer).await;
            let got = send(&sender(["127.0.0.1"]), &format!("http://hooks.example:{port}/a?b=c")).await;
            assert_eq!(got, expected, "{}", &answer[..answer.len().min(40)]);
            let asked = asked.await.unwrap().to_lowercase();
            for expected in [
                "post /a?b=c http/1.1\r\n",
                &format!("host: hooks.example:{port}\r\n"),
                "webhook-id: msg_1\r\n",
                "webhook-timestamp: 1763800000\r\n",
                "webhook-signature: v1,c2lnbmf0dxjl\r\n",
                "content-type: application/json\r\n",
            ] {
                assert!(asked.contains(expected), "{expected} is not in {asked}");
            }
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_the_second_time_gains_nothing() {
        // Reached, if anything asked a second time after the address was checked.
        let (port, asked) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let rebinding = sender(["192.0.2.1", "127.0.0.1"]);
        let endpoint = Endpoint::parse(&format!("https://rebind.example:{port}/"), Reach::Public).unwrap();
        let got = rebinding.send(&endpoint, &message(), NOW).await;
        assert_eq!(got, Err(SendError::Endpoint(EndpointError::Private)));
        // It is resolved anew for each message, and once for each.
        assert_eq!(rebinding.send(&endpoint, &message(), NOW).await, Err(SendError::Endpoint(EndpointError::Private)));
        assert_eq!(rebinding.send(&endpoint, &message(), NOW).await, Err(SendError::Endpoint(EndpointError::Unknown)));
        let twice = sender(["127.0.0.1", "192.0.2.1"]);
        assert_eq!(send(&twice, &format!("http://rebind.example:{port}/")).await, Ok(Answer::Told));
        asked.await.unwrap();
        let Resolver::Held(left) = &twice.resolver else { panic!() };
        assert_eq!(left.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn nobody_there_is_said_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let got = send(&sender(["127.0.0.1"]), &format!("http://hooks.example:{port}/")).await;
        assert_eq!(got, Err(SendError::Connect));
        assert_eq!(send(&sender([]), "http://hooks.example/").await, Err(SendError::Endpoint(EndpointError::Unknown)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let before = tokio::time::Instant::now();
        for url in [format!("http://hooks.example:{port}/"), format!("https://hooks.example:{port}/")] {
            // The system takes the connection, and nobody ever reads from it.
            assert_eq!(send(&sender(["127.0.0.1"]), &url).await, Err(SendError::Slow));
        }
        assert_eq!(before.elapsed().as_secs(), 2 * MESSAGE_SECONDS_MAX);
    }

    #[tokio::test]
    async fn a_certificate_must_be_believed_and_be_of_the_host() {
        let made = rcgen::generate_simple_self_signed(["hooks.example".to_owned()]).unwrap();
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        let key = || PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut believed = RootCertStore::empty();
        believed.add(certificate.clone()).unwrap();
        for (host, roots, expected) in [
            ("hooks.example", believed.clone(), Ok(Answer::Told)),
            ("hooks.example.", believed.clone(), Ok(Answer::Told)),
            ("other.example", believed, Err(SendError::Tls)),
            ("hooks.example", RootCertStore::empty(), Err(SendError::Tls)),
        ] {
            let tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.clone()], key())
                .unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let serving = tokio::spawn(async move {
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
                if let Ok(stream) = acceptor.accept(listener.accept().await.unwrap().0).await {
                    serve(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
            let held = Resolver::Held(Mutex::new([vec!["127.0.0.1".parse().unwrap()]].into()));
            let sender = Sender::with(roots, held).unwrap();
            assert_eq!(send(&sender, &format!("https://{host}:{port}/")).await, expected, "{host}");
            serving.await.unwrap();
        }
    }
}
