//! A replica that follows the ledger, and what is asked of it.

use crate::change::{self, Change};
use crate::question::{about_nobody, parse, time};
use consentry_core::packed::{self, Allowed, Behind, Prepared};
use consentry_core::wire::{DecisionDoc, QuestionDoc};
use consentry_core::{Context, Decision, DeviceId, Event, Question, Record, Subject, Time, decide};
use serde_json::Value;
use std::sync::Arc;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// Questions that are kept prepared, with what was said of each state.
const PREPARED_MAX: usize = 32;
/// Length of a device's UUID, in bytes.
const UUID_BYTES: usize = 16;

/// What is said of one of a list: no, yes, or that the server has to be asked.
const NO: u8 = 0;
const YES: u8 = 1;
const NOT_HELD: u8 = 2;

/// What became of entries that were heard.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// They are taken into account, and there are no more for now.
    All,
    /// They are taken into account, and there are more by now.
    More,
    /// They do not go on from where this is, or there is no room: another replica is needed.
    Missed,
}

/// A replica of a site, and how far it has followed the ledger.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Follower {
    follower: packed::Follower<Behind<Vec<u8>>>,
    /// The time in a context does not matter.
    prepared: Vec<((Question, Context), Prepared)>,
}

#[wasm_bindgen]
impl Follower {
    /// Of what `GET …/replica` answers.
    ///
    /// # Errors
    /// These are not such bytes.
    #[wasm_bindgen(constructor)]
    pub fn open(bytes: Vec<u8>) -> Result<Follower, JsError> {
        Ok(Self { follower: packed::Follower::open(bytes)?, prepared: Vec::new() })
    }

    /// How many entries of the ledger are taken into account: all before the one with this number.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn entries(&self) -> f64 {
        self.follower.entries() as f64
    }

    /// The hash of the newest policy that it knows.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn policy(&self) -> String {
        self.follower.history().newest().hash().to_string()
    }

    /// Takes an entry into account, as an event of the change feed has it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn take(&mut self, change: &str) -> Result<Taken, JsError> {
        Ok(self.take_all(&[Change::parse(change)?], Taken::All))
    }

    /// Takes a page of the change feed into account.
    ///
    /// # Errors
    /// It cannot be read. Then nothing of it counts.
    #[wasm_bindgen(js_name = takePage)]
    pub fn take_page(&mut self, page: &str) -> Result<Taken, JsError> {
        let (changes, more) = change::page(page)?;
        Ok(self.take_all(&changes, if more { Taken::More } else { Taken::All }))
    }

    /// The decision at `now_ms`, without the events that it rests on; none where the server has to be asked.
    ///
    /// # Errors
    /// The question cannot be read.
    pub fn decide(&mut self, question: &str, now_ms: f64) -> Result<Option<String>, JsError> {
        let question = parse(question)?;
        let decision = self.answer(&question, time(now_ms));
        Ok(decision.map(|decision| serde_json::to_string(&DecisionDoc::from(decision))).transpose()?)
    }

    /// What the rule says at `now_ms` of somebody of whom these entries are all that there is, as the change feed has them and in the ledger's
    /// order, under the replica's policies. For whoever checks afterwards what was answered, from an export.
    ///
    /// # Errors
    /// The question or an entry cannot be read.
    #[wasm_bindgen(js_name = decideByEntries)]
    pub fn decide_by_entries(&self, question: &str, entries: &str, now_ms: f64) -> Result<String, JsError> {
        let question = parse(question)?;
        let entries: Vec<Value> =
            serde_json::from_str(entries).map_err(|_| JsError::new("expected a list of entries"))?;
        let entries: Vec<Change> = entries.into_iter().map(Change::read).collect::<Result<_, _>>()?;
        let of = |subject: Subject| {
            let counts = |(other, event): &(Subject, &Event)| *other == subject && question.counts(event);
            Record::of(subject, entries.iter().filter_map(Change::event).filter(counts).map(|(_, event)| event))
        };
        let device = question.device.map(|device| of(device.into()));
        let record = device.into_iter().fold(of(question.subject), Record::merge);
        let context = question.context(time(now_ms));
        let decision = decide(self.follower.history(), &record, &question.question(), &context);
        Ok(serde_json::to_string(&DecisionDoc::from(decision))?)
    }

    /// Asks the same about many devices, the 16 bytes of each one's UUID after the other. A byte for each in their order: 0 no, 1 yes, 2 the
    /// server has to be asked.
    ///
    /// # Errors
    /// The question cannot be read, or something in the list is no device.
    #[wasm_bindgen(js_name = allowedDevices)]
    pub fn allowed_devices(&mut self, query: &str, uuids: &[u8], now_ms: f64) -> Result<Vec<u8>, JsError> {
        let (uuids, rest) = uuids.as_chunks::<UUID_BYTES>();
        let devices: Option<Vec<DeviceId>> = uuids.iter().map(|uuid| DeviceId::from_bytes(*uuid)).collect();
        let devices = devices.filter(|_| rest.is_empty());
        let devices = devices.ok_or_else(|| JsError::new("something in the list is no device"))?;
        self.allowed(&about_nobody(query)?, &devices, time(now_ms))
    }

    /// The same about subjects of any kind, one a line.
    ///
    /// # Errors
    /// The question cannot be read, or something in the list is no subject.
    #[wasm_bindgen(js_name = allowedSubjects)]
    pub fn allowed_subjects(&mut self, query: &str, lines: &str, now_ms: f64) -> Result<Vec<u8>, JsError> {
        let subjects: Result<Vec<Subject>, _> = lines.lines().map(str::parse).collect();
        let subjects = subjects.map_err(|_| JsError::new("something in the list is no subject"))?;
        self.allowed(&about_nobody(query)?, &subjects, time(now_ms))
    }
}

