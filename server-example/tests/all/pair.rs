//! Two servers on one database, and people who use both at once: what one of them keeps, the other knows, and both tell the same story.
//!
//! A few hundred requests, or as many as come in `CONSENTRY_PAIR_SECONDS`.

use crate::binary::{CONSENTRY, Server, agent, serve_on};
use crate::database::{Database, Kind};
use crate::house::*;
use crate::stores::audited;
use consentry_core::Time;
use consentry_core::source::Published;
use consentry_server::ApiKey;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How many use the servers at once: enough that entries of several wait for the same transaction.
const CLIENTS: usize = 8;
/// How many people each of them is, one after the other, where no time is said.
const PEOPLE: usize = 6;
/// How often something is sent that a server is too busy for.
const TRIES_MAX: usize = 1_000;
/// Most receipts that are checked, evenly spread over those that were handed out: each is a process.
const RECEIPTS_MAX: usize = 200;
/// Most questions in a request.
const QUESTIONS_MAX: usize = 1_000;

#[test]
fn two_servers_on_one_sqlite_file_are_as_one_under_load() {
    two_servers_are_as_one(Kind::Sqlite);
}

#[test]
fn two_servers_on_one_postgres_are_as_one_under_load() {
    two_servers_are_as_one(Kind::Postgres);
}

