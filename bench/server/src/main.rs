//! What the server does in a second, beside a bare HTTP handler and a bare database, in one run.
//!
//! `cargo xtask bench server`. Each row is the best of several turns; whoever is compared takes turns, so that what else the
//! machine does hits both. `CONSENTRY_BENCH_SUBJECTS` asks for that many subjects to be stored first, `CONSENTRY_BENCH_LISTENERS` for that
//! many listeners. `CONSENTRY_BENCH_ONLY=choices` or `=decisions` measures these alone, for whoever looks for what they cost.

mod follow;
mod house;
mod load;

use anyhow::{Context, Result};
use axum::Json;
use axum::routing::post;
use consentry_core::ledger::Payload;
use consentry_core::wire::ChoiceDoc;
use consentry_core::{DeviceId, Event, EventId, EventKind, Time};
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
/// How many listen to the feed, if nothing else is said.
const LISTENERS: usize = 10_000;
/// How many subjects are stored before anything is asked, if nothing else is said.
const SUBJECTS: usize = 1_000_000;
/// What a POST takes c15t 2.2 of the processor, in µs (Node, PostgreSQL; the same machine).
const C15T_POST_US: f64 = 2_200.0;
/// The bare figure of an event to ten thousand connections, in ms (hyper alone, the same machine): a listener hears within twice that.
const BARE_FEED_MS: f64 = 126.0;
/// How many of those who have just chosen are asked about, where decisions are measured alone: twice as many as a server remembers.
const DEVICES: usize = 100_000;
const ORIGIN: &str = "https://adforge.example";
/// By then a server that nobody asks does nothing any more.
const AT_REST_AFTER: Duration = Duration::from_secs(2);
/// Begins a table of rows.
const HEAD: &str = "| what | a second | p50, ms | p99, ms | CPU each, µs |\n|--|--:|--:|--:|--:|";

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if std::env::args().nth(1).as_deref() == Some("bare") {
        return runtime.block_on(bare());
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let program = std::env::var_os("CONSENTRY_BIN").context("CONSENTRY_BIN: the server, built in release")?;
    let bench = Bench::new(root, program.into())?;
    match std::env::var("CONSENTRY_BENCH_ONLY").as_deref() {
        Ok("choices") => runtime.block_on(bench.choices_alone()),
        Ok("decisions") => runtime.block_on(bench.decisions_alone()),
        Ok(other) => anyhow::bail!("CONSENTRY_BENCH_ONLY: `{other}` is neither `choices` nor `decisions`"),
        Err(_) => runtime.block_on(bench.run()),
    }
}

