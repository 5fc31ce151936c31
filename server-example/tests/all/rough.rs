//! Rough requests: too much, too slow, and paths that try to get out. Each is answered by a problem, or not at all.

use crate::binary::Server;
use crate::house::*;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Method, Request, StatusCode, header};
use hyper::body::Frame;
use serde_json::json;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn no_path_gets_out_of_where_it_is() {
    let house = House::new();
    for (path, name) in [
        ("/assets/../adforge.js", "not-found"),
        ("/assets/..", "not-found"),
        ("/assets/%2e%2e/adforge.js", "not-found"),
        ("/assets/%2e%2e", "not-found"),
        ("/assets/%2e%2e%2fCargo.toml", "not-found"),
        ("/assets/..%5c..%5cCargo.toml", "not-found"),
        ("/assets/%252e%252e%252fCargo.toml", "not-found"),
        ("/assets/widget%00.js", "not-found"),
        ("/assets/%c0%ae%c0%ae/", "not-found"),
        ("/assets/%ff%fe", "not-found"),
        ("/assets/%", "not-found"),
        ("/assets//etc/passwd", "not-found"),
        ("//etc/passwd", "not-found"),
        ("/..%2f..%2fetc%2fpasswd", "not-found"),
        ("/..%2f..%2fetc%2fpasswd.js", "unknown-site"),
        ("/%2e%2e.js", "unknown-site"),
        ("/adforge%00.js", "unknown-site"),
        ("/adforge.js%00", "not-found"),
        ("/ADFORGE.js", "unknown-site"),
        ("/problems/..%2fmalformed", "not-found"),
        ("/v1/sites/../adforge/decisions", "not-found"),
        ("/v1/sites/%2e%2e/record", "unknown-site"),
        ("/v1/sites/adforge%2frecord/record", "unknown-site"),
        ("/v1/sites/adforge%00/record", "unknown-site"),
        ("/v1/sites/%61dforge%252f/record", "unknown-site"),
        ("/v1/sites/adforge/notices/..%2f..%2fx", "not-found"),
        ("/v1/sites/adforge/notices/%00", "not-found"),
        ("/v1/sites/..%2f/notices/x", "unknown-site"),
    ] {
        let answer = house.send(get(path)).await;
        answer.problem(404, name);
        assert!(!answer.text().contains("passwd"), "{path}: a problem repeats nothing of the path");
    }
}

#[tokio::test]
async fn a_head_of_too_many_fields_is_a_problem() {
    let house = House::new();
    let flood = |fields: usize| {
        let mut request = Request::get("/health");
        for field in 0..fields {
            request = request.header(format!("x-{field}"), "x");
        }
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(house.send(flood(64)).await.status, StatusCode::OK);
    house.send(flood(65)).await.problem(431, "too-large");
    let repeated = (0..65).fold(Request::get("/adforge.js"), |request, _| request.header("x", "x"));
    house.send(repeated.body(Body::empty()).unwrap()).await.problem(431, "too-large");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_a_problem_and_nothing_is_kept() {
    let house = House::new();
    let browser = Browser::new();
    let long = "x".repeat(64 * 1024);
    let mut choice = house.choice(json!({ "outcome": "all-refused" }));
    choice["long"] = json!(long);
    house.post(&browser, &choice).await.problem(413, "too-large");
    for path in ["/v1/sites/adforge/signals", "/v1/sites/adforge/demands"] {
        house
            .send(with_json(browser.request(Method::POST, path), &json!({ "v": long })))
            .await
            .problem(413, "too-large");
    }
    let question = json!({ "subject": long.repeat(9) });
    house.ask(&house.new_key(), &question).await.problem(413, "too-large");
    assert_eq!(house.counts(), (0, 0));
}

/// A body of which nothing ever comes.
struct Stalled;

impl HttpBody for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// With the runtime's clock in hand, which moves on when there is nothing else to do.
#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_a_problem_and_its_place_is_free_again() {
    let house = House::with(|config| config.limits.in_flight_max = std::num::NonZeroU32::MIN);
    let browser = Browser::new();
    for _ in 0..3 {
        let request = browser.request(Method::POST, "/v1/sites/adforge/choices");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::new(Stalled)).unwrap();
        house.send(request).await.problem(408, "malformed");
    }
    assert_eq!(house.counts(), (0, 0));
}

/// With the runtime's clock in hand: a connection on which nothing comes, a head that stops halfway, and one that is idle after an answer.
#[tokio::test(start_paused = true)]
async fn who_says_nothing_for_half_a_minute_is_not_waited_for() {
    let house = House::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(consentry_server::serve(listener, house.router.clone(), std::future::pending()));
    for (said, answered) in [("", ""), ("GET /health HTTP/1.1\r\nHost: x\r\n", ""), (HEALTH, "HTTP/1.1 200 OK\r\n")] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let began = tokio::time::Instant::now();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let seconds = began.elapsed().as_secs();
        assert!((30..32).contains(&seconds), "{said:?} was waited for during {seconds} s");
        assert!(answer.starts_with(answered), "{said:?}: {answer}");
        assert!(!answered.is_empty() || !answer.contains("200"), "{said:?}: {answer}");
    }
}

/// What the server answers to these bytes before it closes the connection. It may close it while they are still being sent.
fn answer(server: &Server, bytes: &[u8]) -> String {
    let mut stream = server.connect();
    let mut answer = Vec::new();
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_no_http_is_refused_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let fields = |count: usize| (0..count).map(|field| format!("x-{field}: x\r\n")).collect::<String>();
    for (request, begin) in [
        ("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "HTTP/1.1 200"),
        ("GET /assets/\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("GET /health\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("\x16\x03\x01\x02\0\x01\0\x01".to_owned(), "HTTP/1.1 400"),
        (format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", fields(80)), "HTTP/1.1 431"),
        (format!("GET /health HTTP/1.1\r\nHost: x\r\n{}\r\n", fields(200)), "HTTP/1.1 431"),
    ] {
        let answer = answer(&server, request.as_bytes());
        assert!(answer.starts_with(begin), "{request:?}: {answer}");
    }
    // Up to a hundred fields, that says what is wrong.
    let flood = format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", fields(80));
    assert!(answer(&server, flood.as_bytes()).contains("/problems/too-large"));
    assert!(server.stop().0.success());
}
