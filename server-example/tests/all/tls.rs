//! TLS of the server's own, and a certificate that is renewed under way.

use crate::binary::{Server, serve};
use crate::house::*;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

type Certified = rcgen::CertifiedKey<rcgen::KeyPair>;

fn certified() -> Certified {
    rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap()
}

fn write(folder: &Path, certified: &Certified) {
    std::fs::write(folder.join("chain.pem"), certified.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
}

fn with_tls(folder: &Path) -> std::process::Command {
    let mut command = serve(folder);
    command.arg("--tls-certificate").arg(folder.join("chain.pem")).arg("--tls-key").arg(folder.join("key.pem"));
    command
}

/// What the server answers to somebody who trusts that certificate alone.
async fn get(server: &Server, trusted: &Certified, path: &str) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(server.url.strip_prefix("https://").unwrap()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn it_serves_over_tls_with_a_certificate_that_may_be_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (certified(), certified());
    write(folder.path(), &first);
    let server = Server::of(with_tls(folder.path()));
    let answer = get(&server, &first, "/health").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
    assert!(get(&server, &first, "/adforge.js").await.unwrap().contains(LOADER));
    assert!(get(&server, &second, "/health").await.is_err());

    write(folder.path(), &second);
    server.signal("HUP");
    server.logged("the certificate is read again");
    assert!(get(&server, &second, "/health").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(get(&server, &first, "/health").await.is_err());

    // A key that is another certificate's changes nothing.
    std::fs::write(folder.path().join("key.pem"), first.signing_key.serialize_pem()).unwrap();
    server.signal("HUP");
    let line = server.logged("the certificate cannot be read again, all stays as it was");
    assert!(line.contains("give the two that were made together"), "{line}");
    assert!(get(&server, &second, "/health").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(server.stop().0.success());
}

#[tokio::test]
async fn whoever_speaks_no_tls_gets_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let certified = certified();
    write(folder.path(), &certified);
    let server = Server::of(with_tls(folder.path()));
    let mut stream = TcpStream::connect(server.url.strip_prefix("https://").unwrap()).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));
    assert!(get(&server, &certified, "/health").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(server.stop().0.success());
}

#[test]
fn a_certificate_that_cannot_be_served_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (certified(), certified());
    let start = || {
        let output = with_tls(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(start().contains("chain.pem`: give a PEM file with the certificate"), "{}", start());
    write(folder.path(), &one);
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    assert!(start().contains("key.pem`: give a PEM file with the private key"), "{}", start());
    std::fs::write(folder.path().join("key.pem"), other.signing_key.serialize_pem()).unwrap();
    assert!(start().contains("give the two that were made together"), "{}", start());
    assert!(!database_path(folder.path()).exists());
}
