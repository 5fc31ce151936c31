//! Where choices are kept. In go committed choices, out come entries in the order in which they were kept.
//!
//! Nothing is acknowledged before it is durable, and nothing that was kept is ever changed. Deliberately absent:
//! decisions, which are derived from what is here and never stored, and the clock.

mod batch;
mod database_url;
mod edge;
mod pending;
mod postgres;
mod row;
mod sqlite;
mod webhooks;
mod writer;

pub use database_url::{DatabaseUrl, DatabaseUrlError, PostgresUrl};
pub use postgres::Postgres;
pub use sqlite::{BackupError, Sqlite, backup, check_file};
pub use webhooks::{
    Backlog, Confirmed, DeadLetter, DueWebhooks, Lease, NewWebhook, Progress, Telling, WEBHOOKS_MAX, Webhook,
    WebhookId, WebhookIdError, WebhookState,
};

use crate::auth::{KeyHash, KeyId, Scopes, SecretHash};
use crate::cases::{Case, CaseRefusal, CaseState, OpenedCase};
use consentry_core::ledger::{Leaf, Payload, Salt};
use consentry_core::source::Published;
use consentry_core::{Event, EventId, EventKind, HASH_BYTES, Language, NoticeHash, SiteId, Subject, Time};
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use tokio::sync::watch;

/// Something that happened, and asks to be kept.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The site whose ledger it goes into.
    pub site: SiteId,
    /// Whose doing it is.
    pub subject: Subject,
    /// What proves that, where a browser says so. A subject's first entry registers it. None where the site itself vouches for it.
    pub secret: Option<SecretHash>,
    /// What happened.
    pub kind: EventKind,
    /// The server's time.
    pub at: Time,
}

/// Where a choice was kept, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The entry's number in its site's ledger, counted from 0.
    pub seq: u64,
    /// When it was recorded.
    pub at: Time,
}

/// What became of a choice that asked to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is kept now.
    New(Position),
    /// It was kept before, as the same choice of the same subject.
    Known(Position),
}

/// Something that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the ledger.
    pub seq: u64,
    /// What happened.
    pub event: Event,
}

/// Why a choice was not kept. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The subject has registered another secret.
    #[error("another secret is registered for this subject")]
    WrongSecret,
    /// The choice's id names another choice already.
    #[error("another choice has this id")]
    IdReused,
    /// More asks to be kept than can be: try again in a moment.
    #[error("too much is waiting to be kept")]
    Overloaded,
    /// The database does not take it; the log says why.
    #[error("the database does not take it")]
    Unavailable,
}

/// How far somebody has heard: the state of the database, and the size of the site's ledger.
pub(crate) type Mark = (Moment, u64);

/// The state of a database when somebody looked. Two that are the same have nothing between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(i64);

/// What has happened since.
#[derive(Debug)]
pub(crate) enum News {
    /// Nothing.
    None,
    /// Something to these, by these entries.
    Of {
        /// How far that goes.
        mark: Mark,
        /// To whom.
        subjects: Vec<(u64, Subject)>,
    },
    /// Much, or somebody was erased: nothing that was known before holds.
    Whole {
        /// How far that goes.
        mark: Mark,
    },
}

/// Why nothing can be said of what is kept.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The subject has registered another secret.
    #[error("another secret is registered for this subject")]
    WrongSecret,
    /// More is asked than can be answered: try again in a moment.
    #[error("too many reads are waiting")]
    Overloaded,
    /// What was kept does not read as an event. Nothing can be concluded from the rest of the record either.
    #[error("entry {seq} does not read as an event")]
    Broken {
        /// The entry's number.
        seq: u64,
    },
    /// What was kept as the name of a site is none.
    #[error("`{name}` is kept as a site's name, and is none")]
    Site {
        /// What was kept.
        name: String,
    },
    /// The database does not answer.
    #[error("the database does not answer")]
    Database(#[source] StoreError),
    /// The reader ended without an answer.
    #[error("a reader ended without an answer")]
    Lost,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be opened.
    #[error("cannot open `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// It is of a later version, or damaged.
    #[error("cannot bring `{path}` up to date; was it used by a later version?")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the migration says.
        source: Box<rusqlite_migration::Error>,
    },
    /// The database cannot be reached, or does not become what is needed.
    #[error("cannot use the database")]
    Postgres(#[source] StoreError),
    /// The file of roots that the URL names cannot be read, or has none.
    #[error(
        "cannot read `{path}`, which `sslrootcert` names: give a PEM file with the roots that the database's certificate may rest on"
    )]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// The database's certificate is not believed, or is for another host. Nothing was said to it.
    #[error(
        "the database's certificate is not to be believed: name its host in the URL as the certificate does, and what it rests on in \
         `sslrootcert`; `sslmode=disable` does without TLS, where nobody can come in between"
    )]
    Certificate(#[source] StoreError),
    /// The writer's thread cannot start.
    #[error("cannot start the writer")]
    Thread(#[from] std::io::Error),
}

/// What a database says of what it does not do.
pub type StoreError = Box<dyn Error + Send + Sync>;

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Where a site's ledger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    /// How many entries it has.
    pub size: u64,
    /// When the last was made.
    pub at: Time,
    /// The root of the tree over all of them (RFC 6962).
    pub root: [u8; 32],
}

