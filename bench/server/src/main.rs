//! What the server does in a second, beside a bare HTTP handler and a bare database, in one run.
//!
//! `cargo xtask bench server`. Each row is the best of several turns; whoever is compared takes turns, so that what else the
//! machine does hits both. `CONSENTRY_BENCH_SUBJECTS` asks for that many subjects to be stored first (none by default),
//! `CONSENTRY_BENCH_LISTENERS` for other than 1 000 listeners.

mod house;
mod load;

use anyhow::{Context, Result};
use axum::Json;
use axum::routing::post;
use consentry_core::wire::ChoiceDoc;
use consentry_core::{DeviceId, EventId, EventKind, Time};
use consentry_server::{ApiKey, NewEntry, SecretHash, SiteFolder, Store};
use house::Server;
use load::{Connection, Run, send};
use rusqlite::params;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a turn takes.
const TURN: Duration = Duration::from_secs(2);
/// How often each has its turn.
const TURNS: usize = 3;
/// Most requests that are written for a turn.
const REQUESTS_MAX: usize = 60_000;
/// Most entries in one transaction, as in the server.
const BATCH: usize = 512;
const ORIGIN: &str = "https://adforge.example";

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if std::env::args().nth(1).as_deref() == Some("bare") {
        return runtime.block_on(bare());
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let program = std::env::var_os("CONSENTRY_BIN").context("CONSENTRY_BIN: the server, built in release")?;
    runtime.block_on(Bench::new(root, program.into())?.run())
}

