//! The binary as a process: how it starts, how it stops, what it logs.
//!
//! Signals are sent by the system's `kill`, so these are for Unix.

use crate::house::*;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;

pub(crate) const CONSENTRY: &str = env!("CARGO_BIN_EXE_consentry");

/// A server in a process of its own. Its database and its browser's files are in a folder.
pub(crate) struct Server {
    process: Process,
    stderr: JoinHandle<String>,
    /// The lines of the log as they come.
    lines: Receiver<String>,
    stdout: BufReader<ChildStdout>,
    pub(crate) url: String,
}

/// Ends with the test, whichever way that ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_on(folder, &database_url(folder))
    }

    /// On that database. `folder` is for the browser's files.
    pub(crate) fn start_on(folder: &Path, database: &str) -> Self {
        let mut serve = serve_on(folder, database);
        // Whoever loads it is one address.
        serve.env("CONSENTRY_ADDRESS_REQUESTS_PER_SECOND", "0");
        Self::of(serve)
    }

    /// With more on its command line.
    pub(crate) fn start_with(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = serve(folder);
        command.args(arguments);
        Self::of(command)
    }

    /// Where no file may grow beyond that: to whoever writes, the disk is full then.
    pub(crate) fn start_with_files_up_to(folder: &Path, kibibytes: u32) -> Self {
        let serve = serve(folder);
        let mut command = Command::new("bash");
        // What is ignored here stays ignored in the program: a write beyond the limit fails, and ends nothing.
        let limited = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$@\"");
        command.args(["-c", &limited, "bash"]).arg(serve.get_program()).args(serve.get_args());
        Self::of(command)
    }

    /// What this command starts.
    pub(crate) fn of(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process = Process(child.unwrap());
        let stderr = BufReader::new(process.0.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            for line in stderr.lines() {
                let line = line.unwrap();
                text.push_str(&line);
                text.push('\n');
                // Hardly any test waits for a line.
                let _ = sender.send(line);
            }
            text
        });
        let stdout = BufReader::new(process.0.stdout.take().unwrap());
        let mut server = Self { process, stderr, lines, stdout, url: String::new() };
        server.url = server.printed("listening on ");
        server
    }

    /// The rest of the next line that it prints, which must begin like this.
    pub(crate) fn printed(&mut self, begin: &str) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().strip_prefix(begin).unwrap_or_else(|| panic!("it printed `{line}`")).into()
    }

    /// Waits until it logs a line with this in it, and hands that line back.
    pub(crate) fn logged(&self, text: &str) -> String {
        self.lines.iter().find(|line| line.contains(text)).unwrap_or_else(|| panic!("it never logged `{text}`"))
    }

    /// As a service manager stops it. What it logged comes back.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        let status = self.process.0.wait().unwrap();
        (status, self.stderr.join().unwrap())
    }

    /// As the kernel kills it: at once.
    pub(crate) fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        Self::signal_to(self.process_id(), name);
    }

    pub(crate) fn signal_to(process: u32, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
        assert!(kill.unwrap().success());
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.0.id()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.url.split_once("://").unwrap().1).unwrap()
    }
}

/// `consentry serve` with AdForge's policy and stand-ins for the browser's files.
pub(crate) fn serve(folder: &Path) -> Command {
    serve_on(folder, &database_url(folder))
}

pub(crate) fn serve_on(folder: &Path, database: &str) -> Command {
    let assets = folder.join("assets");
    std::fs::create_dir_all(&assets).unwrap();
    write_assets(&assets);
    let mut command = Command::new(CONSENTRY);
    command.arg("serve").arg("--policies").arg(policies().join("adforge")).arg("--assets").arg(assets);
    command.args(["--database", database, "--listen", "127.0.0.1:0"]);
    if !database.starts_with("sqlite:") {
        // There is no place beside it.
        command.arg("--ledger-key").arg(key_path(folder));
    }
    command
}

/// Stand-ins for the browser's files, as a build leaves them.
pub(crate) fn write_assets(folder: &Path) {
    for (name, content) in files(WIDGET_JS) {
        // A script may end as it likes.
        let end: &[u8] = if name == "loader.js" { b";\n" } else { b"" };
        std::fs::write(folder.join(name), [content, end].concat()).unwrap();
    }
}

/// Speaks to the server over TCP, and keeps connections open.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// Posts a choice, and hands back the status, or nothing if there was no answer.
pub(crate) fn post(agent: &ureq::Agent, url: &str, browser: &Browser, choice: &Value) -> Option<u16> {
    let request = agent.post(format!("{url}/v1/sites/adforge/choices"));
    let request = request.header("Origin", ORIGIN).header("Authorization", browser.authorization());
    let mut answer = request.send_json(choice).ok()?;
    // An answer that broke off is none.
    answer.body_mut().read_to_vec().ok()?;
    Some(answer.status().as_u16())
}

pub(crate) fn record(agent: &ureq::Agent, url: &str, browser: &Browser) -> Value {
    let request = agent.get(format!("{url}/v1/sites/adforge/record"));
    let request = request.header("Origin", ORIGIN).header("Authorization", browser.authorization());
    request.call().unwrap().body_mut().read_json().unwrap()
}