impl Default for LedgerHead {
    /// Of a ledger without entries.
    fn default() -> Self {
        Self { size: 0, at: Time::from_ms(0), root: tlog_tiles::EMPTY_HASH.0 }
    }
}

/// An entry as the ledger has it.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    /// Its number, counted from 0.
    pub seq: u64,
    /// What the tree has of it.
    pub leaf: Leaf,
    /// What it is about; nothing once that is erased.
    pub sealed: Option<Sealed>,
    /// Of an erasure, whose it is, for those who know the name: `SHA-256("consentry erased 1" ‖ 0 ‖ site ‖ 0 ‖ subject)`.
    pub erased: Option<[u8; 32]>,
}

/// What is left of somebody who was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErasedSubject {
    /// [`consentry_core::erased_name`].
    pub(crate) name: [u8; HASH_BYTES],
    /// The number of the entry.
    pub(crate) seq: u64,
    /// When.
    pub(crate) at: Time,
}

/// What an entry commits to.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What keeps the commitment from being guessed.
    pub salt: Salt,
    /// What happened.
    pub payload: Payload,
}

/// An API key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptKey {
    /// What tells it from others.
    pub id: KeyId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Time>,
}

/// Keeps entries and keys. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub enum Store {
    /// One file, one writer.
    Sqlite(Sqlite),
    /// A database that several servers share.
    Postgres(Postgres),
}

macro_rules! either {
    ($self:ident, $database:ident => $answer:expr) => {
        match $self {
            Self::Sqlite($database) => $answer,
            Self::Postgres($database) => $answer,
        }
    };
}

