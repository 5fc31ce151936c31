//! What is known of those who are asked about: of a device what it said, of an account that and what all its devices took away.
//!
//! Deliberately absent: the way back. What is known of an account is nobody's answer about a device where it is not signed in.

use crate::store::{ReadError, Store};
use consentry_core::source::Published;
use consentry_core::wire::QuestionDoc;
use consentry_core::{
    AsOf, Decision, DeviceId, Event, PolicyHistory, Record, Subject, Time, decide, linked_devices, own_events,
};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Most devices that an account is linked to. What each of them refused is read whenever the account is asked about.
pub(crate) const DEVICES_LINKED_MAX: usize = 1_000;

/// Whose events an answer rests on: the subject's, and those of the device that an account is signed in on.
pub(crate) fn subjects(question: &QuestionDoc) -> impl Iterator<Item = Subject> {
    std::iter::once(question.subject).chain(question.device.map(Subject::Device))
}

/// Which events count, where not all of them do.
pub(crate) type Counts<'a> = &'a (dyn Fn(&Event) -> bool + Sync);

/// What happened to a subject, and the fold of it: most questions are about now.
#[derive(Debug)]
pub(crate) struct Known {
    events: Vec<Event>,
    record: Record,
}

/// What is known of those who are asked about.
pub(crate) struct Records<'a> {
    history: &'a PolicyHistory,
    known: HashMap<Subject, Arc<Known>>,
}

impl<'a> Records<'a> {
    /// What is known of `subjects`, and of the devices that the accounts among them are linked to.
    pub(crate) async fn read(
        store: &Store,
        published: &'a Published,
        subjects: Vec<Subject>,
    ) -> Result<Self, ReadError> {
        let site = &published.policy.parts().site;
        let mut records = Self::none(published);
        let mut wanted = subjects;
        while !wanted.is_empty() {
            let events = store.events(site, wanted.clone()).await?;
            records.put(wanted, events);
            wanted = records.missing_devices();
        }
        Ok(records)
    }

    /// Of nobody yet.
    pub(crate) fn none(published: &'a Published) -> Self {
        Self { history: &published.history, known: HashMap::new() }
    }

    pub(crate) fn has(&self, subject: Subject) -> bool {
        self.known.contains_key(&subject)
    }

    pub(crate) fn know(&mut self, subject: Subject, known: Arc<Known>) {
        self.known.insert(subject, known);
    }

    /// Folds what was read of `subjects`: of those whom it does not name, nothing is kept.
    pub(crate) fn put(
        &mut self,
        subjects: Vec<Subject>,
        mut events: HashMap<Subject, Vec<Event>>,
    ) -> Vec<(Subject, Arc<Known>)> {
        let mut found = Vec::with_capacity(subjects.len());
        for subject in subjects {
            if self.has(subject) {
                continue;
            }
            let events = events.remove(&subject).unwrap_or_default();
            let record = Record::of(subject, own_events(self.history, &events).iter());
            let known = Arc::new(Known { events, record });
            self.know(subject, Arc::clone(&known));
            found.push((subject, known));
        }
        found
    }

    /// The devices that the accounts are linked to and of which nothing was read yet.
    pub(crate) fn missing_devices(&self) -> Vec<Subject> {
        let of_accounts = self.known.iter().filter(|(subject, _)| matches!(subject, Subject::Account(_)));
        let devices = of_accounts.flat_map(|(_, known)| linked_devices(&known.events)).map(Subject::Device);
        let devices: BTreeSet<Subject> = devices.filter(|device| !self.has(*device)).collect();
        devices.into_iter().collect()
    }

    /// The answer, at `now` or about the past.
    pub(crate) fn decide(&self, question: &QuestionDoc, now: Time) -> Decision {
        let counts = |event: &Event| question.counts(event);
        let is_past = question.as_of_ms.is_some() || question.happened_by_ms.is_some();
        let record = self.folded(question.subject, question.device, is_past.then_some(&counts));
        decide(self.history, &record, &question.question(), &question.context(now))
    }

    /// The record of `subject`, signed in on `device` if that is said; of the past, if that is asked about.
    pub(crate) fn record(&self, subject: Subject, device: Option<DeviceId>, past: Option<Counts<'_>>) -> Record {
        self.folded(subject, device, past).into_owned()
    }

    /// The same, as it lies in memory where that is all there is to it: a copy takes longer than a decision.
    fn folded(&self, subject: Subject, device: Option<DeviceId>, past: Option<Counts<'_>>) -> Cow<'_, Record> {
        let here = device.map(Subject::Device).filter(|device| *device != subject);
        let elsewhere = self.linked(subject, past).into_iter().map(Subject::Device).filter(|one| Some(*one) != here);
        let elsewhere = elsewhere.map(|one| self.own(one, past).into_owned().opt_outs());
        let here = here.map(|device| self.own(device, past).into_owned());
        let merge = |record: Cow<'_, Record>, other| Cow::Owned(record.into_owned().merge(other));
        elsewhere.chain(here).fold(self.own(subject, past), merge)
    }

    /// The records just before and just after an event of the subject's, with what the devices of an account had taken away by then;
    /// none where it is not known, since it was erased.
    pub(crate) fn around(&self, subject: Subject, event: &Event) -> Option<(Record, Record)> {
        let events = &self.known.get(&subject)?.events;
        let place = events.iter().position(|known| known.id() == event.id())?;
        let by_then = AsOf::Recorded(event.at);
        let record = |count: usize| {
            let events = events.get(..count).unwrap_or_default();
            let own = Record::of(subject, own_events(self.history, events).iter());
            let devices = match subject {
                Subject::Account(_) => linked_devices(events),
                Subject::Device(_) => BTreeSet::new(),
            };
            let opt_outs = devices.into_iter().filter_map(|device| {
                let events = &self.known.get(&Subject::Device(device))?.events;
                let events: Vec<Event> = events.iter().filter(|event| by_then.counts(event)).cloned().collect();
                Some(Record::of(Subject::Device(device), own_events(self.history, &events).iter()).opt_outs())
            });
            opt_outs.fold(own, Record::merge)
        };
        Some((record(place), record(place + 1)))
    }

    /// Everything that a subject itself said, oldest first.
    pub(crate) fn events(&self, subject: Subject) -> &[Event] {
        self.known.get(&subject).map_or(&[], |known| &known.events)
    }

    /// The devices that an account is linked to.
    pub(crate) fn linked(&self, subject: Subject, past: Option<Counts<'_>>) -> BTreeSet<DeviceId> {
        let events = match subject {
            Subject::Account(_) => self.events(subject),
            Subject::Device(_) => &[],
        };
        linked_devices(events.iter().filter(|event| past.is_none_or(|counts| counts(event))))
    }

    /// Somebody nobody has heard of has an empty record, which allows nothing that must be asked for (R16).
    fn own(&self, subject: Subject, past: Option<Counts<'_>>) -> Cow<'_, Record> {
        match (self.known.get(&subject), past) {
            (None, _) => Cow::Owned(Record::of(subject, [])),
            (Some(known), None) => Cow::Borrowed(&known.record),
            (Some(known), Some(counts)) => {
                let events: Vec<Event> = known.events.iter().filter(|event| counts(event)).cloned().collect();
                Cow::Owned(Record::of(subject, own_events(self.history, &events).iter()))
            }
        }
    }
}
