//! `POST /v1/sites/{site}/decisions`: answers a back end, for one question or for many, before it processes anything.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::document::{ASK_BYTES_MAX, Document};
use crate::problem::ApiError;
use axum::Json;
use axum::extract::State;
use consentry_core::wire::{AskDoc, DecisionDoc, QuestionDoc, V1};
use consentry_core::{Event, PolicyHistory, Record, Subject, Time, decide};
use serde::Serialize;
use std::collections::HashMap;

/// As many decisions as there were questions.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    One(Box<DecisionDoc>),
    Many { v: V1, decisions: Vec<DecisionDoc> },
}

pub(crate) async fn create(
    State(app): State<App>,
    back_end: BackEnd,
    Document(ask): Document<AskDoc, ASK_BYTES_MAX>,
) -> Result<Json<Answer>, ApiError> {
    let site = back_end.may(Scope::Ask)?;
    let subjects = match &ask {
        AskDoc::One(question) => subjects(question).collect(),
        AskDoc::Many(questions) => questions.iter().flat_map(subjects).collect(),
    };
    let records = Records::of(app.store().events(site.id(), subjects).await?);
    let now = app.clock().now();
    Ok(Json(match ask {
        AskDoc::One(question) => Answer::One(Box::new(records.decide(site.history(), &question, now))),
        AskDoc::Many(questions) => {
            let decisions = questions.iter().map(|question| records.decide(site.history(), question, now));
            Answer::Many { v: V1, decisions: decisions.collect() }
        }
    }))
}

/// Whose events an answer rests on: the subject's, and those of the device that an account is signed in on.
fn subjects(question: &QuestionDoc) -> impl Iterator<Item = Subject> {
    core::iter::once(question.subject).chain(question.device.map(Subject::Device))
}

/// What happened to each subject asked about, and the fold of it: most questions are about now.
struct Records(HashMap<Subject, (Vec<Event>, Record)>);

impl Records {
    fn of(events: HashMap<Subject, Vec<Event>>) -> Self {
        let folded = |(subject, events): (Subject, Vec<Event>)| {
            let record = Record::of(subject, &events);
            (subject, (events, record))
        };
        Self(events.into_iter().map(folded).collect())
    }

    fn decide(&self, history: &PolicyHistory, question: &QuestionDoc, now: Time) -> DecisionDoc {
        let record = subjects(question).map(|subject| self.record(subject, question)).reduce(Record::merge);
        decide(history, &record.unwrap_or_default(), &question.question(), &question.context(now)).into()
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