impl Store {
    /// Opens the database, creating it or bringing it up to date where needed. Blocks.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => Sqlite::open(path).map(Self::Sqlite),
            DatabaseUrl::Postgres(url) => Postgres::open(url).map(Self::Postgres),
        }
    }

    /// Keeps an entry. When this returns [`Appended`], it survives a crash.
    ///
    /// # Errors
    /// [`AppendError`]; nothing has changed then.
    pub async fn append(&self, entry: NewEntry) -> Result<Appended, AppendError> {
        either!(self, database => database.append(entry).await)
    }

    /// What is kept of one subject, oldest first, for somebody who must know the subject's secret. Empty for a
    /// subject that nobody has heard of.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn record(&self, site: &SiteId, subject: Subject, secret: SecretHash) -> Result<Vec<Entry>, ReadError> {
        either!(self, database => database.record(site, subject, secret).await)
    }

    /// What happened to each of these subjects, oldest first. Those that nobody has heard of are left out.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn events(
        &self,
        site: &SiteId,
        subjects: Vec<Subject>,
    ) -> Result<HashMap<Subject, Vec<Event>>, ReadError> {
        let entries = self.entries_of(site, subjects).await?;
        let events = |of: Vec<Entry>| of.into_iter().map(|entry| entry.event).collect();
        Ok(entries.into_iter().map(|(subject, of)| (subject, events(of))).collect())
    }

    /// The entries of each of these subjects, as far as they are not erased, oldest first, and before them that somebody was erased.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn entries_of(
        &self,
        site: &SiteId,
        subjects: Vec<Subject>,
    ) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
        either!(self, database => database.entries_of(site, subjects).await)
    }

    /// Everybody who was erased, and by which entry.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn erased(&self, site: &SiteId) -> Result<Vec<ErasedSubject>, ReadError> {
        either!(self, database => database.erased(site).await)
    }

    /// The sites that have a ledger, by name.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ledger_sites(&self) -> Result<Vec<SiteId>, ReadError> {
        either!(self, database => database.ledger_sites().await)
    }

    /// What has happened in the site's ledger since `since`, as far as that can be said at once; none where it cannot, and has to be
    /// read. Does not wait for a thread.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) fn news(&self, site: &SiteId, since: Option<Mark>) -> Result<Option<News>, ReadError> {
        match self {
            Self::Sqlite(database) => database.news(site, since).map(Some),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// Where the site's ledger stands.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ledger_head(&self, site: &SiteId) -> Result<LedgerHead, ReadError> {
        either!(self, database => database.ledger_head(site).await)
    }

    /// The entries from number `from` on, at most that many.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ledger_entries(
        &self,
        site: &SiteId,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<LedgerEntry>, ReadError> {
        either!(self, database => database.ledger_entries(site, from, entries_max).await)
    }

    /// The subjects of whom anything is kept, in the order of their keys (devices before accounts, each ascending), from the one that
    /// comes after `after` on, at most that many.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn subjects_after(
        &self,
        site: &SiteId,
        after: Option<Subject>,
        count_max: usize,
    ) -> Result<Vec<Subject>, ReadError> {
        either!(self, database => database.subjects_after(site, after, count_max).await)
    }

    /// Opens a case in the name of whoever knows the subject's secret; the first that a subject opens, or chooses, registers it. The same
    /// case again is the one that was opened before.
    ///
    /// # Errors
    /// [`ReadError`], [`CaseRefusal`]; nothing has changed then.
    pub async fn open_case(
        &self,
        site: &SiteId,
        case: Case,
        secret: SecretHash,
    ) -> Result<Result<OpenedCase, CaseRefusal>, ReadError> {
        either!(self, database => database.open_case(site, case, secret).await)
    }

    /// The cases that the subject has opened, oldest first. `secret` is asked of a browser, and not where the site vouches.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn cases_of(
        &self,
        site: &SiteId,
        subject: Subject,
        secret: Option<SecretHash>,
    ) -> Result<Vec<Case>, ReadError> {
        either!(self, database => database.cases_of(site, subject, secret).await)
    }

    /// The site's cases in these states, the one that is due first before the others, at most that many.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn cases(&self, site: &SiteId, states: &[CaseState], count_max: usize) -> Result<Vec<Case>, ReadError> {
        either!(self, database => database.cases(site, states, count_max).await)
    }

    /// The case of that id.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn case(&self, site: &SiteId, id: EventId) -> Result<Option<Case>, ReadError> {
        either!(self, database => database.case(site, id).await)
    }

    /// Puts `case` in the place of the one with its id, if that is still in the state `was`; false if it is not.
    ///
    /// # Errors
    /// [`ReadError`]; nothing has changed then.
    pub async fn change_case(&self, site: &SiteId, case: Case, was: CaseState) -> Result<bool, ReadError> {
        either!(self, database => database.change_case(site, case, was).await)
    }

    /// The number of the entry with that id.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ledger_position(&self, site: &SiteId, id: EventId) -> Result<Option<u64>, ReadError> {
        either!(self, database => database.ledger_position(site, id).await)
    }

    /// A tile of the tree over the site's entries (C2SP tlog-tiles), 32 bytes a hash: with as many hashes as there are by now.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ledger_tile(&self, site: &SiteId, level: u8, tile: u64) -> Result<Option<Vec<u8>>, ReadError> {
        either!(self, database => database.ledger_tile(site, level, tile).await)
    }

    /// Changes whenever something was kept. Whoever waits looks once before, and again at least every few seconds: what another server
    /// keeps in the same database may not be told.
    #[must_use]
    pub fn grown(&self) -> watch::Receiver<u64> {
        either!(self, database => database.grown())
    }

    /// Keeps the notices of what is published, and returns every one that was ever published of the same policy: a page
    /// may still show the wording of yesterday. Blocks.
    ///
    /// # Errors
    /// [`StoreError`], when the database does not take them.
    pub fn publish(&self, published: &Published, at: Time) -> Result<Vec<(NoticeHash, Language)>, StoreError> {
        either!(self, database => database.publish(published, at))
    }

    /// The canonical text of a notice that was ever published, as its hash was taken of it (R14).
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn notice(&self, site: &SiteId, hash: NoticeHash) -> Result<Option<String>, ReadError> {
        either!(self, database => database.notice(site, hash).await)
    }

    /// Adds a back end's key. Blocks.
    ///
    /// # Errors
    /// [`StoreError`], when the database does not take it.
    pub fn add_key(
        &self,
        key: KeyHash,
        site: &SiteId,
        name: &str,
        scopes: &Scopes,
        at: Time,
    ) -> Result<(), StoreError> {
        either!(self, database => database.add_key(key, site, name, scopes, at))
    }

    /// The site's keys, oldest first. Blocks.
    ///
    /// # Errors
    /// [`StoreError`], when the database does not answer.
    pub fn keys(&self, site: &SiteId) -> Result<Vec<KeptKey>, StoreError> {
        either!(self, database => database.keys(site))
    }

    /// Revokes a key; false if the site has none of that id that is not revoked yet. Blocks.
    ///
    /// # Errors
    /// [`StoreError`], when the database does not take it.
    pub fn revoke_key(&self, site: &SiteId, key: KeyId, at: Time) -> Result<bool, StoreError> {
        either!(self, database => database.revoke_key(site, key, at))
    }

    /// What a key may do at this site; none if it is not the site's, or revoked.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn scopes(&self, key: KeyHash, site: &SiteId) -> Result<Option<Scopes>, ReadError> {
        Ok(self.scopes_now(key, site).await?.0)
    }

    /// The same, and when that was, as far as [`Store::news`] could say it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn scopes_now(
        &self,
        key: KeyHash,
        site: &SiteId,
    ) -> Result<(Option<Scopes>, Option<Moment>), ReadError> {
        match self {
            Self::Sqlite(database) => database.scopes(key, site).map(|(scopes, moment)| (scopes, Some(moment))),
            Self::Postgres(database) => database.scopes(key, site).await.map(|scopes| (scopes, None)),
        }
    }

    /// Adds a webhook, to be told of what is kept from now on; false if the site has [`WEBHOOKS_MAX`] already.
    ///
    /// # Errors
    /// [`ReadError`]; nothing has changed then.
    pub async fn add_webhook(&self, webhook: NewWebhook) -> Result<bool, ReadError> {
        either!(self, database => database.add_webhook(webhook).await)
    }

    /// The site's webhooks, oldest first, and what each was not told.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn webhooks(&self, site: &SiteId) -> Result<Vec<Telling>, ReadError> {
        either!(self, database => database.webhooks(site).await)
    }

    /// One of the site's webhooks.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn webhook(&self, site: &SiteId, id: WebhookId) -> Result<Option<Webhook>, ReadError> {
        either!(self, database => database.webhook(site, id).await)
    }

    /// Removes a webhook, and all that is known of what it was told; false if the site has none of that id.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn remove_webhook(&self, site: &SiteId, id: WebhookId) -> Result<bool, ReadError> {
        either!(self, database => database.remove_webhook(site, id).await)
    }

    /// Gives a webhook its next secret; none if the site has none of that id.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn rotate_webhook(&self, site: &SiteId, id: WebhookId, at: Time) -> Result<Option<Webhook>, ReadError> {
        either!(self, database => database.rotate_webhook(site, id, at).await)
    }

    /// For which webhooks there is something to do.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn due_webhooks(&self, now: Time) -> Result<DueWebhooks, ReadError> {
        either!(self, database => database.due_webhooks(now).await)
    }

    /// Takes the webhook for one server; none if another holds it, or it is no longer told anything.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn lease_webhook(&self, id: WebhookId, lease: Lease) -> Result<Option<Webhook>, ReadError> {
        either!(self, database => database.lease_webhook(id, lease).await)
    }

    /// Gives it back.
    ///
    /// # Errors
    /// [`ReadError`]; then it is free when the lease ends.
    pub async fn release_webhook(&self, id: WebhookId, holder: [u8; 16]) -> Result<(), ReadError> {
        either!(self, database => database.release_webhook(id, holder).await)
    }

    /// Keeps how far a webhook has come, and prolongs the lease; false, and nothing is kept, if another server has it by now.
    ///
    /// # Errors
    /// [`ReadError`]; nothing has changed then.
    pub async fn progress_webhook(&self, id: WebhookId, lease: Lease, progress: Progress) -> Result<bool, ReadError> {
        either!(self, database => database.progress_webhook(id, lease, progress).await)
    }

    /// What a webhook could not be told, in the ledger's order; none if the site has none of that id.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn dead_letters(&self, site: &SiteId, id: WebhookId) -> Result<Option<Vec<DeadLetter>>, ReadError> {
        either!(self, database => database.dead_letters(site, id).await)
    }

    /// Asks for a dead letter to be sent once more; false if there is no such letter, or nobody to send it to.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn want_dead_letter(&self, site: &SiteId, id: WebhookId, seq: u64) -> Result<bool, ReadError> {
        either!(self, database => database.want_dead_letter(site, id, seq).await)
    }

    /// Keeps that a webhook's receiver has acted on every message up to that of entry `through`.
    ///
    /// # Errors
    /// [`ReadError`]; nothing has changed then.
    pub async fn confirm_webhook(&self, site: &SiteId, id: WebhookId, through: u64) -> Result<Confirmed, ReadError> {
        either!(self, database => database.confirm_webhook(site, id, through).await)
    }

    /// Whether the database can be read, and whether there is somebody to write to it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ping(&self) -> Result<(), ReadError> {
        either!(self, database => database.ping().await)
    }

    /// Keeps all that was asked to be kept before, and then nothing more.
    pub async fn close(&self) {
        either!(self, database => database.close().await);
    }
}
