//! The change feed: every entry of a site, in the ledger's order, to whoever listens.
//!
//! Entries are read once for all who listen, and written once. Each listener knows which entry it wants next: what it missed, since it
//! came later or could not keep up, it reads from the ledger. So there is never a gap, and never another order.
//!
//! Deliberately absent: what was erased. Of it the feed has numbers and times; of an erasure it has the hash of the subject's name, by
//! which those who hold data of that subject find it, and nobody else does.

use crate::metrics::Counted;
use crate::site::Site;
use crate::store::{LedgerEntry, ReadError, Store};
use axum::body::Bytes;
use consentry_core::wire::EventDoc;
use consentry_core::{SiteId, Subject, Time};
use prometheus_client::metrics::gauge::Gauge;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// Most entries that are read at once.
pub(crate) const CHANGES_MAX: usize = 512;
/// How many batches a listener may be behind before it reads what it missed from the ledger.
const BEHIND_MAX: usize = 256;
/// How long a listener hears nothing at most: it shows that the connection stands.
const QUIET_SECONDS_MAX: u64 = 15;
/// How long nobody is told at most that something was kept, where the database does not tell.
const LOOK_SECONDS: u64 = 5;

/// One entry as the feed has it.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    /// Its number in the ledger.
    seq: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What {
    Event {
        subject: Subject,
        #[serde(flatten)]
        event: Box<EventDoc>,
    },
    Erasure {
        r#type: &'static str,
        at_ms: Time,
        subject_hash: String,
    },
    Gone {
        r#type: &'static str,
        at_ms: Time,
    },
}

