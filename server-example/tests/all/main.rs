//! The server from outside: in this process through its router, with the clock in hand, and as the binary over TCP.
//! One module for each route, and a few for what no single route shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should say so at once"
)]

mod assets;
mod attacks;
mod backup;
mod binary;
mod bundle;
mod cases;
mod changes;
mod choices;
mod commands;
mod crash;
mod database;
mod database_tls;
mod decisions;
mod demands;
mod earlier;
mod example;
mod export;
mod faults;
mod filter;
mod headers;
mod health;
mod house;
mod identity;
mod imports;
mod ledger;
mod ledger_tiles;
mod limits;
mod logs;
mod manifest;
mod metrics;
mod mmdb;
mod notices;
mod openapi;
mod operating;
mod pair;
mod parts;
mod peers_faults;
mod pinned;
mod places;
mod problems;
mod propagation;
mod receipts;
mod receiver;
mod recent;
mod record;
mod reload;
mod replica;
mod rough;
mod script;
mod signals;
mod state;
mod stores;
mod tag;
mod telling;
mod tls;
mod unsubscribe;
mod variants;
mod verify;
mod webhooks;
