//! A server of one's own: AdForge's policy, an empty database, a clock in hand, and small stand-ins for the browser's files.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use consentry_core::source::{Published, SourceFile};
use consentry_core::{EventId, Regime, Time};
use consentry_server::{
    ApiKey, App, BrowserFiles, Clock, Config, DatabaseUrl, LedgerKeys, LedgerName, Signer, SiteFolder, Store,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;

/// Where the tests' clock stands at first.
pub(crate) const START_MS: u64 = 1_763_800_000_000;
pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// The origin of the policy's own.
pub(crate) const ORIGIN: &str = "https://adforge.example";
pub(crate) const LOADER: &str = "(function(boot){window.boot=boot})";
/// The parts of a site's script. Each says its name and what it is called with.
pub(crate) const PARTS: [(&str, &str); 4] = [
    ("signals.js", "(function(signals){})"),
    ("guard.js", "(function(guard){})"),
    ("clean.js", "(function(clean){})"),
    ("imports.js", "(function(imports){})"),
];
pub(crate) const MORE_JS: &str = "consentry._more=()=>{};";
pub(crate) const DEBUG_JS: &str = "consentry._debug=()=>{};";
pub(crate) const WIDGET_JS: &str = "consentry._widget=async()=>{};";
pub(crate) const WIDGET_WASM: &[u8] = b"\0asm\x01\0\0\0";

pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) published: Published,
    pub(crate) folder: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A house whose configuration somebody changes first.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url: DatabaseUrl = database_url(folder.path()).parse().unwrap();
        let store = Store::open(&url).unwrap();
        let clock = Arc::new(AtomicU64::new(START_MS));
        let published = adforge();
        let mut config = Config {
            sites: vec![published.clone()],
            browser_files: Some(browser_files()),
            signer: Some(signer(folder.path())),
            ..Config::default()
        };
        change(&mut config);
        let app = App::new(config, store.clone(), Clock::Held(Arc::clone(&clock))).unwrap();
        Self { router: app.router(), app, store, clock, published, folder }
    }

    /// The same database and clock under other policies.
    pub(crate) fn under(&self, sites: Vec<Published>) -> Router {
        let config = Config { sites, ..Config::default() };
        App::new(config, self.store.clone(), Clock::Held(Arc::clone(&self.clock))).unwrap().router()
    }

    pub(crate) fn move_clock(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    /// Another connection to the database, with every right.
    pub(crate) fn database(&self) -> Connection {
        Connection::open(database_path(self.folder.path())).unwrap()
    }

    /// How many entries and devices there are: what a refused request must leave as it was.
    pub(crate) fn counts(&self) -> (i64, i64) {
        let count = |what| self.database().query_row(&format!("SELECT {what}"), [], |row| row.get(0)).unwrap();
        (count("count(*) FROM entries"), count("count(secret_hash) FROM payloads"))
    }

    pub(crate) fn notice(&self, language: &str) -> String {
        notice(&self.published, language)
    }

    /// A choice under this house's policy; see [`choice`].
    pub(crate) fn choice(&self, fields: Value) -> Value {
        choice(&self.published, fields)
    }

    pub(crate) async fn post(&self, browser: &Browser, choice: &Value) -> Answer {
        self.send(browser.post(choice)).await
    }

    /// Posts a choice that must be kept, and hands back its receipt.
    pub(crate) async fn choose(&self, browser: &Browser, fields: Value) -> Value {
        let answer = self.post(browser, &self.choice(fields)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()
    }

    pub(crate) fn new_key(&self) -> String {
        self.new_key_to("ask")
    }

    /// A key that may do what these words say.
    pub(crate) fn new_key_to(&self, scopes: &str) -> String {
        key_to(&self.store, scopes)
    }

    /// A request of a back end, with its key.
    pub(crate) async fn call(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        self.send(match body {
            Some(body) => with_json(request, body),
            None => request.body(Body::empty()).unwrap(),
        })
        .await
    }

    pub(crate) async fn ask(&self, key: &str, question: &Value) -> Answer {
        self.send(ask(key, question)).await
    }

    /// The boot document that a request with these headers gets.
    pub(crate) async fn boot(&self, path: &str, headers: &[(&str, &str)]) -> Value {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        boot_of(&answer.text())
    }
}

/// A choice as a browser posts it, with these fields in place of its own. A field that is `null` is left out.
pub(crate) fn choice(published: &Published, fields: Value) -> Value {
    let mut choice = json!({
        "v": 1, "id": new_id(), "policy": published.policy.hash(), "notice": notice(published, "en"),
        "language": "en", "surface": "banner",
    });
    let choice_fields = choice.as_object_mut().unwrap();
    choice_fields.extend(fields.as_object().unwrap().clone());
    choice_fields.retain(|_, value| !value.is_null());
    choice
}

fn notice(published: &Published, language: &str) -> String {
    published.notice(&language.parse().unwrap(), Regime::OptIn).unwrap().hash.to_string()
}

/// The boot document in a script.
pub(crate) fn boot_of(script: &str) -> Value {
    config_of(script, LOADER).unwrap_or_else(|| panic!("no loader in {script}"))
}

/// What a function of a script is called with, if it is there.
pub(crate) fn config_of(script: &str, function: &str) -> Option<Value> {
    let (_, rest) = script.split_once(function)?;
    let mut values = serde_json::Deserializer::from_str(rest.strip_prefix('(').unwrap()).into_iter();
    let value = values.next().unwrap().unwrap();
    assert!(rest[1 + values.byte_offset()..].starts_with(");"), "{rest}");
    Some(value)
}

/// A browser: a subject and the secret that proves it.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) device: String,
    pub(crate) secret: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        let device = uuid(4, bytes);
        // An API key's 43 characters are 32 random bytes in base64url, as a device's secret is.
        Self { device, secret: ApiKey::generate().unwrap().reveal().trim_start_matches("ck_").into() }
    }

    /// The same subject with a secret that it did not register.
    pub(crate) fn impostor(&self) -> Self {
        Self { device: self.device.clone(), ..Self::new() }
    }

    pub(crate) fn subject(&self) -> String {
        format!("device:{}", self.device)
    }

    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}.{}", self.device, self.secret)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(path).header(header::ORIGIN, ORIGIN);
        request.header(header::AUTHORIZATION, self.authorization())
    }

    pub(crate) fn post(&self, choice: &Value) -> Request<Body> {
        let request = self.request(Method::POST, "/v1/sites/adforge/choices");
        with_json(request, choice)
    }

    pub(crate) fn get_record(&self) -> Request<Body> {
        self.request(Method::GET, "/v1/sites/adforge/record").body(Body::empty()).unwrap()
    }
}

