//! The server of Consentry: hands out the loader, keeps choices, answers back ends.
//!
//! A library, so that tests have the whole of it in their own process, with the clock in hand, and a thin binary,
//! `consentry`. What is allowed is decided by `consentry-core` alone; the addresses and their JSON are docs/wire.md's.
//!
//! ```
//! # async fn example(published: consentry_core::source::Published) -> Result<(), Box<dyn std::error::Error>> {
//! use consentry_server::{App, Clock, Config, DatabaseUrl, Store};
//!
//! let store = Store::open(&"sqlite:consentry.db".parse::<DatabaseUrl>()?)?;
//! let app = App::new(Config { sites: vec![published], ..Config::default() }, store, Clock::System)?;
//! let router: axum::Router = app.router();
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: a log line for each request, and any log of a subject, a choice, a secret or an address.

mod address;
mod app;
mod assets;
mod auth;
mod back_end;
mod boot;
mod bundle;
mod calendar;
mod cases;
mod check;
pub mod cli;
mod clock;
mod commands;
mod config;
mod config_file;
mod content;
mod cors;
mod document;
mod due;
mod feed;
mod folder;
mod front;
mod geo;
mod identity;
mod import;
mod keep;
mod key_file;
mod ledger;
mod limits;
mod listen;
mod log;
mod manifest;
mod metrics;
mod negotiation;
mod openapi;
mod parts;
mod place;
mod problem;
mod recent;
mod records;
mod replica;
mod routes;
mod scripts;
mod serve;
mod site;
mod sites;
mod state;
mod store;
mod tag;
mod tls;
mod unsubscribe;
mod webhook_command;
mod webhooks;

pub use address::Peer;
pub use app::{App, Config, ConfigError};
pub use assets::{BrowserFiles, BrowserFilesError};
pub use auth::{ApiKey, KeyHash, KeyId, KeyIdError, Scope, ScopeError, Scopes, SecretHash};
pub use cases::{Case, CaseRefusal, CaseRight, CaseState, OpenedCase, UnknownWord};
pub use clock::Clock;
pub use folder::{FolderError, SiteFolder};
pub use front::Transport;
pub use geo::{GeoFile, GeoFileError};
pub use identity::{
    Identity, IdentityConfig, IdentityConfigError, IdentityError, IdentityKeys, KeyConfig, Pepper, read_identities,
};
pub use key_file::KeyFileError;
pub use ledger::{LedgerKeyError, LedgerKeys, LedgerName, LedgerNameError, Signer, VerifierKey, VerifierKeyError};
pub use limits::Limits;
pub use listen::{Door, serve};
pub use metrics::Metrics;
pub use place::{Cdn, CdnError};
pub use problem::Problem;
pub use routes::{Route, routes};
pub use store::{
    AppendError, Appended, Backlog, BackupError, Confirmed, DatabaseUrl, DatabaseUrlError, DeadLetter, DueWebhooks,
    Entry, KeptKey, Lease, LedgerEntry, LedgerHead, NewEntry, NewWebhook, OpenError, Position, Postgres, PostgresUrl,
    Progress, ReadError, Sealed, Sqlite, Store, StoreError, Telling, WEBHOOKS_MAX, Webhook, WebhookId, WebhookIdError,
    WebhookState, backup, check_file,
};
pub use tls::{Tls, TlsError};
pub use webhooks::{EndpointError, OVERDUE_HOURS, Reach, ReachError, WebhookConfig, WebhookKey, Worker, WorkerError};