#[test]
fn it_serves_over_tcp_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (agent, browser) = (agent(), Browser::new());
    let choice = choice(&adforge(), json!({ "outcome": "all-refused" }));
    assert_eq!(post(&agent, &server.url, &browser, &choice), Some(201));
    assert_eq!(post(&agent, &server.url, &browser, &choice), Some(200));
    assert_eq!(record(&agent, &server.url, &browser)["events"][0]["choice"]["id"], choice["id"]);
    let script = agent.get(format!("{}/adforge.js", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(boot_of(&script)["site"], "adforge");
    // The agent still holds its connection, which must not hold up the end.
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
}

#[test]
fn the_largest_requests_fit_over_tcp_and_larger_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let store = consentry_server::Store::open(&database_url(folder.path()).parse().unwrap()).unwrap();
    let key = consentry_server::ApiKey::generate().unwrap();
    store
        .add_key(
            key.hash(),
            &"adforge".parse().unwrap(),
            "test",
            &"ask".parse().unwrap(),
            consentry_core::Time::from_ms(0),
        )
        .unwrap();
    let ask = |body: String| {
        let request = agent().post(format!("{}/v1/sites/adforge/decisions", server.url));
        let request = request.header("Authorization", format!("Bearer {}", key.reveal()));
        request.header("Content-Type", "application/json").send(body)
    };
    let long = "a".repeat(64);
    let question = json!({ "subject": Browser::new().subject(), "purpose": long, "processor": long, "data": long });
    let body = json!({ "questions": vec![question; 1_000] }).to_string();
    assert!(body.len() > 250_000);
    let answer: Value = ask(body).unwrap().body_mut().read_json().unwrap();
    assert_eq!(answer["decisions"].as_array().unwrap().len(), 1_000);
    // What is longer is not read to its end, so its sender may see the answer or a broken connection.
    if let Ok(answer) = ask(" ".repeat(1024 * 1024)) {
        assert_eq!(answer.status(), 413);
    }
}

#[test]
fn a_request_under_way_is_finished_before_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let body = choice(&adforge(), json!({ "outcome": "all-refused" })).to_string();
    let mut stream = server.connect();
    write!(
        stream,
        "POST /v1/sites/adforge/choices HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nAuthorization: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        Browser::new().authorization(),
        body.len()
    )
    .unwrap();
    let mut answer = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    // The server says so once somebody reads the body: the request is under way.
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    server.signal("INT");
    stream.write_all(body.as_bytes()).unwrap();
    let mut rest = String::new();
    answer.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 201 Created\r\n"), "{rest}");
    let (status, _) = server.stop_after_signal();
    assert!(status.success(), "{status}");
}

impl Server {
    fn stop_after_signal(mut self) -> (ExitStatus, String) {
        let status = self.process.0.wait().unwrap();
        (status, self.stderr.join().unwrap())
    }
}

#[test]
fn nobody_and_nothing_is_named_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (agent, browser) = (agent(), Browser::new());
    let choice = choice(&adforge(), json!({ "stances": { "marketing": "grant" } }));
    assert_eq!(post(&agent, &server.url, &browser, &choice), Some(201));
    let mut changed = choice.clone();
    changed["surface"] = json!("centre");
    assert_eq!(post(&agent, &server.url, &browser, &changed), Some(409));
    assert_eq!(post(&agent, &server.url, &browser.impostor(), &choice), Some(403));
    // An entry that cannot be read is logged, by its number alone.
    let database = rusqlite::Connection::open(database_path(folder.path())).unwrap();
    database.execute_batch("DROP TRIGGER payloads_never_change; UPDATE payloads SET payload = x'7b7d'").unwrap();
    assert_eq!(record(&agent, &server.url, &browser)["type"], "/problems/unavailable");
    // So is a write that fails.
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'refused'); END";
    database.execute(refuse, []).unwrap();
    changed["id"] = json!(new_id());
    assert_eq!(post(&agent, &server.url, &browser, &changed), Some(503));

    let port = format!(":{}", server.url.rsplit(':').next().unwrap());
    let (_, log) = server.stop();
    assert!(
        log.contains("entry 0 does not read as an event") && log.contains("an entry was not kept: refused"),
        "{log}"
    );
    let ids = [&browser.device, &browser.secret, choice["id"].as_str().unwrap(), changed["id"].as_str().unwrap()];
    for forbidden in ids.into_iter().chain(["127.0.0.1", &port, "ureq", "Bearer"]) {
        assert!(!log.contains(forbidden), "`{forbidden}` is in {log}");
    }
    // A key made, started, two failures, stopped: no line for each request.
    assert_eq!(log.lines().count(), 5, "{log}");
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut stream = server.connect();
    let head = format!("GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    // The server does not read it to its end, so its sender may see the answer or a broken connection.
    let mut answer = Vec::new();
    if stream.write_all(head.as_bytes()).and_then(|()| stream.read_to_end(&mut answer)).is_ok() {
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    }
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}