/// A key for AdForge that may do what these words say.
pub(crate) fn key_to(store: &Store, scopes: &str) -> String {
    let (key, scopes) = (ApiKey::generate().unwrap(), scopes.parse().unwrap());
    store.add_key(key.hash(), &"adforge".parse().unwrap(), "test", &scopes, Time::from_ms(START_MS)).unwrap();
    key.reveal()
}

pub(crate) fn ask(key: &str, question: &Value) -> Request<Body> {
    let request = Request::post("/v1/sites/adforge/decisions");
    with_json(request.header(header::AUTHORIZATION, format!("Bearer {key}")), question)
}

pub(crate) fn with_json(request: Builder, body: &Value) -> Request<Body> {
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// Checks that this is the problem, complete, and hands it back.
    pub(crate) fn problem(&self, status: u16, name: &str) -> Value {
        let problem = self.json();
        assert_eq!(self.status, status, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], format!("/problems/{name}"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The policy of AdForge as it is in `policies/`.
pub(crate) fn adforge() -> Published {
    adforge_folder().publish().unwrap()
}

/// AdForge's policy with a change in its file.
pub(crate) fn adforge_with(from: &str, to: &str) -> Published {
    adforge_with_in("policy.toml", from, to)
}

/// AdForge's policy with a change in one of its files.
pub(crate) fn adforge_with_in(name: &str, from: &str, to: &str) -> Published {
    let mut files = adforge_folder().files;
    for SourceFile { text, .. } in files.iter_mut().filter(|file| file.name == name) {
        assert!(text.contains(from), "{from}");
        *text = text.replace(from, to);
    }
    Published::parse(&files).unwrap()
}

fn adforge_folder() -> SiteFolder {
    SiteFolder::find(&policies().join("adforge")).unwrap().remove(0)
}

pub(crate) fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

pub(crate) fn browser_files() -> BrowserFiles {
    BrowserFiles::of(&files(WIDGET_JS)).unwrap()
}

/// The stand-ins for the browser's files, with this for the widget's script.
pub(crate) fn files(widget_js: &str) -> Vec<(&str, &[u8])> {
    let mut files: Vec<(&str, &[u8])> = PARTS.iter().map(|(name, part)| (*name, part.as_bytes())).collect();
    for (name, content) in [("widget.js", widget_js), ("more.js", MORE_JS), ("debug.js", DEBUG_JS)] {
        files.push((name, content.as_bytes()));
    }
    files.extend([("loader.js", LOADER.as_bytes()), ("widget.wasm", WIDGET_WASM)]);
    files
}

/// Signs with the key in the folder, as `consentry serve` does.
pub(crate) fn signer(folder: &Path) -> Signer {
    let keys = LedgerKeys::open(&key_path(folder), Time::from_ms(START_MS)).unwrap();
    Signer { name: LedgerName::of_url("https://consent.example"), keys }
}

pub(crate) fn key_path(folder: &Path) -> PathBuf {
    folder.join("consentry.ledger-key")
}

pub(crate) fn database_path(folder: &Path) -> PathBuf {
    folder.join("consentry.db")
}

pub(crate) fn database_url(folder: &Path) -> String {
    format!("sqlite:{}", database_path(folder).display())
}

/// The id of a new choice.
pub(crate) fn new_id() -> String {
    let mut random = [0; 10];
    getrandom::fill(&mut random).unwrap();
    EventId::from_parts(START_MS, &random).to_string()
}

fn uuid(version: u8, mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