impl Follower {
    fn take_all(&mut self, changes: &[Change], then: Taken) -> Taken {
        let taken = changes.iter().try_for_each(|change| self.follower.take(change.seq, change.heard()));
        if taken.is_ok() { then } else { Taken::Missed }
    }

    fn answer(&mut self, question: &QuestionDoc, now: Time) -> Option<Decision> {
        // What had happened but was recorded later is not in a replica.
        if question.happened_by_ms.is_some() {
            return None;
        }
        let place = self.prepare(question);
        let Self { follower, prepared } = self;
        let (_, prepared) = prepared.get_mut(place)?;
        let (subject, then) = (question.subject, question.as_of_ms.map(|then| then.min(now)));
        let answer = match (question.device, subject, then) {
            (Some(device), Subject::Account(account), None) => follower.decide_on(prepared, account, device, now),
            (Some(device), Subject::Account(account), Some(then)) => {
                follower.decide_on_as_of(prepared, account, device, then)
            }
            // What a device on another device is, the server says.
            (Some(device), of_device, _) if of_device != device.into() => return None,
            (_, _, None) => follower.decide(prepared, subject, now),
            (_, _, Some(then)) => follower.decide_as_of(prepared, subject, then),
        };
        answer.ok()
    }

    fn allowed<S: Copy + Into<Subject>>(
        &mut self,
        query: &QuestionDoc,
        subjects: &[S],
        now: Time,
    ) -> Result<Vec<u8>, JsError> {
        if query.device.is_some() || query.guardian.is_some() {
            return Err(JsError::new("`device` and `guardian` cannot be the same for all subjects of a list"));
        }
        if query.happened_by_ms.is_some() {
            return Ok(vec![NOT_HELD; subjects.len()]);
        }
        let place = self.prepare(query);
        let Self { follower, prepared } = self;
        let nothing = || Allowed::nothing(subjects.len());
        let allowed = match (prepared.get_mut(place), query.as_of_ms.map(|then| then.min(now))) {
            (None, _) => nothing(),
            (Some((_, prepared)), None) => follower.allowed(prepared, subjects, now).unwrap_or_else(|_| nothing()),
            (Some((_, prepared)), Some(then)) => {
                follower.allowed_as_of(prepared, subjects, then).unwrap_or_else(|_| nothing())
            }
        };
        let mut answers: Vec<u8> =
            (0..subjects.len()).map(|place| if allowed.is_allowed(place) { YES } else { NO }).collect();
        for (place, _) in allowed.unanswered {
            if let Some(answer) = answers.get_mut(place) {
                *answer = NOT_HELD;
            }
        }
        Ok(answers)
    }

    /// Where the question is among those that are prepared.
    fn prepare(&mut self, question: &QuestionDoc) -> usize {
        let key = (question.question(), question.context(Time::from_ms(0)));
        if let Some(place) = self.prepared.iter().position(|(known, _)| *known == key) {
            return place;
        }
        if self.prepared.len() >= PREPARED_MAX {
            self.prepared.remove(0);
        }
        let prepared = Prepared::new(Arc::clone(self.follower.history()), key.0.clone(), key.1.clone());
        self.prepared.push((key, prepared));
        self.prepared.len() - 1
    }
}