fn two_servers_are_as_one(kind: Kind) {
    let seconds = std::env::var("CONSENTRY_PAIR_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    let (database, folder) = (Database::new(kind), tempfile::tempdir().unwrap());
    let servers = [(); 2].map(|()| start(folder.path(), &database.text));
    let pair = Pair {
        urls: [0, 1].map(|server: usize| servers[server].url.clone()),
        key: key(&database),
        published: adforge(),
        is_over: AtomicBool::new(false),
        end: AtomicU64::new(u64::MAX),
    };
    let (told, feeds) = loaded(&pair, seconds);

    // Every number was given to one event, and every event has one.
    let size = told.kept.len() as u64;
    let seqs: HashSet<u64> = told.kept.iter().map(|kept| kept.seq).collect();
    let ids: HashSet<&str> = told.kept.iter().map(|kept| &*kept.id).collect();
    assert_eq!((seqs.len() as u64, ids.len() as u64, seqs.iter().max().unwrap() + 1), (size, size, size));

    // Whoever listened to either heard all of it in order. What the one heard of may have been erased before the other heard.
    for feed in &feeds {
        let heard: Vec<u64> = feed.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(heard, (0..size).collect::<Vec<_>>());
    }
    for ((seq, one), (_, other)) in feeds[0].iter().zip(&feeds[1]) {
        assert!(one == other || is_gone(one) != is_gone(other), "entry {seq}: {one} and {other}");
    }
    let [one, other] = [0, 1].map(|server| pair.pages(server));
    assert_eq!((one.len() as u64, one == other), (size, true));

    // Of one time, since an answer says how long it holds.
    let as_of_ms = told.kept.iter().map(|kept| kept.at_ms).max().unwrap();
    let [one, other] = [0, 1].map(|server| pair.decisions(server, &told.people, as_of_ms));
    for (((subject, is_erased), one), other) in told.people.iter().zip(one.chunks(2)).zip(other.chunks(2)) {
        assert_eq!(one, other, "{subject}");
        assert!(one.iter().all(|decision| (decision["reason"] == "erased") == *is_erased), "{subject}: {one:?}");
        assert!(*is_erased || one.iter().any(|decision| decision["allow"] == true), "{subject}: {one:?}");
    }

    let keys = [0, 1].map(|server| pair.get(server, "ledger/keys"));
    assert_eq!(keys[0], keys[1]);
    for server in servers {
        let (status, log) = server.stop();
        assert!(status.success() && !log.contains("ERROR"), "{log}");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = runtime.block_on(async { audited(&database.open()).await });
    assert_eq!(entries.len() as u64, size);
    for kept in &told.kept {
        let entry = &entries[usize::try_from(kept.seq).unwrap()];
        assert_eq!(entry.leaf.at().as_ms(), kept.at_ms);
        let id = entry.sealed.as_ref().map(|sealed| sealed.payload.event().id().to_string());
        assert_eq!(id.as_deref(), Some(&*kept.id).filter(|_| !kept.is_gone), "entry {}", kept.seq);
    }
    let gone = told.kept.iter().filter(|kept| kept.is_gone).count();
    let (code, said) = consentry(&["verify", "--database", &database.text, "--site", "adforge"]);
    let expected = format!("adforge: {size} entries hold, {gone} of them erased;");
    assert!(code == 0 && said.starts_with(&expected), "{said}");
    let checked = check_receipts(folder.path(), &told.receipts, keys[0]["keys"][0]["note"].as_str().unwrap());
    println!(
        "{kind:?}: {size} entries acknowledged by two servers, {} of them sent to both, {gone} erased, {} requests to come again; \
         {checked} of {} receipts checked, {} answers to questions checked",
        told.twice,
        told.busy,
        told.receipts.len(),
        told.asked + 2 * told.people.len(),
    );
}

fn start(folder: &Path, database: &str) -> Server {
    let mut serve = serve_on(folder, database);
    // Whoever loads it is one address, one key, and one site.
    for of in ["ADDRESS", "KEY", "SITE"] {
        serve.env(format!("CONSENTRY_{of}_REQUESTS_PER_SECOND"), "0");
    }
    Server::of(serve)
}

/// The key of a back end that may ask and listen.
fn key(database: &Database) -> String {
    let (store, key) = (database.open(), ApiKey::generate().unwrap());
    let scopes = "ask export".parse().unwrap();
    store.add_key(key.hash(), &"adforge".parse().unwrap(), "test", &scopes, Time::from_ms(START_MS)).unwrap();
    key.reveal()
}

/// Both servers, as everybody knows them.
struct Pair {
    urls: [String; 2],
    key: String,
    published: Published,
    is_over: AtomicBool,
    /// The number of the last entry, once that is known.
    end: AtomicU64,
}

/// What the servers have told somebody.
#[derive(Default)]
struct Told {
    kept: Vec<Kept>,
    receipts: Vec<String>,
    /// Who they were, and whether they were erased.
    people: Vec<(String, bool)>,
    twice: usize,
    busy: usize,
    asked: usize,
}

/// An event that was acknowledged.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    id: String,
    seq: u64,
    at_ms: u64,
    is_gone: bool,
}

/// Says that it is over, also where somebody panics: otherwise whoever listens would wait for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Has everybody do what they do, and hands back what they were told, and what both feeds told meanwhile.
fn loaded(pair: &Pair, seconds: Option<u64>) -> (Told, [Vec<(u64, Value)>; 2]) {
    std::thread::scope(|scope| {
        let over = Over(&pair.is_over);
        let feeds = [0, 1].map(|server| scope.spawn(move || pair.feed(server)));
        let (sender, ended) = mpsc::channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let sender = sender.clone();
                scope.spawn(move || {
                    let told = Client::new(pair, client).lives(seconds.map_or(PEOPLE, |_| usize::MAX));
                    drop(sender);
                    told
                })
            })
            .collect();
        drop(sender);
        if let Some(seconds) = seconds {
            // Nobody sends anything: this ends with the time, or when everybody has gone.
            let outcome: Result<(), RecvTimeoutError> = ended.recv_timeout(Duration::from_secs(seconds));
            assert_eq!(outcome, Err(RecvTimeoutError::Timeout), "somebody went before the end");
            pair.is_over.store(true, Ordering::SeqCst);
        }
        let mut all = Told::default();
        for client in clients {
            let told = client.join().unwrap();
            all.kept.extend(told.kept);
            all.receipts.extend(told.receipts);
            all.people.extend(told.people);
            (all.twice, all.busy, all.asked) = (all.twice + told.twice, all.busy + told.busy, all.asked + told.asked);
        }
        // One more, so that the feeds have a last entry that they know of before it comes.
        pair.end.store(all.kept.len() as u64, Ordering::SeqCst);
        drop(over);
        let mut last = Client::new(pair, 0);
        last.choose(0, "all-granted");
        all.people.push((last.browser.subject(), false));
        all.kept.extend(last.told.kept);
        (all, feeds.map(|feed| feed.join().unwrap()))
    })
}