/// Reads JSON and answers with some.
async fn bare() -> Result<()> {
    let router =
        axum::Router::new().route("/", post(async |Json(body): Json<Value>| Json(json!({ "v": 1, "id": body["id"] }))));
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
        let stored = asked_for("CONSENTRY_BENCH_SUBJECTS", SUBJECTS)?;
        let listeners = asked_for("CONSENTRY_BENCH_LISTENERS", LISTENERS)?;
        let raw = self.raw(folder.path())?;
        let ledger = self.ledger(folder.path()).await?;
        let handler = self.bare_handler().await?;

        let empty = self.server(&folder.path().join("empty.db"), 0).await?;
        let of_empty = self.choices(&empty.server, 64, None).await?;
        let waits = follow::withdrawals(&self, empty.server.port, &empty.key).await?;
        drop(empty);
        println!("storing {stored} subjects …");
        let House { server, key } = self.server(&folder.path().join("full.db"), stored).await?;
        let ready = server.ready;
        // Once it is ready it composes and compresses what pages will fetch. At rest it is after that.
        tokio::time::sleep(AT_REST_AFTER).await;
        let at_rest = server.memory()?;

        let mut devices = Vec::new();
        let mut rows = Vec::new();
        for connections in [1, 64, 256] {
            let turn = self.choices(&server, connections, Some(&mut devices)).await?;
            rows.push((format!("choices, durable, {connections} connections, {stored} subjects stored"), turn, 1.0));
        }
        let full = rows.iter().map(|(_, turn, _)| turn.run.per_second()).fold(0.0, f64::max);
        let cpu = rows.last().map_or(0.0, |(_, turn, _)| turn.cpu_us());
        let half = self.choices_at(&server, 64, full / 2.0).await?;
        rows.push(("choices at half that rate, from when each was due".into(), half, 1.0));

        let authorization = format!("Authorization: Bearer {key}\r\n");
        let pick = || devices.get(fastrand::usize(..devices.len())).map_or("", String::as_str);
        let ask =
            |body: &str| request("/v1/sites/adforge/decisions", &authorization, "application/json", body.as_bytes());
        let single = self.single_decisions(&server, &key, &devices).await?;
        let single_rate = single.run.per_second();
        rows.push(("one decision, 64 connections".into(), single, 1.0));
        let thousand = || -> Vec<Value> { (0..1_000).map(|_| question(pick())).collect() };
        let batches = (0..400).map(|_| ask(&json!({ "questions": thousand() }).to_string())).collect();
        let batches: Arc<Vec<_>> = Arc::new(batches);
        let batch = best(&server, async || send(server.port, Arc::clone(&batches), 4, None, TURN).await).await?;
        rows.push(("questions, a thousand a request".into(), batch, 1_000.0));
        // Asked for, so that it is there: a server makes it in the background when it is first wanted.
        let begun = Instant::now();
        let mut connection = Connection::to(server.port).await?;
        connection.ask(&get("/v1/sites/adforge/replica", &authorization)).await?;
        let (made, length) = (begun.elapsed(), connection.body.len());
        let same = || -> Vec<String> { (0..1_000).map(|_| format!("device:{}", pick())).collect() };
        let batches = (0..400).map(|_| ask(&json!({ "subjects": same(), "purpose": "marketing" }).to_string())).collect();
        let batches: Arc<Vec<_>> = Arc::new(batches);
        let batch = best(&server, async || send(server.port, Arc::clone(&batches), 4, None, TURN).await).await?;
        rows.push(("one question about a thousand".into(), batch, 1_000.0));
        let ids: Vec<u8> = (0..100_000).flat_map(|_| bytes(pick())).collect();
        let filter =
            request("/v1/sites/adforge/filter?purpose=marketing", &authorization, "application/octet-stream", &ids);
        let filters = Arc::new(vec![filter; 400]);
        let filtered = best(&server, async || send(server.port, Arc::clone(&filters), 2, None, TURN).await).await?;
        rows.push(("16-byte ids filtered, 100 000 a request".into(), filtered, 100_000.0));
        let (heard, each) = self.feed(&server, &authorization, listeners).await?;

        println!("\n{HEAD}");
        raw.row(&format!("bare database: rows of the same choices, {BATCH} a transaction"));
        ledger.row("our ledger without HTTP, 512 waiting");
        handler.row("bare handler: POST of the same size, 64 connections", 1.0);
        of_empty.row("choices, durable, 64 connections, none stored", 1.0);
        for (what, turn, each) in &rows {
            turn.row(what, *each);
        }
        println!("\n| what | is | wanted |\n|--|--:|--:|");
        println!("| choices to a bare database's rows | {:.0} % | 60 % |", 100.0 * full / raw.per_second);
        println!(
            "| choices with {stored} subjects to choices with none | {:.0} % | hardly less |",
            100.0 * full / of_empty.run.per_second()
        );
        println!("| CPU of c15t's POST ({C15T_POST_US:.0} µs) to a choice's | {:.0} × | 50 × |", C15T_POST_US / cpu);
        println!(
            "| one decision to the bare handler's rate | {:.0} % | 70 % |",
            100.0 * single_rate / handler.run.per_second()
        );
        println!("| a replica of all, made and sent: {:.0} MB | {:.1} s | – |", length as f64 / 1e6, made.as_secs_f64());
        let wait = |part: f64| waits[((waits.len() as f64 - 1.0) * part) as usize].as_secs_f64() * 1_000.0;
        println!("| from a withdrawal's POST until each of 100 replicas denies, p50 | {:.1} ms | 20 ms |", wait(0.5));
        println!("| the same, p99 | {:.1} ms | 100 ms |", wait(0.99));
        println!("| {listeners} listeners, until the last has heard | {heard:.0} ms | {:.0} ms |", 2.0 * BARE_FEED_MS);
        println!("| memory of a listener | {each:.0} KB | – |");
        println!("| memory at rest, {stored} subjects stored | {at_rest:.1} MB | 25 MB |");
        println!("| ready, {stored} subjects stored | {} ms | 50 ms |", ready.as_millis());
        Ok(())
    }

    /// What a choice costs, beside the database's part and the ledger's.
    async fn choices_alone(self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let stored = asked_for("CONSENTRY_BENCH_SUBJECTS", SUBJECTS)?;
        println!("{HEAD}");
        self.raw(folder.path())?.row("bare database: rows of the same choices");
        self.ledger(folder.path()).await?.row("our ledger without HTTP");
        let House { server, .. } = self.server(&folder.path().join("full.db"), stored).await?;
        for connections in [64, 256] {
            let what = format!("choices, durable, {connections} connections, {stored} subjects stored");
            self.choices(&server, connections, None).await?.row(&what, 1.0);
        }
        Ok(())
    }

    /// What a decision costs: about few who are remembered, and about many of whom half are not.
    async fn decisions_alone(self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        println!("{HEAD}");
        self.bare_handler().await?.row("bare handler", 1.0);
        let stored = asked_for("CONSENTRY_BENCH_SUBJECTS", SUBJECTS)?;
        let House { server, key } = self.server(&folder.path().join("full.db"), stored).await?;
        let mut devices = Vec::new();
        while devices.len() < DEVICES {
            self.choices(&server, 64, Some(&mut devices)).await?;
        }
        for count in [1_000, DEVICES] {
            let devices = devices.get(..count).unwrap_or_default();
            let turn = self.single_decisions(&server, &key, devices).await?;
            turn.row(&format!("one decision about one of {count}"), 1.0);
        }
        Ok(())
    }

    async fn bare_handler(&self) -> Result<Turn> {
        let bare = Server::bare()?;
        let body = self.choice().1.to_string();
        let to_bare = Arc::new(vec![request("/", "", "application/json", body.as_bytes()); REQUESTS_MAX * 4]);
        best(&bare, async || send(bare.port, Arc::clone(&to_bare), 64, None, TURN).await).await
    }

    /// One question a request, about any of these.
    async fn single_decisions(&self, server: &Server, key: &str, devices: &[String]) -> Result<Turn> {
        let head = format!("Authorization: Bearer {key}\r\n");
        let pick = || devices.get(fastrand::usize(..devices.len())).map_or("", String::as_str);
        let ask = || request("/v1/sites/adforge/decisions", &head, "application/json", question(pick()).to_string().as_bytes());
        let singles: Arc<Vec<_>> = Arc::new((0..REQUESTS_MAX * 4).map(|_| ask()).collect());
        best(server, async || send(server.port, Arc::clone(&singles), 64, None, TURN).await).await
    }

    /// A server on a database with that many subjects, and a key that may ask it everything.
    async fn server(&self, database: &Path, subjects: usize) -> Result<House> {
        self.store(database, subjects).await?;
        let key = ApiKey::generate()?;
        let store = Store::open(&format!("sqlite:{}", database.display()).parse()?)?;
        let scopes = "ask export".parse()?;
        store
            .add_key(key.hash(), &"adforge".parse()?, "bench", &scopes, Time::from_ms(now_ms()))
            .map_err(anyhow::Error::from_boxed)?;
        store.close().await;
        drop(store);
        let server = Server::consentry(&self.program, &self.root, database)?;
        Ok(House { server, key: key.reveal() })
    }

    /// Choices of people who were never seen before, as fast as they are answered.
    async fn choices(&self, server: &Server, connections: usize, mut kept: Option<&mut Vec<String>>) -> Result<Turn> {
        let mut best: Option<Turn> = None;
        for _ in 0..TURNS {
            let (new, requests): (Vec<String>, Vec<Vec<u8>>) = (0..REQUESTS_MAX).map(|_| self.post_choice()).unzip();
            let turn = Turn::of(server, send(server.port, Arc::new(requests), connections, None, TURN)).await?;
            if let Some(kept) = &mut kept {
                kept.extend(new.into_iter().take(turn.run.answered));
            }
            best = Some(Turn::better(best, turn));
        }
        best.context("no turn")
    }

    /// The same, so many a second, whether the last was answered or not.
    async fn choices_at(&self, server: &Server, connections: usize, per_second: f64) -> Result<Turn> {
        let requests: Vec<Vec<u8>> = (0..REQUESTS_MAX).map(|_| self.post_choice().1).collect();
        Turn::of(server, send(server.port, Arc::new(requests), connections, Some(per_second), TURN)).await
    }

    /// How long until the last of many listeners has heard of one choice.
    async fn feed(&self, server: &Server, authorization: &str, count: usize) -> Result<(f64, f64)> {
        let before = server.memory()?;
        let head = format!("{authorization}Accept: text/event-stream\r\n");
        let mut connection = Connection::to(server.port).await?;
        let mut listeners = Vec::with_capacity(count);
        let last = self.last(server).await?;
        let listen = get(&format!("/v1/sites/adforge/changes?after={last}"), &head);
        for _ in 0..count {
            let mut listener = Connection::to(server.port).await?;
            listener.listen(&listen).await?;
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
        Ok((took.as_secs_f64() * 1_000.0, each))
    }

    /// The number of the last entry, as the checkpoint says it.
    async fn last(&self, server: &Server) -> Result<u64> {
        let mut connection = Connection::to(server.port).await?;
        connection.ask(&get("/v1/sites/adforge/ledger/checkpoint", "")).await?;
        let note = String::from_utf8_lossy(&connection.body).into_owned();
        let size: u64 = note.lines().nth(1).context("no size in the checkpoint")?.parse()?;
        size.checked_sub(1).context("an empty ledger")
    }

    /// Entries a second through the store, as many as a batch at once.
    async fn ledger(&self, folder: &Path) -> Result<Kept> {
        let store = Store::open(&format!("sqlite:{}", folder.join("ledger.db").display()).parse()?)?;
        let mut best = Kept::default();
        for _ in 0..TURNS {
            let entries: Vec<NewEntry> = (0..30_000).map(|_| self.entry()).collect::<Result<_>>()?;
            let (begun, before) = (Instant::now(), house::cpu("self")?);
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
            best = best.or(entries.len(), begun.elapsed(), house::cpu("self")? - before);
        }
        store.close().await;
        Ok(best)
    }

    /// Rows a second of the same size into tables of the same form, with nothing looked up and nothing hashed.
    fn raw(&self, folder: &Path) -> Result<Kept> {
        let mut database = rusqlite::Connection::open(folder.join("raw.db"))?;
        database.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE entries (site INTEGER, seq INTEGER, at_ms INTEGER, commitment BLOB, PRIMARY KEY (site, seq)) WITHOUT ROWID;
             CREATE TABLE payloads (site INTEGER, seq INTEGER, id BLOB, subject BLOB, secret_hash BLOB, salt BLOB, payload BLOB,
                PRIMARY KEY (site, seq)) WITHOUT ROWID;
             CREATE UNIQUE INDEX payloads_by_id ON payloads (site, id);
             CREATE INDEX payloads_of_subject ON payloads (site, subject, seq);",
        )?;
        let NewEntry { site, subject, kind, at, .. } = self.entry()?;
        let payload = Payload::new(site, subject, Event { at, kind })?;
        let (mut best, mut seq) = (Kept::default(), 0_i64);
        for _ in 0..TURNS {
            let (begun, before) = (Instant::now(), house::cpu("self")?);
            let first = seq;
            while begun.elapsed() < TURN {
                let transaction = database.transaction()?;
                {
                    let mut entries = transaction.prepare_cached("INSERT INTO entries VALUES (1, ?1, ?2, ?3)")?;
                    let mut payloads =
                        transaction.prepare_cached("INSERT INTO payloads VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)")?;
                    for _ in 0..BATCH {
                        let (id, subject) = (bytes(&uuid(7)), bytes(&uuid(4)));
                        entries.execute(params![seq, seq, [7_u8; 32]])?;
                        payloads.execute(params![seq, id, subject, [7_u8; 32], [7_u8; 32], payload.as_bytes()])?;
                        seq += 1;
                    }
                }
                transaction.commit()?;
            }
            best = best.or(usize::try_from(seq - first)?, begun.elapsed(), house::cpu("self")? - before);
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
    async fn of(server: &Server, run: impl Future<Output = Result<Run>>) -> Result<Self> {
        let before = server.cpu()?;
        let run = run.await?;
        Ok(Self { run, cpu: server.cpu()? - before })
    }

    fn better(one: Option<Self>, other: Self) -> Self {
        match one {
            Some(one) if one.run.per_second() >= other.run.per_second() => one,
            _ => other,
        }
    }

    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.run.answered as f64
    }

    /// A row; `each` is how many things one request asks for.
    fn row(&self, what: &str, each: f64) {
        let ms = |part| self.run.percentile(part).as_secs_f64() * 1_000.0;
        let (per_second, cpu) = (self.run.per_second() * each, self.cpu_us() / each);
        println!("| {what} | {per_second:.0} | {:.2} | {:.2} | {cpu:.2} |", ms(0.5), ms(0.99));
    }
}

