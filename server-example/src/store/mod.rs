//! Where choices are kept. In go committed choices, out come entries in the order in which they were kept.
//!
//! Nothing is acknowledged before it is durable, and nothing that was kept is ever changed. Deliberately absent:
//! decisions, which are derived from what is here and never stored, and the clock.

mod migrations;
mod reader;
mod sqlite;
mod writer;

pub use sqlite::Sqlite;

use crate::auth::{KeyHash, SecretHash};
use consentry_core::source::Published;
use consentry_core::{Event, EventKind, Language, NoticeHash, SiteId, Subject, Time};
use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file: `sqlite:` and its path.
    Sqlite(PathBuf),
}

/// Why a text is not a [`DatabaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `sqlite:` and the path of a file, such as `sqlite:data/consentry.db`")]
pub struct DatabaseUrlError;

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("sqlite:") {
            // SQLite would take these for a database in memory, which nothing survives.
            None | Some("" | ":memory:") => Err(DatabaseUrlError),
            Some(path) => Ok(Self::Sqlite(path.into())),
        }
    }
}

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
    /// The entry's number in the ledger.
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

/// Why nothing can be said of what is kept.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The subject has registered another secret.
    #[error("another secret is registered for this subject")]
    WrongSecret,
    /// More is asked than can be answered: try again in a moment.
    #[error("too many reads are waiting")]
    Overloaded,
    /// What was kept does not read as a choice. Nothing can be concluded from the rest of the record either.
    #[error("entry {seq} does not read as a choice")]
    Broken {
        /// The entry's number.
        seq: u64,
    },
    /// The database does not answer.
    #[error("the database does not answer")]
    Database(#[from] rusqlite::Error),
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
    /// The writer's thread cannot start.
    #[error("cannot start the writer")]
    Thread(#[from] std::io::Error),
}

/// Keeps entries, devices and keys. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub enum Store {
    /// One file, one writer.
    Sqlite(Sqlite),
}

impl Store {
    /// Opens the database, creating it or bringing it up to date where needed.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => Sqlite::open(path).map(Self::Sqlite),
        }
    }

    /// Keeps a choice. When this returns [`Appended`], the choice survives a crash.
    ///
    /// # Errors
    /// [`AppendError`]; nothing has changed then.
    pub async fn append(&self, entry: NewEntry) -> Result<Appended, AppendError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.append(entry).await,
        }
    }

    /// What is kept of one subject, oldest first, for somebody who must know the subject's secret. Empty for a
    /// subject that nobody has heard of.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn record(&self, site: &SiteId, subject: Subject, secret: SecretHash) -> Result<Vec<Entry>, ReadError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.record(site, subject, secret).await,
        }
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
        match self {
            Self::Sqlite(sqlite) => sqlite.events(site, subjects).await,
        }
    }

    /// Keeps the notices of what is published, and returns every one that was ever published of the same policy: a page
    /// may still show the wording of yesterday. Blocks.
    ///
    /// # Errors
    /// [`rusqlite::Error`], when the database does not take them.
    pub fn publish(&self, published: &Published, at: Time) -> Result<Vec<(NoticeHash, Language)>, rusqlite::Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.publish(published, at),
        }
    }

    /// Adds a back end's key. Blocks.
    ///
    /// # Errors
    /// [`rusqlite::Error`], when the database does not take it.
    pub fn add_key(&self, key: KeyHash, site: &SiteId, name: &str, at: Time) -> Result<(), rusqlite::Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_key(key, site, name, at),
        }
    }

    /// Whether a key is this site's.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn knows_key(&self, key: KeyHash, site: &SiteId) -> Result<bool, ReadError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.knows_key(key, site).await,
        }
    }

    /// Whether the database can be read, and whether there is somebody to write to it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ping(&self) -> Result<(), ReadError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.ping().await,
        }
    }

    /// The exact text of a notice of that site, as it was published; None if none with that hash ever was.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn notice(&self, site: &SiteId, hash: NoticeHash) -> Result<Option<String>, ReadError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.notice(site, hash).await,
        }
    }

    /// Keeps all that was asked to be kept before, and then nothing more.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
