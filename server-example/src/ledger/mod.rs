//! What proves the ledger to somebody who does not trust this server: signed checkpoints, tiles, receipts, and those who check them.
//!
//! The tree is in the store, and what a leaf commits to is the core's. Here a site's head becomes a signed checkpoint, entries become
//! receipts, and all of it is checked again, by the same few functions that `consentry verify` has. Deliberately absent: what is
//! allowed, and anything that writes to the ledger.

mod audit;
mod checkpoint;
pub(crate) mod command;
mod compare;
mod export;
mod jws;
mod key;
mod proof;
mod receipt;
mod signer;
mod tile;

pub use key::{LedgerKeyError, LedgerKeys, VerifierKey, VerifierKeyError};
pub use signer::{LedgerName, LedgerNameError, Signer};

pub(crate) use export::tile_bytes;
pub(crate) use jws::compact;
pub(crate) use proof::ProofError;
pub(crate) use receipt::{IssueError, issue};
pub(crate) use signer::{SignError, SignedHeads};
pub(crate) use tile::TileName;
