//! Does what is due: makes the messages, has them sent in the ledger's order, and keeps how far each webhook has come.
//!
//! Of several servers on one database one at a time holds a webhook. What was sent is kept after it was sent, so that whoever takes over
//! from a server that died in between sends the last message again, under the same id.

use super::answer::{Answer, SendError};
use super::endpoint::Endpoint;
use super::message::Message;
use super::schedule::next_try;
use super::sender::{Sender, Signed};
use super::{WebhookKey, concern};
use crate::app::App;
use crate::site::Site;
use crate::store::{DeadLetter, Lease, LedgerEntry, Progress, ReadError, Webhook, WebhookId};
use consentry_core::{SiteId, Time};
use futures_util::{StreamExt, stream};
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many webhooks are told at once.
const TOLD_AT_ONCE_MAX: usize = 16;
/// Most entries that are read at once.
const ENTRIES_MAX: usize = 64;
/// For how long nobody else sends, in milliseconds: longer than one message may take, and the keeping of it.
const LEASE_MS: u64 = 60_000;
/// How long nothing is looked for at most: what another server was asked to do is told to nobody here.
const LOOK_MS: u64 = 5_000;
/// How long messages under way may take once the server is told to stop.
const STOP_SECONDS_MAX: u64 = 10;

/// Why nobody can be told anything.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The machine has no randomness to give.
    #[error("cannot draw a name for this server")]
    Random(#[from] getrandom::Error),
    /// The TLS library does not start.
    #[error("cannot speak TLS")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// Tells webhooks what they are to be told. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Worker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    app: App,
    key: WebhookKey,
    sender: Sender,
    /// Tells this server from others, and from itself before it died.
    holder: [u8; 16],
    stopping: watch::Sender<bool>,
}

/// What became of a message.
enum Sent {
    Told,
    Gone,
    /// Why, and before when not again.
    Failed(String, Option<Time>),
}

impl Worker {
    pub(crate) fn new(app: App, key: WebhookKey) -> Result<Self, WorkerError> {
        let mut holder = [0; 16];
        getrandom::fill(&mut holder)?;
        Ok(Self(Arc::new(Inner { app, key, sender: Sender::new()?, holder, stopping: watch::Sender::new(false) })))
    }

    /// Does all that is due now, and says when there is something to do again if nothing new is kept before.
    ///
    /// # Errors
    /// [`ReadError`], where the database does not answer; the rest has been done.
    pub async fn turn(&self) -> Result<Option<Time>, ReadError> {
        let due = self.0.app.store().due_webhooks(self.0.app.clock().now()).await?;
        let telling = stream::iter(due.now)
            .map(|(site, id)| async move { self.tell(&site, id).await })
            .buffer_unordered(TOLD_AT_ONCE_MAX);
        let told: Vec<Result<(), ReadError>> = telling.collect().await;
        told.into_iter().collect::<Result<(), _>>()?;
        Ok(self.0.app.store().due_webhooks(self.0.app.clock().now()).await?.next)
    }

