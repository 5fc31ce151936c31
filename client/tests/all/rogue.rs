//! A server that does what it is told to, however wrong: it answers the requests of whatever connection with these answers in turn.

use consentry_client::{Clock, Consentry, Remote, RemoteConfig};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// These bytes, as they are, and then the connection closes.
    Bytes(Vec<u8>),
    /// An answer of this status, with more header fields (each ending in a line break) and this body. The connection stays.
    Says(u16, &'static str, String),
    /// The connection closes without a word.
    Closes,
    /// Nothing, ever.
    Hangs,
}

pub(crate) fn ok(body: &str) -> Answer {
    Answer::Says(200, "content-type: application/json\r\n", body.into())
}

pub(crate) struct Rogue {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Rogue {
    /// Answers so, and hangs where it has no answer left.
    pub(crate) async fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&seen)));
            }
        });
        Self { url, requests }
    }

    /// The requests so far: head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn remote(&self, config: RemoteConfig) -> Remote {
        let key = format!("ck_{}", "A".repeat(43));
        Consentry::remote_with(&self.url, "adforge", &key, config).unwrap()
    }

    /// A client with its clock held where the tests' is at first.
    pub(crate) fn patient(&self) -> Remote {
        self.remote(RemoteConfig { clock: held(), ..RemoteConfig::default() })
    }
}

pub(crate) fn held() -> Clock {
    Clock::Held(Arc::new(crate::house::START_MS.into()))
}

async fn serve(mut stream: TcpStream, answers: Arc<Mutex<VecDeque<Answer>>>, seen: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request);
        let answer = answers.lock().unwrap().pop_front().unwrap_or(Answer::Hangs);
        match answer {
            Answer::Says(status, headers, body) => {
                let length = body.len();
                let text = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n{body}");
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Bytes(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Answer::Closes => return,
            Answer::Hangs => std::future::pending().await,
        }
    }
}

/// The next request, whose body has a length.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if bytes.len() >= head.len() + 4 + length.unwrap_or(0_usize) {
                return Some(text);
            }
        }
        let mut some = [0; 16 * 1024];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&some[..count]),
        }
    }
}