/// Somebody at a browser that reaches both servers.
struct Client<'a> {
    pair: &'a Pair,
    agent: ureq::Agent,
    /// The server that is asked first.
    home: usize,
    browser: Browser,
    told: Told,
}

impl<'a> Client<'a> {
    fn new(pair: &'a Pair, client: usize) -> Self {
        Self { pair, agent: agent(), home: client % 2, browser: Browser::new(), told: Told::default() }
    }

    /// What so many people do, or until it is over. Every third of them is erased in the end.
    fn lives(mut self, people: usize) -> Told {
        for person in 0..people {
            if self.pair.is_over.load(Ordering::SeqCst) {
                break;
            }
            let (here, there) = (self.home, 1 - self.home);
            self.browser = Browser::new();
            let first = self.told.kept.len();
            self.choose(here, "all-granted");
            self.is_allowed(there, true);
            self.choose(there, "all-refused");
            self.is_allowed(here, false);
            let choice = choice(&self.pair.published, json!({ "outcome": "all-granted" }));
            self.keep_twice("choices", &choice);
            self.is_allowed(there, true);
            self.receipt(there);
            self.keep_twice("signals", &json!({ "v": 1, "id": new_id(), "signal": "gpc" }));
            let is_erased = person % 3 == 2;
            if is_erased {
                self.receipt(here);
                self.keep_twice("demands", &json!({ "v": 1, "id": new_id(), "demand": "erasure" }));
                self.is_allowed(here, false);
                self.told.kept[first..].iter_mut().for_each(|kept| kept.is_gone = true);
            }
            self.told.people.push((self.browser.subject(), is_erased));
            self.home = there;
        }
        self.told
    }

    fn choose(&mut self, server: usize, outcome: &str) {
        let choice = choice(&self.pair.published, json!({ "outcome": outcome }));
        let (is_new, kept, busy) = self.send(server, "choices", &choice);
        assert!(is_new || busy > 0, "{kept:?} was kept before");
        self.told.kept.push(kept);
        self.told.busy += busy;
    }

    /// To both servers at once, as a browser does whose first try got no answer in time.
    fn keep_twice(&mut self, route: &str, event: &Value) {
        let [one, other] = std::thread::scope(|scope| {
            let other = scope.spawn(|| self.send(1, route, event));
            [self.send(0, route, event), other.join().unwrap()]
        });
        assert_eq!(one.1, other.1);
        let (new, busy) = (usize::from(one.0) + usize::from(other.0), one.2 + other.2);
        // Who was told to come again may have been kept all the same.
        assert!(new == 1 || new == 0 && busy > 0, "{} was kept as new {new} times", one.1.id);
        self.told.kept.push(one.1);
        self.told.twice += 1;
        self.told.busy += busy;
    }

    /// Until it is acknowledged, as an outbox does: whether it was new, where it is, and how often the server was too busy.
    fn send(&self, server: usize, route: &str, event: &Value) -> (bool, Kept, usize) {
        for busy in 0..TRIES_MAX {
            let request = self.agent.post(format!("{}/v1/sites/adforge/{route}", self.pair.urls[server]));
            let request = request.header("Origin", ORIGIN).header("Authorization", self.browser.authorization());
            let mut answer = request.send_json(event).unwrap();
            let told: Value = answer.body_mut().read_json().unwrap();
            let is_new = match answer.status().as_u16() {
                201 => true,
                200 => false,
                503 => continue,
                _ => panic!("{route}: {told}"),
            };
            let number = |name: &str| told[name].as_u64().unwrap();
            assert_eq!(told["id"], event["id"]);
            let id = told["id"].as_str().unwrap().to_owned();
            return (is_new, Kept { id, seq: number("seq"), at_ms: number("recorded_at_ms"), is_gone: false }, busy);
        }
        panic!("the server was too busy {TRIES_MAX} times");
    }

    /// What was acknowledged by one of them counts at the other.
    fn is_allowed(&mut self, server: usize, expected: bool) {
        let decision = self.pair.ask(&self.agent, server, &question(&self.browser.subject(), "marketing"));
        assert_eq!(decision["allow"], expected, "{decision}");
        self.told.asked += 1;
    }

