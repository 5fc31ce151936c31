//! TLS: the server's certificate is checked, and whose certificates are believed can be said.

use crate::house::{START_MS, device};
use crate::rogue::held;
use consentry_client::{Ask, AskError, Consentry, PurposeId, QuestionDoc, Reason, RemoteConfig, Roots};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

type Certified = rcgen::CertifiedKey<rcgen::KeyPair>;

fn certified() -> Certified {
    rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap()
}

/// Denies whatever is asked, over TLS, with this certificate. Its port.
async fn denies(certified: &Certified) -> u16 {
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not believe the certificate goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4 * 1024];
            if stream.read(&mut request).await.is_err() {
                continue;
            }
            let body = json!({
                "v": 1, "allow": false, "reason": "refused", "decided_by": "ai-training", "regime": "opt-in",
                "policy": "0123456789abcdef".repeat(4), "events": [], "obligations": [], "features_lost": [],
                "valid_until_ms": START_MS + 1,
            })
            .to_string();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

async fn asked(port: u16, host: &str, roots: Roots) -> Result<Reason, AskError> {
    let key = format!("ck_{}", "A".repeat(43));
    let config = RemoteConfig { roots, clock: held(), ..RemoteConfig::default() };
    let remote = Consentry::remote_with(&format!("https://{host}:{port}"), "adforge", &key, config).unwrap();
    let question = QuestionDoc::new(device(1), PurposeId::named("ai-training"));
    remote.decide(&question).await.map(|decision| decision.reason)
}

#[tokio::test]
async fn only_a_certificate_that_is_believed_is_asked() {
    let (own, other) = (certified(), certified());
    let port = denies(&own).await;
    assert_eq!(asked(port, "localhost", Roots::Pem(own.cert.pem())).await, Ok(Reason::Refused));
    for (host, roots) in [
        ("localhost", Roots::Mozilla),
        ("localhost", Roots::Pem(other.cert.pem())),
        // A certificate of another name.
        ("127.0.0.1", Roots::Pem(own.cert.pem())),
    ] {
        let answer = asked(port, host, roots).await;
        assert!(matches!(answer, Err(AskError::Unreachable { .. })), "{host}: {answer:?}");
    }
}
