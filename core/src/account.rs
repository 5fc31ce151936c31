//! What a device and an account have to do with each other, told by their events: which devices an account was signed in on, and which
//! of a device's words are its own.
//!
//! Deliberately absent: what follows from both together, which is for [`crate::Record::merge`] and [`crate::Record::opt_outs`].

use crate::choice::{Choice, Stance};
use crate::history::PolicyHistory;
use crate::id::{DeviceId, EventId, PurposeId};
use crate::policy::Scope;
use crate::record::{Demand, DemandKind, Event, EventKind};
use crate::time::Time;
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The devices that an account is linked to after these events, and since when. An erasure of the account's ends what was before it.
#[must_use]
pub fn links<'a>(account: impl IntoIterator<Item = &'a Event>) -> BTreeMap<DeviceId, Time> {
    let mut links = BTreeMap::new();
    for event in account {
        match &event.kind {
            EventKind::Linked(_, device) => {
                links.entry(*device).or_insert(event.at);
            }
            EventKind::Demanded(_, Demand { kind: DemandKind::Erasure, .. }) => links.clear(),
            EventKind::Demanded(..) | EventKind::Chosen(_) | EventKind::Signalled(..) | EventKind::Lent(..) => {}
        }
    }
    links
}

/// The devices alone.
#[must_use]
pub fn linked_devices<'a>(account: impl IntoIterator<Item = &'a Event>) -> BTreeSet<DeviceId> {
    links(account).into_keys().collect()
}

/// What is left of a device's events when an account is not there: all of them, but of a choice that was made while somebody was signed
/// in only what it refused, and what it said of storage on this device. The account's yes does not stay on a device that others use, too
/// (R39).
#[must_use]
pub fn own_events<'a>(history: &PolicyHistory, device: &'a [Event]) -> Cow<'a, [Event]> {
    let lent = |event: &Event| match &event.kind {
        EventKind::Lent(_, choice) => Some(*choice),
        EventKind::Chosen(_) | EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) => None,
    };
    let lent: BTreeSet<EventId> = device.iter().filter_map(lent).collect();
    if lent.is_empty() {
        return Cow::Borrowed(device);
    }
    let own = |event: &Event| match &event.kind {
        EventKind::Chosen(choice) if lent.contains(&choice.id()) => {
            Some(Event { at: event.at, kind: EventKind::Chosen(own_part(history, choice)?) })
        }
        EventKind::Chosen(_)
        | EventKind::Signalled(..)
        | EventKind::Demanded(..)
        | EventKind::Linked(..)
        | EventKind::Lent(..) => Some(event.clone()),
    };
    Cow::Owned(device.iter().filter_map(own).collect())
}

/// Whether anything in a choice would be the account's alone.
#[must_use]
pub fn lends(history: &PolicyHistory, choice: &Choice) -> bool {
    own_part(history, choice).is_none_or(|own| own != *choice)
}

/// None where nothing is left.
fn own_part(history: &PolicyHistory, choice: &Choice) -> Option<Choice> {
    let is_own = |purpose: &PurposeId, stance| stance == Stance::Refuse || is_of_device(history, purpose);
    let stances = choice.stances().iter().filter(|(target, stance)| is_own(&target.purpose, *stance));
    let stances: Vec<_> = stances.cloned().collect();
    Choice::restore(choice.id(), choice.answering().clone(), stances).ok()
}

/// As the last policy says that has it. Of what is in none, no yes counts anyway.
fn is_of_device(history: &PolicyHistory, purpose: &PurposeId) -> bool {
    let last = history.versions().rev().find_map(|version| version.policy.purpose(purpose));
    last.is_some_and(|purpose| purpose.kind.scope() == Scope::Device)
}
