//! Why there is no replica.

use crate::error::{AskError, SetUpError};
use consentry_core::packed::{BundleError, Missed};

/// Why there is no replica. Process nothing until there is one, or ask [`crate::Remote`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaError {
    /// Nobody can be asked like this.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// The server does not send one, or what it has kept since.
    #[error("{0} (a replica needs a key of the scopes `ask` and `export`)")]
    Ask(#[from] AskError),
    /// What it sent is no replica.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// What it has kept since does not go on from there.
    #[error(transparent)]
    Missed(#[from] Missed),
    /// It is of other policies than the server has by now, or of a ledger that was put back.
    #[error("the server has other policies or another ledger by now: fetch a replica anew")]
    Outdated,
}
