//! Requests, written beforehand, over connections that stay.

use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a run came to.
pub struct Run {
    /// Requests that were answered.
    pub answered: usize,
    /// In how long.
    pub took: Duration,
    /// How long each waited, in the order of length.
    pub waits: Vec<Duration>,
}

impl Run {
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }

    pub fn percentile(&self, part: f64) -> Duration {
        let place = ((self.waits.len() as f64 - 1.0) * part).max(0.0) as usize;
        self.waits.get(place).copied().unwrap_or_default()
    }
}

/// Sends each request once, over that many connections, for at most that long: as fast as they are answered, or so many a second. Then a
/// wait counts from when the request was due, so that whoever holds up many is seen to.
pub async fn send(
    port: u16,
    requests: Arc<Vec<Vec<u8>>>,
    connections: usize,
    per_second: Option<f64>,
    at_most: Duration,
) -> Result<Run> {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::to(port).await?;
            let mut waits = Vec::new();
            while begun.elapsed() < at_most {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(place) else { break };
                let due = match per_second {
                    Some(rate) => begun + Duration::from_secs_f64(place as f64 / rate),
                    None => Instant::now(),
                };
                if per_second.is_some() {
                    tokio::time::sleep_until(due.into()).await;
                }
                let status = connection.ask(request).await?;
                waits.push(due.elapsed());
                if !(200..300).contains(&status) {
                    bail!("answered {status}: {}", String::from_utf8_lossy(&connection.body));
                }
            }
            Ok(waits)
        }));
    }
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let took = begun.elapsed();
    waits.sort_unstable();
    Ok(Run { answered: waits.len(), took, waits })
}

/// A connection that stays.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The last answer's.
    pub body: Vec<u8>,
}

impl Connection {
    pub async fn to(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), body: Vec::new() })
    }

    /// Sends a request and reads the answer; its status comes back.
    pub async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status = text.get(9..12).and_then(|status| status.parse().ok()).context("no status")?;
        match text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()) {
            Some(length) => {
                let length: usize = length.parse()?;
                while self.buffer.len() < head + length {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        bail!("the answer broke off");
                    }
                }
            }
            // In pieces: the last is empty.
            None => {
                while !self.buffer.ends_with(b"0\r\n\r\n") {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        bail!("the answer broke off");
                    }
                }
            }
        }
        self.body = self.buffer[head..].to_vec();
        Ok(status)
    }

    /// Sends a request whose answer does not end, and waits for its head.
    pub async fn listen(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        while find(&self.buffer, b"\r\n\r\n").is_none() {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
        }
        self.buffer.clear();
        Ok(())
    }

    /// Waits until the answer has said that.
    pub async fn hear(&mut self, what: &[u8]) -> Result<()> {
        while find(&self.buffer, what).is_none() {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
        }
        Ok(())
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