    /// The receipt of the last event, with its proof.
    fn receipt(&mut self, server: usize) {
        let id = &self.told.kept.last().unwrap().id;
        let request = self.agent.get(format!("{}/v1/sites/adforge/receipts/{id}", self.pair.urls[server]));
        let request = request.header("Origin", ORIGIN).header("Authorization", self.browser.authorization());
        let mut answer = request.call().unwrap();
        let receipt = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 200, "{receipt}");
        self.told.receipts.push(receipt);
    }
}

fn question(subject: &str, purpose: &str) -> Value {
    json!({ "subject": subject, "purpose": purpose })
}

impl Pair {
    fn get(&self, server: usize, path: &str) -> Value {
        let request = agent().get(format!("{}/v1/sites/adforge/{path}", self.urls[server]));
        request.header("Authorization", format!("Bearer {}", self.key)).call().unwrap().body_mut().read_json().unwrap()
    }

    fn ask(&self, agent: &ureq::Agent, server: usize, questions: &Value) -> Value {
        let request = agent.post(format!("{}/v1/sites/adforge/decisions", self.urls[server]));
        let mut answer = request.header("Authorization", format!("Bearer {}", self.key)).send_json(questions).unwrap();
        answer.body_mut().read_json().unwrap()
    }

    /// What that server says of everybody, in their order: two decisions each.
    fn decisions(&self, server: usize, people: &[(String, bool)], as_of_ms: u64) -> Vec<Value> {
        let mut decisions = Vec::new();
        for people in people.chunks(QUESTIONS_MAX / 2) {
            let questions = people.iter().flat_map(|(subject, _)| {
                ["marketing", "downstream-ai"].map(|purpose| {
                    let mut question = question(subject, purpose);
                    question["as_of_ms"] = as_of_ms.into();
                    question
                })
            });
            let mut answer = self.ask(&agent(), server, &json!({ "questions": questions.collect::<Vec<_>>() }));
            decisions.extend(answer["decisions"].take().as_array().unwrap().iter().cloned());
        }
        assert_eq!(decisions.len(), 2 * people.len());
        decisions
    }

    /// Every change as that server has it now, a page at a time.
    fn pages(&self, server: usize) -> Vec<Value> {
        let (mut changes, mut query) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(server, &format!("changes{query}"));
            changes.extend(page["changes"].take().as_array().unwrap().iter().cloned());
            query = format!("?after={}", page["after"]);
            if page["more"] == false {
                return changes;
            }
        }
    }

    /// Every change as that server tells it, until the last one has come, or until it is over and nothing comes.
    fn feed(&self, server: usize) -> Vec<(u64, Value)> {
        let request = agent().get(format!("{}/v1/sites/adforge/changes", self.urls[server]));
        let request = request.header("Authorization", format!("Bearer {}", self.key));
        let answer = request.header("Accept", "text/event-stream").call().unwrap();
        let (mut heard, mut seq) = (Vec::new(), None);
        for line in BufReader::new(answer.into_body().into_reader()).lines() {
            let line = line.unwrap();
            if let Some(id) = line.strip_prefix("id: ") {
                seq = Some(id.parse().unwrap());
            } else if let Some(data) = line.strip_prefix("data: ") {
                let seq = seq.take().unwrap();
                heard.push((seq, serde_json::from_str(data).unwrap()));
                if seq == self.end.load(Ordering::SeqCst) {
                    break;
                }
            } else if line == ":" && self.is_over.load(Ordering::SeqCst) {
                break;
            }
        }
        heard
    }
}

fn is_gone(change: &Value) -> bool {
    change["type"] == "gone"
}

/// What the program says, and its exit code.
fn consentry(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(CONSENTRY).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Without server and database: how many of them were checked.
fn check_receipts(folder: &Path, receipts: &[String], key: &str) -> usize {
    let (file, mut checked) = (folder.join("receipt"), 0);
    let every = receipts.len().div_ceil(RECEIPTS_MAX).max(1);
    for receipt in receipts.iter().step_by(every) {
        std::fs::write(&file, receipt).unwrap();
        let (code, said) = consentry(&["verify", "--receipt", file.to_str().unwrap(), "--key", key]);
        assert!(code == 0 && said.starts_with("the receipt holds: entry "), "{said}");
        checked += 1;
    }
    checked
}
