//! The addresses of docs/wire.md. A handler parses, acts, and answers; what it does is elsewhere.

pub(crate) mod accounts;
pub(crate) mod assets;
pub(crate) mod cases;
pub(crate) mod changes;
pub(crate) mod choices;
pub(crate) mod dead_letters;
pub(crate) mod decisions;
pub(crate) mod demands;
pub(crate) mod export;
pub(crate) mod filter;
pub(crate) mod health;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod notices;
pub(crate) mod openapi;
pub(crate) mod problems;
pub(crate) mod propagation;
pub(crate) mod ready;
pub(crate) mod receipts;
pub(crate) mod record;
mod replica;
pub(crate) mod script;
pub(crate) mod signals;
pub(crate) mod state;
mod table;
pub(crate) mod unsubscribe;
pub(crate) mod webhooks;

pub(crate) use table::{BESIDE_BROWSERS, FOR_BACK_ENDS, FOR_BROWSERS, FOR_EVERYBODY, FREE, router};
pub use table::{Route, routes};
