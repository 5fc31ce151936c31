//! Follows the change feed: what was missed a page at a time, then what happens as it happens.

use super::change::{self, Change};
use super::error::ReplicaError;
use super::{Following, Shared, file};
use crate::ask::Ask;
use crate::error::AskError;
use crate::remote::{Remote, unreadable};
use consentry_core::packed::{Follower, REPLICA_MEDIA_TYPE};
use http_body_util::BodyExt;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long nothing may be heard of a stream: the server says something every 15 s.
const SILENT_SECONDS_MAX: u64 = 40;
/// How long is waited before the feed is looked for again: at first, and at most, in milliseconds.
const WAIT_MS: u64 = 20;
const WAIT_MS_MAX: u64 = 5_000;
/// Changes before a replica is fetched anew: so many, or a part of how many subjects there are.
const CHANGES_MAX: usize = 262_144;
const CHANGES_SHARE: usize = 2;
/// Longest replica, in bytes: of a hundred million subjects and as many links.
const REPLICA_BYTES_MAX: usize = 16 << 30;
/// Longest page of the feed, in bytes: 512 entries of the longest.
const PAGE_BYTES_MAX: usize = 128 << 20;
/// Longest beginning of an entry that is kept until the rest has come, in bytes.
const ENTRY_BYTES_MAX: usize = 1024 * 1024;

/// Fetches a replica, and keeps it in the file.
pub(super) async fn load(remote: &Remote, within: Duration, path: Option<&Path>) -> Result<Following, ReplicaError> {
    let (_, bytes) = remote.get_whole("replica", REPLICA_MEDIA_TYPE, within, REPLICA_BYTES_MAX).await?;
    let Some(path) = path else { return Ok(Follower::open(bytes)?) };
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        file::put(&path, &bytes).map_err(|error| ReplicaError::Ask(unreadable(&error)))?;
        drop(bytes);
        file::open(&path)
    });
    opened.await.map_err(|_| AskError::Ended)?
}

/// Takes everything into account that the server has kept by now; with another replica, if this one no longer fits.
pub(super) async fn catch_up(shared: &Shared) -> Result<(), ReplicaError> {
    match pages(shared).await {
        Err(ReplicaError::Outdated | ReplicaError::Missed(_)) => {
            let loaded = load(&shared.remote, shared.load_within, shared.file.as_deref()).await?;
            shared.entries.send_replace(loaded.entries());
            *shared.follower.write().unwrap_or_else(PoisonError::into_inner) = loaded;
            pages(shared).await
        }
        done => done,
    }
}

/// Follows without end. Nobody is answered from what is too old, so that it may take its time.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut wait_ms = WAIT_MS;
    loop {
        // A stream that ended after it was heard from is opened again at once.
        wait_ms = if listen(&shared).await.is_ok() { WAIT_MS } else { wait_ms.saturating_mul(2).min(WAIT_MS_MAX) };
        sleep(Duration::from_millis(fastrand::u64(wait_ms / 2..=wait_ms))).await;
    }
}

async fn listen(shared: &Shared) -> Result<(), ReplicaError> {
    catch_up(shared).await?;
    let after = shared.follower().entries().checked_sub(1);
    let name = after.map_or_else(|| "changes".to_owned(), |after| format!("changes?after={after}"));
    let response = shared.remote.open(&name, "text/event-stream").await.map_err(ahead)?;
    check(shared, response.headers())?;
    let mut body = response.into_body();
    let mut text = Vec::new();
    let silent = Duration::from_secs(SILENT_SECONDS_MAX);
    while let Ok(Some(Ok(frame))) = timeout(silent, body.frame()).await {
        let Ok(data) = frame.into_data() else { continue };
        // Before it is looked at: what happens meanwhile is not in it.
        let elapsed = shared.remote.clock().elapsed();
        text.extend_from_slice(&data);
        take(shared, &change::events(&mut text)?)?;
        if is_due(shared) {
            return Ok(());
        }
        if text.is_empty() {
            shared.is_fresh_at(elapsed);
        } else if text.len() > ENTRY_BYTES_MAX {
            return Err(unreadable(&"an entry of the change feed does not end").into());
        }
    }
    Ok(())
}

async fn pages(shared: &Shared) -> Result<(), ReplicaError> {
    loop {
        let elapsed = shared.remote.clock().elapsed();
        let after = shared.follower().entries().checked_sub(1);
        let name = after.map_or_else(|| "changes".to_owned(), |after| format!("changes?after={after}"));
        let within = shared.remote.answer_within();
        let page = shared.remote.get_whole(&name, "application/json", within, PAGE_BYTES_MAX).await;
        let (headers, body) = page.map_err(ahead)?;
        check(shared, &headers)?;
        let (changes, more) = change::page(&body)?;
        take(shared, &changes)?;
        if is_due(shared) {
            return Err(ReplicaError::Outdated);
        }
        if !more {
            shared.is_fresh_at(elapsed);
            return Ok(());
        }
    }
}

/// Whether so much has changed that a new one takes less memory. The server makes a new one sooner, so that what it sends is not due.
fn is_due(shared: &Shared) -> bool {
    let follower = shared.follower();
    follower.changes() > CHANGES_MAX.max(follower.replica().packed().subjects() / CHANGES_SHARE)
}

/// A server that has not yet come as far has another ledger than the one that was followed.
fn ahead(error: AskError) -> ReplicaError {
    if matches!(error, AskError::Refused { status: 409, .. }) { ReplicaError::Outdated } else { error.into() }
}

/// Whether the server's policies are those of the replica.
fn check(shared: &Shared, headers: &http::HeaderMap) -> Result<(), ReplicaError> {
    let said = headers.get("consentry-policy").and_then(|value| value.to_str().ok());
    let known = shared.follower().history().newest().hash().to_string();
    if said == Some(&*known) { Ok(()) } else { Err(ReplicaError::Outdated) }
}

fn take(shared: &Shared, changes: &[Change]) -> Result<(), ReplicaError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut follower = shared.follower.write().unwrap_or_else(PoisonError::into_inner);
    let taken = changes.iter().try_for_each(|change| follower.take(change.seq, change.heard()));
    shared.entries.send_replace(follower.entries());
    taken.map_err(Into::into)
}
