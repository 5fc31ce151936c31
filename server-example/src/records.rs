//! What a question's answer rests on: the events of its subjects, and the fold of them.

use consentry_core::wire::QuestionDoc;
use consentry_core::{Decision, Event, PolicyHistory, Record, Subject, Time, decide};
use std::collections::HashMap;

/// Whose events an answer rests on: the subject's, and those of the device that an account is signed in on.
pub(crate) fn subjects(question: &QuestionDoc) -> impl Iterator<Item = Subject> {
    core::iter::once(question.subject).chain(question.device.map(Subject::Device))
}

/// What happened to each subject asked about, and the fold of it: most questions are about now.
pub(crate) struct Records(HashMap<Subject, (Vec<Event>, Record)>);

impl Records {
    pub(crate) fn of(events: HashMap<Subject, Vec<Event>>) -> Self {
        let folded = |(subject, events): (Subject, Vec<Event>)| {
            let record = Record::of(subject, &events);
            (subject, (events, record))
        };
        Self(events.into_iter().map(folded).collect())
    }

    pub(crate) fn decide(&self, history: &PolicyHistory, question: &QuestionDoc, now: Time) -> Decision {
        let record = subjects(question).map(|subject| self.record(subject, question)).reduce(Record::merge);
        decide(history, &record.unwrap_or_default(), &question.question(), &question.context(now))
    }

    /// Somebody nobody has heard of has an empty record, which allows nothing that must be asked for (R16).
    fn record(&self, subject: Subject, question: &QuestionDoc) -> Record {
        match self.0.get(&subject) {
            None => Record::of(subject, []),
            Some((_, record)) if question.as_of_ms.is_none() && question.happened_by_ms.is_none() => record.clone(),
            Some((events, _)) => Record::of(subject, events.iter().filter(|event| question.counts(event))),
        }
    }
}