/// What is kept without HTTP: the best of several turns.
#[derive(Default, Clone, Copy)]
struct Kept {
    per_second: f64,
    cpu_us: f64,
}

impl Kept {
    fn or(self, count: usize, took: Duration, cpu: Duration) -> Self {
        let count = count as f64;
        let other = Self { per_second: count / took.as_secs_f64(), cpu_us: cpu.as_secs_f64() * 1e6 / count };
        if self.per_second >= other.per_second { self } else { other }
    }

    fn row(self, what: &str) {
        println!("| {what} | {:.0} | – | – | {:.2} |", self.per_second, self.cpu_us);
    }
}

/// A server, and a key to it.
struct House {
    server: Server,
    key: String,
}

/// The best of several turns.
async fn best(server: &Server, turn: impl AsyncFn() -> Result<Run>) -> Result<Turn> {
    let mut best = None;
    for _ in 0..TURNS {
        best = Some(Turn::better(best, Turn::of(server, turn()).await?));
    }
    best.context("no turn")
}

/// A number of the environment.
fn asked_for(name: &str, assumed: usize) -> Result<usize> {
    std::env::var(name).map_or(Ok(assumed), |text| text.parse()).with_context(|| format!("`{name}` is no number"))
}

fn question(device: &str) -> Value {
    json!({ "subject": format!("device:{device}"), "purpose": "marketing" })
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
