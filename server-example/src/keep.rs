//! Puts what a browser posts into the ledger: whoever shows a subject's secret first is that subject from then on.
//!
//! Where somebody is signed in, the same is kept of the account as well, and of a choice that its yes is the account's: docs/decisions/0021
//! says why. The ids of both follow from the first one's, so that sending it twice stays harmless.

use crate::app::App;
use crate::auth::DeviceToken;
use crate::metrics::{Counted, EventLabel};
use crate::problem::ApiError;
use crate::records::DEVICES_LINKED_MAX;
use crate::site::Site;
use crate::store::{Appended, NewEntry, Position};
use axum::http::{HeaderMap, StatusCode};
use consentry_core::wire::V1;
use consentry_core::{AccountId, Choice, ChoiceError, DeviceId, EventId, EventKind, Subject, Time, lends};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Keep the ids that are made here apart from each other, and from all other hashes.
const COPY_DOMAIN: &[u8] = b"consentry account copy id 1\0";
const LOAN_DOMAIN: &[u8] = b"consentry loan id 1\0";

/// What a browser is told of an event that was kept.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    v: V1,
    id: EventId,
    seq: u64,
    recorded_at_ms: Time,
}

impl Kept {
    pub(crate) const fn of(id: EventId, position: Position) -> Self {
        Self { v: V1, id, seq: position.seq, recorded_at_ms: position.at }
    }
}

/// Keeps it in the name of the subject whose token this is, and of the account that these headers say is signed in there. 201 where it is new
/// of the subject, 200 where it was kept before.
pub(crate) async fn keep(
    app: &App,
    site: &Site,
    token: &DeviceToken,
    headers: &HeaderMap,
    kind: EventKind,
) -> Result<(StatusCode, Position), ApiError> {
    let DeviceToken { device, secret } = *token;
    // Before anything is kept: whoever sends a token means the account.
    let account = app.signed_in(site.id(), headers)?.map(|identity| identity.account);
    let of_account = account.map(|account| Ok::<_, ChoiceError>((account, of_account(account, &kind)?))).transpose()?;
    let loan = if account.is_some() { loan(site, &kind) } else { None };
    let at = app.clock().now();
    let of_device = |kind| {
        let subject = Subject::Device(device);
        app.store().append(NewEntry { site: site.id().clone(), subject, secret: Some(secret), kind, at })
    };
    let waiting = Counted::new(&app.metrics().waiting);
    let event = EventLabel::of(&kind);
    let appended = of_device(kind).await?;
    if let Some((account, kind)) = of_account {
        append_to(app, site, account, kind, at).await?;
    }
    if let Some(kind) = loan {
        of_device(kind).await?;
    }
    drop(waiting);
    Ok(match appended {
        Appended::New(position) => {
            app.metrics().kept(site.id(), event);
            (StatusCode::CREATED, position)
        }
        Appended::Known(position) => (StatusCode::OK, position),
    })
}

/// Keeps that the account is signed in on this device, unless it is among the `known`.
pub(crate) async fn link(
    app: &App,
    site: &Site,
    account: AccountId,
    device: DeviceId,
    known: &BTreeSet<DeviceId>,
) -> Result<(), ApiError> {
    if known.contains(&device) {
        return Ok(());
    }
    if known.len() >= DEVICES_LINKED_MAX {
        return Err(ApiError::TooManyDevices);
    }
    append_new(app, site, account, |id| EventKind::Linked(id, device)).await
}

/// Keeps what the account has just been found to be in, or to send.
pub(crate) async fn append_new(
    app: &App,
    site: &Site,
    account: AccountId,
    kind: impl FnOnce(EventId) -> EventKind,
) -> Result<(), ApiError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!("the machine has no random bytes: {error}");
        ApiError::Unavailable
    })?;
    let now = app.clock().now();
    append_to(app, site, account, kind(EventId::from_parts(now.as_ms(), &random)), now).await
}

async fn append_to(app: &App, site: &Site, account: AccountId, kind: EventKind, at: Time) -> Result<(), ApiError> {
    // No secret: the site's own signature stands for the account.
    let entry = NewEntry { site: site.id().clone(), subject: Subject::Account(account), secret: None, kind, at };
    app.store().append(entry).await?;
    Ok(())
}

/// The same event as one of the account's.
fn of_account(account: AccountId, kind: &EventKind) -> Result<EventKind, ChoiceError> {
    let own = |id: &EventId| id_after(*id, COPY_DOMAIN, account.as_bytes());
    Ok(match kind {
        EventKind::Chosen(choice) => {
            let (answering, stances) = (choice.answering().clone(), choice.stances().to_vec());
            EventKind::Chosen(Choice::restore(own(&choice.id()), answering, stances)?)
        }
        EventKind::Signalled(id, signal) => EventKind::Signalled(own(id), *signal),
        EventKind::Demanded(id, demand) => EventKind::Demanded(own(id), demand.clone()),
        EventKind::Linked(id, device) => EventKind::Linked(own(id), *device),
        EventKind::Lent(id, choice) => EventKind::Lent(own(id), *choice),
    })
}

/// That a choice was made for an account, where that makes a difference.
fn loan(site: &Site, kind: &EventKind) -> Option<EventKind> {
    match kind {
        EventKind::Chosen(choice) => {
            let lent = || EventKind::Lent(id_after(choice.id(), LOAN_DOMAIN, &[]), choice.id());
            lends(site.history(), choice).then(lent)
        }
        EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => None,
    }
}

/// An id that follows from another: of the same time, its rest a hash.
fn id_after(id: EventId, domain: &[u8], more: &[u8]) -> EventId {
    let hash = Sha256::new().chain_update(domain).chain_update(more).chain_update(id.as_bytes()).finalize();
    let mut random = [0; 10];
    random.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
    EventId::from_parts(id.happened_at().as_ms(), &random)
}
