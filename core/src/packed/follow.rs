//! A replica that is kept up with a ledger: entry by entry, as a change feed has them.
//!
//! What follows from an entry is worked out here: whose else it is (a device's refusals are its accounts', too), what it makes of earlier
//! ones (a choice turns out to be an account's), and whom nothing is left of. Where too little is known for that, the subject is no longer
//! answered about, and whoever asked asks the full rule where the events are.

use super::Unanswered;
use super::batch::Allowed;
use super::dictionary::PackError;
use super::erased::{Erased, Trace};
use super::links::{Link, Links};
use super::loans::Loans;
use super::past::Past;
use super::prepared::Prepared;
use super::replica::Replica;
use super::snapshot::Packed;
use crate::answer::Decision;
use crate::erasure::erased_name;
use crate::history::PolicyHistory;
use crate::id::{AccountId, DeviceId, EventId, HASH_BYTES, SiteId, Subject};
use crate::record::{Demand, DemandKind, Event, EventKind, Record};
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A replica, and how far it has followed the ledger.
#[derive(Debug)]
pub struct Follower<B> {
    pub(super) replica: Replica<B>,
    history: Arc<PolicyHistory>,
    pub(super) site: SiteId,
    links: Links,
    loans: Loans,
    /// Those of whom nothing was left when the snapshot was made, and since when: by name alone, so that it is known only of those who
    /// are asked about. The snapshot does not know them.
    pub(super) erased: Erased,
    /// Those who were erased after it. What the snapshot says of them does not count.
    pub(super) erased_since: Erased,
    /// All who were erased after it, in the order in which that was heard.
    pub(super) heard_erased: Vec<Trace>,
    entries: u64,
    /// What has gone wrong. From then on nothing is answered.
    broken: Option<PackError>,
}

/// What a follower hears of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// A subject did something.
    Event(Subject, &'a Event),
    /// Somebody was erased, then: [`erased_name`].
    Erased(Time, [u8; HASH_BYTES]),
    /// Somebody who was erased since had done something. The entry that says so comes later.
    Gone,
}