impl Change {
    pub(crate) fn of(entry: LedgerEntry) -> Self {
        let at_ms = entry.leaf.at();
        let what = match (entry.sealed, entry.erased) {
            (Some(sealed), _) => {
                let subject = sealed.payload.subject();
                What::Event { subject, event: Box::new(sealed.payload.event().into()) }
            }
            (None, Some(subject_hash)) => What::Erasure { r#type: "erased", at_ms, subject_hash: hex(&subject_hash) },
            (None, None) => What::Gone { r#type: "gone", at_ms },
        };
        Self { seq: entry.seq, what }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Entries as they go to everybody who listens.
#[derive(Debug)]
struct Batch {
    first: u64,
    next: u64,
    text: Bytes,
}

/// The feeds of all sites. Of a site to which nobody listens nothing is read.
#[derive(Debug)]
pub(crate) struct Feeds {
    by_site: Arc<Mutex<HashMap<SiteId, broadcast::Sender<Arc<Batch>>>>>,
    closed: watch::Sender<bool>,
    listeners: Gauge,
}

impl Feeds {
    /// Feeds to which nobody listens yet; whoever does is counted there.
    pub(crate) fn new(listeners: &Gauge) -> Self {
        Self { by_site: Arc::default(), closed: watch::Sender::new(false), listeners: listeners.clone() }
    }

    /// Ends every stream, so that the server may stop. Whoever listens comes back with the number of the last entry it had.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Listens to a site from entry `next` on, until other policies are served in place of the site's: then whoever listens has to know.
    pub(crate) fn listen(&self, store: &Store, site: &Site, next: u64) -> Listener {
        let (over, site) = (site.over(), site.id());
        let mut by_site = self.by_site.lock().unwrap_or_else(PoisonError::into_inner);
        let batches = match by_site.get(site) {
            Some(batches) => batches.subscribe(),
            None => {
                let (sender, batches) = broadcast::channel(BEHIND_MAX);
                by_site.insert(site.clone(), sender.clone());
                let teller = Teller { by_site: Arc::clone(&self.by_site), site: site.clone(), store: store.clone() };
                drop(tokio::spawn(teller.tell(sender)));
                batches
            }
        };
        drop(by_site);
        Listener {
            store: store.clone(),
            site: site.clone(),
            next,
            is_behind: true,
            batches,
            closed: self.closed.subscribe(),
            over,
            _counted: Counted::new(&self.listeners),
        }
    }
}

/// Whoever reads for all listeners of a site.
struct Teller {
    by_site: Arc<Mutex<HashMap<SiteId, broadcast::Sender<Arc<Batch>>>>>,
    site: SiteId,
    store: Store,
}

impl Teller {
    async fn tell(self, listeners: broadcast::Sender<Arc<Batch>>) {
        let mut grown = self.store.grown();
        let mut next = None;
        loop {
            grown.mark_unchanged();
            match self.batches(&mut next, &listeners).await {
                Ok(()) => {}
                // The listeners wait, and lose nothing.
                Err(error) => tracing::warn!("the feed cannot be read: {error}"),
            }
            // The store itself is never the last to hear of anything; a database that does not tell is asked now and then.
            drop(tokio::time::timeout(Duration::from_secs(LOOK_SECONDS), grown.changed()).await);
            let mut by_site = self.by_site.lock().unwrap_or_else(PoisonError::into_inner);
            // Under the lock, so that nobody begins to listen meanwhile.
            if listeners.receiver_count() == 0 {
                by_site.remove(&self.site);
                return;
            }
        }
    }

    /// Everything that is new since entry `next`; at first, from where the ledger stands.
    async fn batches(
        &self,
        next: &mut Option<u64>,
        listeners: &broadcast::Sender<Arc<Batch>>,
    ) -> Result<(), ReadError> {
        let mut first = match *next {
            Some(next) => next,
            None => {
                let size = self.store.ledger_head(&self.site).await?.size;
                // What was kept after somebody looked and before this is told by nobody else: now they look again.
                drop(listeners.send(Arc::new(Batch { first: size, next: size, text: Bytes::new() })));
                *next.insert(size)
            }
        };
        loop {
            let entries = self.store.ledger_entries(&self.site, first, CHANGES_MAX).await?;
            let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(()) };
            let batch = Batch { first, next: last + 1, text: events(entries) };
            first = batch.next;
            *next = Some(first);
            // Fails where nobody listens any more.
            drop(listeners.send(Arc::new(batch)));
        }
    }
}

/// One who listens.
#[derive(Debug)]
pub(crate) struct Listener {
    store: Store,
    site: SiteId,
    next: u64,
    is_behind: bool,
    batches: broadcast::Receiver<Arc<Batch>>,
    closed: watch::Receiver<bool>,
    over: watch::Receiver<bool>,
    _counted: Counted,
}

impl Listener {
    /// What comes next, as server-sent events (WHATWG HTML, section 9.2); none once the feed has ended.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if *self.closed.borrow() || *self.over.borrow() {
                return None;
            }
            if self.is_behind {
                // An error ends the stream: whoever listens comes back, and says what they had.
                let entries = self.store.ledger_entries(&self.site, self.next, CHANGES_MAX).await.ok()?;
                if let Some(last) = entries.last() {
                    self.next = last.seq + 1;
                    return Some(events(entries));
                }
                self.is_behind = false;
            }
            tokio::select! {
                batch = self.batches.recv() => match batch {
                    Ok(batch) if batch.next <= self.next => {}
                    Ok(batch) if batch.first == self.next => {
                        self.next = batch.next;
                        return Some(batch.text.clone());
                    }
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.is_behind = true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                _ = self.closed.changed() => return None,
                // Whoever served the site may be gone by then, which says the same.
                _ = self.over.changed() => return None,
                () = tokio::time::sleep(Duration::from_secs(QUIET_SECONDS_MAX)) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }
}

fn events(entries: Vec<LedgerEntry>) -> Bytes {
    let mut text = String::with_capacity(entries.len() * 256);
    for entry in entries {
        let change = Change::of(entry);
        // Names and numbers are always JSON.
        let Ok(data) = serde_json::to_string(&change) else { continue };
        // JSON has no line breaks, so that a line is all of it.
        let _ = write!(text, "id: {}\ndata: {data}\n\n", change.seq);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Appended, NewEntry};
    use consentry_core::{EventId, EventKind, Signal};

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_while_a_feed_begins_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("c.db").display());
        let (store, site): (_, SiteId) = (Store::open(&url.parse().unwrap()).unwrap(), "adforge".parse().unwrap());
        let (sender, batches) = broadcast::channel(BEHIND_MAX);
        let closing = watch::Sender::new(false);
        // One who has looked and found nothing.
        let mut listener = Listener {
            store: store.clone(),
            site: site.clone(),
            next: 0,
            is_behind: false,
            batches,
            closed: closing.subscribe(),
            over: closing.subscribe(),
            _counted: Counted::new(&Gauge::default()),
        };
        let kind = EventKind::Signalled(EventId::from_parts(1, &[7; 10]), Signal::Gpc);
        let subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().unwrap();
        let entry = NewEntry { site: site.clone(), subject, secret: None, kind, at: Time::from_ms(1) };
        assert!(matches!(store.append(entry).await, Ok(Appended::New(_))));
        let teller = Teller { by_site: Arc::default(), site, store };
        teller.batches(&mut None, &sender).await.unwrap();
        let text = listener.next().await.unwrap();
        assert!(text.starts_with(b"id: 0\ndata: "), "{text:?}");
    }
}