/// Reads JSON and answers with some.
async fn bare() -> Result<()> {
    let router = axum::Router::new().route("/", post(async |Json(body): Json<Value>| Json(json!({ "v": 1, "id": body["id"] }))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

struct Bench {
    root: PathBuf,
    program: PathBuf,
    published: consentry_core::source::Published,
}

impl Bench {
    fn new(root: PathBuf, program: PathBuf) -> Result<Self> {
        let published = SiteFolder::find(&root.join("policies/adforge"))?
            .remove(0)
            .publish()
            .map_err(|_| anyhow::anyhow!("the policy does not hold"))?;
        Ok(Self { root, program, published })
    }

    /// A choice of somebody new.
    fn choice(&self) -> (String, Value) {
        let device = uuid(4);
        let notice = self.published.notices.first().map(|notice| notice.hash.to_string()).unwrap_or_default();
        let outcome = if fastrand::bool() { "all-granted" } else { "all-refused" };
        let choice = json!({
            "v": 1, "id": uuid(7), "policy": self.published.policy.hash(), "notice": notice, "language": "en",
            "surface": "banner", "outcome": outcome,
        });
        (device, choice)
    }

    fn post_choice(&self) -> (String, Vec<u8>) {
        let (device, choice) = self.choice();
        let head = format!("Origin: {ORIGIN}\r\nAuthorization: Bearer {device}.{}\r\n", "A".repeat(43));
        (device, request("/v1/sites/adforge/choices", &head, "application/json", choice.to_string().as_bytes()))
    }

    fn entry(&self) -> Result<NewEntry> {
        let (device, choice) = self.choice();
        let doc: ChoiceDoc = serde_json::from_value(choice)?;
        let (draft, id) = doc.into_draft(&self.published.policy)?;
        Ok(NewEntry {
            site: "adforge".parse()?,
            subject: format!("device:{device}").parse()?,
            secret: Some(SecretHash::of(&[0; 32])),
            kind: EventKind::Chosen(draft.commit(&self.published.history, id)?),
            at: Time::from_ms(now_ms()),
        })
    }

    async fn run(self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("consentry.db");
        let stored: usize = std::env::var("CONSENTRY_BENCH_SUBJECTS").map_or(Ok(0), |count| count.parse())?;
        if stored > 0 {
            self.store(&database, stored).await?;
        }
        let key = ApiKey::generate()?;
        let store = Store::open(&format!("sqlite:{}", database.display()).parse()?)?;
        let scopes = "ask export".parse()?;
        store
            .add_key(key.hash(), &"adforge".parse()?, "bench", &scopes, Time::from_ms(now_ms()))
            .map_err(|error| anyhow::anyhow!(error))?;
        store.close().await;
        drop(store);
        let key = key.reveal();

        let server = Server::consentry(&self.program, &self.root, &database)?;
        let bare = Server::bare()?;
        println!("\n{stored} subjects stored: ready in {} ms, {:.1} MB at rest\n", server.ready.as_millis(), server.memory()?);
        println!("| what | a second | p50, ms | p99, ms | CPU each, µs |\n|--|--:|--:|--:|--:|");

        let raw = self.raw(folder.path())?;
        let ledger = self.ledger(folder.path()).await?;
        println!("| bare database: rows of the same choices, {BATCH} a transaction | {raw:.0} | – | – | – |");
        println!("| our ledger without HTTP, 512 waiting | {ledger:.0} | – | – | – |");
        let body = self.choice().1.to_string();
        let to_bare = Arc::new(vec![request("/", "", "application/json", body.as_bytes()); REQUESTS_MAX * 4]);
        let handler = best(&bare, || async { send(bare.port, Arc::clone(&to_bare), 64, TURN).await }).await?;
        handler.row("bare handler: POST of the same size, 64 connections");
        let mut devices = Vec::new();
        for connections in [1, 64, 256] {
            let run = best(&server, || async {
                let (new, requests): (Vec<String>, Vec<Vec<u8>>) = (0..REQUESTS_MAX).map(|_| self.post_choice()).unzip();
                let run = send(server.port, Arc::new(requests), connections, TURN).await?;
                devices.extend(new.into_iter().take(run.answered));
                Ok(run)
            });
            // The closure borrows what the next turn adds to, one after the other.
            run.await?.row(&format!("choices, durable, {connections} connections"));
        }
        let authorization = format!("Authorization: Bearer {key}\r\n");
        let question = |device: &str| json!({ "subject": format!("device:{device}"), "purpose": "marketing" });
        let pick = || devices.get(fastrand::usize(..devices.len())).map_or("", String::as_str);
        let ask = |body: &str| request("/v1/sites/adforge/decisions", &authorization, "application/json", body.as_bytes());
        let singles: Arc<Vec<_>> = Arc::new((0..REQUESTS_MAX).map(|_| ask(&question(pick()).to_string())).collect());
        let single = best(&server, || async { send(server.port, Arc::clone(&singles), 64, TURN).await }).await?;
        single.row("one decision, 64 connections");
        let batches: Arc<Vec<_>> = Arc::new(
            (0..400)
                .map(|_| {
                    let questions: Vec<Value> = (0..1_000).map(|_| question(pick())).collect();
                    ask(&json!({ "questions": questions }).to_string())
                })
                .collect(),
        );
        let batch = best(&server, || async { send(server.port, Arc::clone(&batches), 4, TURN).await }).await?;
        batch.row_of("decisions, a thousand a request", 1_000.0);
        let ids: Vec<u8> = (0..100_000).flat_map(|_| bytes(pick())).collect();
        let filter = request("/v1/sites/adforge/filter?purpose=marketing", &authorization, "application/octet-stream", &ids);
        let filters = Arc::new(vec![filter; 100]);
        let filtered = best(&server, || async { send(server.port, Arc::clone(&filters), 2, TURN).await }).await?;
        filtered.row_of("ids filtered, 100 000 a request", 100_000.0);
        self.feed(&server, &authorization).await?;
        println!(
            "\nchoices at 256 connections need the processor {:.0} times less than c15t's POST (2 200 µs); \
             one decision runs at {:.0} % of the bare handler's rate.",
            2_200.0 / best_choice_cpu(&server, &self).await?,
            100.0 * single.run.per_second() / handler.run.per_second()
        );
        Ok(())
    }

    /// How long until the last of many listeners has heard of one choice.
    async fn feed(&self, server: &Server, authorization: &str) -> Result<()> {
        let count = std::env::var("CONSENTRY_BENCH_LISTENERS").map_or(Ok(1_000), |count| count.parse())?;
        let before = server.memory()?;
        // From where the ledger stands: a number beyond it is where nothing is yet.
        let head = format!("{authorization}Accept: text/event-stream\r\n");
        let mut connection = Connection::to(server.port).await?;
        let page = get("/v1/sites/adforge/changes?limit=1&after=999999999", authorization);
        connection.ask(&page).await?;
        let mut listeners = Vec::with_capacity(count);
        let last = self.last(server, authorization).await?;
        for _ in 0..count {
            let mut listener = Connection::to(server.port).await?;
            let path = last.map_or("/v1/sites/adforge/changes".to_owned(), |last| format!("/v1/sites/adforge/changes?after={last}"));
            listener.listen(&get(&path, &head)).await?;
            listeners.push(listener);
        }
        let (_, post) = self.post_choice();
        let begun = Instant::now();
        connection.ask(&post).await?;
        let mut tasks = tokio::task::JoinSet::new();
        for mut listener in listeners {
            tasks.spawn(async move {
                listener.hear(b"\ndata: ").await?;
                anyhow::Ok(listener)
            });
        }
        let kept: Vec<_> = tasks.join_all().await.into_iter().collect::<Result<_>>()?;
        let took = begun.elapsed();
        let each = (server.memory()? - before) * 1024.0 / kept.len() as f64;
        println!("\n{count} listeners: the last has heard of a choice {:.0} ms after it was sent; {each:.0} KB each", took.as_secs_f64() * 1_000.0);
        Ok(())
    }

    /// The number of the last entry, by asking for ever later ones.
    async fn last(&self, server: &Server, authorization: &str) -> Result<Option<u64>> {
        let mut connection = Connection::to(server.port).await?;
        let (mut low, mut high): (u64, u64) = (0, 1 << 32);
        while low < high {
            let middle = low + (high - low) / 2;
            let path = format!("/v1/sites/adforge/changes?limit=1&after={middle}");
            connection.ask(&get(&path, authorization)).await?;
            let page: Value = serde_json::from_slice(&connection.body)?;
            let is_beyond = page["changes"].as_array().is_none_or(Vec::is_empty);
            if is_beyond { high = middle } else { low = middle + 1 }
        }
        Ok(Some(low))
    }

    /// Entries a second through the store, as many as a batch at once.
    async fn ledger(&self, folder: &Path) -> Result<f64> {
        let store = Store::open(&format!("sqlite:{}", folder.join("ledger.db").display()).parse()?)?;
        let mut best: f64 = 0.0;
        for _ in 0..TURNS {
            let entries: Vec<NewEntry> = (0..30_000).map(|_| self.entry()).collect::<Result<_>>()?;
            let begun = Instant::now();
            for chunk in entries.chunks(BATCH * 4) {
                let mut tasks = tokio::task::JoinSet::new();
                for entry in chunk.iter().cloned() {
                    let store = store.clone();
                    tasks.spawn(async move { store.append(entry).await });
                }
                for outcome in tasks.join_all().await {
                    outcome?;
                }
            }
            best = best.max(entries.len() as f64 / begun.elapsed().as_secs_f64());
        }
        store.close().await;
        Ok(best)
    }

    /// Rows a second of the same size into tables of the same form, with nothing looked up and nothing hashed.
    fn raw(&self, folder: &Path) -> Result<f64> {
        let mut database = rusqlite::Connection::open(folder.join("raw.db"))?;
        database.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE entries (site INTEGER, seq INTEGER, at_ms INTEGER, commitment BLOB, PRIMARY KEY (site, seq)) WITHOUT ROWID;
             CREATE TABLE payloads (site INTEGER, seq INTEGER, id BLOB, subject BLOB, secret_hash BLOB, salt BLOB, payload BLOB,
                PRIMARY KEY (site, seq)) WITHOUT ROWID;
             CREATE UNIQUE INDEX payloads_by_id ON payloads (site, id);
             CREATE INDEX payloads_of_subject ON payloads (site, subject, seq);",
        )?;
        let payload = self.choice().1.to_string().repeat(2);
        let (mut best, mut seq): (f64, i64) = (0.0, 0);
        for _ in 0..TURNS {
            let begun = Instant::now();
            let first = seq;
            while begun.elapsed() < TURN {
                let transaction = database.transaction()?;
                {
                    let mut entries = transaction.prepare_cached("INSERT INTO entries VALUES (1, ?1, ?2, ?3)")?;
                    let mut payloads = transaction.prepare_cached("INSERT INTO payloads VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)")?;
                    for _ in 0..BATCH {
                        let (id, subject) = (bytes(&uuid(7)), bytes(&uuid(4)));
                        entries.execute(params![seq, seq, [7_u8; 32]])?;
                        payloads.execute(params![seq, id, subject, [7_u8; 32], [7_u8; 32], payload.as_bytes()])?;
                        seq += 1;
                    }
                }
                transaction.commit()?;
            }
            best = best.max((seq - first) as f64 / begun.elapsed().as_secs_f64());
        }
        Ok(best)
    }

    /// Puts that many subjects into a database.
    async fn store(&self, database: &Path, count: usize) -> Result<()> {
        let store = Store::open(&format!("sqlite:{}", database.display()).parse()?)?;
        for done in (0..count).step_by(BATCH * 8) {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in done..count.min(done + BATCH * 8 - 1) {
                let (store, entry) = (store.clone(), self.entry()?);
                tasks.spawn(async move { store.append(entry).await });
            }
            for outcome in tasks.join_all().await {
                outcome?;
            }
        }
        store.close().await;
        Ok(())
    }
}

/// A run, and what it took of the processor.
struct Turn {
    run: Run,
    cpu: Duration,
}

impl Turn {
    fn row(&self, what: &str) {
        self.row_of(what, 1.0);
    }

    /// Of requests that ask for several things each.
    fn row_of(&self, what: &str, each: f64) {
        let ms = |part| self.run.percentile(part).as_secs_f64() * 1_000.0;
        let cpu = self.cpu.as_secs_f64() * 1e6 / self.run.answered as f64 / each;
        let per_second = self.run.per_second() * each;
        println!("| {what} | {per_second:.0} | {:.2} | {:.2} | {cpu:.2} |", ms(0.5), ms(0.99));
    }
}

/// The best of several turns.
async fn best<F: Future<Output = Result<Run>>>(server: &Server, mut turn: impl FnMut() -> F) -> Result<Turn> {
    let mut best: Option<Turn> = None;
    for _ in 0..TURNS {
        let before = server.cpu()?;
        let run = turn().await?;
        let cpu = server.cpu()? - before;
        if best.as_ref().is_none_or(|best| best.run.per_second() < run.per_second()) {
            best = Some(Turn { run, cpu });
        }
    }
    best.context("no turn")
}

/// What a choice takes of the processor under load, in µs.
async fn best_choice_cpu(server: &Server, bench: &Bench) -> Result<f64> {
    let requests: Arc<Vec<Vec<u8>>> = Arc::new((0..REQUESTS_MAX).map(|_| bench.post_choice().1).collect());
    let before = server.cpu()?;
    let run = send(server.port, requests, 256, TURN).await?;
    Ok((server.cpu()? - before).as_secs_f64() * 1e6 / run.answered as f64)
}

fn request(path: &str, head: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\n{head}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn get(path: &str, head: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{head}\r\n").into_bytes()
}

/// A UUID of that version, as text.
fn uuid(version: u8) -> String {
    let random: [u8; 10] = std::array::from_fn(|_| fastrand::u8(..));
    let seven = EventId::from_parts(now_ms(), &random).to_string();
    if version == 7 {
        return seven;
    }
    let text = format!("{:08x}{}", fastrand::u32(..), &seven[8..]);
    let text = format!("{}4{}", &text[..14], &text[15..]);
    debug_assert!(text.parse::<DeviceId>().is_ok());
    text
}

fn bytes(uuid: &str) -> [u8; 16] {
    u128::from_str_radix(&uuid.replace('-', ""), 16).unwrap_or_default().to_be_bytes()
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
