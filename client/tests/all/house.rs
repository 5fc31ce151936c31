//! A server of one's own over TCP: policies as they are in `policies/`, an empty database, and a clock in hand, which the client has as well.

use consentry_client::{Clock, Consentry, Remote, RemoteConfig, Replica, ReplicaConfig, Subject, Time};
use consentry_core::source::Published;
use consentry_core::wire::StancesDoc;
use consentry_core::{Answering, Demand, DemandKind, Draft, EventId, EventKind, Stance, Surface};
use consentry_server::{ApiKey, App, Appended, Config, DatabaseUrl, NewEntry, SiteFolder, Store};
use consentry_tests::corpus::on_disk;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Where the tests' clock stands at first.
pub(crate) const START_MS: u64 = 1_763_800_000_000;
/// How long a decision may be relied on, by the policies that are used here (`recheck`).
pub(crate) const RECHECK_MS: u64 = 5 * 60 * 1_000;

pub(crate) struct House {
    pub(crate) url: String,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) app: App,
    store: Store,
    sites: Vec<Published>,
    _folder: TempDir,
    /// The server ends with it.
    _running: oneshot::Sender<()>,
}

impl House {
    /// With AdForge's policy.
    pub(crate) async fn new() -> Self {
        Self::of(&["adforge"], |_| {}).await
    }

    /// With these policies, and a configuration that somebody changes first.
    pub(crate) async fn of(sites: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let sites = sites.iter().map(|site| published(site)).collect();
        Self::with(sites, change).await
    }

    pub(crate) async fn with(sites: Vec<Published>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url: DatabaseUrl = format!("sqlite:{}", folder.path().join("consentry.db").display()).parse().unwrap();
        let store = Store::open(&url).unwrap();
        let clock = Arc::new(AtomicU64::new(START_MS));
        let mut config = Config { sites: sites.clone(), ..Config::default() };
        change(&mut config);
        let app = App::new(config, store.clone(), consentry_server::Clock::Held(Arc::clone(&clock))).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (running, ended) = oneshot::channel::<()>();
        let router = app.router();
        tokio::spawn(consentry_server::serve(listener, router, async move {
            let _ = ended.await;
        }));
        Self { url, clock, app, store, sites, _folder: folder, _running: running }
    }

    pub(crate) fn move_clock(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_ms(self.clock.load(Ordering::SeqCst))
    }

    /// A key that may do what these words say.
    pub(crate) fn key(&self, site: &str, scopes: &str) -> String {
        let (key, scopes) = (ApiKey::generate().unwrap(), scopes.parse().unwrap());
        self.store.add_key(key.hash(), &site.parse().unwrap(), "test", &scopes, Time::from_ms(0)).unwrap();
        key.reveal()
    }

    /// Knows a key that another house knows, too.
    pub(crate) fn know_key(&self, site: &str, key: &ApiKey) {
        let scopes = "ask export".parse().unwrap();
        self.store.add_key(key.hash(), &site.parse().unwrap(), "test", &scopes, Time::from_ms(0)).unwrap();
    }

    /// With the clock of this house, and otherwise as is usual.
    pub(crate) fn config(&self) -> RemoteConfig {
        RemoteConfig { clock: Clock::Held(Arc::clone(&self.clock)), ..RemoteConfig::default() }
    }

    pub(crate) fn remote(&self) -> Remote {
        self.remote_of("adforge", self.config())
    }

    /// A replica of AdForge that hears the server at that address.
    pub(crate) async fn replica_at(&self, url: &str, file: Option<PathBuf>) -> Replica {
        let config = ReplicaConfig { file, remote: self.config(), ..ReplicaConfig::default() };
        Consentry::replica_with(url, "adforge", &self.key("adforge", "ask export"), config).await.unwrap()
    }

    pub(crate) fn remote_of(&self, site: &str, config: RemoteConfig) -> Remote {
        Consentry::remote_with(&self.url, site, &self.key(site, "ask"), config).unwrap()
    }

    /// The subject grants or refuses everything on AdForge.
    pub(crate) async fn choose(&self, subject: Subject, stance: Stance) {
        self.choose_on("adforge", subject, stance).await;
    }

    pub(crate) async fn choose_on(&self, site: &str, subject: Subject, stance: Stance) {
        let published = self.site(site);
        self.keep(published, subject, Draft::all(answering(published), &published.policy, stance)).await;
    }

    /// The subject says this of AdForge's targets.
    pub(crate) async fn say(&self, subject: Subject, stances: serde_json::Value) {
        let published = self.site("adforge");
        let stances: StancesDoc = serde_json::from_value(stances).unwrap();
        let draft = Draft::new(answering(published));
        let draft = stances.0.iter().fold(draft, |draft, (target, stance)| draft.with(target.clone(), *stance));
        self.keep(published, subject, draft).await;
    }

    /// Nothing is left of the subject on AdForge.
    pub(crate) async fn erase(&self, subject: Subject) {
        let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
        self.append(self.site("adforge"), subject, EventKind::Demanded(self.next_id(), demand)).await;
    }

    fn next_id(&self) -> EventId {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut random = [0; 10];
        random[2..].copy_from_slice(&COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        EventId::from_parts(self.now().as_ms(), &random)
    }

    async fn keep(&self, published: &Published, subject: Subject, draft: Draft) {
        let kind = EventKind::Chosen(draft.commit(&published.history, self.next_id()).unwrap());
        self.append(published, subject, kind).await;
    }

    async fn append(&self, published: &Published, subject: Subject, kind: EventKind) {
        let site = published.policy.parts().site.clone();
        let entry = NewEntry { site, subject, secret: None, kind, at: self.now() };
        assert!(matches!(self.store.append(entry).await, Ok(Appended::New(_))));
    }

    fn site(&self, name: &str) -> &Published {
        self.sites.iter().find(|site| site.policy.parts().site.as_str() == name).unwrap()
    }
}

fn answering(published: &Published) -> Answering {
    let notice = &published.notices[0];
    Answering {
        policy: published.policy.hash(),
        notice: notice.hash,
        language: notice.language.clone(),
        surface: Surface::Centre,
        confirmed: false,
    }
}

/// A policy as it is in `policies/`.
pub(crate) fn published(site: &str) -> Published {
    SiteFolder::find(&on_disk::root().join("policies").join(site)).unwrap().remove(0).publish().unwrap()
}

/// The same with one passage changed.
pub(crate) fn published_with(site: &str, from: &str, to: &str) -> Published {
    let mut files = on_disk::sources(&on_disk::root().join("policies").join(site));
    let policy = files.iter_mut().find(|file| file.name == "policy.toml").unwrap();
    assert!(policy.text.contains(from), "{from}");
    policy.text = policy.text.replace(from, to);
    Published::parse(&files).unwrap()
}

/// A device of its own for each number.
pub(crate) fn device(number: u32) -> Subject {
    format!("device:7f9c0c52-7a41-4f5e-9d0e-0000{number:08x}").parse().unwrap()
}
