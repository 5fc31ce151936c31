//! Tells others what a site's ledger gets: whoever asked for everything, and processors what concerns them (GDPR Art. 7(3), 17(2), 19).
//!
//! Messages are made of the ledger when they are sent, signed as Standard Webhooks has it, sent in the ledger's order, at least once, and
//! tried again for some three days. Deliberately absent: a queue of messages, in which what was erased would live on; secrets at rest; and
//! a decision of its own, since what concerns a processor is decided by the core.

mod answer;
mod concern;
mod endpoint;
mod message;
mod reach;
mod schedule;
mod secret;
mod sender;
mod worker;

pub use endpoint::EndpointError;
pub use reach::{Reach, ReachError};
pub use secret::WebhookKey;
pub use worker::{Worker, WorkerError};

pub(crate) use endpoint::Endpoint;

/// For how long a processor may not have confirmed what it was told, if nothing is said, in hours.
pub const OVERDUE_HOURS: u32 = 72;

/// How others are told.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// What every secret is made of. Without it nobody is told anything.
    pub key: Option<WebhookKey>,
    /// Where messages may go.
    pub reach: Reach,
    /// For how long something may be told or confirmed late, in hours, before it is overdue.
    pub overdue_hours: u32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self { key: None, reach: Reach::Public, overdue_hours: OVERDUE_HOURS }
    }
}
