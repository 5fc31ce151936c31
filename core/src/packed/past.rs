//! What was known of one subject, from when on: what is packed, and what answers about the past rest on.
//!
//! Deliberately absent: what had happened but was recorded later ([`crate::AsOf::Happened`]). That is asked of the ledger.

use super::shape::hangs_on_names;
use crate::account::{linked_devices, own_events};
use crate::history::PolicyHistory;
use crate::id::{AccountId, DeviceId, Subject};
use crate::record::{Event, EventKind, Record, Said};
use crate::time::Time;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The records of one subject, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    subject: Subject,
    states: Vec<(Time, Record)>, // INVARIANT: ascending by time, each time once, each record another than the one before it.
}

/// Why something cannot be added to a [`Past`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// It would come before what is known already.
    #[error("a record from before the last one: give them in the order of time")]
    OutOfOrder,
    /// It says whose an earlier choice is, or which devices an account has, and the events that it speaks of are not here.
    #[error("this event changes what earlier ones mean: make the past anew from all of the subject's events")]
    NeedsEvents,
}

impl Past {
    /// Of somebody nobody has heard of.
    #[must_use]
    pub const fn empty(subject: Subject) -> Self {
        Self { subject, states: Vec::new() }
    }

    /// Of a device, or of an account that is linked to none: what was known at each time at which something was recorded, of its own events
    /// alone (see [`own_events`]). The events come in the order of the ledger.
    #[must_use]
    pub fn of_events(history: &PolicyHistory, subject: Subject, events: &[Event]) -> Self {
        let times: BTreeSet<Time> = events.iter().map(|event| event.at).collect();
        Self::known_at(subject, times, |time| own(history, subject, events, time))
    }

    /// Of an account: what it said itself, and what the devices took away that it was linked to by then. `events_of` has the events of each
    /// of them, in the order of the ledger.
    #[must_use]
    pub fn of_account<'a>(
        history: &PolicyHistory,
        account: AccountId,
        events: &[Event],
        events_of: impl Fn(DeviceId) -> &'a [Event],
    ) -> Self {
        let subject = Subject::Account(account);
        let linked = events.iter().filter_map(|event| match &event.kind {
            EventKind::Linked(_, device) => Some(*device),
            EventKind::Chosen(_) | EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Lent(..) => None,
        });
        let devices: BTreeSet<DeviceId> = linked.collect();
        let of_devices = devices.iter().flat_map(|device| events_of(*device));
        let times: BTreeSet<Time> = events.iter().chain(of_devices).map(|event| event.at).collect();
        Self::known_at(subject, times, |time| {
            let linked = linked_devices(events.iter().filter(|event| event.at <= time));
            let elsewhere =
                linked.into_iter().map(|one| own(history, Subject::Device(one), events_of(one), time).opt_outs());
            elsewhere.fold(own(history, subject, events, time), Record::merge)
        })
    }

    /// What the account itself said, without what its devices took away; of a device, all.
    pub(super) fn own(&self) -> Self {
        let mut own = Self::empty(self.subject);
        for (from, record) in &self.states {
            own.add(*from, Record { elsewhere: Said::default(), ..record.clone() });
        }
        own
    }

    /// What was known of an account: `own` is what it said itself, `linked` are its devices, each from when on it was one, and what was
    /// known of it. `None` where the names of two events decide between two words of one time, since a past that was packed has none.
    pub(super) fn joined(own: &Self, linked: &[(Time, Self)]) -> Option<Self> {
        let of_devices = linked.iter().flat_map(|(from, past)| {
            let later = past.states.iter().map(|(time, _)| *time).filter(|time| time > from);
            core::iter::once(*from).chain(later)
        });
        let times: BTreeSet<Time> = own.states.iter().map(|(time, _)| *time).chain(of_devices).collect();
        let mut joined = Self::empty(own.subject);
        for time in times {
            let mut record = own.as_of(time);
            for (_, device) in linked.iter().filter(|(from, _)| *from <= time) {
                let Record { elsewhere, .. } = device.as_of(time).opt_outs();
                let pair = Record { device: record.elsewhere.clone(), elsewhere: elsewhere.clone(), account: None };
                if hangs_on_names(&pair) {
                    return None;
                }
                record = record.merge(Record { elsewhere, ..Record::default() });
            }
            joined.add(time, record);
        }
        Some(joined)
    }

    fn known_at(subject: Subject, times: BTreeSet<Time>, record_at: impl Fn(Time) -> Record) -> Self {
        let mut past = Self::empty(subject);
        for time in times {
            past.add(time, record_at(time));
        }
        past
    }

    fn add(&mut self, from: Time, record: Record) {
        if self.record() != record {
            self.states.push((from, record));
        }
    }

    /// With one more record, which holds from `from` on.
    ///
    /// # Errors
    /// [`PastError::OutOfOrder`], if one from then or later is there already.
    pub fn then(mut self, from: Time, record: Record) -> Result<Self, PastError> {
        if self.states.last().is_some_and(|(last, _)| *last >= from) {
            return Err(PastError::OutOfOrder);
        }
        self.add(from, record);
        Ok(self)
    }

    /// With `record` from `from` on, which is the last time that there is, or later.
    ///
    /// # Errors
    /// [`PastError::OutOfOrder`].
    pub(super) fn turn_to(mut self, from: Time, record: Record) -> Result<Self, PastError> {
        self.states.pop_if(|(last, _)| *last == from);
        self.then(from, record)
    }

    /// Takes into account one more event of the subject's own, which comes last in the ledger.
    ///
    /// # Errors
    /// [`PastError::NeedsEvents`] for [`EventKind::Linked`] and [`EventKind::Lent`].
    pub fn apply(&mut self, event: &Event) -> Result<(), PastError> {
        match &event.kind {
            EventKind::Chosen(_) | EventKind::Signalled(..) | EventKind::Demanded(..) => {}
            EventKind::Linked(..) | EventKind::Lent(..) => return Err(PastError::NeedsEvents),
        }
        // A clock may go backwards: what was known at a later time is known with this event, too.
        let from = self.states.partition_point(|(time, _)| *time < event.at);
        if self.states.get(from).is_none_or(|(time, _)| *time != event.at) {
            let before = from.checked_sub(1).and_then(|last| self.states.get(last));
            let before = before.map_or_else(|| Record::of(self.subject, []), |(_, record)| record.clone());
            self.states.insert(from, (event.at, before));
        }
        for (_, record) in self.states.iter_mut().skip(from) {
            record.apply_own(event);
        }
        let states = core::mem::take(&mut self.states);
        for (from, record) in states {
            self.add(from, record);
        }
        Ok(())
    }

    /// Whose it is.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// Each record, and from when it holds, ascending.
    #[must_use]
    pub fn states(&self) -> &[(Time, Record)] {
        &self.states
    }

    /// What is known now.
    #[must_use]
    pub fn record(&self) -> Record {
        self.states.last().map_or_else(|| Record::of(self.subject, []), |(_, record)| record.clone())
    }

    /// What had been recorded by `time`.
    #[must_use]
    pub fn as_of(&self, time: Time) -> Record {
        let by_then = self.states.iter().rev().find(|(from, _)| *from <= time);
        by_then.map_or_else(|| Record::of(self.subject, []), |(_, record)| record.clone())
    }
}

fn own(history: &PolicyHistory, subject: Subject, events: &[Event], time: Time) -> Record {
    let by_then: Vec<Event> = events.iter().filter(|event| event.at <= time).cloned().collect();
    Record::of(subject, own_events(history, &by_then).iter())
}