    /// Does whatever is due, until told to stop; then finishes the messages under way.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let (mut stop, mut grown) = (pin!(stop), None);
        let mut telling: JoinSet<(WebhookId, Result<(), ReadError>)> = JoinSet::new();
        let mut busy = HashSet::new();
        let mut is_troubled = false;
        loop {
            let wait_ms = if is_troubled { LOOK_MS } else { self.start(&mut telling, &mut busy, &mut grown).await };
            let pause = tokio::time::sleep(Duration::from_millis(wait_ms));
            tokio::select! {
                () = &mut stop => break,
                Some(done) = telling.join_next() => {
                    match done {
                        Ok((id, outcome)) => {
                            busy.remove(&id);
                            if let Err(error) = outcome {
                                tracing::warn!(webhook = %id, "webhook {id} cannot be told now: {error}");
                                is_troubled = true;
                            }
                        }
                        // It has panicked, and that was printed. Which it was is not known, so that all may be tried again.
                        Err(_) => {
                            busy.clear();
                            is_troubled = true;
                        }
                    }
                }
                () = has_grown(&mut grown), if !is_troubled => {}
                () = pause => is_troubled = false,
            }
        }
        self.0.stopping.send_replace(true);
        let ending = async { while telling.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), ending).await.is_err() {
            tracing::warn!("some messages were not answered within {STOP_SECONDS_MAX} s; they will be sent again");
        }
    }

    /// Starts what is due, and says for how long there is nothing else to do, in milliseconds.
    async fn start(
        &self,
        telling: &mut JoinSet<(WebhookId, Result<(), ReadError>)>,
        busy: &mut HashSet<WebhookId>,
        grown: &mut Option<watch::Receiver<u64>>,
    ) -> u64 {
        let (store, now) = (self.0.app.store(), self.0.app.clock().now());
        if let Some(grown) = grown {
            grown.mark_unchanged();
        }
        let due = match store.due_webhooks(now).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!("webhooks cannot be looked for: {error}");
                return LOOK_MS;
            }
        };
        for (site, id) in due.now {
            if telling.len() < TOLD_AT_ONCE_MAX && busy.insert(id) {
                let worker = self.clone();
                telling.spawn(async move { (id, worker.tell(&site, id).await) });
            }
        }
        // Where nobody is to be told anything, nobody needs to hear that something was kept.
        if due.active > 0 && grown.is_none() {
            *grown = Some(store.grown());
            return 0;
        }
        due.next.map_or(LOOK_MS, |next| next.as_ms().saturating_sub(now.as_ms()).clamp(1, LOOK_MS))
    }

    /// Tells one webhook all that is due, unless another server does.
    async fn tell(&self, site: &SiteId, id: WebhookId) -> Result<(), ReadError> {
        // Of a site that another server serves this one does not know the policy.
        let Some(site) = self.0.app.site(site.as_str()) else { return Ok(()) };
        let Some(webhook) = self.0.app.store().lease_webhook(id, self.lease()).await? else { return Ok(()) };
        let told = self.tell_all(&site, webhook).await;
        let released = self.0.app.store().release_webhook(id, self.0.holder).await;
        told.and(released)
    }

    async fn tell_all(&self, site: &Site, mut webhook: Webhook) -> Result<(), ReadError> {
        let store = self.0.app.store();
        let letters = store.dead_letters(site.id(), webhook.id).await?.unwrap_or_default();
        for letter in letters.into_iter().filter(|letter| letter.is_wanted) {
            if self.is_stopping() || !self.tell_late(site, &webhook, letter).await? {
                return Ok(());
            }
        }
        if webhook.next_try_at > self.0.app.clock().now() {
            return Ok(());
        }
        loop {
            // Its secret may have been rotated since.
            let Some(fresh) = store.webhook(site.id(), webhook.id).await? else { return Ok(()) };
            webhook = fresh;
            let entries = store.ledger_entries(site.id(), webhook.next, ENTRIES_MAX).await?;
            let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(()) };
            for entry in entries {
                let (seq, at) = (entry.seq, entry.leaf.at());
                let Some(message) = self.message(site, &webhook, entry).await? else { continue };
                if self.is_stopping() || !self.pass_to(&mut webhook, seq).await? {
                    return Ok(());
                }
                let sent = self.send(&webhook, message).await;
                if !self.keep(&mut webhook, (seq, at), sent).await? {
                    return Ok(());
                }
            }
            if !self.pass_to(&mut webhook, last + 1).await? {
                return Ok(());
            }
        }
    }

    /// Sends something that was given up, once. False if nothing more is to be sent.
    async fn tell_late(&self, site: &Site, webhook: &Webhook, letter: DeadLetter) -> Result<bool, ReadError> {
        let DeadLetter { seq, at, .. } = letter;
        let entry = self.0.app.store().ledger_entries(site.id(), seq, 1).await?.pop().filter(|entry| entry.seq == seq);
        let message = match entry {
            Some(entry) => self.message(site, webhook, entry).await?,
            None => None,
        };
        let Some(message) = message else { return self.progress(webhook.id, Progress::Settled { seq }).await };
        match self.send(webhook, message).await {
            Sent::Told => self.progress(webhook.id, Progress::ToldLate { seq, at }).await,
            Sent::Gone => {
                self.gone(webhook.id).await?;
                Ok(false)
            }
            Sent::Failed(cause, _) => {
                let dead_at = self.0.app.clock().now();
                let letter = DeadLetter { seq, at, dead_at, cause, is_wanted: false };
                self.progress(webhook.id, Progress::GivenUp(letter)).await
            }
        }
    }

    /// Keeps what became of a message. False if nothing more is to be sent now.
    async fn keep(&self, webhook: &mut Webhook, (seq, at): (u64, Time), sent: Sent) -> Result<bool, ReadError> {
        let (id, now) = (webhook.id, self.0.app.clock().now());
        let (progress, goes_on) = match sent {
            Sent::Told => (Progress::Told { seq, at }, true),
            Sent::Gone => {
                self.gone(id).await?;
                return Ok(false);
            }
            Sent::Failed(cause, not_before) => {
                let tries = webhook.tries.saturating_add(1);
                match next_try(id, seq, tries, now, not_before) {
                    Some(next_try_at) => (Progress::Failed { tries, next_try_at }, false),
                    None => {
                        tracing::warn!(webhook = %id, entry.seq = seq, "webhook {id} is not told of entry {seq}: {cause}");
                        (Progress::GivenUp(DeadLetter { seq, at, dead_at: now, cause, is_wanted: false }), true)
                    }
                }
            }
        };
        let is_ours = self.progress(id, progress).await?;
        if goes_on {
            (webhook.next, webhook.tries) = (seq + 1, 0);
        }
        Ok(goes_on && is_ours)
    }

    async fn gone(&self, id: WebhookId) -> Result<(), ReadError> {
        tracing::warn!(webhook = %id, "webhook {id} is gone for good, says its receiver; it is told nothing more");
        self.progress(id, Progress::Gone).await?;
        Ok(())
    }

    /// Keeps that what comes before `next` does not concern the webhook. False if another server has it by now.
    async fn pass_to(&self, webhook: &mut Webhook, next: u64) -> Result<bool, ReadError> {
        if webhook.next >= next {
            return Ok(true);
        }
        (webhook.next, webhook.tries) = (next, 0);
        self.progress(webhook.id, Progress::Passed { next }).await
    }

    async fn progress(&self, id: WebhookId, progress: Progress) -> Result<bool, ReadError> {
        self.0.app.store().progress_webhook(id, self.lease(), progress).await
    }

    /// What an entry means to a webhook; none if it does not concern it.
    async fn message(&self, site: &Site, hook: &Webhook, entry: LedgerEntry) -> Result<Option<Message>, ReadError> {
        let (id, place) = (hook.id, (entry.seq, entry.leaf.at()));
        if let Some(subject_hash) = entry.erased {
            return Ok(Message::erased(id, site.id(), hook.processor.as_ref(), place, &subject_hash));
        }
        let Some(processor) = &hook.processor else { return Ok(Message::changed(id, site.id(), entry)) };
        let Some(sealed) = entry.sealed else { return Ok(None) };
        let answers = concern::changed(self.0.app.store(), site, processor, &sealed.payload).await?;
        if answers.is_empty() {
            return Ok(None);
        }
        Ok(Message::answered(id, site.id(), processor, place, sealed.payload.subject(), &answers))
    }

    async fn send(&self, webhook: &Webhook, message: Message) -> Sent {
        let now = self.0.app.clock().now();
        let (timestamp, signature) = message.sign(&self.0.key.signing(webhook, now), now);
        let Message { id, body } = message;
        let signed = Signed { id, timestamp, signature, body };
        let sent = match Endpoint::parse(&webhook.url, self.0.app.webhooks().reach) {
            Ok(endpoint) => self.0.sender.send(&endpoint, &signed, now).await,
            Err(error) => Err(SendError::Endpoint(error)),
        };
        match sent {
            Ok(Answer::Told) => Sent::Told,
            Ok(Answer::Gone) => Sent::Gone,
            Ok(Answer::Refused { status, not_before }) => {
                Sent::Failed(format!("answered with status {status}"), not_before)
            }
            Err(error) => Sent::Failed(error.to_string(), None),
        }
    }

    fn lease(&self) -> Lease {
        let now = self.0.app.clock().now();
        Lease { holder: self.0.holder, now, until: Time::from_ms(now.as_ms().saturating_add(LEASE_MS)) }
    }

    fn is_stopping(&self) -> bool {
        *self.0.stopping.borrow()
    }
}

/// Ready once something was kept; never, where nobody says so.
async fn has_grown(grown: &mut Option<watch::Receiver<u64>>) {
    if let Some(grown) = grown
        && grown.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