/// Why an entry could not be taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// Others are to come first.
    #[error("entry {given} came where {expected} is next: read on from there")]
    Gap {
        /// Its number.
        given: u64,
        /// The number of the one that is next.
        expected: u64,
    },
    /// There is no more room, or what is known cannot be read.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl<B: AsRef<[u8]>> Follower<B> {
    /// Of a snapshot that was made under these policies, with the links that there were when it was made, and those of whom nothing was left.
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`].
    pub fn new(
        packed: Packed<B>,
        history: Arc<PolicyHistory>,
        links: impl IntoIterator<Item = Link>,
        erased: impl IntoIterator<Item = ([u8; HASH_BYTES], Time)>,
    ) -> Result<Self, Unanswered> {
        let (site, entries) = (packed.origin().site.clone(), packed.origin().entries);
        if history.newest().hash() != packed.policy() || history.newest().parts().site != site {
            return Err(Unanswered::OtherPolicies);
        }
        let mut known = Links::default();
        links.into_iter().for_each(|link| known.add(&site, link));
        Ok(Self {
            replica: Replica::new(packed),
            history,
            site,
            links: known,
            loans: Loans::default(),
            erased: erased.into_iter().collect(),
            erased_since: Erased::default(),
            heard_erased: Vec::new(),
            entries,
            broken: None,
        })
    }

    /// How many entries of the ledger are taken into account: all before the one with this number.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// What is answered from. It knows nothing of those who were erased and not asked about since: the follower does.
    #[must_use]
    pub const fn replica(&self) -> &Replica<B> {
        &self.replica
    }

    /// Whether this subject was erased and the replica does not say so: [`Follower::decide`] does.
    #[must_use]
    pub fn is_erased(&self, subject: Subject) -> bool {
        self.erased_at(subject).is_some()
    }

    /// The policies.
    #[must_use]
    pub const fn history(&self) -> &Arc<PolicyHistory> {
        &self.history
    }

    /// How much has changed since the snapshot, each time of each subject. It takes memory: once it is much, a new snapshot is due.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.replica.kept() + self.erased_since.len()
    }

    /// Takes the entry with this number into account.
    ///
    /// # Errors
    /// [`Missed`]. Nothing has changed after [`Missed::Gap`]; after [`Missed::Pack`] a new snapshot is needed, and this answers no more.
    pub fn take(&mut self, number: u64, heard: Heard<'_>) -> Result<(), Missed> {
        if number != self.entries {
            return Err(Missed::Gap { given: number, expected: self.entries });
        }
        if let Some(why) = self.broken {
            return Err(why.into());
        }
        let taken = match heard {
            Heard::Event(subject, event) => self.take_event(subject, event),
            Heard::Erased(at, name) => self.take_erasure(at, name),
            Heard::Gone => Ok(()),
        };
        // Half of what follows from an entry may be known by now, and the rest not.
        self.broken = taken.err();
        taken?;
        self.entries += 1;
        Ok(())
    }

    pub(super) fn is_whole(&self) -> Result<(), Unanswered> {
        if self.broken.is_none() { Ok(()) } else { Err(Unanswered::Damaged) }
    }

    /// Puts what is known of a subject from elsewhere in the place of what was, with all entries so far.
    ///
    /// # Errors
    /// [`PackError::Full`].
    pub fn keep(&mut self, past: &Past) -> Result<(), PackError> {
        self.erased_since.remove(&erased_name(&self.site, &past.subject()));
        self.replica.keep(past)
    }

    fn take_event(&mut self, subject: Subject, event: &Event) -> Result<(), PackError> {
        self.settle(subject)?;
        match (subject, &event.kind) {
            (Subject::Account(account), EventKind::Linked(_, device)) => {
                self.links.add(&self.site, Link { account, device: *device, at: event.at });
                self.refresh(account)
            }
            // A device has no devices, and an account lends nothing: these change nothing of what they say.
            (Subject::Device(_), EventKind::Linked(..)) | (Subject::Account(_), EventKind::Lent(..)) => Ok(()),
            (Subject::Device(device), EventKind::Lent(_, choice)) => {
                let Some(record) = self.loans.lend(&self.history, device, *choice, event) else {
                    return self.lose(subject);
                };
                let past = self.known(subject)?.map(|past| past.turn_to(event.at, record));
                self.put(subject, past.and_then(Result::ok))
            }
            (_, EventKind::Chosen(_) | EventKind::Signalled(..) | EventKind::Demanded(..)) => {
                let Some(mut past) = self.known(subject)? else { return self.lose(subject) };
                if let Subject::Device(device) = subject {
                    self.loans.remember(&self.history, device, &past.record(), event);
                }
                let is_taken = past.apply(event).is_ok();
                if let (Subject::Account(account), true) = (subject, is_erasure(event)) {
                    self.links.end(account);
                }
                self.put(subject, is_taken.then_some(past))
            }
        }
    }

    fn take_erasure(&mut self, at: Time, name: [u8; HASH_BYTES]) -> Result<(), PackError> {
        self.erased_since.insert(name, at);
        self.heard_erased.push(Trace::of(&name));
        // Those who are linked count for others, who may be asked about first.
        match self.links.erased(&name) {
            Some(subject) => self.settle(subject),
            None => Ok(()),
        }
    }

    /// Knows of a subject what the ledger knows, if it was erased.
    fn settle(&mut self, subject: Subject) -> Result<(), PackError> {
        let Some(at) = self.erased_at(subject) else { return Ok(()) };
        self.erased_since.remove(&erased_name(&self.site, &subject));
        match subject {
            Subject::Device(device) => self.loans.forget(device),
            Subject::Account(account) => self.links.end(account),
        }
        self.put(subject, Some(nothing_left(subject, at)))
    }

    /// What is known; none where only the full rule can tell.
    fn known(&self, subject: Subject) -> Result<Option<Past>, PackError> {
        match self.replica.past(subject) {
            Ok(past) => Ok(Some(past)),
            Err(Unanswered::NotHeld) => Ok(None),
            Err(why @ (Unanswered::Damaged | Unanswered::OtherPolicies)) => Err(why.into()),
        }
    }

    /// Keeps it, and what follows for the accounts of a device.
    fn put(&mut self, subject: Subject, past: Option<Past>) -> Result<(), PackError> {
        let Some(past) = past else { return self.lose(subject) };
        self.replica.keep(&past)?;
        self.refresh_accounts(subject)
    }

    fn lose(&mut self, subject: Subject) -> Result<(), PackError> {
        self.replica.lose(subject);
        if let Subject::Device(device) = subject {
            self.loans.forget(device);
        }
        self.refresh_accounts(subject)
    }

    fn refresh_accounts(&mut self, subject: Subject) -> Result<(), PackError> {
        let accounts = match subject {
            Subject::Device(device) => self.links.accounts(device).to_vec(),
            Subject::Account(_) => Vec::new(),
        };
        accounts.into_iter().try_for_each(|account| self.refresh(account))
    }

    /// Makes what is known of an account of what it said itself and what its devices did.
    fn refresh(&mut self, account: AccountId) -> Result<(), PackError> {
        let subject = Subject::Account(account);
        match self.with_devices(account)? {
            Some(past) => self.replica.keep(&past),
            None => {
                self.replica.lose(subject);
                Ok(())
            }
        }
    }

    fn with_devices(&self, account: AccountId) -> Result<Option<Past>, PackError> {
        let Some(past) = self.known(Subject::Account(account))? else { return Ok(None) };
        let mut linked = Vec::new();
        for (device, since) in self.links.devices(account) {
            let Some(past) = self.known(Subject::Device(*device))? else { return Ok(None) };
            linked.push((*since, past));
        }
        Ok(Past::joined(&past.own(), &linked))
    }

    /// What is said of the subject at `now`, at length, but for the events that it rests on: see [`Replica::answer`].
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks the full rule.
    pub fn decide(&self, prepared: &mut Prepared, subject: Subject, now: Time) -> Result<Decision, Unanswered> {
        self.is_whole()?;
        if let Some(at) = self.erased_at(subject) {
            return self.decide_erased(prepared, nothing_left(subject, at).record(), now);
        }
        let answer = self.replica.answer(prepared, subject, now)?;
        prepared.decision(&answer).ok_or(Unanswered::NotHeld)
    }

    /// What would have been said of the subject at `then`, by what had been recorded by then: see [`Replica::answer_as_of`].
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks the full rule.
    pub fn decide_as_of(&self, prepared: &mut Prepared, subject: Subject, then: Time) -> Result<Decision, Unanswered> {
        self.is_whole()?;
        if let Some(at) = self.erased_at(subject) {
            return self.decide_erased(prepared, nothing_left(subject, at).as_of(then), then);
        }
        let answer = self.replica.answer_as_of(prepared, subject, then)?;
        prepared.decision(&answer).ok_or(Unanswered::NotHeld)
    }

    /// What is said of an account that is signed in on a device: see [`Replica::answer_on`].
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks where the events are.
    pub fn decide_on(
        &self,
        prepared: &Prepared,
        account: AccountId,
        device: DeviceId,
        now: Time,
    ) -> Result<Decision, Unanswered> {
        self.is_whole()?;
        let of = |subject| Ok(self.past(subject)?.record());
        self.replica.joined(prepared, of(account.into())?, of(device.into())?, now)
    }

    /// What would have been said of them at `then`: see [`Replica::answer_on_as_of`].
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks where the events are.
    pub fn decide_on_as_of(
        &self,
        prepared: &Prepared,
        account: AccountId,
        device: DeviceId,
        then: Time,
    ) -> Result<Decision, Unanswered> {
        self.is_whole()?;
        let of = |subject| Ok(self.past(subject)?.as_of(then));
        self.replica.joined(prepared, of(account.into())?, of(device.into())?, then)
    }

    fn past(&self, subject: Subject) -> Result<Past, Unanswered> {
        self.erased_at(subject).map_or_else(|| self.replica.past(subject), |at| Ok(nothing_left(subject, at)))
    }

    /// For which of these subjects it may be done at `now`: see [`Replica::allowed`].
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`]; what else cannot be answered is said of each subject.
    pub fn allowed<S: Copy + Into<Subject>>(
        &self,
        prepared: &mut Prepared,
        subjects: &[S],
        now: Time,
    ) -> Result<Allowed, Unanswered> {
        self.is_whole()?;
        let mut allowed = self.replica.allowed(prepared, subjects, now)?;
        self.mind_the_erased(prepared, subjects, &mut allowed, |past| (past.record(), now))?;
        Ok(allowed)
    }

    /// For which of these subjects it might have been done at `then`: see [`Replica::allowed_as_of`].
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`]; what else cannot be answered is said of each subject.
    pub fn allowed_as_of<S: Copy + Into<Subject>>(
        &self,
        prepared: &mut Prepared,
        subjects: &[S],
        then: Time,
    ) -> Result<Allowed, Unanswered> {
        self.is_whole()?;
        let mut allowed = self.replica.allowed_as_of(prepared, subjects, then)?;
        self.mind_the_erased(prepared, subjects, &mut allowed, |past| (past.as_of(then), then))?;
        Ok(allowed)
    }

    fn mind_the_erased<S: Copy + Into<Subject>>(
        &self,
        prepared: &Prepared,
        subjects: &[S],
        allowed: &mut Allowed,
        when: impl Fn(&Past) -> (Record, Time),
    ) -> Result<(), Unanswered> {
        if self.erased.is_empty() && self.erased_since.is_empty() {
            return Ok(());
        }
        for (place, subject) in subjects.iter().enumerate() {
            let subject = (*subject).into();
            if let Some(at) = self.erased_at(subject) {
                let (record, now) = when(&nothing_left(subject, at));
                allowed.say(place, self.decide_erased(prepared, record, now)?.allows());
            }
        }
        Ok(())
    }

    fn decide_erased(&self, prepared: &Prepared, record: Record, now: Time) -> Result<Decision, Unanswered> {
        self.replica.check_policy(prepared)?;
        Ok(prepared.decide(&record, now))
    }

    /// Since when nothing is left of somebody of whom the replica does not say so itself.
    fn erased_at(&self, subject: Subject) -> Option<Time> {
        let at = |names: &Erased| names.at(&erased_name(&self.site, &subject));
        let since = if self.erased_since.is_empty() { None } else { at(&self.erased_since) };
        // Names are hashes, which take longer than to see that somebody is known.
        since.or_else(|| (!self.erased.is_empty() && self.replica.is_absent(&subject)).then(|| at(&self.erased))?)
    }
}

fn is_erasure(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Demanded(_, Demand { kind: DemandKind::Erasure, .. }))
}

/// All that is known of somebody who was erased: when.
pub(super) fn nothing_left(subject: Subject, at: Time) -> Past {
    let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
    let event = Event { at, kind: EventKind::Demanded(EventId::from_parts(at.as_ms(), &[0; 10]), demand) };
    let record = Record::of(subject, [&event]);
    // It is the first, and so in order.
    Past::empty(subject).then(at, record).unwrap_or_else(|_| Past::empty(subject))
}
