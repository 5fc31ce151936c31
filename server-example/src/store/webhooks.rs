//! Who is told of what a ledger gets, and how far they have been told, whichever database it is.
//!
//! Deliberately absent: secrets, which are made anew whenever something is signed, and messages, which are made of the ledger: what was
//! erased must not lie in a queue.

use super::StoreError;
use consentry_core::{ProcessorId, SiteId, Time};
use std::fmt;
use std::str::FromStr;

/// Most webhooks that a site has.
pub const WEBHOOKS_MAX: usize = 64;
/// Length of a webhook's id, in bytes.
const ID_BYTES: usize = 16;

/// A row of `webhooks`, as [`Webhook`] reads it.
pub(super) const COLUMNS: &str = "w.id, w.site, w.url, w.processor, w.generation, w.rotated_at_ms, w.state, w.created_at_ms, \
                                  w.first_seq, w.next_seq, w.tries, w.next_try_at_ms, w.confirmed_seq";
/// How many of [`COLUMNS`] there are.
pub(super) const COLUMNS_COUNT: usize = 13;

/// Names a webhook: 32 hexadecimal digits, drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId([u8; ID_BYTES]);

impl WebhookId {
    /// A new one.
    ///
    /// # Errors
    /// [`getrandom::Error`], where the machine has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The id that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Why a text is not a [`WebhookId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the 32 hexadecimal digits of a webhook's id, in lower case")]
pub struct WebhookIdError;

impl FromStr for WebhookId {
    type Err = WebhookIdError;

    fn from_str(text: &str) -> Result<Self, WebhookIdError> {
        let is_hex = text.len() == 2 * ID_BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex).ok_or(WebhookIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// Whether a webhook is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// It is.
    Active,
    /// Its receiver said that it is gone for good (410).
    Disabled,
}

impl WebhookState {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for WebhookState {
    type Err = StoreError;

    fn from_str(word: &str) -> Result<Self, StoreError> {
        let of_word = [Self::Active, Self::Disabled].into_iter().find(|state| state.as_str() == word);
        of_word.ok_or_else(|| "a webhook's state is neither `active` nor `disabled`".into())
    }
}

/// A webhook that asks to be kept.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// What to call it.
    pub id: WebhookId,
    /// Of which site it is told.
    pub site: SiteId,
    /// Where it is told.
    pub url: String,
    /// For whom: only what concerns that processor. None for everything.
    pub processor: Option<ProcessorId>,
    /// The server's time.
    pub at: Time,
}

/// A webhook as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called.
    pub id: WebhookId,
    /// Of which site it is told.
    pub site: SiteId,
    /// Where it is told.
    pub url: String,
    /// For whom; none for everything.
    pub processor: Option<ProcessorId>,
    /// How often its secret was rotated.
    pub generation: u64,
    /// When that was last.
    pub rotated_at: Option<Time>,
    /// Whether it is told anything.
    pub state: WebhookState,
    /// When it was made.
    pub created_at: Time,
    /// The first entry that it is told of: what was there before it, it reads from the change feed.
    pub first: u64,
    /// The next entry that it is told of.
    pub next: u64,
    /// How often that one was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_try_at: Time,
    /// The last entry that its receiver says it has acted on.
    pub confirmed: Option<u64>,
}

/// How many entries wait for something, and since when the oldest does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub count: u64,
    /// When the oldest of them was made.
    pub since: Option<Time>,
}

/// A webhook, and what it was not told, or has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The webhook.
    pub webhook: Webhook,
    /// Entries that it was not told of yet. Of a processor's, some may not concern it.
    pub untold: Backlog,
    /// Entries that could not be told.
    pub dead: Backlog,
    /// Entries that its processor was told of and has not confirmed.
    pub unconfirmed: Backlog,
}

/// Something that could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The entry.
    pub seq: u64,
    /// When it was made.
    pub at: Time,
    /// When it was last given up.
    pub dead_at: Time,
    /// Why, in a few words of ours.
    pub cause: String,
    /// Whether it is to be sent once more.
    pub is_wanted: bool,
}

/// Who sends now, until when.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// The server.
    pub holder: [u8; 16],
    /// Its time.
    pub now: Time,
    /// Until when nobody else sends.
    pub until: Time,
}

/// Which webhooks there is something to do for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueWebhooks {
    /// For these now.
    pub now: Vec<(SiteId, WebhookId)>,
    /// When there is something to do for another, if nothing new is kept before.
    pub next: Option<Time>,
    /// How many are active at all.
    pub active: u64,
}

/// How far a webhook has come. Only whoever holds its lease can say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It was told of entry `seq`, made `at`.
    Told {
        /// The entry.
        seq: u64,
        /// When it was made.
        at: Time,
    },
    /// The entries before `next` do not concern it.
    Passed {
        /// The first that may.
        next: u64,
    },
    /// It could not be told.
    Failed {
        /// How often that was so.
        tries: u32,
        /// When to try again.
        next_try_at: Time,
    },
    /// It could not be told, and will not be tried again by itself.
    GivenUp(DeadLetter),
    /// It was told of something that had been given up.
    ToldLate {
        /// The entry.
        seq: u64,
        /// When it was made.
        at: Time,
    },
    /// What had been given up does not concern it any more.
    Settled {
        /// The entry.
        seq: u64,
    },
    /// Its receiver is gone for good.
    Gone,
}

/// What became of a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It is kept.
    Kept,
    /// The site has no such webhook.
    Unknown,
    /// It was not told of that yet.
    Untold,
}

impl DueWebhooks {
    /// Adds an active webhook that somebody holds until `held_until`, and for which there is something to do from `wanted` on.
    pub(super) fn add(&mut self, site: SiteId, id: WebhookId, held_until: Time, wanted: Option<Time>, now: Time) {
        self.active += 1;
        let Some(wanted) = wanted else { return };
        let from = wanted.max(held_until);
        if from <= now {
            self.now.push((site, id));
        } else {
            self.next = Some(self.next.map_or(from, |next| next.min(from)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = WebhookId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "ab", &"AB".repeat(16), &"+b".repeat(16), &"ab".repeat(17)] {
            assert_eq!(wrong.parse::<WebhookId>(), Err(WebhookIdError), "{wrong}");
        }
    }
}
